//! `where`: whether an event is one of those that are asked for. It reads values as they are written and changes none.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{
    decimal::Decimal,
    lookup::{Properties, Property, text},
    spec::{Bound, Condition, Scalar},
};
use crate::braze;

/// All conditions of one entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter(Vec<(Property, Test)>);

#[derive(Clone, Debug)]
enum Test {
    AnyOf(Vec<Wanted>),
    Present(bool),
    Within(Option<End>, Option<End>),
}

#[derive(Clone, Debug)]
enum Wanted {
    Flag(bool),
    Number(Decimal),
    /// A text, and the number it reads as: one that is written as a number is equal to it.
    Text(String, Option<Decimal>),
}

/// An end of a range.
#[derive(Clone, Copy, Debug)]
pub(in crate::kinds) enum End {
    Number(Decimal),
    Time(Timestamp),
}

impl Filter {
    /// Makes a filter of what was written; none where it cannot be meant, which is refused where the configuration is
    /// checked.
    pub(super) fn of<'c>(
        written: impl IntoIterator<Item = (&'c String, &'c Condition)>,
    ) -> Option<Self> {
        let one = |(name, condition): (&String, &Condition)| {
            Some((Property::prefixed(name)?, Test::of(condition)?))
        };
        written
            .into_iter()
            .map(one)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Returns whether it asks for anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether an event is what is asked for.
    pub(super) fn takes(&self, properties: &Properties<'_>) -> bool {
        let holds = |(property, test): &(Property, Test)| test.holds(properties.find(property));
        self.0.iter().all(holds)
    }
}

impl Test {
    fn of(condition: &Condition) -> Option<Self> {
        Some(match condition {
            Condition::AnyOf(list) => {
                Self::AnyOf(list.iter().map(Wanted::of).collect::<Option<_>>()?)
            }
            Condition::Equal(one) => Self::AnyOf(vec![Wanted::of(one)?]),
            Condition::Present { present } => Self::Present(*present),
            Condition::Within { min, max } => {
                let end = |bound: &Option<Bound>| match bound {
                    None => Some(None),
                    Some(bound) => End::of(bound).map(Some),
                };
                Self::Within(end(min)?, end(max)?)
            }
        })
    }

    fn holds(&self, found: Option<&RawValue>) -> bool {
        let Some(found) = found else {
            return matches!(self, Self::Present(false));
        };
        match self {
            Self::Present(present) => *present,
            _ if found.get().starts_with('[') => {
                let elements: Vec<&RawValue> =
                    serde_json::from_str(found.get()).unwrap_or_default();
                elements.iter().any(|element| self.holds_of(element))
            }
            _ => self.holds_of(found),
        }
    }

    fn holds_of(&self, found: &RawValue) -> bool {
        match self {
            Self::AnyOf(list) => list.iter().any(|wanted| wanted.is(found)),
            Self::Present(present) => *present,
            Self::Within(min, max) => {
                let is = |end: &Option<End>, wrong| {
                    end.is_none_or(|end| end.compare(found).is_some_and(|order| order != wrong))
                };
                is(min, Ordering::Less) && is(max, Ordering::Greater)
            }
        }
    }
}

impl Wanted {
    fn of(scalar: &Scalar) -> Option<Self> {
        Some(match scalar {
            Scalar::Flag(flag) => Self::Flag(*flag),
            Scalar::Number(number) => Self::Number(Decimal::parse(&number.to_string())?),
            Scalar::Text(text) => Self::Text(text.clone(), Decimal::parse(text)),
        })
    }

    fn is(&self, found: &RawValue) -> bool {
        let written = found.get();
        match self {
            Self::Flag(flag) => match written {
                "true" => *flag,
                "false" => !flag,
                _ => text(found).is_some_and(|text| text == flag.to_string()),
            },
            Self::Number(number) => {
                text(found).and_then(|text| Decimal::parse(&text)) == Some(*number)
            }
            Self::Text(wanted, number) => {
                if written.starts_with('"') {
                    serde_json::from_str::<String>(written).is_ok_and(|text| text == *wanted)
                } else if matches!(written, "true" | "false") {
                    written == wanted
                } else {
                    number.is_some() && Decimal::parse(written) == *number
                }
            }
        }
    }
}

