//! Draws a plan: what refuses, what changes, what drifted, what it costs, in that order. What has nothing to do is
//! counted and not listed.

use std::fmt::Write;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{
    Style, drifted, found, log, presence,
    text::{about, clean, count, number, people},
    values,
};
use crate::model::{
    Address, Change, Identity, LogEvent, Verb,
    plan::{Action, Delta, GuardResult, Plan, Problem, ResourcePlan, SECRET, TotalCost},
};

/// Draws a plan for people. `priced` says whether data points are what Braze bills.
pub fn human(plan: &Plan, style: Style, priced: bool) -> String {
    let plan = &legible(plan);
    let mut out = String::new();
    // Writing to a String cannot fail; the results below are of that kind.
    problems(&mut out, "error", &plan.errors, style);
    problems(&mut out, "warning", &plan.warnings, style);
    refusals(&mut out, plan, style);
    if plan.partial {
        let _ = writeln!(
            out,
            "{}: only what was selected is compared.\n",
            style.bold("PARTIAL")
        );
    }
    let drawn = || {
        let resources = plan.resources.iter();
        resources.filter(|resource| resource.action != Action::NoOp)
    };
    let width = drawn()
        .map(|resource| resource.address.as_str().len())
        .max();
    let width = width.unwrap_or(0);
    for resource in drawn() {
        draw(&mut out, plan, resource, width, style, priced);
    }
    unchanged(&mut out, plan);
    drift(&mut out, plan);
    drifted::unmanaged(&mut out, &plan.unmanaged);
    let new = |planned: &ResourcePlan| {
        let braze = !planned.is_in_amplitude() && planned.kind != "destination";
        planned.action == Action::Create && planned.log.is_none() && braze
    };
    if plan.resources.iter().any(new) {
        let _ = writeln!(out, "{}\n", found::before(plan));
    }
    if let Some(read_back) = &plan.read_back {
        let _ = writeln!(out, "{}", presence::known(read_back));
    }
    let _ = writeln!(out, "{}", summary(plan));
    if moves(plan) {
        let _ = writeln!(out, "{}", cost(plan, priced));
    }
    out
}

/// Whether anything could be sent or spent. What is only looked at, and accounts that are as they should be, cost nothing.
fn moves(plan: &Plan) -> bool {
    plan.cost != TotalCost::default() || has_billed(plan)
}

/// Whether rows or events of anything were compared for which Braze bills.
fn has_billed(plan: &Plan) -> bool {
    let mut resources = plan.resources.iter();
    resources.any(|of| (of.delta.is_some() || of.log.is_some()) && !of.is_in_amplitude())
}

/// Says where a plan was saved and how it is applied.
pub fn saved(plan: &Plan, path: &str, expires_at: Timestamp) -> String {
    let rows = |of: &ResourcePlan| {
        let events = of.log.as_ref().is_some_and(|log| log.sent > 0);
        events || of.delta.as_ref().is_some_and(|delta| !delta.is_empty())
    };
    let people = if plan.resources.iter().any(rows) {
        ", with the ids of people"
    } else {
        ""
    };
    format!(
        "\nSaved in {path}{people}. To apply exactly this, once and before {}: syncform apply {path}\n",
        expires_at.strftime("%Y-%m-%d %H:%M UTC")
    )
}

