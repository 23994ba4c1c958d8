//! Each field that may differ, secrets, drift, and a dry run held against a plan.

use serde_json::json;

use super::*;
use crate::model::DryRun;

fn live() -> Destination {
    Destination {
        id: "d1".to_owned(),
        partner: "braze".to_owned(),
        display_name: "Production".to_owned(),
        kind: vec!["identify".to_owned(), "event".to_owned()],
        config: BTreeMap::from([
            ("app_id".to_owned(), json!("a")),
            ("rest_endpoint".to_owned(), json!("https://rest")),
        ]),
        credential_status: Some("connected".to_owned()),
        version: Some(3),
        enabled: Some(true),
        paused: Some(false),
        event_filter: json!({"events": ["B", "A"], "property_filters": {"p": 1}}),
        property_mappings: json!({"x": "y", "user_id": "external_id"}),
        send_events: Some(true),
        send_users: Some(false),
    }
}

fn hidden(text: &str) -> Setting {
    Setting::Hidden {
        value: Secret::new(text),
        is_json: false,
        write_only: false,
    }
}

fn wanted() -> Wanted {
    Wanted {
        partner: "braze".to_owned(),
        display_name: "Production".to_owned(),
        kind: vec!["event".to_owned(), "identify".to_owned()],
        config: BTreeMap::from([
            ("app_id".to_owned(), Setting::Shown(json!("a"))),
            ("rest_api_key".to_owned(), hidden("planted")),
        ]),
        event_filter: Some(json!({"events": ["A", "B"]})),
        property_mappings: Some(json!({"user_id": "external_id", "x": "y"})),
        send_events: Some(true),
        send_users: None,
        enabled: Some(true),
    }
}

fn same(_: &str, _: &Secret) -> Sent {
    Sent::Same
}

/// What changes, a line each, and what is written.
fn told(wanted: &Wanted, live: &Destination, sent: Sent) -> (Vec<String>, Value) {
    let Difference { fields, patch } = wanted.difference(live, &|_, _| sent);
    let fields = fields.iter();
    let lines = fields.map(|field| format!("{} {} {}", field.path, field.before, field.after));
    (lines.collect(), patch.body())
}

#[test]
fn what_is_not_said_and_what_has_no_order_differs_in_nothing() {
    let difference = wanted().difference(&live(), &same);
    assert!(difference.fields.is_empty() && difference.patch.is_empty());
    let drift = drift(
        (&wanted().shown(), live().seen(SeenAccount::default())),
        std::iter::empty(),
        &live(),
        &|_, _| true,
    );
    assert!(drift.is_empty());
}

#[test]
fn each_field_that_differs_is_patched_alone() {
    let table: [(fn(&mut Wanted), &str, Value); 7] = [
        (
            |it| it.display_name = "Live".into(),
            "display_name \"Production\" \"Live\"",
            json!({"display_name": "Live"}),
        ),
        (
            |it| it.kind = vec!["event".into()],
            "kind [\"event\",\"identify\"] [\"event\"]",
            json!({"kind": ["event"]}),
        ),
        (
            |it| {
                it.config
                    .insert("app_id".into(), Setting::Shown(json!("b")));
            },
            "config.app_id \"a\" \"b\"",
            json!({"config": {"app_id": "b"}}),
        ),
        (
            |it| it.event_filter = Some(json!({"events": ["C", "A"]})),
            "event_filter.events [\"A\",\"B\"] [\"A\",\"C\"]",
            // What it has beside that stays.
            json!({"event_filter": {"events": ["C", "A"], "property_filters": {"p": 1}}}),
        ),
        (
            |it| it.property_mappings = Some(json!({"user_id": "external_id", "x": "z"})),
            "property_mappings.x \"y\" \"z\"",
            json!({"property_mappings": {"user_id": "external_id", "x": "z"}}),
        ),
        (
            |it| it.send_users = Some(true),
            "send_users false true",
            json!({"send_users": true}),
        ),
        (
            |it| it.enabled = Some(false),
            "enabled true false",
            json!({"enabled": false}),
        ),
    ];
    for (change, line, body) in table {
        let mut wanted = wanted();
        change(&mut wanted);
        assert_eq!(
            told(&wanted, &live(), Sent::Same),
            (vec![line.to_owned()], body)
        );
    }
}

