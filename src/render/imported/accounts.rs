//! Draws accounts of Amplitude as YAML. What is secret is a variable, with a comment that says what to do about it.

use std::fmt::Write;

use serde_json::Value;

use super::{quoted, scalar};
use crate::model::{ImportedAccount, ImportedSetting};

const SECRET: &str = "secret, never told: export it, and the first apply sends it; without this line it stays as it is";
const WITHHELD: &str = "may hold a secret, and is not written here: left as it is";
const FILTERS: &str =
    "    # property_filters are not written here, since they name people: left as they are";
const UNTOLD: &str = "secret, and nobody is told whether it is set: left as it is";

pub(super) fn account(out: &mut String, one: &ImportedAccount) {
    let kinds = one.kind.join(", ");
    let _ = write!(
        out,
        "  {}:\n    partner: {}\n    display_name: {}\n    kind: [{kinds}]\n",
        one.name,
        scalar(&one.partner),
        scalar(&one.display_name),
    );
    let said = |setting: &ImportedSetting| {
        matches!(
            setting,
            ImportedSetting::Told(_) | ImportedSetting::Secret(_)
        )
    };
    if !one.config.is_empty() {
        let none = !one.config.values().any(said);
        out.push_str(if none {
            "    # config:\n"
        } else {
            "    config:\n"
        });
    }
    for (id, setting) in &one.config {
        let id = scalar(id);
        let _ = match setting {
            ImportedSetting::Told(value) => writeln!(out, "      {id}: {}", flow(value)),
            ImportedSetting::Secret(name) => {
                writeln!(out, "      {id}: ${{{name}}}    # {SECRET}")
            }
            ImportedSetting::Withheld => writeln!(out, "      # {id}:    # {WITHHELD}"),
            ImportedSetting::Untold(name) => {
                writeln!(out, "      # {id}: ${{{name}}}    # {UNTOLD}")
            }
        };
    }
    if let Some(filter) = &one.event_filter {
        let withheld = if one.withholds_filters { FILTERS } else { "" };
        let _ = writeln!(out, "    event_filter: {}{withheld}", flow(filter));
    }
    if let Some(mappings) = &one.property_mappings {
        let pairs = mappings.iter();
        let pairs =
            pairs.map(|(from, to)| format!("{{from: {}, to: {}}}", quoted(from), quoted(to)));
        let pairs: Vec<String> = pairs.collect();
        let _ = writeln!(out, "    property_mappings: [{}]", pairs.join(", "));
    }
    for (key, on) in [
        ("send_events", one.send_events),
        ("send_users", one.send_users),
        ("enabled", one.enabled),
    ] {
        if let Some(on) = on {
            let _ = writeln!(out, "    {key}: {on}");
        }
    }
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<String> = members
                .map(|(key, value)| format!("{}: {}", scalar(key), flow(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}
