//! Events that two event streams send: Braze counts each, and nobody takes one back.
//! What filters exclude of each other is not looked into: only what certainly overlaps is said.

use super::{error, events};
use crate::{
    config::{Configuration, Resource},
    kinds::event_stream::{Becomes, Event, Spec},
    model::{Diagnostic, Severity},
};

/// One entry of a stream.
struct Sent<'a> {
    resource: &'a Resource,
    spec: &'a Spec,
    event: &'a Event,
}

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let streams: Vec<(&Resource, Spec)> = events::all(configuration).collect();
    let mut before: Vec<Sent> = vec![];
    for (resource, spec) in &streams {
        let mut own = vec![];
        for (at, event) in spec.events.iter().enumerate() {
            let sent = Sent {
                resource,
                spec,
                event,
            };
            let other = before.iter().find(|other| other.meets(&sent));
            found.extend(other.map(|other| sent.warning(at, other)));
            own.push(sent);
        }
        // Within one stream the first entry that takes an event is the only one.
        before.extend(own);
    }
}

impl Sent<'_> {
    /// Whether some events certainly become the same in Braze by both.
    fn meets(&self, other: &Self) -> bool {
        let becomes = self.event.becomes(self.spec);
        let same_thing = becomes == other.event.becomes(other.spec)
            && (becomes == Becomes::Purchase || self.event.in_braze() == other.event.in_braze());
        let (one, two) = (self.event.filter(), other.event.filter());
        let filters_meet = one.is_empty() || two.is_empty() || one == two;
        self.event.name() == other.event.name()
            && same_thing
            && filters_meet
            && self.is_before_the_end_of(other)
            && other.is_before_the_end_of(self)
    }

    fn is_before_the_end_of(&self, other: &Self) -> bool {
        let times = self.spec.start_at.zip(other.spec.stop_at);
        times.is_none_or(|(start, stop)| start < stop)
    }

    fn warning(&self, at: usize, other: &Self) -> Diagnostic {
        let message = format!(
            "`{}` is sent by {} too, and Braze counts it twice",
            self.event.name(),
            other.resource.address
        );
        let hint = "take it out of one of them, or tell them apart: another name (rename), other bounds, `where` that exclude \
                    each other";
        Diagnostic {
            severity: Severity::Warning,
            ..error(
                &self.resource.origin,
                &format!("/events/{at}"),
                "sent-twice",
                message,
                Some(hint.to_owned()),
            )
        }
    }
}
