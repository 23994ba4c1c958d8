//! Pacing: at most so many requests in any window of a length, and a pause when the service asks for one.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Lets requests through, never more than its number in any window, however long or short the one before was idle.
#[derive(Debug)]
pub struct Limiter {
    requests: usize,
    window: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the last requests went or will go: as many as fit a window.
    turns: VecDeque<Instant>,
    paused_until: Instant,
}

impl Limiter {
    /// Allows `requests` in any `window`; at least one.
    pub fn new(requests: f64, window: Duration) -> Self {
        let state = State {
            turns: VecDeque::new(),
            paused_until: Instant::now(),
        };
        Self {
            requests: (requests as usize).max(1),
            window,
            state: Mutex::new(state),
        }
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        let mut at = self.next();
        while at > Instant::now() {
            sleep_until(at).await;
            at = self.locked(|state| state.paused_until);
        }
    }

    /// Holds everybody for a while: the service said so.
    pub fn pause(&self, length: Duration) {
        let until = Instant::now() + length;
        self.locked(|state| state.paused_until = state.paused_until.max(until));
    }

    fn next(&self) -> Instant {
        self.locked(|state| {
            let mut at = Instant::now().max(state.paused_until);
            if state.turns.len() == self.requests
                && let Some(first) = state.turns.pop_front()
            {
                at = at.max(first + self.window);
            }
            state.turns.push_back(at);
            at
        })
    }

    fn locked<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_its_number() {
        let limiter = Limiter::new(10.0, Duration::from_secs(1));
        let mut turns = vec![];
        for turn in 0..50 {
            if turn == 25 {
                tokio::time::sleep(Duration::from_millis(1700)).await;
            }
            limiter.turn().await;
            turns.push(Instant::now());
        }
        assert!(
            turns
                .windows(11)
                .all(|window| window[10] - window[0] >= Duration::from_secs(1))
        );
        // Two and a half windows, the pause of nearly two, and two and a half more: nothing is wasted.
        assert!(turns[49] - turns[0] <= Duration::from_millis(5800));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody() {
        let limiter = Limiter::new(10.0, Duration::from_secs(1));
        let begin = Instant::now();
        limiter.turn().await;
        limiter.pause(Duration::from_secs(7));
        limiter.turn().await;
        assert!(begin.elapsed() >= Duration::from_secs(7));
    }
}
