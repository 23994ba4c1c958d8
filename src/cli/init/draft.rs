//! The files of a new configuration as texts. It knows no directory.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{Answers, slug};

const CONFIGURATION: &str = include_str!("syncform.yaml");
const WORKFLOW: &str = include_str!("workflow.yml");
/// What is never committed.
pub(super) const IGNORED: [&str; 2] = [".syncform/", "plan.tar"];
/// People of the example: the first are members, so many Braze alone knows.
const MEMBERS: usize = 20;
const OTHERS: usize = 5;
/// Id of the example's cohort.
const COHORT: &str = "example";

const STATE_HERE: &str = "state: {backend: local, path: .syncform}";
const STATE_IN_CI: &str = "state:
  backend: local
  path: ${SYNCFORM_STATE_DIR:-.syncform}    # the CI workflow names one that outlives a run";
const IMPORT: &str = "  cohort_import:              # only for who holds a partner key of their own
    partner: @PARTNER@        # as Braze gave it; the filter there is named after it
    data_import_key: ${BRAZE_DATA_IMPORT_KEY}
    partner_api_key: ${BRAZE_PARTNER_API_KEY}
";

/// The line of a workflow that says which directory it is about.
pub(super) fn at(directory: &str) -> String {
    format!("SYNCFORM_CHDIR: {}", quoted(directory))
}

impl Answers {
    /// The name of the first sync.
    pub(super) fn sync(&self) -> String {
        slug(&self.cohort, "first-cohort")
    }

    /// The variables that hold keys.
    pub(super) fn keys(&self) -> Vec<&'static str> {
        let mut keys = vec!["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"];
        if self.to == "cohort_import" {
            keys.extend(["BRAZE_DATA_IMPORT_KEY", "BRAZE_PARTNER_API_KEY"]);
        }
        keys
    }

    /// `syncform.yaml`.
    pub(super) fn configuration(&self) -> String {
        let attribute = self.sync().replace('-', "_");
        let to = match self.to.as_str() {
            "cohort_import" => {
                "    to: cohort_import         # a cohort of partner import\n".to_owned()
            }
            "attribute_flag" => format!(
                "    # In Braze a custom attribute: true for members, false for those who left.\n    to: {{attribute_flag: {attribute}}}\n"
            ),
            _ => "    # In Braze the cohort's name in a custom attribute that holds a list; others may share it.\n    to: {attribute_array: amplitude_cohorts}\n".to_owned(),
        };
        let instance = if self.instance.contains("://") {
            format!("endpoint: {}", scalar(&self.instance))
        } else {
            format!("instance: {:<18}# as the dashboard names it", self.instance)
        };
        let import = if self.to == "cohort_import" {
            IMPORT.replace("@PARTNER@", &scalar(&slug(&self.workspace, "partner")))
        } else {
            String::new()
        };
        let state = if self.ci == "none" {
            STATE_HERE
        } else {
            STATE_IN_CI
        };
        fill(
            CONFIGURATION,
            &[
                ("@WORKSPACE@", &scalar(&self.workspace)),
                ("@REGION@", &self.region),
                ("@INSTANCE@", &instance),
                ("@IMPORT@\n", &(import + "\n")),
                ("@STATE@", state),
                ("@SYNC@", &self.sync()),
                ("@COHORT@", &scalar(&self.cohort)),
                ("@TO@\n", &to),
            ],
        )
    }

    /// The CI workflow, for a configuration in a directory below the repository's root.
    pub(super) fn workflow(&self, directory: &str) -> String {
        let key = |key: &&str| format!("          {key}: ${{{{ secrets.{key} }}}}");
        let keys: Vec<String> = self.keys().iter().map(key).collect();
        fill(
            WORKFLOW,
            &[
                ("SYNCFORM_CHDIR: @DIRECTORY@", &at(directory)),
                ("@NAME@", &slug(&self.workspace, "workspace")),
                ("@KEYS@", &keys.join("\n")),
            ],
        )
    }

    /// A scenario of invented people, who are in the first cohort.
    pub(super) fn example(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let now = now.as_second();
        let cohorts = json!({"cohorts": [{
            "appId": 153_957, "archived": false, "definition": {"version": 3}, "description": "Invented people.",
            "finished": true, "id": COHORT, "name": self.cohort, "owners": [], "viewers": [], "published": true,
            "size": MEMBERS, "type": "redshift", "lastMod": now, "createdAt": now, "lastComputed": now,
            "hidden": false, "metadata": null, "view_count": null, "popularity": null, "last_viewed": null,
            "chart_id": null, "edit_id": null, "is_predictive": false, "is_official_content": false,
            "location_id": null, "shortcut_ids": [], "syncMetadata": [],
        }]});
        let person = |number: usize| format!("person-{number:02}");
        let member = |number: usize| format!("\"{}\",\"{}\"\n", 100_000 + number, person(number));
        let profile = |number: usize| {
            let profile: Value = json!({
                "external_id": person(number), "braze_id": format!("{number:024x}"),
                "created_at": "2026-01-01T00:00:00.000Z", "user_aliases": [],
                "email": format!("{}@example.com", person(number)), "custom_attributes": {},
            });
            format!("{profile}\n")
        };
        let head = "\"amplitude_id\",\"user_id\"\n".to_owned();
        vec![
            ("sandbox/amplitude/cohorts.json", format!("{cohorts:#}\n")),
            (
                "sandbox/amplitude/cohorts/example.csv",
                head + &(1..=MEMBERS).map(member).collect::<String>(),
            ),
            (
                "sandbox/braze/users.jsonl",
                (1..=MEMBERS + OTHERS).map(profile).collect(),
            ),
        ]
    }
}

/// `.gitignore`.
pub(super) fn ignored() -> String {
    format!(
        "# State, caches, the sandbox's world and saved plans hold people's ids.\n{}\n",
        IGNORED.join("\n")
    )
}

/// Fills a template, each place at most once a pass, so that no answer is taken for a place.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    loop {
        let next = values
            .iter()
            .filter_map(|(place, value)| rest.find(place).map(|at| (at, *place, *value)));
        let Some((at, place, value)) = next.min_by_key(|(at, ..)| *at) else {
            return out + rest;
        };
        out.push_str(&rest[..at]);
        out.push_str(value);
        rest = &rest[at + place.len()..];
    }
}

/// Writes a text into the configuration: never a variable.
fn scalar(text: &str) -> String {
    quoted(&text.replace("${", "$${"))
}

/// Writes a text as YAML: plain where it can be nothing else.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || " _-./".contains(letter))
        && !text.ends_with(' ')
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    if plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text_in_yaml() {
        for text in ["Power Users", "a-b", "audiences/eu"] {
            assert_eq!(scalar(text), text);
        }
        for text in ["no", "30d", "a: b", "a #b", "x ", "*a", "\"", "."] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        assert_eq!(scalar("${KEY}"), "\"$${KEY}\"");
    }

    #[test]
    fn an_answer_is_no_place() {
        let values = [("@A@", "@B@"), ("@B@", "b")];
        assert_eq!(fill("x @A@ @B@ y", &values), "x @B@ b y");
    }
}
