//! The archive of an export: a zip whose members are files of JSON lines, a person a line, under names that mean nothing
//! (braze.md 12). It is read from a file line by line and never held, so that its size costs no memory.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
};

use zip::ZipArchive;

use super::PATH;
use crate::braze::{Error, wire::ExportedMember};

/// Bytes that tell an archive from anything else.
pub(super) const BEGINNING: usize = 4;
/// With what an archive begins, and one without any member.
const MAGIC: [&[u8; BEGINNING]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// A line that is longer is damage, not a person of whom no more than an id was asked.
const LONGEST_LINE: u64 = 1 << 20;
const BUFFER: usize = 64 << 10;

/// An archive that came whole. It goes with whoever holds it.
pub struct SegmentArchive {
    zip: ZipArchive<File>,
}

impl std::fmt::Debug for SegmentArchive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SegmentArchive({} members)", self.zip.len())
    }
}

impl SegmentArchive {
    /// Opens an archive and reads its list of members: one that was cut has none. It waits for the disk.
    pub fn open(mut file: File) -> Result<Self, Error> {
        let mut first = [0; BEGINNING];
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.read_exact(&mut first));
        if read.is_err() || !MAGIC.contains(&&first) {
            return Err(damaged("it is no zip archive"));
        }
        let zip = ZipArchive::new(file)
            .map_err(|error| damaged(format!("its end is missing or damaged: {error}")))?;
        Ok(Self { zip })
    }

    /// Calls with the external id of each person, none where somebody has none, and stops at the first error of either. It
    /// waits for the disk. No error names a person.
    pub fn each<E: From<Error>>(
        &mut self,
        mut take: impl FnMut(Option<&str>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut line = Vec::new();
        for at in 0..self.zip.len() {
            let broken = |what: &dyn std::fmt::Display| {
                damaged(format!("file {} of it is damaged: {what}", at + 1))
            };
            let member = self.zip.by_index(at).map_err(|error| broken(&error))?;
            if member.is_dir() {
                continue;
            }
            let mut plain = BufReader::with_capacity(BUFFER, member);
            let mut number = 0;
            loop {
                line.clear();
                number += 1;
                let mut limited = (&mut plain).take(LONGEST_LINE + 1);
                let read = limited
                    .read_until(b'\n', &mut line)
                    .map_err(|error| broken(&error))?;
                if read == 0 {
                    break;
                }
                if read as u64 > LONGEST_LINE {
                    let what = format_args!("line {number} is longer than {LONGEST_LINE} bytes");
                    return Err(broken(&what).into());
                }
                let text = line.trim_ascii();
                if text.is_empty() {
                    continue;
                }
                let person: ExportedMember = serde_json::from_slice(text)
                    .map_err(|_| broken(&format_args!("line {number} is no person")))?;
                let id = person.external_id.as_deref();
                take(id.filter(|id| !id.is_empty()))?;
            }
        }
        Ok(())
    }
}

/// Whether an archive may begin so.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    MAGIC.iter().any(|magic| magic.starts_with(bytes))
}

pub(super) fn damaged(what: impl Into<String>) -> Error {
    Error::Damaged {
        path: PATH,
        what: what.into(),
    }
}
