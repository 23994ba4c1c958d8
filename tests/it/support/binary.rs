//! Runs the program: a clean environment, a deadline, and its answer taken apart.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Nothing here takes so long; what does has hung.
const DEADLINE: Duration = Duration::from_mins(3);

/// The program with nothing of this machine in its environment.
pub(crate) fn syncform<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncform"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("COLUMNS", "120")
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "1")
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// What a run said and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Its arguments, for messages.
    pub(crate) asked: String,
    /// The exit code; a signal has none.
    pub(crate) code: Option<i32>,
    /// Results.
    pub(crate) stdout: String,
    /// Talk.
    pub(crate) stderr: String,
}

impl Run {
    /// Fails unless the run ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// Both streams.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Fails unless some stream holds the text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.all().contains(text), "`{text}` is missing in {self}");
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}) in {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            asked,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            out,
            "`{asked}` (exit {code:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}

/// A run that goes on; it is killed when dropped.
pub(crate) struct Running {
    asked: String,
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    said: Option<String>,
}

/// Starts a command.
pub(crate) fn start(mut command: Command) -> Running {
    let asked = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = whole(child.stdout.take().unwrap());
    let stderr = whole(child.stderr.take().unwrap());
    Running {
        asked,
        child,
        stdout,
        stderr,
        said: None,
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: Command) -> Run {
    start(command).finish()
}

/// Reads a stream to its end on a thread of its own.
fn whole(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

impl Running {
    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end, this long at most; true if it came.
    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        if self.said.is_none() {
            match self.stdout.recv_timeout(time) {
                Ok(text) => self.said = Some(text),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => panic!("the reader of stdout died"),
            }
        }
        true
    }

    /// SIGKILL, whatever it is doing; returns once it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = Pid::from_raw(self.id().cast_signed()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
    }

    /// Waits for the end, which must come before the deadline.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Run {
        let ended = self.ends_within(DEADLINE);
        if !ended {
            self.child.kill().unwrap();
        }
        let code = self.child.wait().unwrap().code();
        let stderr = self.stderr.recv_timeout(DEADLINE).unwrap();
        assert!(ended, "`{}` hangs; stderr so far:\n{stderr}", self.asked);
        Run {
            asked: self.asked.clone(),
            code,
            stdout: self.said.take().unwrap(),
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server: a process that says where it listens and goes on until it is dropped.
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts a command and waits for its line `listening on http://…`, on either stream.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        for stream in [
            Box::new(child.stdout.take().unwrap()) as Box<dyn Read + Send>,
            Box::new(child.stderr.take().unwrap()),
        ] {
            let sender = sender.clone();
            // Reads on to the end, so that the server never waits for a reader.
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        drop(sender);
        let mut said = Vec::new();
        let url = loop {
            let Ok(line) = lines.recv_timeout(Duration::from_mins(2)) else {
                let _ = child.kill();
                let _ = child.wait();
                panic!(
                    "no `listening on http://…` from {command:?}:\n{}",
                    said.join("\n")
                );
            };
            if let Some((_, address)) = line.split_once("listening on http://") {
                let end = address.find(|letter: char| letter.is_whitespace() || letter == '/');
                break format!("http://{}", &address[..end.unwrap_or(address.len())]);
            }
            said.push(line);
        };
        Self { child, url }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens: `http://127.0.0.1:8787`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_run_is_taken_apart() {
    let run = run(shell("echo result; echo talk >&2; exit 3"))
        .exits(3)
        .says("talk");
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("result\n", "talk\n")
    );
}

#[test]
fn a_run_is_killed_or_asked_to_end() {
    let mut run = start(shell("while :; do :; done"));
    assert!(!run.ends_within(Duration::from_millis(20)));
    run.kill();
    let run = start(shell("while :; do :; done"));
    run.terminate();
    assert_eq!(run.finish().code, None, "ended by the signal");
}

#[test]
fn a_server_says_where_it_listens() {
    for stream in ["", ">&2"] {
        let script = format!(
            "echo ready {stream}; echo listening on http://127.0.0.1:9/ {stream}; read forever"
        );
        assert_eq!(Server::start(shell(&script)).url(), "http://127.0.0.1:9");
    }
}
