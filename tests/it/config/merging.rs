//! What environments inherit, what settings merge to, and what the sandbox needs.

use super::{Asked, HEAD, load, variables, written};

/// What an overlay says, and what remains of the block: its keys, or what the error says is missing.
#[test]
fn an_overlay_inherits_no_key_of_another_service() {
    let inherits = |overlay: &str| {
        let directory = written(&format!("{HEAD}environments:\n  staging:\n    {overlay}\n"));
        let asked = Asked {
            environment: Some("staging".into()),
            variables: variables([
                ("A_KEY", "a"),
                ("A_SECRET", "s"),
                ("A_PAT", "p"),
                ("B_KEY", "b"),
                ("S_KEY", "staging"),
            ]),
            sandbox: false,
        };
        load(directory.path(), &asked).map_err(|found| found[0].message.clone())
    };
    let same = inherits("guards: {max_shrink: 10%}").unwrap();
    assert_eq!(same.braze.api_key.require().unwrap().expose(), "b");
    assert!(same.braze.cohort_import.is_some());
    let repeated = inherits("braze: {instance: US-01, billing: mau}").unwrap();
    assert_eq!(repeated.braze.api_key.require().unwrap().expose(), "b");
    assert_eq!(repeated.braze.app_id.as_deref(), Some("app"));

    let whole =
        inherits(r#"braze: {endpoint: "https://rest.x.test/", api_key: "${S_KEY}", app_id: null}"#)
            .unwrap();
    assert_eq!(
        whole.braze.endpoint.require().unwrap(),
        "https://rest.x.test"
    );
    assert_eq!((whole.braze.instance, whole.braze.app_id), (None, None));
    assert_eq!(whole.braze.api_key.require().unwrap().expose(), "staging");
    assert!(whole.braze.cohort_import.is_none());
    let token = inherits(
        r#"amplitude: {region: eu, api_key: "${S_KEY}", secret_key: "${S_KEY}", project_id: 2}"#,
    )
    .unwrap()
    .amplitude
    .developer_token;
    assert!(token.value.is_none());

    for (overlay, missing) in [
        (
            "braze: {instance: US-02}",
            "`instance` under `braze`, so it inherits no secret or id of that block: `api_key`, `app_id` are missing",
        ),
        (
            r#"braze: {api_key: "${S_KEY}"}"#,
            "`api_key` under `braze`, so it inherits no secret or id of that block: `app_id` is missing",
        ),
        (
            "amplitude: {project_id: 2}",
            "`project_id` under `amplitude`, so it inherits no secret or id of that block: `api_key`, `secret_key` are missing",
        ),
        (
            "amplitude: {region: eu}",
            "`region` under `amplitude`, so it inherits no secret or id of that block: `api_key`, `secret_key`, `project_id` are missing",
        ),
    ] {
        let message = inherits(overlay).unwrap_err();
        assert_eq!(
            message,
            format!("environment `staging` names another {missing}")
        );
    }
}

#[test]
fn the_sandbox_needs_no_key() {
    let head = HEAD
        .replace("US-01", "${WHERE}")
        .replace("app_id: app", "app_id: ${APP}");
    let directory = written(&head);
    let asked = Asked {
        sandbox: true,
        ..Asked::default()
    };
    let configuration = load(directory.path(), &asked).unwrap();
    assert_eq!(
        configuration.braze.api_key.require().unwrap().expose(),
        "sandbox"
    );
    assert_eq!(configuration.braze.endpoint.require().unwrap(), "sandbox");
    assert_eq!(configuration.braze.app_id.as_deref(), Some("sandbox"));
    assert!(load(directory.path(), &Asked::default()).is_err());
}

#[test]
fn settings_merge_over_defaults_and_environments() {
    let text = format!(
        "{HEAD}defaults: {{settle: 30s, guards: {{max_shrink: 20%}}, exclude: [{{cohort: X}}]}}
syncs:
  a: {{kind: cohort, cohort: A, to: {{attribute_array: a}}, label: One, guards: {{max_removals: 5}}}}
  b: {{kind: cohort, cohort: B, to: {{attribute_array: b}}, exclude: null}}
environments:
  e: {{defaults: {{settle: 1m}}, syncs: {{a: {{label: null, to: {{attribute_flag: f}}}}, b: {{settle: 2s}}}}}}
"
    );
    let directory = written(&text);
    let asked = Asked {
        environment: Some("e".into()),
        ..Asked::default()
    };
    let configuration = load(directory.path(), &asked).unwrap();
    let [a, b] = configuration.resources.values().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!(
        a.body.to_string(),
        r#"{"kind":"cohort","cohort":"A","to":{"attribute_flag":"f"},"guards":{"max_removals":5,"max_shrink":"20%"},"settle":"1m","exclude":[{"cohort":"X"}]}"#
    );
    assert_eq!(
        b.body.to_string(),
        r#"{"kind":"cohort","cohort":"B","to":{"attribute_array":"b"},"settle":"2s","guards":{"max_shrink":"20%"}}"#
    );
    assert_eq!(a.origin.place("/to/attribute_flag").unwrap().line, 15);
    assert_eq!(a.origin.place("/settle").unwrap().line, 15);
    assert_eq!(a.origin.place("").unwrap().line, 12);
    assert_eq!(a.origin.place("/nothing/here").unwrap().line, 12);
}
