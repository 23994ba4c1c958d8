//! What of a log is due to be read, and how far its cursor goes once all of that was sent. Pure.
//!
//! An hour of the Export API is open until it was read a day after it was first there, at a time when a later hour was
//! known to have data: nothing in an answer says whether an hour is complete (amplitude.md 6).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{FileCursor, FileRead, Hour, HourCursor, HourRead, Millis};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
/// From the start of an hour until it can be read: two hours after its end (Export API page), and a margin.
pub const DELAY: Millis = 3 * HOUR + 10 * MINUTE;
/// From then on until it is read for the last time.
const AGAIN: Millis = 24 * HOUR;
/// Readings so close to each other are of one plan.
const TOGETHER: Millis = HOUR;
/// Hours for which what was sent is remembered, back from the oldest hour that may be read again: Amplitude itself takes
/// an event once in seven days.
const REMEMBERED: i64 = 7 * 24;
/// The same of Currents: Braze may deliver again after longer (design 4.4).
const FILES_REMEMBERED: i64 = 14 * 24;

/// What was learnt of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When its archive was asked for.
    pub at: Millis,
    /// Whether there was any event in it.
    pub data: bool,
}

/// From when to when events are sent, by when Amplitude took them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first moment.
    pub start: Millis,
    /// The moment after the last.
    pub stop: Option<Millis>,
}

impl Bounds {
    fn first(self) -> Hour {
        Hour::of(self.start)
    }

    fn last(self) -> Option<Hour> {
        self.stop.map(|stop| Hour::of(stop - 1))
    }

    /// What is sent of an hour, if that is not all of it.
    fn within(self, hour: Hour) -> Option<(Millis, Millis)> {
        let (from, to) = (hour.start(), hour.next().start());
        let within = (
            self.start.max(from),
            self.stop.map_or(to, |stop| stop.min(to)),
        );
        (within != (from, to)).then_some(within)
    }
}

/// Ranges of hours, first and last of each.
pub type Ranges = Vec<(Hour, Hour)>;

/// Returns the hours of a span that are due to be read now.
pub fn due(cursor: &HourCursor, bounds: Bounds, now: Millis) -> Vec<Hour> {
    let readable = Hour::of(now - DELAY);
    let last = bounds.last().map_or(readable, |last| last.min(readable));
    let hours = (bounds.first().0..=last.0).map(Hour);
    hours
        .filter(|hour| match cursor.open.get(hour) {
            _ if is_closed(cursor, *hour) => false,
            None => true,
            // Other events of it are sent now.
            Some(read) if read.within != bounds.within(*hour) => true,
            Some(read) => {
                let later = cursor.data > Some(*hour);
                let is_final = read.at >= settled(*hour);
                now >= settled(*hour) && (!is_final || (later && !read.later))
            }
        })
        .collect()
}

/// Returns whether a reading that was kept serves for an hour that is due now.
pub fn serves(hour: Hour, read_at: Millis, now: Millis, known: Option<&HourRead>) -> bool {
    let newer = known.is_none_or(|known| read_at > known.at);
    read_at >= hour.start() + DELAY && newer && (now < settled(hour) || read_at >= settled(hour))
}

/// Returns the cursor after all events of what was read were sent.
pub fn advanced(
    cursor: &HourCursor,
    bounds: Bounds,
    readings: &BTreeMap<Hour, Reading>,
) -> HourCursor {
    let mut next = cursor.clone();
    next.from = Some(bounds.first());
    let mut with_data = readings.iter().filter(|(_, reading)| reading.data);
    if let Some((hour, reading)) = with_data
        .next_back()
        .filter(|(hour, _)| next.data < Some(**hour))
    {
        (next.data, next.data_at) = (Some(*hour), reading.at);
    }
    for (hour, reading) in readings {
        let at = reading.at;
        // A reading from before that tells nothing: what held the later hour up may have held this one up.
        let later = next.data > Some(*hour) && at + TOGETHER >= next.data_at;
        let within = bounds.within(*hour);
        next.open.insert(*hour, HourRead { at, later, within });
    }
    let done = next
        .open
        .iter()
        .filter(|(hour, read)| read.later && read.at >= settled(**hour) && read.within.is_none());
    let done: Vec<Hour> = done.map(|(hour, _)| *hour).collect();
    for hour in done {
        next.open.remove(&hour);
        close(&mut next.closed, hour);
    }
    next
}

