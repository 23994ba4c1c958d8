//! What a kind asks of one profile, in no service's words: the engine merges edits, a client words them.

use serde_json::Value;

/// One edit of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Puts one value into an array and takes others out.
    Array {
        /// Name of the attribute.
        attribute: String,
        /// What is to be in it.
        add: Option<Value>,
        /// What is not.
        remove: Vec<Value>,
    },
    /// Sets an attribute; null clears it.
    Set {
        /// Name of the attribute.
        attribute: String,
        /// Its value.
        value: Value,
    },
    /// Puts the person into the cohort of the lane, or takes them out.
    Member {
        /// Whether the person joins.
        joins: bool,
    },
}
