//! The reserved fields of an attributes object: which they are, what is wrong with one, how it is kept and what it costs
//! (braze.md 7.2, 7.7, 21). It must not touch a profile.

use serde_json::{Map, Value, json};

/// Keys that say how to write, or whom to; never written themselves.
pub(crate) const CONTROL: [&str; 6] = [
    "external_id",
    "user_alias",
    "braze_id",
    "_update_existing_only",
    "_merge_objects",
    "push_token_import",
];

/// Reserved names, lower case only, and whether a data-point contract bills them.
const RESERVED: [(&str, bool); 26] = [
    ("first_name", true),
    ("last_name", true),
    ("home_city", true),
    ("email", true),
    ("phone", true),
    ("country", true),
    ("language", true),
    ("time_zone", true),
    ("dob", true),
    ("gender", true),
    ("current_location", true),
    ("date_of_first_session", true),
    ("date_of_last_session", true),
    ("bio", true),
    ("twitter", true),
    ("marked_email_as_spam_at", false),
    ("email_subscribe", false),
    ("push_subscribe", false),
    ("email_open_tracking_disabled", false),
    ("email_click_tracking_disabled", false),
    ("subscription_groups", false),
    ("push_tokens", false),
    ("facebook", false),
    ("alias_name", false),
    ("alias_label", false),
    ("devices", false),
];

/// Tells whether a name is a reserved field, and whether it is billed.
pub(crate) fn reserved(name: &str) -> Option<bool> {
    RESERVED
        .iter()
        .find(|(reserved, _)| *reserved == name)
        .map(|(_, billed)| *billed)
}

/// Of an email that is none.
pub(crate) const BAD_EMAIL: &str = "The value provided for the 'email' field is not a valid email.";

/// Checks the fields whose bad values refuse the whole object.
pub(crate) fn check(members: &Map<String, Value>) -> Result<(), &'static str> {
    if members.contains_key("email_subscription_info") {
        return Err("INVALID_ATTRIBUTE_EMAIL_SUBSCRIPTION_INFO");
    }
    if members.get("push_token_import") == Some(&Value::Bool(true)) {
        let known = members.contains_key("external_id") || members.contains_key("braze_id");
        if known || !members.contains_key("push_tokens") {
            return Err("BAD_PUSH_TOKEN_IMPORT");
        }
    }
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "email" if !value.as_str().is_some_and(mail) => {
                return Err(BAD_EMAIL);
            }
            "email_subscribe" if !state(value) => return Err("BAD_EMAIL_SUBSCRIPTION_STATE"),
            "push_subscribe" if !state(value) => return Err("BAD_PUSH_SUBSCRIPTION_STATE"),
            "current_location"
                if !(value["longitude"].is_number() && value["latitude"].is_number()) =>
            {
                return Err("BAD_LOCATION_UPDATE");
            }
            "subscription_groups" => check_groups(value)?,
            "push_tokens" => check_tokens(value)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_groups(value: &Value) -> Result<(), &'static str> {
    for group in value.as_array().ok_or("BAD_SUBSCRIPTION_GROUP_ARRAY")? {
        let (id, state) = (
            &group["subscription_group_id"],
            &group["subscription_state"],
        );
        if id.is_null() || state.is_null() {
            return Err("BAD_SUBSCRIPTION_GROUP_HASH");
        }
        if id.as_str().is_none_or(|id| id.len() != 36) {
            return Err("BAD_SUBSCRIPTION_GROUP_ID");
        }
        if state != "subscribed" && state != "unsubscribed" {
            return Err("BAD_SUBSCRIPTION_GROUP_STATE");
        }
    }
    Ok(())
}

fn check_tokens(value: &Value) -> Result<(), &'static str> {
    for token in value.as_array().ok_or("BAD_PUSH_TOKEN_VALUE")? {
        let token = token.as_object().ok_or("BAD_PUSH_TOKEN_VALUE")?;
        if !token.get("token").is_some_and(Value::is_string) {
            return Err("BAD_PUSH_TOKEN_STRING");
        }
        // No workspace has an app of such an id here.
        let app = token.get("app_id").and_then(Value::as_str);
        if app.is_some_and(|id| id.contains("bad")) {
            return Err("BAD_PUSH_TOKEN_APP_ID");
        }
        let device = token.get("device_id").and_then(Value::as_str);
        if device.is_some_and(|id| !(8..=255).contains(&id.len())) {
            return Err("BAD_DEVICE_ID");
        }
    }
    Ok(())
}

/// Tells whether a text looks like an address.
pub(crate) fn mail(text: &str) -> bool {
    let well = |part: &str| {
        !part.is_empty() && !part.contains(|letter: char| letter.is_whitespace() || letter == '@')
    };
    text.split_once('@')
        .is_some_and(|(name, host)| well(name) && well(host) && host.contains('.'))
}

fn state(value: &Value) -> bool {
    ["opted_in", "subscribed", "unsubscribed"]
        .iter()
        .any(|state| value == state)
}

/// Returns the field's name in an export and its value there; none where a bad value is not set.
pub(crate) fn kept<'a>(name: &'a str, value: &Value) -> Option<(&'a str, Value)> {
    let text = value.as_str();
    match name {
        _ if value.is_null() => Some((name, Value::Null)),
        "email" => Some((name, json!(text?.to_lowercase()))),
        "country" => Some((
            name,
            text.filter(|text| text.len() == 2)
                .map_or(Value::Null, |text| json!(text.to_uppercase())),
        )),
        "gender" => text
            .filter(|text| ["M", "F", "O", "N", "P"].contains(text))
            .map(|text| (name, json!(text))),
        "dob" => text
            .filter(|text| text.parse::<jiff::civil::Date>().is_ok())
            .map(|text| (name, json!(text))),
        // Exported as [longitude, latitude] (braze.md 11).
        "current_location" => Some((
            "last_coordinates",
            json!([value["longitude"], value["latitude"]]),
        )),
        _ => Some((name, value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_refuses_an_object() {
        let cases = [
            (json!({"email": "a@x.org", "gender": "X"}), None),
            (json!({"email": null}), None),
            (
                json!({"email": "a@x"}),
                Some("The value provided for the 'email' field is not a valid email."),
            ),
            (
                json!({"email_subscribe": "yes"}),
                Some("BAD_EMAIL_SUBSCRIPTION_STATE"),
            ),
            (
                json!({"current_location": [1, 2]}),
                Some("BAD_LOCATION_UPDATE"),
            ),
            (
                json!({"subscription_groups": [{"subscription_group_id": "x"}]}),
                Some("BAD_SUBSCRIPTION_GROUP_HASH"),
            ),
            (
                json!({"push_tokens": [{"app_id": "bad", "token": "t"}]}),
                Some("BAD_PUSH_TOKEN_APP_ID"),
            ),
            (
                json!({"push_token_import": true, "external_id": "a", "push_tokens": []}),
                Some("BAD_PUSH_TOKEN_IMPORT"),
            ),
        ];
        for (object, expected) in cases {
            assert_eq!(
                check(object.as_object().unwrap()).err(),
                expected,
                "{object}"
            );
        }
        assert_eq!(
            kept("email", &json!("A@X.org")),
            Some(("email", json!("a@x.org")))
        );
        assert_eq!(
            kept("country", &json!("Atlantis")),
            Some(("country", Value::Null))
        );
        assert_eq!(kept("gender", &json!("X")), None);
    }
}
