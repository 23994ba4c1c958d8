//! Accounts that somebody else changes, names alike or moves on while Syncform writes.

use serde_json::{Value, json};

use super::set::{ACCOUNT, KEYS, Set};
use crate::support::accounts::Trouble;

#[test]
fn a_version_that_moved_goes_on_only_where_the_same_is_to_be_written() {
    let set = Set::up();
    set.apply();
    set.says(
        &ACCOUNT.replace("send_events: true", "send_events: false"),
        "",
    );
    let meanwhile = |members: Value| {
        let mut held = set.accounts.held();
        held.troubles.push_back(Trouble::Meanwhile(members));
    };
    meanwhile(json!({"send_users": true}));
    assert_eq!(set.patched(), json!({"send_events": false}));
    // What is declared and somebody changes beside it is the next plan's.
    set.says(
        &ACCOUNT.replace(
            "send_events: true",
            "send_events: true\n    send_users: true",
        ),
        "",
    );
    meanwhile(json!({"enabled": false}));
    set.apply();
    assert_eq!(set.accounts.written().len(), 1);
    assert_eq!(set.patched(), json!({"enabled": true}));
    set.says(
        &ACCOUNT.replace("send_events: true", "send_events: false"),
        "",
    );
    set.patched();
    set.says(
        &ACCOUNT.replace("[Checkout Completed]", "[Trial Started]"),
        "",
    );
    meanwhile(
        json!({"event_filter": {"events": ["Checkout Completed"], "property_filters": {"p": 1}}}),
    );
    set.runs(&["apply", "--auto-approve"])
        .exits(1)
        .says("it was changed in Amplitude meanwhile; plan again");
    assert_eq!(
        set.patched()["event_filter"],
        json!({"events": ["Trial Started"], "property_filters": {"p": 1}})
    );
    // An answer that was lost: it is there, and nothing is written twice.
    set.says(ACCOUNT, "");
    set.accounts.written();
    set.accounts.held().troubles.push_back(Trouble::Lost);
    set.apply();
    assert_eq!(set.accounts.written().len(), 1);
    set.settled();
}

#[test]
fn no_account_of_another_project_is_touched() {
    let set = Set::up();
    set.apply();
    set.accounts.written();
    for (entry, more) in [
        (ACCOUNT, ""),
        ("", "removed: [{address: destination.braze-events}]\n"),
    ] {
        set.says(entry, more);
        set.rewrites("project_id: 7", "project_id: 8");
        set.runs(&["apply", "--auto-approve"])
            .exits(1)
            .says("the project is 8, and the state is about project 7");
        assert_eq!(set.accounts.written(), []);
    }
    // It is not forgotten.
    set.says("", "removed: [{address: destination.braze-events}]\n");
    assert_eq!(set.patched(), json!({"enabled": false}));
}

#[test]
fn another_account_of_the_name_is_told_its_secrets() {
    let set = Set::up();
    set.apply();
    {
        let mut held = set.accounts.held();
        held.accounts[0]["id"] = json!("dst-9");
        held.secrets.clear();
        // What was planned is held against a version that has moved on.
        let meanwhile = Trouble::Meanwhile(json!({"credential_status": "connected"}));
        held.troubles.push_back(meanwhile);
    }
    assert_eq!(set.paths("adopt"), ["config.rest_api_key"]);
    assert_eq!(set.patched(), json!({"config": {"rest_api_key": KEYS[0]}}));
}

#[test]
fn a_secret_is_written_whoever_moved_the_version() {
    let mut set = Set::up();
    set.apply();
    set.accounts.written();
    let key = |key: &str| ("PATCH".to_owned(), json!({"config": {"rest_api_key": key}}));
    // A try that was answered by nothing that tells, and somebody else's change behind it.
    {
        let mut held = set.accounts.held();
        let down = json!({"title": "Internal Server Error", "retryable": true});
        held.troubles.push_back(Trouble::Says(500, down));
        let meanwhile = Trouble::Meanwhile(json!({"send_users": true}));
        held.troubles.push_back(meanwhile);
    }
    set.key = 1;
    set.apply();
    assert_eq!(set.accounts.written(), [key(KEYS[1])]);
    assert_eq!(set.accounts.held().secrets["rest_api_key"], KEYS[1]);
    set.settled();
    // One that was done, and answered with what cannot be read: it is not said to be unchanged.
    set.key = 2;
    set.accounts.held().troubles.push_back(Trouble::Garbled);
    set.runs(&["apply", "--auto-approve"])
        .exits(6)
        .says("whether it was changed is not known: plan again");
    assert_eq!(set.accounts.written(), [key(KEYS[2])]);
    set.apply();
    assert_eq!(set.accounts.written(), [key(KEYS[2])]);
    // One that was done, and whose answer was lost: it cannot be seen.
    set.key = 0;
    set.accounts.held().troubles.push_back(Trouble::Lost);
    set.apply();
    assert_eq!(set.accounts.written(), [key(KEYS[0]), key(KEYS[0])]);
    set.settled();
}

#[test]
fn what_goes_by_its_name_leaves_the_account_of_another_entry_alone() {
    let mut set = Set::up();
    set.token = false;
    set.apply();
    // Somebody made it by hand, and calls it otherwise here.
    set.token = true;
    set.accounts.held().accounts = vec![
        json!({"id": "a", "partner": "braze", "display_name": "Braze production", "kind": ["event"],
        "config": {"rest_endpoint": "https://rest"}, "event_filter": {"events": ["Checkout Completed"]}, "version": 4,
        "property_mappings": {"user_id": "external_id"}, "send_events": true, "enabled": true}),
    ];
    set.says("", "removed: [{address: destination.braze-events}]\n");
    set.rewrites(
        "removed:",
        &format!("destinations:\n  events:\n{ACCOUNT}removed:"),
    );
    set.runs(&["plan"])
        .exits(0)
        .says("left as it is in Amplitude: it is another entry's now");
    set.apply();
    assert_eq!(set.accounts.held().accounts[0]["enabled"], true);
    set.settled();
}

#[test]
fn what_stops_a_stream_behind_our_back_is_said() {
    let set = Set::up();
    set.says(&ACCOUNT.replace("    enabled: true\n", ""), "");
    set.apply();
    set.accounts
        .change(&json!({"paused": true, "enabled": false}));
    for words in [
        "enabled was true when it was applied and is false now",
        "it is switched off in Amplitude, and `enabled` is not declared",
    ] {
        set.runs(&["plan"]).exits(0).says(words);
    }
    set.accounts.change(&json!({"enabled": true}));
    let words = "is paused in Amplitude: nothing arrives";
    set.runs(&["plan"]).exits(0).says(words);
    set.runs(&["drift"]).exits(2);
    // Nothing of it can be undone here: what an apply saw is known from then on.
    set.apply();
    set.runs(&["plan"]).exits(0).says(words);
    set.runs(&["drift"]).exits(0);
    set.settled();
}
