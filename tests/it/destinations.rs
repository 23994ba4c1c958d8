//! Accounts of Amplitude through the program: each change is one patch, each plan after is empty, and no secret shows.

mod cut;
mod example;
mod moved;
mod set;
mod unseen;

use serde_json::json;

use self::set::{ACCOUNT, KEYS, Set, kept};
use crate::support::accounts::Trouble;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one account, from its begin to its end"
)]
fn an_account_is_created_changed_in_each_field_and_disabled_each_by_one_write() {
    let mut set = Set::up();
    let shown = set.runs(&["plan", "--out", "saved.plan"]).exits(0);
    for words in [
        "+ destination.braze-events   braze account \"Braze production\" of Amplitude",
        "config.rest_api_key (secret) set",
        "event_filter.events (none) -> [Checkout Completed]",
        "Plan: 1 to create, 0 to update, 0 to delete.",
    ] {
        assert!(shown.stdout.contains(words), "{words} in {shown}");
    }
    set.runs(&["apply", "saved.plan"])
        .exits(0)
        .says("destination.braze-events   done: changed in Amplitude");
    let written = set.accounts.written();
    assert_eq!(written.len(), 1);
    assert_eq!(
        written[0].1,
        json!({"partner": "braze", "display_name": "Braze production", "kind": ["event"],
            "config": {"rest_endpoint": "https://rest", "rest_api_key": KEYS[0]},
            "event_filter": {"events": ["Checkout Completed"]},
            "property_mappings": {"user_id": "external_id"},
            "send_events": true, "enabled": true})
    );
    set.settled();
    let mut entry = ACCOUNT.to_owned();
    for (from, to, path, body) in [
        (
            "Braze production",
            "Braze live",
            "display_name",
            json!({"display_name": "Braze live"}),
        ),
        (
            "[event]",
            "[event, identify]",
            "kind",
            json!({"kind": ["event", "identify"]}),
        ),
        (
            "https://rest",
            "https://rest.eu",
            "config.rest_endpoint",
            json!({"config": {"rest_endpoint": "https://rest.eu"}}),
        ),
        (
            "[Checkout Completed]",
            "[Checkout Completed, Trial Started]",
            "event_filter.events",
            json!({"event_filter": {"events": ["Checkout Completed", "Trial Started"]}}),
        ),
        (
            "{from: user_id, to: external_id}",
            "{from: user_id, to: braze_id}",
            "property_mappings.user_id",
            json!({"property_mappings": {"user_id": "braze_id"}}),
        ),
        (
            "send_events: true",
            "send_users: true",
            "send_users",
            json!({"send_users": true}),
        ),
        (
            "enabled: true",
            "enabled: false",
            "enabled",
            json!({"enabled": false}),
        ),
    ] {
        entry = entry.replace(from, to);
        set.says(&entry, "");
        assert_eq!(set.paths("update"), [path]);
        assert_eq!(set.patched(), body);
    }
    // Behind our back: drift, and put right.
    set.accounts.change(&json!({"send_users": false}));
    let plan = set.plan();
    assert_eq!(
        plan["drift"],
        json!([{"address": "destination.braze-events", "path": "send_users", "before": true, "after": false}])
    );
    assert_eq!(set.patched(), json!({"send_users": true}));
    // What the YAML does not say is anybody's.
    set.accounts.change(&json!({"send_events": false}));
    set.settled();
    // A rotated key.
    set.key = 1;
    set.runs(&["plan"])
        .exits(0)
        .says("config.rest_api_key (secret) another one");
    assert_eq!(set.patched(), json!({"config": {"rest_api_key": KEYS[1]}}));
    // A mask in the place of what is never told differs in nothing; that somebody was there shows all the same.
    set.accounts
        .change(&json!({"config": {"rest_api_key": "********"}}));
    set.settled();
    let moved = "destination.braze-events: its version was 12 when it was applied and is 13 now, and nothing declared differs";
    set.runs(&["plan"]).exits(0).says(moved);
    set.runs(&["drift"]).exits(2).says(moved);
    set.apply();
    set.runs(&["drift"]).exits(0);
    // Gone from the YAML: refused, then disabled by what is to be pasted.
    set.says(&entry.replace("enabled: false", "enabled: true"), "");
    set.patched();
    set.says("", "");
    set.runs(&["apply", "--auto-approve"])
        .exits(3)
        .says("removed: [{address: destination.braze-events, on_destroy: empty, reason: \"why\"}]");
    set.says("", "removed: [{address: destination.braze-events}]\n");
    assert_eq!(set.paths("delete"), ["enabled"]);
    assert_eq!(set.patched(), json!({"enabled": false}));
    let mut text = String::new();
    kept(set.folder.path(), &mut text);
    for key in KEYS {
        assert!(!text.contains(key), "a secret on the disk");
    }
}

