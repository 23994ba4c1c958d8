//! The memory that all sorting of the process shares. A sorter holds a lease of it, asks for more while there is more,
//! and spills when there is not. It must not know what is sorted.
//!
//! # Guarantees
//! Leases never come to more than the budget. Whoever has one never waits for another: with its least share a sorter
//! ends its work by spilling, so leases always come back. Shares for one file are given all at once or not yet.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a process sorts with: more makes fewer runs, and nothing faster.
const PROCESS: usize = 48 << 20;
/// The least that a sorter works well with, where there is so much.
const LEAST: usize = 4 << 20;
/// What is asked for at a time.
const STEP: usize = 1 << 20;
/// Files that one budget lets be sorted at full speed side by side: reading one keeps one core busy.
const FILES: usize = 2;

/// Bytes that sorters share. Clones share them too.
#[derive(Clone, Debug)]
pub struct Budget {
    bytes: usize,
    free: Arc<Semaphore>,
    held: Arc<Held>,
}

#[derive(Debug, Default)]
struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Default for Budget {
    /// Makes the one of a process.
    fn default() -> Self {
        Self::new(PROCESS)
    }
}

impl Budget {
    /// Makes a budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let bytes = bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self {
            bytes,
            free: Arc::new(Semaphore::new(bytes)),
            held: Arc::default(),
        }
    }

    /// Waits until so many sorters can work, and gives each its least share. What their work waits for must not be
    /// begun before: a body that nobody reads is cut off.
    pub async fn leases(&self, count: usize) -> Vec<Lease> {
        let count = count.max(1);
        let least = (self.bytes / count).min(LEAST);
        let all = Arc::clone(&self.free)
            .acquire_many_owned((least * count) as u32)
            .await;
        // Nobody closes the semaphore.
        let Ok(mut all) = all else { return vec![] };
        self.note(least * count);
        let most = (self.bytes / FILES / count).max(least);
        (0..count)
            .filter_map(|_| all.split(least))
            .map(|permit| Lease {
                budget: self.clone(),
                permit,
                most,
            })
            .collect()
    }

    /// Returns the most that was ever leased at once.
    pub fn most_held(&self) -> usize {
        self.held.most.load(Ordering::Relaxed)
    }

    fn note(&self, more: usize) {
        let now = self.held.now.fetch_add(more, Ordering::Relaxed) + more;
        self.held.most.fetch_max(now, Ordering::Relaxed);
    }
}

/// A sorter's share; it returns when dropped.
#[derive(Debug)]
pub struct Lease {
    budget: Budget,
    permit: OwnedSemaphorePermit,
    most: usize,
}

impl Lease {
    /// Returns how much it is.
    pub fn bytes(&self) -> usize {
        self.permit.num_permits()
    }

    /// Returns how much it may become.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Asks for more without waiting; false where there is none, or it has its part.
    pub fn grow(&mut self) -> bool {
        let step = STEP.min(self.most.saturating_sub(self.bytes()));
        if step == 0 {
            return false;
        }
        let free = Arc::clone(&self.budget.free);
        let Ok(more) = free.try_acquire_many_owned(step as u32) else {
            return false;
        };
        self.permit.merge(more);
        self.budget.note(step);
        true
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget
            .held
            .now
            .fetch_sub(self.bytes(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn leases_never_come_to_more_than_there_is() {
        let budget = Budget::new(16 << 20);
        let mut first = budget.leases(1).await;
        while first[0].grow() {}
        assert_eq!(first[0].bytes(), 8 << 20, "half is for another file");
        let second = budget.leases(1).await;
        let mut others = budget.leases(1).await;
        assert!(!others[0].grow(), "all is leased");
        assert_eq!(budget.most_held(), 16 << 20);
        let mut waiting = std::pin::pin!(budget.leases(3));
        let polled = futures_util::poll!(&mut waiting);
        assert!(polled.is_pending(), "three shares at once are not there");
        drop((first, second));
        assert_eq!(waiting.await.len(), 3);
        assert_eq!(budget.most_held(), 16 << 20);
    }

    #[tokio::test]
    async fn a_file_of_more_mappings_than_shares_gets_smaller_ones() {
        let budget = Budget::new(1 << 20);
        let leases = budget.leases(100).await;
        assert_eq!(leases.len(), 100);
        assert!(leases.iter().all(|lease| lease.bytes() == (1 << 20) / 100));
    }
}
