//! One file that holds several: a plan and its deltas, as a tar that anyone can open. What they mean is not known here.
//!
//! # Guarantees
//! Written whole or not at all, for the owner alone. The last entry sums all before it, as `sha256sum` does: an archive
//! that was cut or changed is an error, never a smaller one.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Error, files};
use crate::model::{Millis, digest::hex};

/// Name of the entry that sums the others.
const SUMS: &str = "SHA256SUMS";
/// Bytes of an entry that is read into memory, at most.
const TEXT: u64 = 64 << 20;

/// What goes into an archive.
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// This file.
    File(&'a Path),
}

/// Writes an archive of these entries, in this order.
pub fn write(path: &Path, entries: &[(&str, Content)], now: Millis) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut archive = tar::Builder::new(files::temporary(parent)?);
    let mut sums = String::new();
    for (name, content) in entries {
        let sum = match content {
            Content::Bytes(bytes) => append(&mut archive, name, *bytes, bytes.len() as u64, now),
            Content::File(from) => {
                let file = File::open(from).map_err(Error::io(from))?;
                let length = file.metadata().map_err(Error::io(from))?.len();
                append(&mut archive, name, file, length, now)
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(sums, "{}  {name}", sum.map_err(Error::io(path))?);
    }
    let length = sums.len() as u64;
    append(&mut archive, SUMS, sums.as_bytes(), length, now).map_err(Error::io(path))?;
    let file = archive.into_inner().map_err(Error::io(path))?;
    files::persist(file, path)
}

fn append(
    archive: &mut tar::Builder<impl io::Write>,
    name: &str,
    content: impl Read,
    length: u64,
    now: Millis,
) -> io::Result<String> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(now / 1000).unwrap_or(0));
    let mut content = Summing {
        inner: content,
        sum: Sha256::new(),
    };
    archive.append_data(&mut header, name, &mut content)?;
    Ok(hex(&content.sum.finalize()))
}

/// An archive that was read through once: it is whole.
#[derive(Debug)]
pub struct Archive {
    file: File,
    path: PathBuf,
    /// Where each entry begins, and its length.
    entries: BTreeMap<String, (u64, u64)>,
}

impl Archive {
    /// Opens an archive and compares each entry with its sum.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let wrong = |_| Error::corrupt(path, "cut, or no archive");
        let mut archive = tar::Archive::new(file);
        let (mut entries, mut found, mut told) = (BTreeMap::new(), BTreeMap::new(), None);
        for entry in archive.entries().map_err(wrong)? {
            let mut entry = entry.map_err(wrong)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let length = entry.header().entry_size().map_err(wrong)?;
            if name == SUMS {
                let mut sums = String::new();
                (&mut entry)
                    .take(TEXT)
                    .read_to_string(&mut sums)
                    .map_err(wrong)?;
                told = Some(sums);
                continue;
            }
            entries.insert(name.clone(), (entry.raw_file_position(), length));
            let mut content = Summing {
                inner: &mut entry,
                sum: Sha256::new(),
            };
            let read = io::copy(&mut content, &mut io::sink()).map_err(wrong)?;
            if read != length {
                return Err(Error::corrupt(path, "cut, or no archive"));
            }
            found.insert(name, hex(&content.sum.finalize()));
        }
        let told = told.ok_or_else(|| Error::corrupt(path, "cut, or no archive"))?;
        let told = told.lines().filter_map(|line| line.split_once("  "));
        let told: BTreeMap<String, String> = told
            .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
            .collect();
        if told != found {
            return Err(Error::corrupt(path, "changed after it was written"));
        }
        Ok(Self {
            file: archive.into_inner(),
            path: path.to_owned(),
            entries,
        })
    }

    /// Reads an entry into memory; none where there is none of that name.
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(content) = self.content(name)? else {
            return Ok(None);
        };
        let mut bytes = vec![];
        content
            .take(TEXT)
            .read_to_end(&mut bytes)
            .map_err(Error::io(&self.path))?;
        Ok(Some(bytes))
    }

    /// Copies an entry into a file without a name, gone when it is closed; none where there is none of that name.
    pub fn file(&self, name: &str) -> Result<Option<File>, Error> {
        let Some(mut content) = self.content(name)? else {
            return Ok(None);
        };
        let mut file = tempfile::tempfile().map_err(Error::io(&self.path))?;
        io::copy(&mut content, &mut file).map_err(Error::io(&self.path))?;
        file.seek(SeekFrom::Start(0))
            .map_err(Error::io(&self.path))?;
        Ok(Some(file))
    }

    fn content(&self, name: &str) -> Result<Option<impl Read>, Error> {
        let Some((from, length)) = self.entries.get(name) else {
            return Ok(None);
        };
        let mut file = &self.file;
        file.seek(SeekFrom::Start(*from))
            .map_err(Error::io(&self.path))?;
        Ok(Some(file.take(*length)))
    }
}

/// Sums what is read.
struct Summing<R> {
    inner: R,
    sum: Sha256,
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.sum.update(&buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_that_was_cut_or_changed_is_never_read() {
        let directory = tempfile::tempdir().unwrap();
        let (path, rows) = (directory.path().join("a"), directory.path().join("rows"));
        std::fs::write(&rows, b"some rows").unwrap();
        let entries = [
            ("plan.json", Content::Bytes(b"{}")),
            ("deltas/a.parquet", Content::File(&rows)),
        ];
        write(&path, &entries, 1_000_000).unwrap();
        let read = || {
            let archive = Archive::open(&path)?;
            let mut rows = String::new();
            let file = archive.file("deltas/a.parquet")?;
            file.unwrap().read_to_string(&mut rows).unwrap();
            Ok::<_, Error>((archive.bytes("plan.json")?.unwrap(), rows))
        };
        let whole = (b"{}".to_vec(), "some rows".to_owned());
        assert_eq!(read().unwrap(), whole);
        let bytes = std::fs::read(&path).unwrap();
        for cut in (0..bytes.len()).step_by(7) {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let read = read();
            // The zeros at the end mean nothing.
            let zeros = bytes[cut..].iter().all(|byte| *byte == 0);
            assert!(read.is_err() || zeros, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(
                read().is_err() || read().unwrap() == whole,
                "changed at {at}"
            );
        }
    }
}