#[test]
fn a_secret_is_sent_where_another_or_none_was_and_never_shown() {
    let body = json!({"config": {"rest_api_key": "planted"}});
    for (sent, line) in [
        (Sent::Other, "config.rest_api_key \"(secret)\" \"(secret)\""),
        (Sent::Unknown, "config.rest_api_key null \"(secret)\""),
    ] {
        let expected = (vec![line.to_owned()], body.clone());
        assert_eq!(told(&wanted(), &live(), sent), expected);
    }
    // One that is told after all is compared with what is told.
    let mut telling = live();
    telling
        .config
        .insert("rest_api_key".into(), json!("planted"));
    assert!(told(&wanted(), &telling, Sent::Unknown).0.is_empty());
    telling.config.insert("rest_api_key".into(), json!("other"));
    assert_eq!(told(&wanted(), &telling, Sent::Same).0.len(), 1);
    // What is never told is not compared with the mask that stands in its place.
    let mut masked = wanted();
    masked.config.insert(
        "rest_api_key".into(),
        Setting::Hidden {
            value: Secret::new("planted"),
            is_json: false,
            write_only: true,
        },
    );
    telling
        .config
        .insert("rest_api_key".into(), json!("********"));
    assert!(told(&masked, &telling, Sent::Same).0.is_empty());
    assert_eq!(told(&masked, &telling, Sent::Other).1, body);
    let all = format!("{:?} {}", wanted(), wanted().shown());
    assert!(!all.contains("planted"), "{all}");
}

#[test]
fn what_is_left_of_a_patch_is_what_was_planned_of_it() {
    let patch = |change: fn(&mut Wanted), sent| {
        let mut wanted = wanted();
        change(&mut wanted);
        wanted.difference(&live(), &|_, _| sent).patch
    };
    let app = |it: &mut Wanted| {
        it.config
            .insert("app_id".into(), Setting::Shown(json!("b")));
    };
    let app_and_more = |it: &mut Wanted| {
        it.config
            .insert("app_id".into(), Setting::Shown(json!("b")));
        let rest = Setting::Shown(json!("https://other"));
        it.config.insert("rest_endpoint".into(), rest);
        it.send_events = Some(false);
    };
    let other_app = |it: &mut Wanted| {
        it.config
            .insert("app_id".into(), Setting::Shown(json!("c")));
    };
    let whole = patch(app, Sent::Other);
    let only = json!({"config": {"app_id": "b"}});
    let key = json!({"config": {"rest_api_key": "planted"}});
    for (now, left) in [
        (patch(app, Sent::Other), Some(whole.body())),
        // What shows was done; what does not show is left.
        (patch(|_| (), Sent::Other), Some(key)),
        // What somebody changed beside it is the next plan's.
        (patch(app_and_more, Sent::Same), Some(only)),
        (patch(other_app, Sent::Same), None),
        (Patch::default(), Some(json!({}))),
    ] {
        assert_eq!(now.left(&whole).map(|left| left.body()), left, "{now:?}");
    }
}

#[test]
fn a_new_account_is_told_all_that_is_said() {
    let Difference { fields, patch } = wanted().creation();
    let paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "config.app_id",
            "config.rest_api_key",
            "enabled",
            "event_filter.events",
            "kind",
            "property_mappings.user_id",
            "property_mappings.x",
            "send_events"
        ]
    );
    let body = patch.body();
    assert_eq!(
        body["config"],
        json!({"app_id": "a", "rest_api_key": "planted"})
    );
    assert_eq!(body["partner"], "braze");
    assert_eq!(body["kind"], json!(["event", "identify"]));
}

#[test]
fn what_changed_since_it_was_applied_is_drift() {
    let applied = wanted().shown();
    let mut changed = live();
    changed.display_name = "Other".into();
    changed.config.insert("rest_api_key".into(), json!("known"));
    let secrets = || ["rest_api_key".to_owned(), "untold".to_owned()].into_iter();
    let found = drift(
        (&applied, live().seen(SeenAccount::default())),
        secrets(),
        &changed,
        &|_, _| false,
    );
    let paths: Vec<(&str, &Value)> = found
        .iter()
        .map(|change| (change.path.as_str(), &change.after))
        .collect();
    let secret = json!("(secret)");
    assert_eq!(
        paths,
        [
            ("display_name", &json!("Other")),
            ("config.rest_api_key", &secret)
        ]
    );
}

#[test]
fn a_dry_run_agrees_or_does_not() {
    let patch = |change: fn(&mut Wanted), sent| {
        let mut wanted = wanted();
        change(&mut wanted);
        wanted.difference(&live(), &|_, _| sent).patch
    };
    let enabled = patch(|it| it.enabled = Some(false), Sent::Same);
    let key = patch(|_| (), Sent::Other);
    let both = patch(|it| it.enabled = Some(false), Sent::Other);
    let said = |action: &str, fields: &[&str]| DryRun {
        action: action.to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        warnings: vec![],
    };
    for (patch, said, agree) in [
        (&enabled, said("update", &["enabled"]), true),
        (&enabled, said("noop", &[]), false),
        (&enabled, said("create", &["enabled"]), false),
        (&enabled, said("update", &["enabled", "kind"]), false),
        (&enabled, said("update", &[]), false),
        (&key, said("noop", &[]), true),
        (&key, said("update", &["config.rest_api_key"]), true),
        (&both, said("update", &["enabled"]), true),
        (&both, said("noop", &[]), false),
    ] {
        assert_eq!(agrees(&said, Some("d1"), patch).is_ok(), agree, "{said:?}");
    }
    let new = wanted().creation().patch;
    assert!(agrees(&said("create", &[]), None, &new).is_ok());
    assert!(agrees(&said("update", &[]), None, &new).is_err());
    assert!(agrees(&said("create", &["enabled"]), None, &new).is_err());
}

