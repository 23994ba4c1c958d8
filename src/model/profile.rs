//! What is asked of one person's profile, and what is answered. Data only; Debug shows no value.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::digest;

/// What is asked, of each person the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Question {
    /// Which computations.
    pub computations: Vec<Computation>,
    /// Which recommendations, by id.
    pub recommendations: Vec<String>,
}

/// One computation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Computation {
    /// Its id: what is asked.
    pub id: String,
    /// Its name: what the answer calls it. None: as its id.
    pub name: Option<String>,
}

/// What one profile holds, in the order of the question.
#[derive(Clone, PartialEq)]
pub struct Answer {
    /// Values of computations as text; none where there is none.
    pub computations: Vec<Option<String>>,
    /// Recommendations; none where there is none.
    pub recommendations: Vec<Option<Recommended>>,
}

/// One recommendation for one person.
#[derive(Clone, PartialEq)]
pub struct Recommended {
    /// Best first.
    pub items: Vec<Value>,
    /// Whether the person is of the control group, and the items are chance.
    pub is_control: bool,
    /// When it was made, in Unix seconds.
    pub last_updated: Option<i64>,
}

impl Question {
    /// Returns whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.computations.is_empty() && self.recommendations.is_empty()
    }

    /// Returns its digest: answers to one question are none to another.
    pub fn digest(&self) -> String {
        let computation = |one: &Computation| json!([one.id, one.name]);
        let computations: Vec<Value> = self.computations.iter().map(computation).collect();
        digest::sha256(
            json!([computations, self.recommendations])
                .to_string()
                .as_bytes(),
        )
    }
}

impl Answer {
    /// Returns its cells as JSON text: an array in the order of the question, computations first; null where nothing is.
    pub fn cells(&self) -> String {
        let computations = self.computations.iter().map(|value| json!(value));
        let recommended = |one: &Recommended| {
            json!({
                "items": one.items,
                "is_control": one.is_control,
                "last_updated": one.last_updated,
            })
        };
        let recommendations = self.recommendations.iter();
        let recommendations =
            recommendations.map(|one| one.as_ref().map_or(Value::Null, recommended));
        Value::Array(computations.chain(recommendations).collect()).to_string()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(***)")
    }
}

impl fmt::Debug for Recommended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recommended(***)")
    }
}
