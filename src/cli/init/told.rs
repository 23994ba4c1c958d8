//! What `init` did, and what to do next, in words.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use super::{answers::Answers, draft, place};
use crate::cli::{failure::Failure, global::Global};

/// What a configuration that was there lacks for the workflow.
pub(super) const STATE: &str = "
The workflow says where the state lies. Let the configuration follow it:
  state: {backend: local, path: \"${SYNCFORM_STATE_DIR:-.syncform}\"}
";

/// What a workflow does not do that was there before.
pub(super) const ELSEWHERE: &str = "
The workflow that is there is about another directory, so CI knows nothing of this one. Copy it under another name, and
change SYNCFORM_CHDIR, SYNCFORM_STATE_DIR and its `name`.
";

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    written: Vec<PathBuf>,
    pub(super) kept: Vec<PathBuf>,
}

impl Done {
    /// Writes a file, or keeps the one that is there.
    pub(super) fn write(&mut self, path: PathBuf, text: &str) -> Result<(), Failure> {
        if place::write(&path, text)? {
            self.written.push(path);
        } else {
            self.kept.push(path);
        }
        Ok(())
    }

    pub(super) fn wrote(&self, path: &Path) -> bool {
        self.written.iter().any(|written| written == path)
    }

    pub(super) fn drawn(&self) -> String {
        let mut out = String::new();
        for (word, paths) in [("written", &self.written), ("kept", &self.kept)] {
            for path in paths {
                // Writing to a String cannot fail; so below.
                let _ = writeln!(out, "  {word:<8} {}", place::shown(path));
            }
        }
        if self.written.is_empty() {
            out.push_str("\nAll is there already; nothing was changed.\n");
        }
        out
    }
}

/// Says what an ignore file lacks.
pub(super) fn unignored(ignore: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(ignore).map_err(|error| place::failed(ignore, &error))?;
    let lacks = |line: &&str| {
        let bare = |text: &str| text.trim().trim_matches('/').to_owned();
        !text.lines().any(|said| bare(said) == bare(line))
    };
    let lines: Vec<&str> = draft::IGNORED.into_iter().filter(lacks).collect();
    if lines.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "\nAdd to .gitignore, since these hold people's ids:\n  {}\n",
        lines.join("\n  ")
    ))
}

/// What to do next, with commands as they are typed from here.
pub(super) fn next(global: &Global, answers: &Answers, new: bool) -> String {
    let program = if global.chdir == Path::new(".") {
        "syncform".to_owned()
    } else {
        format!("syncform -C {}", global.chdir.display())
    };
    let example = new && answers.example;
    let command = |words: &str| format!("{program} {words}");
    let keys: Vec<String> = answers
        .keys()
        .iter()
        .map(|key| format!("{key}=…"))
        .collect();
    let steps = [
        (
            example,
            command("plan --sandbox"),
            "try it: no key is needed",
        ),
        (
            example,
            command("apply --sandbox"),
            "a plan after it has nothing to do",
        ),
        (true, command("validate"), "after each edit"),
        (new, format!("export {}", keys.join(" ")), ""),
        (
            true,
            command("doctor"),
            "whether keys and permissions are right",
        ),
        (true, command("plan"), "what would change in Braze"),
    ];
    let taken = steps.iter().filter(|(taken, ..)| *taken);
    let explained = taken.clone().filter(|(.., why)| !why.is_empty());
    let width = explained.map(|(_, words, _)| words.len()).max();
    let width = width.unwrap_or(0);
    let mut out = "\nNext:\n".to_owned();
    for (_, words, why) in taken {
        let line = format!("  {words:<width$}   {why}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}
