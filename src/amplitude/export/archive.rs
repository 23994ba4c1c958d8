//! An archive of the Export API: a zip whose members are gzip files of JSON lines. It is read from a file line by line
//! and never held, so that its size costs no memory; what a line means is for others.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
};

use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;

use super::PATH;
use crate::{amplitude::Error, model::Hour};

/// With what an archive begins; there is no valid empty one (amplitude.md 6).
pub(super) const MAGIC: &[u8; 4] = b"PK\x03\x04";
/// A line that is longer is damage, not an event: Amplitude takes no request above 20 MB.
const LONGEST_LINE: u64 = 64 << 20;
/// A buffer that grew beyond this for one line is given back.
const KEPT: usize = 1 << 20;
const BUFFER: usize = 64 << 10;

/// An archive that came whole. It goes with whoever holds it.
pub struct Archive {
    zip: ZipArchive<File>,
    members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    hour: Hour,
    part: u32,
    at: usize,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Archive({} members)", self.members.len())
    }
}

impl Archive {
    /// Opens an archive and reads its list of members: one that was cut has none. It waits for the disk.
    pub fn open(mut file: File) -> Result<Self, Error> {
        let mut first = [0; MAGIC.len()];
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.read_exact(&mut first));
        if read.is_err() || &first != MAGIC {
            return Err(damaged("it is no zip archive"));
        }
        let zip = ZipArchive::new(file)
            .map_err(|error| damaged(format!("its end is missing or damaged: {error}")))?;
        let mut members = Vec::with_capacity(zip.len());
        for (at, name) in zip.file_names().enumerate() {
            let name = name.unwrap_or_default();
            if name.ends_with('/') {
                continue;
            }
            let (hour, part) = parse(&name)
                .ok_or_else(|| damaged(format!("the name of member {} tells no hour", at + 1)))?;
            members.push(Member { hour, part, at });
        }
        members.sort();
        Ok(Self { zip, members })
    }

    /// Returns the hours it has data of, in order.
    pub fn hours(&self) -> Vec<Hour> {
        let mut hours: Vec<Hour> = self.members.iter().map(|member| member.hour).collect();
        hours.dedup();
        hours
    }

    /// Calls with each line, hour by hour and part by part, and stops at the first error of either. It waits for the
    /// disk. Lines are without their ends, and empty ones are left out.
    pub fn each<E: From<Error>>(
        &mut self,
        take: impl FnMut(Hour, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_within(LONGEST_LINE, take)
    }

    fn each_within<E: From<Error>>(
        &mut self,
        longest: u64,
        mut take: impl FnMut(Hour, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut line = Vec::new();
        for Member { hour, part, at } in &self.members {
            let broken = |what: &dyn std::fmt::Display| {
                damaged(format!("part {part} of the hour {hour} is damaged: {what}"))
            };
            let member = self.zip.by_index(*at).map_err(|error| broken(&error))?;
            if member.size() == 0 {
                return Err(broken(&"it is empty").into());
            }
            let plain = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, member));
            let mut plain = BufReader::with_capacity(BUFFER, plain);
            loop {
                line.clear();
                line.shrink_to(KEPT);
                let mut limited = (&mut plain).take(longest + 1);
                let read = limited
                    .read_until(b'\n', &mut line)
                    .map_err(|error| broken(&error))?;
                if read == 0 {
                    break;
                }
                if read as u64 > longest {
                    return Err(
                        broken(&format_args!("a line is longer than {longest} bytes")).into(),
                    );
                }
                let text = line.trim_ascii_end();
                if !text.is_empty() {
                    take(*hour, text)?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn damaged(what: impl Into<String>) -> Error {
    Error::Damaged {
        path: PATH,
        what: what.into(),
    }
}

/// Reads the hour and the part of `374182/374182_2024-03-02_0#0.json.gz`: the hour has no leading zero.
fn parse(name: &str) -> Option<(Hour, u32)> {
    let name = name.rsplit('/').next()?.strip_suffix(".json.gz")?;
    let (name, part) = name.rsplit_once('#')?;
    let (name, hour) = name.rsplit_once('_')?;
    let (_, date) = name.rsplit_once('_')?;
    let numbers = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let dated = date.len() == 10 && date.split('-').all(numbers);
    if !dated || !numbers(hour) || hour.len() > 2 || !numbers(part) {
        return None;
    }
    let hour = Hour::parse(&format!("{}T{hour:0>2}", date.replace('-', "")))?;
    Some((hour, part.parse().ok()?))
}

#[cfg(test)]
mod tests;
