//! `doctor`: every verdict and every hint, against a sandbox and against hosts that are broken in their own ways. It
//! leaves nothing behind, and always ends.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::binary::{Run, Server, run, start, syncform};
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::http::serve_whole;
use crate::support::project::{OPEN, Project, array, flag, import, ten, yaml};
use crate::support::world::World;

mod hosts;
mod unsent;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(500))
}

const KEYS: [(&str, &str); 3] = [
    ("AMPLITUDE_API_KEY", "planted-amplitude-1a"),
    ("AMPLITUDE_SECRET_KEY", "planted-secret-2b"),
    ("BRAZE_API_KEY", "planted-braze-3c"),
];

fn project() -> Project {
    Project::new(vec![
        flag("Big spenders", "bigspnd"),
        array("Repeat buyers", "repeat1"),
    ])
}

/// Runs `doctor` with planted keys; `more` replaces or adds variables. No key is ever shown.
#[track_caller]
fn with(project: &Project, world: Option<&World>, more: &[(&str, &str)]) -> Run {
    let mut command = project.command(world, &["doctor", "-vv"]);
    command.envs(KEYS).envs(more.iter().copied());
    let run = run(command);
    assert!(!run.all().contains("planted"), "a secret in {run}");
    run
}

/// Two endpoints instead of the real ones.
fn at(amplitude: &str, braze: &str) -> Project {
    let project = project();
    let text = yaml(OPEN, 75, project.syncs())
        .replace(
            "amplitude: {",
            &format!("amplitude: {{endpoint: \"{amplitude}\", "),
        )
        .replace("instance: US-01", &format!("endpoint: \"{braze}\""));
    project.write(&text);
    project
}

/// One check: its line and, under it, its hint.
#[track_caller]
fn check(run: &Run, name: &str) -> (String, String) {
    let mut lines = run.stdout.lines();
    let line = lines
        .find(|line| line.get(6..).is_some_and(|rest| rest.starts_with(name)))
        .unwrap_or_else(|| panic!("no check `{name}` in {run}"));
    let hint = lines.next().unwrap_or_default().trim();
    (
        line.to_owned(),
        hint.strip_prefix("hint: ").unwrap_or_default().to_owned(),
    )
}

/// Fails unless a check has this verdict, found this, and says to do that.
#[track_caller]
fn assert_check(run: &Run, name: &str, verdict: &str, found: &str, hint: &str) {
    let (line, said) = check(run, name);
    assert!(line.starts_with(verdict), "`{verdict}` was wanted: {line}");
    assert!(line.contains(found), "`{found}` was wanted: {line}");
    assert!(said.contains(hint), "`{hint}` was wanted: {said}\nin {run}");
    assert_eq!(verdict == "ok", said.is_empty(), "{line}\n{said}");
}

/// A run without what differs from day to day.
fn timeless(run: &Run, dir: &Path) -> String {
    let mut text = run.stdout.replace(dir.to_str().unwrap(), "DIR");
    for (pattern, word) in [
        (r"http://127\.0\.0\.1:\d{2,}", "http://HOST"),
        (r"\b[0-9a-f]{16}\b", "WORLD"),
        (r"resets \d{4}-\d\d-\d\d", "resets DAY"),
        (r"\d+ in the rest", "N in the rest"),
        (r"(ok    clock +).*", "${1}NEAR"),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, word)
            .into_owned();
    }
    text
}

