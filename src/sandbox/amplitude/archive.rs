//! The archive of an export: a zip of gzip files of JSON lines, built on disk (amplitude.md 6). It must not decide what is
//! in it.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{
    hour::Hour,
    ingested::Kept,
    lines::{Source, Stock},
};

/// Lines of a part: not documented, and small enough that an hour has several.
const PART: u64 = 2000;

/// What goes into an archive.
pub(crate) struct Contents {
    /// The project's number, which names its files.
    pub(crate) project: i64,
    /// Export lines.
    pub(crate) exported: Option<Source>,
    /// Events that were taken in.
    pub(crate) ingested: Source,
    /// Each hour with its lines of both.
    pub(crate) hours: Vec<(Hour, [Option<Stock>; 2])>,
}

impl Contents {
    /// Builds the archive in a file without a name; none where it would be empty.
    pub(crate) fn build(&self, dir: &Path) -> io::Result<Option<File>> {
        let project = self.project;
        let mut parts = Parts {
            zip: ZipWriter::new(tempfile::tempfile_in(dir)?),
            project,
            part: None,
            any: false,
        };
        let directory = parts.zip.add_directory(format!("{project}/"), options());
        directory.map_err(io::Error::other)?;
        for (hour, [exported, ingested]) in &self.hours {
            let mut count = 0;
            if let (Some(source), Some(stock)) = (&self.exported, exported) {
                source.each(stock, |line| parts.write(*hour, &mut count, line))?;
            }
            if let Some(stock) = ingested {
                self.ingested
                    .each(stock, |line| match Kept::read(line)?.exported(project) {
                        Some(event) => parts.write(*hour, &mut count, event.to_string().as_bytes()),
                        None => Ok(()),
                    })?;
            }
            parts.end()?;
        }
        if !parts.any {
            return Ok(None);
        }
        let mut file = parts.zip.finish().map_err(io::Error::other)?;
        file.rewind()?;
        Ok(Some(file))
    }
}

/// Members being written.
struct Parts {
    zip: ZipWriter<File>,
    project: i64,
    part: Option<GzEncoder<Vec<u8>>>,
    any: bool,
}

impl Parts {
    fn write(&mut self, hour: Hour, count: &mut u64, line: &[u8]) -> io::Result<()> {
        if count.is_multiple_of(PART) {
            self.end()?;
            let name = format!(
                "{0}/{0}_{1}#{2}.json.gz",
                self.project,
                hour.named(),
                *count / PART
            );
            let started = self.zip.start_file(name, options());
            started.map_err(io::Error::other)?;
            self.part = Some(GzEncoder::new(Vec::new(), Compression::fast()));
            self.any = true;
        }
        *count += 1;
        let Some(part) = &mut self.part else {
            return Ok(());
        };
        part.write_all(line)?;
        part.write_all(b"\n")
    }

    fn end(&mut self) -> io::Result<()> {
        match self.part.take() {
            Some(part) => self.zip.write_all(&part.finish()?),
            None => Ok(()),
        }
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}
