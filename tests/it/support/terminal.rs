//! A terminal around a run: what it shows at last, what it ever showed, and what is typed.

use std::fs::File;
use std::io::{Read, Write as _};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const ROWS: u16 = 60;
/// Nothing here takes so long.
const DEADLINE: Duration = Duration::from_mins(2);

/// A run on a terminal.
pub(crate) struct Terminal {
    child: Child,
    keys: File,
    shown: Arc<Shown>,
}

#[derive(Default)]
struct Shown {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    bytes: Vec<u8>,
    ended: bool,
}

/// What a terminal showed in the end.
#[derive(Debug)]
pub(crate) struct Screen {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// Its lines.
    pub(crate) lines: Vec<String>,
    /// All that was ever written to it.
    pub(crate) written: String,
}

impl Terminal {
    /// Starts a command with all three streams on a terminal of so many columns.
    #[track_caller]
    pub(crate) fn start(mut command: Command, columns: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let outer = openpt(flags).unwrap();
        grantpt(&outer).unwrap();
        unlockpt(&outer).unwrap();
        let name = ptsname(&outer, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let inner: OwnedFd = open(name, flags, Mode::empty()).unwrap();
        let size = Winsize {
            ws_row: ROWS,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&outer, size).unwrap();
        let child = command
            .stdin(inner.try_clone().unwrap())
            .stdout(inner.try_clone().unwrap())
            .stderr(inner)
            .spawn()
            .unwrap();
        // The inner side is the run's alone now, so that its end is seen.
        drop(command);
        let keys = File::from(outer);
        let shown = Arc::new(Shown::default());
        let (mut from, to) = (keys.try_clone().unwrap(), shown.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // The end of the inner side is an error here.
                let read = from.read(&mut buffer).unwrap_or(0);
                let mut now = to.now.lock().unwrap();
                now.bytes.extend_from_slice(&buffer[..read]);
                now.ended = read == 0;
                to.changed.notify_all();
                if now.ended {
                    return;
                }
            }
        });
        Self { child, keys, shown }
    }

    /// Waits until something was written, ever.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        let now = self.shown.now.lock().unwrap();
        let missing =
            |now: &mut Now| !now.ended && !String::from_utf8_lossy(&now.bytes).contains(text);
        let (now, _) = self
            .shown
            .changed
            .wait_timeout_while(now, DEADLINE, missing)
            .unwrap();
        let written = String::from_utf8_lossy(&now.bytes);
        assert!(written.contains(text), "`{text}` never came:\n{written}");
    }

    /// Types.
    pub(crate) fn keys(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// Ctrl-C: its echo, and the signal, since the terminal is nobody's controlling one. The signal waits for the echo,
    /// before which the terminal throws away what is under way.
    #[track_caller]
    pub(crate) fn interrupt(&mut self) {
        self.keys("\x03");
        self.wait_for("^C");
        let id = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(id, Signal::INT).unwrap();
    }

    /// What it shows now.
    pub(crate) fn lines(&self) -> Vec<String> {
        lines(&self.shown.now.lock().unwrap().bytes, &self.keys)
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Screen {
        let now = self.shown.now.lock().unwrap();
        let going = |now: &mut Now| !now.ended;
        let (now, late) = self
            .shown
            .changed
            .wait_timeout_while(now, DEADLINE, going)
            .unwrap();
        let written = String::from_utf8_lossy(&now.bytes).into_owned();
        assert!(!late.timed_out(), "it hangs:\n{written}");
        let lines = lines(&now.bytes, &self.keys);
        drop(now);
        let code = self.child.wait().unwrap().code();
        Screen {
            code,
            lines,
            written,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(bytes: &[u8], terminal: &File) -> Vec<String> {
    let size = rustix::termios::tcgetwinsize(terminal).unwrap();
    let sure = |length| NonZero::new(length).unwrap();
    let mut parser = vt100::Parser::new(sure(size.ws_row), sure(size.ws_col), 0);
    parser.process(bytes);
    let text = parser.screen().contents();
    text.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}
