//! Where it is not certain which key belongs to which host, `doctor` sends none.

use std::fs;

use serde_json::json;

use super::{assert_check, at, run_command, with};
use crate::support::binary::syncform;
use crate::support::http::serve;

#[test]
fn no_key_is_sent_to_a_guess() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    let url = serve(move |_, _| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (200, json!({}))
    });
    let project = at(&url, &url);
    let text = fs::read_to_string(project.dir().join("syncform.yaml")).unwrap();
    project.write(&format!("{text}environments: {{staging: {{}}}}\n"));
    let run = with(&project, None, &[]).exits(1);
    assert_check(&run, "services", "fail", "no key is sent", "-e NAME");
    assert_check(
        &run,
        "configuration",
        "fail",
        "none was asked for",
        "validate",
    );
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);

    // A sandbox that is not there.
    let mut command = project.command(None, &["doctor", "-e", "staging"]);
    command.arg("--sandbox=http://127.0.0.1:9");
    let run = run_command(command).exits(1);
    assert_check(
        &run,
        "services",
        "fail",
        "no sandbox at",
        "syncform sandbox",
    );
    assert_check(&run, "state", "ok", "nothing was applied", "");

    // Nothing at all.
    let empty = tempfile::tempdir().unwrap();
    let run = run_command(syncform(["-C", empty.path().to_str().unwrap(), "doctor"])).exits(1);
    assert_check(&run, "configuration", "fail", "no `*.yaml`", "validate");
    assert_check(&run, "services", "fail", "no key is sent", "mend what");
}

/// What says where keys go is broken, in ways that leave a host and a key of which nobody knows whether they belong together.
#[test]
fn no_key_leaves_while_what_says_where_is_broken() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    let url = serve(move |_, _| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (200, json!({}))
    });
    let keys = "api_key: \"${AMPLITUDE_API_KEY}\", secret_key: \"${AMPLITUDE_SECRET_KEY}\"";
    let amplitude = format!("amplitude: {{endpoint: \"{url}\", {keys}}}\n");
    let braze = format!("braze: {{endpoint: \"{url}\", api_key: \"${{BRAZE_API_KEY}}\"}}\n");
    let syncs = "syncs: {a: {kind: cohort, cohort: A, to: {attribute_flag: a}}}\n";
    let staging =
        format!("environments: {{staging: {{braze: {{endpoint: \"{url}/\"}}}}, prod: {{}}}}\n");
    let broken_block =
        format!("braze:\n  endpoint: {url}\n  api_key: ${{BRAZE_API_KEY}}\n  billing: @x\n");
    let broken_entry = format!(
        "environments:\n  prod: {{}}\n  staging: {{braze: {{endpoint: \"{url}/\", api_key: ${{X}}}}}}\n"
    );
    let region = |word: &str| {
        format!(
            "amplitude:\n  region: {word}\n  endpoint: {url}\n  {}\n",
            keys.replace(", ", "\n  ")
        )
    };
    let hosts = format!(
        "braze: {{instance: US-01, endpoint: \"{url}\", api_key: \"${{BRAZE_API_KEY}}\"}}\n"
    );
    let cases = [
        (format!("{amplitude}{broken_block}{staging}"), true),
        (format!("{amplitude}{braze}{broken_entry}"), true),
        (format!("{}{braze}", region("\"eu")), false),
        (format!("{}{braze}", region("europe")), false),
        (format!("{}{braze}", region("us\n  regoin: eu")), false),
        (format!("{amplitude}{hosts}"), false),
        (format!("{amplitude}{braze}state: {{path: 7}}\n"), false),
    ];
    for (text, staging) in cases {
        let project = at(&url, &url);
        project.write(&format!("version: 1\nworkspace: w\n{text}{syncs}"));
        let words: &[(&str, &str)] = if staging {
            &[("SYNCFORM_ENV", "staging")]
        } else {
            &[]
        };
        let run = with(&project, None, words).exits(1);
        assert_check(&run, "services", "fail", "no key is sent", "mend what");
        assert!(!run.stdout.contains("  state "), "{run}");
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0, "{text}");
    }
    // What is wrong elsewhere keeps nobody from asking.
    let project = at(&url, &url);
    project.write(&format!(
        "version: 1\nworkspace: w\n{amplitude}{braze}{}",
        syncs.replace("kind", "knid")
    ));
    let run = with(&project, None, &[]).exits(1);
    assert_check(&run, "amplitude host", "fail", "not usably", "");
    assert!(asked.load(std::sync::atomic::Ordering::SeqCst) > 0);
}
