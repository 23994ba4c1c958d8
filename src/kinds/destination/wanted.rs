//! Makes of an entry the account that it wants, held against what the integration can be told. No message holds a value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Receives, Spec};
use crate::{
    config::{Filling, Parameter, either, nearest},
    diff::destination::{Setting, Wanted},
    model::{DestinationType, Secret, TypeParameter},
};

/// Why an entry does not fit its integration: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the entry; none where what stands there is not to be shown.
    pub at: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// An entry as it was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The account that it wants.
    pub wanted: Wanted,
    /// Parameters that an account needs and that it does not say: only a new one has nothing there yet.
    pub lacking: Vec<String>,
}

/// Reads an entry.
pub fn read(
    spec: &Spec,
    parameters: &BTreeMap<String, Parameter>,
    of: &DestinationType,
) -> Result<Read, Vec<Misfit>> {
    let (mut config, mut misfits) = (BTreeMap::new(), vec![]);
    misfits.extend(kinds(spec, of));
    for (id, parameter) in parameters {
        match setting(id, parameter, of) {
            Ok(setting) => {
                config.insert(id.clone(), setting);
            }
            Err(misfit) => misfits.push(misfit),
        }
    }
    if !misfits.is_empty() {
        return Err(misfits);
    }
    let lacks = |known: &&TypeParameter| known.required && !config.contains_key(&known.id);
    let lacking = of.parameters.iter().filter(lacks);
    let lacking = lacking.map(|known| known.id.clone()).collect();
    Ok(Read {
        wanted: wanted(spec, config),
        lacking,
    })
}

/// Reads an entry where nobody tells what its integration takes. Beside it stand the parameters whose variables are not set
/// here: nothing is known of those.
pub fn unheld(spec: &Spec, parameters: &BTreeMap<String, Parameter>) -> (Wanted, Vec<String>) {
    let (mut config, mut unset) = (BTreeMap::new(), vec![]);
    for (id, parameter) in parameters {
        let setting = match parameter {
            Parameter::Plain(value) => Setting::Shown(value.clone()),
            Parameter::Filled(filling) => match &filling.value.value {
                Some(value) if !value.expose().is_empty() => Setting::Hidden {
                    value: Secret::new(value.expose()),
                    is_json: filling.is_json,
                    write_only: true,
                },
                _ => {
                    unset.push(id.clone());
                    continue;
                }
            },
        };
        config.insert(id.clone(), setting);
    }
    (wanted(spec, config), unset)
}

fn wanted(spec: &Spec, config: BTreeMap<String, Setting>) -> Wanted {
    let filter = spec.event_filter.as_ref().map(|filter| {
        let mut value = json!({"events": filter.events});
        if let Some(filters) = &filter.property_filters {
            value["property_filters"] = json!(filters);
        }
        value
    });
    let mappings = spec.property_mappings.as_ref().map(|mappings| {
        let pairs = mappings.iter();
        let pairs = pairs.map(|pair| (pair.from.clone(), Value::String(pair.to.clone())));
        Value::Object(pairs.collect())
    });
    let kinds = spec.kind.iter().map(|kind| kind.word().to_owned());
    Wanted {
        partner: spec.partner.clone(),
        display_name: spec.display_name.clone(),
        kind: kinds.collect(),
        config,
        event_filter: filter,
        property_mappings: mappings,
        send_events: spec.send_events,
        send_users: spec.send_users,
        enabled: spec.enabled,
    }
}

fn kinds(spec: &Spec, of: &DestinationType) -> Option<Misfit> {
    let knows = |kind: &&Receives| of.kinds.iter().any(|known| known == kind.word());
    let stranger = spec.kind.iter().find(|kind| !knows(kind));
    let stranger = stranger.filter(|_| !of.kinds.is_empty())?;
    Some(Misfit {
        at: Some("/kind".to_owned()),
        message: format!(
            "no account of {} receives `{}`",
            of.partner,
            stranger.word()
        ),
        hint: Some(format!("it receives {}", every(&of.kinds))),
    })
}

