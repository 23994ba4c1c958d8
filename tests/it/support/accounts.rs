//! Amplitude's Developer API as far as destinations need it, on loopback: what it holds, what it was told, and troubles to
//! order. Nothing shared with the program's own client, nor with the sandbox.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value, json};

/// Something that goes wrong with the next write that is no dry run.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// Somebody else changes this first.
    Meanwhile(Value),
    /// It is done, and the answer is lost.
    Lost,
    /// It is done, and answered with what cannot be read.
    Garbled,
    /// It is answered so, and not done.
    Says(u16, Value),
    /// It is done, this is told, and no answer ever comes.
    Hangs(Sender<()>),
}

/// What it holds.
#[derive(Default)]
pub(crate) struct Held {
    /// The accounts as they are told; secrets are apart.
    pub(crate) accounts: Vec<Value>,
    /// Secrets by account and parameter.
    pub(crate) secrets: Map<String, Value>,
    /// Writes that were done: method and body.
    pub(crate) writes: Vec<(String, Value)>,
    /// What a list says of its pages, instead of that it is whole.
    pub(crate) pages: Option<Value>,
    /// Every request: method and path.
    pub(crate) asked: Vec<String>,
    /// What goes wrong next.
    pub(crate) troubles: VecDeque<Trouble>,
    /// What a test of an account says.
    pub(crate) test: Option<Value>,
    /// What goes wrong with tests; the first at the next.
    pub(crate) test_troubles: VecDeque<Trouble>,
    /// Accounts that were tested.
    pub(crate) tests: usize,
    /// Who is told that something hangs now.
    hangs: Option<Sender<()>>,
    /// What its own plan of a write says, instead of the truth.
    pub(crate) dry: Option<Value>,
}

/// The service.
pub(crate) struct Accounts {
    /// Where it is.
    pub(crate) url: String,
    held: Arc<Mutex<Held>>,
}

impl Accounts {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let held = Arc::new(Mutex::new(Held::default()));
        let shared = Arc::clone(&held);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || talk(BufReader::new(stream.unwrap()), &shared));
            }
        });
        Self { url, held }
    }

    /// What it holds now.
    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// Changes members of the only account, as somebody else does.
    pub(crate) fn change(&self, members: &Value) {
        lay(&mut self.held().accounts[0], members);
    }

    /// The bodies of writes since it was asked last.
    pub(crate) fn written(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.held().writes)
    }
}

fn lay(account: &mut Value, members: &Value) {
    for (key, value) in members.as_object().unwrap() {
        if key == "config" {
            for (id, value) in value.as_object().unwrap() {
                account["config"][id] = value.clone();
            }
        } else {
            account[key] = value.clone();
        }
    }
    account["version"] = json!(account["version"].as_u64().unwrap_or(0) + 1);
}

