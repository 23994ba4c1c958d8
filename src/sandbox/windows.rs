//! Rate limits as pure arithmetic on a time that is handed in. It must not wait, answer or read a clock.

use std::collections::VecDeque;

use jiff::Timestamp;

/// So many requests per clock window; the count starts anew at each multiple of the length.
#[derive(Debug)]
pub(crate) struct Fixed {
    limit: u64,
    seconds: i64,
    window: i64,
    used: u64,
}

/// How a window stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Requests per window.
    pub(crate) limit: u64,
    /// Requests left in this one.
    pub(crate) remaining: u64,
    /// When it ends, in epoch seconds.
    pub(crate) ends: i64,
    /// Whether this request was one too many.
    pub(crate) over: bool,
}

impl Fixed {
    /// Allows `limit` requests in every `seconds`.
    pub(crate) const fn new(limit: u64, seconds: i64) -> Self {
        Self {
            limit,
            seconds,
            window: i64::MIN,
            used: 0,
        }
    }

    /// Counts a request, unless it is one too many.
    pub(crate) fn take(&mut self, now: Timestamp) -> Standing {
        let window = now.as_second().div_euclid(self.seconds);
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
        let over = self.used >= self.limit;
        self.used += u64::from(!over);
        Standing {
            limit: self.limit,
            remaining: self.limit - self.used,
            ends: (window + 1) * self.seconds,
            over,
        }
    }
}

/// So many requests in any span of time.
#[derive(Debug)]
pub(crate) struct Sliding {
    limit: usize,
    seconds: i64,
    times: VecDeque<i64>,
}

impl Sliding {
    /// Allows `limit` requests in any `seconds`.
    pub(crate) const fn new(limit: usize, seconds: i64) -> Self {
        Self {
            limit,
            seconds,
            times: VecDeque::new(),
        }
    }

    /// Counts a request and tells whether it may pass.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        while self
            .times
            .front()
            .is_some_and(|time| *time <= now - self.seconds * 1000)
        {
            self.times.pop_front();
        }
        let passes = self.times.len() < self.limit;
        if passes {
            self.times.push_back(now);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_fixed_window_starts_anew_on_the_clock() {
        let mut window = Fixed::new(2, 3);
        assert_eq!(
            window.take(at(301)),
            Standing {
                limit: 2,
                remaining: 1,
                ends: 303,
                over: false
            }
        );
        assert!(!window.take(at(302)).over);
        assert!(window.take(at(302)).over);
        assert!(!window.take(at(303)).over);
    }

    #[test]
    fn a_sliding_window_forgets_one_by_one() {
        let mut window = Sliding::new(2, 10);
        assert!(window.take(at(0)) && window.take(at(5)));
        assert!(!window.take(at(9)));
        assert!(window.take(at(10)) && !window.take(at(14)) && window.take(at(15)));
    }
}
