//! Events that were taken in, each once (amplitude.md 7.1): a line each in a file that goes with the process; the world's
//! log and snapshots bring them back. It must not refuse anything.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
    path::Path,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    exported,
    hash::hash,
    hour::Hour,
    lines::{Lines, Source, Stock},
};
use crate::sandbox::{Error, call::json as read};

/// How long an `insert_id` is remembered.
const REMEMBERED: i64 = 7 * 24 * 3600 * 1000;
const DAY: i64 = 24 * 3600 * 1000;

/// Everything that was taken in.
#[derive(Debug)]
pub(crate) struct Ingested {
    lines: Lines,
    count: u64,
    /// When the event of a device and `insert_id`, by their hash, was taken: in milliseconds.
    seen: HashMap<u64, i64>,
    swept: i64,
}

impl Ingested {
    /// Brings a snapshot back; an absent one is empty.
    pub(crate) fn load(snapshot: &Path, dir: &Path) -> Result<Self, Error> {
        let mut ingested = Self {
            lines: Lines::copied(snapshot, dir)?,
            count: 0,
            seen: HashMap::new(),
            swept: 0,
        };
        let source = ingested.lines.source();
        let each = source.all(|line| {
            let kept = Kept::read(line)?;
            ingested.count += 1;
            ingested.remember(kept.key, kept.at);
            Ok(())
        });
        each.map_err(Error::file(snapshot))?;
        Ok(ingested)
    }

    /// Returns those of a request's events that were not taken in the last seven days.
    pub(crate) fn fresh<'a>(
        &self,
        events: &[&'a Map<String, Value>],
        at: Timestamp,
    ) -> Vec<&'a Map<String, Value>> {
        let (now, mut here) = (at.as_millisecond(), HashSet::new());
        let fresh = |event: &&&Map<String, Value>| {
            key(event).is_none_or(|key| {
                let known = self.seen.get(&key);
                known.is_none_or(|seen| now - seen >= REMEMBERED) && here.insert(key)
            })
        };
        events.iter().filter(fresh).copied().collect()
    }

    /// Returns what a log keeps of events.
    pub(crate) fn record(events: &[&Map<String, Value>], path: &str) -> Value {
        json!({"path": path, "events": events})
    }

    /// Does again what a log says was taken.
    pub(crate) fn replay(&mut self, payload: &[u8], at: Timestamp) -> io::Result<()> {
        let Some(body) = read(payload) else {
            return Ok(());
        };
        let events = body["events"].as_array().into_iter().flatten();
        let events: Vec<_> = events.filter_map(Value::as_object).collect();
        self.take(&events, body["path"].as_str().unwrap_or_default(), at)
    }

    /// Takes events in.
    pub(crate) fn take(
        &mut self,
        events: &[&Map<String, Value>],
        path: &str,
        at: Timestamp,
    ) -> io::Result<()> {
        let (hour, now) = (Hour::of(at), at.as_millisecond());
        let line = |(place, event): (u64, &&Map<String, Value>)| {
            let key = key(event).unwrap_or_default();
            let event = serde_json::to_string(event).unwrap_or_default();
            format!("{place} {now} {key} {path} {event}")
        };
        let lines: Vec<String> = (self.count..).zip(events).map(line).collect();
        self.lines
            .add(lines.iter().map(|line| (hour, line.as_str())))?;
        self.count += events.len() as u64;
        for event in events {
            self.remember(key(event).unwrap_or_default(), now);
        }
        if now - self.swept > DAY {
            self.swept = now;
            self.seen.retain(|_, seen| now - *seen < REMEMBERED);
        }
        Ok(())
    }

    fn remember(&mut self, key: u64, at: i64) {
        if key != 0 {
            self.seen.insert(key, at);
        }
    }

    /// Writes a snapshot.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.lines.source().copy(out).map(drop)
    }

    /// Returns what reads the lines later.
    pub(crate) fn source(&self) -> Source {
        self.lines.source()
    }

    /// Returns where the events of some hours are.
    pub(crate) fn between(&self, first: Hour, last: Hour) -> impl Iterator<Item = (Hour, &Stock)> {
        self.lines.between(first, last)
    }
}

/// A line, in its parts.
pub(crate) struct Kept<'a> {
    place: u64,
    at: i64,
    key: u64,
    path: &'a str,
    /// As it was sent.
    pub(crate) event: &'a str,
}

impl<'a> Kept<'a> {
    /// Reads a line that this module wrote.
    pub(crate) fn read(line: &'a [u8]) -> io::Result<Self> {
        let parts = || {
            let mut parts = std::str::from_utf8(line).ok()?.splitn(5, ' ');
            Some(Self {
                place: parts.next()?.parse().ok()?,
                at: parts.next()?.parse().ok()?,
                key: parts.next()?.parse().ok()?,
                path: parts.next()?,
                event: parts.next()?,
            })
        };
        parts().ok_or_else(|| io::Error::other("not a line of an ingested event"))
    }

    /// Returns the event as the Export API says it; none where it never does.
    pub(crate) fn exported(&self, project: i64) -> Option<Value> {
        let event: Value = self.event.parse().ok()?;
        let at = Timestamp::from_millisecond(self.at).ok()?;
        exported::of(event.as_object()?, self.path, at, self.place, project)
    }
}

/// What an event is known by: its `insert_id` and its device, which is made of the user where none is named.
fn key(event: &Map<String, Value>) -> Option<u64> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let id = text("insert_id").filter(|id| !id.is_empty())?;
    let whose = text("device_id").map_or_else(
        || ["user", text("user_id").unwrap_or_default()],
        |device| ["device", device],
    );
    Some(hash(&[whose[0], whose[1], id]).max(1))
}
