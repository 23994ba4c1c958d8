//! A prepared download: a cohort's file cut and compressed, on disk. It must not know who asked for it.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::Path,
    sync::{Arc, Mutex, OnceLock, Weak},
};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempPath;

use super::csv::{Columns, Dress, cut};
use crate::sandbox::call::hold;

/// A download being prepared, or ready. Its file goes with it.
#[derive(Debug, Default)]
pub(crate) struct Spool(OnceLock<Result<Ready, String>>);

/// A prepared file.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Where.
    pub(crate) path: TempPath,
    /// Compressed bytes.
    pub(crate) length: u64,
}

impl Spool {
    /// Returns the file, once it is ready.
    pub(crate) fn ready(&self) -> Option<&Result<Ready, String>> {
        self.0.get()
    }

    /// Prepares the file, unless somebody else has or does.
    pub(crate) fn fill(&self, source: Option<&Path>, columns: &Columns, dress: Dress, dir: &Path) {
        self.0.get_or_init(|| {
            prepare(source, columns, dress, dir).map_err(|error| error.to_string())
        });
    }
}

fn prepare(
    source: Option<&Path>,
    columns: &Columns,
    dress: Dress,
    dir: &Path,
) -> io::Result<Ready> {
    let (file, path) = tempfile::NamedTempFile::new_in(dir)?.into_parts();
    let mut out = GzEncoder::new(BufWriter::with_capacity(1 << 17, file), Compression::fast());
    match source.map(File::open) {
        Some(Ok(input)) => {
            let mut quoted = BufWriter::with_capacity(1 << 17, &mut out);
            cut(
                BufReader::with_capacity(1 << 17, input),
                columns,
                dress,
                &mut quoted,
            )?;
            quoted.flush()?;
        }
        // A cohort nobody gave members: a header and no row.
        None => cut(io::empty(), columns, dress, &mut out)?,
        Some(Err(error)) => return Err(error),
    }
    let mut file = out.finish()?;
    file.flush()?;
    let length = file.get_ref().metadata()?.len();
    Ok(Ready { path, length })
}

/// The downloads of one file that somebody still holds, by their columns.
#[derive(Debug, Default)]
pub(crate) struct Spools(Mutex<Vec<(Columns, Weak<Spool>)>>);

impl Spools {
    /// Returns the download with these columns, shared with whoever asked for it before.
    pub(crate) fn share(&self, columns: &Columns) -> Arc<Spool> {
        let mut known = hold(&self.0);
        known.retain(|(_, spool)| spool.strong_count() > 0);
        let found = known.iter().find(|(key, _)| key == columns);
        if let Some(spool) = found.and_then(|(_, spool)| spool.upgrade()) {
            return spool;
        }
        let spool = Arc::<Spool>::default();
        known.push((columns.clone(), Arc::downgrade(&spool)));
        spool
    }
}
