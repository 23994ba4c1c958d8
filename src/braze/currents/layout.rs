//! How Currents are laid out in storage (Braze's page of event delivery semantics):
//! `PREFIX/dataexport.….integration.ID/event_type=TYPE/date=YYYY-MM-DD-HH/version=6/us-01/dataexport.…+0+123.avro`.
//! Only `event_type=` and `date=` mean anything here: what lies between has changed before.

use crate::model::Hour;

/// One file of events of one type and hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The type of every event in it.
    pub event_type: String,
    /// The hour in which Braze queued them, in UTC.
    pub hour: Hour,
    /// Where it is, in the bucket or below the directory.
    pub path: String,
    /// Bytes of it.
    pub size: u64,
}

/// Returns the event type of a part of a path.
pub(super) fn event_type(part: &str) -> Option<&str> {
    part.strip_prefix("event_type=")
        .filter(|event_type| !event_type.is_empty())
}

/// Returns whether a part of a path says an hour.
pub(super) fn is_date(part: &str) -> bool {
    part.starts_with("date=")
}

/// Returns the hour that a part of a path says: `date=2026-11-22-05`.
pub(super) fn hour(part: &str) -> Option<Hour> {
    let date = part.strip_prefix("date=")?;
    let mut parts = date.split('-');
    let (year, month, day, hour) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Hour::parse(&format!("{year}{month}{day}T{hour}")).filter(|_| date.len() == 13)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_type_and_hour() {
        assert_eq!(
            hour("date=2026-11-22-05"),
            Hour::parse("20261122T05"),
            "an hour"
        );
        for part in [
            "date=",
            "date=2026-11-22",
            "date=2026-11-22-24",
            "date=2026-11-22-05-00",
            "date=20261122-0-5-0",
            "2026-11-22-05",
        ] {
            assert_eq!(hour(part), None, "{part}");
        }
        assert_eq!(event_type("event_type=users.a.B"), Some("users.a.B"));
        assert_eq!(event_type("event_type="), None);
    }
}
