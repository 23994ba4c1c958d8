//! What is to be done with a row of values: attribute by attribute, what is recorded against what is desired.
//!
//! A desired row is an object. An attribute with a value is to have it; one that is null has no value in the source;
//! one that is missing says nothing: nobody read it, or Braze could not hold what was read. A recorded row is an object
//! of the values that Braze acknowledged.
//!
//! # Guarantees
//! What the source says nothing of is left as it is. Nothing is cleared that is not recorded.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use super::{
    decide::{self, Decision, from_array, to_array},
    join::Joined,
};
use crate::model::{Change, Member, Presence, Record, Standing, Text, Verb};

/// How the rows of a resource are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// As a whole: a membership.
    Whole,
    /// Attribute by attribute.
    Attributes(Policy),
}

/// How attributes are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Attributes whose recorded values count: declared, or no longer declared and to be cleared. Others that a row
    /// may hold were left to whoever wants them.
    pub recorded: BTreeSet<String>,
    /// Attributes that are no longer declared and are cleared.
    pub dropped: BTreeSet<String>,
    /// Whether a declared attribute is new: what a row may hold of it from before counts for nothing.
    pub fresh: bool,
    /// Whether the values of a person who leaves are cleared.
    pub clear_leavers: bool,
    /// Whether a value that the source no longer has is cleared.
    pub clear_nulls: bool,
}

type Object = Map<String, Value>;

impl Rule {
    /// Decides one row.
    pub fn decide(&self, row: Joined<Record, Member>) -> Decision {
        match self {
            Self::Whole => decide::decide(row),
            Self::Attributes(policy) => policy.decide(row),
        }
    }
}

impl Policy {
    fn decide(&self, row: Joined<Record, Member>) -> Decision {
        match row {
            Joined::Right(member) => {
                // Most rows have a value for each attribute, and are what is to be there as they stand.
                let after = if member.value.contains("null") {
                    let mut wanted = object(&member.value);
                    wanted.retain(|_, value| !value.is_null());
                    text(wanted)
                } else {
                    member.value
                };
                if after.as_ref() == "{}" {
                    return Decision::Nothing;
                }
                Decision::Send(Change {
                    key: member.key,
                    amplitude_id: member.amplitude_id,
                    verb: Verb::Add,
                    before: None,
                    maybe: None,
                    after: Some(after),
                    standing: Standing::Unasked,
                })
            }
            Joined::Left(record) if self.clear_leavers => self.towards(record, None, |_, _| None),
            // What a former run may have sent stays as open as it is: nobody desires it any more.
            Joined::Left(record)
                if record.presence == Presence::Doubt && !self.may_hold_dropped(&record) =>
            {
                Decision::Keep(record)
            }
            Joined::Left(record) => self.towards(record, None, |_, held| held.cloned()),
            Joined::Both(record, member) => {
                let settled = record.presence != Presence::Doubt && !self.fresh;
                if settled && record.value == member.value {
                    return Decision::Keep(record);
                }
                let wanted = object(&member.value);
                let id = member.amplitude_id.or(record.amplitude_id);
                let clears = self.clear_nulls;
                self.towards(record, Some((id, &wanted)), |name, held| {
                    match wanted.get(name) {
                        Some(Value::Null) if clears => None,
                        Some(Value::Null) | None => held.cloned(),
                        Some(value) => Some(value.clone()),
                    }
                })
            }
        }
    }

    /// Decides a recorded row, `target` saying what an attribute is to be, from what is held of it.
    fn towards(
        &self,
        record: Record,
        wanted: Option<(Option<i64>, &Object)>,
        target: impl Fn(&str, Option<&Value>) -> Option<Value>,
    ) -> Decision {
        let held = self.held(&record.value);
        let mut after = Object::new();
        let (amplitude_id, wanted) = match wanted {
            Some((id, wanted)) => (id, Some(wanted)),
            None => (record.amplitude_id, None),
        };
        let known = held.keys().filter(|name| !self.dropped.contains(*name));
        let names: BTreeSet<&String> = known
            .chain(wanted.into_iter().flat_map(Object::keys))
            .collect();
        for name in names {
            if let Some(value) = target(name, held.get(name)) {
                after.insert(name.clone(), value);
            }
        }
        let doubtful = record.presence == Presence::Doubt;
        let others: Option<Vec<Object>> = doubtful.then(|| {
            let others = record.maybe.as_deref().map(from_array);
            // A first row in doubt may not be there at all.
            let others = others.unwrap_or_else(|| vec!["{}".into()]);
            others.iter().map(|value| self.held(value)).collect()
        });
        if !doubtful && after == held {
            return Decision::Keep(record);
        }
        let nothing_there = held.is_empty() && others.iter().flatten().all(Object::is_empty);
        if after.is_empty() && nothing_there {
            return Decision::Keep(record);
        }
        // A removal whose answer is lost may have left nothing.
        let others = match others {
            others if !after.is_empty() => others,
            others => Some(
                others
                    .into_iter()
                    .flatten()
                    .chain([Object::new()])
                    .collect(),
            ),
        };
        let maybe = others.map(|others| {
            let others = others.into_iter().map(Value::Object);
            Arc::from(Value::Array(others.collect()).to_string())
        });
        let change = Change {
            standing: record.standing(),
            key: record.key.clone(),
            amplitude_id,
            verb: if after.is_empty() {
                Verb::Remove
            } else {
                Verb::Change
            },
            before: Some(text(held)),
            maybe,
            after: (!after.is_empty()).then(|| text(after)),
        };
        // What is in doubt about the row may be of no concern any more.
        if doubtful && steps(&change).is_empty() {
            return Decision::Keep(record);
        }
        Decision::Send(change)
    }

