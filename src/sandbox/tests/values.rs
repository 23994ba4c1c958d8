//! Braze's rules for values, through real HTTP: what is dropped without a word, what is kept, what is shown of attributes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Hands, client::Sandbox, fresh, kept, scenario, serving, write};
use crate::sandbox::{Error, start};

const BEARER: &str = "authorization: Bearer key";

/// Writes one attribute and returns it with the data points; the call succeeds whatever becomes of it.
async fn set(sandbox: &Sandbox, name: &str, value: Value) -> (Value, u64) {
    let before = points(sandbox).await;
    let mut object = json!({"external_id": "ann"});
    object[name] = value;
    let answer = sandbox.track(json!([object])).await;
    let expected = json!({"message": "success", "attributes_processed": 1});
    assert_eq!((answer.status, answer.json()), (201, expected), "{name}");
    let custom = sandbox.user("ann").await["custom_attributes"].take();
    (
        custom.get(name.trim()).cloned().unwrap_or_default(),
        points(sandbox).await - before,
    )
}

async fn points(sandbox: &Sandbox) -> u64 {
    sandbox.stats().await["data_points"].as_u64().unwrap()
}

async fn define(sandbox: &Sandbox, name: &str, definition: &Value) -> u16 {
    let path = format!("braze/attributes/{name}");
    sandbox
        .own("PUT", &path, &definition.to_string())
        .await
        .status
}

/// Every attribute the catalogue shows, by name.
async fn catalogue(sandbox: &Sandbox) -> Map<String, Value> {
    let answer = sandbox
        .send("GET", "/custom_attributes", &[BEARER], "")
        .await;
    let mut body = answer.unwrap().json();
    let entries: Vec<Value> = serde_json::from_value(body["attributes"].take()).unwrap();
    let named = |entry: Value| (entry["name"].as_str().unwrap().to_owned(), entry);
    entries.into_iter().map(named).collect()
}

async fn each<const N: usize>(sandbox: &Sandbox, cases: [(&str, Value, Value, u64); N]) {
    for (name, value, kept, cost) in cases {
        assert_eq!(set(sandbox, name, value).await, (kept, cost), "{name}");
    }
}

#[tokio::test]
async fn what_reaches_the_profile() {
    let sandbox = fresh(|_| ()).await;
    let long = "x".repeat(256);
    let huge: Vec<String> = (0..9_000).map(|number| format!("value-{number}")).collect();
    let heavy: Vec<String> = (0..450).map(|number| format!("{number:0250}")).collect();
    let cases = [
        ("a text", json!("x"), json!("x"), 1),
        ("leading zeros", json!("007"), json!("007"), 1),
        ("a number", json!(7.5), json!(7.5), 1),
        (
            "20 digits",
            json!(12_345_678_901_234_567_890_u64),
            json!(12_345_678_901_234_567_890_u64),
            1,
        ),
        ("no", json!(false), json!(false), 1),
        ("empty", json!(""), json!(""), 1),
        ("unicode", json!("Zoë 🦊"), json!("Zoë 🦊"), 1),
        (
            "255 characters",
            json!("é".repeat(255)),
            json!("é".repeat(255)),
            1,
        ),
        ("256 characters", json!(long), Value::Null, 0),
        (
            "a time",
            json!("2026-01-31T10:20:30Z"),
            json!("2026-01-31T10:20:30Z"),
            1,
        ),
        (
            "a year too far",
            json!("3001-01-01"),
            json!("3001-01-01"),
            1,
        ),
        (
            "duplicates",
            json!(["b", "a", "b", 1, 1]),
            json!(["b", "a", 1]),
            1,
        ),
        ("a long element", json!(["a", long]), json!(["a"]), 1),
        ("9,000 elements", json!(huge), json!(huge[8_500..]), 1),
        ("an array over 100 KB", json!(heavy), Value::Null, 0),
        ("  spaces around  ", json!(1), json!(1), 1),
    ];
    each(&sandbox, cases).await;
    assert_eq!(
        set(&sandbox, "unicode", Value::Null).await,
        (Value::Null, 1)
    );
    let long = set(&sandbox, "no", json!(long)).await;
    assert_eq!(long, (json!(false), 0), "the old value stays");
}

