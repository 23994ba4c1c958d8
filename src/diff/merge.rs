//! The merge of a lane's deltas: everything for one person in one object, numbered in the order of keys.
//!
//! # Guarantees
//! The same deltas in the same order give the same objects with the same ordinals, whenever it is run: plan counts
//! with it, apply sends with it, and recovery finds with it which row an ordinal of the journal was.

use std::{cmp::Ordering, collections::BinaryHeap};

use crate::model::{Change, Key, Unsorted};

/// What one resource wants of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Index of the resource among the lane's deltas.
    pub resource: usize,
    /// What it wants.
    pub change: Change,
}

/// Everything for one person in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Number of the object in the lane, from 0.
    pub ordinal: u64,
    /// Who.
    pub key: Key,
    /// At least one, by ascending resource.
    pub parts: Vec<Part>,
}

/// Iterates over the objects of several deltas, each strictly ascending by key.
pub struct Merge<I> {
    sides: Vec<I>,
    heads: BinaryHeap<Head>,
    ordinal: u64,
    started: bool,
}

struct Head(Part);

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    /// Reversed, since the heap gives its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.0, &other.0);
        b.change
            .key
            .cmp(&a.change.key)
            .then_with(|| b.resource.cmp(&a.resource))
    }
}

impl<E: From<Unsorted>, I: Iterator<Item = Result<Change, E>>> Merge<I> {
    /// Merges deltas; the index in the vector names the resource.
    pub fn new(deltas: Vec<I>) -> Self {
        Self {
            sides: deltas,
            heads: BinaryHeap::new(),
            ordinal: 0,
            started: false,
        }
    }

    fn refill(&mut self, resource: usize, last: Option<&Key>) -> Result<(), E> {
        if let Some(change) = self.sides[resource].next().transpose()? {
            if last.is_some_and(|last| last >= &change.key) {
                return Err(Unsorted.into());
            }
            self.heads.push(Head(Part { resource, change }));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Object>, E> {
        if !self.started {
            self.started = true;
            (0..self.sides.len()).try_for_each(|side| self.refill(side, None))?;
        }
        let Some(Head(first)) = self.heads.pop() else {
            return Ok(None);
        };
        let key = first.change.key.clone();
        self.refill(first.resource, Some(&key))?;
        let mut parts = vec![first];
        while self
            .heads
            .peek()
            .is_some_and(|head| head.0.change.key == key)
        {
            if let Some(Head(part)) = self.heads.pop() {
                self.refill(part.resource, Some(&key))?;
                parts.push(part);
            }
        }
        let ordinal = self.ordinal;
        self.ordinal += 1;
        Ok(Some(Object {
            ordinal,
            key,
            parts,
        }))
    }
}

impl<E: From<Unsorted>, I: Iterator<Item = Result<Change, E>>> Iterator for Merge<I> {
    type Item = Result<Object, E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
