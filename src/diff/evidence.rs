//! Whether events whose answer never came arrived: what one event's person has, and what that says of its batch. Braze tells
//! of each name when it first and last happened, and never of a single event, so this is evidence and no proof.
//!
//! # What could fool it
//! - *Arrived*, though it did not: the person has another event of that name at the very same time, from another source or
//!   another batch.
//! - *Missing*, though it arrived: the person was deleted or merged away since, or Braze took longer than five minutes.
//! - A request is queued whole, so that one sign speaks for its batch; that Braze drops single objects of a request that it
//!   queued (of somebody unknown whom the object must not create) makes no sign at all. Where signs disagree the batch is
//!   *mixed*, and somebody has to look.

use super::presence::SETTLED;
use crate::model::{Evidence, Millis};

/// How old an event may be that is not listed and would be: Braze lists what happened in the last 90 days, and nobody says
/// when a day begins.
const LISTED: Millis = 89 * 24 * 3_600_000;

/// One event that left, or may have.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When it happened.
    pub at: Millis,
    /// Whether its object creates its person where nobody is known.
    pub creates: bool,
    /// When its batch left.
    pub left: Millis,
}

/// What its person has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// Nobody is known by that identifier.
    Nobody,
    /// Nothing of its name is listed.
    Nothing,
    /// All of its name, from the first to the last, as far as these could be read.
    Some {
        /// When the first one happened.
        first: Option<Millis>,
        /// When the last one did.
        last: Option<Millis>,
    },
}

/// What one event's person says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is there.
    Arrived,
    /// It is not.
    Missing,
    /// Nobody can say.
    Open,
}

/// Returns what is known of an event by what its person was found to have.
pub fn sign(sent: Sent, has: Has, asked_at: Millis) -> Sign {
    if asked_at < sent.left.saturating_add(SETTLED) {
        return Sign::Open;
    }
    match has {
        Has::Nobody if sent.creates => Sign::Missing,
        Has::Nothing if asked_at.saturating_sub(sent.at) < LISTED => Sign::Missing,
        // Braze dropped it or never had it; or it is too old to be listed.
        Has::Nobody | Has::Nothing => Sign::Open,
        Has::Some { first, last } => {
            let is = |told: Option<Millis>| told.is_some_and(|told| same(told, sent.at));
            if is(first) || is(last) {
                return Sign::Arrived;
            }
            // Braze replaces a time that was still to come by that of its arrival.
            if sent.at > sent.left {
                return Sign::Open;
            }
            let outside = last.is_some_and(|last| last < sent.at)
                || first.is_some_and(|first| first > sent.at);
            if outside { Sign::Missing } else { Sign::Open }
        }
    }
}

/// Whether a time is told to the millisecond or to the second.
fn same(told: Millis, at: Millis) -> bool {
    told == at || told == at - at.rem_euclid(1_000)
}

/// Counts the signs of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Events that are there.
    pub found: u64,
    /// Events that are not.
    pub missing: u64,
    /// Events of which nobody can say.
    pub open: u64,
}

impl Signs {
    /// Counts one.
    pub fn take(&mut self, sign: Sign) {
        match sign {
            Sign::Arrived => self.found += 1,
            Sign::Missing => self.missing += 1,
            Sign::Open => self.open += 1,
        }
    }

