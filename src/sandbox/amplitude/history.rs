//! The events of a scenario, brought into a world (amplitude.md 6). It must not serve them.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{exported, hour::Hour, lines::Lines};
use crate::sandbox::Error;

/// Lines brought over at once.
const BATCH: usize = 4096;

/// Copies `amplitude/events/*.jsonl`, file by file in the order of their names; none where there is none. A line that
/// does not say its hour has that of the line before it.
pub(crate) fn copy(scenario: &Path, to: &Path) -> Result<Option<Lines>, Error> {
    let files = files(&scenario.join("amplitude/events"))?;
    if files.is_empty() {
        return Ok(None);
    }
    let mut lines = Lines::empty(to.to_owned())?;
    for path in files {
        bring(&path, to, &mut lines)?;
    }
    Ok(Some(lines))
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::file(dir))? {
        let path = entry.map_err(Error::file(dir))?.path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn bring(path: &Path, to: &Path, lines: &mut Lines) -> Result<(), Error> {
    let wrong = |number: usize, problem: &str| Error::Content {
        path: path.to_owned(),
        line: Some(number),
        problem: problem.to_owned(),
    };
    let file = File::open(path).map_err(Error::file(path))?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut batch, mut before) = (Vec::with_capacity(BATCH), None);
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        let read = reader.read_line(&mut line).map_err(Error::file(path))?;
        let text = line.trim();
        if !text.is_empty() {
            let (hour, text) = exported::read(text);
            before = hour.or(before);
            let hour = before.ok_or_else(|| wrong(number, "no `server_upload_time` yet"))?;
            batch.push((hour, text.into_owned()));
        }
        if batch.len() == BATCH || read == 0 {
            add(lines, &batch).map_err(Error::file(to))?;
            batch.clear();
        }
        if read == 0 {
            break;
        }
    }
    Ok(())
}

fn add(lines: &mut Lines, batch: &[(Hour, String)]) -> std::io::Result<()> {
    lines.add(batch.iter().map(|(hour, line)| (*hour, line.as_str())))
}
