//! Golden folders of cohort syncs, `tests/golden/cohort/<case>/`: a case is a list of steps, the configurations it
//! names, and the transcript of the real program against a real sandbox. A new case needs no Rust.
//! `BLESS=1` writes the transcripts anew, `CASE=name` runs the cases whose name holds that.
//!
//! `steps`, one a line, `#` begins a comment:
//!
//! | step | does |
//! |---|---|
//! | `config FILE` | makes FILE the project's `syncform.yaml`, beside the `workspace.yaml` that all cases share |
//! | `join COHORT PERSON…`, `leave COHORT PERSON…` | people enter or leave a cohort in Amplitude, which computes it anew |
//! | `members COHORT FILE` | the same by a whole file |
//! | `cohort COHORT JSON` | what somebody clicks in Amplitude: `{"name": "Other"}`, `{"archived": true}`; a new id is a new cohort; `"AGO 26h"` is a time |
//! | `settings JSON` | what Amplitude is like: `{"sync_info": false}` |
//! | `put PERSON JSON` | sets attributes in Braze behind our back; who is not there is made |
//! | `segment JSON` | makes or changes a segment, as somebody does in Braze's dashboard; now, unless it says `updated_at` |
//! | `destination JSON` | makes or changes an account of Amplitude by its name, as somebody does in its web app |
//! | `destinations` | shows the accounts that Amplitude holds |
//! | `delete PERSON…` | deletes people from Braze behind our back |
//! | `faults SPEC` | what goes wrong from now on |
//! | `env NAME VALUE` | sets a variable for the commands from now on: another key; one with `bad` in it is refused |
//! | `lines FILE [HOUR]` | adds Export lines to Amplitude; those that do not say their hour are of `HOUR` (`20260714T08`) |
//! | `events` | shows the events and purchases that Braze took, sorted |
//! | `ingested` | shows how many events Amplitude took, by name |
//! | `world ATTRIBUTE…` | shows what Braze holds: the attributes that the case's `to` name, these, and the imported cohorts |
//! | `cat FILE` | shows a file that a step wrote |
//! | `again` | plans once more, and fails unless there is nothing to do |
//! | anything else | a command of the program; `RUN` is the last run's id; `apply` does not ask |

mod case;
mod redact;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, panic, thread};

use similar::TextDiff;

use crate::support::source::root;

fn variable(wanted: &str) -> Option<String> {
    let mut variables = std::env::vars_os();
    let (_, value) = variables.find(|(name, _)| name == wanted)?;
    Some(value.to_string_lossy().into_owned())
}

/// A folder with steps is a case.
fn cases() -> Vec<PathBuf> {
    let folder = root().join("tests/golden/cohort");
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = paths.filter(|path| path.join("steps").is_file()).collect();
    cases.sort();
    cases
}

fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// Plays a case and compares its transcript; what is wrong, in words.
fn wrong(case: &Path) -> Vec<String> {
    let played = match panic::catch_unwind(|| case::play(case)) {
        Ok(played) => played,
        Err(why) => {
            let why = why.downcast_ref::<String>().map_or("?", String::as_str);
            return vec![format!("it cannot be played: {why}")];
        }
    };
    let path = case.join("expected.txt");
    if variable("BLESS").is_some() {
        fs::write(&path, &played.transcript).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let mut wrong = played.wrong;
    if expected != played.transcript {
        let diff = TextDiff::from_lines(&expected, &played.transcript)
            .unified_diff()
            .context_radius(4)
            .to_string();
        wrong.push(format!(
            "the transcript differs (BLESS=1 rewrites it):\n{diff}"
        ));
    }
    wrong
}

#[test]
fn each_case_goes_as_written() {
    let only = variable("CASE").unwrap_or_default();
    let cases: Vec<PathBuf> = cases()
        .into_iter()
        .filter(|case| name(case).contains(&only))
        .collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let wrong = wrong(case);
            if !wrong.is_empty() {
                let told = format!("=== {}\n{}", name(case), wrong.join("\n"));
                failures.lock().unwrap().push(told);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
    assert!(!cases.is_empty(), "no case is named like {only}");
}

#[test]
fn every_folder_is_a_case_and_every_file_of_it_is_used() {
    let folder = root().join("tests/golden/cohort");
    let mut idle = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() || name(&case) == "scenario" {
            continue;
        }
        let Ok(steps) = fs::read_to_string(case.join("steps")) else {
            idle.push(format!("{} has no steps", name(&case)));
            continue;
        };
        for file in fs::read_dir(&case).unwrap() {
            let file = name(&file.unwrap().path());
            let own = ["steps", "expected.txt", "scenario", "workspace.yaml"];
            if !own.contains(&file.as_str()) && !steps.split_whitespace().any(|word| word == file) {
                idle.push(format!("no step of {} names {file}", name(&case)));
            }
        }
    }
    assert!(idle.is_empty(), "{}", idle.join("\n"));
}