#[tokio::test]
async fn nested_values_reach_the_profile_whole_or_not_at_all() {
    let sandbox = fresh(|_| ()).await;
    let long = "x".repeat(256);
    let huge: Vec<String> = (0..9_000).map(|number| format!("value-{number}")).collect();
    let cases = [
        ("an object over 100 KB", json!({"a": huge}), Value::Null, 0),
        ("objects over 100 KB", json!([{"a": huge}]), Value::Null, 0),
        (
            "an object",
            json!({"a": {"b": [1, 2]}, "c": true}),
            json!({"a": {"b": [1, 2]}, "c": true}),
            2,
        ),
        (
            "objects",
            json!([{"a": 1}, {"a": 1}]),
            json!([{"a": 1}, {"a": 1}]),
            2,
        ),
        (
            "a null inside",
            json!({"a": {"b": null}, "c": 1}),
            Value::Null,
            0,
        ),
        (
            "a null among objects",
            json!([{"a": 1}, {"a": null}]),
            Value::Null,
            0,
        ),
        ("a long text inside", json!({"a": long}), Value::Null, 0),
        ("a long key", json!({"x".repeat(256): 1}), Value::Null, 0),
        ("a dot in a key", json!({"a.b": 1}), Value::Null, 0),
        ("a dollar in a key", json!({"$a": 1}), Value::Null, 0),
        ("a space in a key", json!({"a b": 1}), Value::Null, 0),
        (
            "a nested time",
            json!({"a": {"$time": "01/31/2026"}}),
            json!({"a": {"$time": "01/31/2026"}}),
            1,
        ),
        (
            "a nested time of null",
            json!({"a": {"$time": null}}),
            Value::Null,
            0,
        ),
        (
            "a bad nested time",
            json!({"a": {"$time": "2026-01-31x"}}),
            Value::Null,
            0,
        ),
        (
            "a nested time too far",
            json!({"a": {"$time": "3001-01-01"}}),
            Value::Null,
            0,
        ),
        (
            "a time at the top",
            json!({"$time": "2026-01-31"}),
            Value::Null,
            0,
        ),
    ];
    each(&sandbox, cases).await;
}

/// 500 elements, or what was fixed for the attribute; added first, removed then, and only what is left is counted.
#[tokio::test]
async fn an_array_at_its_maximum_drops_the_oldest() {
    let sandbox = fresh(|_| ()).await;
    let numbers = |from: u64, to: u64| json!((from..to).collect::<Vec<_>>());
    assert_eq!(
        set(&sandbox, "many", numbers(0, 501)).await.0,
        numbers(1, 501)
    );
    assert_eq!(
        set(&sandbox, "many", json!({"add": [501]})).await,
        (numbers(2, 502), 1)
    );
    let both = json!({"add": [502], "remove": [2]});
    assert_eq!(
        set(&sandbox, "many", both).await.0,
        numbers(3, 503),
        "nothing more to drop"
    );
    assert_eq!(
        define(&sandbox, "few", &json!({"array_length": 3})).await,
        200
    );
    assert_eq!(set(&sandbox, "few", numbers(0, 5)).await.0, numbers(2, 5));
    assert_eq!(
        set(&sandbox, "few", json!({"add": [2]})).await.0,
        json!([3, 4, 2]),
        "moved"
    );
    assert_eq!(
        set(&sandbox, "few", json!({"add": [5], "remove": [9]}))
            .await
            .0,
        json!([4, 2, 5])
    );
    assert_eq!(
        define(&sandbox, "none", &json!({"array_length": 0})).await,
        200
    );
    assert_eq!(set(&sandbox, "none", json!(["a"])).await, (Value::Null, 1));
    assert_eq!(
        define(&sandbox, "few", &json!({"array_length": null})).await,
        200
    );
    assert_eq!(set(&sandbox, "few", numbers(0, 5)).await.0, numbers(0, 5));
}

