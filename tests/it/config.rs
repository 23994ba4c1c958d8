//! The configuration: its schema, its golden cases, and that no secret is ever shown.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use jiff::civil::date;
use similar::TextDiff;
use syncform::{
    config::{Configuration, Request, load_checked},
    kinds,
    model::Diagnostic,
    render::diagnostic::human,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blessing() -> bool {
    std::env::vars_os().any(|(name, _)| name == "BLESS")
}

/// Compares with a committed file, or rewrites it.
fn compare(path: &Path, fresh: &str) -> Result<(), String> {
    if blessing() {
        fs::write(path, fresh).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    if committed == fresh {
        return Ok(());
    }
    let diff = TextDiff::from_lines(&committed, fresh)
        .unified_diff()
        .context_radius(3)
        .to_string();
    Err(format!(
        "{} differs (BLESS=1 rewrites it):\n{diff}",
        path.display()
    ))
}

/// What a case asks for, from its file `request`: `env NAME`, `set NAME=VALUE`, `sandbox`.
#[derive(Default)]
struct Asked {
    environment: Option<String>,
    variables: BTreeMap<String, String>,
    sandbox: bool,
}

impl Asked {
    fn of(case: &Path) -> Self {
        let mut asked = Self::default();
        for line in fs::read_to_string(case.join("request"))
            .unwrap_or_default()
            .lines()
        {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("env", name) => asked.environment = Some(name.into()),
                ("set", pair) => {
                    let (name, value) = pair.split_once('=').unwrap();
                    asked.variables.insert(name.into(), value.into());
                }
                ("sandbox", _) => asked.sandbox = true,
                other => panic!("{}: {other:?}", case.display()),
            }
        }
        asked
    }
}

fn load(directory: &Path, asked: &Asked) -> Result<Configuration, Vec<Diagnostic>> {
    let request = Request {
        directory,
        environment: asked.environment.as_deref(),
        variables: &|name| asked.variables.get(name).cloned(),
        schema: &kinds::schema(),
        today: date(2026, 11, 22),
        sandbox: asked.sandbox,
    };
    load_checked(&request, &kinds::check)
}

fn drawn(loaded: &Result<Configuration, Vec<Diagnostic>>) -> String {
    match loaded {
        Ok(configuration) => {
            let mut out = human(&configuration.warnings, false);
            for (address, resource) in &configuration.resources {
                out.push_str(&format!("{address} {}\n", resource.kind));
            }
            out.push_str("valid\n");
            out
        }
        Err(diagnostics) => human(diagnostics, false),
    }
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/golden/config"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

#[test]
fn schema_is_fresh() {
    let mut fresh = serde_json::to_string_pretty(&kinds::schema()).unwrap();
    fresh.push('\n');
    compare(&root().join("schema/syncform.schema.json"), &fresh)
        .unwrap_or_else(|diff| panic!("{diff}"));
}

#[test]
fn golden_cases() {
    let cases = cases();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let drawn = drawn(&load(case, &Asked::of(case)));
            let drawn = drawn.replace(&*case.to_string_lossy(), "DIRECTORY");
            compare(&case.join("expected.txt"), &drawn).err()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 20, "only {} cases", cases.len());
}

/// A configuration in a directory of its own.
fn written(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("syncform.yaml"), text).unwrap();
    directory
}

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .into()
}

const HEAD: &str = r#"
version: 1
workspace: acme
amplitude: {region: us, api_key: "${A_KEY}", secret_key: "${A_SECRET}", project_id: 1, developer_token: "${A_PAT:-}"}
braze:
  instance: US-01
  api_key: "${B_KEY}"
  app_id: app
  cohort_import: {partner: acme, data_import_key: "${B_DATA}", partner_api_key: "${B_PARTNER}"}
"#;

#[test]
fn no_planted_secret_is_shown() {
    let mut shown = 0;
    for case in cases() {
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
        assert!(
            !expected.contains("PLANTED"),
            "{}:\n{expected}",
            case.display()
        );
        shown += expected.matches("***").count();
    }
    assert!(shown > 5, "the cases plant no secret");
}

