//! What writes become, case by case.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_table_of_writes() {
    let set = |value: Value| Outcome::Set(value);
    let none = Value::Null;
    let cases: Vec<(&str, Value, Value, Outcome, u64)> = vec![
        ("scalar", none.clone(), json!("x"), set(json!("x")), 1),
        (
            "empty string stays",
            json!("x"),
            json!(""),
            set(json!("")),
            1,
        ),
        (
            "null removes",
            json!("x"),
            none.clone(),
            Outcome::Removed,
            1,
        ),
        (
            "false is a value",
            json!(true),
            json!(false),
            set(json!(false)),
            1,
        ),
        (
            "255 characters fit",
            none.clone(),
            json!("é".repeat(255)),
            set(json!("é".repeat(255))),
            1,
        ),
        (
            "256 do not",
            json!("x"),
            json!("é".repeat(256)),
            Outcome::Dropped,
            0,
        ),
        (
            "array is unique, in order",
            none.clone(),
            json!(["b", "a", "b"]),
            set(json!(["b", "a"])),
            1,
        ),
        (
            "add appends",
            json!(["a"]),
            json!({"add": ["b", "c"]}),
            set(json!(["a", "b", "c"])),
            1,
        ),
        (
            "add moves to the end",
            json!(["a", "b"]),
            json!({"add": ["a"]}),
            set(json!(["b", "a"])),
            1,
        ),
        (
            "add to nothing",
            none.clone(),
            json!({"add": ["a", "a"]}),
            set(json!(["a"])),
            1,
        ),
        (
            "remove",
            json!(["a", "b"]),
            json!({"remove": ["a", "z"]}),
            set(json!(["b"])),
            1,
        ),
        (
            "remove the last",
            json!(["a"]),
            json!({"remove": ["a"]}),
            Outcome::Removed,
            1,
        ),
        (
            "remove from nothing still costs",
            none.clone(),
            json!({"remove": ["a"]}),
            Outcome::Removed,
            1,
        ),
        (
            "both",
            json!(["a", "b"]),
            json!({"add": ["c"], "remove": ["a"]}),
            set(json!(["b", "c"])),
            1,
        ),
        ("inc", json!(4), json!({"inc": 3}), set(json!(7)), 1),
        (
            "inc of nothing",
            none.clone(),
            json!({"inc": -2}),
            set(json!(-2)),
            1,
        ),
        (
            "inc of text",
            json!("x"),
            json!({"inc": 1}),
            Outcome::Dropped,
            0,
        ),
        (
            "object: a point a key",
            none.clone(),
            json!({"a": 1, "b": {"c": 2}}),
            set(json!({"a": 1, "b": {"c": 2}})),
            2,
        ),
        (
            "object replaces",
            json!({"x": 1}),
            json!({"a": 1}),
            set(json!({"a": 1})),
            1,
        ),
        (
            "a null inside drops it all",
            json!({"x": 1}),
            json!({"a": null}),
            Outcome::Dropped,
            0,
        ),
        (
            "a dotted key drops it all",
            none.clone(),
            json!({"a.b": 1}),
            Outcome::Dropped,
            0,
        ),
        (
            "too large",
            none,
            json!({"a": (0..9000).map(|n| format!("value-{n}")).collect::<Vec<_>>()}),
            Outcome::Dropped,
            0,
        ),
    ];
    for (name, old, new, outcome, points) in cases {
        let old = Some(old).filter(|old| !old.is_null());
        assert_eq!(
            write(&new, false, Rule::default(), || old),
            (outcome, points),
            "{name}"
        );
    }
}

#[test]
fn overflow_drops_the_oldest() {
    let old: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let (outcome, _) = write(&json!({"add": ["new"]}), false, Rule::default(), || {
        Some(json!(old))
    });
    let Outcome::Set(Value::Array(items)) = outcome else {
        panic!()
    };
    assert_eq!(
        (items.len(), &items[0], &items[499]),
        (500, &json!("1"), &json!("new"))
    );
}
