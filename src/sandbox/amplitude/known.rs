//! Whom Amplitude knows: everybody in a cohort's file, an event, a profile, or named by hand (amplitude.md 4.7). Learnt when
//! somebody asks, and from then on only what is new; sixteen bytes a person. It must not answer anybody.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, BufReader},
};

use serde_json::Value;

use super::{
    exported::amplitude_id,
    hash::hash,
    ingested::{Ingested, Kept},
    roll::{self, Member},
    shelf::Shelf,
};

/// New people kept aside before they are sorted in.
const ASIDE: usize = 1 << 16;

/// An index of user ids.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// A user id's hash and the Amplitude id, sorted.
    people: Vec<(u64, u64)>,
    aside: Vec<(u64, u64)>,
    read: Marks,
    /// Of the shelf: after a cohort's file was replaced everything is read again.
    epoch: u64,
}

/// How far the sources were read.
#[derive(Debug, Default)]
struct Marks {
    files: HashSet<String>,
    exported: u64,
    ingested: u64,
    named: u64,
}

/// Some ids, looked up.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Those who are known, in the order asked for.
    pub(crate) members: Vec<Member>,
    /// Ids that mean nobody.
    pub(crate) unknown: Vec<String>,
}

impl Known {
    /// Finds people by user id.
    pub(crate) fn by_user(
        &mut self,
        cohorts: &Shelf,
        ingested: &Ingested,
        ids: &[&str],
    ) -> io::Result<Found> {
        self.learn(cohorts, ingested)?;
        Ok(sort_out(ids, |id| {
            let place = self
                .people
                .binary_search_by_key(&user(id), |person| person.0);
            let profile = || {
                cohorts
                    .people()
                    .and_then(|people| people.find(Some(id), None))
            };
            let number = match place {
                Ok(place) => self.people[place].1,
                Err(_) => profile().map(|_| amplitude_id(id))?,
            };
            Some(Member {
                amplitude_id: number,
                user_id: id.to_owned(),
            })
        }))
    }

    /// Says that a file holds nobody who is not known.
    pub(crate) fn pass(&mut self, file: String) {
        self.read.files.insert(file);
    }

    fn learn(&mut self, cohorts: &Shelf, ingested: &Ingested) -> io::Result<()> {
        if self.epoch != cohorts.epoch() {
            *self = Self {
                epoch: cohorts.epoch(),
                ..Self::default()
            };
        }
        let mut read = std::mem::take(&mut self.read);
        let walked = walk(cohorts, ingested, &mut read, |number, id| {
            if !id.is_empty() {
                self.aside.push((user(id), number));
                if self.aside.len() > ASIDE + self.people.len() / 2 {
                    self.settle();
                }
            }
        });
        self.settle();
        // After an error nothing counts as read: everything is read again.
        walked.map(|()| self.read = read)
    }

    /// Who was seen first keeps the number.
    fn settle(&mut self) {
        self.people.append(&mut self.aside);
        self.people.sort_by_key(|person| person.0);
        self.people.dedup_by_key(|person| person.0);
        self.people.shrink_to_fit();
    }
}

/// Finds people by Amplitude id. Rarely asked, so nothing is kept: every source is read.
pub(crate) fn by_number(shelf: &Shelf, ingested: &Ingested, ids: &[&str]) -> io::Result<Found> {
    let wanted: HashSet<u64> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let mut found: HashMap<u64, String> = HashMap::new();
    walk(shelf, ingested, &mut Marks::default(), |number, id| {
        if wanted.contains(&number) {
            let known = found.entry(number).or_default();
            if known.is_empty() {
                id.clone_into(known);
            }
        }
    })?;
    Ok(sort_out(ids, |id| {
        let number = id.parse().ok()?;
        let user_id = found.get(&number)?.clone();
        Some(Member {
            amplitude_id: number,
            user_id,
        })
    }))
}

fn sort_out(ids: &[&str], find: impl Fn(&str) -> Option<Member>) -> Found {
    let mut found = Found::default();
    for id in ids {
        match find(id) {
            Some(member) => found.members.push(member),
            None => found.unknown.push((*id).to_owned()),
        }
    }
    found
}

fn user(id: &str) -> u64 {
    hash(&["user", id])
}

/// Hands over everybody of what was not read yet: Amplitude id and user id, empty for somebody anonymous.
fn walk(
    shelf: &Shelf,
    ingested: &Ingested,
    read: &mut Marks,
    mut take: impl FnMut(u64, &str),
) -> io::Result<()> {
    for stored in shelf.files() {
        let name = stored
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !read.files.insert(name.to_owned()) {
            continue;
        }
        let file = BufReader::with_capacity(1 << 17, File::open(&stored.path)?);
        roll::each(file, |number, id| {
            match number.parse() {
                Ok(number) => take(number, id),
                Err(_) if !id.is_empty() => take(amplitude_id(id), id),
                Err(_) => {}
            }
            Ok(())
        })?;
    }
    let mut line = |line: &[u8]| {
        let event: Value = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.parse().ok())
            .unwrap_or_default();
        let id = event["user_id"].as_str().unwrap_or_default();
        match event["amplitude_id"].as_u64() {
            Some(number) => take(number, id),
            None if !id.is_empty() => take(amplitude_id(id), id),
            None => {}
        }
        Ok(())
    };
    if let Some(lines) = shelf.events() {
        read.exported = lines.source().since(read.exported, &mut line)?;
    }
    if let Some(lines) = shelf.named() {
        read.named = lines.source().since(read.named, &mut line)?;
    }
    read.ingested = ingested.source().since(read.ingested, |line| {
        let event: Value = Kept::read(line)?.event.parse().unwrap_or_default();
        let text = |name: &str| event[name].as_str().filter(|id| !id.is_empty());
        if let Some(who) = text("user_id").or_else(|| text("device_id")) {
            take(amplitude_id(who), text("user_id").unwrap_or_default());
        }
        Ok(())
    })?;
    Ok(())
}