#[test]
fn what_the_service_says_no_to_is_told_and_nothing_else_is_done() {
    let set = Set::up();
    let invalid = json!({"title": "Unprocessable", "detail": format!("bad key {}", KEYS[0]), "error_code": "not_in_schema",
        "validation_errors": [{"field": "config.rest_endpoint", "message": "no such host"}]});
    set.accounts
        .held()
        .troubles
        .push_back(Trouble::Says(422, invalid));
    set.runs(&["apply", "--auto-approve"])
        .exits(1)
        .says("status 422 Unprocessable: bad key ***; config.rest_endpoint: no such host");
    // It asks for patience in its body, and gets it.
    let busy = json!({"title": "Too Many", "error_code": "rate_limit_exceeded", "retryable": true, "retry_after_seconds": 0.2});
    set.accounts
        .held()
        .troubles
        .push_back(Trouble::Says(429, busy));
    set.apply();
    assert_eq!(set.accounts.written().len(), 1);
    set.says(
        &ACCOUNT.replace("send_events: true", "send_events: false"),
        "",
    );
    set.accounts.held().dry = Some(json!({"action": "update", "diff": {"kind": {}}}));
    set.runs(&["apply", "--auto-approve"])
        .exits(1)
        .says("Amplitude's own dry run would change kind, and the plan send_events");
    assert_eq!(set.accounts.written(), []);
    set.accounts.held().dry = None;
    set.accounts.held().test = Some(json!({"ok": false, "detail": format!("refused {}", KEYS[0])}));
    set.runs(&["apply", "--auto-approve"])
        .exits(6)
        .says("failed: changed in Amplitude")
        .says("its test failed: refused ***");
    // What a test found shows in each plan that follows, until it is well.
    set.runs(&["plan", "--detailed-exitcode"])
        .exits(2)
        .says("~ destination.braze-events")
        .says("test         its last test failed: refused *** -> tested");
    set.runs(&["apply", "--auto-approve"])
        .says("failed: tested")
        .says("its test failed: refused ***");
    set.accounts.held().test = None;
    set.apply().says("done: tested");
    set.settled();
    assert_eq!(set.accounts.written().len(), 1);
    for (status, warned) in [
        ("disconnected", true),
        ("expired", true),
        ("connected", false),
    ] {
        set.accounts.change(&json!({"credential_status": status}));
        let shown = set.runs(&["plan", "--detailed-exitcode"]).exits(0);
        let words = format!("Amplitude says that its credentials are {status}");
        assert_eq!(shown.all().contains(&words), warned, "{shown}");
    }
}

#[test]
fn figures_that_do_not_hold_are_drift() {
    let set = Set::up();
    let health = "    health: {sync_id: \"30001625\", min_delivery_rate: 99%}\n";
    set.says(&format!("{ACCOUNT}{health}"), "");
    set.runs(&["apply", "--auto-approve"]).exits(0);
    let words = "health.min_delivery_rate is 99%, and over the last day it was 90.00%";
    let run = set.runs(&["drift", "--sample", "0"]).exits(2);
    let run = run.says(&format!("drift: destination.braze-events: {words}"));
    assert_eq!(run.all().matches(words).count(), 1, "{run}");
    set.runs(&["plan"])
        .exits(0)
        .says(words)
        .says("Nothing to do");
    // That they do not hold says nothing of accounts that cannot be read.
    set.accounts.held().pages = Some(json!({"has_more": true}));
    set.runs(&["drift", "--sample", "0"])
        .exits(1)
        .says(words)
        .says("the list goes on, and it does not say where");
}

