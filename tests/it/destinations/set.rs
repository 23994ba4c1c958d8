//! A folder whose services are a stand-in, and in which no secret may show.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::accounts::Accounts;
use crate::support::binary::{Run, run, syncform};

/// Secrets that must show nowhere.
pub(super) const KEYS: [&str; 3] = ["planted-key-1a7f", "planted-key-2b8e", "planted-token-3c9d"];

/// A folder whose services are a stand-in.
pub(super) struct Set {
    pub(super) accounts: Accounts,
    pub(super) folder: TempDir,
    /// Which of the keys its variable holds; none past the last.
    pub(super) key: usize,
    pub(super) token: bool,
}

pub(super) const ACCOUNT: &str = r#"    partner: braze
    display_name: Braze production
    kind: [event]
    config: {rest_endpoint: "https://rest", rest_api_key: "${BRAZE_STREAM_KEY}"}
    event_filter: {events: [Checkout Completed]}
    property_mappings: [{from: user_id, to: external_id}]
    send_events: true
    enabled: true
"#;

impl Set {
    pub(super) fn up() -> Self {
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
    pub(super) fn says(&self, entry: &str, more: &str) {
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
    pub(super) fn rewrites(&self, from: &str, to: &str) {
        let file = self.folder.path().join("syncform.yaml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        fs::write(file, text.replace(from, to)).unwrap();
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
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

    pub(super) fn runs(&self, words: &[&str]) -> Run {
        let run = run(self.command(words));
        for key in KEYS {
            assert!(!run.all().contains(key), "a secret in {run}");
        }
        run
    }

    /// Plans as JSON.
    pub(super) fn plan(&self) -> Value {
        self.runs(&["plan", "--format", "json"]).exits(0).json()
    }

    #[track_caller]
    pub(super) fn settled(&self) {
        self.runs(&["plan", "--detailed-exitcode"]).exits(0);
    }

    #[track_caller]
    pub(super) fn apply(&self) -> Run {
        self.runs(&["apply", "--auto-approve"]).exits(0)
    }

    /// Applies, and returns the body of the one patch.
    #[track_caller]
    pub(super) fn patched(&self) -> Value {
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
    pub(super) fn paths(&self, action: &str) -> Vec<String> {
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
pub(super) fn kept(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            kept(&path, text);
        } else {
            text.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}
