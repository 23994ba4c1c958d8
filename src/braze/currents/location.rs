//! Where Currents files are, as a configuration says it. It opens nothing.

use std::path::{Path, PathBuf};

use url::Url;

/// A directory or a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A directory of this machine.
    Directory(PathBuf),
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
    Bucket(Url),
}

/// Why a text says no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLocation {
    /// Nothing there.
    #[error("no place of files")]
    Empty,
    /// A scheme that no storage has.
    #[error("no storage is reached so")]
    Scheme,
    /// No bucket.
    #[error("no bucket is named")]
    NoBucket,
    /// A user, a password, a port or a question, which may hold a secret.
    #[error("a place of files has a bucket and a prefix, and nothing else")]
    More,
    /// `file:` without a whole path.
    #[error("a `file:` address is the whole path of a directory")]
    NoPath,
}

impl BadLocation {
    /// Returns what to do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::More => "leave keys to the environment of the cloud, such as AWS_ACCESS_KEY_ID",
            Self::NoPath => "write file:///path/of/a/directory, or the directory alone",
            Self::Empty | Self::Scheme | Self::NoBucket => {
                "write a directory, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
            }
        }
    }
}

impl Location {
    /// Reads a place; a directory is relative to `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, BadLocation> {
        if text.trim().is_empty() {
            return Err(BadLocation::Empty);
        }
        if !text.contains("://") {
            return match text.split_once(':') {
                Some(("file", _)) => Err(BadLocation::NoPath),
                _ => Ok(Self::Directory(base.join(text))),
            };
        }
        let url = Url::parse(text).map_err(|_| BadLocation::Scheme)?;
        let more = !url.username().is_empty()
            || url.password().is_some()
            || url.port().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        match url.scheme() {
            "file" => url
                .to_file_path()
                .map(Self::Directory)
                .map_err(|()| BadLocation::NoPath),
            "s3" | "gs" | "az" if more => Err(BadLocation::More),
            "s3" | "gs" | "az" if url.host_str().is_none_or(str::is_empty) => {
                Err(BadLocation::NoBucket)
            }
            "s3" | "gs" | "az" => Ok(Self::Bucket(url)),
            _ => Err(BadLocation::Scheme),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_directories_or_buckets() {
        let parse = |text| Location::parse(text, Path::new("/config"));
        let directory = |path: &str| Ok(Location::Directory(path.into()));
        assert_eq!(parse("currents"), directory("/config/currents"));
        assert_eq!(parse("/data/currents"), directory("/data/currents"));
        assert_eq!(parse("file:///data/a%20b"), directory("/data/a b"));
        for bucket in ["s3://acme/currents", "gs://acme", "az://acme/a/b"] {
            assert!(matches!(parse(bucket), Ok(Location::Bucket(url)) if url.as_str() == bucket));
        }
        for (text, wrong) in [
            (" ", BadLocation::Empty),
            ("https://acme.example/x", BadLocation::Scheme),
            ("s3:///x", BadLocation::NoBucket),
            ("s3://key:secret@acme/x", BadLocation::More),
            ("az://acme/x?sig=secret", BadLocation::More),
            ("file:x", BadLocation::NoPath),
            ("file://host/x", BadLocation::NoPath),
        ] {
            assert_eq!(parse(text), Err(wrong), "{text}");
        }
    }
}
