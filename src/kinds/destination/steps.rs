//! What somebody does by hand who has no token for the Developer API. Values of parameters are not in the words.

use super::Spec;
use crate::model::plan::FieldChange;

/// Returns the steps that make an account what an entry says; of `changes`, where it was once, those alone.
pub fn steps(spec: &Spec, changes: Option<&[FieldChange]>) -> Vec<String> {
    let list = |items: Vec<String>| items.join(", ");
    let quoted = |text: &String| format!("\"{text}\"");
    let change = |key: &str| {
        let of = |field: &&FieldChange| {
            let rest = field.path.strip_prefix(key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        changes.into_iter().flatten().find(of)
    };
    let says = |key: &str| changes.is_none() || change(key).is_some();
    let name = quoted(&spec.display_name);
    let place = "Amplitude > Data > Destinations: open";
    let mut steps = match (changes, change("display_name")) {
        (None, _) => vec![format!(
            "{place} {name}, or add a destination of {} with that name",
            spec.partner
        )],
        (Some(_), None) => vec![format!("{place} {name}")],
        (Some(_), Some(change)) => vec![
            format!("{place} {}", change.before),
            format!("name it {name}"),
        ],
    };
    if changes.is_some() && says("kind") {
        let kinds = spec.kind.iter().map(|kind| kind.word().to_owned());
        steps.push(format!("let it receive {}", list(kinds.collect())));
    }
    let parameters = spec.config.iter().flat_map(|config| config.keys());
    let parameters = parameters.filter(|id| says(&format!("config.{id}")));
    let ids: Vec<String> = parameters.cloned().collect();
    if !ids.is_empty() {
        steps.push(format!(
            "set its parameters as the YAML says: {}",
            list(ids)
        ));
    }
    if let Some(filter) = spec.event_filter.as_ref().filter(|_| says("event_filter")) {
        let events = filter.events.iter().map(quoted).collect();
        steps.push(format!("Send Events: choose {} and no other", list(events)));
    }
    let mappings = spec.property_mappings.as_ref();
    if let Some(mappings) = mappings.filter(|_| says("property_mappings")) {
        let each = mappings.iter();
        let pairs = each.map(|mapping| format!("{} to {}", mapping.from, mapping.to));
        steps.push(format!("map {}", list(pairs.collect())));
    }
    let switch = |on: bool| if on { "on" } else { "off" };
    for (what, key, on) in [
        ("Send Events", "send_events", spec.send_events),
        ("Send Users", "send_users", spec.send_users),
        ("the destination itself", "enabled", spec.enabled),
    ] {
        let on = on.filter(|_| says(key));
        steps.extend(on.map(|on| format!("switch {what} {}", switch(on))));
    }
    steps.push(
        "then apply, which takes this for done: nobody can verify it without amplitude.developer_token (the Developer API, in early access); with it, an apply does all of it"
            .to_owned(),
    );
    steps
}
