//! The real YAML language server over its own protocol, as an editor talks to it: what it completes, explains and refuses
//! in a file whose first line names the schema.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::binary::{run, syncform};
use crate::support::source::root;

const DEADLINE: Duration = Duration::from_mins(1);
/// Where an editor's cursor stands.
const CURSOR: &str = "¦";
const HEAD: &str = "version: 1\nworkspace: acme\n";
const SYNC: &str = "    kind: cohort\n    cohort: Power users\n    to: cohort_import\n";

/// An editor with the language server.
struct Editor {
    server: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    asked: u64,
    /// Where files are, with the schema beside them, as `init` writes it.
    dir: TempDir,
    first: String,
}

impl Editor {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let at = dir.path().to_str().unwrap();
        run(syncform(["-C", at, "init", "--ci", "none"])).exits(0);
        let text = fs::read_to_string(dir.path().join("syncform.yaml")).unwrap();
        let first = text.lines().next().unwrap().to_owned() + "\n";
        let program = "target/editor/node_modules/yaml-language-server/bin/yaml-language-server";
        let mut server = Command::new("node")
            .arg(root().join(program))
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = server.stdin.take().unwrap();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        let (sender, from) = mpsc::channel();
        std::thread::spawn(move || {
            while let Some(message) = message(&mut out) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut editor = Self {
            server,
            to,
            from,
            asked: 0,
            dir,
            first,
        };
        let item = json!({"snippetSupport": true, "documentationFormat": ["markdown"]});
        let document = json!({"completion": {"completionItem": item}, "hover": {"contentFormat": ["markdown"]}});
        let about =
            json!({"processId": null, "rootUri": null, "capabilities": {"textDocument": document}});
        editor.ask("initialize", &about);
        editor.tell("initialized", &json!({}));
        let yaml = json!({"validate": true, "hover": true, "completion": true, "schemaStore": {"enable": false}});
        let settings = json!({"settings": {"yaml": yaml}});
        editor.tell("workspace/didChangeConfiguration", &settings);
        editor
    }

    fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.to.flush().unwrap();
    }

    fn tell(&mut self, method: &str, about: &Value) {
        self.send(json!({"method": method, "params": about}));
    }

    fn ask(&mut self, method: &str, about: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(json!({"id": id, "method": method, "params": about}));
        let mut answer =
            self.wait(|message| message["id"] == id && message.get("method").is_none());
        answer["result"].take()
    }

