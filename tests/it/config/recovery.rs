//! Part of a file is no YAML: that is said, the rest is checked, and nothing is said to be missing because of it.

use super::{Asked, load, variables, written};

/// Every kind of reference there is: whatever is broken, something refers to it.
const VALID: &str = r#"version: 1
workspace: acme
amplitude:
  region: us
  api_key: ${A_KEY}
  secret_key: ${A_SECRET}
braze:
  instance: US-01
  api_key: ${B_KEY}
  app_id: app
  cohort_import:
    partner: acme
    data_import_key: ${B_DATA}
    partner_api_key: ${B_PARTNER}
state:
  path: .syncform
guards:
  max_removals: 30%
defaults:
  identify_by: [external_id]
  exclude: [{cohort: Do not contact}]
environments:
  staging:
    braze:
      instance: US-01
      billing: mau
    syncs:
      one: {paused: true}
  production:
    workspace: acme
    braze:
      instance: US-03
      api_key: ${S_KEY}
      app_id: other
      cohort_import: {partner: acme, data_import_key: "${S_KEY}", partner_api_key: "${S_KEY}"}
syncs:
  one:
    kind: cohort
    cohort: One
    to: {attribute_array: cohorts}
    label: First
  two:
    kind: cohort
    cohort: Two
    to: cohort_import
  three: {kind: cohort, cohort: Three, to: {attribute_flag: three}}
moved:
  - {from: sync.former, to: sync.one}
removed:
  - {address: sync.gone, reason: no more}
freeze:
  - {from: 2026-12-24T00:00:00Z, until: 2026-12-27T00:00:00Z}
plan_ttl: 7d
"#;

fn asked(environment: &str) -> Asked {
    Asked {
        environment: Some(environment.into()),
        variables: variables([
            ("A_KEY", "a"),
            ("A_SECRET", "a"),
            ("B_KEY", "b"),
            ("S_KEY", "s"),
        ]),
        sandbox: false,
    }
}

/// Any line, broken in any way, alone: the one thing said is that.
#[test]
fn a_broken_line_has_no_follow_up() {
    let lines: Vec<&str> = VALID.lines().collect();
    let ways: [&dyn Fn(&str) -> String; 6] = [
        &|line| format!("{line} \"never closed"),
        &|line| line.replacen(": ", ": \"", 1),
        &|line| line.replacen(": ", ": {", 1),
        &|line| line.replacen(": ", ": [", 1),
        &|line| line.replacen(": ", ": @", 1),
        &|line| format!("{line}: and: more"),
    ];
    let environments = ["staging", "production"];
    for environment in environments {
        let whole = written(VALID);
        assert!(load(whole.path(), &asked(environment)).is_ok());
    }
    let mut broken = 0;
    for (number, way) in
        (0..lines.len()).flat_map(|number| ways.iter().map(move |way| (number, way)))
    {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[number] = way(&lines[number]);
        let text = lines.join("\n");
        let directory = written(&text);
        let Err(found) = load(directory.path(), &asked(environments[broken % 2])) else {
            continue;
        };
        let codes: Vec<&str> = found.iter().map(|one| one.code).collect();
        let syntax = ["syntax", "unquoted-variable"];
        if codes.iter().any(|code| syntax.contains(code)) {
            broken += 1;
            assert_eq!(codes.len(), 1, "line {}: {found:#?}\n{text}", number + 1);
        }
    }
    assert!(broken > 100, "only {broken} broken files");
}

#[test]
fn what_is_wrong_elsewhere_is_still_said() {
    let mistakes = VALID
        .replace("billing: mau", "biling: mau")
        .replace("max_removals: 30%", "max_removals: 130%")
        .replace("attribute_flag: three", "attribute_flag: email")
        .replace("plan_ttl: 7d", "plan_ttl: 7 days");
    for (broken, by, least) in [
        ("", "", 4),
        ("label: First", "label: \"First", 5),
        ("cohort: Two", "cohort: {Two", 5),
        ("region: us", "region: {us", 5),
        ("address: sync.gone,", "address sync.gone,{", 5),
    ] {
        let directory = written(&mistakes.replace(broken, by));
        let found = load(directory.path(), &asked("staging")).unwrap_err();
        assert_eq!(found.len(), least, "{broken}: {found:#?}");
    }
}
