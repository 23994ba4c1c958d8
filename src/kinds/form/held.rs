//! What of a desired row a profile holds already. Values are compared by what they mean, since Braze words some of them
//! anew; what is in doubt counts as not held, and is sent.

use serde_json::{Map, Number, Value};

use super::{Attributes, Form, Membership};
use crate::{
    braze,
    diff::{
        presence::Found,
        values::{object, text},
    },
    model::Text,
};

/// The largest whole number that a fraction tells from its neighbours.
const EXACT: i128 = 1 << 53;
/// How Braze marks a time within an object.
const TIME: &str = "$time";

impl Form {
    /// Returns what of a desired row is there already, worded as it is desired; none where nothing is.
    pub fn held(&self, wanted: &Text, live: &Map<String, Value>) -> Option<Text> {
        match self {
            Self::Membership(membership) => {
                membership.is_held(wanted, live).then(|| wanted.clone())
            }
            Self::Attributes(_) => {
                let mut held = object(wanted);
                held.retain(|name, value| {
                    let live = live.get(name);
                    !value.is_null() && live.is_some_and(|live| same(value, live))
                });
                (!held.is_empty()).then(|| text(held))
            }
        }
    }

    /// Returns what a profile says of a recorded row.
    pub fn found(&self, recorded: &Text, live: &Map<String, Value>) -> Found {
        match self {
            Self::Membership(Membership::Import(_) | Membership::Static(_)) => Found::Somebody,
            Self::Membership(membership) if membership.is_held(recorded, live) => Found::Same,
            Self::Membership(_) => Found::Other(None),
            Self::Attributes(attributes) => {
                let mut sent = object(recorded);
                // What is no longer declared was left to whoever wants it.
                sent.retain(|name, _| declares(attributes, name));
                let there = sent.iter().filter_map(|(name, sent)| {
                    let there = live.get(name).filter(|there| !there.is_null())?;
                    // Braze words some values anew.
                    let there = if same(sent, there) { sent } else { there };
                    Some((name.clone(), there.clone()))
                });
                let there: Map<String, Value> = there.collect();
                if there == sent {
                    Found::Same
                } else {
                    Found::Other(Some(text(there)))
                }
            }
        }
    }

    /// Returns the attributes that a profile must tell for `found` to say anything of a recorded row.
    pub fn needs(&self, recorded: &Text) -> Vec<String> {
        match self {
            Self::Membership(_) => self.told_by().into_iter().map(str::to_owned).collect(),
            Self::Attributes(attributes) => {
                let names = object(recorded).into_iter().map(|(name, _)| name);
                names.filter(|name| declares(attributes, name)).collect()
            }
        }
    }

    /// Returns the attributes that tell whether a row is there; none where no profile tells it.
    pub fn told_by(&self) -> Vec<&str> {
        match self {
            Self::Membership(Membership::Array(name) | Membership::Flag(name)) => vec![name],
            Self::Membership(Membership::Import(_) | Membership::Static(_)) => vec![],
            Self::Attributes(attributes) => Attributes::names(attributes).collect(),
        }
    }
}

impl Membership {
    fn is_held(&self, wanted: &Text, live: &Map<String, Value>) -> bool {
        match self {
            Self::Array(name) => {
                let label = serde_json::from_str::<Value>(wanted).ok();
                let held = live.get(name).and_then(Value::as_array);
                label
                    .zip(held)
                    .is_some_and(|(label, held)| held.contains(&label))
            }
            Self::Flag(name) => live.get(name) == Some(&Value::Bool(true)),
            Self::Import(_) | Self::Static(_) => false,
        }
    }
}

fn declares(attributes: &Attributes, name: &str) -> bool {
    Attributes::names(attributes).any(|declared| declared == name)
}

/// Returns whether a value is the one that is there.
fn same(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Number(wanted), Value::Number(live)) => same_number(wanted, live),
        (Value::String(wanted), Value::String(live)) => wanted == live || same_time(wanted, live),
        (Value::Array(wanted), Value::Array(live)) => {
            let mut pairs = wanted.iter().zip(live);
            wanted.len() == live.len() && pairs.all(|(wanted, live)| same(wanted, live))
        }
        (Value::Object(wanted), Value::Object(live)) => {
            let mut pairs = wanted.iter().map(|(name, wanted)| (wanted, live.get(name)));
            wanted.len() == live.len()
                && pairs.all(|(wanted, live)| live.is_some_and(|live| same(wanted, live)))
        }
        // A time that was marked may come back as a text.
        (Value::Object(wanted), Value::String(_)) if wanted.len() == 1 => {
            wanted.get(TIME).is_some_and(|wanted| same(wanted, live))
        }
        _ => wanted == live,
    }
}

/// 3 and 3.0 are equal; whole numbers that no fraction can tell apart are not.
fn same_number(wanted: &Number, live: &Number) -> bool {
    let whole = |number: &Number| {
        let signed = number.as_i64().map(i128::from);
        signed.or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(wanted), whole(live)) {
        (Some(wanted), Some(live)) => wanted == live,
        (Some(whole), None) | (None, Some(whole)) if whole.abs() > EXACT => false,
        _ => wanted.as_f64() == live.as_f64(),
    }
}

