//! Events of a log: rows that lie one after another, each sent once. Debug shows no person and no property.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Key, Millis, Text};

/// Milliseconds of an hour.
const HOUR: Millis = 3_600_000;

/// What names an event for ever, wherever it is met again: the start of a digest, so that it tells nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; 16]);

impl EventId {
    /// Makes the id of what names an event, part by part.
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&digest.finalize()[..16]);
        Self(id)
    }

    /// Returns the id of these bytes; none where there are not sixteen.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads the id back from the letters that `Display` writes.
    pub fn parse(letters: &str) -> Option<Self> {
        let number = u128::from_str_radix(letters, 16).ok()?;
        (letters.len() == 32).then_some(Self(number.to_be_bytes()))
    }

    /// Returns its bytes.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventId(…)")
    }
}

/// An hour in UTC, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// Returns the hour that a moment is in.
    pub fn of(at: Millis) -> Self {
        Self(at.div_euclid(HOUR))
    }

    /// Returns its first moment.
    pub fn start(self) -> Millis {
        self.0 * HOUR
    }

    /// Reads `20261122T05`, as the Export API is asked for hours.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != "20261122T05".len() {
            return None;
        }
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H:%M", format!("{text}:00")).ok()?;
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self::of(at.timestamp().as_millisecond()))
    }

    /// Returns the hour after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.start()) {
            Ok(at) => write!(f, "{}", at.strftime("%Y%m%dT%H")),
            Err(_) => f.write_str("?"),
        }
    }
}

/// One event, worded for where it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct LogRow {
    /// What names it.
    pub id: EventId,
    /// Whose it is.
    pub key: Key,
    /// When it happened.
    pub at: Millis,
    /// Whether it is a purchase of Braze.
    pub purchase: bool,
    /// Data points that Braze bills for it; 0 of what goes to Amplitude.
    pub data_points: u32,
    /// The object of the request, as JSON.
    pub body: Text,
}

impl fmt::Debug for LogRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogRow")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// An event of a log sync: what is sent, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// What is sent.
    pub row: LogRow,
    /// Where it was read: an hour as it is written, or the path of a file.
    pub unit: Text,
    /// The hour of that.
    pub hour: Hour,
    /// Of one whose answer never came: its batch.
    pub parked: Option<Parked>,
}

/// A batch whose answer never came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// What names the batch: its run, the pass of its sync in that, and its first event.
    pub batch: Text,
    /// When it left, or may have.
    pub at: Millis,
    /// Whether somebody decided that it is sent, once more and once.
    pub released: bool,
}

/// What becomes of one event of a log that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is sent.
    Row(LogRow),
    /// It is sent without some of its properties, one reason for each, in a few words (`text_too_long`).
    Trimmed(LogRow, Vec<&'static str>),
    /// Nobody asked for it.
    Filtered,
    /// It was asked for and cannot be sent, for a reason in a few words (`no_identifier`).
    Skipped(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_they_are_written() {
        let hour = Hour::parse("20261122T05").unwrap();
        assert_eq!(hour.to_string(), "20261122T05");
        assert_eq!(
            (hour.next().start() - hour.start(), hour.start()),
            (3_600_000, 1_795_323_600_000)
        );
        assert_eq!(Hour::of(hour.next().start() - 1), hour);
        assert!(
            [
                "",
                "2026-11-22T05",
                "20261122T5",
                "20261122T24",
                "20261122T05Z"
            ]
            .iter()
            .all(|text| Hour::parse(text).is_none())
        );
    }

    #[test]
    fn ids_tell_parts_apart() {
        assert_ne!(EventId::of(&["ab", "c"]), EventId::of(&["a", "bc"]));
        let id = EventId::of(&["device", "insert"]);
        assert_eq!(EventId::from_bytes(id.bytes()), Some(id));
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
        let low = EventId([0; 16]);
        assert_eq!(EventId::parse(&low.to_string()), Some(low));
        assert_eq!(EventId::parse("1"), None);
    }
}
