//! Counts what the rows to be sent do to each attribute, and which changes are the most frequent.
//!
//! A transition is told only where values repeat: an attribute of a few values, and a pair of them that several people
//! share. A value that is one person's own is nobody else's to read.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::values::{Step, steps};
use crate::model::{
    Change,
    plan::{AttributePlan, Transition},
};

/// Pairs of values past which an attribute is not of low cardinality.
const PAIRS: usize = 100;
/// People who must share a pair for it to be told.
const SHARED: u64 = 3;
/// Pairs told.
const TOLD: usize = 3;

/// Counts by attribute.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<String, Counted>);

#[derive(Debug, Default)]
struct Counted {
    added: u64,
    changed: u64,
    cleared: u64,
    data_points: u64,
    pairs: HashMap<(String, String), u64>,
    /// Whether there were too many different pairs.
    various: bool,
}

impl Tally {
    /// Counts one row that is sent, and returns whether it loses a value; `points` prices one.
    pub fn count(&mut self, change: &Change, points: impl Fn(&Value) -> u64) -> bool {
        let mut clears = false;
        for step in steps(change) {
            let Step {
                attribute,
                before,
                after,
            } = step;
            let counted = self.0.entry(attribute).or_default();
            counted.data_points += points(after.as_ref().unwrap_or(&Value::Null));
            match (before, after) {
                (Some(before), Some(after)) if before != after => {
                    counted.changed += 1;
                    counted.pair(&before, &after);
                }
                (_, Some(_)) => counted.added += 1,
                (_, None) => {
                    clears = true;
                    counted.cleared += 1;
                }
            }
        }
        clears
    }

    /// Returns what was counted, by attribute.
    pub fn finish(self) -> impl Iterator<Item = AttributePlan> {
        self.0.into_iter().map(|(name, counted)| {
            let mut pairs: Vec<_> = counted.pairs.into_iter().collect();
            pairs.retain(|(_, count)| *count >= SHARED && !counted.various);
            pairs.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
            let told = pairs.into_iter().take(TOLD);
            let value = |text: &str| serde_json::from_str(text).unwrap_or_default();
            let transitions = told.map(|((before, after), count)| Transition {
                before: value(&before),
                after: value(&after),
                count,
            });
            AttributePlan {
                transitions: transitions.collect(),
                added: counted.added,
                changed: counted.changed,
                cleared: counted.cleared,
                data_points: counted.data_points,
                ..AttributePlan::named(name)
            }
        })
    }
}

impl Counted {
    fn pair(&mut self, before: &Value, after: &Value) {
        let scalar = |value: &Value| !value.is_array() && !value.is_object();
        if self.various || !scalar(before) || !scalar(after) {
            return;
        }
        let pair = (before.to_string(), after.to_string());
        *self.pairs.entry(pair).or_default() += 1;
        if self.pairs.len() > PAIRS {
            self.various = true;
            self.pairs = HashMap::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Key, Standing, Text, Verb};

    fn change(person: usize, before: Value, after: Value) -> Change {
        let text = |value: Value| Some(Text::from(value.to_string()));
        Change {
            key: Key::external(&format!("u{person}")).unwrap(),
            amplitude_id: None,
            verb: Verb::Change,
            before: text(before),
            maybe: None,
            after: text(after),
            standing: Standing::Unasked,
        }
    }

    #[test]
    fn only_values_that_several_share_are_told() {
        let mut tally = Tally::default();
        for person in 0..7 {
            let (from, to) = if person < 4 {
                ("free", "pro")
            } else {
                ("pro", "team")
            };
            let mail = |n: usize| format!("{person}.{n}@example.org");
            tally.count(
                &change(
                    person,
                    json!({"tier": from, "mail": mail(1), "gone": 1}),
                    json!({"tier": to, "mail": mail(2), "new": [1, 2]}),
                ),
                |_| 2,
            );
        }
        let found: Vec<AttributePlan> = tally.finish().collect();
        let of = |name: &str| found.iter().find(|found| found.name == name).unwrap();
        assert_eq!((of("tier").changed, of("tier").data_points), (7, 14));
        let told = of("tier").transitions.iter();
        let told: Vec<_> = told
            .map(|told| (&told.before, &told.after, told.count))
            .collect();
        assert_eq!(
            told,
            [
                (&json!("free"), &json!("pro"), 4),
                (&json!("pro"), &json!("team"), 3)
            ]
        );
        assert_eq!(of("mail").changed, 7);
        assert!(of("mail").transitions.is_empty());
        assert_eq!((of("gone").cleared, of("new").added), (7, 7));
    }

    #[test]
    fn an_attribute_of_many_values_tells_none() {
        let mut tally = Tally::default();
        for person in 0..400 {
            let value = person % 101;
            tally.count(
                &change(person, json!({"score": value}), json!({"score": value + 1})),
                |_| 1,
            );
        }
        let found: Vec<AttributePlan> = tally.finish().collect();
        assert_eq!(found[0].changed, 400);
        assert!(found[0].transitions.is_empty());
    }
}
