//! Every form of a value, and what must reach a profile.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn value(value: Value) -> Typed {
    Typed::Value(value)
}

fn unfit(unfit: Unfit) -> Typed {
    Typed::Unfit(Why::Braze(unfit))
}

const ALL: [As; 8] = [
    As::String,
    As::Number,
    As::Integer,
    As::Boolean,
    As::Time,
    As::Array,
    As::Object,
    As::Auto,
];

#[track_caller]
fn check(kind: As, table: Vec<(&str, Typed)>) {
    for (text, expected) in table {
        let shown: String = text.chars().take(60).collect();
        assert_eq!(super::text(text, kind), expected, "{shown:?} as {kind:?}");
    }
}

#[test]
fn nothing_is_nothing_as_any_type() {
    for kind in ALL {
        assert_eq!(text("", kind), Typed::Empty, "{kind:?}");
    }
}

#[test]
fn texts_stay_as_they_are() {
    let long = "ü".repeat(255);
    let longer = "ü".repeat(256);
    let same = |text: &'static str| (text, value(json!(text)));
    let mut table: Vec<_> = [
        "gold",
        " gold ",
        " ",
        "Übergröße 靴 👟",
        "007",
        "12345678901234567890",
        "3.0",
        "true",
        "null",
        "[]",
        "{\"a\": 1}",
        "2020-12-23",
        "a\nb\"c\\d",
    ]
    .into_iter()
    .map(same)
    .collect();
    table.push((&long, value(json!(long))));
    table.push((&longer, unfit(Unfit::TextTooLong)));
    check(As::String, table);
}

#[test]
fn numbers_have_one_way_to_be_written() {
    let not = || Typed::Unfit(Why::NotANumber);
    let large = || unfit(Unfit::NumberTooLarge);
    let table = vec![
        ("3", value(json!(3))),
        ("3.0", value(json!(3))),
        ("3.00", value(json!(3))),
        ("3e0", value(json!(3))),
        ("0.3E+1", value(json!(3))),
        ("30e-1", value(json!(3))),
        (" 3 ", value(json!(3))),
        ("5000000.0", value(json!(5_000_000))),
        ("0", value(json!(0))),
        ("-0", value(json!(0))),
        ("-0.0e7", value(json!(0))),
        ("-7", value(json!(-7))),
        ("11.50", value(json!(11.5))),
        ("0.1", value(json!(0.1))),
        ("-1.5e-3", value(json!(-0.0015))),
        ("1e-400", value(json!(0))),
        ("0e999999999999999999999", value(json!(0))),
        ("1e18", value(json!(1_000_000_000_000_000_000_i64))),
        ("9007199254740993", value(json!(9_007_199_254_740_993_i64))),
        (
            "9007199254740993.0",
            value(json!(9_007_199_254_740_993_i64)),
        ),
        ("9007199254740993.5", large()),
        ("9223372036854775807", value(json!(i64::MAX))),
        ("-9223372036854775808", value(json!(i64::MIN))),
        ("9223372036854775808", large()),
        ("12345678901234567890", large()),
        ("1e19", large()),
        ("1e400", large()),
        ("1e99999999999999999999", large()),
        ("0.99999999999999999999", value(json!(1))),
        ("1,5", not()),
        ("1,000", not()),
        ("1 000", not()),
        ("+1", not()),
        ("007", not()),
        (".5", not()),
        ("5.", not()),
        ("1e", not()),
        ("1.e1", not()),
        ("--1", not()),
        ("-", not()),
        ("0x1F", not()),
        ("NaN", not()),
        ("inf", not()),
        ("Infinity", not()),
        ("true", not()),
        ("null", not()),
        ("٣", not()),
        (" ", not()),
        ("[3]", not()),
    ];
    check(As::Number, table);
}

#[test]
fn integers_are_whole() {
    let not = || Typed::Unfit(Why::NotAnInteger);
    let table = vec![
        ("3", value(json!(3))),
        ("3.0", value(json!(3))),
        ("3e2", value(json!(300))),
        (" -3.000 ", value(json!(-3))),
        ("9223372036854775807.0", value(json!(i64::MAX))),
        ("3.5", not()),
        ("1e-1", not()),
        ("three", not()),
        ("007", not()),
        ("9223372036854775808", unfit(Unfit::NumberTooLarge)),
    ];
    check(As::Integer, table);
}

#[test]
fn booleans_are_words_or_digits() {
    let not = || Typed::Unfit(Why::NotABoolean);
    let table = vec![
        ("true", value(json!(true))),
        ("True", value(json!(true))),
        (" FALSE ", value(json!(false))),
        ("1", value(json!(true))),
        ("0", value(json!(false))),
        ("yes", not()),
        ("1.0", not()),
        ("01", not()),
        ("2", not()),
        ("null", not()),
    ];
    check(As::Boolean, table);
}

