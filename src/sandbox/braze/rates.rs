//! Braze's rate limits and how its answers speak of them, in two dialects (braze.md 5). It must not know who asks, or
//! for what.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};

use super::gate::refused;
use crate::sandbox::{
    app::App,
    options::{Contract, Limits},
    windows::{Fixed, Standing},
};

/// Endpoints that share a limit (braze.md 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// `/users/track`.
    Track,
    /// `/users/export/ids`: the faster limit is for calls that list their fields.
    Export,
    /// Attribute and event catalogues.
    Catalogue,
    /// Aliases, `/users/delete` and `/users/merge`.
    Identity,
    /// Both partner endpoints, together.
    Partner,
    /// Everything without its own line.
    Rest,
}

/// The windows of a workspace.
pub(crate) struct Windows {
    track: Fixed,
    track_hour: Fixed,
    export: Fixed,
    export_listed: Fixed,
    catalogue: Fixed,
    identity: Fixed,
    partner: Fixed,
    rest: Fixed,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            track: Fixed::new(3_000, 3),
            // By contract; a round number of that order.
            track_hour: Fixed::new(1_000_000, 3_600),
            export: Fixed::new(250, 60),
            export_listed: Fixed::new(40, 1),
            catalogue: Fixed::new(1_000, 3_600),
            identity: Fixed::new(20_000, 60),
            partner: Fixed::new(250_000, 3_600),
            rest: Fixed::new(250_000, 3_600),
        }
    }
}

impl Windows {
    /// Counts a request; returns the window its headers speak of.
    pub(super) fn take(
        &mut self,
        area: Area,
        listed: bool,
        contract: Contract,
        now: jiff::Timestamp,
    ) -> Standing {
        match area {
            Area::Track if contract == Contract::Mau => {
                let burst = self.track.take(now);
                if burst.over {
                    burst
                } else {
                    self.track_hour.take(now)
                }
            }
            Area::Track => self.track.take(now),
            Area::Export if listed => self.export_listed.take(now),
            Area::Export => self.export.take(now),
            Area::Catalogue => self.catalogue.take(now),
            Area::Identity => self.identity.take(now),
            Area::Partner => self.partner.take(now),
            Area::Rest => self.rest.take(now),
        }
    }
}

/// Refuses a request that was one too many.
pub(super) fn limited(contract: Contract, standing: Standing, now: i64) -> Response {
    let mut response = refused(429, "Rate Limited");
    match contract {
        Contract::DataPoints => stamp(&mut response, contract, standing, now),
        Contract::Mau => set(
            &mut response,
            "x-ratelimit-retry-after",
            (standing.ends - now) as u64,
        ),
    }
    response
}

/// Refuses a request on purpose, in a contract's dialect. With limits off there is nothing to wait for.
pub(crate) fn rate_limited(app: &App) -> Response {
    let now = app.now().as_second();
    let wait = i64::from(app.options.limits == Limits::Real);
    let standing = Standing {
        limit: 3_000,
        remaining: 0,
        ends: now + wait,
        over: true,
    };
    limited(app.options.contract, standing, now)
}

/// Adds the three headers of an answer.
pub(super) fn stamp(response: &mut Response, contract: Contract, standing: Standing, now: i64) {
    let reset = match contract {
        Contract::DataPoints => standing.ends,
        Contract::Mau => standing.ends - now,
    };
    set(response, "x-ratelimit-limit", standing.limit);
    set(response, "x-ratelimit-remaining", standing.remaining);
    set(response, "x-ratelimit-reset", reset as u64);
}

fn set(response: &mut Response, name: &'static str, value: u64) {
    let name = HeaderName::from_static(name);
    response
        .headers_mut()
        .insert(name, HeaderValue::from(value));
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// Each limit of braze.md 5 to its last request, and the first one after it. A minute's window, asked for in its
    /// 20th second, ends 40 seconds later.
    #[test]
    fn every_window_is_as_long_and_as_wide_as_documented() {
        let begin = 1_767_225_600 + 20;
        let at = |second| Timestamp::from_second(second).unwrap();
        for (area, listed, limit, length) in [
            (Area::Track, false, 3_000, 3),
            (Area::Export, false, 250, 60),
            (Area::Export, true, 40, 1),
            (Area::Catalogue, false, 1_000, 3_600),
            (Area::Identity, false, 20_000, 60),
            (Area::Partner, false, 250_000, 3_600),
            (Area::Rest, false, 250_000, 3_600),
        ] {
            let mut windows = Windows::default();
            let mut take = |second| windows.take(area, listed, Contract::DataPoints, at(second));
            let ends = (begin / length + 1) * length;
            for left in (0..limit).rev() {
                let standing = take(begin);
                let expected = Standing {
                    limit,
                    remaining: left,
                    ends,
                    over: false,
                };
                assert_eq!(standing, expected, "{area:?}");
            }
            assert!(take(ends - 1).over, "{area:?}");
            let next = take(ends);
            assert_eq!((next.over, next.remaining), (false, limit - 1), "{area:?}");
        }
    }

    #[test]
    fn one_area_does_not_spend_what_another_has() {
        let mut windows = Windows::default();
        let mut take =
            |area| windows.take(area, false, Contract::DataPoints, Timestamp::UNIX_EPOCH);
        for area in [
            Area::Track,
            Area::Export,
            Area::Catalogue,
            Area::Identity,
            Area::Partner,
            Area::Rest,
        ] {
            let standing = take(area);
            assert_eq!(standing.remaining, standing.limit - 1, "{area:?}");
        }
    }

    /// The headers of an hourly contract speak of the hour; its burst shows only when it is over.
    #[test]
    fn an_hourly_contract_has_a_burst_as_well() {
        let mut windows = Windows::default();
        let mut take = || windows.take(Area::Track, false, Contract::Mau, Timestamp::UNIX_EPOCH);
        let first = take();
        assert_eq!((first.limit, first.ends), (1_000_000, 3_600));
        let last = (1..3_000).map(|_| take()).last().unwrap();
        assert_eq!((last.over, last.remaining), (false, 997_000));
        let over = take();
        assert_eq!((over.over, over.ends), (true, 3));
    }
}
