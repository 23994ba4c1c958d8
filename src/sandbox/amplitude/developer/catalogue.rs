//! The types of destinations there are. The ids of their parameters are not published (amplitude.md 14): these are made up,
//! to be read by a client and never guessed. It must not hold a destination.

use serde_json::{Value, json};

/// Kinds that stream.
pub(crate) const STREAMS: [&str; 2] = ["event", "identify"];
/// Every kind.
pub(crate) const KINDS: [&str; 4] = ["event", "identify", "cohort", "warehouse_export"];

/// Returns every type.
pub(crate) fn all() -> Vec<Value> {
    vec![braze(), cohort_webhook(), webhook()]
}

/// Returns the type of a partner.
pub(crate) fn find(partner: &str) -> Option<Value> {
    all().into_iter().find(|kind| kind["partner"] == partner)
}

/// Tells whether a parameter is never shown.
pub(crate) fn secret(parameter: &Value) -> bool {
    parameter["write_only"] == true
}

fn braze() -> Value {
    let identifiers = ["external_id", "braze_id", "user_alias", "email"];
    let mut identifier = parameter("identifier", "Identifier", "enum");
    identifier["enum_values"] = json!(identifiers);
    made(
        "braze",
        "Braze",
        &["event", "identify", "cohort"],
        &[
            required(parameter("rest_endpoint", "REST Endpoint", "string")),
            required(parameter("rest_api_key", "REST API Key", "secret")),
            parameter("app_id", "App Identifier", "string"),
            parameter("data_import_key", "Data Import Key", "secret"),
            parameter("user_alias_label", "User Alias Label", "string"),
            parameter("update_users_only", "Update existing users only", "boolean"),
            identifier,
        ],
    )
}

fn cohort_webhook() -> Value {
    let parameters = [
        required(parameter("webhook_url", "Webhook URL", "string")),
        parameter("headers", "Headers", "http_headers"),
    ];
    made(
        "cohort_webhook",
        "Cohort Webhooks",
        &["cohort"],
        &parameters,
    )
}

fn webhook() -> Value {
    let parameters = [
        required(parameter("webhook_url", "Webhook URL", "string")),
        parameter("headers", "Headers", "http_headers"),
        parameter("signing_secret", "Signing Secret", "secret"),
        parameter("batch_size", "Batch Size", "number"),
    ];
    made("webhook", "Webhooks", &STREAMS, &parameters)
}

fn made(partner: &str, name: &str, types: &[&str], parameters: &[Value]) -> Value {
    json!({
        "id": partner, "object": "destination_type", "partner": partner, "display_name": name, "types": types,
        "parameters": parameters,
    })
}

fn parameter(id: &str, label: &str, kind: &str) -> Value {
    json!({
        "id": id, "label": label, "kind": kind, "required": false, "description": null,
        "write_only": kind == "secret",
    })
}

fn required(mut parameter: Value) -> Value {
    parameter["required"] = json!(true);
    parameter
}
