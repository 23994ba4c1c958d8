//! Tables of merging, filling and substituting.

use super::*;
use crate::config::syntax;

fn node(text: &str) -> Node {
    syntax::read(0, text, &mut Findings::default())
        .unwrap()
        .tree
}

fn json(node: &Node) -> String {
    node.value().to_string()
}

#[test]
fn merges() {
    for (base, over, wanted) in [
        ("{a: 1}", "{b: 2}", r#"{"a":1,"b":2}"#),
        ("{a: {b: 1, c: 2}}", "{a: {b: 3}}", r#"{"a":{"b":3,"c":2}}"#),
        ("{a: [1, 2]}", "{a: [3]}", r#"{"a":[3]}"#),
        ("{a: {b: 1}}", "{a: 2}", r#"{"a":2}"#),
        ("{a: 2}", "{a: {b: 1}}", r#"{"a":{"b":1}}"#),
        ("{a: 1, b: 2}", "{a: null}", r#"{"b":2}"#),
        ("{a: {b: 1, c: 2}}", "{a: {b: null}}", r#"{"a":{"c":2}}"#),
        ("{to: {x: 1}}", "{to: {y: 2}}", r#"{"to":{"y":2}}"#),
        (
            "{to: {x: {id: 1}}}",
            "{to: {x: {name: 2}}}",
            r#"{"to":{"x":{"id":1,"name":2}}}"#,
        ),
    ] {
        let mut merged = node(base);
        merge(&mut merged, &node(over));
        merged.prune();
        assert_eq!(json(&merged), wanted, "{base} under {over}");
    }
}

#[test]
fn fills_from_wider_settings() {
    for (narrow, wider, wanted) in [
        ("{a: 1}", "{a: 2, b: 3}", r#"{"a":1,"b":3}"#),
        ("{a: {b: 1}}", "{a: {b: 2, c: 3}}", r#"{"a":{"b":1,"c":3}}"#),
        ("{a: null}", "{a: 2}", "{}"),
        ("{a: [1]}", "{a: [2]}", r#"{"a":[1]}"#),
        ("{seed: send}", "{seed: {segment: x}}", r#"{"seed":"send"}"#),
    ] {
        let mut filled = node(narrow);
        fill(&mut filled, &node(wider));
        filled.prune();
        assert_eq!(json(&filled), wanted, "{narrow} over {wider}");
    }
}

#[test]
fn substitutes_and_never_retypes() {
    let variables = Variables {
        lookup: &|name| match name {
            "A" => Some("1".into()),
            "BRACES" => Some("${A}".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        },
        directory: Path::new("/nonexistent"),
    };
    for (text, wanted) in [
        ("${A}", Ok("1")),
        ("x${A}y${A}", Ok("x1y1")),
        ("$${A}", Ok("${A}")),
        ("${BRACES}", Ok("${A}")),
        ("${NO:-}", Ok("")),
        ("${NO:-d}", Ok("d")),
        ("${EMPTY:-d}", Ok("d")),
        ("${A:-d}", Ok("1")),
        ("${NO}", Err("the variable `NO` is not set")),
        ("${EMPTY}", Err("the variable `EMPTY` is not set")),
        (
            "${file:x}",
            Err("cannot read the file `x`: it does not exist"),
        ),
    ] {
        let found = match variables.fill(text).unwrap() {
            Filled::Value(value) => Ok(value),
            Filled::Missing(message, _) => Err(message),
        };
        assert_eq!(found.as_deref().map_err(String::as_str), wanted, "{text}");
    }
    let mut tree = node("{a: '${A}', b: [true, '${A}']}");
    let never = |_: &str| None;
    substitute(
        &mut tree,
        &variables,
        &|_| false,
        &never,
        &mut Findings::default(),
    );
    assert_eq!(json(&tree), r#"{"a":"1","b":[true,"1"]}"#);
}
