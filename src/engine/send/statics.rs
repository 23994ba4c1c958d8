//! The door of one static cohort: makes it with the first people that Amplitude knows, and changes its members.
//!
//! Whom Amplitude does not know is skipped, and so set aside. An upload says how many it
//! knew and not who, so where it did not know all the same people are added once more: that answer names the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    answered::{Answered, Told},
    batches::{Batch, Item},
};
use crate::{
    amplitude::{NewCohort, Operation, StaticError, StaticWriter},
    diff::guard,
    engine::statics::StaticWork,
    model::{Address, Identity, Key, Verb, counted, plan::GuardResult},
};

/// The door of one static cohort.
pub(in crate::engine) struct StaticDoor {
    writer: Arc<StaticWriter>,
    address: Address,
    work: StaticWork,
    project: u64,
    found: Mutex<Found>,
}

/// What was learnt on the way.
#[derive(Default)]
struct Found {
    /// The cohort, once it is there.
    id: Option<String>,
    /// People of whom Amplitude knows nobody, in uploads that made nothing.
    strangers: u64,
    skipped: u64,
    /// What it said to those.
    words: String,
}

impl StaticDoor {
    /// Opens the door of a cohort.
    pub(super) fn new(
        writer: Arc<StaticWriter>,
        address: Address,
        work: &StaticWork,
        project: u64,
    ) -> Self {
        Self {
            writer,
            address,
            found: Mutex::new(Found {
                id: work.id.clone(),
                ..Found::default()
            }),
            work: work.clone(),
            project,
        }
    }

    /// Lets the people of a batch join or leave, each as their own row says.
    pub(super) async fn send(&self, batch: &Batch) -> Answered {
        let mut answered = Answered::default();
        let (leaving, joining): (Vec<&Item>, Vec<&Item>) =
            batch.items.iter().partition(|item| leaves(item));
        let (mut told, mut doubted) = (vec![], false);
        for (leaves, items) in [(false, joining), (true, leaving)] {
            if items.is_empty() {
                continue;
            }
            let sent = if answered.stop.is_none() {
                self.send_all(&items, leaves, &mut answered).await
            } else {
                Err(false)
            };
            doubted |= sent == Err(true);
            let mut skipped = sent.as_deref().unwrap_or_default().iter().peekable();
            for (at, item) in items.into_iter().enumerate() {
                let word = match &sent {
                    // Whoever is unknown is in no cohort.
                    Ok(_) if skipped.next_if_eq(&&at).is_some() && !leaves => {
                        self.found().skipped += 1;
                        Told::Skipped
                    }
                    Ok(_) => Told::Acknowledged,
                    Err(true) => Told::Doubted,
                    Err(false) => Told::Released,
                };
                told.push((item, word));
            }
        }
        told.sort_unstable_by_key(|(item, _)| item.ordinal);
        for (item, word) in told {
            answered.tell(item, word);
        }
        if doubted {
            answered.borders.insert(batch.reach().0);
        }
        answered
    }

    /// Lets these people join, or leave; returns who was skipped, or else whether it may have been carried out.
    async fn send_all(
        &self,
        items: &[&Item],
        leaves: bool,
        answered: &mut Answered,
    ) -> Result<Vec<usize>, bool> {
        let ids: Vec<&str> = items.iter().map(|item| id(&item.key)).collect();
        let known = self.found().id.clone();
        match known {
            Some(cohort) => self.change(&cohort, leaves, &ids, answered).await,
            None if leaves => Err(false),
            None => self.make(&ids, answered).await,
        }
    }

    /// Returns the cohort that was made, if one was.
    pub(super) fn made(&self) -> Option<String> {
        let id = self.found().id.clone();
        id.filter(|id| self.work.id.as_ref() != Some(id))
    }

    /// Returns why nothing more is sent after a pass, if that is so.
    pub(super) fn ends(&self) -> Option<String> {
        let found = self.found();
        if found.id.is_none() && found.strangers > 0 {
            return Some(format!(
                "{}: Amplitude knows none of its {}, and nothing was made: {}",
                self.address,
                counted(found.strangers, "member"),
                found.words
            ));
        }
        drop(found);
        let short = self.short()?;
        Some(format!(
            "{}: {} ({}), and min_match is {}",
            self.address, short.message?, short.value, short.limit
        ))
    }

    /// Returns what guards it, where Amplitude turned out to know too few of its members.
    pub(super) fn short(&self) -> Option<GuardResult> {
        let skipped = self.found().skipped;
        let least = self.work.upload.min_match.filter(|_| skipped > 0)?;
        let short = guard::min_match(least, self.work.wanted, self.work.aside + skipped);
        short.filter(|guard| !guard.ok)
    }

    /// Makes the cohort of these people; returns who was skipped.
    async fn make(&self, ids: &[&str], answered: &mut Answered) -> Result<Vec<usize>, bool> {
        let upload = &self.work.upload;
        let new = NewCohort {
            name: &self.work.name,
            owner: upload.owner.as_deref().unwrap_or_default(),
            published: upload.published,
            project: self.project,
        };
        match self.writer.upload(&new, ids).await {
            Ok(made) => {
                answered.requests += 1;
                self.found().id = Some(made.id.clone());
                if made.all {
                    return Ok(vec![]);
                }
                // Most of them are in it already, and nobody knows who: none was left unsent.
                let changed = self.change(&made.id, false, ids, answered).await;
                changed.map_err(|_| true)
            }
            // The next people may be known; these are added once there is a cohort.
            Err(error) if error.nobody && !error.maybe => {
                let mut found = self.found();
                found.strangers += ids.len() as u64;
                found.words = error.to_string();
                Err(false)
            }
            Err(error) => Err(self.stops(&error, answered)),
        }
    }

    async fn change(
        &self,
        cohort: &str,
        leaves: bool,
        ids: &[&str],
        answered: &mut Answered,
    ) -> Result<Vec<usize>, bool> {
        let operation = if leaves {
            Operation::Remove
        } else {
            Operation::Add
        };
        match self.writer.change(cohort, operation, ids).await {
            Ok(skipped) => {
                answered.requests += 1;
                Ok(skipped)
            }
            Err(error) => Err(self.stops(&error, answered)),
        }
    }

    /// Says why nothing more goes; returns whether the request may have been carried out.
    fn stops(&self, error: &StaticError, answered: &mut Answered) -> bool {
        let hint = error.error.key_hint();
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        answered.stop = Some(format!("{}: {error}{hint}", self.address));
        error.maybe
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a row says that its person leaves.
fn leaves(item: &Item) -> bool {
    item.parts
        .iter()
        .any(|part| part.change.verb == Verb::Remove)
}

/// The user id that a row is of. Rows of static cohorts have no other identifier.
fn id(key: &Key) -> &str {
    match key.identity() {
        Identity::External(id) | Identity::Device(id) => id,
        Identity::Alias { name, .. } => name,
    }
}