fn talk(mut stream: BufReader<TcpStream>, held: &Mutex<Held>) {
    while let Some((method, path, version, body)) = question(&mut stream) {
        let answered = {
            let mut held = held.lock().unwrap();
            let answered = answer(&mut held, &method, &path, version, &body);
            let hangs = held.hangs.take();
            (answered, hangs)
        };
        if let (_, Some(tell)) = &answered {
            tell.send(()).unwrap();
            // Until the other side is gone.
            let _ = stream.read(&mut [0]);
            return;
        }
        let (Some((status, body)), _) = answered else {
            return;
        };
        let body = body.to_string();
        let text = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn question(stream: &mut BufReader<TcpStream>) -> Option<(String, String, Option<u64>, Value)> {
    let (mut first, mut length, mut version) = (String::new(), 0, None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if first.is_empty() {
            first.clone_from(&line);
        }
        let lower = line.to_lowercase();
        if let Some(number) = lower.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if let Some(number) = lower.strip_prefix("if-match:") {
            version = Some(number.trim().parse().unwrap());
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some((
        method,
        path,
        version,
        serde_json::from_slice(&body).unwrap_or_default(),
    ))
}

/// An answer; none where the connection just closes.
fn answer(
    held: &mut Held,
    method: &str,
    path: &str,
    version: Option<u64>,
    body: &Value,
) -> Option<(u16, Value)> {
    held.asked.push(format!("{method} {path}"));
    let dry = path.ends_with("?dry_run=true");
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    Some(match (method, parts.as_slice()) {
        ("GET", ["api", "3", "cohorts"]) => (200, json!({"cohorts": []})),
        ("GET", ["api", "2", "event-streaming", _]) => (
            200,
            json!({"eventsDelivered": 90, "eventsNotDelivered": 10, "deliveryRate": 0.9, "latencyInSeconds": 4.5}),
        ),
        ("GET", ["segments", "list"]) => (200, json!({"segments": [], "message": "success"})),
        ("GET", ["v1", "context"]) => (200, json!({"principal": {"auth_type": "pat"}})),
        ("GET", ["v1", "destination-types"]) => (200, json!({"data": [braze()]})),
        ("GET", ["v1", "destination-types", "braze"]) => (200, braze()),
        ("GET", ["v1", "projects", "7", "destinations"]) => (
            200,
            json!({"data": held.accounts, "pagination": held.pages.clone()
                .unwrap_or_else(|| json!({"next_cursor": null, "has_more": false}))}),
        ),
        ("GET", ["v1", "projects", "7", "destinations", id]) => match find(held, id) {
            Some(at) => (200, held.accounts[at].clone()),
            None => (404, json!({"title": "Not Found"})),
        },
        ("POST", ["v1", "projects", "7", "destinations"]) => return post(held, dry, body),
        ("PATCH", ["v1", "projects", "7", "destinations", id]) => {
            let id = (*id).to_owned();
            return patch(held, &id, version, dry, body);
        }
        ("POST", [.., "test"]) => match held.test_troubles.pop_front() {
            Some(Trouble::Says(status, body)) => (status, body),
            Some(Trouble::Hangs(tell)) => {
                held.hangs = Some(tell);
                return None;
            }
            _ => {
                held.tests += 1;
                let test = held.test.clone();
                let said = test.unwrap_or_else(|| json!({"ok": true, "detail": "delivered"}));
                (200, said)
            }
        },
        _ => (404, json!({"title": "Not Found", "detail": path})),
    })
}

fn braze() -> Value {
    let parameter = |id: &str, kind: &str, required: bool, write_only: bool| json!({"id": id, "kind": kind, "required": required, "write_only": write_only});
    json!({"partner": "braze", "display_name": "Braze", "types": ["event", "identify", "cohort"], "parameters": [
        parameter("rest_endpoint", "string", true, false),
        parameter("rest_api_key", "secret", true, true),
        parameter("update_users_only", "boolean", false, false),
    ]})
}

fn find(held: &Held, id: &str) -> Option<usize> {
    held.accounts.iter().position(|account| account["id"] == id)
}

/// Tells what would differ, by its first part.
fn plan(account: Option<&Value>, body: &Value) -> Value {
    let members = body.as_object().unwrap().iter();
    let differs = |key: &str, to: &Value| match (account, key) {
        (None, _) => true,
        (Some(account), "config") => to
            .as_object()
            .unwrap()
            .iter()
            .any(|(id, to)| account["config"].get(id) != Some(to)),
        (Some(account), key) => account[key] != *to,
    };
    let diff: Map<String, Value> = members
        .filter(|(key, to)| differs(key, to))
        .map(|(key, _)| (key.clone(), json!({"from": null, "to": "…"})))
        .collect();
    let action = match (account, diff.is_empty()) {
        (None, _) => "create",
        (_, true) => "noop",
        (_, false) => "update",
    };
    json!({"action": action, "dry_run": true, "diff": diff, "warnings": []})
}

fn post(held: &mut Held, dry: bool, body: &Value) -> Option<(u16, Value)> {
    if body["partner"] != "braze" {
        let wrong = json!([{"field": "partner", "message": "required", "code": "missing"}]);
        return Some((422, json!({"title": "Invalid", "validation_errors": wrong})));
    }
    if dry {
        let plan = held.dry.clone().unwrap_or_else(|| plan(None, body));
        return Some((200, json!({"data": {}, "plan": plan})));
    }
    let trouble = held.troubles.pop_front();
    if let Some(Trouble::Says(status, body)) = trouble {
        return Some((status, body));
    }
    let id = format!("dst-{}", held.accounts.len() + 1);
    let mut account = json!({"id": id, "project_id": 7, "credential_status": "connected", "version": 1, "enabled": true,
        "event_filter": null, "property_mappings": null, "send_events": false, "send_users": false, "config": {}});
    keep(held, &mut account, body);
    account["version"] = json!(1);
    held.accounts.push(account.clone());
    held.writes.push(("POST".to_owned(), body.clone()));
    match trouble {
        Some(Trouble::Lost) => None,
        Some(Trouble::Garbled) => Some((200, json!("done"))),
        Some(Trouble::Hangs(tell)) => {
            held.hangs = Some(tell);
            None
        }
        _ => Some((201, account)),
    }
}

/// Lays what is written over an account; secrets go apart.
fn keep(held: &mut Held, account: &mut Value, body: &Value) {
    let mut body = body.clone();
    if let Some(key) = body["config"]
        .as_object_mut()
        .and_then(|config| config.remove("rest_api_key"))
    {
        held.secrets.insert("rest_api_key".to_owned(), key);
    }
    lay(account, &without_nulls(&body));
}

fn without_nulls(body: &Value) -> Value {
    let members = body.as_object().unwrap().clone();
    members
        .into_iter()
        .filter(|(_, it)| !it.is_null())
        .collect()
}

fn patch(
    held: &mut Held,
    id: &str,
    version: Option<u64>,
    dry: bool,
    body: &Value,
) -> Option<(u16, Value)> {
    let at = find(held, id).unwrap();
    let stale = |account: &Value| version.is_some() && account["version"].as_u64() != version;
    let refused = (
        412,
        json!({"title": "Precondition Failed", "status": 412, "retryable": false}),
    );
    if stale(&held.accounts[at]) {
        return Some(refused);
    }
    if dry {
        let plan = held
            .dry
            .clone()
            .unwrap_or_else(|| plan(Some(&held.accounts[at]), body));
        return Some((200, json!({"data": held.accounts[at], "plan": plan})));
    }
    let trouble = held.troubles.pop_front();
    match &trouble {
        Some(Trouble::Says(status, body)) => return Some((*status, body.clone())),
        Some(Trouble::Meanwhile(members)) => {
            lay(&mut held.accounts[at], members);
            return Some(refused);
        }
        _ => {}
    }
    let mut account = held.accounts[at].clone();
    keep(held, &mut account, body);
    held.accounts[at] = account.clone();
    held.writes.push(("PATCH".to_owned(), body.clone()));
    match trouble {
        Some(Trouble::Lost) => None,
        Some(Trouble::Garbled) => Some((200, json!("done"))),
        Some(Trouble::Hangs(tell)) => {
            held.hangs = Some(tell);
            None
        }
        _ => Some((200, account)),
    }
}