#[test]
fn a_healthy_set_up() {
    let world = World::start(&june().dir);
    let project = project();
    let before = world.stats();
    let run = with(&project, Some(&world), &[]).exits(0);
    assert_snapshot!(timeless(&run, project.dir()), @r"
    ok    configuration     2 resources in workspace cdnow, no environment
    ok    state             DIR/.syncform/sandbox/WORLD: nothing was applied yet, can be written
    ok    lease             free
    ok    amplitude host    http://HOST answers
    ok    amplitude keys    accepted; 7 cohorts
    ok    download quota    0 of 500 used, resets DAY 00:00 UTC; needed: up to 60 a month, N in the rest of this one
    ok    amplitude limits  use_at_most 50%: 30 of 60 cohort requests in 10m, 500 of 1,000 lists in 5m, 300 of 600 profiles in 1m, 2 cohort files at once
    ok    braze instance    US-01 is https://rest.iad-01.braze.com; a sandbox stands in for it
    ok    braze host        http://HOST answers
    ok    braze key         accepted
    ok    users.track       permitted; asked by an empty request, which writes nobody
    ok    segments.list     permitted
    ok    users.export.ids  permitted; asked for an id that nobody can have, which reads nobody
    ok    attribute list    permitted: custom_attributes.get
    ok    braze limits      use_at_most 50%: 1,500 of 3,000 to /users/track in 3s, 125,000 of 250,000 for cohort import in 1h, 125 of 250 to read people in 1m, 500 of 1,000 to list attributes in 1h, 125,000 of 250,000 others in 1h
    ok    clock             NEAR
    ok    certificates      CA certificates found
    ok    proxies           none set

    18 checks: all ok.
    ");
    let after = world.stats();
    assert_eq!(after.downloads(), 0, "a download was spent");
    assert_eq!(
        (after.objects, after.data_points, after.users),
        (before.objects, before.data_points, before.users),
        "somebody was written"
    );
    assert!(
        !project.dir().join(".syncform").exists(),
        "something was left"
    );
}

#[test]
fn a_broken_set_up_is_looked_at_as_far_as_it_goes() {
    let project = at("http://127.0.0.1:9", "http://127.0.0.1:9");
    let text = fs::read_to_string(project.dir().join("syncform.yaml")).unwrap();
    project.write(&text.replace("kind: cohort, cohort: Big", "kindd: cohort, cohort: Big"));
    let run = run(project.command(None, &["doctor"])).exits(1);
    assert_snapshot!(timeless(&run, project.dir()), @r"
    fail  configuration     1 error: `big-spenders-flag` has no `kind` (syncform.yaml:8)
          hint: syncform validate shows all, each with its place
    ok    state             DIR/.syncform: nothing was applied yet, can be written
    ok    lease             free
    fail  amplitude host    http://127.0.0.1:9: no connection (Connection refused (os error 111)) (2 tries)
          hint: a firewall between here and there may refuse it, or the address is wrong; behind a proxy, set HTTPS_PROXY
    fail  amplitude keys    `amplitude.api_key`: the variable `AMPLITUDE_API_KEY` is not set; `amplitude.secret_key`: the variable `AMPLITUDE_SECRET_KEY` is not set
          hint: set it, or try with --sandbox, which needs no key
    warn  download quota    not known
          hint: mend `amplitude keys` first, then look again
    ok    amplitude limits  use_at_most 50%: 30 of 60 cohort requests in 10m, 500 of 1,000 lists in 5m, 300 of 600 profiles in 1m
    ok    braze instance    http://127.0.0.1:9 stands in for one
    fail  braze host        http://127.0.0.1:9: no connection (Connection refused (os error 111)) (2 tries)
          hint: a firewall between here and there may refuse it, or the address is wrong; behind a proxy, set HTTPS_PROXY
    fail  braze key         `braze.api_key`: the variable `BRAZE_API_KEY` is not set
          hint: set it, or try with --sandbox, which needs no key
    ok    braze limits      use_at_most 50%: 1,500 of 3,000 to /users/track in 3s, 125,000 of 250,000 for cohort import in 1h, 125 of 250 to read people in 1m, 500 of 1,000 to list attributes in 1h, 125,000 of 250,000 others in 1h
    warn  clock             not compared: no service told its time
          hint: mend what keeps the services from being asked
    ok    certificates      CA certificates found
    ok    proxies           none set

    14 checks: 2 warnings, 5 failures.
    ");
}

#[test]
fn the_embedded_sandbox_is_looked_at_too() {
    let project = project();
    let run = run_command(project.command(None, &["doctor", "--sandbox"])).exits(0);
    assert_check(&run, "amplitude keys", "ok", "0 cohorts", "");
    assert_check(&run, "users.track", "ok", "permitted", "");
    assert!(run.stdout.ends_with("18 checks: all ok.\n"), "{run}");
}

#[test]
fn json_holds_the_same_checks() {
    let world = World::start(&june().dir);
    let project = project();
    let run = project
        .run(&world, &["doctor", "--format", "json"])
        .exits(0);
    let checks = run.json()["checks"].as_array().unwrap().clone();
    let quota = checks.iter().find(|one| one["name"] == "download quota");
    let quota = quota.unwrap();
    assert_eq!(quota["verdict"], "ok");
    assert_eq!(quota["hint"], Value::Null);
    assert!(
        quota["found"]
            .as_str()
            .unwrap()
            .starts_with("0 of 500 used")
    );
    let project = at("http://127.0.0.1:9", "http://127.0.0.1:9");
    let command = project.command(None, &["doctor", "--format", "json"]);
    let run = crate::support::binary::run(command).exits(1);
    let json = run.json();
    let checks = json["checks"].as_array().unwrap();
    let failed = checks.iter().filter(|one| one["verdict"] == "fail");
    assert!(failed.clone().count() >= 4, "{run}");
    assert!(failed.clone().all(|one| one["hint"].is_string()), "{run}");
}

#[test]
fn keys_and_permissions() {
    let world = World::start(&june().dir);
    let project = project();
    let bad = with(
        &project,
        Some(&world),
        &[
            ("AMPLITUDE_SECRET_KEY", "bad-planted"),
            ("BRAZE_API_KEY", "bad-planted"),
        ],
    )
    .exits(1);
    assert_check(&bad, "amplitude host", "ok", "answers", "");
    assert_check(
        &bad,
        "amplitude keys",
        "fail",
        "status 401 Invalid API key or secret key",
        "of one project, and of the region configured; the region is us",
    );
    assert_check(
        &bad,
        "download quota",
        "warn",
        "not known",
        "`amplitude keys` first",
    );
    assert_check(&bad, "braze host", "ok", "answers", "");
    assert_check(
        &bad,
        "braze key",
        "fail",
        "status 401 Invalid API Key",
        "of this instance",
    );
    assert_check(
        &bad,
        "users.track",
        "fail",
        "status 401",
        "permission users.track",
    );
    assert_check(&bad, "segments.list", "warn", "status 401", "optional");

    let narrow = [("BRAZE_API_KEY", "planted-no-users.track")];
    let run = with(&project, Some(&world), &narrow).exits(1);
    assert_check(&run, "braze key", "ok", "accepted", "");
    assert_check(
        &run,
        "users.track",
        "fail",
        "403 Access Denied",
        "permission users.track",
    );
    let narrow = [("BRAZE_API_KEY", "planted-no-segments.list")];
    let run = with(&project, Some(&world), &narrow).exits(0);
    assert_check(&run, "braze key", "ok", "accepted", "");
    assert_check(&run, "users.track", "ok", "permitted", "");
    assert_check(
        &run,
        "segments.list",
        "warn",
        "403 Access Denied",
        "optional",
    );
    let narrow = [("BRAZE_API_KEY", "planted-no-custom_attributes.get")];
    let run = with(&project, Some(&world), &narrow).exits(0);
    assert_check(&run, "attribute list", "warn", "403", "optional");
    let narrow = [("BRAZE_API_KEY", "planted-no-users.export.ids")];
    let run = with(&project, Some(&world), &narrow).exits(0);
    let hint = "permission users.export.ids";
    assert_check(&run, "users.export.ids", "warn", "cannot be seen", hint);
    // Cohorts are sent without a look unless the YAML says otherwise.
    let quiet = yaml(OPEN, 75, project.syncs());
    let never = "defaults: {confirm: never, settle";
    project.write(&quiet.replacen("defaults: {settle", never, 1));
    let run = with(&project, Some(&world), &narrow).exits(0);
    assert_check(&run, "users.export.ids", "ok", "no sync needs it", "");
}

#[test]
fn services_that_refuse_and_break_on_purpose() {
    let world = World::start(&june().dir);
    let project = project();
    world.faults("403:1");
    let run = with(&project, Some(&world), &[]).exits(1);
    assert_check(
        &run,
        "amplitude keys",
        "fail",
        "403 Invalid API Key",
        "region",
    );
    assert_check(&run, "braze key", "ok", "not permitted all", "");
    world.faults("401:1@/users/track");
    let run = with(&project, Some(&world), &[]).exits(1);
    assert_check(&run, "braze key", "ok", "accepted", "");
    assert_check(&run, "users.track", "fail", "401", "permission users.track");
    world.faults("garbage:1");
    let run = with(&project, Some(&world), &[]).exits(1);
    assert_check(&run, "amplitude host", "fail", "not usably", "in between");
    assert_check(
        &run,
        "amplitude keys",
        "warn",
        "not known",
        "`amplitude host` first",
    );
    assert_check(&run, "braze host", "fail", "not usably", "Braze is well");
    assert_check(&run, "braze key", "warn", "not known", "`braze host` first");
    assert_check(
        &run,
        "users.track",
        "warn",
        "answered 200",
        "one small sync",
    );
    world.faults("503:1");
    let run = with(&project, Some(&world), &[]).exits(1);
    assert_check(&run, "braze host", "fail", "status 503", "Braze is well");
    assert_check(
        &run,
        "users.track",
        "warn",
        "not known",
        "`braze host` first",
    );
    assert_eq!(world.stats().objects, 0);
}

#[test]
fn cohort_import_is_proven_by_an_apply_alone() {
    let world = World::start(&june().dir);
    let project = Project::new(vec![import("Big spenders", "bigspnd")]);
    let run = with(&project, Some(&world), &[]).exits(0);
    assert_check(&run, "cohort import", "ok", "only an apply proves them", "");
    let narrow = [("BRAZE_API_KEY", "planted-no-users.track")];
    let run = with(&project, Some(&world), &narrow).exits(0);
    assert_check(&run, "users.track", "warn", "403", "users.track");
    assert_eq!(world.stats().changes() + world.stats().namings(), 0);
    let run = crate::support::binary::run(project.command(None, &["doctor"])).exits(1);
    assert_check(
        &run,
        "cohort import",
        "fail",
        "BRAZE_DATA_IMPORT_KEY",
        "set it",
    );
    let (line, _) = check(&run, "cohort import");
    assert!(line.contains("BRAZE_PARTNER_API_KEY"), "both: {line}");
}

#[test]
fn a_signal_ends_the_asking_at_once() {
    for words in [&["doctor"][..], &["validate", "--online"]] {
        let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", hanging.local_addr().unwrap());
        let project = at(&url, &url);
        let mut command = project.command(None, words);
        command.envs(KEYS);
        let running = start(command);
        // Somebody asks, and is not answered.
        let _asker = hanging.accept().unwrap();
        let begin = Instant::now();
        running.terminate();
        let run = running
            .finish()
            .exits(1)
            .says("Stopping in order")
            .says("stop");
        assert!(begin.elapsed() < Duration::from_secs(3), "{run}");
    }
}

#[test]
fn states_that_are_held_cut_broken_or_of_others() {
    let world = World::with(&june().dir, &["--latency", "60ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 5, &syncs));
    let mut apply = project.start_apply(&world);
    assert!(world.wait_for_tracks(1, &mut apply));
    let held = project.run(&world, &["doctor"]).exits(0);
    let holder = apply.id().to_string();
    assert_check(&held, "lease", "warn", &holder, "--lease-timeout");
    assert_check(&held, "pending run", "ok", "under way", "");
    apply.kill();
    let cut = project.run(&world, &["doctor"]).exits(0);
    assert_check(&cut, "lease", "ok", "free", "");
    assert_check(
        &cut,
        "pending run",
        "warn",
        "was cut",
        "records what that run sent",
    );
    project.apply(&world).exits(0);
    let fine = project.run(&world, &["doctor"]).exits(0);
    assert_check(&fine, "state", "ok", "10 resources, can be written", "");
    assert_check(&fine, "target", "ok", "about these services", "");
    assert!(!fine.stdout.contains("pending run"), "{fine}");

    let path = project.state(&world).join("manifest.json");
    let whole = fs::read_to_string(&path).unwrap();
    let mut manifest: Value = serde_json::from_str(&whole).unwrap();
    let mut edited = |pointer: &str, value: Value| {
        *manifest.pointer_mut(pointer).unwrap() = value;
        fs::write(&path, manifest.to_string()).unwrap();
    };
    edited("/target/oldest_segment", json!("first-1"));
    let other = [("BRAZE_API_KEY", "planted-other")];
    let run = with(&project, Some(&world), &other).exits(1);
    assert_check(&run, "target", "fail", "nothing proves", "state rebind");
    edited("/target/amplitude", json!("https://amplitude.com"));
    let run = project.run(&world, &["doctor"]).exits(1);
    assert_check(
        &run,
        "target",
        "fail",
        "the Amplitude host `https://amplitude.com`",
        "state rebind",
    );
    fs::write(&path, "{").unwrap();
    let run = project.run(&world, &["doctor"]).exits(1);
    assert_check(&run, "state", "fail", "damaged", "backup");
    assert_check(&run, "amplitude keys", "ok", "accepted", "");
}

#[test]
fn a_rotated_key_of_the_same_workspace_is_known() {
    let world = World::start(&june().dir);
    let segments =
        json!({"segments": [{"id": "s-1", "name": "All", "tags": [], "created_at": "2020-01-01"}]});
    crate::support::http::ask(
        world.url().strip_prefix("http://").unwrap(),
        "PUT",
        "/_sandbox/braze/segments",
        segments.to_string().as_bytes(),
    );
    let project = project();
    project.apply(&world).exits(0);
    let rotated = [("BRAZE_API_KEY", "planted-rotated")];
    let run = with(&project, Some(&world), &rotated).exits(0);
    assert_check(&run, "target", "ok", "of the same workspace", "");
}

#[test]
fn what_of_this_machine_matters() {
    let url = hosts::healthy(json!({}), 400, "");
    let project = at(&url, &url);
    let proxy = "http://user:planted-password@127.0.0.1:9";
    let more = [
        ("HTTPS_PROXY", proxy),
        ("NO_PROXY", "planted.internal"),
        ("CI", "true"),
        ("SSL_CERT_FILE", "/nonexistent/planted.pem"),
    ];
    let run = with(&project, None, &more).exits(1);
    assert_check(&run, "proxies", "ok", "set: HTTPS_PROXY, NO_PROXY", "");
    assert_check(&run, "state", "fail", "forgotten", "allow_local_in_ci");
    let (line, _) = check(&run, "certificates");
    assert!(line.starts_with("fail"), "{run}");

    // A proxy that is not there stands before the real hosts.
    let run = with(&self::project(), None, &[("HTTPS_PROXY", proxy)]).exits(1);
    assert_check(
        &run,
        "amplitude host",
        "fail",
        "no connection",
        "HTTPS_PROXY is set",
    );
    assert_check(&run, "braze host", "fail", "no connection", "NO_PROXY");

    let text = fs::read_to_string(project.dir().join("syncform.yaml")).unwrap();
    project.write(&format!("{text}state: {{path: syncform.yaml/below}}\n"));
    let run = with(&project, None, &[]).exits(1);
    assert_check(&run, "state", "fail", "syncform.yaml/below", "yours");
    let unused = "defaults: {on_null: keep, settle";
    project.write(&text.replacen("defaults: {settle", unused, 1));
    let run = with(&project, None, &[]).exits(0);
    assert_check(
        &run,
        "configuration",
        "warn",
        "1 warning: ",
        "syncform validate",
    );
}

#[track_caller]
fn run_command(command: std::process::Command) -> Run {
    run(command)
}

#[test]
fn what_looking_at_segments_takes() {
    let world = World::start(&june().dir);
    world.put_segments(&json!([{"id": "s-1", "name": "Power users"}]));
    let project = project();
    let looked_at = |verify: &str| {
        let text = yaml(OPEN, 75, project.syncs());
        project.write(&format!(
            "{text}segments:\n  vip: {{name: Power users, filter: {{words: All users}}{verify}}}\n"
        ));
    };
    let keyed = |key: &str| [("BRAZE_API_KEY", format!("planted-no-{key}"))];
    let asked = |key: &str| {
        let keys = keyed(key);
        let keys = [(keys[0].0, keys[0].1.as_str())];
        with(&project, Some(&world), &keys)
    };
    looked_at(", verify: {size: {expected: 10}}");
    let run = with(&project, Some(&world), &[]).exits(0);
    for name in ["segments.list", "segments.details", "segments.data_series"] {
        assert_check(&run, name, "ok", "permitted", "");
    }
    let run = asked("segments.list").exits(1);
    let refused = "declared, and not permitted segments.list: status 403";
    assert_check(
        &run,
        "segments ",
        "fail",
        refused,
        "permission segments.list",
    );
    let run = asked("segments.details").exits(1);
    let refused = "declared, and not permitted segments.details: status 403";
    let hint = "permission segments.details";
    assert_check(&run, "segments.details", "fail", refused, hint);
    // Without a size a segment is still found and compared; and who does not verify it by that needs no permission.
    let run = asked("segments.data_series").exits(0);
    let hint = "permission segments.data_series";
    assert_check(&run, "segments.data_series", "warn", "status 403", hint);
    looked_at("");
    let run = asked("segments.data_series").exits(0);
    assert!(!run.stdout.contains("data_series"), "{run}");
}
