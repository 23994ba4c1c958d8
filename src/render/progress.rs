//! Draws what happens while plan and apply work, a line an event. Talk, so it goes to stderr.

use super::text::{count, people};
use crate::model::Event;

/// Draws an event; none where it is not worth a line.
pub fn line(event: &Event) -> Option<String> {
    match event {
        Event::Recovered { run, doubt: 0 } => Some(format!(
            "Run {run} was cut; its answers are in the ledgers now."
        )),
        Event::Recovered { run, doubt } => Some(format!(
            "Run {run} was cut; its answers are in the ledgers now, and {} in doubt.",
            count(*doubt, "row")
        )),
        Event::Settling { seconds } => Some(format!(
            "Waiting {seconds} s, so that what was sent before is applied before (settle)."
        )),
        Event::Waiting { holder } => Some(format!("Waiting for the lease, held by {holder}.")),
        Event::Downloading { cohort, size } => {
            Some(format!("Reading cohort \"{cohort}\" ({}).", people(*size)))
        }
        Event::Read { .. } | Event::Sent { .. } => None,
        Event::Sending { lane, addresses } => Some(format!(
            "Sending {} to {lane}.",
            count(addresses.len() as u64, "resource")
        )),
    }
}
