//! Every form of a value, from the cell of a cohort's file to the profile: what must be there, or why it was left out. One
//! audience with a row a case, so that all of it is one apply, and Braze's types are fixed, so that it would drop what is
//! of another type.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::cdnow::{self, Ask, JUNE};
use crate::support::project::{OPEN, Project, yaml};
use crate::support::values::{Held, Table, assert_held, compare, csv, found};
use crate::support::world::World;

/// What becomes of a cell.
enum Becomes {
    /// A value on the profile.
    Is(Value),
    /// Nothing: there is none.
    Nothing,
    /// It is left out, and counted under this word.
    Skipped(&'static str),
}
use Becomes::{Is, Nothing, Skipped};

/// What cells are read as, the attribute they go to, and the type that attribute has in Braze.
const TYPES: [(&str, &str, Option<&str>); 9] = [
    ("string", "as_string", Some("String")),
    ("number", "as_number", Some("Number")),
    ("integer", "as_integer", Some("Number")),
    ("boolean", "as_boolean", Some("Boolean")),
    ("time", "as_time", Some("Time")),
    ("array", "as_array", Some("Array")),
    ("array", "as_objects", Some("Object Array")),
    ("object", "as_object", Some("Object")),
    ("auto", "as_auto", None),
];

/// Attribute, cell, and what becomes of it.
#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<(&'static str, String, Becomes)> {
    let umlauts = |letters: usize| "\u{e4}".repeat(letters);
    let many = |many: usize| json!((0..many).collect::<Vec<_>>());
    let large = json!({"k": vec!["x".repeat(200); 520]});
    let is = |value: Value| Is(value);
    let same = |text: &str| Is(json!(text));
    let of = |attribute: &'static str, cell: &str, becomes: Becomes| {
        (attribute, cell.to_owned(), becomes)
    };
    let string = |cell: &str| of("as_string", cell, same(cell));
    let auto = |cell: &str| of("as_auto", cell, same(cell));
    vec![
        // Text stays as it is.
        string("gold"),
        string("007"),
        string("12345678901234567890"),
        string("true"),
        string("null"),
        string("  with room  "),
        string("\u{e4}\u{20ac}\u{1f600} \u{645}\u{631}\u{62d}\u{628}\u{627}"),
        string("says \"so\", twice,\nand \\ more"),
        string("2020-12-23"),
        string(&umlauts(255)),
        of("as_string", &umlauts(256), Skipped("text_too_long")),
        of("as_string", "", Nothing),
        // Numbers.
        of("as_number", "3", is(json!(3))),
        of("as_number", "3.0", is(json!(3))),
        of("as_number", " 7 ", is(json!(7))),
        of("as_number", "1.5e3", is(json!(1500))),
        of("as_number", "-0.50", is(json!(-0.5))),
        of("as_number", "-0", is(json!(0))),
        of("as_number", "0.1", is(json!(0.1))),
        of("as_number", "9223372036854775807", is(json!(i64::MAX))),
        of(
            "as_number",
            "12345678901234567890",
            Skipped("number_too_large"),
        ),
        of("as_number", "1e400", Skipped("number_too_large")),
        of("as_number", "007", Skipped("not_a_number")),
        of("as_number", "1,5", Skipped("not_a_number")),
        of("as_number", ".5", Skipped("not_a_number")),
        of("as_number", "NaN", Skipped("not_a_number")),
        of("as_number", "0x10", Skipped("not_a_number")),
        of("as_number", "null", Skipped("not_a_number")),
        of("as_number", "", Nothing),
        of("as_integer", "42", is(json!(42))),
        of("as_integer", "3.0", is(json!(3))),
        of("as_integer", "-9223372036854775808", is(json!(i64::MIN))),
        of("as_integer", "3.5", Skipped("not_an_integer")),
        of("as_integer", "00", Skipped("not_an_integer")),
        of("as_integer", "many", Skipped("not_an_integer")),
        of(
            "as_integer",
            "9223372036854775808",
            Skipped("number_too_large"),
        ),
        of(
            "as_integer",
            "12345678901234567890",
            Skipped("number_too_large"),
        ),
        // True or false.
        of("as_boolean", "true", is(json!(true))),
        of("as_boolean", "TRUE", is(json!(true))),
        of("as_boolean", "1", is(json!(true))),
        of("as_boolean", "False", is(json!(false))),
        of("as_boolean", "0", is(json!(false))),
        of("as_boolean", "yes", Skipped("not_a_boolean")),
        of("as_boolean", "2", Skipped("not_a_boolean")),
        of("as_boolean", "null", Skipped("not_a_boolean")),
        // Times, in UTC where no zone is given.
        of("as_time", "2020-12-23", same("2020-12-23T00:00:00Z")),
        of("as_time", "12/23/2020", same("2020-12-23T00:00:00Z")),
        of(
            "as_time",
            "2020-12-23 02:32:00",
            same("2020-12-23T02:32:00Z"),
        ),
        of(
            "as_time",
            "2020-12-23T02:32:00+02:00",
            same("2020-12-23T00:32:00Z"),
        ),
        of(
            "as_time",
            "2020-12-23T02:32-0330",
            same("2020-12-23T06:02:00Z"),
        ),
        of(
            "as_time",
            "2020-12-23T02:32:00.123456Z",
            same("2020-12-23T02:32:00.123Z"),
        ),
        of("as_time", "2024-02-29", same("2024-02-29T00:00:00Z")),
        of("as_time", "2023-02-29", Skipped("not_a_time")),
        of("as_time", "23.12.2020", Skipped("not_a_time")),
        of("as_time", "1608690720", Skipped("not_a_time")),
        of("as_time", "yesterday", Skipped("not_a_time")),
        of("as_time", "3001-01-01", Skipped("time_out_of_range")),
        // Lists of scalars.
        of("as_array", r#"["a", "b", "a"]"#, is(json!(["a", "b"]))),
        of(
            "as_array",
            r#"[1, 1.0, "1", true, 2.5]"#,
            is(json!([1, "1", true, 2.5])),
        ),
        of(
            "as_array",
            r#"["\u00e4", "007"]"#,
            is(json!(["\u{e4}", "007"])),
        ),
        of("as_array", &many(500).to_string(), is(many(500))),
        of(
            "as_array",
            &many(501).to_string(),
            Skipped("array_too_long"),
        ),
        of("as_array", "[]", Nothing),
        of("as_array", "[null]", Skipped("bad_element")),
        of("as_array", "[[1]]", Skipped("bad_element")),
        of("as_array", "a, b", Skipped("not_an_array")),
        of("as_array", r#"["a""#, Skipped("not_an_array")),
        of("as_array", r#"{"a": 1}"#, Skipped("not_an_array")),
        of("as_array", "null", Skipped("not_an_array")),
        of(
            "as_array",
            &json!([umlauts(256)]).to_string(),
            Skipped("text_too_long"),
        ),
        of(
            "as_array",
            "[12345678901234567890]",
            Skipped("number_too_large"),
        ),
        // Lists of objects.
        of(
            "as_objects",
            r#"[{"a": 1}, {"a": 1}]"#,
            is(json!([{"a": 1}, {"a": 1}])),
        ),
        of(
            "as_objects",
            r#"[{"at": {"$time": "2020-12-23"}}]"#,
            is(json!([{"at": {"$time": "2020-12-23T00:00:00Z"}}])),
        ),
        of("as_objects", r#"[{"a": 1}, 2]"#, Skipped("bad_element")),
        of(
            "as_objects",
            r#"[{"a": null}]"#,
            Skipped("bad_nested_value"),
        ),
        // Objects.
        of(
            "as_object",
            r#"{"b": 1.0, "a": {"c": [1, "x", {"d": false}]}}"#,
            is(json!({"a": {"c": [1, "x", {"d": false}]}, "b": 1})),
        ),
        of(
            "as_object",
            r#"{"born": {"$time": "1980-01-01"}, "zip": "0150"}"#,
            is(json!({"born": {"$time": "1980-01-01T00:00:00Z"}, "zip": "0150"})),
        ),
        of(
            "as_object",
            r#"{"first_name": "a", "email": "not checked", "add": 1, "inc": 2}"#,
            is(json!({"first_name": "a", "email": "not checked", "add": 1, "inc": 2})),
        ),
        of(
            "as_object",
            r#"{"long": 1234567890123456789}"#,
            is(json!({"long": 1_234_567_890_123_456_789_i64})),
        ),
        of(
            "as_object",
            r#"{"long": 12345678901234567890}"#,
            Skipped("number_too_large"),
        ),
        of("as_object", "{}", Nothing),
        of("as_object", r#"{"a": null}"#, Skipped("bad_nested_value")),
        of(
            "as_object",
            r#"{"a": {"b": [null]}}"#,
            Skipped("bad_nested_value"),
        ),
        of(
            "as_object",
            r#"{"born": {"$time": "soon"}}"#,
            Skipped("bad_nested_value"),
        ),
        of(
            "as_object",
            r#"{"born": {"$time": "1980-01-01", "more": 1}}"#,
            Skipped("bad_nested_value"),
        ),
        of(
            "as_object",
            r#"{"born": {"$time": "3001-01-01"}}"#,
            Skipped("time_out_of_range"),
        ),
        of(
            "as_object",
            r#"{"$time": "1980-01-01"}"#,
            Skipped("bad_nested_name"),
        ),
        of("as_object", r#"{"a b": 1}"#, Skipped("bad_nested_name")),
        of("as_object", r#"{"a.b": 1}"#, Skipped("bad_nested_name")),
        of(
            "as_object",
            r#"{"a": {"$b": 1}}"#,
            Skipped("bad_nested_name"),
        ),
        of(
            "as_object",
            &json!({umlauts(256): 1}).to_string(),
            Skipped("bad_nested_name"),
        ),
        of(
            "as_object",
            &json!({"a": umlauts(256)}).to_string(),
            Skipped("text_too_long"),
        ),
        of("as_object", r#"{"add": ["a"]}"#, Skipped("instruction")),
        of(
            "as_object",
            r#"{"add": ["a"], "remove": ["b"]}"#,
            Skipped("instruction"),
        ),
        of("as_object", r#"{"inc": 1}"#, Skipped("instruction")),
        of("as_object", &large.to_string(), Skipped("too_large")),
        of("as_object", "[1]", Skipped("not_an_object")),
        of("as_object", "null", Skipped("not_an_object")),
        of("as_object", "{", Skipped("not_an_object")),
        // What it looks like.
        auto("007"),
        auto("12345678901234567890"),
        auto("1e5"),
        auto("TRUE"),
        auto("null"),
        auto("2020-12-23"),
        auto("+4915112345678"),
        auto("[not json"),
        auto(" 7"),
        of("as_auto", "7", is(json!(7))),
        of("as_auto", "11.50", is(json!(11.5))),
        of("as_auto", "false", is(json!(false))),
        of("as_auto", "[1, 1, 2]", is(json!([1, 2]))),
        of(
            "as_auto",
            r#"{"a": {"b": "c"}}"#,
            is(json!({"a": {"b": "c"}})),
        ),
        of("as_auto", "[]", Nothing),
        of("as_auto", r#"{"a": null}"#, Skipped("bad_nested_value")),
        of("as_auto", &umlauts(256), Skipped("text_too_long")),
    ]
}

#[test]
fn every_form_of_a_value_reaches_the_profile_or_is_counted() {
    let world = World::start(&cdnow::scenario(&Ask::day(JUNE).customers(300)).dir);
    let attributes = TYPES.map(|(_, attribute, _)| attribute);
    let (mut table, mut wanted) = (Table::new(), Held::new());
    let mut skipped: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (at, (attribute, cell, becomes)) in cases().into_iter().enumerate() {
        let person = format!("form-{at:03}");
        let cells = [
            ("amplitude_id", (at + 1).to_string()),
            ("user_id", person.clone()),
            (attribute, cell),
        ];
        let row = cells.map(|(name, cell)| (name.to_owned(), cell)).into();
        table.insert(person.clone(), row);
        match becomes {
            Is(value) => {
                let held = BTreeMap::from([(attribute.to_owned(), value)]);
                wanted.insert(person, held);
            }
            Nothing => {}
            Skipped(why) => {
                *skipped
                    .entry(attribute)
                    .or_default()
                    .entry(why)
                    .or_default() += 1;
            }
        }
    }
    let columns: Vec<&str> = ["amplitude_id", "user_id"]
        .into_iter()
        .chain(attributes)
        .collect();
    world.put_members("act90d1", &csv(&table, &columns));
    for (_, attribute, kind) in TYPES {
        if let Some(kind) = kind {
            world.fix_attribute(attribute, &json!({"data_type": kind}));
        }
    }
    let properties = TYPES.map(|(kind, name, _)| format!("{{from: {name}, as: {kind}}}"));
    let sync = format!(
        "  forms: {{kind: user_property, audience: {{cohort: Active 90d}}, seed: send, properties: [{}]}}\n",
        properties.join(", ")
    );
    let project = Project::written(vec![], &(yaml(OPEN, 75, &[]) + &sync));

    let figures = compare(&Held::new(), &wanted, &attributes);
    let plan = project.plan(&world);
    assert_eq!(plan.delta("sync.forms", "people"), table.len() as u64);
    assert_eq!(plan.delta("sync.forms", "add"), wanted.len() as u64);
    assert_eq!(plan.json["cost"]["data_points"], figures.points);
    for told in plan.resource("sync.forms")["attributes"]
        .as_array()
        .unwrap()
    {
        let name = told["name"].as_str().unwrap();
        let none = BTreeMap::new();
        let counted = told.get("skipped").cloned().unwrap_or_else(|| json!({}));
        assert_eq!(counted, json!(skipped.get(name).unwrap_or(&none)), "{name}");
    }

    world.reset();
    project.apply(&world).exits(0);
    assert_held(&found(&world, &attributes), &wanted, "after an apply");
    let stats = world.stats();
    assert_eq!(stats.rejected, BTreeMap::new());
    assert_eq!(
        stats.data_points, figures.points,
        "Braze dropped something in silence"
    );
    assert_eq!(stats.objects, wanted.len() as u64);
    project.assert_settled(&world, "after an apply");

    // A file that says the same in other words moves nothing, however it is computed.
    let reworded = [
        ("3", "3.00"),
        (r#"["a", "b", "a"]"#, r#"["a","b"]"#),
        ("12/23/2020", "2020-12-23T01:00:00+01:00"),
        ("TRUE", "1"),
        (r#"{"a": {"b": "c"}}"#, r#"{"a":{"b":"c"}}"#),
    ];
    for row in table.values_mut() {
        for (name, cell) in row
            .iter_mut()
            .filter(|(name, _)| name.starts_with("as_") && *name != "as_string")
        {
            let other = reworded.iter().find(|(from, _)| cell == from);
            if let Some((_, to)) =
                other.filter(|(from, _)| name != "as_auto" || from.starts_with('{'))
            {
                (*to).clone_into(cell);
            }
        }
    }
    world.put_members("act90d1", &csv(&table, &columns));
    let plan = project.plan(&world);
    plan.assert_empty("said in other words");
}