    /// Whether a row holds, or may hold, what is to be cleared.
    fn may_hold_dropped(&self, record: &Record) -> bool {
        let maybe = record.maybe.as_deref().map(from_array).unwrap_or_default();
        let holds = |value: &str| {
            let held = object(value);
            self.dropped.iter().any(|name| held.contains_key(name))
        };
        holds(&record.value) || maybe.iter().any(|value| holds(value))
    }

    /// The values of a recorded row that count.
    fn held(&self, value: &str) -> Object {
        let mut held = object(value);
        held.retain(|name, _| self.recorded.contains(name));
        held
    }
}

/// Returns a recorded row without what it holds, or may hold, of these attributes.
pub fn without(record: Record, attributes: &BTreeSet<String>) -> Record {
    if attributes.is_empty() {
        return record;
    }
    let rest = |value: &str| {
        let mut held = object(value);
        held.retain(|name, _| !attributes.contains(name));
        text(held)
    };
    let maybe = record.maybe.as_deref().map(|maybe| {
        let rests: BTreeSet<Text> = from_array(maybe).iter().map(|value| rest(value)).collect();
        to_array(&rests)
    });
    Record {
        value: rest(&record.value),
        maybe,
        ..record
    }
}

/// Returns whether a desired row holds any value at all.
pub fn says_something(rule: &Rule, value: &str) -> bool {
    match rule {
        Rule::Whole => true,
        Rule::Attributes(_) => object(value).values().any(|value| !value.is_null()),
    }
}

/// Reads the value of a row.
pub fn object(value: &str) -> Object {
    serde_json::from_str(value).unwrap_or_default()
}

/// Words the value of a row: its attributes in the order of their names.
pub fn text(mut object: Object) -> Text {
    object.sort_keys();
    Value::Object(object).to_string().into()
}

/// What one attribute becomes in a row that is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The attribute.
    pub attribute: String,
    /// What was recorded of it.
    pub before: Option<Value>,
    /// What it is to be; none where it is cleared.
    pub after: Option<Value>,
}

/// Returns whether a row that is sent stays and loses a value.
pub fn clears(change: &Change) -> bool {
    change.verb == Verb::Change && steps(change).iter().any(|step| step.after.is_none())
}

/// Returns what a row that is sent does to each attribute. Of a row in doubt everything is sent of which Braze may hold
/// something else.
pub fn steps(change: &Change) -> Vec<Step> {
    let mut after = change.after.as_deref().map(object).unwrap_or_default();
    if change.before.is_none() && change.maybe.is_none() {
        // Most rows of a first apply: all of it is new.
        let new = |(attribute, value)| Step {
            attribute,
            before: None,
            after: Some(value),
        };
        return after.into_iter().map(new).collect();
    }
    let before = change.before.as_deref().map(object).unwrap_or_default();
    let maybe = change.maybe.as_deref().map(from_array).unwrap_or_default();
    let maybe: Vec<Object> = maybe.iter().map(|value| object(value)).collect();
    let mut names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.extend(maybe.iter().flat_map(Object::keys));
    let names: Vec<String> = names.into_iter().cloned().collect();
    let doubtful = change.maybe.is_some();
    let step = |attribute: String| {
        let (before, after) = (before.get(&attribute).cloned(), after.remove(&attribute));
        let same = |other: &Object| other.get(&attribute) == before.as_ref();
        let certain = !doubtful || (!maybe.is_empty() && maybe.iter().all(same));
        (!certain || before != after).then_some(Step {
            attribute,
            before,
            after,
        })
    };
    names.into_iter().filter_map(step).collect()
}
