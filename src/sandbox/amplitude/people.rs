//! People as the User Profile API knows them (amplitude.md 5): a line each, in memory and in a file of the world, to which
//! a change is appended; the last line of a person counts. It must not answer anybody.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::person::{DEVICE, NOT_JSON, USER, check, read};
use crate::sandbox::{Error, world};

/// Everybody with a profile.
#[derive(Debug)]
pub(crate) struct People {
    path: PathBuf,
    lines: Vec<Box<str>>,
    /// Places in `lines` by a 64-bit hash of an id and its kind.
    index: HashMap<u64, u32>,
    /// Names of computations by id, as they were last read.
    computations: BTreeMap<String, String>,
}

impl People {
    /// Opens a file that this module wrote. What a kill left of a line was never promised, and is cut off.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let mut people = Self::new(path.clone());
        let mut whole = 0;
        read(&path, |_, line| {
            if line.ends_with(b"\n") {
                whole += line.len() as u64;
                let line = std::str::from_utf8(line).map_err(|_| NOT_JSON.to_owned())?;
                people.insert(line.trim_end(), &check(line)?);
            }
            Ok(())
        })?;
        let file = File::options().append(true).open(&path);
        file.and_then(|file| file.set_len(whole))
            .map_err(Error::file(path))?;
        Ok(people)
    }

    /// Copies a scenario's file, every line checked; none if there is none.
    pub(crate) fn copy(from: &Path, to: &Path) -> Result<Option<Self>, Error> {
        if !from.exists() {
            return Ok(None);
        }
        let mut people = Self::new(to.to_owned());
        read(from, |_, line| {
            let line = std::str::from_utf8(line)
                .map_err(|_| NOT_JSON.to_owned())?
                .trim();
            if !line.is_empty() {
                people.insert(line, &check(line)?);
            }
            Ok(())
        })?;
        world::swap(to, |out| {
            people
                .lines
                .iter()
                .try_for_each(|line| writeln!(out, "{line}"))
        })?;
        Ok(Some(people))
    }

    /// Makes an empty file.
    pub(crate) fn empty(path: PathBuf) -> Result<Self, Error> {
        world::swap(&path, |_| Ok(()))?;
        Ok(Self::new(path))
    }

    fn new(path: PathBuf) -> Self {
        Self {
            path,
            lines: Vec::new(),
            index: HashMap::new(),
            computations: BTreeMap::new(),
        }
    }

    /// Returns the name of the file.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.path.file_name()?.to_str()
    }

    /// Replaces what is known of a person. The file first: who is told has nothing to lose.
    pub(crate) fn put(&mut self, person: &Map<String, Value>) -> Result<(), Error> {
        let line = Value::Object(person.clone()).to_string();
        let file = File::options().append(true).open(&self.path);
        let mut file = file.map_err(Error::file(&self.path))?;
        let before = file.metadata().map_err(Error::file(&self.path))?.len();
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            // A full disk: what is half written must not run into what comes after it.
            file.set_len(before).map_err(Error::file(&self.path))?;
            return Err(Error::file(&self.path)(error));
        }
        self.insert(&line, person);
        Ok(())
    }

    /// Returns who has the user id, else who has the device id.
    pub(crate) fn find(
        &self,
        user: Option<&str>,
        device: Option<&str>,
    ) -> Option<Map<String, Value>> {
        let place = |kind: &str, id: Option<&str>| self.index.get(&key(kind, id?)).copied();
        let place = place(USER, user).or_else(|| place(DEVICE, device))?;
        self.object(place)
    }

    /// Returns what a computation is called, if anybody's line says so.
    pub(crate) fn computation(&self, id: &str) -> Option<&str> {
        self.computations.get(id).map(String::as_str)
    }

    /// Forgets the file: another took its place. Best effort; the next start sweeps what stays.
    pub(crate) fn discard(self) {
        let _ = fs::remove_file(self.path);
    }

    fn object(&self, place: u32) -> Option<Map<String, Value>> {
        match self.lines.get(place as usize)?.parse() {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    fn insert(&mut self, line: &str, person: &Map<String, Value>) {
        let id = |kind: &str| person.get(kind).and_then(Value::as_str);
        let known = id(USER).map_or_else(
            || self.index.get(&key(DEVICE, id(DEVICE).unwrap_or_default())),
            |user| self.index.get(&key(USER, user)),
        );
        let place = known.copied().unwrap_or(self.lines.len() as u32);
        if let Some(before) = self.object(place) {
            for kind in [USER, DEVICE] {
                let former = before.get(kind).and_then(Value::as_str);
                if let Some(key) = former.map(|id| key(kind, id))
                    && self.index.get(&key) == Some(&place)
                {
                    self.index.remove(&key);
                }
            }
            self.lines[place as usize] = line.into();
        } else {
            self.lines.push(line.into());
        }
        for kind in [USER, DEVICE] {
            if let Some(id) = id(kind) {
                self.index.insert(key(kind, id), place);
            }
        }
        for (id, computation) in person
            .get("computations")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let name = computation.get("name").and_then(Value::as_str);
            if let Some(name) = name.filter(|name| self.computation(id) != Some(name)) {
                self.computations.insert(id.clone(), name.to_owned());
            }
        }
    }
}

fn key(kind: &str, id: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    (kind, id).hash(&mut hash);
    hash.finish()
}
