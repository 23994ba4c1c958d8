//! What is remembered of an entry as it was applied: what has an effect in Braze, and nothing else.

use serde_json::Value;

/// Keys that change what Syncform allows or how it works, but nothing in Braze: not part of what was applied.
const WITHOUT_EFFECT: [&str; 13] = [
    "guards",
    "allow_removal",
    "allow_empty",
    "max_age",
    "settle",
    "seed",
    "confirm",
    "recheck",
    "retry_refused",
    "paused",
    "recreate",
    // Remembered beside it, of every kind.
    "protect",
    // Pinned, and compared by what it is rather than by what is written.
    "label",
];

/// Returns an entry less what has no effect in Braze, its keys in order.
pub(super) fn config(body: &Value) -> Value {
    let mut config = body.clone();
    if let Value::Object(members) = &mut config {
        members.retain(|key, _| !WITHOUT_EFFECT.contains(&key.as_str()));
        members.sort_keys();
    }
    config
}
