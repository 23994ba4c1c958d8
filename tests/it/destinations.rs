//! Accounts of Amplitude through the program: each change is one patch, each plan after is empty, and no secret shows.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::accounts::{Accounts, Held, Trouble};
use crate::support::binary::{Run, run, start, syncform};
use crate::support::http;
use crate::support::source::root;
use crate::support::world::World;

/// Secrets that must show nowhere.
const KEYS: [&str; 3] = ["planted-key-1a7f", "planted-key-2b8e", "planted-token-3c9d"];

/// A folder whose services are a stand-in.
struct Set {
    accounts: Accounts,
    folder: TempDir,
    /// Which of the keys its variable holds; none past the last.
    key: usize,
    token: bool,
}

const ACCOUNT: &str = r#"    partner: braze
    display_name: Braze production
    kind: [event]
    config: {rest_endpoint: "https://rest", rest_api_key: "${BRAZE_STREAM_KEY}"}
    event_filter: {events: [Checkout Completed]}
    property_mappings: [{from: user_id, to: external_id}]
    send_events: true
    enabled: true
"#;

impl Set {
    fn up() -> Self {
        let set = Self {
            accounts: Accounts::start(),
            folder: tempfile::tempdir().unwrap(),
            key: 0,
            token: true,
        };
        set.says(ACCOUNT, "");
        set
    }

    /// Writes the configuration: the entry, and what stands beside it.
    fn says(&self, entry: &str, more: &str) {
        let url = &self.accounts.url;
        let entry = match entry {
            "" => String::new(),
            entry => format!("destinations:\n  braze-events:\n{entry}"),
        };
        let text = format!(
            "version: 1\nworkspace: acme\namplitude: {{endpoint: \"{url}\", api_key: \"${{A}}\", secret_key: \"${{S}}\", \
             project_id: 7, developer_token: \"${{AMPLITUDE_PAT:-}}\"}}\n\
             braze: {{endpoint: \"{url}\", api_key: \"${{B}}\"}}\n{entry}{more}"
        );
        fs::write(self.folder.path().join("syncform.yaml"), text).unwrap();
    }

    /// Rewrites a part of the configuration.
    fn rewrites(&self, from: &str, to: &str) {
        let file = self.folder.path().join("syncform.yaml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        fs::write(file, text.replace(from, to)).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let folder = self.folder.path().to_str().unwrap();
        let mut command = syncform(words.iter().copied().chain(["-C", folder, "-vv"]));
        command.env("A", "ak").env("S", "sk").env("B", "bk");
        if let Some(key) = KEYS.get(self.key) {
            command.env("BRAZE_STREAM_KEY", key);
        }
        if self.token {
            command.env("AMPLITUDE_PAT", format!("amp_{}", KEYS[2]));
        }
        command
    }

    fn runs(&self, words: &[&str]) -> Run {
        let run = run(self.command(words));
        for key in KEYS {
            assert!(!run.all().contains(key), "a secret in {run}");
        }
        run
    }

    /// Plans as JSON.
    fn plan(&self) -> Value {
        self.runs(&["plan", "--format", "json"]).exits(0).json()
    }

    #[track_caller]
    fn settled(&self) {
        self.runs(&["plan", "--detailed-exitcode"]).exits(0);
    }

    #[track_caller]
    fn apply(&self) -> Run {
        self.runs(&["apply", "--auto-approve"]).exits(0)
    }

    /// Applies, and returns the body of the one patch.
    #[track_caller]
    fn patched(&self) -> Value {
        self.accounts.written();
        self.apply();
        let written = self.accounts.written();
        assert_eq!(written.len(), 1, "{written:?}");
        assert_eq!(written[0].0, "PATCH");
        self.settled();
        assert_eq!(self.accounts.written(), []);
        written[0].1.clone()
    }

    /// What a plan changes: paths.
    #[track_caller]
    fn paths(&self, action: &str) -> Vec<String> {
        let plan = self.plan();
        let resource = &plan["resources"][0];
        assert_eq!(resource["action"], action, "{plan}");
        let fields = resource["fields"].as_array().unwrap().iter();
        fields
            .map(|field| field["path"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Every file below a folder as text.
fn kept(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            kept(&path, text);
        } else {
            text.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}

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

/// What the sandbox holds of its one account, secrets and all.
fn held(world: &World) -> Value {
    let authority = world.url().strip_prefix("http://").unwrap();
    let (status, body) = http::ask(authority, "GET", "/_sandbox/amplitude/destinations", b"");
    assert_eq!(status, 200);
    let all: Value = serde_json::from_slice(&body).unwrap();
    let all = all["destinations"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn the_example_runs_in_the_sandbox() {
    let example = root().join("examples/destinations");
    let world = World::start(&example.join("sandbox"));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("syncform.yaml");
    let text = fs::read_to_string(example.join("syncform.yaml")).unwrap();
    fs::write(&place, &text).unwrap();
    let sandbox = format!("--sandbox={}", world.url());
    let runs = |words: &[&str], key: &str| {
        let more = ["-C", folder.path().to_str().unwrap(), &sandbox];
        let mut command = syncform(words.iter().copied().chain(more));
        command.env("BRAZE_STREAM_KEY", key);
        let run = run(command);
        assert!(!run.all().contains(key), "a secret in {run}");
        run
    };
    let settled = |key: &str| {
        let run = runs(&["plan", "--detailed-exitcode"], key).exits(0);
        run.says("Nothing to do.");
    };
    let applied = |version: u64, key: &str| {
        runs(&["apply", "--auto-approve"], key)
            .exits(0)
            .says("done: changed in Amplitude");
        let held = held(&world);
        assert_eq!(held["version"], version, "{held}");
        settled(key);
        held
    };
    let (one, other) = (KEYS[0], KEYS[1]);
    runs(&["doctor"], one).says("rest_api_key (secret, needed)");
    assert_eq!(applied(1, one)["config"]["rest_api_key"], one);
    assert_eq!(applied(2, other)["config"]["rest_api_key"], other);
    let authority = world.url().strip_prefix("http://").unwrap();
    let path = format!(
        "/_sandbox/amplitude/destinations/{}",
        held(&world)["id"].as_str().unwrap()
    );
    http::ask(authority, "PUT", &path, br#"{"send_events": false}"#);
    runs(&["plan"], other)
        .exits(0)
        .says("send_events  false -> true")
        .says("drift: destination.braze-events: send_events was true when it was applied and is false now");
    applied(4, other);
    fs::write(&place, text.replace("Trial Started]", "Trial Ended]")).unwrap();
    let held_now = applied(5, other);
    assert_eq!(
        held_now["event_filter"]["events"],
        json!(["Checkout Completed", "Trial Ended"])
    );
    // Protected: a matter of two applies.
    let removed = "removed: [{address: destination.braze-events}]\n";
    let without =
        |text: &str| format!("{}{removed}", text.split("destinations:\n").next().unwrap());
    fs::write(&place, without(&text)).unwrap();
    runs(&["plan"], other)
        .exits(1)
        .says("is protected and cannot be removed");
    fs::write(&place, text.replace("protect: true", "protect: false")).unwrap();
    runs(&["plan", "--detailed-exitcode"], other)
        .exits(2)
        .says("protect      true -> false");
    applied(6, other);
    fs::write(&place, without(&text)).unwrap();
    assert_eq!(applied(7, other)["enabled"], false);
}