/// A literal key at every spot where one could be written, in a file that is whole and in files that are not.
#[test]
fn a_literal_is_masked_wherever_it_stands() {
    let secret = "PLANTED0123456789";
    let spots = [
        "amplitude: {api_key: @}",
        "amplitude: {api_key: '@', secret_key: \"@\", nonsense: 1}",
        "amplitude:\n  secret_key: @\n  nonsense: 1",
        "amplitude:\n  developer_token: |\n    @\n    @\n  nonsense: 1",
        "amplitude: {apikey: @}",
        "amplitude: {api_kye: @, nonsense: 1}",
        "braze: {api_key: @, api_key: @}",
        "braze: {<<: {api_key: @}}",
        "braze: {api_key: [@, {a: @}]}",
        "braze: {api_key: \"${KEY:-@}\"}",
        "braze: {api_key: \"@${KEY}\"}",
        "braze: {cohort_import: {partner: acme, data_import_key: @, partner_api_key: @, x: 1}}",
        "environments: {production: {braze: {api_key: @, nonsense: 1}, amplitude: {secretkey: @}}}",
        "destinations: {d: {config: {token: @, other: @}, nonsense: 1}}",
        "braze: {api_key: &key @, app_id: *key, nonsense: 1}",
    ];
    let endings = [
        "",
        "\n\tbroken: 1",
        "\nx: {",
        "\nx: \"",
        "\n---\nversion: 1",
        "\n  - : x",
    ];
    for spot in spots {
        for ending in endings {
            let text = format!(
                "version: 1\nworkspace: a\n{}{ending}\n",
                spot.replace('@', secret)
            );
            let directory = written(&text);
            let drawn = drawn(&load(directory.path(), &Asked::default()));
            assert!(!drawn.contains("PLANTED"), "{text}\n{drawn}");
        }
    }
}

#[test]
fn a_filled_secret_is_nowhere_but_in_its_field() {
    let directory = written(&format!(
        "{HEAD}syncs: {{a: {{kind: cohort, cohort: A, to: {{attribute_flag: a}}}}}}\n"
    ));
    let mut asked = Asked::default();
    asked.variables = variables([
        ("A_KEY", "PLANTED-1"),
        ("A_SECRET", "PLANTED-2"),
        ("B_KEY", "PLANTED-3"),
        ("B_DATA", "PLANTED-4"),
    ]);
    let configuration = load(directory.path(), &asked).unwrap();
    assert!(!format!("{configuration:?}").contains("PLANTED"));
    assert_eq!(
        configuration.amplitude.api_key.require().unwrap().expose(),
        "PLANTED-1"
    );
    let import = configuration.braze.cohort_import.unwrap();
    assert_eq!(
        import.data_import_key.require().unwrap().expose(),
        "PLANTED-4"
    );
    let missing = import.partner_api_key.require().unwrap_err();
    assert_eq!(
        missing.message,
        "`braze.cohort_import.partner_api_key`: the variable `B_PARTNER` is not set"
    );
    assert_eq!(missing.place.unwrap().line, 9);
    let token = configuration
        .amplitude
        .developer_token
        .require()
        .unwrap_err();
    assert_eq!(
        token.message,
        "`amplitude.developer_token` is empty: its variable is not set"
    );
}

#[test]
fn a_secret_may_come_from_a_file() {
    let directory = written("version: 1\nworkspace: a\nbraze: {api_key: \"${file:key}\"}\n");
    fs::write(directory.path().join("key"), "from-a-file\n").unwrap();
    let configuration = load(directory.path(), &Asked::default()).unwrap();
    assert_eq!(
        configuration.braze.api_key.require().unwrap().expose(),
        "from-a-file"
    );
}

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

#[test]
fn ten_thousand_syncs_are_an_answer_in_seconds() {
    let mut text = format!("{HEAD}syncs:\n");
    for number in 0..10_000 {
        text.push_str(&format!(
            "  sync-{number}:\n    kind: cohort\n    cohort: Cohort {number}\n    to: {{attribute_flag: flag_{number}}}\n    cadance: daily\n"
        ));
    }
    let directory = written(&text);
    let found = load(directory.path(), &Asked::default()).unwrap_err();
    assert_eq!(found.len(), 10_000);
    let directory = written(&text.replace("    cadance: daily\n", ""));
    assert_eq!(
        load(directory.path(), &Asked::default())
            .unwrap()
            .resources
            .len(),
        10_000
    );
}
