//! `POST /users/export/segment`: the members of a segment as an archive that is kept in a file as it comes. It asks for no
//! more than who they are, and must not decide what becomes of them.
//!
//! # Expected flow
//! 1. The export is asked for. One of the segment that runs already is 429: it is waited for, whoever began it.
//! 2. The address in the answer says 403 or 404 until the export is ready (braze.md 12). It is asked without the key: it may
//!    be anybody's storage.
//! 3. What comes is a zip of files of JSON lines; one that is cut or garbled is fetched again, and is never fewer people.

mod archive;

use std::{fs::File, path::Path, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

pub use self::archive::SegmentArchive;
use super::{Error, Reader, wire::Exporting};
use crate::http::{Answer, Failure, Manner, Opened, Request, Stream, asked_wait, backoff, opening};

pub(super) const PATH: &str = "/users/export/segment";
/// The address that an export is fetched from, for messages: the address itself lets anybody fetch it.
const FILE: &str = "/users/export/segment (its file)";
/// How long an export may take before it is left for another run. One of 20 million people may need an hour (braze.md 12).
const PATIENCE: Duration = Duration::from_mins(90);
/// Between two looks, at most.
const BETWEEN: Duration = Duration::from_secs(10);
/// Tries of an archive whose bytes broke off or were garbled.
const TRIES: u32 = 8;
/// Redirects on the way to a file.
const REDIRECTS: u32 = 4;

impl Reader {
    /// Exports who is in a segment, into a file without a name in a directory.
    pub async fn export_segment(
        &self,
        segment: &str,
        directory: &Path,
    ) -> Result<SegmentArchive, Error> {
        self.export_within(segment, directory, PATIENCE).await
    }

    async fn export_within(
        &self,
        segment: &str,
        directory: &Path,
        patience: Duration,
    ) -> Result<SegmentArchive, Error> {
        let mut look = Look::begin(self, patience);
        let url = self.ask_for_export(segment, &mut look).await?;
        let mut tries = 0;
        loop {
            let found = match self.fetched(&url).await {
                Ok(None) => {
                    look.again(None).await?;
                    continue;
                }
                Ok(Some(stream)) => self.kept(stream, directory).await,
                Err(error) => Err(error),
            };
            tries += 1;
            match found {
                Ok(archive) => return Ok(archive),
                Err(Error::Broken(_) | Error::Damaged { .. }) if tries < TRIES => {
                    look.wait(backoff(self.client.policy, tries)).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for an export, and returns where its file is going to be.
    async fn ask_for_export(&self, segment: &str, look: &mut Look<'_>) -> Result<String, Error> {
        let body = json!({"segment_id": segment, "fields_to_export": ["external_id"]});
        let body = Bytes::from(body.to_string());
        let busy = Manner {
            is_told: |answer| answer.status == 429,
            ..Manner::PLAIN
        };
        loop {
            let limiter = &self.limiter;
            let answer = self
                .client
                .post_as(PATH, body.clone(), limiter, busy)
                .await?;
            if answer.status == 429 {
                look.again(asked_wait(&answer)).await?;
                continue;
            }
            if !(200..300).contains(&answer.status) {
                return Err(self.client.refused(PATH, &answer));
            }
            let asked: Exporting = serde_json::from_slice(&answer.body)
                .map_err(|_| Error::Unexpected { path: PATH })?;
            return asked
                .url
                .filter(|url| !url.is_empty())
                .ok_or(Error::ExportElsewhere);
        }
    }

    /// Opens the file of an export; none while it is not ready.
    async fn fetched(&self, url: &str) -> Result<Option<Stream>, Error> {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS {
            let request = Request {
                method: "GET",
                url: url.clone(),
                path: FILE,
                authorization: None,
                body: None,
                if_match: None,
            };
            let (sender, policy) = (&self.client.sender, self.client.policy);
            let opened = opening(sender, &request, policy, &self.limiter, Manner::PLAIN).await;
            let answer = match opened? {
                Opened::Stream(stream) => return Ok(Some(stream)),
                Opened::Answer(answer) => answer,
            };
            match answer.status {
                403 | 404 => return Ok(None),
                301..=303 | 307 | 308 => {
                    url = location(&url, &answer).ok_or(Error::Unexpected { path: FILE })?;
                }
                // Its words are of a storage, and may repeat the address.
                status => {
                    return Err(Error::Refused {
                        path: FILE,
                        status,
                        text: String::new(),
                    });
                }
            }
        }
        Err(Error::Unexpected { path: FILE })
    }

    /// Writes a body into a file as it comes, and opens it as an archive. What is none is not read to its end.
    async fn kept(&self, stream: Stream, directory: &Path) -> Result<SegmentArchive, Error> {
        let file = tempfile::tempfile_in(directory).map_err(Error::NotKept)?;
        let mut file = tokio::fs::File::from_std(file);
        let mut first: Vec<u8> = vec![];
        let download = stream.each(self.client.sender.scrubber(), async |piece| {
            if first.len() < archive::BEGINNING {
                let missing = (archive::BEGINNING - first.len()).min(piece.len());
                first.extend_from_slice(&piece[..missing]);
                if !archive::may_begin(&first) {
                    return Err(archive::damaged("it is no zip archive"));
                }
            }
            file.write_all(&piece).await.map_err(Error::NotKept)
        });
        let mut done = Err(Error::Stopped);
        let sender = &self.client.sender;
        if !sender.waits(async { done = download.await }).await {
            return Err(Error::Stopped);
        }
        done?;
        file.flush().await.map_err(Error::NotKept)?;
        let file: File = file.into_std().await;
        let opened = tokio::task::spawn_blocking(move || SegmentArchive::open(file)).await;
        opened.map_err(|_| Error::Stopped)?
    }
}

/// Looking again and again, for so long and no longer.
struct Look<'a> {
    reader: &'a Reader,
    begin: tokio::time::Instant,
    patience: Duration,
    between: Duration,
}

impl<'a> Look<'a> {
    fn begin(reader: &'a Reader, patience: Duration) -> Self {
        Self {
            reader,
            begin: tokio::time::Instant::now(),
            patience,
            between: reader.client.policy.base,
        }
    }

    /// Waits until it is time to look again, a little longer each time, or as long as was asked.
    async fn again(&mut self, asked: Option<Duration>) -> Result<(), Error> {
        if self.begin.elapsed() >= self.patience {
            return Err(Error::ExportNotReady(self.patience));
        }
        let wait = self.between.max(asked.unwrap_or_default());
        let most = BETWEEN.min(self.reader.client.policy.longest);
        self.between = (self.between * 2).min(most);
        self.wait(wait).await
    }

    async fn wait(&self, wait: Duration) -> Result<(), Error> {
        let sender = &self.reader.client.sender;
        if sender.waits(tokio::time::sleep(wait)).await {
            Ok(())
        } else {
            Err(Error::Stopped)
        }
    }
}

/// Where a redirect leads.
fn location(from: &str, answer: &Answer) -> Option<String> {
    let location = answer.headers.get("location")?.to_str().ok()?;
    if !location.starts_with('/') {
        return Some(location.to_owned());
    }
    let (scheme, rest) = from.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{host}{location}"))
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure)
    }
}

#[cfg(test)]
mod tests;
