//! `syncform state forget`: takes a person out of everything that the state keeps. It says where the person is, and what
//! it does not do, and asks; who it is stands in no output.

use std::{collections::BTreeSet, fmt::Write};

use clap::Args;

use crate::{
    cli::{
        apply::{approved, needs_terminal},
        failure::{Exit, Failure},
        global::{Global, Leasing},
        look, open, talk,
    },
    diff::{person::Person, select::Selection},
    engine::{self, Found, Session},
    model::Address,
    render::count,
};

const AFTER_HELP: &str = "\
PERSON is looked for as an external id, as a device id and as the name of an alias, whatever its label. Rows with the \
Amplitude id of a row that was found go too, and what such rows are called goes wherever else it stands.

Braze and Amplitude are not told: delete the person there first. A source that still has the person brings them back. \
Saved plan files, backups and the states of other environments are not looked at.

Examples:
  syncform state forget jane@acme.com
  syncform state forget 100000000042 --amplitude-id --auto-approve";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Who: an external id, a device id or the name of an alias
    person: String,
    /// PERSON is a number of Amplitude (`amplitude_id`), and nothing else
    #[arg(long, env = "SYNCFORM_AMPLITUDE_ID", hide_env = true)]
    amplitude_id: bool,
    /// Do not ask
    #[arg(long, env = "SYNCFORM_AUTO_APPROVE", hide_env = true)]
    auto_approve: bool,
    #[command(flatten)]
    leasing: Leasing,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let person = person(arguments)?;
    if !arguments.auto_approve {
        needs_terminal("--auto-approve to forget without asking")?;
    }
    let opened = open::session(
        global,
        "state forget",
        Selection::default(),
        engine::How::default(),
    )
    .await?;
    let forgotten = work(arguments, person, &opened.session).await;
    opened.close().await;
    forgotten
}

/// Reads who it is about. What was written is not repeated.
fn person(arguments: &Arguments) -> Result<Person, Failure> {
    if arguments.person.is_empty() {
        return Err(Failure::error("PERSON is empty").with_hint("name whom to forget"));
    }
    if !arguments.amplitude_id {
        return Ok(Person::named(&arguments.person));
    }
    let number = arguments.person.parse().ok().filter(|number| *number > 0);
    number.map(Person::numbered).ok_or_else(|| {
        Failure::error("PERSON is no number of Amplitude")
            .with_hint("leave out --amplitude-id for an external id, a device id or an alias")
    })
}

async fn work(arguments: &Arguments, person: Person, session: &Session) -> Result<Exit, Failure> {
    let patience = arguments.leasing.lease_timeout.0;
    let preparing = Box::pin(engine::prepare_forget(session, person, patience));
    let prepared = open::stoppable(session, preparing).await?;
    let Some(forgetting) = prepared else {
        talk::result("There is no state here yet: it knows nobody.\n")?;
        return Ok(Exit::Done);
    };
    let found = forgetting.found().clone();
    session.events.seen().await;
    if found.is_empty() {
        // What a forgetting that was killed left behind is named by nothing, and goes now.
        engine::forget(session, forgetting)?;
        talk::result("Found nowhere in this state: nothing bears this name.\n")?;
        talk::result(&look::page(&otherwise(session)))?;
        talk::result(&look::page(&format!("\n{NOT_DONE}")))?;
        return Ok(Exit::Done);
    }
    talk::result(&format!("Found in this state:\n{}", listed(&found)))?;
    let cohorts = if found.cohorts > 0 { AGAIN } else { "" };
    let events = if found.parked.is_empty() { "" } else { PARKED };
    talk::result(&look::page(&format!(
        "
All of it is taken out; rows of others stay.{cohorts}{events}

{NOT_DONE}"
    )))?;
    if !arguments.auto_approve
        && !approved(
            session,
            "Forget this person? Only `yes` is taken for yes: ",
            "yes",
        )
        .await?
    {
        return Err(Failure::error("nothing was changed: not approved"));
    }
    engine::forget(session, forgetting)?;
    talk::result(&format!("\nForgotten; taken out of:\n{}", listed(&found)))?;
    Ok(Exit::Done)
}

/// Which syncs know people by something else than external ids: a person may be there by that.
fn otherwise(session: &Session) -> String {
    let mut text = String::new();
    for (address, names) in engine::named_otherwise(&session.configuration) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{address} names people by {names}: forget the person by that too, or by Amplitude's number (--amplitude-id)."
        );
    }
    text
}

const AGAIN: &str =
    " A cohort in the cache goes as a whole: the next plan that compares it downloads it again.";

const PARKED: &str = " A parked event that was never delivered then never is.";

const NOT_DONE: &str = "\
Not done by this:
- Braze and Amplitude are not told: delete the person there first, by their own tools. What stays in Braze is no longer \
known here, and nothing takes it out later.
- A person who is still in a source comes back with the next plan that compares it: once it moved, or is read again.
- Events that are still in a source and due are read again by the next plan, and sent.
- Saved plan files (`plan --out`), lists of refused rows (`report --refused`), backups and the states of other \
environments are not looked at.
";

/// A line each: where, and how much.
fn listed(found: &Found) -> String {
    let addresses = found.rows.keys().chain(found.set_aside.keys());
    let addresses: BTreeSet<&Address> = addresses.chain(found.parked.keys()).collect();
    let mut lines = vec![];
    for address in addresses {
        let rows = found.rows.get(address).map(|rows| count(*rows, "row"));
        let aside = found.set_aside.get(address);
        let aside = aside.map(|rows| format!("{rows} set aside"));
        let parked = found.parked.get(address);
        let parked = parked.map(|events| count(*events, "parked event"));
        let words: Vec<String> = rows.into_iter().chain(aside).chain(parked).collect();
        lines.push((address.to_string(), words.join(", ")));
    }
    if found.refused > 0 {
        let (rows, runs) = (
            count(found.refused, "refused row"),
            count(found.runs, "run"),
        );
        lines.push(("past runs".to_owned(), format!("{rows} of {runs}")));
    }
    let cohorts =
        (found.cohorts > 0).then(|| format!("people of {}", count(found.cohorts, "cohort")));
    let answers = (found.answers > 0).then(|| count(found.answers, "answer"));
    let units = (found.units > 0).then(|| format!("events in {}", count(found.units, "file")));
    let words: Vec<String> = cohorts.into_iter().chain(units).chain(answers).collect();
    if !words.is_empty() {
        lines.push(("cache".to_owned(), words.join(", ")));
    }
    let width = lines.iter().map(|(place, _)| place.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for (place, words) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {place:<width$}   {words}");
    }
    text
}
