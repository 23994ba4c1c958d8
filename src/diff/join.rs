//! The merge join of two sorted streams, the one place where rows of one side meet rows of the other.
//!
//! # Guarantees
//! Every row comes out once, in order, alone or with its partner. Memory is one row a side.
//!
//! # Errors
//! A stream that is not strictly ascending ends the join: a wrong order would look like removals.

use std::cmp::Ordering;

use crate::model::{Change, Key, Member, Record, Refusal, Unsorted};

/// What has a key to be joined by.
pub trait Keyed {
    /// Returns the key.
    fn key(&self) -> &Key;
}

impl Keyed for Member {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Keyed for Record {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Keyed for Change {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Keyed for Refusal {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl<T> Keyed for (Member, T) {
    fn key(&self) -> &Key {
        &self.0.key
    }
}

impl<T> Keyed for (Change, T) {
    fn key(&self) -> &Key {
        &self.0.key
    }
}

/// A key's rows on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined<L, R> {
    /// Only on the left.
    Left(L),
    /// Only on the right.
    Right(R),
    /// On both.
    Both(L, R),
}

/// Iterates over the join of two fallible streams, each strictly ascending by key.
pub struct Join<A, B, L, R> {
    left: Side<A, L>,
    right: Side<B, R>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    New,
    Running,
    Ended,
}

impl<A, B, E, L, R> Join<A, B, L, R>
where
    A: Keyed,
    B: Keyed,
    E: From<Unsorted>,
    L: Iterator<Item = Result<A, E>>,
    R: Iterator<Item = Result<B, E>>,
{
    /// Joins two streams.
    pub fn new(left: L, right: R) -> Self {
        Self {
            left: Side::new(left),
            right: Side::new(right),
            state: State::New,
        }
    }

    fn step(&mut self) -> Result<Option<Joined<A, B>>, E> {
        if self.state == State::New {
            self.left.advance()?;
            self.right.advance()?;
            self.state = State::Running;
        }
        let order = match (&self.left.head, &self.right.head) {
            (Some(left), Some(right)) => left.key().cmp(right.key()),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        Ok(match order {
            Ordering::Less => self.left.advance()?.map(Joined::Left),
            Ordering::Greater => self.right.advance()?.map(Joined::Right),
            Ordering::Equal => match (self.left.advance()?, self.right.advance()?) {
                (Some(left), Some(right)) => Some(Joined::Both(left, right)),
                _ => None,
            },
        })
    }
}

impl<A, B, E, L, R> Iterator for Join<A, B, L, R>
where
    A: Keyed,
    B: Keyed,
    E: From<Unsorted>,
    L: Iterator<Item = Result<A, E>>,
    R: Iterator<Item = Result<B, E>>,
{
    type Item = Result<Joined<A, B>, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        let next = self.step().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = State::Ended;
        }
        next
    }
}

/// Rows of one kind in the order of their keys.
pub type Rows<T, E> = Box<dyn Iterator<Item = Result<T, E>>>;

/// Weaves streams into one, where a key stands in one of them alone.
pub fn woven<T: Keyed + 'static, E: From<Unsorted> + 'static>(
    streams: impl IntoIterator<Item = Rows<T, E>>,
) -> Rows<T, E> {
    let mut streams = streams.into_iter();
    let Some(first) = streams.next() else {
        return Box::new(std::iter::empty());
    };
    streams.fold(first, |left, right| {
        Box::new(Join::new(left, right).map(|row| match row? {
            Joined::Left(row) | Joined::Right(row) => Ok(row),
            Joined::Both(..) => Err(Unsorted.into()),
        }))
    })
}

/// Joins streams into one with each key once, whichever of them it stands in.
pub fn union<T: Keyed + 'static, E: From<Unsorted> + 'static>(
    streams: impl IntoIterator<Item = Rows<T, E>>,
) -> Rows<T, E> {
    let none: Rows<T, E> = Box::new(std::iter::empty());
    streams.into_iter().fold(none, |all, rows| {
        Box::new(Join::new(all, rows).map(|row| match row? {
            Joined::Left(row) | Joined::Right(row) | Joined::Both(row, _) => Ok(row),
        }))
    })
}

/// One side, one row ahead.
pub(super) struct Side<T, I> {
    rows: I,
    pub(super) head: Option<T>,
}

impl<T, I> Side<T, I> {
    pub(super) fn new(rows: I) -> Self {
        Self { rows, head: None }
    }
}

impl<T: Keyed, E: From<Unsorted>, I: Iterator<Item = Result<T, E>>> Side<T, I> {
    /// Gives the row ahead and looks one further.
    pub(super) fn advance(&mut self) -> Result<Option<T>, E> {
        let next = self.rows.next().transpose()?;
        if let (Some(row), Some(next)) = (&self.head, &next)
            && row.key() >= next.key()
        {
            return Err(Unsorted.into());
        }
        Ok(std::mem::replace(&mut self.head, next))
    }
}
