//! What becomes of events of Currents.

use serde_json::json;

use super::*;

fn taker(words: &Value) -> Taker {
    let mut body = json!({"kind": "currents", "from": {"files": "currents"}});
    if let (Some(body), Some(words)) = (body.as_object_mut(), words.as_object()) {
        body.extend(words.clone());
    }
    Taker::of(&Resource {
        address: crate::model::Address::new("sync", "engagement"),
        kind: "currents".to_owned(),
        settings: crate::config::Settings::default(),
        body,
        origin: crate::config::Origin::default(),
    })
    .unwrap()
}

/// An event with what it always has, and more.
fn record(more: Value) -> Map<String, Value> {
    let mut record = json!({
        "id": "f47ac10b", "user_id": "639a35d192b0df004d06514c", "external_user_id": "u1",
        "device_id": "d1", "time": 1_700_000_000, "timezone": "Europe/Berlin",
    });
    let (Some(all), Value::Object(more)) = (record.as_object_mut(), more) else {
        panic!("objects");
    };
    all.extend(more);
    all.clone()
}

fn body(taker: &Taker, event_type: &str, more: Value) -> Value {
    match taker.take(event_type, &record(more)) {
        Taken::Row(row) => serde_json::from_str(&row.body).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_says_what_brazes_own_export_says() {
    let more = json!({
        "campaign_name": "May", "email_address": "a@b.c", "sending_ip": "1.2.3.4", "canvas_id": null,
        "machine_open": "true", "ad_id": "A-1", "ad_id_type": "ios_idfa",
    });
    let open = body(&taker(&json!({})), "users.messages.email.Open", more);
    let wanted = json!({
        "event_type": "[Appboy] Email Open", "user_id": "u1", "device_id": "d1",
        "time": 1_700_000_000_000_i64, "insert_id": "f47ac10b",
        "idfa": "A-1",
        "event_properties": {
            "timezone": "Europe/Berlin", "campaign_name": "May", "machine_open": "true",
            "ad_id": "A-1", "ad_id_type": "ios_idfa",
        },
        "library": "Braze",
    });
    assert_eq!(open, wanted);
}

#[test]
fn own_properties_come_as_text_or_object() {
    let taker = taker(&json!({"properties": {"exclude": ["secret", "timezone"]}}));
    let own = json!({"plan": "pro", "secret": 1, "email_address": "a@b.c", "none": null});
    for own in [own.clone(), Value::String(own.to_string())] {
        let event = body(
            &taker,
            CUSTOM_EVENT,
            json!({"name": "signed up", "properties": own}),
        );
        assert_eq!(event["event_type"], "[Appboy] [Custom Event] signed up");
        assert_eq!(
            event["event_properties"],
            json!({"[Custom event property] plan": "pro"})
        );
    }
    let masked = json!({"name": "a", "custom_properties": "[REDACTED]"});
    assert_eq!(
        body(&taker, CUSTOM_EVENT, masked)["event_properties"],
        json!({"custom_properties": "[REDACTED]"})
    );
}

#[test]
fn what_is_private_stays_at_any_depth() {
    let own =
        json!({"error": "e", "who": {"email_address": "a@b.c", "list": [{"latitude": 1, "a": 2}]}});
    let more = json!({
        "name": "x", "properties": own, "push_token": "t", "bounce_reason": "a@b.c is gone",
        "message_body": "hello", "error": "no a@b.c", "bsuid": "b", "web_push_token_user_auth": "w",
    });
    let sent = |words: &Value| {
        let event = body(&taker(words), CUSTOM_EVENT, more.clone());
        event["event_properties"].clone()
    };
    let mut wanted = json!({
        "timezone": "Europe/Berlin", "[Custom event property] error": "e",
        "[Custom event property] who": {"list": [{"a": 2}]},
    });
    assert_eq!(sent(&json!({})), wanted);
    wanted["error"] = json!("no a@b.c");
    wanted["message_body"] = json!("hello");
    wanted["[Custom event property] who"]["list"][0]["latitude"] = json!(1);
    let named = json!({"properties": {"include": ["*", "error", "latitude", "message_body"]}});
    assert_eq!(sent(&named), wanted);
}

#[test]
fn a_purchase_has_product_price_and_quantity() {
    let more = json!({
        "product_id": "CD-1", "price": 12.5, "currency": "USD",
        "purchase_properties": "{\"colour\": \"red\"}",
    });
    let bought = body(&taker(&json!({})), catalogue::PURCHASE, more);
    assert_eq!(bought["event_type"], "[Appboy] Purchase");
    assert_eq!(
        (&bought["productId"], &bought["price"], &bought["quantity"]),
        (&json!("CD-1"), &json!(12.5), &json!(1))
    );
    assert_eq!(
        bought["event_properties"],
        json!({"timezone": "Europe/Berlin", "currency": "USD", "[Purchase property] colour": "red"})
    );
}

#[test]
fn names_are_ones_own_where_they_are_given() {
    let taker = taker(&json!({"names": {
        "users.messages.email.Open": "Email Opened",
        "users.behaviors.CustomEvent.signed_up": "Signed up",
    }}));
    let name = |event_type: &str, more| body(&taker, event_type, more)["event_type"].clone();
    assert_eq!(name("users.messages.email.Open", json!({})), "Email Opened");
    assert_eq!(
        name(CUSTOM_EVENT, json!({"name": "signed_up"})),
        "Signed up"
    );
    assert_eq!(
        name(CUSTOM_EVENT, json!({"name": "left"})),
        "[Appboy] [Custom Event] left"
    );
    assert_eq!(
        name("users.messages.email.Click", json!({})),
        "[Appboy] Email Click"
    );
}

#[test]
fn what_cannot_be_sent_says_why() {
    let taker = taker(&json!({"events": {"exclude": ["users.messages.sms.*"]}}));
    let of = |more| taker.take("users.messages.email.Open", &record(more));
    for (more, reason) in [
        (json!({"id": null}), "no_id"),
        (json!({"id": " "}), "no_id"),
        (json!({"id": 7}), "malformed"),
        (json!({"time": null}), "no_time"),
        (json!({"time": "now"}), "malformed"),
        (json!({"time": 0}), "malformed"),
        (json!({"time": 1e300}), "malformed"),
        (
            json!({"external_user_id": null, "device_id": ""}),
            "no_identifier",
        ),
        (json!({"external_user_id": "N/A"}), "bad_identifier"),
        (json!({"external_user_id": "[REDACTED]"}), "bad_identifier"),
        (
            json!({"external_user_id": null, "device_id": "00000000-0000-0000-0000-000000000000"}),
            "bad_identifier",
        ),
        (
            json!({"external_user_id": "x".repeat(2000)}),
            "bad_identifier",
        ),
    ] {
        assert_eq!(of(more), Taken::Skipped(reason));
    }
    let nameless = taker.take(CUSTOM_EVENT, &record(json!({})));
    assert_eq!(nameless, Taken::Skipped("malformed"));
    let filtered = taker.take("users.messages.sms.Send", &record(json!({})));
    assert_eq!(filtered, Taken::Filtered);
    assert!(!taker.may_take("users.messages.sms.Send"));
}

#[test]
fn a_row_is_named_by_its_id_and_keyed_by_the_person() {
    let taker = taker(&json!({}));
    let row = |more| match taker.take("users.messages.email.Open", &record(more)) {
        Taken::Row(row) => row,
        other => panic!("{other:?}"),
    };
    let known = row(json!({"time_ms": 1_700_000_000_123_i64}));
    assert_eq!(known.id, EventId::of(&["currents", "f47ac10b"]));
    assert_eq!(
        (known.key, known.at, known.data_points),
        (Key::external("u1").unwrap(), 1_700_000_000_123, 0)
    );
    let anonymous = row(json!({"external_user_id": null}));
    assert_eq!(anonymous.key, Key::device("d1").unwrap());
    // A device that would be refused is left out beside a person who would not.
    let row = row(json!({"device_id": "unknown"}));
    assert!(!row.body.contains("device_id"));
}

#[test]
fn long_texts_are_cut_and_named() {
    let long = "é".repeat(1025);
    let event = body(
        &taker(&json!({})),
        "users.messages.email.Click",
        json!({"url": long, "link_id": "1"}),
    );
    let properties = &event["event_properties"];
    assert_eq!(
        properties["url"].as_str().map(|url| url.chars().count()),
        Some(1024)
    );
    assert_eq!(properties["[Syncform] cut"], json!(["url"]));
    let mut deep = json!(1);
    for _ in 0..50 {
        deep = json!([deep]);
    }
    let taken = taker(&json!({})).take("users.x.Y", &record(json!({"deep": deep})));
    assert_eq!(taken, Taken::Skipped("malformed"));
}
