//! What every write has in common: objects of one request, and what became of each.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Client, Error, Writer};
use crate::{http::Answer, model::Lane};

/// Everything for one person in one lane, worded.
#[derive(Clone)]
pub struct Object {
    /// Where in the request it stands.
    pub(super) place: Place,
    /// Its JSON.
    pub json: Bytes,
    /// What Braze will bill.
    pub data_points: u64,
}

/// An array of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Of `/users/track`.
    Attributes,
    /// Of the same: custom events.
    Events,
    /// Of the same: purchases.
    Purchases,
    /// Of a cohort's changes; those who join and those who leave have an object each.
    Member { array: &'static str, leaves: bool },
}

impl Object {
    /// Makes an object of an event or a purchase that is worded already.
    pub fn happening(json: Bytes, purchase: bool, data_points: u64) -> Self {
        let place = if purchase {
            Place::Purchases
        } else {
            Place::Events
        };
        Self {
            place,
            json,
            data_points,
        }
    }
}

/// What became of the objects of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Objects that Braze refused, by their place in the request, with its words.
    pub refused: BTreeMap<usize, String>,
    /// Earlier tries of the request whose answer was lost: Braze may have billed those too.
    pub doubts: u32,
    /// Words of errors that name none of the objects, of a request of events that was taken all the same: which of them
    /// were processed nobody knows.
    pub unplaced: Option<String>,
}

/// Why a request brought nothing that can be counted.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct WriteError {
    /// What Braze or the network said.
    pub error: Error,
    /// What became of the objects.
    pub fate: Fate,
    /// Whether another request would meet the same: a wrong key, a service that is down.
    pub stop: bool,
    /// Whether the request was too large, rather than something in it wrong.
    pub too_large: bool,
    /// Whether objects that are to be taken apart may have been processed already.
    pub maybe: bool,
}

/// What became of the objects of a request without a usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Certainly not processed.
    NotSent,
    /// Perhaps processed.
    Doubt,
    /// Refused as a whole for something in it: too many objects, too many bytes, or an error that names none.
    TakeApart,
}

impl Writer {
    /// Sends objects of one lane in one request and tells what became of each.
    pub async fn write(&self, lane: &Lane, objects: &[Object]) -> Result<Written, WriteError> {
        match lane {
            Lane::UsersTrack => self.track(objects).await,
            Lane::Cohort { id } => self.change_members(id, objects).await,
            Lane::Events { .. } => self.track_once(objects).await,
            Lane::Ingest { .. } | Lane::Static { .. } => {
                Err(WriteError::without_answer(Error::NotHere))
            }
        }
    }
}

impl WriteError {
    /// A request that was given up, or never made.
    pub(super) fn without_answer(error: Error) -> Self {
        let doubts = match &error {
            Error::Exhausted(exhausted) => exhausted.doubts,
            _ => 0,
        };
        Self {
            error,
            fate: if doubts == 0 {
                Fate::NotSent
            } else {
                Fate::Doubt
            },
            stop: true,
            too_large: false,
            maybe: false,
        }
    }

    /// A request of events that was given up. What is in doubt says nothing of the next request.
    pub(super) fn once(error: Error) -> Self {
        let error = Self::without_answer(error);
        Self {
            stop: error.fate != Fate::Doubt,
            ..error
        }
    }

    /// A request that was answered with no. An earlier try may have been processed, whatever became of the last.
    pub(super) fn refused(
        client: &Client,
        path: &'static str,
        answer: &Answer,
        fate: Fate,
        stop: bool,
    ) -> Self {
        let doubt = fate == Fate::NotSent && answer.doubts > 0;
        Self {
            error: client.refused(path, answer),
            fate: if doubt { Fate::Doubt } else { fate },
            stop,
            too_large: answer.status == 413 || too_many(&answer.body),
            maybe: answer.doubts > 0 || (200..=299).contains(&answer.status),
        }
    }

    /// A success that does not say so.
    pub(super) fn unexpected(path: &'static str) -> Self {
        Self {
            error: Error::Unexpected { path },
            fate: Fate::Doubt,
            stop: false,
            too_large: false,
            maybe: true,
        }
    }
}

/// Whether a refusal says that there were too many objects (pages of `/users/track` and of partner cohorts).
fn too_many(body: &[u8]) -> bool {
    let text = super::wire::error_text(body);
    ["Max Input Length Exceeded", "Only 1,000"]
        .iter()
        .any(|words| text.contains(words))
}

/// Joins the JSON of objects with commas between brackets.
pub(super) fn array<'a>(into: &mut Vec<u8>, objects: impl IntoIterator<Item = &'a Object>) {
    into.push(b'[');
    for (at, object) in objects.into_iter().enumerate() {
        if at > 0 {
            into.push(b',');
        }
        into.extend_from_slice(&object.json);
    }
    into.push(b']');
}