#[tokio::test]
async fn a_fixed_type_drops_writes_of_another() {
    let sandbox = fresh(|_| ()).await;
    assert_eq!(set(&sandbox, "ltv", json!("many")).await.0, json!("many"));
    assert_eq!(
        set(&sandbox, "ltv", json!(5)).await.0,
        json!(5),
        "detected: nothing is dropped"
    );
    assert_eq!(
        define(&sandbox, "ltv", &json!({"data_type": "Number"})).await,
        200
    );
    for wrong in [
        json!("6"),
        json!(true),
        json!([6]),
        json!({"a": 6}),
        json!({"add": [6]}),
        json!(""),
    ] {
        assert_eq!(
            set(&sandbox, "ltv", wrong.clone()).await,
            (json!(5), 0),
            "{wrong}"
        );
    }
    assert_eq!(set(&sandbox, "ltv", json!({"inc": 2})).await.0, json!(7));
    assert_eq!(
        set(&sandbox, " ltv ", json!("x")).await,
        (json!(7), 0),
        "spaces change nothing"
    );
    assert_eq!(set(&sandbox, "ltv", Value::Null).await, (Value::Null, 1));
    define(&sandbox, "since", &json!({"data_type": "Time"})).await;
    assert_eq!(
        set(&sandbox, "since", json!("yesterday")).await.0,
        Value::Null
    );
    assert_eq!(
        set(&sandbox, "since", json!("2026-01-31")).await.0,
        json!("2026-01-31")
    );
    define(&sandbox, "tags", &json!({"data_type": "Array"})).await;
    assert_eq!(
        set(&sandbox, "tags", json!([{"a": 1}])).await,
        (json!(["a", "b"]), 0)
    );
    assert_eq!(
        set(&sandbox, "tags", json!({"add": ["c"]})).await.0,
        json!(["a", "b", "c"])
    );
    assert_eq!(
        define(&sandbox, "ltv", &json!({"data_type": null})).await,
        200
    );
    assert_eq!(
        set(&sandbox, "ltv", json!("free again")).await.0,
        json!("free again")
    );
    for wrong in [
        json!([]),
        json!({"data_type": "Float"}),
        json!({"data_type": 5}),
        json!({"array_length": 501}),
        json!({"array_length": "25"}),
        json!({"type": "Number"}),
    ] {
        assert_eq!(define(&sandbox, "ltv", &wrong).await, 400, "{wrong}");
    }
}

/// "Drops all nested updates of that attribute in the request": of others' objects as well; nothing else.
#[tokio::test]
async fn one_bad_nested_value_spoils_its_attribute_in_the_request() {
    let sandbox = fresh(|_| ()).await;
    let answer = sandbox
        .track(json!([
            {"external_id": "ann", "address": {"city": "Bonn"}, "plan": "gold", "pets": [{"id": 1}]},
            {"external_id": "bob", "address": {"city": null}, "plan": "iron"},
        ]))
        .await;
    assert_eq!(
        answer.json(),
        json!({"message": "success", "attributes_processed": 2})
    );
    let custom = async |id: &str| sandbox.user(id).await["custom_attributes"].take();
    let expected = json!({"tags": ["a", "b"], "plan": "gold", "pets": [{"id": 1}]});
    assert_eq!(custom("ann").await, expected);
    assert_eq!(custom("bob").await, json!({"plan": "iron"}));
    assert_eq!(points(&sandbox).await, 3);
    for operators in [
        json!({"$add": [{"id": 2}, {"id": null}]}),
        json!({"$add": [{"id": 2}], "$update": [
            {"$identifier_key": "id", "$identifier_value": 1, "$new_object": {"since": {"$time": "soon"}}}]}),
    ] {
        assert_eq!(
            set(&sandbox, "pets", operators.clone()).await,
            (json!([{"id": 1}]), 0),
            "{operators}"
        );
    }
    let operators = json!({"$add": [{"id": 2}], "$remove": [{"$identifier_key": "id", "$identifier_value": 1}]});
    assert_eq!(
        set(&sandbox, "pets", operators).await,
        (json!([{"id": 2}]), 2)
    );
    // The request after it is another.
    assert_eq!(
        set(&sandbox, "address", json!({"city": "Bonn"})).await.0,
        json!({"city": "Bonn"})
    );
}

fn defined() -> tempfile::TempDir {
    let dir = scenario();
    let definitions = json!({"attributes": [
        {"name": "ltv", "data_type": "Number", "array_length": null, "status": "Active"},
        {"name": "genres", "data_type": "Array", "array_length": 2, "description": "favourites", "tag_names": ["shop"]},
        {"name": "later", "data_type": null},
    ]});
    write(
        dir.path(),
        "braze/attributes.json",
        &definitions.to_string(),
    );
    dir
}

