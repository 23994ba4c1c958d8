//! Counts what was asked and what was refused, by templated path. It must not know what the paths mean.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Counters since the start, or since they were reset.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    requests: BTreeMap<String, u64>,
    rejected: BTreeMap<String, u64>,
    /// What Braze would bill.
    pub(crate) data_points: u64,
    /// Objects accepted by `/users/track` and its like.
    pub(crate) objects: u64,
}

impl Stats {
    /// Counts a request when it arrives, whatever becomes of it.
    pub(crate) fn asked(&mut self, route: &str) {
        count(&mut self.requests, route.to_owned());
    }

    /// Counts an answer that is a refusal.
    pub(crate) fn answered(&mut self, route: &str, status: u16) {
        if status >= 400 {
            count(&mut self.rejected, format!("{route} {status}"));
        }
    }

    /// Returns the counters beside what the world holds.
    pub(crate) fn shown(&self, world: &str, users: usize) -> Value {
        json!({
            "world": world, "requests": self.requests, "rejected": self.rejected,
            "data_points": self.data_points, "users": users, "objects": self.objects,
        })
    }
}

fn count(counters: &mut BTreeMap<String, u64>, name: String) {
    *counters.entry(name).or_default() += 1;
}
