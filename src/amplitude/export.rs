//! Export API: the raw events of some hours, as an archive that is kept in a file as it comes. It must not decide which
//! hours are ready, nor what an event means.
//!
//! Hours are hours in UTC in which Amplitude received events, both bounds included (Export API page). An hour without
//! data is 404; above 4 GB it is 400, and 504 where Amplitude takes too long: fewer hours are asked for then.

mod archive;

pub use archive::Archive;

use std::{fs::File, path::Path};

use tokio::io::AsyncWriteExt as _;

use self::archive::{MAGIC, damaged};
use super::{Error, Reader};
use crate::{
    http::{Manner, Opened, Stream, backoff},
    model::Hour,
};

pub(super) const PATH: &str = "/api/2/export";
/// What Amplitude says where there are no events.
const NONE: &[u8] = b"Raw data files were not found";
/// Hours of one request: 365 days.
const MOST_HOURS: i64 = 365 * 24;
/// Tries of an archive whose bytes broke off or were garbled; at a quarter of failures one in 65,000 is lost.
const TRIES: u32 = 8;
/// Tries of a single hour that Amplitude does not gather in time: it may be busy rather than the hour too large.
const LATE_TRIES: u32 = 4;

impl Reader {
    /// Downloads the events of these hours, the last one included, into a file without a name in a directory. None where
    /// there are none.
    pub async fn export(
        &self,
        from: Hour,
        to: Hour,
        directory: &Path,
    ) -> Result<Option<Archive>, Error> {
        // Nobody closes it.
        let _turn = self.exports.acquire().await.map_err(|_| Error::Stopped)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut found = Err(Error::Stopped);
            let download = async { found = self.export_once(from, to, directory).await };
            self.unless_stopped(download).await?;
            let most = match &found {
                Err(Error::Broken(_) | Error::Damaged { .. }) => TRIES,
                Err(Error::TooMuch { status: 504, .. }) if from == to => LATE_TRIES,
                _ => 0,
            };
            if tries >= most {
                return found;
            }
            self.wait(backoff(self.policy, tries)).await?;
        }
    }

    /// Asks for an hour before Amplitude was there: whether these keys are answered. Nothing is downloaded.
    pub async fn answers_exports(&self) -> Result<(), Error> {
        // Nobody closes it.
        let _turn = self.exports.acquire().await.map_err(|_| Error::Stopped)?;
        let url = format!("{PATH}?start=20000101T00&end=20000101T00");
        match self.open_as(PATH, &url, Manner::PLAIN).await? {
            Opened::Stream(_) => Ok(()),
            Opened::Answer(answer) if answer.status == 404 && says_none(&answer.body) => Ok(()),
            Opened::Answer(answer) => Err(self.refused(PATH, answer.status, &answer.body)),
        }
    }

    /// Downloads the events of any hours in as few archives as Amplitude gives, each handed on in order with the hours it
    /// was asked for before the next is asked for. None stands for hours without events.
    pub async fn export_halved<E: From<Error>>(
        &self,
        from: Hour,
        to: Hour,
        directory: &Path,
        mut each: impl AsyncFnMut(Hour, Hour, Option<Archive>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = vec![(from, to)];
        while let Some((from, to)) = left.pop() {
            if from > to {
                continue;
            }
            let last = Hour(from.0 + MOST_HOURS - 1).min(to);
            if last < to {
                left.push((last.next(), to));
            }
            match self.export(from, last, directory).await {
                Err(Error::TooMuch { .. }) if from < last => {
                    let middle = Hour(from.0.midpoint(last.0));
                    left.push((middle.next(), last));
                    left.push((from, middle));
                }
                Err(Error::TooMuch { status, text, .. }) => {
                    return Err(Error::HourTooLarge {
                        hour: from,
                        status,
                        text,
                    }
                    .into());
                }
                Err(error) => return Err(error.into()),
                Ok(archive) => each(from, last, archive).await?,
            }
        }
        Ok(())
    }

    async fn export_once(
        &self,
        from: Hour,
        to: Hour,
        directory: &Path,
    ) -> Result<Option<Archive>, Error> {
        let manner = Manner {
            is_told: |answer| answer.status == 504,
            ..Manner::PLAIN
        };
        let url = format!("{PATH}?start={from}&end={to}");
        let answer = match self.open_as(PATH, &url, manner).await? {
            Opened::Stream(stream) => {
                let file = keep(self, stream, directory).await?;
                let opened = tokio::task::spawn_blocking(move || Archive::open(file)).await;
                return opened.map_err(|_| Error::Stopped)?.map(Some);
            }
            Opened::Answer(answer) => answer,
        };
        let refused = self.refused(PATH, answer.status, &answer.body);
        match (answer.status, refused) {
            // Any other is of somebody in between, and says nothing of events.
            (404, _) if says_none(&answer.body) => Ok(None),
            (400 | 504, Error::Refused { status, text, .. }) => Err(Error::TooMuch {
                from,
                to,
                status,
                text,
            }),
            (200..=299, _) => Err(damaged(format!("status {}", answer.status))),
            (_, refused) => Err(refused),
        }
    }
}

/// Writes a body into a file as it comes. What is no archive is not read to its end.
async fn keep(reader: &Reader, stream: Stream, directory: &Path) -> Result<File, Error> {
    let file = tempfile::tempfile_in(directory).map_err(Error::NotKept)?;
    let mut file = tokio::fs::File::from_std(file);
    let mut first: Vec<u8> = vec![];
    stream
        .each(reader.scrubber(), async |piece| {
            if first.len() < MAGIC.len() {
                let missing = (MAGIC.len() - first.len()).min(piece.len());
                first.extend_from_slice(&piece[..missing]);
                if !MAGIC.starts_with(&first) {
                    return Err(damaged("it is no zip archive"));
                }
            }
            file.write_all(&piece).await.map_err(Error::NotKept)
        })
        .await?;
    file.flush().await.map_err(Error::NotKept)?;
    Ok(file.into_std().await)
}

/// Whether these are the words for hours without data (amplitude.md 6).
fn says_none(body: &[u8]) -> bool {
    body.windows(NONE.len()).any(|words| words == NONE)
}