#[test]
fn times_are_moments_in_utc() {
    let not = || Typed::Unfit(Why::NotATime);
    let at = |text: &str| value(json!(text));
    let far = || unfit(Unfit::TimeOutOfRange);
    let table = vec![
        ("9999-12-31", far()),
        ("9999-12-31T23:59:59-12:00", far()),
        ("2020-12-23", at("2020-12-23T00:00:00Z")),
        ("12/23/2020", at("2020-12-23T00:00:00Z")),
        ("2020-12-23 02:32:00", at("2020-12-23T02:32:00Z")),
        ("2020-12-23T02:32", at("2020-12-23T02:32:00Z")),
        ("2020-12-23T02:32:00", at("2020-12-23T02:32:00Z")),
        ("2020-12-23T02:32:00Z", at("2020-12-23T02:32:00Z")),
        (" 2020-12-23T02:32:00Z ", at("2020-12-23T02:32:00Z")),
        ("2020-12-23T02:32:00+01:00", at("2020-12-23T01:32:00Z")),
        ("2020-12-23T00:32:00+0530", at("2020-12-22T19:02:00Z")),
        ("2020-12-23T02:32:00-08", at("2020-12-23T10:32:00Z")),
        ("2020-12-23T02:32:00.5Z", at("2020-12-23T02:32:00.500Z")),
        ("2020-12-23T02:32:00,25", at("2020-12-23T02:32:00.250Z")),
        ("2020-12-23 02:32:00.000000", at("2020-12-23T02:32:00Z")),
        ("2020-12-23 02:32:00.123456", at("2020-12-23T02:32:00.123Z")),
        ("2020-12-23T02:32:00.0009Z", at("2020-12-23T02:32:00Z")),
        ("2020-12-23T02:32:00:123Z", at("2020-12-23T02:32:00.123Z")),
        (
            "2020-12-23T02:32:00:123+0100",
            at("2020-12-23T01:32:00.123Z"),
        ),
        ("2020-02-29", at("2020-02-29T00:00:00Z")),
        ("0000-01-01", at("0000-01-01T00:00:00Z")),
        ("0000-01-01T00:00:00+00:01", far()),
        ("3000-12-31T23:59:59Z", at("3000-12-31T23:59:59Z")),
        ("3000-12-31T23:59:59-00:01", far()),
        ("3001-01-01", far()),
        ("1608690720", not()),
        ("1608690720000", not()),
        ("20201223", not()),
        ("2021-02-29", not()),
        ("2020-13-01", not()),
        ("13/23/2020", not()),
        ("12/23/20", not()),
        ("12/23/2020 02:32:00", not()),
        ("23.12.2020", not()),
        ("2020-12", not()),
        ("2020-12-23T", not()),
        ("2020-12-23T24:00:00Z", not()),
        ("2020-12-23T02:60:00Z", not()),
        ("2020-12-23T02:32:00.Z", not()),
        ("2020-12-23T02:32:00:12Z", not()),
        ("2020-12-23T02:32:00+1", not()),
        ("2020-12-23T02:32:00+25:00", not()),
        ("2020-12-23T02:32:00+01:60", not()),
        ("2020-12-23T02:32:00Europe/Berlin", not()),
        ("2020-12-23T02:32:00Zz", not()),
        ("-2020-12-23", not()),
        ("٢٠٢٠-12-23", not()),
        ("tomorrow", not()),
        ("null", not()),
    ];
    check(As::Time, table);
}

