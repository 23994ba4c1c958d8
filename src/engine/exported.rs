//! The people of a Braze segment, exported: sorted by their external ids into the cache, as the people of a cohort are. It
//! must not decide what becomes of them.
//!
//! # Guarantees
//! An export is kept with what tells it from another one: the segment's id and when the segment was last edited. It is used
//! again while it is young enough and both are the same, and never once anything was sent to Braze after it. A path never gets
//! other rows than it had.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Error, Refresh, Session, draft::Drafting, observe::young};
use crate::{
    braze::SegmentArchive,
    diff::{
        exported::{Compared, compare},
        segment::{Found, find},
    },
    model::{Event, Key, Lane, Millis, Record, digest},
    state::{
        self,
        budget::Lease,
        relation::{self, RelationReader},
        runs::Sorter,
    },
};

const FORMAT: &str = "syncform-exported/1";
/// Letters of a digest in a file's name: nobody chooses what they are of.
const LETTERS: usize = 16;

/// A segment whose people were exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExportedSegment {
    /// Its id.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// When the export was asked for.
    pub(super) exported_at: Millis,
    /// People in it who have an external id.
    pub(super) rows: u64,
    /// People in it who have none: they are left out.
    pub(super) nameless: u64,
    /// Their keys: a relation.
    pub(super) path: PathBuf,
}

/// An export as it is remembered, under the segment's name.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    format: String,
    /// Which Braze.
    braze: String,
    id: String,
    updated_at: String,
    exported_at: Millis,
}

/// Exports the people of the segment of a name, or takes what was exported of it no longer ago than that.
pub(super) async fn people_of_segment(
    draft: &Drafting<'_>,
    name: &str,
    max_age: Duration,
) -> Result<ExportedSegment, Error> {
    let session = draft.session;
    if session.how.refresh == Refresh::None {
        return as_kept(draft, name)?.ok_or_else(|| not_kept(name));
    }
    let list = session.braze.segments().await?;
    let segment = match find(name, None, &list) {
        Found::One(segment) => segment,
        other => return Err(unresolved(name, &other)),
    };
    let details = session.braze.segment_details(&segment.id).await?;
    let edited = details.updated_at.unwrap_or_default();
    people_of(draft, name, &segment.id, &edited, max_age).await
}

/// Does the same for a segment that is known already, as it was edited last.
pub(super) async fn people_of(
    draft: &Drafting<'_>,
    name: &str,
    id: &str,
    updated_at: &str,
    max_age: Duration,
) -> Result<ExportedSegment, Error> {
    let session = draft.session;
    let cache = session.store.cache()?;
    let now = session.clock.millis();
    let last = last_send(draft);
    let known = kept(session, &cache, name)?.filter(|kept| {
        kept.id == id
            && kept.updated_at == updated_at
            && young(kept.exported_at, now, max_age)
            && kept.knows(last)
    });
    if let Some(known) = known
        && let Some(exported) = known.opened(&cache, name)?
    {
        return Ok(exported);
    }
    let segment = name.to_owned();
    session.events.tell(Event::Exporting { segment }).await;
    let archive = session.braze.export_segment(id, &cache).await?;
    let kept = Kept {
        format: FORMAT.to_owned(),
        braze: session.identity.braze.clone(),
        id: id.to_owned(),
        updated_at: updated_at.to_owned(),
        exported_at: now,
    };
    let path = kept.path(&cache)?;
    // What waits for a lease holds nothing: the archive lies in a file.
    let lease = session.sorting.leases(1).await.pop().ok_or(Error::Worker)?;
    let into = path.clone();
    let sorting = tokio::task::spawn_blocking(move || sort(archive, &into, lease, now));
    let about = sorting.await.map_err(|_| Error::Worker)??;
    let json = serde_json::to_vec(&kept).unwrap_or_default();
    state::write_file(&index(&cache, name)?, &json)?;
    let exported = kept.of(name, path, &about);
    let (segment, people) = (name.to_owned(), about.file_rows);
    session
        .events
        .tell(Event::Exported { segment, people })
        .await;
    Ok(exported)
}

