//! Accounts of Amplitude that no file declares, made what a configuration says of them. What an integration keeps secret
//! becomes a variable that somebody sets; nothing is guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Declared, Names};
use crate::{
    config::is_secret_parameter,
    kinds::destination::Receives,
    model::{
        Destination, DestinationType, Imported, ImportedAccount, ImportedSetting, LeftOut,
        TypeParameter, nameless, streams, veiled,
    },
};

impl Declared<'_> {
    /// Returns whether an account of that name is declared.
    fn has_account(&self, account: &Destination) -> bool {
        let mut declared = self.resources().filter(|one| one.kind == "destination");
        declared.any(|one| {
            one.body["partner"] == account.partner
                && one.body["display_name"] == account.display_name
        })
    }
}

/// Adds what was found, in an order that does not depend on how it was listed. `types` tell what integrations take.
pub(super) fn add(
    declared: &Declared,
    accounts: &[Destination],
    types: &BTreeMap<String, DestinationType>,
    found: &mut Imported,
) {
    let mut names = Names(declared.names("destination."));
    let unknown = accounts.iter().filter(|one| !declared.has_account(one));
    let mut sorted: Vec<&Destination> = unknown.collect();
    sorted.sort_by(|a, b| key(a).cmp(&key(b)));
    for alike in sorted.chunk_by(|a, b| (key(a).0, key(a).1) == (key(b).0, key(b).1)) {
        let one = alike[0];
        let left = |why: &str| LeftOut::Account {
            account: veiled(&one.display_name),
            ids: alike.iter().map(|one| one.id.clone()).collect(),
            why: why.to_owned(),
        };
        let known = |word: &String| Receives::ALL.iter().any(|kind| kind.word() == word);
        match types.get(&one.partner) {
            _ if alike.len() > 1 => found
                .left
                .push(left("they bear one name, and an account is found by it")),
            _ if veiled(&one.display_name) != one.display_name => {
                found.left.push(left("its name may be that of a person"));
            }
            _ if one.display_name.is_empty() => found.left.push(left("it has no name")),
            _ if one.kind.is_empty() || !one.kind.iter().all(known) => {
                found
                    .left
                    .push(left("it receives what no configuration says"));
            }
            None => found
                .left
                .push(left("Amplitude tells nothing of its integration")),
            Some(of) => {
                let name = names.take(&one.display_name, "account");
                found.accounts.push(imported(name, one, of));
            }
        }
    }
    found.accounts.sort_by(|a, b| a.name.cmp(&b.name));
}

fn key(one: &Destination) -> (&str, &str, &str) {
    (&one.partner, &one.display_name, &one.id)
}

fn imported(name: String, one: &Destination, of: &DestinationType) -> ImportedAccount {
    let kinds = Receives::ALL.iter().map(|kind| kind.word().to_owned());
    let streams = streams(&one.kind);
    let mut config = BTreeMap::new();
    for parameter in &of.parameters {
        let told = one.config.get(&parameter.id);
        let setting = match told {
            // A mask may stand in its place, which tells that it is set.
            told if parameter.write_only => {
                let variable = variable(&name, &parameter.id);
                if parameter.required || told.is_some() {
                    ImportedSetting::Secret(variable)
                } else {
                    ImportedSetting::Untold(variable)
                }
            }
            Some(told) if is_delicate(parameter, told) => ImportedSetting::Withheld,
            Some(told) => ImportedSetting::Told(told.clone()),
            None => continue,
        };
        config.insert(parameter.id.clone(), setting);
    }
    ImportedAccount {
        partner: one.partner.clone(),
        display_name: one.display_name.clone(),
        kind: kinds.filter(|kind| one.kind.contains(kind)).collect(),
        config,
        withholds_filters: streams && !is_shown(&one.event_filter["property_filters"]),
        event_filter: filter(&one.event_filter).filter(|_| streams),
        property_mappings: mappings(&one.property_mappings).filter(|_| streams),
        send_events: one.send_events.filter(|_| streams),
        send_users: one.send_users.filter(|_| streams),
        enabled: one.enabled,
        name,
    }
}

/// Whether a value that is told may hold a secret: headers may be credentials, an address may have a password or a key in it, and
/// no configuration takes a literal where the name says that it is secret.
fn is_delicate(parameter: &TypeParameter, told: &Value) -> bool {
    let address = |text: &str| text.contains("://") && text.contains(['@', '?']);
    parameter.kind == "http_headers"
        || is_secret_parameter(&parameter.id) && !told.is_boolean()
        || told.as_str().is_some_and(address)
}

/// The variable that is to hold a secret: `BRAZE_PRODUCTION_REST_API_KEY`.
fn variable(name: &str, id: &str) -> String {
    let letters = format!("{name}_{id}").to_uppercase();
    let letters = letters.chars();
    let letters: String = letters
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    if letters.starts_with(|first: char| first.is_ascii_digit()) {
        format!("ACCOUNT_{letters}")
    } else {
        letters
    }
}

/// Whether a value names nobody.
fn is_shown(told: &Value) -> bool {
    nameless(told) == *told
}

/// A filter, where a configuration can say all of it but whom it names.
fn filter(told: &Value) -> Option<Value> {
    let events = told["events"].as_array()?;
    let mut known = BTreeSet::new();
    let named = |event: &Value| event.as_str().is_some_and(|name| !name.trim().is_empty());
    if events.is_empty()
        || !events
            .iter()
            .all(|event| named(event) && known.insert(event.to_string()))
    {
        return None;
    }
    let mut said = json!({"events": events});
    if let Some(filters) = told["property_filters"]
        .as_object()
        .filter(|it| !it.is_empty() && is_shown(&told["property_filters"]))
    {
        said["property_filters"] = json!(filters);
    }
    Some(said)
}

/// What properties are called at the other side, sorted.
fn mappings(told: &Value) -> Option<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let pairs: Option<BTreeMap<String, String>> = match told {
        Value::Object(members) => {
            let pairs = members.iter();
            pairs
                .map(|(from, to)| Some((from.clone(), text(to)?)))
                .collect()
        }
        Value::Array(pairs) => {
            let pairs = pairs.iter();
            pairs
                .map(|pair| Some((text(&pair["from"])?, text(&pair["to"])?)))
                .collect()
        }
        _ => None,
    };
    pairs
        .filter(|pairs| !pairs.is_empty())
        .map(|pairs| pairs.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_file_may_hold_is_not_written_into_one() {
        for (id, kind, told, withheld) in [
            ("rest_endpoint", "string", json!("https://rest"), false),
            ("hook", "string", json!("https://me:key@hook"), true),
            ("headers", "http_headers", json!({}), true),
            ("authToken", "string", json!("k"), true),
            ("use_token", "boolean", json!(true), false),
        ] {
            let parameter = TypeParameter {
                id: id.to_owned(),
                kind: kind.to_owned(),
                required: false,
                write_only: false,
                values: vec![],
            };
            assert_eq!(is_delicate(&parameter, &told), withheld, "{id}");
        }
    }
}
