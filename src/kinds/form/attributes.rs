//! Attributes with values: which, from which cell each, and how a cell becomes a value.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::{Value, json};

use super::Valued;
use crate::{
    braze,
    diff::values::{Policy, steps},
    kinds::{
        As,
        typed::{Typed, items, moment, text},
    },
    model::{Change, Edit},
};

/// Why somebody has no value: they are left out on purpose.
const CONTROL_GROUP: &str = "control_group";

/// Attributes of one sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// They, in the order of their names.
    pub list: Vec<Attribute>,
    /// Whether the values of a person who leaves are cleared.
    pub clear_leavers: bool,
    /// Whether a value that the source no longer has is cleared.
    pub clear_nulls: bool,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name in Braze.
    pub name: String,
    /// Which of the cells it is made from.
    pub cell: usize,
    /// How.
    pub take: Take,
}

/// How a cell becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// A text as a type.
    As(As),
    /// The items of a recommendation.
    Items {
        /// Items at most.
        limit: Option<u32>,
        /// Whether those of the control group have it.
        control: bool,
    },
    /// When a recommendation was made, for those who have its items.
    MadeAt {
        /// Whether those of the control group have it.
        control: bool,
    },
}

impl Attributes {
    /// Makes attributes of a list in any order.
    pub fn new(mut list: Vec<Attribute>, clear_leavers: bool, clear_nulls: bool) -> Self {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            list,
            clear_leavers,
            clear_nulls,
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|attribute| attribute.name.as_str())
    }

    pub(super) fn value(&self, cells: &[Value]) -> Valued {
        let (mut text, mut unfit) = ("{".to_owned(), vec![]);
        let mut points = vec![0; self.list.len()];
        for (at, attribute) in self.list.iter().enumerate() {
            let cell = cells.get(attribute.cell).unwrap_or(&Value::Null);
            let value = match attribute.take.typed(cell) {
                Typed::Value(value) => {
                    points[at] = braze::data_points(&value);
                    value
                }
                Typed::Empty => {
                    if attribute.take.leaves_out(cell) {
                        unfit.push((at, CONTROL_GROUP));
                    }
                    Value::Null
                }
                // Nothing is said of it, so what Braze has of it stays.
                Typed::Unfit(why) => {
                    unfit.push((at, why.word()));
                    continue;
                }
            };
            let comma = if text.len() > 1 { "," } else { "" };
            // Texts are written, and that cannot fail.
            let _ = write!(text, "{comma}{}:{value}", json!(attribute.name));
        }
        text.push('}');
        Valued {
            value: text.into(),
            points,
            unfit,
        }
    }

    pub(super) fn policy(&self, applied: &BTreeSet<String>, empties: bool) -> Policy {
        let declared = || self.names().map(str::to_owned).collect::<BTreeSet<_>>();
        let dropped: BTreeSet<String> = applied - &declared();
        let dropped = if empties { dropped } else { BTreeSet::new() };
        let known = applied & &declared();
        Policy {
            fresh: known.len() < self.list.len(),
            recorded: &known | &dropped,
            dropped,
            clear_leavers: self.clear_leavers,
            clear_nulls: self.clear_nulls,
        }
    }
}

impl Take {
    /// Whether somebody has nothing because they are of the control group.
    fn leaves_out(self, cell: &Value) -> bool {
        let (Self::Items { control, .. } | Self::MadeAt { control }) = self else {
            return false;
        };
        !control && cell["is_control"] == true
    }

    fn typed(self, cell: &Value) -> Typed {
        match self {
            Self::As(kind) => cell.as_str().map_or(Typed::Empty, |cell| text(cell, kind)),
            _ if self.leaves_out(cell) => Typed::Empty,
            Self::Items { limit, .. } => items(&cell["items"], limit),
            // A time by itself would speak of other items than are there.
            Self::MadeAt { .. } => match items(&cell["items"], None) {
                Typed::Value(_) => moment(&cell["last_updated"]),
                without => without,
            },
        }
    }
}

pub(super) fn edits(change: &Change) -> Vec<Edit> {
    let edit = |step: crate::diff::values::Step| Edit::Set {
        attribute: step.attribute,
        value: step.after.unwrap_or(Value::Null),
    };
    steps(change).into_iter().map(edit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_with_its_items_and_a_control_group_is_counted() {
        let attribute = |name: &str, take| Attribute {
            name: name.to_owned(),
            cell: 0,
            take,
        };
        let items = Take::Items {
            limit: Some(2),
            control: false,
        };
        let made_at = Take::MadeAt { control: false };
        let list = vec![attribute("list", items), attribute("made_at", made_at)];
        let attributes = Attributes::new(list, false, false);
        let of = |cell: Value| {
            let valued = attributes.value(&[cell]);
            (valued.value.to_string(), valued.unfit)
        };
        let cell = |items: Value, control: bool| json!({"items": items, "is_control": control, "last_updated": 1_608_690_720});
        let whole = r#"{"list":["a","b"],"made_at":"2020-12-23T02:32:00Z"}"#;
        let none = r#"{"list":null,"made_at":null}"#;
        assert_eq!(
            of(cell(json!(["a", "b", "c"]), false)),
            (whole.to_owned(), vec![])
        );
        let left_out = vec![(0, "control_group"), (1, "control_group")];
        assert_eq!(of(cell(json!(["a"]), true)), (none.to_owned(), left_out));
        assert_eq!(of(cell(json!([]), false)), (none.to_owned(), vec![]));
        let bad = vec![(0, "bad_element"), (1, "bad_element")];
        assert_eq!(of(cell(json!([["a"]]), false)), ("{}".to_owned(), bad));
    }
}
