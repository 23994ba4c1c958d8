//! What a record of each type looks like in Avro: flat, its schema, the type of each field. It must not make a value up.

use apache_avro::Schema;
use serde_json::{Value, json};

use super::catalogue::{Entry, GROUPS, TYPES};
use crate::sandbox::Error;

/// What a field holds. All but the first three of a record may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A text.
    Text,
    /// `true` or `false`, as a text.
    Word,
    /// One of Avro's own.
    Boolean,
    /// A whole number.
    Long,
    /// Any number.
    Double,
}

/// A type, ready to be written.
#[derive(Debug)]
pub(super) struct Type {
    /// `users.messages.email.Open`.
    pub(super) name: &'static str,
    /// Which of the user's members it has: `uedt`.
    pub(super) user: &'static str,
    /// Its properties, in order.
    pub(super) properties: Vec<(&'static str, Holds)>,
    /// Of the whole record.
    pub(super) schema: Schema,
    /// The schema as files carry it.
    pub(super) written: String,
}

const BOOLEANS: [&str; 6] = [
    "ad_tracking_enabled",
    "in_control_group",
    "is_drop",
    "is_suspected_bot_click",
    "is_terminal",
    "is_canvas_entry",
];
/// Seen as texts in the published samples.
const WORDS: [&str; 3] = ["is_amp", "is_sms_fallback", "machine_open"];
const LONGS: [&str; 5] = [
    "conversion_behavior_index",
    "content_length",
    "http_status_code",
    "retry_count",
    "webhook_duration",
];
const DOUBLES: [&str; 8] = [
    "alt_accuracy",
    "altitude",
    "duration",
    "latitude",
    "ll_accuracy",
    "longitude",
    "price",
    "wind_speed",
];

/// Returns every type of the catalogue.
pub(super) fn types() -> Result<Vec<Type>, Error> {
    TYPES.iter().map(read).collect()
}

fn read((name, user, groups, others): &Entry) -> Result<Type, Error> {
    let of = |group: &str| {
        GROUPS
            .iter()
            .find(|(known, _)| *known == group)
            .map(|(_, names)| *names)
    };
    let grouped = groups.split_whitespace().filter_map(of).flatten().copied();
    let properties: Vec<(&'static str, Holds)> = grouped
        .chain(others.split_whitespace())
        .map(|name| (name, holds(name)))
        .collect();
    let schema = schema(name, user, &properties);
    Ok(Type {
        name,
        user,
        properties,
        schema: Schema::parse(&schema)
            .map_err(|error| Error::Setting(format!("{name}: {error}")))?,
        written: schema.to_string(),
    })
}

fn holds(name: &str) -> Holds {
    let named = |names: &[&str]| names.contains(&name);
    match name {
        _ if named(&BOOLEANS) => Holds::Boolean,
        _ if named(&WORDS) => Holds::Word,
        _ if named(&LONGS) => Holds::Long,
        _ if named(&DOUBLES) => Holds::Double,
        _ => Holds::Text,
    }
}

/// The members of the user that a type may have, in the order of a record.
pub(super) const USER: [(char, &str); 4] = [
    ('u', "user_id"),
    ('e', "external_user_id"),
    ('d', "device_id"),
    ('t', "timezone"),
];

fn schema(name: &str, user: &str, properties: &[(&str, Holds)]) -> Value {
    let nullable =
        |name: &str, kind: &str| json!({"name": name, "type": ["null", kind], "default": null});
    let mut fields = vec![
        json!({"name": "id", "type": "string"}),
        json!({"name": "time", "type": "long"}),
    ];
    for (_, name) in USER.iter().filter(|(letter, _)| user.contains(*letter)) {
        fields.push(match *name {
            "user_id" => json!({"name": name, "type": "string"}),
            _ => nullable(name, "string"),
        });
    }
    for (name, holds) in properties {
        let kind = match holds {
            Holds::Text | Holds::Word => "string",
            Holds::Boolean => "boolean",
            Holds::Long => "long",
            Holds::Double => "double",
        };
        fields.push(nullable(name, kind));
    }
    let (space, short) = name.rsplit_once('.').unwrap_or(("users", name));
    json!({"type": "record", "name": short, "namespace": format!("com.braze.{space}"), "fields": fields})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_has_a_schema_and_no_field_twice() {
        let types = types().unwrap();
        let names: BTreeSet<&str> = types.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), types.len());
        for one in &types {
            let names: BTreeSet<&str> = one.properties.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), one.properties.len(), "{}", one.name);
        }
    }
}
