//! What segment exports make: a zip of files of JSON lines, on disk, until four hours later (braze.md 12). It must not answer
//! a request, or hold more of a segment than a block.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{self, BufWriter, Write},
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tempfile::TempPath;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    audience::Filter,
    census::{block, meant},
    clicks::uuid,
    export::trim,
};
use crate::sandbox::app::App;

/// Exports by when they were asked for.
#[derive(Default)]
pub(super) struct Exports(pub(super) VecDeque<Export>);

/// An export of a segment.
#[derive(Clone)]
pub(super) struct Export {
    /// What its address ends in: random, and whoever has it needs no key.
    pub(super) name: String,
    /// Of this segment.
    pub(super) segment: String,
    /// It is not ready before.
    pub(super) due: Timestamp,
    /// It is gone then.
    pub(super) ends: Timestamp,
    /// How far it is.
    pub(super) work: Arc<Work>,
}

/// The work of an export.
#[derive(Default)]
pub(super) struct Work {
    cancelled: AtomicBool,
    /// The archive; none if it could not be made.
    made: OnceLock<Option<TempPath>>,
}

/// What is exported of each person.
pub(super) struct Wanted {
    /// Fields, by their names.
    pub(super) fields: Vec<&'static str>,
    /// Custom attributes by their names, where not all of them are exported.
    pub(super) custom: Option<Vec<String>>,
}

impl Export {
    /// Tells whether the segment cannot be exported again yet.
    pub(super) fn running(&self, now: Timestamp) -> bool {
        let over = matches!(self.work.made.get(), Some(None))
            || self.work.cancelled.load(Ordering::SeqCst);
        !over && self.archive(now).is_none()
    }

    /// Returns the archive, if it is ready.
    pub(super) fn archive(&self, now: Timestamp) -> Option<&Path> {
        let cancelled = self.work.cancelled.load(Ordering::SeqCst);
        let made = self
            .work
            .made
            .get()
            .filter(|_| now >= self.due && !cancelled);
        made?.as_deref()
    }
}

impl Work {
    /// Sees to it that the archive is never ready.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// Makes the archive of whom the filter means; without one, of nobody. A failure is told nobody but by an email.
    pub(super) fn make(&self, app: &App, filter: Option<&Filter>, wanted: &Wanted, now: Timestamp) {
        self.made
            .get_or_init(|| self.write(app, filter, wanted, now).ok().flatten());
    }

    fn write(
        &self,
        app: &App,
        filter: Option<&Filter>,
        wanted: &Wanted,
        now: Timestamp,
    ) -> io::Result<Option<TempPath>> {
        let (file, path) = tempfile::NamedTempFile::new_in(app.world.downloads())?.into_parts();
        let mut zip = ZipWriter::new(BufWriter::with_capacity(1 << 17, file));
        let lines = |filter, number| {
            block(app, number, |store, range| {
                let mut text = String::new();
                for profile in meant(store, filter, range, now) {
                    if let Some(mut user) = store.people.seen(profile, now) {
                        wanted.cut(&mut user, now);
                        let _ = writeln!(text, "{}", Value::Object(user));
                    }
                }
                text
            })
        };
        for number in 0.. {
            let Some(text) = filter.and_then(|filter| lines(filter, number)) else {
                break;
            };
            if self.cancelled.load(Ordering::SeqCst) {
                return Ok(None);
            }
            if !text.is_empty() {
                // Names inside are random (braze.md 12).
                let name = format!("{}.txt", uuid());
                zip.start_file(name, SimpleFileOptions::default())
                    .map_err(io::Error::other)?;
                zip.write_all(text.as_bytes())?;
            }
        }
        zip.finish().map_err(io::Error::other)?.flush()?;
        Ok(Some(path))
    }
}

impl Wanted {
    /// Leaves of a profile what was asked for.
    fn cut(&self, user: &mut Map<String, Value>, now: Timestamp) {
        trim(user, &self.fields, now);
        if let (Some(names), Some(Value::Object(custom))) =
            (&self.custom, user.get_mut("custom_attributes"))
        {
            custom.retain(|name, _| names.contains(name));
            if custom.is_empty() {
                user.shift_remove("custom_attributes");
            }
        }
    }
}