#[test]
fn arrays_hold_scalars_once_or_objects() {
    let not = || Typed::Unfit(Why::NotAnArray);
    let bad = || unfit(Unfit::BadElement);
    let many = |many: usize| json!((0..many).collect::<Vec<_>>());
    let (most, over) = (many(500).to_string(), many(501).to_string());
    let repeated = json!(vec![1; 501]).to_string();
    let objects = json!(vec![json!({"a": 1}); 501]);
    let objects_text = objects.to_string();
    let large = json!(vec![json!({"a": "x".repeat(200)}); 500]).to_string();
    let long = json!(["x".repeat(256)]).to_string();
    let deep = format!("[{{\"a\": {}{}}}]", "[".repeat(5000), "]".repeat(5000));
    let table = vec![
        ("[]", Typed::Empty),
        (" [ ] ", Typed::Empty),
        ("{}", Typed::Empty),
        ("[\"a\", \"b\"]", value(json!(["a", "b"]))),
        ("[\"b\", \"a\", \"b\"]", value(json!(["b", "a"]))),
        ("[1, \"1\", 1.0, true, 1e0]", value(json!([1, "1", true]))),
        ("[\"\"]", value(json!([""]))),
        (
            "[{\"a\": 1}, {\"a\": 1}]",
            value(json!([{"a": 1}, {"a": 1}])),
        ),
        ("[null]", bad()),
        ("[1, null]", bad()),
        ("[[1]]", bad()),
        ("[1, {\"a\": 1}]", bad()),
        ("[{\"a\": null}]", unfit(Unfit::BadNestedValue)),
        ("[{\"a b\": 1}]", unfit(Unfit::BadNestedName)),
        ("[12345678901234567890]", unfit(Unfit::NumberTooLarge)),
        (
            "[9007199254740993]",
            value(json!([9_007_199_254_740_993_i64])),
        ),
        (&most, value(many(500))),
        (&over, unfit(Unfit::ArrayTooLong)),
        (&repeated, value(json!([1]))),
        (&objects_text, value(objects)),
        (&large, unfit(Unfit::TooLarge)),
        (&long, unfit(Unfit::TextTooLong)),
        (&deep, not()),
        ("{\"a\": 1}", not()),
        ("a, b", not()),
        ("[a]", not()),
        ("['a']", not()),
        ("[1,]", not()),
        ("[01]", not()),
        ("[1] [2]", not()),
        ("\"a\"", not()),
        ("null", not()),
    ];
    check(As::Array, table);
}

#[test]
fn objects_hold_what_nested_attributes_may() {
    let not = || Typed::Unfit(Why::NotAnObject);
    let large = json!({"a": vec!["x".repeat(200); 500]}).to_string();
    let table = vec![
        ("{}", Typed::Empty),
        ("[]", Typed::Empty),
        (
            "{\"a\": {\"b\": [1.0, \"x\", false]}}",
            value(json!({"a": {"b": [1, "x", false]}})),
        ),
        (
            "{\"born\": {\"$time\": \"1980-01-01\"}}",
            value(json!({"born": {"$time": "1980-01-01T00:00:00Z"}})),
        ),
        (
            "{\"born\": {\"$time\": \"soon\"}}",
            unfit(Unfit::BadNestedValue),
        ),
        (
            "{\"born\": {\"$time\": 1608690720}}",
            unfit(Unfit::BadNestedValue),
        ),
        (
            "{\"born\": {\"$time\": \"3001-01-01\"}}",
            unfit(Unfit::TimeOutOfRange),
        ),
        ("{\"a\": null}", unfit(Unfit::BadNestedValue)),
        ("{\"a\": [{\"b\": null}]}", unfit(Unfit::BadNestedValue)),
        ("{\"a.b\": 1}", unfit(Unfit::BadNestedName)),
        ("{\"$a\": 1}", unfit(Unfit::BadNestedName)),
        ("{\"$time\": \"1980-01-01\"}", unfit(Unfit::BadNestedName)),
        ("{\"add\": [1]}", unfit(Unfit::Instruction)),
        ("{\"inc\": 1}", unfit(Unfit::Instruction)),
        (&large, unfit(Unfit::TooLarge)),
        ("[{\"a\": 1}]", not()),
        ("{a: 1}", not()),
        ("7", not()),
        ("null", not()),
    ];
    check(As::Object, table);
    // The order of keys says nothing.
    let one = text("{\"b\": {\"y\": 1, \"x\": 2}, \"a\": 3}", As::Object);
    let Typed::Value(one) = one else {
        panic!("a value")
    };
    assert_eq!(one.to_string(), "{\"a\":3,\"b\":{\"x\":2,\"y\":1}}");
}

#[test]
fn auto_takes_only_what_is_beyond_doubt() {
    let same = |text: &'static str| (text, value(json!(text)));
    let mut table = vec![
        ("7", value(json!(7))),
        ("-7", value(json!(-7))),
        ("0", value(json!(0))),
        ("11.50", value(json!(11.5))),
        ("123456789012345", value(json!(123_456_789_012_345_i64))),
        ("true", value(json!(true))),
        ("false", value(json!(false))),
        ("[\"a\", \"a\"]", value(json!(["a"]))),
        ("{\"a\": 1}", value(json!({"a": 1}))),
        ("[]", Typed::Empty),
        ("[1, null]", unfit(Unfit::BadElement)),
    ];
    table.extend(
        [
            "007",
            "+7",
            " 7",
            "7 ",
            "1e5",
            "1234567890123456",
            "12345678901234567890",
            "1.2.3",
            "-",
            ".",
            "True",
            "TRUE",
            "null",
            "2020-12-23",
            "[draft]",
            "{{name}}",
            "[",
            "gold",
        ]
        .map(same),
    );
    check(As::Auto, table);
}

