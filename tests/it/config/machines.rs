//! `validate` for machines, through the program: each byte of it, where paths lead, and how it ends.

use std::fs;

use super::written;
use crate::support::binary::{run, syncform};

const WRONG: &str = "version: 1
workspace: acme
amplitude: {region: us, api_key: PLANTED0123456789, secret_key: \"${A}\"}
braze: {instance: US-01, api_key: \"${B}\"}
syncs:
  a: {kind: cohort, cohort: A, to: {attribute_flag: a}, cadance: daily}
  b: {kind: cohort, cohort: B, to: {attribute_flag: b}, allow_removal: {max: 1, reason: x, until: 2020-01-01}}
";

const WARNED: &str = "version: 1
workspace: acme
syncs: {b: {kind: cohort, cohort: B, to: {attribute_flag: b}, allow_removal: {max: 1, reason: x, until: 2020-01-01}}}
";

const VALID: &str = "version: 1\nworkspace: acme\n";

/// Runs `validate` beside a directory `audiences` that says this. Returns its stdout.
fn validate(text: &str, directory: &str, form: &str, code: i32) -> String {
    let root = written("");
    let here = fs::canonicalize(root.path()).unwrap();
    fs::create_dir(here.join("audiences")).unwrap();
    fs::write(here.join("audiences/a,b.yaml"), text).unwrap();
    let directory = directory.replace("HERE", &here.to_string_lossy());
    let mut command = syncform(["validate", "-C", &directory, "--format", form]);
    command.current_dir(&here);
    let done = run(command).exits(code);
    assert_eq!(done.stderr, "", "stdout alone holds it");
    done.stdout
}

#[test]
fn json() {
    assert_eq!(
        validate(WRONG, "audiences", "json", 1),
        r#"[
  {
    "severity": "error",
    "code": "literal-secret",
    "file": "audiences/a,b.yaml",
    "line": 3,
    "column": 34,
    "message": "`amplitude.api_key` holds a literal: a secret is never written in a file",
    "hint": "write ${AMPLITUDE_API_KEY} and export the variable; if this key was ever committed, replace it"
  },
  {
    "severity": "error",
    "code": "unknown-key",
    "file": "audiences/a,b.yaml",
    "line": 6,
    "column": 57,
    "message": "`cadance` is no key here",
    "hint": "did you mean `cadence`?"
  },
  {
    "severity": "warning",
    "code": "expired-override",
    "file": "audiences/a,b.yaml",
    "line": 7,
    "column": 99,
    "message": "this override ended with 2020-01-01 and no longer lifts any guard",
    "hint": "take it out, or give it a new day"
  }
]
"#
    );
    assert_eq!(
        validate(WARNED, "audiences", "json", 0),
        r#"[
  {
    "severity": "warning",
    "code": "expired-override",
    "file": "audiences/a,b.yaml",
    "line": 3,
    "column": 105,
    "message": "this override ended with 2020-01-01 and no longer lifts any guard",
    "hint": "take it out, or give it a new day"
  }
]
"#
    );
    assert_eq!(validate(VALID, "audiences", "json", 0), "[]\n");
}

#[test]
fn github() {
    assert_eq!(
        validate(WRONG, "audiences", "github", 1),
        "::error title=literal-secret,file=audiences/a%2Cb.yaml,line=3,col=34::`amplitude.api_key` holds a literal: a secret is never written in a file%0Ahint: write ${AMPLITUDE_API_KEY} and export the variable; if this key was ever committed, replace it
::error title=unknown-key,file=audiences/a%2Cb.yaml,line=6,col=57::`cadance` is no key here%0Ahint: did you mean `cadence`?
::warning title=expired-override,file=audiences/a%2Cb.yaml,line=7,col=99::this override ended with 2020-01-01 and no longer lifts any guard%0Ahint: take it out, or give it a new day
"
    );
    assert_eq!(
        validate(WARNED, "audiences", "github", 0),
        "::warning title=expired-override,file=audiences/a%2Cb.yaml,line=3,col=105::this override ended with 2020-01-01 and no longer lifts any guard%0Ahint: take it out, or give it a new day
"
    );
    assert_eq!(validate(VALID, "audiences", "github", 0), "");
}

#[test]
fn paths_lead_from_the_working_directory() {
    for directory in [
        "audiences",
        "./audiences/",
        "./audiences/.",
        "HERE/audiences",
    ] {
        let said = validate(WRONG, directory, "github", 1);
        assert!(
            said.contains("file=audiences/a%2Cb.yaml,line=6,col=57"),
            "{said}"
        );
        let said = validate(WRONG, directory, "json", 1);
        assert!(said.contains(r#""file": "audiences/a,b.yaml""#), "{said}");
    }
}

#[test]
fn people_read_stderr_and_the_one_line_of_success() {
    let wrong = written(WRONG);
    let path = wrong.path().to_string_lossy().into_owned();
    let done = run(syncform(["validate", "-C", &path])).exits(1);
    assert_eq!(done.stdout, "");
    assert!(
        done.stderr.ends_with("\n2 errors, 1 warning\n"),
        "{}",
        done.stderr
    );
    let right = written(WARNED);
    let path = right.path().to_string_lossy().into_owned();
    let done = run(syncform(["validate", "-C", &path])).exits(0);
    assert_eq!(done.stdout, "Valid: 1 resource in workspace acme.\n");
    assert!(done.stderr.starts_with("warning: "), "{}", done.stderr);
}