fn setting(id: &str, parameter: &Parameter, of: &DestinationType) -> Result<Setting, Misfit> {
    let Some(known) = of.parameters.iter().find(|known| known.id == id) else {
        return Err(unknown(id, of));
    };
    match parameter {
        Parameter::Plain(_) if known.write_only => Err(literal(id)),
        Parameter::Plain(value) => match fits(value, known) {
            Ok(()) => Ok(Setting::Shown(value.clone())),
            Err(wants) => Err(Misfit {
                at: Some(place(id)),
                message: format!("`config.{id}` takes {wants}"),
                hint: None,
            }),
        },
        Parameter::Filled(filling) if known.write_only && filling.has_literal => Err(literal(id)),
        Parameter::Filled(filling) => hidden(id, filling, known),
    }
}

/// A value that was filled is taken for a secret, whatever the integration says of it.
fn hidden(id: &str, filling: &Filling, known: &TypeParameter) -> Result<Setting, Misfit> {
    let value = filling.value.require().map_err(|missing| Misfit {
        at: Some(place(id)),
        message: missing.message,
        hint: missing.hint,
    })?;
    if value.expose().is_empty() {
        return Err(Misfit {
            at: Some(place(id)),
            message: format!("`config.{id}` is empty: its variable is not set"),
            hint: Some(format!(
                "set the variable that `config.{id}` names, or leave it out"
            )),
        });
    }
    let typed = |wants: &str| Misfit {
        at: Some(place(id)),
        message: format!("`config.{id}` takes {wants}, and what its variable holds is none"),
        hint: None,
    };
    let is_json = match known.kind.as_str() {
        "number" | "boolean" if !filling.is_json => {
            let value: Value = serde_json::from_str(value.expose()).unwrap_or_default();
            fits(&value, known).map_err(|wants| typed(&wants))?;
            true
        }
        "enum" if !filling.is_json => {
            fits(&Value::String(value.expose().to_owned()), known)
                .map_err(|wants| typed(&wants))?;
            false
        }
        _ => filling.is_json,
    };
    Ok(Setting::Hidden {
        value: Secret::new(value.expose()),
        is_json,
        write_only: known.write_only,
    })
}

/// Whether a value is what a parameter wants; else what that is.
fn fits(value: &Value, known: &TypeParameter) -> Result<(), String> {
    let (fits, wants) = match known.kind.as_str() {
        "string" | "secret" => (value.is_string(), "a text: write it in quotes".to_owned()),
        "number" => (value.is_number(), "a number".to_owned()),
        "boolean" => (value.is_boolean(), "true or false".to_owned()),
        "enum" if !known.values.is_empty() => {
            let fits = known.values.iter().any(|known| value == known);
            (fits, format!("one of {}", listed(&known.values)))
        }
        // What is documented nowhere is Amplitude's to check.
        _ => (true, String::new()),
    };
    if fits { Ok(()) } else { Err(wants) }
}

/// Where a parameter stands.
fn place(id: &str) -> String {
    let id = id.replace('~', "~0").replace('/', "~1");
    format!("/config/{id}")
}

fn literal(id: &str) -> Misfit {
    Misfit {
        at: None,
        message: format!(
            "`config.{id}` holds a literal, and Amplitude keeps it secret: a secret is never written in a file"
        ),
        hint: Some(format!(
            "write {id}: ${{{}}} and export the variable; if this key was ever committed, replace it",
            id.to_uppercase().replace('-', "_")
        )),
    }
}

fn unknown(id: &str, of: &DestinationType) -> Misfit {
    let ids: Vec<String> = of.parameters.iter().map(|known| known.id.clone()).collect();
    let near = nearest(id, ids.iter().map(String::as_str));
    let near = near
        .map(|near| format!("did you mean `{near}`? "))
        .unwrap_or_default();
    Misfit {
        at: Some(place(id)),
        message: format!("an account of {} has no parameter `{id}`", of.partner),
        hint: Some(format!("{near}it has {}", every(&ids))),
    }
}

/// What is said of an integration that Amplitude does not have, and what to do.
pub fn no_partner(partner: &str, known: &[String]) -> (String, Option<String>) {
    let near = nearest(partner, known.iter().map(String::as_str));
    let hint = match near {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("it has {}", every(known))),
    };
    (format!("Amplitude has no integration `{partner}`"), hint)
}

/// Names all of a list: "`a`, `b` and `c`".
fn every(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn listed(words: &[String]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    either(
        &words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests;
