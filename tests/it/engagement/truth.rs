//! What Amplitude should hold of Currents files, worked out from the Avro alone and by this page of the wire facts:
//! nothing here comes from the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use apache_avro::Reader;
use serde_json::{Map, Value, json};

/// Names of Braze's own export, for some of the types.
const NAMES: [(&str, &str); 10] = [
    ("users.messages.email.Open", "[Appboy] Email Open"),
    ("users.messages.email.Click", "[Appboy] Email Click"),
    (
        "users.messages.email.SoftBounce",
        "[Appboy] Email Soft Bounce",
    ),
    (
        "users.messages.email.MarkAsSpam",
        "[Appboy] Email Mark As Spam",
    ),
    (
        "users.messages.pushnotification.Send",
        "[Appboy] Push Notification Send",
    ),
    ("users.messages.sms.Delivery", "[Appboy] SMS Delivery"),
    ("users.campaigns.Conversion", "[Appboy] Campaign Conversion"),
    ("users.behaviors.app.SessionStart", "[Appboy] Session Start"),
    ("users.behaviors.Purchase", "[Appboy] Purchase"),
    // Braze has no such type: it gets a name of its parts.
    (
        "users.messages.carrierpigeon.Release",
        "[Appboy] Carrierpigeon Release",
    ),
];
/// Said beside the properties, or to nobody.
const APART: [&str; 5] = ["id", "time", "user_id", "external_user_id", "device_id"];
/// What tells where somebody is or is reached, what was written, what opens a device.
const PRIVATE: [&str; 36] = [
    "abort_log",
    "altitude",
    "bounce_reason",
    "bsuid",
    "channel_identifier",
    "deferral_reason",
    "email_address",
    "endpoint_url",
    "error",
    "flow_response_json",
    "from_phone_number",
    "inbound_phone_number",
    "input",
    "latitude",
    "longitude",
    "media_urls",
    "message_body",
    "message_extras",
    "native_line_id",
    "output",
    "phone_number",
    "push_to_start_token",
    "push_token",
    "push_token_device_id",
    "quick_reply_text",
    "raw_response",
    "retry_log",
    "sending_ip",
    "to_phone_number",
    "tool_arguments",
    "update_token",
    "url_path",
    "user_phone_number",
    "web_push_token_public_key",
    "web_push_token_user_auth",
    "web_push_token_vapid_public_key",
];

/// What files hold.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// Events that are sent, by id: their type and their record.
    pub(super) due: BTreeMap<String, (String, Map<String, Value>)>,
    /// Records in all files.
    pub(super) records: usize,
    /// Records of nobody.
    pub(super) nobodys: usize,
    /// Records that were there before.
    pub(super) repeated: usize,
}

impl Truth {
    /// Reads every file below a directory.
    pub(super) fn read(below: &Path) -> Self {
        let mut truth = Self::default();
        for path in super::files(below) {
            truth.file(&path);
        }
        truth
    }

    fn file(&mut self, path: &Path) {
        let parts = path.components();
        let mut names = parts.map(|part| part.as_os_str().to_str().unwrap());
        let event_type = names
            .find_map(|name| name.strip_prefix("event_type="))
            .unwrap();
        for record in Reader::new(File::open(path).unwrap()).unwrap() {
            let Value::Object(record) = record.unwrap().try_into().unwrap() else {
                panic!("a record");
            };
            self.records += 1;
            let is_null = |field: &str| record.get(field).is_none_or(Value::is_null);
            if is_null("external_user_id") && is_null("device_id") {
                self.nobodys += 1;
                continue;
            }
            let id = record["id"].as_str().unwrap().to_owned();
            let event = (event_type.to_owned(), record);
            self.repeated += usize::from(self.due.insert(id, event).is_some());
        }
    }

    /// How many types are among those that are sent.
    pub(super) fn types(&self) -> usize {
        let types: BTreeSet<&String> = self.due.values().map(|(kind, _)| kind).collect();
        types.len()
    }

    /// Fails unless these are the events that are due, each once, in the words of Braze's own export.
    #[track_caller]
    pub(super) fn assert_held(&self, held: &[Value]) {
        let mut seen = BTreeSet::new();
        for event in held {
            let id = event["insert_id"].as_str().unwrap();
            assert!(seen.insert(id), "{id} is there twice");
            let (kind, record) = self
                .due
                .get(id)
                .unwrap_or_else(|| panic!("{event} is not due"));
            same(kind, record, event);
        }
        assert_eq!(seen.len(), self.due.len(), "some never came");
    }
}

#[track_caller]
fn same(kind: &str, record: &Map<String, Value>, event: &Value) {
    let of = |field: &str| record.get(field).cloned().unwrap_or_default();
    assert_eq!(event["user_id"], of("external_user_id"), "{event}");
    assert_eq!(event["device_id"], of("device_id"), "{event}");
    assert_eq!(
        event["time"],
        of("time").as_i64().unwrap() * 1000,
        "{event}"
    );
    assert_eq!(event["library"], "Braze");
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == kind) {
        assert_eq!(event["event_type"], *name);
    }
    let mut wanted = Map::new();
    for (name, value) in record {
        let out = APART.contains(&&**name) || PRIVATE.contains(&&**name);
        if !(out || value.is_null()) {
            wanted.insert(name.clone(), value.clone());
        }
    }
    if kind == "users.behaviors.CustomEvent" {
        let name = wanted.remove("name").unwrap();
        let name = format!("[Appboy] [Custom Event] {}", name.as_str().unwrap());
        assert_eq!(event["event_type"], name);
        flatten(&mut wanted, "[Custom event property] ");
    } else if kind == "users.behaviors.Purchase" {
        assert_eq!(event["productId"], wanted.remove("product_id").unwrap());
        assert_eq!(event["price"], wanted.remove("price").unwrap());
        assert_eq!(event["quantity"], 1);
        flatten(&mut wanted, "[Purchase property] ");
    }
    assert_eq!(event["event_properties"], json!(wanted), "{kind} {event}");
}

/// Puts what somebody's own event says beside the rest.
fn flatten(wanted: &mut Map<String, Value>, prefix: &str) {
    let Some(own) = wanted.remove("properties") else {
        return;
    };
    let own: Map<String, Value> = serde_json::from_str(own.as_str().unwrap()).unwrap();
    wanted.extend(
        own.into_iter()
            .map(|(name, value)| (format!("{prefix}{name}"), value)),
    );
}

/// Writes a file again with one event more, the first under another id. Returns that id.
pub(super) fn lengthen(path: &Path) -> String {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let schema = reader.writer_schema().clone();
    let mut records: Vec<apache_avro::types::Value> = reader.by_ref().map(Result::unwrap).collect();
    let id = "11111111-2222-4333-8444-555555555555";
    let apache_avro::types::Value::Record(mut fields) = records[0].clone() else {
        panic!("a record");
    };
    for (name, value) in &mut fields {
        if name == "id" {
            *value = apache_avro::types::Value::String(id.to_owned());
        }
    }
    records.push(apache_avro::types::Value::Record(fields));
    let mut writer = apache_avro::Writer::new(&schema, Vec::new()).unwrap();
    for record in records {
        writer.append_value(record).unwrap();
    }
    fs::write(path, writer.into_inner().unwrap()).unwrap();
    id.to_owned()
}