/// Returns the cursor where some events of some hours were not sent: those hours are as they were before.
pub fn held(next: HourCursor, before: &HourCursor, hours: &BTreeSet<Hour>) -> HourCursor {
    let mut next = next;
    for hour in hours {
        next.open.remove(hour);
        if let Some(read) = before.open.get(hour) {
            next.open.insert(*hour, *read);
        }
        if !is_closed(before, *hour) {
            reopen(&mut next.closed, *hour);
        }
    }
    next
}

/// Returns the first hour whose events are to be remembered as sent.
pub fn remembered(cursor: &HourCursor) -> Hour {
    let mut oldest = cursor.from.unwrap_or(Hour(0));
    while is_closed(cursor, oldest) {
        let range = cursor
            .closed
            .iter()
            .find(|(from, to)| (*from..=*to).contains(&oldest));
        oldest = range.map_or(oldest, |(_, to)| *to).next();
    }
    Hour(oldest.0 - REMEMBERED)
}

/// When an hour is read for the last time.
fn settled(hour: Hour) -> Millis {
    hour.start() + DELAY + AGAIN
}

/// Returns whether an hour is never read again.
pub fn is_closed(cursor: &HourCursor, hour: Hour) -> bool {
    let at = cursor.closed.partition_point(|(_, to)| *to < hour);
    cursor.closed.get(at).is_some_and(|(from, _)| *from <= hour)
}

fn close(closed: &mut Ranges, hour: Hour) {
    let at = closed.partition_point(|(_, to)| *to < hour);
    if closed.get(at).is_some_and(|(from, _)| *from <= hour) {
        return;
    }
    closed.insert(at, (hour, hour));
    closed.dedup_by(|next, before| {
        let meets = next.0.0 <= before.1.0 + 1;
        if meets {
            before.1 = before.1.max(next.1);
        }
        meets
    });
}

fn reopen(closed: &mut Ranges, hour: Hour) {
    let ranges = std::mem::take(closed);
    for (from, to) in ranges {
        if !(from..=to).contains(&hour) {
            closed.push((from, to));
            continue;
        }
        let halves = [(from, Hour(hour.0 - 1)), (hour.next(), to)];
        closed.extend(halves.into_iter().filter(|(from, to)| from <= to));
    }
}

/// Returns ranges of hours in order.
pub fn ranges(hours: impl IntoIterator<Item = Hour>) -> Ranges {
    let mut ranges = vec![];
    hours.into_iter().for_each(|hour| close(&mut ranges, hour));
    ranges
}

/// Returns whether a file is due: new, or another than the one that was read.
pub fn is_file_due(cursor: &FileCursor, path: &str, hour: Hour, size: u64) -> bool {
    cursor.before.is_none_or(|before| hour >= before)
        && cursor.read.get(path).is_none_or(|read| read.size != size)
}

/// Returns the cursor after all events of these files were sent. An hour that is still to come makes none too old.
pub fn files_advanced(
    cursor: &FileCursor,
    files: &BTreeMap<String, FileRead>,
    now: Millis,
) -> FileCursor {
    let mut next = cursor.clone();
    next.read
        .extend(files.iter().map(|(path, read)| (path.clone(), *read)));
    let newest = next.read.values().map(|read| read.hour).max();
    let before = newest.map(|newest| Hour(newest.min(Hour::of(now)).0 - FILES_REMEMBERED));
    next.before = next.before.max(before);
    next.read
        .retain(|_, read| next.before.is_none_or(|before| read.hour >= before));
    next
}

/// Returns the hour before which files are not read though the start is earlier than it was; none where all are.
pub fn files_missed(cursor: &FileCursor, was: Option<Hour>, start: Option<Hour>) -> Option<Hour> {
    let missed = cursor.before?.min(was?);
    (start < Some(missed)).then_some(missed)
}

/// Returns the cursor where some events of some files were not sent: those files are as they were before.
pub fn files_held(
    next: FileCursor,
    before: &FileCursor,
    files: &BTreeMap<String, Hour>,
) -> FileCursor {
    let mut next = next;
    for path in files.keys() {
        next.read.remove(path);
        if let Some(read) = before.read.get(path) {
            next.read.insert(path.clone(), *read);
        }
    }
    let oldest = files.values().min().copied();
    next.before = match (next.before, oldest) {
        (Some(ahead), Some(oldest)) if oldest < ahead => before.before,
        (ahead, _) => ahead,
    };
    next
}

/// Returns the first hour whose events are to be remembered as sent.
pub fn files_remembered(cursor: &FileCursor) -> Hour {
    cursor.before.unwrap_or(Hour(i64::MIN))
}

#[cfg(test)]
mod tests;