#[tokio::test]
async fn the_catalogue_shows_what_was_fixed_or_came_first() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), defined());
    let open = async |scenario: Option<&Path>| kept(dir.path(), scenario).await;
    let sandbox = open(Some(scenario.path())).await;
    assert_eq!(set(&sandbox, "ltv", json!("x")).await, (Value::Null, 0));
    assert_eq!(
        set(&sandbox, "genres", json!(["a", "b", "c"])).await.0,
        json!(["b", "c"])
    );
    for value in [json!("2026-01-31"), json!(5), Value::Null] {
        set(&sandbox, "later", value).await;
    }
    set(&sandbox, "dropped", json!({"a": null})).await;
    set(&sandbox, "vip", json!(true)).await;
    let expected = json!({
        "genres": {"name": "genres", "data_type": "Array", "description": "favourites", "status": "Active",
                   "array_length": 2, "tag_names": ["shop"]},
        "later": {"name": "later", "data_type": "Time", "description": null, "status": "Active",
                  "array_length": null, "tag_names": []},
        "ltv": {"name": "ltv", "data_type": "Number", "description": null, "status": "Active",
                "array_length": null, "tag_names": []},
        "tags": {"name": "tags", "data_type": "Array", "description": null, "status": "Active",
                 "array_length": 500, "tag_names": []},
        "vip": {"name": "vip", "data_type": "Boolean", "description": null, "status": "Active",
                "array_length": null, "tag_names": []},
    });
    assert_eq!(Value::Object(catalogue(&sandbox).await), expected);
    // A fixed type is shown over the first value's. All of it outlives the process, then the log as well.
    define(&sandbox, "vip", &json!({"data_type": "String"})).await;
    let padding = "x".repeat(250);
    for round in 0..60 {
        let object = |person| json!({"external_id": format!("p{person}"), "vip": format!("{round}{padding}")});
        let objects: Vec<Value> = (0..75).map(object).collect();
        sandbox.track(json!(objects)).await;
    }
    let mut rounds = 0;
    let mut sandbox = Some(sandbox);
    while let Some(open_one) = sandbox.take() {
        let shown = catalogue(&open_one).await;
        assert_eq!(
            (shown.len(), &shown["vip"]["data_type"]),
            (5, &json!("String"))
        );
        assert_eq!(shown["later"], expected["later"]);
        assert_eq!(
            set(&open_one, "genres", json!(["d", "e", "f"])).await.0,
            json!(["e", "f"])
        );
        open_one.running.stop().await;
        rounds += 1;
        if rounds < 4 {
            sandbox = Some(open(None).await);
        }
    }
    assert!(dir.path().join("attributes.2.json").exists());
}

#[tokio::test]
async fn a_bad_file_of_attributes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (text, problem) in [
        ("{\"attributes\": {}}", "no array `attributes`"),
        ("{\"attributes\": [{}]}", "an attribute without a name"),
        (
            "{\"attributes\": [{\"name\": \"a\", \"data_type\": \"Float\"}]}",
            "attribute `a`: `Float` is no data type",
        ),
    ] {
        let scenario = scenario();
        write(scenario.path(), "braze/attributes.json", text);
        for world in [None, Some(dir.path().to_owned())] {
            let mut options = Hands::new().options();
            options.scenario = Some(scenario.path().to_owned());
            options.world = world;
            let refused = start("127.0.0.1:0".parse().unwrap(), options).await;
            let Err(error @ Error::Content { .. }) = refused else {
                panic!("{text}: {refused:?}");
            };
            let said = error.to_string();
            assert!(
                said.contains("braze/attributes.json") && said.contains(problem),
                "{said}"
            );
        }
    }
}

/// Values, removals and nested values alike; what the sandbox itself shows has no lag.
#[tokio::test]
async fn the_lag_holds_values_back() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.lag = Duration::from_secs(10);
    let sandbox = serving(options).await;
    let export = async || {
        let body = json!({"external_ids": ["ann"], "fields_to_export": ["custom_attributes"]});
        let answer = sandbox.braze("/users/export/ids", &body).await;
        answer.json()["users"][0]["custom_attributes"].take()
    };
    let first =
        json!({"external_id": "ann", "tier": "gold", "address": {"city": "Bonn"}, "tags": null});
    sandbox.track(json!([first])).await;
    hands.forward(5);
    let second = json!({"external_id": "ann", "tier": null, "_merge_objects": true, "address": {"street": "Weg"}});
    sandbox.track(json!([second])).await;
    assert_eq!(export().await, json!({"tags": ["a", "b"]}));
    hands.forward(5);
    assert_eq!(
        export().await,
        json!({"tier": "gold", "address": {"city": "Bonn"}})
    );
    hands.forward(5);
    let last = json!({"address": {"city": "Bonn", "street": "Weg"}});
    assert_eq!(export().await, last);
    assert_eq!(sandbox.user("ann").await["custom_attributes"], last);
}