    /// Returns what they say together: a request is queued whole.
    pub fn evidence(self) -> Evidence {
        match (self.found > 0, self.missing > 0) {
            (true, false) => Evidence::Arrived,
            (false, true) => Evidence::NotArrived,
            (true, true) => Evidence::Mixed,
            (false, false) => Evidence::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Millis = 24 * 3_600_000;
    /// When the event happened, when its batch left, and when Braze is asked.
    const AT: Millis = 1_795_323_600_250;
    const LEFT: Millis = AT + DAY;
    const ASKED: Millis = LEFT + SETTLED;

    fn one(creates: bool) -> Sent {
        Sent {
            at: AT,
            creates,
            left: LEFT,
        }
    }

    fn some(first: Millis, last: Millis) -> Has {
        Has::Some {
            first: Some(first),
            last: Some(last),
        }
    }

    #[test]
    fn one_event_is_there_or_not_or_nobody_can_say() {
        let second = AT - 250;
        let half = |first, last| Has::Some { first, last };
        for (has, wanted, why) in [
            (some(AT, AT), Sign::Arrived, "the only one"),
            (some(AT, AT + DAY), Sign::Arrived, "the first"),
            (some(AT - DAY, AT), Sign::Arrived, "the last"),
            (some(AT - DAY, second), Sign::Arrived, "told to the second"),
            (some(AT - DAY, AT - 1), Sign::Missing, "all were before it"),
            (some(AT + 1, AT + DAY), Sign::Missing, "all came after it"),
            (
                some(second + 1_000, AT + DAY),
                Sign::Missing,
                "the next second",
            ),
            (some(AT - DAY, AT + DAY), Sign::Open, "somewhere between"),
            (half(None, None), Sign::Open, "no time can be read"),
            (
                half(None, Some(AT + 1)),
                Sign::Open,
                "the first is not told",
            ),
            (half(Some(AT - 1), None), Sign::Open, "the last is not told"),
            (
                half(None, Some(AT - 1)),
                Sign::Missing,
                "the last is enough",
            ),
            (half(Some(AT), None), Sign::Arrived, "the first is enough"),
            (Has::Nothing, Sign::Missing, "it would be listed"),
            (Has::Nobody, Sign::Missing, "it would have made somebody"),
        ] {
            assert_eq!(sign(one(true), has, ASKED), wanted, "{why}");
        }
        let nobody = sign(one(false), Has::Nobody, ASKED);
        assert_eq!(nobody, Sign::Open, "it makes nobody");
    }

    #[test]
    fn whoever_asks_too_early_learns_nothing() {
        for has in [Has::Nobody, Has::Nothing, some(AT, AT), some(0, 1)] {
            assert_eq!(sign(one(true), has, ASKED - 1), Sign::Open, "{has:?}");
        }
    }

    #[test]
    fn what_is_old_need_not_be_listed() {
        let old = |has| sign(one(true), has, AT + LISTED);
        assert_eq!(old(Has::Nothing), Sign::Open);
        let young = sign(one(true), Has::Nothing, AT + LISTED - 1);
        assert_eq!(young, Sign::Missing);
        // Where anything of its name happened of late, the first is told whatever its age.
        assert_eq!(old(some(AT, AT + LISTED)), Sign::Arrived);
        assert_eq!(old(some(AT + 1, AT + LISTED)), Sign::Missing);
        assert_eq!(old(some(AT - DAY, AT + LISTED)), Sign::Open);
        assert_eq!(old(Has::Nobody), Sign::Missing);
    }

    #[test]
    fn a_time_that_was_still_to_come_may_be_another() {
        let ahead = Sent {
            at: LEFT + 60_000,
            creates: true,
            left: LEFT,
        };
        assert_eq!(sign(ahead, some(LEFT, LEFT), ASKED), Sign::Open);
        assert_eq!(
            sign(ahead, some(LEFT + 60_000, ASKED), ASKED),
            Sign::Arrived
        );
        assert_eq!(sign(ahead, Has::Nothing, ASKED), Sign::Missing);
    }

    #[test]
    fn a_batch_is_what_its_signs_agree_on() {
        let evidence = |found, missing, open| {
            let signs = Signs {
                found,
                missing,
                open,
            };
            signs.evidence()
        };
        assert_eq!(evidence(1, 0, 74), Evidence::Arrived);
        assert_eq!(evidence(0, 1, 74), Evidence::NotArrived);
        assert_eq!(evidence(74, 1, 0), Evidence::Mixed);
        assert_eq!(evidence(0, 0, 75), Evidence::Unknown);
        let mut signs = Signs::default();
        for sign in [Sign::Open, Sign::Arrived, Sign::Open] {
            signs.take(sign);
        }
        assert_eq!((signs.found, signs.missing, signs.open), (1, 0, 2));
    }
}
