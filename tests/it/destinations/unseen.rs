//! Accounts without a token: what is done by hand.

use serde_json::json;

use super::set::{ACCOUNT, Set};

#[test]
fn what_nobody_sees_is_never_forgotten() {
    let removed = "removed: [{address: destination.braze-events}]\n";
    let mut set = Set::up();
    set.apply();
    set.accounts.written();
    set.token = false;
    // No token, on purpose: by hand, each time.
    set.runs(&["drift"])
        .says("is not looked at: there is no amplitude.developer_token");
    set.says("", removed);
    for _ in 0..2 {
        set.runs(&["apply", "--auto-approve"])
            .exits(0)
            .says("! destination.braze-events")
            .says("Amplitude > Data > Destinations: switch braze account \"Braze production\" off");
    }
    // A token that is asked for, and whose variable is not set.
    for (entry, more) in [("", removed), (ACCOUNT, "")] {
        set.says(entry, more);
        set.rewrites("${AMPLITUDE_PAT:-}", "${AMPLITUDE_PAT}");
        set.runs(&["apply", "--auto-approve"])
            .exits(1)
            .says("`amplitude.developer_token`: ")
            .says("AMPLITUDE_PAT");
    }
    set.runs(&["doctor"]).says("developer token");
    assert_eq!(set.accounts.written(), []);
    set.token = true;
    set.says("", removed);
    assert_eq!(set.patched(), json!({"enabled": false}));
    // What by hand was done is forgotten where that is said.
    set.says(ACCOUNT, "");
    set.apply();
    set.token = false;
    set.says("", &removed.replace('}', ", on_destroy: keep}"));
    set.apply();
    set.runs(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn without_a_token_what_was_done_by_hand_is_said_by_an_apply() {
    let mut set = Set::up();
    set.token = false;
    let manual = |set: &Set, words: &[&str]| {
        let shown = set.runs(&["plan", "--detailed-exitcode"]).exits(2);
        for words in words {
            assert!(shown.stdout.contains(words), "{words} in {shown}");
        }
        set.apply();
        set.settled();
    };
    let import = set.runs(&["import"]).exits(0);
    assert!(
        import
            .stderr
            .contains("warning: destinations were not looked at: there is no token"),
        "{import}"
    );
    assert!(import.stdout.contains("# Amplitude's own accounts at other services (destinations) were not looked at: there is no token"), "{import}");
    manual(
        &set,
        &["set its parameters as the YAML says: rest_api_key, rest_endpoint"],
    );
    set.runs(&["plan"])
        .exits(0)
        .says("not seen, since there is no amplitude.developer_token: declared as it was on");
    set.key = 1;
    let key = [
        "config.rest_api_key (secret) another one",
        "set its parameters as the YAML says: rest_api_key\n",
    ];
    manual(&set, &key);
    let entry = ACCOUNT
        .replace("Braze production", "Braze live")
        .replace("send_events: true", "send_events: false");
    set.says(&entry, "");
    let steps = [
        "1. Amplitude > Data > Destinations: open \"Braze production\"",
        "2. name it \"Braze live\"",
        "3. switch Send Events off",
        "4. then apply, which takes this for done",
    ];
    manual(&set, &steps);
    // What is remembered beside the account is shown beside its steps.
    let kept = entry.replace("send_events: false", "send_events: true\n    protect: true");
    set.says(&kept, "");
    manual(&set, &["protect", "switch Send Events on"]);
    set.says(&format!("{entry}    protect: false\n"), "");
    set.apply();
    set.says(&entry, "");
    set.settled();
    // With a token it is seen, and nobody knows which key somebody set.
    set.accounts.held().accounts = vec![
        json!({"id": "a", "partner": "braze", "display_name": "Braze live", "kind": ["event"],
        "config": {"rest_endpoint": "https://rest"}, "event_filter": {"events": ["Checkout Completed"]}, "version": 4,
        "property_mappings": {"user_id": "external_id"}, "send_events": false, "enabled": true}),
    ];
    set.token = true;
    assert_eq!(set.paths("adopt"), ["config.rest_api_key"]);
    set.patched();
    // Back and forth by hand: what was sent by an apply is not what is there.
    set.token = false;
    set.settled();
    set.key = 2;
    manual(&set, &[]);
    set.token = true;
    set.key = 1;
    assert_eq!(set.paths("update"), ["config.rest_api_key"]);
}