    /// Waits for a message, and answers what the server asks meanwhile.
    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.from.recv_timeout(DEADLINE).unwrap();
            if wanted(&message) {
                return message;
            }
            if message.get("method").is_some() && message.get("id").is_some() {
                self.send(json!({"id": message["id"], "result": null}));
            }
        }
    }

    /// Opens a text that begins as `init` begins it.
    fn open(&mut self, text: &str) -> (Value, Vec<String>) {
        let path = self.dir.path().join(format!("{}.yaml", self.asked));
        self.asked += 1;
        let text = self.first.clone() + text;
        self.show(&path, &text)
    }

    /// Opens a file; answers how it is called and what is wrong with it, as `line: message`.
    fn show(&mut self, path: &Path, text: &str) -> (Value, Vec<String>) {
        let uri = json!(format!("file://{}", path.display()));
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", &json!({"textDocument": document}));
        let found = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
        });
        let found = found["params"]["diagnostics"].as_array().unwrap().iter();
        let found = found.map(|one| {
            let (line, message) = (
                &one["range"]["start"]["line"],
                one["message"].as_str().unwrap(),
            );
            format!("{line}: {message}")
        });
        (uri, found.collect())
    }

    /// Opens a text with a cursor in it and asks there.
    fn at(&mut self, method: &str, text: &str) -> Value {
        let (before, _) = text.split_once(CURSOR).unwrap();
        let (uri, _) = self.open(&text.replace(CURSOR, ""));
        let line = before.matches('\n').count() + 1;
        let character = before.rsplit('\n').next().unwrap().chars().count();
        let position = json!({"line": line, "character": character});
        self.ask(
            method,
            &json!({"textDocument": {"uri": uri}, "position": position}),
        )
    }

    fn complete(&mut self, text: &str) -> Offers {
        let list = self.at("textDocument/completion", text);
        Offers(list["items"].as_array().unwrap().clone())
    }

    fn hover(&mut self, text: &str) -> String {
        let hover = self.at("textDocument/hover", text);
        hover["contents"]["value"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn refuses(&mut self, text: &str, wanted: &[&str]) {
        let (_, found) = self.open(text);
        assert_eq!(found, wanted, "{text}");
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Reads a message; none at the end.
fn message(out: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if out.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", count)) => length = count.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    out.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// What an editor would offer.
#[derive(Debug)]
struct Offers(Vec<Value>);

impl Offers {
    fn labels(&self) -> Vec<&str> {
        let labels = self.0.iter().map(|item| item["label"].as_str().unwrap());
        labels.collect()
    }

    #[track_caller]
    fn has(&self, labels: &[&str]) {
        let offered = self.labels();
        for label in labels {
            assert!(offered.contains(label), "{label}: {offered:?}");
        }
    }

    /// What one says of itself, and what it puts into the text.
    #[track_caller]
    fn one(&self, label: &str) -> (String, &str) {
        let mut offered = self.0.iter();
        let item = offered.find(|item| item["label"] == label).unwrap();
        let about = &item["documentation"];
        let about = about["value"]
            .as_str()
            .or(about.as_str())
            .unwrap_or_default();
        (about.to_owned(), item["insertText"].as_str().unwrap())
    }

    #[track_caller]
    fn all_explained(&self) {
        for label in self.labels() {
            let (about, _) = self.one(label);
            assert!(label == "null" || about.len() > 5, "{label} says `{about}`");
        }
    }
}

#[test]
#[ignore = "needs npm: tests/editor/run"]
fn the_language_server_completes() {
    let mut editor = Editor::start();
    let top = editor.complete("version: 1\n¦\n");
    top.has(&[
        "workspace",
        "amplitude",
        "braze",
        "guards",
        "environments",
        "syncs",
        "moved",
        "removed",
    ]);
    top.all_explained();
    let braze = editor.complete("version: 1\nbraze:\n  ¦\n");
    braze.has(&[
        "instance",
        "endpoint",
        "api_key",
        "cohort_import",
        "use_at_most",
    ]);
    braze.all_explained();
    assert_eq!(braze.one("api_key").1, "api_key: ${1:\\${BRAZE_API_KEY\\}}");
    assert_eq!(braze.one("use_at_most").1, "use_at_most: ${1:50%}");
    let instances = editor.complete("version: 1\nbraze:\n  instance: ¦\n");
    instances.has(&["US-01", "US-10", "EU-02", "KR-01"]);
    let regions = editor.complete("version: 1\namplitude:\n  region: ¦\n");
    regions.has(&["us", "eu"]);
    regions.all_explained();

    let name = editor.complete("version: 1\nsyncs:\n  ¦\n");
    let (_, entry) = name.one("a cohort of Amplitude in Braze");
    assert!(
        entry.starts_with("${1:power-users}:\n    kind: cohort\n"),
        "{entry}"
    );
    for (what, kind) in [
        ("user properties", "user_property"),
        ("a computation", "computation"),
        ("a recommendation", "recommendation"),
    ] {
        let (_, entry) = name.one(&format!("{what} of Amplitude in Braze"));
        assert!(entry.contains(&format!("  kind: {kind}\n")), "{entry}");
    }
    let sync = editor.complete("version: 1\nsyncs:\n  a:\n    ¦\n");
    sync.has(&[
        "kind",
        "kind: cohort",
        "kind: event_stream",
        "cohort",
        "to",
        "cadence",
        "guards",
    ]);
    sync.all_explained();
    let cohort = editor.complete("version: 1\nsyncs:\n  a:\n    kind: cohort\n    ¦\n");
    cohort.has(&[
        "cohort",
        "to",
        "cadence",
        "exclude",
        "identify_by",
        "allow_removal",
    ]);
    cohort.all_explained();
    assert!(!cohort.labels().contains(&"events"), "of another kind");
    let kinds = editor.complete("version: 1\nsyncs:\n  a:\n    kind: ¦\n");
    assert_eq!(kinds.labels().len(), 6, "{kinds:?}");
    assert_eq!(
        kinds.one("cohort").0,
        "What is moved: cohort. An Amplitude cohort, kept in Braze."
    );
    let complete = format!("{HEAD}syncs:\n  a:\n{SYNC}");
    let cadence = editor.complete(&format!("{complete}    cadence: ¦\n"));
    cadence.has(&["once", "hourly", "daily", "realtime"]);
    cadence.all_explained();
    let to = editor.complete(&complete.replace("cohort_import", CURSOR));
    to.has(&["attribute_array", "attribute_flag", "cohort_import"]);
    to.all_explained();
    let flag = "\n  attribute_flag: ${1:is_member}";
    assert_eq!(
        to.one("attribute_flag"),
        ("An attribute that is true or false.".to_owned(), flag)
    );
    let identifiers = editor.complete(&format!("{complete}    identify_by:\n      - ¦\n"));
    identifiers.has(&["external_id", "device_id", "alias"]);
    let overlay = editor.complete("version: 1\nenvironments:\n  staging:\n    braze:\n      ¦\n");
    overlay.has(&["instance", "api_key"]);
    overlay.all_explained();
}

#[test]
#[ignore = "needs npm: tests/editor/run"]
fn the_language_server_explains() {
    let mut editor = Editor::start();
    let hovers = [
        (
            "version: 1\nbr¦aze:\n  instance: US-01\n",
            "The Braze workspace and how to reach it.",
        ),
        (
            "version: 1\nbraze:\n  ins¦tance: US-01\n",
            "The instance, as the dashboard names it.",
        ),
        (
            "version: 1\nguards:\n  max_re¦movals: 30%\n",
            "Removals, of the most rows recorded in 24 h",
        ),
        (
            "version: 1\nsyncs:\n  a:\n    kind: cohort\n    la¦bel: x\n",
            "What Braze shows. Default: the cohort's name",
        ),
    ];
    for (text, wanted) in hovers {
        let said = editor.hover(text);
        assert!(said.contains(wanted), "{said}");
    }
    let complete = format!("{HEAD}syncs:\n  a:\n{SYNC}");
    let kind = editor.hover(&complete.replace("kind", "ki¦nd"));
    assert!(
        kind.contains("#### kind: cohort\n\nWhat is moved: cohort. An Amplitude cohort"),
        "{kind}"
    );
    let cadence = editor.hover(&format!("{complete}    cad¦ence: daily\n"));
    assert!(
        cadence.contains("#### How often a sync is due"),
        "{cadence}"
    );
    assert!(cadence.contains("Due every day."), "{cadence}");
}

#[test]
#[ignore = "needs npm: tests/editor/run"]
fn the_language_server_refuses() {
    let mut editor = Editor::start();
    let complete = format!("{HEAD}syncs:\n  a:\n{SYNC}");
    editor.refuses(&complete, &[]);
    editor.refuses(
        "version: 1\nsync: {}\n",
        &["2: Property sync is not allowed."],
    );
    editor.refuses(
        "version: 1\nbraze: {instnce: US-01}\n",
        &["2: Property instnce is not allowed."],
    );
    let cadance = format!("{complete}    cadance: daily\n");
    editor.refuses(&cadance, &["8: Property cadance is not allowed."]);
    let dayly = format!("{complete}    cadence: dayly\n");
    let words = "8: Value must be \"once\" | \"hourly\" | \"daily\" | \"realtime\".";
    editor.refuses(&dayly, &[words]);
    editor.refuses(
        "version: 1\namplitude: {region: uss}\n",
        &["2: Value must be \"us\" | \"eu\"."],
    );
    let number = "2: Incorrect type. Expected one of integer, null.";
    editor.refuses("version: 1\namplitude: {project_id: abc}\n", &[number]);
    let bound = "2: A bound: a share such as 30%, a count such as 1000, or none.";
    editor.refuses("version: 1\nguards: {max_removals: lots}\n", &[bound]);
    let name = "4: A name is lower case: letters, digits, - and _, such as power-users.";
    editor.refuses(&complete.replace("  a:", "  Power Users:"), &[name]);
    let missing = complete.replace("    to: cohort_import\n", "");
    editor.refuses(&missing, &["4: Missing property \"to\"."]);
    let missing = complete.replace("    kind: cohort\n", "");
    editor.refuses(&missing, &["4: Missing property \"kind\"."]);
    editor.refuses("workspace: acme\n", &["1: Missing property \"version\"."]);
    let overlay = "version: 1\nenvironments: {staging: {braze: {instnce: x}}}\n";
    editor.refuses(overlay, &["2: Property instnce is not allowed."]);
    let (_, found) = editor.open(&complete.replace("cohort_import", "{attribute_aray: x}"));
    assert!(
        found.iter().all(|one| one.starts_with("7: ")) && !found.is_empty(),
        "{found:?}"
    );
}

#[test]
#[ignore = "needs npm: tests/editor/run"]
fn the_language_server_takes_what_is_valid() {
    let mut editor = Editor::start();
    let written = editor.dir.path().join("syncform.yaml");
    let mut paths: Vec<PathBuf> = ["examples/quickstart", "tests/golden/config/every-key"]
        .map(|folder| root().join(folder).join("syncform.yaml"))
        .into();
    paths.push(written);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("# yaml-language-server: $schema="),
            "{}",
            path.display()
        );
        let (_, found) = editor.show(&path, &text);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
    let sample = root().join("tests/golden/config/design-sample/syncform.yaml");
    let (_, found) = editor.open(&fs::read_to_string(sample).unwrap());
    assert!(found.is_empty(), "design-sample: {found:?}");
    // The line counts: without the schema nothing would be refused there.
    let quickstart = root().join("examples/quickstart/other.yaml");
    let text =
        "# yaml-language-server: $schema=../../schema/syncform.schema.json\nversion: 1\nsync: {}\n";
    let (_, found) = editor.show(&quickstart, text);
    assert_eq!(found, ["2: Property sync is not allowed."]);
}

#[test]
fn the_lock_names_no_registry() {
    let lock = fs::read_to_string(root().join("tests/editor/package-lock.json")).unwrap();
    let lock: Value = serde_json::from_str(&lock).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    for (name, about) in packages {
        assert!(about.get("resolved").is_none(), "{name}");
        assert!(name.is_empty() || about["integrity"].is_string(), "{name}");
    }
}