#[test]
fn delivery_is_held_against_its_bounds() {
    let bounds = Bounds {
        min_delivery_rate: Some(99.0),
        max_p95_seconds: Some(60),
    };
    let of = |delivered, undelivered, rate, p95_seconds| {
        let found = crate::model::Deliveries {
            delivered,
            undelivered,
            rate,
            p95_seconds,
        };
        let found = violations(bounds, found).into_iter();
        found
            .map(|it| format!("{} {} {}", it.path, it.limit, it.found))
            .collect::<Vec<_>>()
    };
    assert!(of(100, 0, 1.0, 60.0).is_empty());
    assert!(of(0, 0, 0.0, 900.0).is_empty());
    assert_eq!(
        of(90, 10, 0.9, 61.25),
        [
            "health.min_delivery_rate 99% 90.00%",
            "health.max_p95_seconds 60 s 61.2 s"
        ]
    );
}

#[test]
fn what_stops_an_account_and_a_version_that_moved_are_drift() {
    let applied = wanted().shown();
    let told = |change: fn(&mut Destination), applied: &Value| {
        let (seen, mut now) = (live().seen(SeenAccount::default()), live());
        change(&mut now);
        let found = drift((applied, seen), std::iter::empty(), &now, &|_, _| true);
        let found = found.into_iter();
        found.map(|change| change.path).collect::<Vec<String>>()
    };
    let mut silent = applied.clone();
    silent.as_object_mut().unwrap().remove("enabled");
    for applied in [&applied, &silent] {
        assert_eq!(told(|it| it.enabled = Some(false), applied), ["enabled"]);
    }
    assert_eq!(told(|it| it.paused = Some(true), &applied), ["paused"]);
    assert_eq!(told(|it| it.version = Some(4), &applied), ["version"]);
    let both = |it: &mut Destination| (it.version, it.paused) = (Some(4), Some(true));
    assert_eq!(told(both, &applied), ["paused", "version"]);
    let other = |it: &mut Destination| {
        it.version = Some(4);
        it.send_events = Some(false);
    };
    assert_eq!(told(other, &applied), ["send_events"]);
    assert!(told(|_| (), &applied).is_empty());
    // One that was paused, and is so no more, is as it should be; that it ran is remembered while it is paused.
    let mut paused = live();
    paused.paused = Some(true);
    let was = paused.seen(live().seen(SeenAccount::default()));
    assert_eq!(was.paused, Some(false));
    for was in [paused.seen(SeenAccount::default()), was] {
        let resumed = drift((&applied, was), std::iter::empty(), &live(), &|_, _| true);
        assert!(resumed.is_empty());
    }
}

#[test]
fn what_is_no_longer_said_is_named_and_changes_nothing() {
    let applied = json!({"config": {"app_id": "a", "url": "u"}, "send_users": true, "enabled": true,
        "event_filter": {"events": ["A"], "property_filters": {"p": 1}}, "property_mappings": {"x": "y", "z": "w"}});
    let said = json!({"config": {"url": "u"}, "enabled": true, "event_filter": {"events": ["A"]},
        "property_mappings": {"x": "y"}});
    let secrets = ["kept".to_owned(), "key".to_owned()];
    let says = |id: &str| ["url", "kept"].contains(&id);
    assert_eq!(
        dropped(&applied, secrets.iter(), &said, says),
        [
            "config.app_id",
            "config.key",
            "event_filter.property_filters",
            "send_users"
        ]
    );
    // A list of pairs is one thing: what is taken out of it changes it.
    let paths: Vec<String> = reworded(&applied, &said)
        .into_iter()
        .map(|change| change.path)
        .collect();
    assert_eq!(paths, ["property_mappings.z"]);
    assert!(reworded(&said, &said).is_empty());
}

#[test]
fn whom_a_filter_names_in_amplitude_is_not_shown() {
    let mut wanted = wanted();
    let filter = |who: &str| json!({"events": ["A", "B"], "property_filters": {"who": who}});
    wanted.event_filter = Some(filter("declared@example.com"));
    let mut live = live();
    live.event_filter = filter("theirs@example.com");
    let (lines, body) = told(&wanted, &live, Sent::Same);
    assert_eq!(
        lines,
        ["event_filter.property_filters.who \"(e-mail)\" \"declared@example.com\""]
    );
    assert_eq!(body["event_filter"], filter("declared@example.com"));
    let seen = live.seen(SeenAccount::default());
    let drift = drift(
        (&wanted.shown(), seen),
        std::iter::empty(),
        &live,
        &|_, _| true,
    );
    assert_eq!(drift[0].after, json!("(e-mail)"));
}
