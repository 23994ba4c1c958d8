//! Since when answers count: since the reading began, or since an earlier one began that was cut not long ago. So a kill
//! loses nothing, and whoever looks again after a whole reading sees what is there now.

use crate::{
    engine::{Error, Session, people},
    model::Millis,
    state,
};

const HOUR: Millis = 3_600_000;
/// Where it is noted that a reading is under way: milliseconds as text.
const NOTE: &str = "reading-back";

/// Notes that a reading begins; returns since when answers count. `most` people are asked about.
pub(super) fn begin(session: &Session, most: u64) -> Result<Millis, Error> {
    let path = session.store.cache()?.join(NOTE);
    let now = session.clock.millis();
    let noted = state::read_file(&path)?.and_then(|bytes| String::from_utf8(bytes).ok());
    let noted = noted.and_then(|text| text.parse().ok());
    let whole = people::seconds(most, session.braze.people_a_minute());
    if let Some(since) = noted.filter(|since| counts(*since, now, whole)) {
        return Ok(since);
    }
    state::write_file(&path, now.to_string().as_bytes())?;
    Ok(now)
}

/// Notes that a reading ended.
pub(super) fn end(session: &Session) -> Result<(), Error> {
    Ok(state::remove_file(&session.store.cache()?.join(NOTE))?)
}

/// Returns whether a reading that began then may go on: within the hour, or twice the time that a whole one takes.
fn counts(since: Millis, now: Millis, whole: u64) -> bool {
    let twice = i64::try_from(whole)
        .unwrap_or(i64::MAX)
        .saturating_mul(2_000);
    (0..=twice.max(HOUR)).contains(&now.saturating_sub(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_goes_on_for_an_hour_or_twice_as_long_as_it_takes() {
        assert!(counts(1_000, 1_000, 1) && counts(0, HOUR, 1));
        assert!(!counts(0, HOUR + 1, 1) && !counts(1, 0, 1));
        assert!(counts(0, 8 * HOUR, 4 * 3_600) && !counts(0, 9 * HOUR, 4 * 3_600));
    }
}