#[test]
fn items_of_a_recommendation() {
    let cut = |list: Value, limit: u32| items(&list, Some(limit));
    assert_eq!(
        cut(json!(["a", "b", "a", "c"]), 2),
        value(json!(["a", "b"]))
    );
    assert_eq!(cut(json!(["a", "a", "c"]), 2), value(json!(["a", "c"])));
    assert_eq!(items(&json!(["a", 1]), None), value(json!(["a", 1])));
    assert_eq!(items(&json!([]), None), Typed::Empty);
    assert_eq!(items(&Value::Null, Some(1)), Typed::Empty);
    assert_eq!(items(&json!(["a", null]), None), unfit(Unfit::BadElement));
    assert_eq!(items(&json!([{"id": 1}]), None), unfit(Unfit::BadElement));
    assert_eq!(items(&json!("a"), None), Typed::Unfit(Why::NotAnArray));
    let many = |count: u32| json!((0..count).collect::<Vec<_>>());
    assert_eq!(items(&many(501), None), value(many(500)), "the best");
}

#[test]
fn seconds_are_a_time() {
    let at = |text: &str| value(json!(text));
    assert_eq!(moment(&json!(1_608_690_720)), at("2020-12-23T02:32:00Z"));
    assert_eq!(
        moment(&json!(1_608_690_720.5)),
        at("2020-12-23T02:32:00.500Z")
    );
    assert_eq!(moment(&json!(0)), at("1970-01-01T00:00:00Z"));
    assert_eq!(moment(&Value::Null), Typed::Empty);
    assert_eq!(moment(&json!("soon")), Typed::Unfit(Why::NotATime));
    assert_eq!(moment(&json!(i64::MAX)), Typed::Unfit(Why::NotATime));
    assert_eq!(moment(&json!(1e300)), Typed::Unfit(Why::NotATime));
    assert_eq!(
        moment(&json!(32_536_771_200_i64)),
        unfit(Unfit::TimeOutOfRange)
    );
}

#[test]
fn reasons_have_words_for_people_and_machines() {
    let too_long = Why::Braze(Unfit::TextTooLong);
    assert_eq!(too_long.word(), "text_too_long");
    assert_eq!(too_long.to_string(), "longer than 255 characters");
    assert_eq!(Why::NotANumber.word(), "not_a_number");
    assert_eq!(Why::NotANumber.to_string(), "not a number");
}

/// Texts that mean something to some type, and ones that nearly do.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,20}",
        "-?[0-9]{1,22}(\\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9]([.,:][0-9]{1,9})?)?(Z|[+-][0-2][0-9]:?[0-5][0-9])?)?",
        json_of(3).prop_map(|value| value.to_string()),
    ]
}

fn json_of(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z.$ ]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 24, 6, |inner| {
        let keys = prop_oneof![
            "[a-z.$ ]{1,3}",
            Just("$time".to_owned()),
            Just("add".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((keys, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_a_value_fits_and_stays_the_same(given in texts(), kind in prop::sample::select(&ALL)) {
        if let Typed::Value(first) = text(&given, kind) {
            prop_assert_eq!(braze::fits(&first), Ok(()));
            // As the ledger keeps it.
            let kept: Value = serde_json::from_str(&first.to_string()).unwrap();
            prop_assert_eq!(&kept, &first);
            let written = match &first {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let again = text(&written, kind);
            prop_assert_eq!(&again, &Typed::Value(first.clone()));
            let Typed::Value(again) = again else { unreachable!() };
            prop_assert_eq!(again.to_string(), first.to_string());
        }
    }

    #[test]
    fn a_number_is_the_number_that_json_reads(given in "-?(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?([eE]-?[0-2])?") {
        let expected: f64 = given.parse().unwrap();
        let Typed::Value(number) = text(&given, As::Number) else {
            return Err(TestCaseError::fail("a number"));
        };
        prop_assert_eq!(number.as_f64(), Some(expected));
        prop_assert_eq!(number.is_i64(), expected.fract() == 0.0);
    }

    #[test]
    fn a_whole_number_keeps_every_digit(given in any::<i64>(), zeros in 0..4_usize) {
        let written = format!("{given}.{}", "0".repeat(zeros + 1));
        for kind in [As::Number, As::Integer] {
            prop_assert_eq!(text(&written, kind), Typed::Value(json!(given)));
        }
    }

    #[test]
    fn items_are_a_value_that_fits(list in json_of(2), limit in prop::option::of(1..4_u32)) {
        if let Typed::Value(first) = items(&list, limit) {
            prop_assert_eq!(braze::fits(&first), Ok(()));
            prop_assert_eq!(items(&first, limit), Typed::Value(first));
        }
    }
}