fn same_time(wanted: &str, live: &str) -> bool {
    let wanted = braze::time(wanted);
    wanted.is_some() && wanted == braze::time(live)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::{As, Attribute, Take};

    #[test]
    fn values_are_compared_by_what_they_mean() {
        let equal = [
            (json!("a"), json!("a")),
            (json!(3), json!(3.0)),
            (json!(0.1), json!(0.1)),
            (
                json!("2026-01-02T00:00:00Z"),
                json!("2026-01-02T00:00:00.000Z"),
            ),
            (
                json!("2026-01-02T01:00:00+01:00"),
                json!("2026-01-02T00:00:00.000Z"),
            ),
            (json!(["a", 1]), json!(["a", 1.0])),
            (
                json!({"a": {"$time": "2026-01-02T00:00:00Z"}}),
                json!({"a": "2026-01-02T00:00:00.000Z"}),
            ),
            (json!({"a": [1], "b": true}), json!({"b": true, "a": [1]})),
        ];
        for (wanted, live) in equal {
            assert!(same(&wanted, &live), "{wanted} {live}");
        }
        let other = [
            (json!("a"), json!("A")),
            (json!("3"), json!(3)),
            (json!(1), json!(true)),
            (
                json!(9_007_199_254_740_993_i64),
                json!(9_007_199_254_740_992_i64),
            ),
            (
                json!("2026-01-02T00:00:00Z"),
                json!("2026-01-02T00:00:00.001Z"),
            ),
            (json!(["a", "b"]), json!(["b", "a"])),
            (json!(["a"]), json!(["a", "b"])),
            (json!({"a": 1}), json!({"a": 1, "b": 2})),
            (json!("12:30"), json!("12:31")),
            (
                json!(9_007_199_254_740_993_i64),
                json!(9_007_199_254_740_992.0),
            ),
        ];
        for (wanted, live) in other {
            assert!(!same(&wanted, &live), "{wanted} {live}");
        }
    }

    #[test]
    fn of_values_those_that_are_equal_are_held() {
        let attribute = |name: &str| Attribute {
            name: name.to_owned(),
            cell: 0,
            take: Take::As(As::String),
        };
        let list = ["a", "b", "c"].map(attribute).into();
        let form = Form::Attributes(Attributes::new(list, false, false));
        let wanted: Text = json!({"a": "x", "b": 3, "c": null}).to_string().into();
        let live = |value: Value| value.as_object().cloned().unwrap();
        let held = |value| form.held(&wanted, &live(value));
        assert_eq!(held(json!({"a": "y", "c": "z"})), None);
        assert_eq!(
            held(json!({"b": 3.0, "d": 1})).as_deref(),
            Some(r#"{"b":3}"#)
        );
        let both = held(json!({"a": "x", "b": 3}));
        assert_eq!(both.as_deref(), Some(r#"{"a":"x","b":3}"#));
    }

    #[test]
    fn what_is_there_instead_is_told_and_what_is_equal_is_not_worded_anew() {
        let attribute = |name: &str| Attribute {
            name: name.to_owned(),
            cell: 0,
            take: Take::As(As::String),
        };
        let form = Form::Attributes(Attributes::new(
            ["a", "b"].map(attribute).into(),
            false,
            false,
        ));
        let found =
            |live: Value| form.found(&r#"{"a":"x","b":3}"#.into(), live.as_object().unwrap());
        assert_eq!(found(json!({"a": "x", "b": 3.0, "c": 1})), Found::Same);
        let other = |text: &str| Found::Other(Some(text.into()));
        assert_eq!(
            found(json!({"a": "y", "b": 3.0})),
            other(r#"{"a":"y","b":3}"#)
        );
        assert_eq!(found(json!({"a": null, "b": 4})), other(r#"{"b":4}"#));
        assert_eq!(found(json!({})), other("{}"));
        // Of a row that holds more than is declared the rest is nobody's concern.
        let more: Text = r#"{"a":"x","old":1}"#.into();
        assert_eq!(form.needs(&more), ["a"]);
        let live = json!({"a": "x", "old": 2});
        assert_eq!(form.found(&more, live.as_object().unwrap()), Found::Same);
        let of = |membership| Form::Membership(membership);
        let live = json!({"c": ["VIP"], "f": false});
        let live = live.as_object().unwrap();
        let vip = || r#""VIP""#.into();
        let array = of(Membership::Array("c".to_owned()));
        assert_eq!(array.found(&vip(), live), Found::Same);
        assert_eq!(array.found(&r#""Other""#.into(), live), Found::Other(None));
        let flag = of(Membership::Flag("f".to_owned()));
        assert_eq!(flag.found(&"true".into(), live), Found::Other(None));
        let import = of(Membership::Import("i".to_owned()));
        assert_eq!(import.found(&vip(), live), Found::Somebody);
    }

    #[test]
    fn of_a_membership_the_label_or_the_flag_is_held() {
        let live = json!({"c": ["VIP", "Other"], "f": true, "g": "true"});
        let live = live.as_object().unwrap();
        let held = |membership: Membership, wanted: &str| {
            let wanted: Text = wanted.into();
            Form::Membership(membership).held(&wanted, live) == Some(wanted)
        };
        let array = || Membership::Array("c".to_owned());
        assert!(held(array(), r#""VIP""#));
        assert!(!held(array(), r#""vip""#));
        assert!(held(Membership::Flag("f".to_owned()), "true"));
        assert!(!held(Membership::Flag("g".to_owned()), "true"));
        assert!(!held(Membership::Flag("h".to_owned()), "true"));
        assert!(!held(Membership::Import("c".to_owned()), r#""VIP""#));
    }
}
