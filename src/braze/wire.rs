//! Wire shapes of Braze, private to this room.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The answer of `/users/track`. Elements of `errors` may be objects with any of these members, or plain texts.
#[derive(Deserialize)]
pub(super) struct TrackAnswer {
    pub(super) message: String,
    #[serde(default)]
    pub(super) errors: Vec<Value>,
}

/// The answer of an endpoint that says no more than whether it worked.
#[derive(Deserialize)]
pub(super) struct Acknowledgement {
    message: String,
}

impl Acknowledgement {
    /// Whether a body says success.
    pub(super) fn is_success(body: &[u8]) -> bool {
        serde_json::from_slice::<Self>(body)
            .is_ok_and(|body| body.message.eq_ignore_ascii_case("success"))
    }
}

#[derive(Deserialize)]
pub(super) struct SegmentList {
    pub(super) segments: Vec<SegmentItem>,
}

#[derive(Deserialize)]
pub(super) struct SegmentItem {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) analytics_tracking_enabled: bool,
    #[serde(default)]
    pub(super) tags: Option<Vec<String>>,
}

/// The answer of `/segments/details`. Texts that are not there are empty.
#[derive(Deserialize)]
pub(super) struct SegmentAbout {
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) text_description: Option<String>,
    #[serde(default)]
    pub(super) tags: Option<Vec<String>>,
    #[serde(default)]
    pub(super) teams: Option<Vec<String>>,
    #[serde(default)]
    pub(super) updated_at: Option<String>,
}

/// The answer of `/segments/data_series`.
#[derive(Deserialize)]
pub(super) struct SegmentSizes {
    pub(super) data: Vec<SegmentSize>,
}

/// The size of a day, written so that texts sort as days do.
#[derive(Deserialize)]
pub(super) struct SegmentSize {
    pub(super) time: String,
    #[serde(default)]
    pub(super) size: Option<u64>,
}

/// The answer of `/users/export/segment`; without an address where a storage of the customer's takes the file.
#[derive(Deserialize)]
pub(super) struct Exporting {
    #[serde(default)]
    pub(super) url: Option<String>,
}

/// One line of a segment's export, as far as it is asked for.
#[derive(Deserialize)]
pub(super) struct ExportedMember {
    #[serde(default)]
    pub(super) external_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct AttributeList {
    pub(super) attributes: Vec<AttributeItem>,
}

#[derive(Deserialize)]
pub(super) struct AttributeItem {
    pub(super) name: String,
    #[serde(default)]
    pub(super) data_type: Option<String>,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) array_length: Option<u64>,
}

/// The answer of `/users/export/ids`. A field of a profile that is absent is null or empty; the list of profiles is there
/// even if it is empty, and an answer without it says of nobody that they are unknown.
#[derive(Deserialize)]
pub(super) struct Exported {
    pub(super) users: Vec<ExportedUser>,
}

#[derive(Deserialize)]
pub(super) struct ExportedUser {
    #[serde(default)]
    pub(super) external_id: Option<String>,
    #[serde(default)]
    pub(super) user_aliases: Option<Vec<ExportedAlias>>,
    #[serde(default)]
    pub(super) custom_attributes: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) custom_events: Option<Vec<ExportedHappening>>,
    #[serde(default)]
    pub(super) purchases: Option<Vec<ExportedHappening>>,
}

/// What a profile tells of all events of a name, or purchases of a product (braze.md 11). Times come in several forms.
#[derive(Deserialize)]
pub(super) struct ExportedHappening {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) first: Value,
    #[serde(default)]
    pub(super) last: Value,
    #[serde(default)]
    pub(super) count: Value,
}

#[derive(Deserialize)]
pub(super) struct ExportedAlias {
    pub(super) alias_name: String,
    pub(super) alias_label: String,
}

/// Finds the words of an error: `message`, `error` (malformed JSON), or plain text.
pub(super) fn error_text(body: &[u8]) -> String {
    let plain = || String::from_utf8_lossy(body).into_owned();
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return plain();
    };
    [&body["message"], &body["error"]]
        .into_iter()
        .find_map(Value::as_str)
        .map_or_else(plain, str::to_owned)
}
