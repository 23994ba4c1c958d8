//! Entries held against an integration: what fits, and what each misfit says. No value is in any of it.

use serde_json::json;

use super::*;
use crate::config::Wanted as Maybe;
use crate::model::{Diagnostic, Severity};

fn braze() -> DestinationType {
    let parameter = |id: &str, kind: &str, required, write_only| TypeParameter {
        id: id.to_owned(),
        kind: kind.to_owned(),
        required,
        write_only,
        values: match kind {
            "enum" => vec!["external_id".to_owned(), "email".to_owned()],
            _ => vec![],
        },
    };
    DestinationType {
        partner: "braze".to_owned(),
        display_name: "Braze".to_owned(),
        kinds: vec!["event".to_owned(), "identify".to_owned()],
        parameters: vec![
            parameter("rest_endpoint", "string", true, false),
            parameter("rest_api_key", "secret", true, true),
            parameter("update_users_only", "boolean", false, false),
            parameter("identifier", "enum", false, false),
        ],
    }
}

fn filled(text: &str, has_literal: bool) -> Parameter {
    let missing = Diagnostic {
        code: "missing-secret",
        severity: Severity::Error,
        place: None,
        message: "the variable `X` is not set".to_owned(),
        hint: None,
    };
    Parameter::Filled(Filling {
        value: Maybe {
            value: (text != "missing").then(|| Secret::new(text)),
            missing: Box::new(missing),
            is_left_out: false,
        },
        is_json: false,
        has_literal,
        parts: vec![],
    })
}

fn held(kind: &str, parameters: &[(&str, Parameter)]) -> Result<Read, Vec<String>> {
    let spec = json!({"partner": "braze", "display_name": "P", "kind": [kind]});
    let spec: Spec = serde_json::from_value(spec).unwrap();
    let parameters = parameters.iter();
    let parameters = parameters.map(|(id, parameter)| ((*id).to_owned(), parameter.clone()));
    let read = read(&spec, &parameters.collect(), &braze());
    read.map_err(|misfits| {
        let words = |misfit: Misfit| match misfit.hint {
            Some(hint) => format!("{} / {hint}", misfit.message),
            None => misfit.message,
        };
        misfits.into_iter().map(words).collect()
    })
}

#[test]
fn what_fits_is_read_and_what_lacks_is_named() {
    let plain = |value: Value| Parameter::Plain(value);
    let read = held(
        "event",
        &[
            ("rest_api_key", filled("planted", false)),
            ("update_users_only", filled("true", false)),
            ("identifier", plain(json!("email"))),
        ],
    )
    .unwrap();
    assert_eq!(read.lacking, ["rest_endpoint"]);
    assert_eq!(
        read.wanted.shown()["config"],
        json!({"identifier": "email"})
    );
    let body = read.wanted.creation().patch.body();
    assert_eq!(body["config"]["update_users_only"], json!(true));
    assert!(!format!("{:?}", read.wanted).contains("planted"));
}

#[test]
fn each_misfit_says_what_to_do_and_no_value() {
    let plain = |value: Value| Parameter::Plain(value);
    for (kind, id, parameter, words) in [
        (
            "event",
            "rest_api_kee",
            plain(json!("planted")),
            "an account of braze has no parameter `rest_api_kee` / did you mean `rest_api_key`? it has `rest_endpoint`, `rest_api_key`, `update_users_only` and `identifier`",
        ),
        (
            "event",
            "rest_api_key",
            plain(json!("planted")),
            "`config.rest_api_key` holds a literal, and Amplitude keeps it secret: a secret is never written in a file / write rest_api_key: ${REST_API_KEY} and export the variable; if this key was ever committed, replace it",
        ),
        (
            "event",
            "rest_api_key",
            filled("planted", true),
            "`config.rest_api_key` holds a literal, and Amplitude keeps it secret: a secret is never written in a file / write rest_api_key: ${REST_API_KEY} and export the variable; if this key was ever committed, replace it",
        ),
        (
            "event",
            "rest_api_key",
            filled("missing", false),
            "the variable `X` is not set",
        ),
        (
            "event",
            "rest_api_key",
            filled("", false),
            "`config.rest_api_key` is empty: its variable is not set / set the variable that `config.rest_api_key` names, or leave it out",
        ),
        (
            "event",
            "update_users_only",
            plain(json!("yes")),
            "`config.update_users_only` takes true or false",
        ),
        (
            "event",
            "update_users_only",
            filled("planted", false),
            "`config.update_users_only` takes true or false, and what its variable holds is none",
        ),
        (
            "event",
            "identifier",
            plain(json!("phone")),
            "`config.identifier` takes one of `external_id` or `email`",
        ),
        (
            "event",
            "rest_endpoint",
            plain(json!(1)),
            "`config.rest_endpoint` takes a text: write it in quotes",
        ),
        (
            "cohort",
            "identifier",
            plain(json!("email")),
            "no account of braze receives `cohort` / it receives `event` and `identify`",
        ),
    ] {
        assert_eq!(held(kind, &[(id, parameter)]).unwrap_err(), [words]);
    }
    assert_eq!(
        no_partner("braz", &["braze".to_owned(), "webhook".to_owned()]),
        (
            "Amplitude has no integration `braz`".to_owned(),
            Some("did you mean `braze`?".to_owned())
        )
    );
}
