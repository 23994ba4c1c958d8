//! Words that the kinds of values share: whose values, and as what. What a text becomes is `typed.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{CohortRef, Resource};

/// The people whose values are moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// A cohort in Amplitude: its name, or `{id: 26umsb5}`.
    pub cohort: CohortRef,
}

/// Returns whose values a sync moves, if it is one of values.
pub(super) fn audience_of(resource: &Resource) -> Option<Audience> {
    serde_json::from_value(resource.body.get("audience")?.clone()).ok()
}

/// The type a text of Amplitude becomes in Braze. An empty text is no value; what does not fit is skipped, and counted
/// by reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum As {
    /// Text as it is, of 255 characters at most. Leading zeros and long digits stay. (Braze itself takes a text that has
    /// the form of a time as one.)
    String,
    /// A number, as JSON writes it. 3, 3.0 and 3e0 are the same; no `1,5`, and no more digits than a number keeps.
    Number,
    /// A whole number of 64 bits. 3.0 is 3, and 3.5 is skipped.
    Integer,
    /// true or false, in any case, or 1 or 0.
    Boolean,
    /// A point in time: ISO 8601, `yyyy-MM-dd HH:mm:ss`, `yyyy-MM-dd` or `MM/dd/yyyy`; UTC where no zone is given. Sent
    /// as `2020-12-23T02:32:00Z`. Seconds since 1970 are skipped.
    Time,
    /// A JSON list of texts, numbers and booleans, 500 at most, of which equal ones are sent once; or a list of objects.
    /// An empty one is no value.
    Array,
    /// A nested JSON object of 100 KB at most, without null, and without space, `.` or `$` in its keys. A time in it is
    /// `{"$time": "2020-12-23"}`. An empty one is no value.
    Object,
    /// What the text looks like: `[…]`, `{…}`, true, false, a number of at most 15 digits such as 7 or 11.50. Everything
    /// else is text, as are leading zeros, exponents and long digits.
    Auto,
}
