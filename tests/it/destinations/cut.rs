//! Accounts whose writing was cut: answers that never came, kills, tests that were left out.

use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::json;

use super::set::{ACCOUNT, Set};
use crate::support::accounts::{Held, Trouble};
use crate::support::binary::start;

#[test]
fn an_account_whose_creation_was_never_answered_is_found_by_its_name() {
    let set = Set::up();
    set.accounts.held().troubles.push_back(Trouble::Lost);
    set.runs(&["apply", "--auto-approve"])
        .exits(6)
        .says("whether it was created is not known: the next plan finds it by its name");
    assert_eq!(set.accounts.written().len(), 1);
    // What was sent of its secrets is not known, so that they are sent again.
    assert_eq!(set.paths("adopt"), ["config.rest_api_key", "test"]);
    set.patched();
    // Two of one name are nobody's to choose from.
    let set = Set::up();
    let twin = |id: &str| json!({"id": id, "partner": "braze", "display_name": "Braze production", "kind": ["event"]});
    set.accounts.held().accounts = vec![twin("a"), twin("b")];
    set.runs(&["plan"])
        .exits(1)
        .says("2 accounts of braze are called \"Braze production\": a, b");
}

#[test]
fn a_list_that_is_cut_short_makes_no_second_account() {
    let set = Set::up();
    for (pages, words) in [
        (
            json!({"has_more": true}),
            "the list goes on, and it does not say where",
        ),
        (
            json!({"next_cursor": "here", "has_more": true}),
            "it cannot be read to its end",
        ),
        (
            json!({"next_cursor": "here"}),
            "it cannot be read to its end",
        ),
    ] {
        set.accounts.held().pages = Some(pages);
        set.runs(&["apply", "--auto-approve"]).exits(1).says(words);
    }
    assert_eq!(set.accounts.written(), []);
    set.accounts.held().pages = Some(json!({"next_cursor": "here", "has_more": false}));
    set.apply();
    assert_eq!(set.accounts.written().len(), 1);
}

/// Kills an apply where something hangs.
#[track_caller]
fn killed(set: &Set, hang: impl FnOnce(&mut Held, Trouble)) {
    let (tell, told) = channel();
    hang(&mut set.accounts.held(), Trouble::Hangs(tell));
    let running = start(set.command(&["apply", "--auto-approve"]));
    told.recv_timeout(Duration::from_mins(1)).unwrap();
    running.kill();
}

#[test]
fn a_test_that_a_kill_left_out_is_made_by_the_next_apply() {
    let due = "test         not tested yet -> tested";
    let write = |held: &mut Held, hang: Trouble| held.troubles.push_back(hang);
    let test = |held: &mut Held, hang: Trouble| held.test_troubles.push_back(hang);
    // Between a creation and its commit: found by its name, and there is never a second one.
    let set = Set::up();
    killed(&set, write);
    let shown = set.runs(&["plan", "--detailed-exitcode"]).exits(2);
    shown
        .says("= destination.braze-events")
        .says("config.rest_api_key (secret) sent, since nobody is told what is there")
        .says(due)
        .says("found by its name: an earlier apply was cut while it created it");
    set.apply();
    set.settled();
    let written = set.accounts.written();
    let methods: Vec<&str> = written.iter().map(|(method, _)| method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH"]);
    assert_eq!(set.accounts.held().tests, 1);
    // Between a patch and its commit.
    set.says(
        &ACCOUNT.replace("send_events: true", "send_events: false"),
        "",
    );
    killed(&set, write);
    assert_eq!(set.paths("update"), ["test"]);
    set.apply().says("done: tested");
    set.settled();
    assert_eq!(set.accounts.written().len(), 1);
    assert_eq!(set.accounts.held().tests, 2);
    // Between a write that is committed and its test.
    set.says(ACCOUNT, "");
    killed(&set, test);
    set.runs(&["plan"]).exits(0).says(due);
    set.apply();
    set.settled();
    assert_eq!(set.accounts.written().len(), 1);
    // Between a creation that is committed and its test.
    let set = Set::up();
    killed(&set, test);
    assert_eq!(set.paths("update"), ["test"]);
    set.apply();
    set.settled();
    assert_eq!(set.accounts.written().len(), 1);
    // One that cannot be made now is made later; one that there is not is none.
    for (status, code) in [(403, 6), (404, 0)] {
        set.says(
            &ACCOUNT.replace("send_events: true", "send_events: false"),
            "",
        );
        let says = Trouble::Says(status, json!({"title": "No"}));
        set.accounts.held().test_troubles.push_back(says);
        set.runs(&["apply", "--auto-approve"]).exits(code);
        let left = set.runs(&["plan"]).exits(0);
        assert_eq!(left.stdout.contains(due), status == 403, "{left}");
        set.says(ACCOUNT, "");
        set.apply();
        set.settled();
    }
}

#[test]
fn what_is_said_beside_a_test_that_fails_is_remembered() {
    let set = Set::up();
    set.accounts.held().test = Some(json!({"ok": false, "detail": "refused"}));
    set.runs(&["apply", "--auto-approve"]).exits(6);
    set.says(&format!("{ACCOUNT}    protect: true\n"), "");
    assert_eq!(set.paths("update"), ["test", "protect"]);
    set.runs(&["apply", "--auto-approve"]).exits(1);
    assert_eq!(set.paths("update"), ["test"]);
    set.says("", "removed: [{address: destination.braze-events}]\n");
    set.runs(&["plan"])
        .exits(1)
        .says("is protected and cannot be removed");
}
