//! How far a log was read and acknowledged. Data only: what is due, and when something is closed, is decided in `diff`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Hour, Millis};

/// How far a log was read and acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Cursor {
    /// Hours of the Export API.
    Hours(HourCursor),
    /// Files of Currents.
    Files(FileCursor),
}

/// Hours closed and open. An hour that is neither was not read, or not all of it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourCursor {
    /// The first hour that is read at all; none where nothing was.
    pub from: Option<Hour>,
    /// Hours never read again: first and last of each range, in order, apart from each other.
    pub closed: Vec<(Hour, Hour)>,
    /// Hours that were read and all of whose events were sent, and that are read once more.
    pub open: BTreeMap<Hour, HourRead>,
    /// The latest hour in which there was any event.
    pub data: Option<Hour>,
    /// When that was first read.
    #[serde(default)]
    pub data_at: Millis,
}

/// The last reading of an open hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourRead {
    /// When its archive was asked for.
    pub at: Millis,
    /// Whether a later hour was known to have data.
    pub later: bool,
    /// From when to when it was sent, of an hour in which the sync begins or ends: it stays open, for the bounds may move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<(Millis, Millis)>,
}

/// Files read of late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCursor {
    /// Files of hours before this one are not looked at any more.
    pub before: Option<Hour>,
    /// Files that were read and all of whose events were sent, by path.
    pub read: BTreeMap<String, FileRead>,
}

/// A file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// The hour its path names.
    pub hour: Hour,
    /// Bytes it had.
    pub size: u64,
}

impl Cursor {
    /// Returns the cursor over hours, or one that has read nothing.
    pub fn hours(known: Option<&Self>) -> HourCursor {
        match known {
            Some(Self::Hours(cursor)) => cursor.clone(),
            _ => HourCursor::default(),
        }
    }

    /// Returns the cursor over files, or one that has read nothing.
    pub fn files(known: Option<&Self>) -> FileCursor {
        match known {
            Some(Self::Files(cursor)) => cursor.clone(),
            _ => FileCursor::default(),
        }
    }
}

impl Serialize for Hour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an hour"))
    }
}
