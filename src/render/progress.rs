//! Draws what happens while plan and apply work, as plain lines: a log, a pipe, a terminal that cannot move its cursor.
//! Long work says by time how far it is, not by count, so that a log stays short. Talk, so it goes to stderr.

use std::{collections::BTreeMap, time::Duration};

use super::text::{about, clean, count, number, people};
use crate::model::Event;

/// Silence after which long work says how far it is.
const SILENCE: Duration = Duration::from_secs(10);

/// Draws events as lines.
#[derive(Debug, Default)]
pub struct Lines {
    last: Duration,
    sizes: BTreeMap<String, u64>,
}

impl Lines {
    /// Draws an event that came at this time since the begin; none where it is not worth a line.
    pub fn draw(&mut self, event: &Event, at: Duration) -> Option<String> {
        let drawn = match event {
            Event::Reading { cohort, rows } if self.silent(at) => {
                let of = self.size(&format!("cohort {cohort}"));
                let cohort = clean(cohort);
                Some(format!(
                    "Read {}{of} rows of cohort \"{cohort}\".",
                    number(*rows)
                ))
            }
            Event::Asked { people } if self.silent(at) => {
                let of = self.size("people");
                let done = number(*people);
                Some(format!("Asked Braze for {done}{of} people."))
            }
            Event::Sent { lane, objects } if self.silent(at) => {
                let of = self.size(&format!("lane {lane}"));
                Some(format!("Sent {}{of} objects to {lane}.", number(*objects)))
            }
            Event::ProfilesRead { cohort, people } if self.silent(at) => {
                let of = self.size(&format!("profiles {cohort}"));
                let cohort = clean(cohort);
                Some(format!(
                    "Read {}{of} profiles of cohort \"{cohort}\".",
                    number(*people)
                ))
            }
            event => line(event),
        };
        match event {
            Event::Downloading { cohort, size } => {
                self.sizes.insert(format!("cohort {cohort}"), *size);
            }
            Event::ReadingProfiles { cohort, of, .. } => {
                self.sizes.insert(format!("profiles {cohort}"), *of);
            }
            Event::Asking { people, .. } => {
                self.sizes.insert("people".to_owned(), *people);
            }
            Event::Sending { lane, objects, .. } => {
                self.sizes.insert(format!("lane {lane}"), *objects);
            }
            _ => {}
        }
        if drawn.is_some() {
            self.last = at;
        }
        drawn
    }

    fn silent(&self, at: Duration) -> bool {
        at >= self.last + SILENCE
    }

    fn size(&self, what: &str) -> String {
        let size = self.sizes.get(what).copied();
        size.map_or_else(String::new, |size| format!(" of {}", number(size)))
    }
}

/// Draws an event by itself; none where it is not worth a line.
pub(super) fn line(event: &Event) -> Option<String> {
    match event {
        Event::Recovered { run, doubt, parked } => {
            let also = |of: u64, what: &str, how: &str| match of {
                0 => String::new(),
                of => format!(", and {} {how}", count(of, what)),
            };
            Some(format!(
                "Run {run} was cut; its answers are in the ledgers now{}{}.",
                also(*doubt, "row", "in doubt"),
                also(*parked, "event", "parked")
            ))
        }
        Event::Settling { seconds } => Some(format!(
            "Waiting {seconds} s, so that what was sent before is applied before (settle)."
        )),
        Event::Waiting { holder } => Some(format!("Waiting for the lease, held by {holder}.")),
        Event::Downloading { cohort, size } => Some(format!(
            "Reading cohort \"{}\" ({}).",
            clean(cohort),
            people(*size)
        )),
        Event::Exporting { segment } => Some(format!(
            "Exporting segment \"{}\" from Braze.",
            clean(segment)
        )),
        Event::ReadingProfiles {
            cohort,
            of,
            seconds,
        } => Some(format!(
            "Reading {} of cohort \"{}\", about {}.",
            count(*of, "profile"),
            clean(cohort),
            about(*seconds)
        )),
        Event::Asking { people, seconds } => Some(format!(
            "Asking Braze what it holds of {} (about {}).",
            self::people(*people),
            about(*seconds)
        )),
        Event::Sending {
            lane, addresses, ..
        } => Some(format!(
            "Sending {} to {}.",
            count(addresses.len() as u64, "resource"),
            place(lane)
        )),
        Event::ReadingHours { hours } => Some(format!(
            "Reading {} of Amplitude's events.",
            count(*hours, "hour")
        )),
        Event::ReadingFiles { address, files } => {
            Some(format!("Reading {} of {address}.", count(*files, "file")))
        }
        // The rest is a result, or too much: whoever asked for it gets it elsewhere.
        Event::Begin { .. }
        | Event::Reading { .. }
        | Event::Read { .. }
        | Event::ProfilesRead { .. }
        | Event::HoursRead { .. }
        | Event::FilesRead { .. }
        | Event::Asked { .. }
        | Event::Exported { .. }
        | Event::Comparing
        | Event::Plan { .. }
        | Event::Refused { .. }
        | Event::Sent { .. }
        | Event::Recording
        | Event::Report { .. }
        | Event::Error { .. }
        | Event::End { .. } => None,
    }
}

/// What a lane is called where people read of it.
fn place(lane: &str) -> String {
    match lane.strip_prefix("static/") {
        Some(cohort) => format!("static cohort {cohort} in Amplitude"),
        None => lane.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_send_says_how_far_it_is_by_time() {
        let mut lines = Lines::default();
        let lane = || "users/track".to_owned();
        let sending = Event::Sending {
            lane: lane(),
            addresses: vec![],
            objects: 2_000_000,
        };
        assert!(lines.draw(&sending, Duration::from_secs(3)).is_some());
        let mut drawn = vec![];
        // Ten thousand answers in 35 seconds.
        for answer in 0..10_000u64 {
            let objects = answer * 75;
            let at = Duration::from_secs(3) + Duration::from_millis(answer * 35 / 10);
            let lane = lane();
            drawn.extend(lines.draw(&Event::Sent { lane, objects }, at));
        }
        assert_eq!(drawn.len(), 3, "{drawn:?}");
        assert_eq!(
            drawn[0],
            "Sent 214,350 of 2,000,000 objects to users/track."
        );
    }

    #[test]
    fn profiles_say_how_long_they_take_and_how_far_they_are() {
        let mut lines = Lines::default();
        let cohort = || "Big spenders".to_owned();
        let reading = Event::ReadingProfiles {
            cohort: cohort(),
            of: 2_000,
            seconds: 204,
        };
        let read = |people| Event::ProfilesRead {
            cohort: cohort(),
            people,
        };
        let seconds = Duration::from_secs;
        assert_eq!(
            lines.draw(&reading, seconds(1)).as_deref(),
            Some("Reading 2,000 profiles of cohort \"Big spenders\", about 4 min.")
        );
        assert_eq!(lines.draw(&read(90), seconds(10)), None);
        assert_eq!(
            lines.draw(&read(98), seconds(11)).as_deref(),
            Some("Read 98 of 2,000 profiles of cohort \"Big spenders\".")
        );
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        let event = Event::Downloading {
            cohort: "a\u{1b}[2J\nb".to_owned(),
            size: 1,
        };
        let drawn = Lines::default().draw(&event, Duration::ZERO);
        assert_eq!(
            drawn.as_deref(),
            Some("Reading cohort \"a?[2J?b\" (1 person).")
        );
    }
}
