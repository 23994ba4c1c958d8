//! Opens a world: fills it from a scenario the first time, replays its log, makes a new snapshot when the log has grown.
//! It must not serve anything.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde_json::{Value, json};

use super::{Log, World, files, generation};
use crate::sandbox::{
    Error,
    amplitude::{Ingested, Quota, Shelf},
    braze::{Definitions, Store, load_segments},
};

/// A log shorter than this is replayed at each start; a longer one, once it is half as long as the snapshot,
/// becomes part of a new snapshot.
const SHORT_LOG: u64 = 1 << 20;

/// What a world holds, in memory.
pub(crate) struct Contents {
    /// Amplitude's cohorts.
    pub(crate) shelf: Shelf,
    /// Downloads of the month.
    pub(crate) quota: Quota,
    /// Events Amplitude took in.
    pub(crate) ingested: Ingested,
    /// Braze's people and the rest.
    pub(crate) store: Store,
}

/// Opens the world in `dir`, or a passing one, and fills it from the scenario if it is new.
pub(crate) fn open(
    dir: Option<&Path>,
    scenario: Option<&Path>,
) -> Result<(World, Contents), Error> {
    let Some(dir) = dir else {
        return passing(scenario);
    };
    prepare(dir)?;
    let lock = files::lock(dir)?;
    if !dir.join("world.json").exists() {
        fill(dir, scenario)?;
    }
    let manifest_path = dir.join("world.json");
    let manifest = files::read_json(&manifest_path)?.unwrap_or_default();
    let (Some(id), Some(number)) = (manifest["world"].as_str(), manifest["generation"].as_u64())
    else {
        return Err(Error::Content {
            path: manifest_path,
            line: None,
            problem: "not a world of this sandbox".to_owned(),
        });
    };
    files::sweep(dir, |name| belongs(name, number))?;
    files::sweep(&dir.join("downloads"), |_| false)?;
    let mut contents = Contents {
        shelf: Shelf::open(dir)?,
        quota: Quota::read(&manifest["quota"]),
        ingested: Ingested::load(
            &generation(dir, "ingested", number, ".jsonl"),
            &dir.join("downloads"),
        )?,
        store: Store::load(
            &generation(dir, "profiles", number, ".jsonl"),
            &generation(dir, "segments", number, ".json"),
            &generation(dir, "events", number, ".jsonl"),
            &generation(dir, "imported", number, ".json"),
            &generation(dir, "attributes", number, ".json"),
        )?,
    };
    let path = generation(dir, "log", number, "");
    let mut taken = Ok(());
    let mut log = Log::open(&path, |record| match record.kind {
        super::kind::DOWNLOAD => contents.quota.spend(record.at),
        super::kind::INGEST if taken.is_ok() => {
            taken = contents.ingested.replay(&record.payload, record.at);
        }
        _ => contents.store.replay(&record),
    })
    .map_err(Error::file(&path))?;
    taken.map_err(Error::file(&path))?;
    let size =
        |name| fs::metadata(generation(dir, name, number, ".jsonl")).map_or(0, |data| data.len());
    let snapshot = size("profiles") + size("ingested");
    if log.len() > SHORT_LOG.max(snapshot / 2) {
        snapshot_as(dir, id, number + 1, &contents)?;
        let path = generation(dir, "log", number + 1, "");
        log = Log::open(&path, |_| ()).map_err(Error::file(&path))?;
    }
    let world = World {
        id: id.to_owned(),
        dir: dir.to_owned(),
        log: Mutex::new(Some(log)),
        _lock: Some(lock),
        _temporary: None,
    };
    Ok((world, contents))
}

/// Makes a world that ends with the process: profiles in memory, cohort files in a temporary directory, no log.
fn passing(scenario: Option<&Path>) -> Result<(World, Contents), Error> {
    let temporary = tempfile::tempdir().map_err(Error::file("temporary directory"))?;
    let dir = temporary.path().to_owned();
    prepare(&dir)?;
    let from = |name: &str| scenario.map_or_else(PathBuf::new, |root| root.join(name));
    let mut shelf = Shelf::open(&dir)?;
    if let Some(scenario) = scenario {
        shelf.replace(scenario)?;
    }
    let store = Store::load(
        &from("braze/users.jsonl"),
        &from("braze/segments.json"),
        Path::new(""),
        Path::new(""),
        &from("braze/attributes.json"),
    )?;
    let ingested = Ingested::load(Path::new(""), &dir.join("downloads"))?;
    let world = World {
        id: new_id(),
        dir,
        log: Mutex::new(None),
        _lock: None,
        _temporary: Some(temporary),
    };
    let contents = Contents {
        shelf,
        ingested,
        quota: Quota::default(),
        store,
    };
    Ok((world, contents))
}

/// What a scenario brought into a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Cohorts now in Amplitude.
    pub cohorts: usize,
    /// Whether the world was made by this, Braze's side included.
    pub new: bool,
}