/// Compares the people of an export with recorded rows, in the order of their keys.
pub(super) fn compared(
    path: &Path,
    recorded: impl Iterator<Item = Result<Record, state::Error>>,
) -> Result<Compared, state::Error> {
    let there = RelationReader::open(path)?.ok_or_else(|| state::Error::Io {
        path: path.into(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    compare(there, recorded)
}

/// Sorts the people of an archive into a relation.
fn sort(
    mut archive: SegmentArchive,
    path: &Path,
    lease: Lease,
    at: Millis,
) -> Result<relation::About, Error> {
    let mut about = relation::About::at(at);
    let mut sorter = Sorter::new(path.parent().unwrap_or(Path::new(".")), lease);
    archive.each(|id| {
        about.file_rows += 1;
        match id.map(Key::external) {
            None => about.no_identifier += 1,
            Some(Err(_)) => about.bad_identifier += 1,
            Some(Ok(key)) => sorter.push(key.bytes(), 0, b"")?,
        }
        Ok::<(), Error>(())
    })?;
    Ok(relation::write(path, sorter, about)?)
}

/// When Braze was last sent anything that moves people between segments, log lines aside.
fn last_send(draft: &Drafting) -> Option<Millis> {
    let lanes = draft.manifest.into_iter().flat_map(|it| &it.lanes);
    let to_braze = lanes.filter(|(name, _)| !Lane::is_static(name) && !Lane::ingests(name));
    to_braze.map(|(_, lane)| lane.last_send).max()
}

impl Kept {
    /// Returns whether nothing was sent since it was asked for.
    fn knows(&self, last_send: Option<Millis>) -> bool {
        last_send.is_none_or(|last| self.exported_at > last)
    }

    /// Where its people are. The store sweeps by this name: all up to the first dash is the segment, all after the last
    /// how its people are named.
    fn path(&self, cache: &Path) -> Result<PathBuf, Error> {
        let segment = state::safe_name(&format!("segment {}", self.id));
        let edited = short(&self.updated_at);
        let name = format!("{segment}-{}-{edited}-external.rows", self.exported_at);
        Ok(state::directory(&cache.join("relations"))?.join(name))
    }

    fn of(&self, name: &str, path: PathBuf, about: &relation::About) -> ExportedSegment {
        ExportedSegment {
            id: self.id.clone(),
            name: name.to_owned(),
            exported_at: self.exported_at,
            rows: about.rows,
            nameless: about.no_identifier + about.bad_identifier,
            path,
        }
    }

    /// Returns what is there of it, if it was not swept.
    fn opened(&self, cache: &Path, name: &str) -> Result<Option<ExportedSegment>, Error> {
        let path = self.path(cache)?;
        let reader = RelationReader::open(&path)?;
        Ok(reader.map(|reader| self.of(name, path, &reader.about)))
    }
}

/// Returns what was exported last of a segment of that name, whatever its age, if nothing was sent since.
pub(super) fn as_kept(draft: &Drafting, name: &str) -> Result<Option<ExportedSegment>, Error> {
    let (session, last) = (draft.session, last_send(draft));
    let cache = session.store.cache()?;
    let known = kept(session, &cache, name)?.filter(|kept| kept.knows(last));
    let opened = known.map(|kept| kept.opened(&cache, name));
    Ok(opened.transpose()?.flatten())
}

fn kept(session: &Session, cache: &Path, name: &str) -> Result<Option<Kept>, Error> {
    let bytes = state::read_file(&index(cache, name)?)?;
    let kept = bytes.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    Ok(kept.filter(|kept| kept.format == FORMAT && kept.braze == session.identity.braze))
}

fn index(cache: &Path, name: &str) -> Result<PathBuf, Error> {
    let directory = cache.join("exported");
    Ok(state::directory(&directory)?.join(format!("{}.json", short(name))))
}

fn short(text: &str) -> String {
    let mut digest = digest::sha256(text.as_bytes());
    digest.truncate(LETTERS);
    digest
}

/// Words why no segment is meant.
fn unresolved(name: &str, found: &Found) -> Error {
    const ARCHIVED: &str = "archived segments are not listed";
    let missing = format!("Braze lists no segment \"{name}\"");
    let (message, hint) = match found {
        Found::Several(ids) => (
            format!(
                "{} segments of Braze are named \"{name}\": {}",
                ids.len(),
                ids.join(", ")
            ),
            "rename all but one of them in the dashboard".to_owned(),
        ),
        Found::Missing(near) if !near.is_empty() => {
            let near = near.join("\" or \"");
            (missing, format!("did you mean \"{near}\"? {ARCHIVED}"))
        }
        Found::Missing(_) | Found::Gone(_) | Found::One(_) => (
            missing,
            format!("write its name as the dashboard shows it; {ARCHIVED}"),
        ),
    };
    Error::Segment {
        message,
        hint: Some(hint),
    }
}

fn not_kept(name: &str) -> Error {
    Error::Segment {
        message: format!(
            "no people of segment \"{name}\" are kept here that were exported after the last sending, and nothing live was to be read"
        ),
        hint: Some("leave out --refresh none, so that they are exported".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_knows_nothing_of_what_was_sent_since() {
        let kept = Kept {
            format: FORMAT.to_owned(),
            braze: String::new(),
            id: "s-1".to_owned(),
            updated_at: String::new(),
            exported_at: 1_000,
        };
        assert!(kept.knows(None) && kept.knows(Some(999)));
        // It may have been sent first.
        assert!(!kept.knows(Some(1_000)) && !kept.knows(Some(2_000)));
    }
}
