//! The storage that Currents are written to, and one file of it on this machine. It lists nothing and reads no event.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem, path::Path as Key};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt as _;

use super::{File, Location};
use crate::{
    http::{Scrubber, provide},
    model::Secret,
};

/// What the variables of a cloud begin with, in small letters.
const VARIABLES: [&str; 3] = ["aws_", "azure_", "google_"];
/// Parts of the names of variables that hold secrets.
const SECRETS: [&str; 5] = ["key", "secret", "token", "sas", "password"];

/// Why Currents could not be read. Texts are clean, and name the file where it is about one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The storage did not give what was asked.
    #[error("currents: {place}: {text}")]
    Storage {
        /// The directory or bucket.
        place: String,
        /// Its words.
        text: String,
        /// What to do, where that is known.
        hint: Option<&'static str>,
    },
    /// A file is damaged, cut, or not what was listed.
    #[error("currents: {path}: {text}")]
    File {
        /// Where it is.
        path: String,
        /// What is wrong.
        text: String,
    },
}

impl Error {
    /// Returns what to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Storage { hint, .. } => *hint,
            Self::File { .. } => Some(
                "look at the file: Braze writes each once and never changes it; move it away to go on without its events",
            ),
        }
    }
}

/// A directory or bucket with Currents in it.
#[derive(Clone)]
pub struct Store {
    pub(super) storage: Arc<dyn ObjectStore>,
    pub(super) prefix: Key,
    /// What is above the prefix on this machine: a directory given may itself be one of an event type.
    pub(super) above: String,
    directory: Option<Arc<LocalFileSystem>>,
    place: String,
    scrubber: Scrubber,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place)
    }
}

/// A file that can be read here; a copy goes when this does.
#[derive(Debug)]
pub struct Fetched {
    pub(super) path: PathBuf,
    /// As it was listed.
    pub(super) name: String,
    _copy: Option<TempPath>,
}

impl Store {
    /// Opens a place; nothing is asked of it yet. `environment` are the variables of the process, of which those of
    /// clouds are used as their own tools do (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`,
    /// `AZURE_STORAGE_ACCOUNT_NAME`, …). A directory is looked at, which blocks for a moment.
    pub fn open(
        location: &Location,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        match location {
            Location::Directory(directory) => Self::directory(directory),
            Location::Bucket(url) => Self::bucket(url, environment),
        }
    }

    fn directory(directory: &Path) -> Result<Self, Error> {
        let place = directory.display().to_string();
        let wrong = |text: &str| Error::Storage {
            place: place.clone(),
            text: text.to_owned(),
            hint: Some("write the directory that holds Braze's `dataexport.…` directories"),
        };
        if !directory.is_dir() {
            return Err(wrong("there is no such directory"));
        }
        let files = LocalFileSystem::new_with_prefix(directory)
            .map_err(|_| wrong("it cannot be opened"))?;
        let files = Arc::new(files);
        Ok(Self {
            storage: files.clone(),
            prefix: Key::default(),
            above: place.clone(),
            directory: Some(files),
            place,
            scrubber: Scrubber::default(),
        })
    }

    fn bucket(
        url: &url::Url,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        provide();
        let place = url.to_string();
        let (mut options, mut secrets) = (vec![], vec![]);
        for (name, value) in environment {
            let name = name.to_lowercase();
            if !VARIABLES.iter().any(|start| name.starts_with(start)) {
                continue;
            }
            if SECRETS.iter().any(|part| name.contains(part)) {
                secrets.push(Secret::new(value.clone()));
            }
            // A stand-in for a cloud, on this machine.
            if name.starts_with("aws_endpoint") && is_loopback(&value) {
                options.push(("aws_allow_http".to_owned(), "true".to_owned()));
            }
            options.push((name, value));
        }
        let scrubber = Scrubber::new(secrets);
        let opened = object_store::parse_url_opts(url, options);
        let (storage, prefix) = opened.map_err(|error| failed(&place, &scrubber, &error))?;
        Ok(Self {
            storage: Arc::from(storage),
            prefix,
            above: String::new(),
            directory: None,
            place,
            scrubber,
        })
    }

    /// Brings a file here: a directory's is read where it is, a bucket's object is copied into a file of `into` first.
    pub async fn fetch(&self, file: &File, into: &Path) -> Result<Fetched, Error> {
        let wrong = |text: String| Error::File {
            path: file.path.clone(),
            text,
        };
        let key = Key::parse(&file.path).map_err(|_| wrong("it has no usable path".to_owned()))?;
        if let Some(directory) = &self.directory {
            let path = directory.path_to_filesystem(&key);
            return Ok(Fetched {
                path: path.map_err(|error| self.failed(&error))?,
                name: file.path.clone(),
                _copy: None,
            });
        }
        let unwritten = |error: std::io::Error| wrong(format!("no copy of it: {error}"));
        // What a kill leaves of it is swept as every file that never got its name.
        let copy = tempfile::Builder::new()
            .prefix(".writing-currents-")
            .tempfile_in(into);
        let copy = copy.map_err(unwritten)?;
        let mut written = tokio::fs::File::from_std(copy.reopen().map_err(unwritten)?);
        let answer = self.storage.get(&key).await;
        let mut body = answer.map_err(|error| self.failed(&error))?.into_stream();
        let mut size = 0;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| self.failed(&error))?;
            size += piece.len() as u64;
            written.write_all(&piece).await.map_err(unwritten)?;
        }
        written.flush().await.map_err(unwritten)?;
        if size != file.size {
            let text = format!("{size} bytes came of {} that were listed", file.size);
            return Err(wrong(text));
        }
        let copy = copy.into_temp_path();
        Ok(Fetched {
            path: copy.to_path_buf(),
            name: file.path.clone(),
            _copy: Some(copy),
        })
    }

    pub(super) fn failed(&self, error: &object_store::Error) -> Error {
        failed(&self.place, &self.scrubber, error)
    }
}

fn failed(place: &str, scrubber: &Scrubber, error: &object_store::Error) -> Error {
    use object_store::Error as Failed;
    let text = error.to_string();
    // Lists tell a status by their words alone.
    let denied = text.contains(" 403 ") || text.contains(" 401 ");
    let hint = match error {
        Failed::PermissionDenied { .. } | Failed::Unauthenticated { .. } => Some(DENIED),
        Failed::NotFound { .. } => Some(ABSENT),
        _ if denied => Some(DENIED),
        _ if text.contains(" 404 ") => Some(ABSENT),
        _ => None,
    };
    Error::Storage {
        place: place.to_owned(),
        text: scrubber.clean(&without_queries(&text)),
        hint,
    }
}

const DENIED: &str = "the keys of the cloud's environment must be allowed to list and read there (s3:ListBucket, s3:GetObject)";
const ABSENT: &str = "is it the right bucket, and the right region?";

/// Takes what follows `?` out of addresses: a signature may be in it.
fn without_queries(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once('?') {
        Some((start, _)) if start.contains("://") => start,
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

fn is_loopback(endpoint: &str) -> bool {
    let Ok(url) = url::Url::parse(endpoint) else {
        return false;
    };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_not_repeated() {
        assert_eq!(
            without_queries("GET https://a.example/x?sig=planted (why? no)"),
            "GET https://a.example/x (why? no)"
        );
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_open() {
        assert!(is_loopback("http://127.0.0.1:9000") && is_loopback("http://localhost"));
        assert!(is_loopback("http://[::1]:1") && !is_loopback("http://127.example"));
    }
}