/// Replaces Amplitude's side of a kept world by a scenario's, while no sandbox serves it. A world that does not
/// exist yet is made from the scenario, both sides.
pub fn load_scenario_into(world: &Path, scenario: &Path) -> Result<Loaded, Error> {
    known(scenario)?;
    prepare(world)?;
    let _lock = files::lock(world)?;
    let new = !world.join("world.json").exists();
    if new {
        fill(world, Some(scenario))?;
    }
    let mut shelf = Shelf::open(world)?;
    if !new {
        shelf.replace(scenario)?;
    }
    Ok(Loaded {
        cohorts: shelf.len(),
        new,
    })
}

/// Refuses a directory that is no scenario: a mistyped one would empty Amplitude.
pub(crate) fn known(scenario: &Path) -> Result<(), Error> {
    if scenario.join("amplitude").is_dir() || scenario.join("braze").is_dir() {
        return Ok(());
    }
    Err(Error::Content {
        path: scenario.to_owned(),
        line: None,
        problem: "not a scenario: it has neither `amplitude/` nor `braze/`".to_owned(),
    })
}

/// Makes the directory a world can be in. One that holds anything else is refused: a world sweeps its directory.
fn prepare(dir: &Path) -> Result<(), Error> {
    if dir.exists() && !dir.join("world.json").exists() {
        for entry in fs::read_dir(dir).map_err(Error::file(dir))? {
            let name = entry.map_err(Error::file(dir))?.file_name();
            let name = name.to_string_lossy();
            let known = ours(&name) || ["lock", "cohorts", "downloads"].contains(&&*name);
            if !known && !name.starts_with('.') {
                return Err(Error::Content {
                    path: dir.to_owned(),
                    line: None,
                    problem: format!("neither empty nor a world: it holds `{name}`"),
                });
            }
        }
    }
    for name in ["cohorts", "downloads"] {
        let path = dir.join(name);
        fs::create_dir_all(&path).map_err(Error::file(&path))?;
    }
    Ok(())
}

/// Makes the first generation. The manifest is last: a kill before it leaves no world.
fn fill(dir: &Path, scenario: Option<&Path>) -> Result<(), Error> {
    files::sweep(dir, |name| !ours(name))?;
    let mut shelf = Shelf::open(dir)?;
    if let Some(scenario) = scenario {
        shelf.replace(scenario)?;
        // A world that could never be opened again is not made.
        Definitions::load(&scenario.join("braze/attributes.json"))?;
        load_segments(&scenario.join("braze/segments.json"))?;
        for (from, to) in [
            ("users.jsonl", "profiles.1.jsonl"),
            ("segments.json", "segments.1.json"),
            ("attributes.json", "attributes.1.json"),
        ] {
            let from = scenario.join("braze").join(from);
            if from.exists() {
                files::copy(&from, &dir.join(to))?;
            }
        }
    }
    manifest(dir, &new_id(), 1, &Quota::default())
}

fn snapshot_as(dir: &Path, id: &str, number: u64, contents: &Contents) -> Result<(), Error> {
    let store = &contents.store;
    files::swap(&generation(dir, "ingested", number, ".jsonl"), |out| {
        contents.ingested.write(out)
    })?;
    files::swap(&generation(dir, "profiles", number, ".jsonl"), |out| {
        store.write_profiles(out)
    })?;
    files::swap(&generation(dir, "events", number, ".jsonl"), |out| {
        store.write_events(out)
    })?;
    files::swap_json(
        &generation(dir, "segments", number, ".json"),
        &store.segments_file(),
    )?;
    files::swap_json(
        &generation(dir, "imported", number, ".json"),
        &store.cohorts.file(),
    )?;
    files::swap_json(
        &generation(dir, "attributes", number, ".json"),
        &store.people.definitions.file(),
    )?;
    manifest(dir, id, number, &contents.quota)?;
    files::sweep(dir, |name| belongs(name, number))
}

/// Tells whether a file stays beside this generation of a world: it is part of it, or none of ours.
fn belongs(name: &str, number: u64) -> bool {
    let log = name == format!("log.{number}");
    let snapshot = name.contains(&format!(".{number}.json"));
    log || snapshot || ["world.json", "amplitude.json"].contains(&name) || !ours(name)
}

/// Tells whether a name is one that worlds write, of any generation.
fn ours(name: &str) -> bool {
    [
        "world.",
        "amplitude.",
        "profiles.",
        "segments.",
        "attributes.",
        "events.",
        "imported.",
        "ingested.",
        "log.",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

fn manifest(dir: &Path, id: &str, number: u64, quota: &Quota) -> Result<(), Error> {
    let value: Value =
        json!({"format": 1, "world": id, "generation": number, "quota": quota.written()});
    files::swap_json(&dir.join("world.json"), &value)
}

fn new_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}
