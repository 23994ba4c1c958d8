//! Pacing: so many requests a second with a burst, and a pause when the service asks for one.

use std::{sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Lets requests through at a rate. Cheap to share by reference.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    burst: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the next request would be due at an even pace; it may lag behind now by the burst.
    due: Instant,
    paused_until: Instant,
}

impl Limiter {
    /// Allows `requests` in any `window`, as a steady rate with one window's worth of burst.
    pub fn new(requests: f64, window: Duration) -> Self {
        let now = Instant::now();
        let burst = window / 2;
        let due = now.checked_sub(burst).unwrap_or(now);
        let interval = window.div_f64(requests.max(1.0));
        Self {
            interval,
            burst,
            state: Mutex::new(State {
                due,
                paused_until: now,
            }),
        }
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        let at = {
            let mut state = self
                .state
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let now = Instant::now();
            let earliest = now.checked_sub(self.burst).unwrap_or(now);
            state.due = state.due.max(earliest) + self.interval;
            state.due.max(state.paused_until)
        };
        if at > Instant::now() {
            sleep_until(at).await;
        }
    }

    /// Holds everybody for a while: the service said so.
    pub fn pause(&self, length: Duration) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.paused_until = state.paused_until.max(Instant::now() + length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_rate_and_the_pause() {
        let limiter = Limiter::new(10.0, Duration::from_secs(1));
        let begin = Instant::now();
        for _ in 0..30 {
            limiter.turn().await;
        }
        let took = begin.elapsed();
        assert!(
            took >= Duration::from_millis(2400) && took <= Duration::from_millis(2600),
            "{took:?}"
        );
        limiter.pause(Duration::from_secs(7));
        let begin = Instant::now();
        limiter.turn().await;
        assert!(begin.elapsed() >= Duration::from_secs(7));
    }
}
