//! Lines of exports, as they come and as they must not, and what Braze is sent of each.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::Address;

fn resource(body: Value) -> Resource {
    Resource {
        address: Address::parse("sync.orders").unwrap(),
        kind: "event_stream".to_owned(),
        settings: serde_json::from_value(body.clone()).unwrap(),
        body,
        origin: crate::config::Origin::default(),
    }
}

fn taker(more: Value) -> Taker {
    let mut body =
        json!({"kind": "event_stream", "from": "export", "start_at": "2026-01-01T00:00:00Z"});
    for (key, value) in members(more) {
        body[key] = value;
    }
    Taker::of(&resource(body), Some("app")).unwrap()
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }
}

/// An event as Amplitude exports it, with some members changed.
fn line(changes: Value) -> String {
    let mut event = json!({
        "$insert_id": "i-1", "uuid": "u-1", "event_type": "Order", "user_id": "ada", "device_id": "d-1",
        "amplitude_id": 1001, "event_time": "2026-07-14 10:00:00.123000", "server_upload_time": "2026-07-14 10:00:05.000000",
        "event_properties": {}, "user_properties": {}, "groups": {}, "session_id": -1, "adid": null,
    });
    for (key, value) in members(changes) {
        event[key] = value;
    }
    event.to_string()
}

