//! Secrets: planted in every place where one can be written, and never shown.

use std::fs;

use super::{Asked, HEAD, cases, drawn, load, variables, written};

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

/// A message says again what stands in a file, and must not say a key.
#[test]
fn messages_say_no_key_either() {
    let long = "PLANTED1-0000-4000-8000-0123456789ab";
    let texts = [
        "braze: {endpoint: \"https://user:PLANTED@rest.iad-01.braze.com\"}".to_owned(),
        "braze: {endpoint: \"https://rest.iad-01.braze.com/?api_key=PLANTED\"}".to_owned(),
        "braze: {api_key: &k PLANTED}\nsyncs: {a: {kind: *k, cohort: A, to: {attribute_flag: a}}}"
            .to_owned(),
        "braze: {api_key: &k PLANTED}\nmoved: [{from: *k, to: sync.a}]".to_owned(),
        format!("syncs: {{a: {{kind: {long}, cohort: A, to: {{attribute_flag: a}}}}}}"),
        format!("moved: [{{from: {long}, to: sync.{long}}}, {{from: sync.{long}, to: sync.b}}]"),
        format!("removed: [{{address: {long}}}, {{address: sync.{long}}}]"),
        format!("segments: {{a: {{name: A, filter: {{in: {long}}}}}}}"),
    ];
    for text in texts {
        let text = format!("version: 1\nworkspace: a\n{text}\n");
        let directory = written(&text);
        let drawn = drawn(&load(directory.path(), &Asked::default()));
        assert!(!drawn.contains("PLANTED"), "{text}\n{drawn}");
        assert!(drawn.contains("***"), "{text}\n{drawn}");
    }
}

#[test]
fn a_key_with_a_line_break_at_its_end_is_taken_and_one_inside_is_told() {
    let directory = written(&format!(
        "{HEAD}syncs: {{a: {{kind: cohort, cohort: A, to: {{attribute_flag: a}}}}}}\n"
    ));
    let key = |value: &str| {
        let asked = Asked {
            variables: variables([("AMPLITUDE_API_KEY", value), ("A_KEY", value)]),
            ..Asked::default()
        };
        let configuration = load(directory.path(), &asked).unwrap();
        let key = configuration.amplitude.api_key;
        key.require()
            .map(|key| key.expose().to_owned())
            .map_err(|error| error.message)
    };
    assert_eq!(key("PLANTED\r\n").unwrap(), "PLANTED");
    let told = key("PLAN\nTED").unwrap_err();
    assert!(
        told.contains("a line break inside") && !told.contains("PLAN"),
        "{told}"
    );
}

#[test]
fn a_filled_secret_is_nowhere_but_in_its_field() {
    let directory = written(&format!(
        "{HEAD}syncs: {{a: {{kind: cohort, cohort: A, to: {{attribute_flag: a}}}}}}\n"
    ));
    let asked = Asked {
        variables: variables([
            ("A_KEY", "PLANTED-1"),
            ("A_SECRET", "PLANTED-2"),
            ("B_KEY", "PLANTED-3"),
            ("B_DATA", "PLANTED-4"),
        ]),
        ..Asked::default()
    };
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

/// Takes a letter out of a file with literal keys, anywhere, or puts one in: no message shows a key.
#[test]
fn one_wrong_letter_shows_no_secret() {
    let (hex, uuid) = (
        "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "3f2a91c0-d4e5-b6a7-f809-1a2b3c4d5e6f",
    );
    let text = format!(
        "version: 1
workspace: acme
amplitude: {{region: us, api_key: {hex}, secret_key: \"{hex}\"}}
braze:
  instance: US-01
  api_key: {uuid}
  cohort_import:
    partner: acme
    data_import_key: |
      {uuid}
    partner_api_key:
      {uuid}
syncs:
  a: {{kind: cohort, cohort: A, to: {{attribute_flag: a}}}}
"
    );
    let letters: Vec<char> = text.chars().collect();
    let inserted = [
        '{', '}', '[', '"', '\'', ':', '\n', '#', '&', '*', '\t', '|', '-', ',', 'x',
    ];
    for step in 0..60_usize {
        let at = step * 7919 % letters.len();
        let mut changed = letters.clone();
        if step % 2 == 0 {
            changed.remove(at);
        } else {
            changed.insert(at, inserted[step / 2 % inserted.len()]);
        }
        let changed: String = changed.iter().collect();
        let directory = written(&changed);
        let drawn = drawn(&load(directory.path(), &Asked::default()));
        for part in ["4b5a6978", "d4e5-b6a7", "f809-1a2b"] {
            assert!(!drawn.contains(part), "{changed}\n{drawn}");
        }
    }
}