#[test]
fn what_cannot_be_is_said_before_anything_is_written() {
    let mut set = Set::up();
    set.says(&ACCOUNT.replace("${BRAZE_STREAM_KEY}", KEYS[0]), "");
    set.runs(&["plan"])
        .exits(1)
        .says("`config.rest_api_key` holds a literal: a secret is never written in a file");
    set.says(&ACCOUNT.replace("rest_api_key", "rest_api_kee"), "");
    set.runs(&["plan"])
        .exits(1)
        .says("did you mean `rest_api_key`?");
    let health =
        "    health: {sync_id: \"30001625\", min_delivery_rate: 99%, max_p95_seconds: 60}\n";
    set.says(&format!("{ACCOUNT}{health}"), "");
    set.runs(&["plan"])
        .exits(0)
        .says("health.min_delivery_rate is 99%, and over the last day it was 90.00%")
        .says("note         90.00% of 100 events delivered over the last day, 95% within 4.5 s");
    set.runs(&["doctor"])
        .says("accepted (pat)")
        .says("braze takes rest_endpoint (string, needed), rest_api_key (secret, needed), update_users_only (boolean)");
    assert_eq!(set.accounts.written(), []);
    set.token = false;
    set.runs(&["plan", "--detailed-exitcode"])
        .exits(2)
        .says("! destination.braze-events   by hand: without amplitude.developer_token nobody sees")
        .says("1. Amplitude > Data > Destinations: open \"Braze production\", or add");
    set.apply();
    set.settled();
    assert_eq!(set.accounts.written(), []);
}

#[test]
fn a_key_that_is_not_set_is_said_where_it_is_needed() {
    let mut set = Set::up();
    set.key = KEYS.len();
    let unset = "`config.rest_api_key`: the variable `BRAZE_STREAM_KEY` is not set";
    set.runs(&["plan"]).exits(1).says(unset);
    set.runs(&["validate", "--online"])
        .exits(1)
        .says(&format!("error: {unset}"));
    let doctor = |set: &Set, verdict: &str| {
        let said = set.runs(&["doctor"]);
        let mut lines = said.stdout.lines();
        let line = lines.find(|line| line.contains("account secrets"));
        let line = line.unwrap_or_default();
        assert!(line.contains(verdict) && line.contains(unset), "{said}");
    };
    doctor(&set, "fail");
    // Nothing is sent without a token.
    set.token = false;
    set.runs(&["validate", "--online"])
        .says(&format!("warning: {unset}"));
    doctor(&set, "warn");
    set.apply();
    set.runs(&["plan", "--detailed-exitcode"])
        .exits(0)
        .says("(but for rest_api_key: no variable of it is set here)");
    // One that is set from then on is a change by hand.
    set.key = 0;
    set.runs(&["plan", "--detailed-exitcode"]).exits(2);
}

#[test]
fn what_the_yaml_no_longer_says_stays_and_is_said_once() {
    let set = Set::up();
    set.apply();
    set.accounts.written();
    let fewer = ACCOUNT
        .replace(", rest_api_key: \"${BRAZE_STREAM_KEY}\"", "")
        .replace("    send_events: true\n", "");
    set.says(&fewer, "");
    let words =
        "no longer declared, and stays as it is in Amplitude: config.rest_api_key, send_events";
    set.settled();
    set.runs(&["plan"]).exits(0).says(words);
    set.apply();
    let quiet = set.runs(&["plan"]).exits(0);
    assert!(!quiet.all().contains("no longer declared"), "{quiet}");
    assert_eq!(set.accounts.written(), []);
    // What was once taken out is said anew: nobody knows what is there by now.
    set.says(ACCOUNT, "");
    assert_eq!(set.paths("update"), ["config.rest_api_key"]);
    set.patched();
}