fn body(taken: &Taken) -> Value {
    match taken {
        Taken::Row(row) | Taken::Trimmed(row, _) => serde_json::from_str(&row.body).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn order() -> Value {
    json!({"events": ["Order"]})
}

fn bought() -> Value {
    json!({"events": ["Order"], "as": "purchase", "purchase": {"product_id": {"value": "cds"}, "revenue": "revenue",
        "currency": {"value": "USD"}, "quantity": "quantity"}})
}

#[test]
fn an_event_is_worded_as_braze_takes_it() {
    let made = taker(json!({"events": [{"name": "Order", "rename": "order"}],
        "properties": {"event": ["amount", {"from": "cart.id", "to": "cart"}, "gone", "none"], "user": ["plan tier"]}}));
    let changes = json!({"event_properties": {"amount": 14.97, "cart": {"id": "c", "x": 1}, "none": null, "more": 1},
        "user_properties": {"plan tier": "pro"}});
    let taken = made.take(line(changes).as_bytes());
    let wanted = json!({"external_id": "ada", "app_id": "app", "name": "order", "time": "2026-07-14T10:00:00.123Z",
        "properties": {"amount": 14.97, "cart": "c", "plan tier": "pro"}, "_update_existing_only": false});
    assert_eq!(body(&taken), wanted);
    let Taken::Row(row) = taken else {
        panic!("{taken:?}")
    };
    assert_eq!(row.id, EventId::of(&["insert", "d-1", "i-1"]));
    assert_eq!(row.key, Key::external("ada").unwrap());
    assert_eq!(
        (row.at, row.purchase, row.data_points),
        (1_784_023_200_123, false, 1)
    );
    assert!(!format!("{row:?}").contains("ada"));
}

#[test]
fn a_purchase_has_a_price_a_quantity_and_points() {
    let mut more = bought();
    more["properties"] = json!({"event": ["genre"]});
    let made = taker(more);
    let of = |revenue: Value, quantity: Value| {
        let event = json!({"revenue": revenue, "quantity": quantity, "genre": "jazz"});
        let taken = made.take(line(json!({"event_properties": event})).as_bytes());
        let Taken::Row(row) = &taken else {
            panic!("{taken:?}")
        };
        assert!(row.purchase);
        let found = body(&taken);
        let units = found["properties"]["units"].clone();
        let price = found["price"].clone();
        assert_eq!(found.get("name"), None);
        assert_eq!(
            (&found["product_id"], &found["currency"]),
            (&json!("cds"), &json!("USD"))
        );
        (price, found["quantity"].clone(), units, row.data_points)
    };
    let none = Value::Null;
    assert_eq!(
        of(json!(29.94), json!(2)),
        (json!(14.97), json!(2), none.clone(), 4)
    );
    assert_eq!(
        of(json!("14.97"), json!("2")),
        (json!(14.97), json!(1), json!(2), 3)
    );
    assert_eq!(
        of(json!(250), json!(125)),
        (json!(250), json!(1), json!(125), 3)
    );
    assert_eq!(of(json!(-5), json!(null)), (json!(-5), json!(1), none, 2));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_is_filtered_and_what_is_skipped() {
    let wide = "x".repeat(988);
    let table = [
        (order(), json!({"event_type": "Other"}), Taken::Filtered),
        (
            order(),
            json!({"event_type": null}),
            Taken::Skipped("malformed"),
        ),
        (
            order(),
            json!({"event_properties": [1]}),
            Taken::Skipped("malformed"),
        ),
        (
            order(),
            json!({"user_id": null}),
            Taken::Skipped("no_identifier"),
        ),
        (
            order(),
            json!({"user_id": ""}),
            Taken::Skipped("no_identifier"),
        ),
        (
            order(),
            json!({"user_id": wide}),
            Taken::Skipped("bad_identifier"),
        ),
        (
            order(),
            json!({"$insert_id": null, "uuid": null}),
            Taken::Skipped("no_event_id"),
        ),
        (
            order(),
            json!({"event_time": null}),
            Taken::Skipped("no_time"),
        ),
        (
            order(),
            json!({"event_time": "soon"}),
            Taken::Skipped("no_time"),
        ),
        (
            order(),
            json!({"event_time": "4026-07-14 10:00:00.000000"}),
            Taken::Skipped("future_time"),
        ),
        (
            order(),
            json!({"event_time": "2026-07-15 10:00:06.000000"}),
            Taken::Skipped("future_time"),
        ),
        (
            order(),
            json!({"server_upload_time": 5}),
            Taken::Skipped("no_time"),
        ),
        (
            order(),
            json!({"server_upload_time": "2025-12-31 23:59:59.999000"}),
            Taken::Skipped("before_start"),
        ),
        (
            json!({"events": ["Order"], "stop_at": "2026-07-14T10:00:05Z"}),
            json!({}),
            Taken::Skipped("after_stop"),
        ),
        (
            json!({"events": [{"name": "Order", "where": {"event.plan": "pro"}}]}),
            json!({"event_properties": {"plan": "free"}}),
            Taken::Filtered,
        ),
        (bought(), json!({}), Taken::Skipped("no_revenue")),
        (
            bought(),
            json!({"event_properties": {"revenue": "many"}}),
            Taken::Skipped("bad_price"),
        ),
        (
            bought(),
            json!({"event_properties": {"revenue": "1234567890.1234567"}}),
            Taken::Skipped("bad_price"),
        ),
        (
            bought(),
            json!({"event_properties": {"revenue": 5, "quantity": 0}}),
            Taken::Skipped("bad_quantity"),
        ),
    ];
    for (spec, mut changes, wanted) in table {
        if spec == order() && changes["event_properties"].is_array() {
            // Properties are only read where something asks for them.
            let mut spec = spec.clone();
            spec["properties"] = json!({"event": ["a"]});
            assert_eq!(taker(spec).take(line(changes).as_bytes()), wanted);
            continue;
        }
        let told = changes.to_string();
        assert_eq!(
            taker(spec).take(line(changes.take()).as_bytes()),
            wanted,
            "{told:.80}"
        );
    }
    for text in ["", "{", "[]", "null", "{}", "{\"event_type\": 5}", "\u{0}"] {
        assert_eq!(
            taker(order()).take(text.as_bytes()),
            Taken::Skipped("malformed"),
            "{text}"
        );
    }
    let no = |part: &str, value: Value| {
        let mut spec = bought();
        spec["purchase"][part] = value;
        let event =
            json!({"event_properties": {"revenue": 5, "name": "x".repeat(256), "euro": "EURO"}});
        taker(spec).take(line(event).as_bytes())
    };
    assert_eq!(no("product_id", json!("sku")), Taken::Skipped("no_product"));
    assert_eq!(
        no("product_id", json!("name")),
        Taken::Skipped("bad_product")
    );
    assert_eq!(no("currency", json!("cash")), Taken::Skipped("no_currency"));
    assert_eq!(
        no("currency", json!("euro")),
        Taken::Skipped("bad_currency")
    );
}

#[test]
fn the_first_entry_that_matches_takes_an_event() {
    let made = taker(json!({"events": [
        {"name": "Order", "rename": "large", "where": {"event.amount": {"min": 100}}},
        {"name": "Order", "rename": "small", "where": {"event.amount": {"present": true}}},
        {"name": "Order", "as": "purchase", "purchase": {"product_id": "user.sku", "price": {"value": 5}, "currency": {"value": "eur"}}},
    ]}));
    let of = |amount: Value| {
        let changes =
            json!({"event_properties": {"amount": amount}, "user_properties": {"sku": 77}});
        body(&made.take(line(changes).as_bytes()))
    };
    assert_eq!(of(json!("250"))["name"], "large");
    assert_eq!(of(json!(5))["name"], "small");
    let sold = of(json!(null));
    assert_eq!(
        (
            &sold["product_id"],
            &sold["price"],
            &sold["currency"],
            &sold["quantity"]
        ),
        (&json!("77"), &json!(5), &json!("EUR"), &json!(1))
    );
}

#[test]
fn people_are_named_as_elsewhere() {
    let made = taker(json!({"events": ["Order"], "create_users": false,
        "identify_by": [{"alias": "mail", "name": "email"}, "external_id", {"alias": "amp", "name": "amplitude_id"}]}));
    let of = |changes: Value| body(&made.take(line(changes).as_bytes()));
    let mail = of(json!({"user_properties": {"email": "a@b"}}));
    assert_eq!(
        mail["user_alias"],
        json!({"alias_name": "a@b", "alias_label": "mail"})
    );
    assert_eq!(mail["_update_existing_only"], true);
    assert_eq!(of(json!({}))["external_id"], "ada");
    let anonymous = of(json!({"user_id": null}));
    assert_eq!(
        anonymous["user_alias"],
        json!({"alias_name": "1001", "alias_label": "amp"})
    );
    let by_device = json!({"kind": "event_stream", "from": "export", "events": ["Order"], "identify_by": ["device_id"]});
    assert!(Taker::of(&resource(by_device), None).is_err());
}

#[test]
fn what_names_an_event() {
    let made = taker(order());
    let id = |changes: Value| match made.take(line(changes).as_bytes()) {
        Taken::Row(row) => row.id,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        id(json!({"device_id": null})),
        EventId::of(&["insert", "1001", "i-1"])
    );
    for changes in [
        json!({"$insert_id": null}),
        json!({"$insert_id": ""}),
        json!({"device_id": null, "amplitude_id": null}),
    ] {
        assert_eq!(id(changes), EventId::of(&["uuid", "u-1"]));
    }
}

#[test]
fn what_is_left_out_is_told() {
    let made = taker(json!({"events": ["Order"], "properties": {"event": ["a", "b", "c"]}}));
    let event = json!({"a": "x".repeat(256), "b": ["2026-01-01"], "c": 1});
    let taken = made.take(line(json!({"event_properties": event})).as_bytes());
    assert_eq!(body(&taken)["properties"], json!({"c": 1}));
    let Taken::Trimmed(_, dropped) = taken else {
        panic!("{taken:?}")
    };
    assert_eq!(dropped, ["text_too_long", "date_in_array"]);
}

/// Whether Braze takes a value of a property.
fn holds(value: &Value) -> bool {
    let is_date = |text| braze::time(text).is_some();
    match value {
        Value::Null => false,
        Value::String(text) => text.chars().count() <= 255,
        Value::Array(items) => items
            .iter()
            .all(|item| holds(item) && !item.as_str().is_some_and(is_date)),
        Value::Object(map) => map
            .iter()
            .all(|(name, value)| fit::names(name) && holds(value)),
        _ => true,
    }
}

/// Braze's rules, read once more.
fn accepted(object: &Value) -> Result<(), String> {
    let check = |is: bool, what: &str| {
        if is {
            Ok(())
        } else {
            Err(format!("{what}: {object}"))
        }
    };
    let text = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| (1..=255).contains(&text.chars().count()))
    };
    check(
        object["external_id"].is_string() != object["user_alias"].is_object(),
        "who",
    )?;
    check(
        object["time"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z')),
        "time",
    )?;
    check(object["_update_existing_only"].is_boolean(), "update only")?;
    if object.get("product_id").is_some() {
        check(text(&object["product_id"]), "product")?;
        check(
            object["currency"]
                .as_str()
                .is_some_and(|code| code.len() == 3),
            "currency",
        )?;
        check(object["price"].is_number(), "price")?;
        check(
            object["quantity"]
                .as_i64()
                .is_some_and(|many| (1..=100).contains(&many)),
            "quantity",
        )?;
    } else {
        check(text(&object["name"]), "name")?;
    }
    let largest = if object.get("product_id").is_some() {
        50_000
    } else {
        100_000
    };
    let none = Map::new();
    let properties = object["properties"].as_object().unwrap_or(&none);
    check(object["properties"].to_string().len() <= largest, "size")?;
    let named = properties
        .keys()
        .all(|name| !name.is_empty() && !name.starts_with('$'));
    check(named && properties.values().all(holds), "properties")
}

fn values() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e12_f64..1e12).prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        (0_usize..400).prop_map(|length| json!("é".repeat(length))),
        Just(json!("2026-11-01 08:00:00.000")),
        (-200_i64..200).prop_map(|number| json!(number.to_string())),
    ];
    // What is long is not nested: a long list of long lists of long lists would not fit into memory.
    let long = (plain.clone(), 0_usize..400).prop_map(|(value, many)| json!(vec![value; many]));
    prop_oneof![4 => plain, 1 => long].prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[$a-c. ]{0,3}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_sent_is_what_braze_takes(
        a in values(), b in values(), revenue in values(), quantity in values(), sku in values(), user in values(),
        time in values(), purchase in any::<bool>(),
    ) {
        let mut spec = bought();
        spec["purchase"]["product_id"] = json!("sku");
        if !purchase {
            spec["as"] = json!("event");
        }
        spec["properties"] = json!({"event": ["a", {"from": "b", "to": "renamed"}]});
        let event = json!({"a": a, "b": b, "revenue": revenue, "quantity": quantity, "sku": sku});
        for changes in [
            json!({"event_properties": event}),
            json!({"event_properties": event, "user_id": user, "event_time": time}),
        ] {
            match taker(spec.clone()).take(line(changes).as_bytes()) {
                taken @ (Taken::Row(_) | Taken::Trimmed(..)) => {
                    if let Err(what) = accepted(&body(&taken)) {
                        prop_assert!(false, "{}", what);
                    }
                }
                Taken::Skipped(_) => {}
                Taken::Filtered => prop_assert!(false, "asked for and filtered"),
            }
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..400) {
        let made = taker(bought());
        made.take(&bytes);
        let mut line = line(json!({"event_properties": {"revenue": 5}})).into_bytes();
        let at = at % line.len();
        line.splice(at..at, bytes);
        made.take(&line);
    }
}
