//! `kind: event_stream`: events of Amplitude, as custom events or purchases in Braze.
//!
//! From: the Export API, hour by hour, behind its delay (Export API page). To: `/users/track` (75 objects a request; see
//! Braze's page of it), which counts every event as often as it is processed. What is here is pure: it says what becomes of
//! one event, and neither reads nor sends.

mod decimal;
mod filter;
mod fit;
mod lookup;
mod purchase;
mod spec;
mod take;

use std::sync::Arc;

use super::{Log, LogSource, Stream, TakesLines, applied, audience};
use crate::{
    config::Resource,
    model::{Diagnostic, Lane, Severity, Taken},
};

pub(super) use filter::End;
pub(super) use fit::{RESERVED, RESERVED_OF_PURCHASE, names};
pub(super) use lookup::Property;
pub(super) use purchase::constant;
pub use spec::{
    Becomes, Bound, Condition, Delivery, Event, Part, Picked, Properties, Purchase, Scalar, Source,
    Spec,
};
pub use take::Taker;

/// The kind.
pub struct EventStream;

impl Log for EventStream {
    fn stream(&self, resource: &Resource, app_id: Option<&str>) -> Result<Stream, Diagnostic> {
        let spec: Spec = audience::spec(resource)?;
        let start = spec.start_at.ok_or_else(|| Diagnostic {
            code: "events",
            severity: Severity::Error,
            place: resource.origin.place("/from"),
            message: "`from: export` needs `start_at`: the first moment that is sent".to_owned(),
            hint: None,
        })?;
        Ok(Stream {
            title: title(&spec),
            source: LogSource::Hours {
                start,
                stop: spec.stop_at,
                takes: Arc::new(Taker::of(resource, app_id)?),
            },
            lane: Lane::Events {
                sync: resource.address.name().to_owned(),
            },
            sent_again: spec.delivery == Some(Delivery::AtLeastOnce),
            create_users: resource.settings.create_users.unwrap_or(true),
            config: applied::config(&resource.body),
        })
    }
}

impl TakesLines for Taker {
    fn take(&self, line: &[u8]) -> Taken {
        Self::take(self, line)
    }
}

/// Names of events that a title shows.
const NAMES: usize = 3;

/// Which events become what, in a few words.
fn title(spec: &Spec) -> String {
    let purchase = |event: &Event| {
        let own = match event {
            Event::Name(_) => None,
            Event::Filtered { kind, .. } => *kind,
        };
        own.or(spec.kind) == Some(Becomes::Purchase)
    };
    let names = spec.events.iter().map(|event| match event {
        Event::Name(name) | Event::Filtered { name, .. } => format!("\"{name}\""),
    });
    let mut names: Vec<String> = names.collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let purchases = spec.events.iter().filter(|event| purchase(event)).count();
    let become_ = match purchases {
        0 => "events",
        all if all == spec.events.len() => "purchases",
        _ => "events and purchases",
    };
    format!("{} -> {become_}", names.join(", "))
}
