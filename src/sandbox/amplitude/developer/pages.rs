//! Lists, page by page (amplitude.md 14). It must not know what is listed.

use axum::response::Response;
use serde_json::{Value, json};

use super::{super::hash::hash, problem::Problem};
use crate::sandbox::call::{Call, reply};

/// No list goes deeper.
const DEEPEST: u64 = 10_000;

/// What part of a list was asked for.
pub(crate) struct Page {
    from: u64,
    limit: u64,
    /// Of the filters: a cursor is good for the list it came from alone.
    key: u64,
}

impl Page {
    /// Reads `cursor` and `limit`; the filters are what a cursor belongs to.
    pub(crate) fn asked(call: &Call, filters: &[&str]) -> Result<Self, Problem> {
        let limit = call.query("limit").map_or(Some(50), |text| {
            text.parse().ok().filter(|limit| (1..=200).contains(limit))
        });
        let limit = limit.ok_or_else(|| Problem::field("limit", "must be between 1 and 200"))?;
        let asked = filters.iter().map(|name| call.query(name).unwrap_or(""));
        let words: Vec<&str> = ["cursor", call.param("project")]
            .into_iter()
            .chain(asked)
            .collect();
        let key = hash(&words);
        let from = match call.query("cursor") {
            None => 0,
            Some(cursor) => u64::from_str_radix(cursor, 16)
                .ok()
                .map(|number| number ^ key)
                .filter(|from| *from < 1 << 32)
                .ok_or_else(|| Problem::field("cursor", "is none of this list"))?,
        };
        if from >= DEEPEST {
            let detail = "A list ends after 10,000 results; filter it.";
            return Err(Problem::new(400, "pagination_not_supported", detail));
        }
        Ok(Self { from, limit, key })
    }

    /// Answers with this part of a list.
    pub(crate) fn of<T>(&self, all: &[T], shown: impl Fn(&T) -> Value) -> Response {
        let from = all.len().min(self.from as usize);
        let to = all
            .len()
            .min(from + self.limit as usize)
            .min(DEEPEST as usize);
        let page: Vec<Value> = all
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .map(shown)
            .collect();
        let more = to < all.len().min(DEEPEST as usize);
        let next = more.then(|| format!("{:016x}", to as u64 ^ self.key));
        let pagination = json!({"next_cursor": next, "has_more": more});
        reply(200, &json!({"data": page, "pagination": pagination}))
    }
}