impl End {
    /// Reads an end; none where it is neither a number nor a time.
    pub(in crate::kinds) fn of(bound: &Bound) -> Option<Self> {
        match bound {
            Bound::Number(number) => Decimal::parse(&number.to_string()).map(Self::Number),
            Bound::Time(text) => braze::time(text).map(Self::Time),
        }
    }

    /// Returns how what was found lies to this end.
    fn compare(self, found: &RawValue) -> Option<Ordering> {
        let text = text(found)?;
        match self {
            Self::Number(end) => Decimal::parse(&text)?.partial_cmp(&end),
            Self::Time(end) => Some(braze::time(text.trim())?.cmp(&end)),
        }
    }

    /// Returns how one end lies to another; none where they are of two kinds.
    pub(in crate::kinds) fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.partial_cmp(&other),
            (Self::Time(one), Self::Time(other)) => Some(one.cmp(&other)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::event_stream::lookup::{Map, object};

    fn takes(filter: Value, event: &str) -> bool {
        let written: BTreeMap<String, Condition> = serde_json::from_value(filter).unwrap();
        let raw: &RawValue = serde_json::from_str(event).unwrap();
        let properties = Properties {
            event: object(Some(raw)).unwrap(),
            user: Map::new(),
        };
        Filter::of(&written).unwrap().takes(&properties)
    }

    #[test]
    fn what_holds_of_what() {
        let yes: &[(Value, &str)] = &[
            (json!("pro"), r#""pro""#),
            (json!("pro"), r#"["free", "pro"]"#),
            (json!(["DE", "AT"]), r#""AT""#),
            (json!(5), "5.0"),
            (json!(5), r#"" 5 ""#),
            (json!("5"), "5"),
            (json!("05"), "5"),
            (json!(9_007_199_254_740_993_i64), "9007199254740993"),
            (json!(true), "true"),
            (json!(true), r#""true""#),
            (json!("false"), "false"),
            (json!({"min": 5, "max": 10}), "5"),
            (json!({"min": 5, "max": 10}), r#""10.00""#),
            (json!({"max": -1}), "-1"),
            (json!({"min": 5}), "[1, 7]"),
            (json!({"min": "2026-11-01"}), r#""2026-11-01 00:00:00.000""#),
            (json!({"max": "2026-11-01T08:00:00Z"}), r#""2026-10-31""#),
            (json!({"present": true}), r#""""#),
            (json!({"present": true}), "[]"),
            (json!({"present": false}), "null"),
        ];
        let no: &[(Value, &str)] = &[
            (json!("pro"), r#""Pro""#),
            (json!("pro"), "null"),
            (json!("05"), r#""5""#),
            (json!(9_007_199_254_740_993_i64), "9007199254740992"),
            (json!(true), "1"),
            (json!("1"), "true"),
            (json!({"min": 5, "max": 10}), "10.001"),
            (json!({"min": 5}), r#""many""#),
            (json!({"min": 5}), "{}"),
            (json!({"min": "2026-11-01"}), "1793491200000"),
            (json!({"present": false}), "0"),
            (json!({"present": true}), "null"),
            (json!([1, "a"]), "{\"a\": 1}"),
        ];
        for (cases, wanted) in [(yes, true), (no, false)] {
            for (condition, value) in cases {
                let event = format!("{{\"p\": {value}}}");
                let found = takes(json!({"event.p": condition}), &event);
                assert_eq!(found, wanted, "{condition} of {value}");
            }
        }
        assert!(takes(json!({"event.p": {"present": false}}), "{}"));
        assert!(!takes(
            json!({"event.p": 1, "event.q": 2}),
            "{\"p\": 1, \"q\": 3}"
        ));
        assert!(takes(json!({}), "{}"));
    }
}
