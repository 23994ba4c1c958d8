//! Whom made-up events are about: people of a world or a scenario. It must not change either.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use serde_json::Value;

use crate::sandbox::{Error, world};

/// Enough for any number of events.
const MOST: usize = 20_000;

/// Returns external ids of people in Braze: of a scenario, else of a kept world as its last snapshot has it, else none.
pub fn external_ids(scenario: Option<&Path>, world: Option<&Path>) -> Result<Vec<String>, Error> {
    if let Some(scenario) = scenario {
        world::known(scenario)?;
        return read(&scenario.join("braze/users.jsonl"));
    }
    let Some(dir) = world else {
        return Ok(Vec::new());
    };
    let manifest = world::read_json(&dir.join("world.json"))?.unwrap_or_default();
    match manifest["generation"].as_u64() {
        Some(number) => read(&dir.join(format!("profiles.{number}.jsonl"))),
        None => Ok(Vec::new()),
    }
}

fn read(path: &Path) -> Result<Vec<String>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file(path)(error)),
    };
    let mut ids = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(Error::file(path))?;
        let profile: Value = line.parse().unwrap_or_default();
        ids.extend(profile["external_id"].as_str().map(str::to_owned));
        if ids.len() == MOST {
            break;
        }
    }
    Ok(ids)
}
