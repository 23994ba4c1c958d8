//! A state on a local disk: one directory with a manifest, blobs by digest, journals, a cache.
//!
//! # Guarantees
//! A blob is written before a manifest names it, and a manifest is swapped by rename: killed anywhere, the old one or
//! the new one stands, whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{
    Error, answers, files, gathered,
    manifest::{FORMAT, Manifest},
};
use crate::model::{Millis, Report, digest::hex};

const HOUR: Millis = 3_600_000;

/// A state directory.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Names a state directory; nothing is made until something is written.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Sees whether something can be written where the state is, or will be made. Nothing stays.
    pub fn try_writing(&self) -> Result<(), Error> {
        let mut directory = self.root.as_path();
        while !directory.exists() {
            directory = match directory.parent() {
                Some(parent) if parent != Path::new("") => parent,
                _ => Path::new("."),
            };
        }
        files::temporary(directory).map(drop)
    }

    /// Reads the manifest; none where nothing was ever applied.
    pub fn manifest(&self) -> Result<Option<Manifest>, Error> {
        let path = self.root.join("manifest.json");
        let Some(bytes) = files::read(&path)? else {
            return Ok(None);
        };
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
            let found = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
            match found.as_ref().and_then(|found| found["format"].as_str()) {
                Some(format) if format != FORMAT => Error::corrupt(
                    &path,
                    format!("its format is {format}, this release reads {FORMAT}"),
                ),
                _ => Error::corrupt(
                    &path,
                    format!(
                        "damaged near line {} column {}",
                        error.line(),
                        error.column()
                    ),
                ),
            }
        })?;
        if manifest.format == FORMAT {
            Ok(Some(manifest))
        } else {
            Err(Error::corrupt(
                &path,
                format!(
                    "its format is {}, this release reads {FORMAT}",
                    manifest.format
                ),
            ))
        }
    }

    /// Swaps the manifest for its next version. Blobs that it no longer names begin to age.
    pub fn commit(&self, manifest: &mut Manifest, now: Millis) -> Result<(), Error> {
        let path = self.root.join("manifest.json");
        let known = self.manifest()?;
        let known_serial = known.as_ref().map_or(0, |known| known.serial);
        if known_serial != manifest.serial
            || known
                .as_ref()
                .is_some_and(|known| known.lineage != manifest.lineage)
        {
            return Err(Error::corrupt(
                &path,
                "it was changed by somebody else meanwhile",
            ));
        }
        manifest.serial += 1;
        files::directory(&self.root)?;
        let mut json = serde_json::to_vec_pretty(manifest)
            .map_err(|error| Error::corrupt(&path, error.to_string()))?;
        json.push(b'\n');
        files::write(&path, &json)?;
        for blob in known.iter().flat_map(Manifest::blobs) {
            if !manifest.blobs().any(|named| named == blob) {
                files::touch(&self.blob_path(blob), now)?;
            }
        }
        Ok(())
    }

    /// Opens a draft in the cache: it becomes a blob when it is kept, and nothing when it is dropped.
    pub fn draft(&self) -> Result<DraftWriter, Error> {
        let file = files::temporary(&self.cache()?)?;
        Ok(DraftWriter {
            file: BufWriter::with_capacity(1 << 16, file),
            digest: Sha256::new(),
        })
    }

    /// Makes a draft a blob and returns its name.
    pub fn keep(&self, draft: Draft) -> Result<String, Error> {
        let directory = self.root.join("blobs");
        files::directory(&directory)?;
        let path = self.blob_path(&draft.digest);
        files::persist(draft.file, &path)?;
        Ok(draft.digest)
    }

    /// Makes a draft that is still read a blob: under a second name.
    pub fn keep_shared(&self, draft: &Draft) -> Result<(), Error> {
        files::directory(&self.root.join("blobs"))?;
        let path = self.blob_path(&draft.digest);
        draft.file.as_file().sync_data().map_err(Error::io(&path))?;
        match fs::hard_link(draft.file.path(), &path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(Error::io(&path)(error))
            }
            _ => files::sync_directory(&path),
        }
    }

    /// Returns the path of a blob after checking that it is what its name says.
    pub fn blob(&self, digest: &str) -> Result<PathBuf, Error> {
        let path = self.blob_path(digest);
        let file = File::open(&path).map_err(Error::io(&path))?;
        let mut hasher = Sha256::new();
        std::io::copy(
            &mut BufReader::with_capacity(1 << 16, file),
            &mut Hashing(&mut hasher),
        )
        .map_err(Error::io(&path))?;
        if hex(&hasher.finalize()) == digest {
            Ok(path)
        } else {
            Err(Error::corrupt(
                &path,
                "its content is not what its name says; restore it from a backup",
            ))
        }
    }

    /// Returns where the journal of a run is kept.
    pub fn journal(&self, run: &str) -> Result<PathBuf, Error> {
        let directory = self.root.join("journal");
        files::directory(&directory)?;
        Ok(directory.join(format!("{run}.journal")))
    }

    /// Removes the journals of other runs than the one given: strays of runs that were committed.
    pub fn sweep_journals(&self, pending: Option<&str>) -> Result<(), Error> {
        for path in files::list(&self.root.join("journal"))? {
            if path.file_stem().and_then(|stem| stem.to_str()) != pending {
                files::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes what nobody needs any more: blobs that have not been named for an hour (a plan that began before may
    /// still read younger ones), cohorts read before the last reading of their mapping, events read three days ago, what a kill left half
    /// written.
    pub fn sweep(&self, manifest: &Manifest, now: Millis) -> Result<(), Error> {
        let named: BTreeSet<&str> = manifest.blobs().collect();
        let stem = |path: &Path| {
            path.file_stem()
                .and_then(|stem| stem.to_str())
                .map(str::to_owned)
        };
        for path in files::list(&self.root.join("blobs"))? {
            if !stem(&path).is_some_and(|stem| named.contains(stem.as_str()))
                && files::age(&path, now)?.is_some_and(|age| age > HOUR)
            {
                files::remove(&path)?;
            }
        }
        for path in files::list(&self.root.join("runs"))? {
            let kept =
                stem(&path).is_some_and(|stem| manifest.runs.iter().any(|run| run.id == stem));
            if !kept && files::age(&path, now)?.is_some_and(|age| age > HOUR) {
                files::remove(&path)?;
            }
        }
        let half_written = |path: &PathBuf| files::is_half_written(path);
        let (cache, relations) = (
            self.root.join("cache"),
            self.root.join("cache").join("relations"),
        );
        for path in [files::list(&cache)?, files::list(&relations)?]
            .concat()
            .into_iter()
            .filter(half_written)
        {
            if files::age(&path, now)?.is_some_and(|age| age > HOUR) {
                files::remove(&path)?;
            }
        }
        // The newest reading of each cohort and mapping stays; its name begins with the one and ends with the other.
        let mut newest: BTreeMap<(String, String), Millis> = BTreeMap::new();
        let readings: Vec<PathBuf> = files::list(&relations)?
            .into_iter()
            .filter(|path| !half_written(path))
            .collect();
        let of = |path: &Path| {
            let stem = stem(path).unwrap_or_default();
            let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
            (part(stem.split('-').next()), part(stem.rsplit('-').next()))
        };
        for path in &readings {
            let Some(age) = files::age(path, now)? else {
                continue;
            };
            newest
                .entry(of(path))
                .and_modify(|known| *known = age.min(*known))
                .or_insert(age);
        }
        for path in &readings {
            let Some(age) = files::age(path, now)? else {
                continue;
            };
            if age > HOUR && newest.get(&of(path)).is_some_and(|newest| *newest < age) {
                files::remove(path)?;
            }
        }
        gathered::sweep(&cache, now)?;
        let entries = manifest.resources.values();
        let pins = entries.flat_map(|entry| entry.cohort.iter().chain(&entry.excluded));
        answers::sweep(&cache, &pins.map(|pin| pin.id.clone()).collect(), now)
    }

    /// Keeps the report of a run.
    pub fn keep_report(&self, report: &Report) -> Result<(), Error> {
        let path = self.report_path(&report.run)?;
        let json =
            serde_json::to_vec(report).map_err(|error| Error::corrupt(&path, error.to_string()))?;
        files::write(&path, &json)
    }

    /// Returns the report of a run, if it is kept.
    pub fn report(&self, run: &str) -> Result<Option<Report>, Error> {
        let path = self.report_path(run)?;
        let bytes = files::read(&path)?;
        let read = |bytes: Vec<u8>| {
            serde_json::from_slice(&bytes).map_err(|_| Error::corrupt(&path, "a damaged report"))
        };
        bytes.map(read).transpose()
    }

    fn report_path(&self, run: &str) -> Result<PathBuf, Error> {
        let directory = self.root.join("runs");
        files::directory(&directory)?;
        Ok(directory.join(format!("{run}.json")))
    }

    /// Returns the cache directory, made if need be.
    pub fn cache(&self) -> Result<PathBuf, Error> {
        let directory = self.root.join("cache");
        files::directory(&directory)?;
        Ok(directory)
    }

    fn blob_path(&self, digest: &str) -> PathBuf {
        self.root.join("blobs").join(format!("{digest}.parquet"))
    }
}

/// Writes a draft and takes its digest.
pub struct DraftWriter {
    file: BufWriter<NamedTempFile>,
    digest: Sha256,
}

/// A file that may become a blob.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    digest: String,
}

impl DraftWriter {
    /// Ends the writing.
    pub fn finish(self) -> Result<Draft, Error> {
        let path = self.file.get_ref().path().to_owned();
        let file = self
            .file
            .into_inner()
            .map_err(|error| Error::io(&path)(error.into_error()))?;
        Ok(Draft {
            file,
            digest: hex(&self.digest.finalize()),
        })
    }
}

impl Draft {
    /// Returns where it is until it is kept.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the name it will have as a blob.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl Write for DraftWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::manifest::Target;

    #[test]
    fn the_newest_reading_of_each_cohort_and_mapping_stays() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path().to_owned());
        let relations = store.cache().unwrap().join("relations");
        files::directory(&relations).unwrap();
        let now = 1_000 * HOUR;
        let readings = [
            ("one-100-external_id.rows", 5, false),
            ("one-200-external_id.rows", 4, true),
            ("one-100-0a1b.rows", 5, true),
            ("one_2d_-100-external_id.rows", 5, true),
            ("two--100-external_id.rows", 3, false),
            ("two-none-external_id.rows", 2, true),
            ("three-100-external_id.rows", 1, true),
            ("three-200-external_id.rows", 0, true),
        ];
        for (name, hours, _) in readings {
            let path = relations.join(name);
            files::write(&path, b"rows").unwrap();
            files::touch(&path, now - hours * HOUR).unwrap();
        }
        let target = Target {
            braze: String::new(),
            braze_key: String::new(),
            partner: None,
            import_key: None,
            oldest_segment: None,
            amplitude: String::new(),
            project: None,
        };
        let manifest = Manifest::new(String::new(), String::new(), None, target);
        store.sweep(&manifest, now).unwrap();
        for (name, _, stays) in readings {
            assert_eq!(relations.join(name).exists(), stays, "{name}");
        }
    }
}