/// A plan whose texts move no cursor and break no line: names of cohorts are anybody's to write.
fn legible(plan: &Plan) -> Plan {
    fn walk(value: &mut Value) {
        match value {
            Value::String(text) => *text = clean(text),
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::Object(members) => members.values_mut().for_each(walk),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(plan).unwrap_or_default();
    walk(&mut value);
    // What was written is read: it is the same type.
    serde_json::from_value(value).unwrap_or_else(|_| plan.clone())
}

fn problems(out: &mut String, word: &str, problems: &[Problem], style: Style) {
    for problem in problems {
        let word = if word == "error" {
            style.red(word)
        } else {
            style.yellow(word)
        };
        let at = problem
            .address
            .as_ref()
            .map(|address| format!("{address}: "))
            .unwrap_or_default();
        let _ = writeln!(out, "{word}: {at}{}", problem.message);
        if let Some(hint) = &problem.hint {
            let _ = writeln!(out, "  hint: {hint}");
        }
    }
    if !problems.is_empty() {
        out.push('\n');
    }
}

fn refusals(out: &mut String, plan: &Plan, style: Style) {
    let mut refusals = plan.refusals().peekable();
    if refusals.peek().is_none() {
        return;
    }
    let _ = writeln!(
        out,
        "{}: guards stop this plan, and nothing of it can be applied.",
        style.red("REFUSED")
    );
    let refusals: Vec<_> = refusals.collect();
    for (at, (address, guard)) in refusals.iter().enumerate() {
        let whose = address.map_or_else(|| "the whole apply".to_owned(), ToString::to_string);
        let GuardResult {
            name,
            limit,
            value,
            message,
            paste,
            ..
        } = guard;
        let message = message.as_deref().unwrap_or_default();
        let measured = match name.as_str() {
            // What these bound is no number.
            "empty_source" | "freeze" => String::new(),
            "undeclared_removal" => format!(" ({value})"),
            _ => format!(" ({value}, limit {limit})"),
        };
        let _ = writeln!(out, "  {whose}: {}: {message}{measured}", style.bold(name));
        // Two guards that one line opens are followed by that line once.
        let again = refusals[at + 1..]
            .iter()
            .any(|(other, next)| other == address && next.paste == *paste);
        if let Some(paste) = paste.as_ref().filter(|_| !again) {
            let declared = address.is_some() && name != "undeclared_removal";
            let place = if declared {
                whose.as_str()
            } else {
                "the configuration"
            };
            let _ = writeln!(
                out,
                "      if this is right, put this into {place}:\n        {paste}"
            );
        }
    }
    out.push('\n');
}

fn draw(
    out: &mut String,
    plan: &Plan,
    resource: &ResourcePlan,
    width: usize,
    style: Style,
    priced: bool,
) {
    let sign = match resource.action {
        Action::Create => style.green("  +"),
        Action::Update => style.yellow("  ~"),
        Action::Replace => style.yellow("-/+"),
        Action::Delete => style.red("  -"),
        Action::Adopt => style.green("  ="),
        Action::Manual => style.yellow("  !"),
        Action::NoOp => "   ".to_owned(),
    };
    let _ = writeln!(
        out,
        "{sign} {:<width$}   {}",
        resource.address, resource.title
    );
    for field in &resource.fields {
        let change = match (&field.before, &field.after) {
            (before, after) if after == SECRET && before.is_null() => match resource.action {
                Action::Create => format!("{SECRET} set"),
                _ => format!("{SECRET} sent, since nobody is told what is there"),
            },
            (before, after) if before == SECRET && after == SECRET => {
                format!("{SECRET} another one")
            }
            (before, after) => format!("{} -> {}", value(before), value(after)),
        };
        let _ = writeln!(out, "      {:<12} {change}", field.path);
    }
    if let Some(log) = &resource.log {
        let points = resource
            .cost
            .filter(|_| priced)
            .map(|cost| cost.data_points);
        out.push_str(&log::movement(log, points));
    }
    // What is forgotten here and left as it is in Braze does not move.
    let left = resource.action == Action::Delete;
    if let Some(delta) = resource
        .delta
        .as_ref()
        .filter(|delta| !left || delta.remove > 0)
    {
        let notes = notes(delta, resource, plan.created_at);
        if resource.attributes.is_empty() {
            // Before a first apply nothing was recorded of those who are not there.
            let before = match resource.action {
                Action::Create => delta.before - delta.absent,
                _ => delta.before,
            };
            let movement = format!("{} -> {}", number(before), number(reached(resource, delta)));
            let line = format!(
                "      members      {movement:<20} {:<18} {}",
                changes(delta),
                notes.join(", ")
            );
            let _ = writeln!(out, "{}", line.trim_end());
        } else {
            values::draw(out, resource, delta, &notes, priced);
        }
        let known = presence::of(delta).filter(|_| resource.action != Action::Create);
        if let Some(known) = known {
            let _ = writeln!(out, "      {:<12} {known}", "in Braze");
        }
    }
    after(out, resource);
}

/// What is said of a resource after its rows.
fn after(out: &mut String, resource: &ResourcePlan) {
    let lifted = resource.guards.iter().filter(|guard| guard.ok);
    for (guard, message) in lifted.filter_map(|guard| Some((guard, guard.message.as_ref()?))) {
        let _ = writeln!(out, "      {:<12} {message}", guard.name);
    }
    // What moves no rows says by its note what else is to be known of it.
    for note in resource.note.iter().filter(|_| {
        let shown = matches!(resource.action, Action::Manual | Action::Adopt);
        resource.kind == "destination" || shown
    }) {
        let _ = writeln!(out, "      {:<12} {note}", "note");
    }
    for line in &resource.lines {
        let _ = writeln!(out, "        {line}");
    }
    let mut step = 0;
    for words in &resource.manual {
        if words.starts_with(' ') {
            let _ = writeln!(out, "         {words}");
        } else {
            step += 1;
            let _ = writeln!(out, "      {step}. {words}");
        }
    }
}

/// How many rows there will be: rows set aside are wanted, and not sent.
fn reached(resource: &ResourcePlan, delta: &Delta) -> u64 {
    // Whom Amplitude does not know is in no cohort of it.
    if resource.is_in_amplitude() {
        return delta.after.saturating_sub(delta.set_aside);
    }
    let sent = (delta.before + delta.add).saturating_sub(delta.remove);
    if sent + delta.set_aside == delta.after {
        sent
    } else {
        delta.after
    }
}

fn changes(delta: &Delta) -> String {
    let parts = [('+', delta.add), ('~', delta.change), ('-', delta.remove)];
    let parts = parts.iter().filter(|(_, count)| *count > 0);
    parts
        .map(|(sign, count)| format!("{sign}{}", number(*count)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn notes(delta: &Delta, resource: &ResourcePlan, now: Timestamp) -> Vec<String> {
    let mut notes = identified(delta);
    let skipped = delta.skipped.iter().map(|(reason, count)| {
        let count = number(*count);
        match reason.as_str() {
            "no_identifier" => format!("{count} without an identifier"),
            "bad_identifier" => format!("{count} with an identifier Braze does not take"),
            "duplicate" => format!("{count} twice"),
            "excluded" => format!("{count} excluded"),
            "profile_unreadable" => format!("{count} whose profile cannot be read"),
            "not_in_amplitude" => format!("{count} whom Amplitude does not know"),
            other => format!("{count} {other}"),
        }
    });
    notes.extend(skipped);
    if delta.doubt > 0 {
        notes.push(format!("{} in doubt", number(delta.doubt)));
    }
    if delta.set_aside > 0 {
        let aside = number(delta.set_aside);
        notes.push(if resource.is_in_amplitude() {
            format!("{aside} whom Amplitude does not know")
        } else {
            format!("{aside} set aside")
        });
    }
    if delta.later > 0 {
        notes.push(format!(
            "{} out for {} s, since they go by another identifier now",
            number(delta.later),
            delta.gap_seconds
        ));
    }
    notes.extend(found::notes(delta, resource.cost.as_ref()));
    if delta.may_create > 0 {
        notes.push(format!(
            "may create up to {}: nobody was asked whether Braze knows them",
            people(delta.may_create)
        ));
    }
    if let Some(computed) = resource
        .source
        .as_ref()
        .and_then(|source| source.computed_at)
    {
        let day = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
        let format = if day(computed) == day(now) {
            "%H:%M UTC"
        } else {
            "%Y-%m-%d"
        };
        notes.push(format!("computed {}", computed.strftime(format)));
    }
    notes
}

/// How many people each identifier names, most first; nothing where it is as usual.
fn identified(delta: &Delta) -> Vec<String> {
    if delta.identified.keys().all(|word| word == "external_id") {
        return vec![];
    }
    let mut counts: Vec<(&String, u64)> = delta
        .identified
        .iter()
        .map(|(word, count)| (word, *count))
        .collect();
    counts.sort_by_key(|(word, count)| (std::cmp::Reverse(*count), *word));
    let words = counts.iter();
    words
        .map(|(word, count)| format!("{} by {word}", number(*count)))
        .collect()
}

fn unchanged(out: &mut String, plan: &Plan) {
    if plan.summary.no_op > 0 {
        let _ = writeln!(out, "  = {} unchanged", number(plan.summary.no_op));
    }
    let resting = plan.resources.iter();
    for resource in resting.filter(|resource| resource.action == Action::NoOp) {
        let parked = resource.log.as_ref().and_then(log::parked);
        let aside = resource.delta.as_ref().map_or(0, |delta| delta.set_aside);
        let aside = (aside > 0).then(|| {
            let rows = count(aside, "row");
            let them = if aside == 1 { "it" } else { "them" };
            let why = if resource.is_in_amplitude() {
                "Amplitude does not know"
            } else {
                "Braze refused or dropped"
            };
            format!("{rows} set aside: {why} {them} (apply --retry-refused tries again)")
        });
        for note in resource.note.iter().chain(&aside).chain(&parked) {
            let _ = writeln!(out, "      {}: {note}", resource.address);
        }
        for line in &resource.lines {
            let _ = writeln!(out, "        {line}");
        }
    }
    if !plan.resources.is_empty() {
        out.push('\n');
    }
}

fn drift(out: &mut String, plan: &Plan) {
    for drift in &plan.drift {
        let _ = writeln!(out, "drift: {}: {}", drift.address, drifted::words(drift));
    }
    if !plan.drift.is_empty() {
        out.push('\n');
    }
}

fn summary(plan: &Plan) -> String {
    let sum = &plan.summary;
    if !sum.changes() && plan.errors.is_empty() {
        return "Nothing to do.".to_owned();
    }
    let mut parts = vec![
        format!("{} to create", number(sum.create)),
        format!("{} to update", number(sum.update)),
    ];
    let rare = [(sum.replace, "to replace"), (sum.adopt, "to adopt")];
    parts.extend(
        rare.iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{} {words}", number(*count))),
    );
    parts.push(format!("{} to delete", number(sum.delete)));
    if sum.manual > 0 {
        parts.push(format!("{} by hand", number(sum.manual)));
    }
    let failed = plan.errors.len() as u64;
    if failed > 0 {
        parts.push(count(failed, "error"));
    }
    format!("Plan: {}.", parts.join(", "))
}

fn cost(plan: &Plan, priced: bool) -> String {
    let cost = &plan.cost;
    let mut parts = vec![];
    if priced && has_billed(plan) {
        // Of what only ever goes once, all there is to send is what is sent.
        let logs = plan.resources.iter().all(|of| of.log.is_some());
        let full = match number(cost.full_push_data_points) {
            _ if logs && !plan.resources.is_empty() => String::new(),
            full => format!(" (a full push would log {full})"),
        };
        let estimated = |of: &ResourcePlan| of.delta.as_ref().is_some_and(|of| of.estimated);
        let about = if plan.resources.iter().any(estimated) {
            "about "
        } else {
            ""
        };
        parts.push(format!(
            "{about}{}{full}",
            count(cost.data_points, "data point")
        ));
    }
    parts.push(count(cost.requests, "request"));
    if cost.downloads > 0 {
        let left = match (cost.downloads_used, cost.downloads_limit) {
            (Some(used), Some(limit)) => {
                format!(" ({} of {} this month)", number(used), number(limit))
            }
            (None, Some(limit)) => format!(" of {} a month", number(limit)),
            _ => String::new(),
        };
        parts.push(format!("{}{left}", count(cost.downloads, "download")));
    }
    if cost.profiles + cost.profiles_left > 0 {
        let left = match cost.profiles_left {
            0 => String::new(),
            left => format!(
                " (an apply reads {} more, about {})",
                number(left),
                about(cost.profiles_seconds)
            ),
        };
        parts.push(format!("{} read{left}", count(cost.profiles, "profile")));
    }
    if cost.requests > 0 {
        parts.push(format!("about {}", about(cost.seconds)));
    }
    format!("Cost: {}.", parts.join(", "))
}

/// Draws the row of a person who asked to be shown: only `--show-ids` does.
pub fn person(address: &Address, change: &Change) -> String {
    let sign = match change.verb {
        Verb::Add => '+',
        Verb::Change => '~',
        Verb::Remove => '-',
    };
    match change.key.identity() {
        Identity::Alias { label, name } => format!("{address} {sign} alias {label} {name}\n"),
        identity @ (Identity::Device(id) | Identity::External(id)) => {
            format!("{address} {sign} {} {id}\n", identity.word())
        }
    }
}

/// Draws an event with its person, who asked to be shown: only `--show-ids` does.
pub fn event(address: &Address, event: &LogEvent) -> String {
    let at = Timestamp::from_millisecond(event.row.at).unwrap_or_default();
    match event.row.key.identity() {
        Identity::Alias { label, name } => format!("{address} {at:.3} alias {label} {name}\n"),
        identity @ (Identity::Device(id) | Identity::External(id)) => {
            format!("{address} {at:.3} {} {id}\n", identity.word())
        }
    }
}

/// Writes a value on one line as YAML would, texts without quotes.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<String> = members
                .map(|(key, member)| format!("{key}: {}", self::value(member)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}
