//! Whether a key may write, asked without writing. What is asked holds no object and cannot: its body is a constant.
//!
//! Whether it may read people is asked the same way: for somebody who cannot be there, by an id longer than Braze takes.
//!
//! `/users/track` answers 400 with "Valid data must be provided …" where no object of a request is valid (seen by a
//! production connector), and a key is refused before objects are looked at. That a request without any object meets
//! the same words, and that the key comes first, is an assumption; any other answer is told as it is.

use bytes::Bytes;
use serde_json::json;

use super::{
    Error, PEOPLE_PATH, Reader,
    wire::{Exported, error_text},
};

/// Where people are written.
pub const TRACK_PATH: &str = "/users/track";
/// No attributes, no events, no purchases.
const NOTHING: &[u8] = b"{}";
/// What Braze says to a request without anything valid in it.
const NOTHING_VALID: &str = "Valid data must be provided";

/// One more than an external id has.
const TOO_LONG: usize = 988;

/// What became of a request without an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was refused for its emptiness alone: the key may write.
    Permitted,
    /// It was answered in a way that nobody documented.
    Odd {
        /// The status.
        status: u16,
        /// Its words, clean.
        text: String,
    },
}

impl Reader {
    /// Asks whether the key may write people, by a request that holds nobody. A refused key is an error.
    pub async fn may_track(&self) -> Result<Asked, Error> {
        let body = Bytes::from_static(NOTHING);
        let client = &self.client;
        let answer = client
            .post(TRACK_PATH, TRACK_PATH, false, body, &self.limiter)
            .await?;
        let text = error_text(&answer.body);
        match answer.status {
            400 if text.starts_with(NOTHING_VALID) => Ok(Asked::Permitted),
            400 | 200..=299 => Ok(Asked::Odd {
                status: answer.status,
                text: client.sender.scrubber().clean(&text),
            }),
            _ => Err(client.refused(TRACK_PATH, &answer)),
        }
    }

    /// Asks whether the key may read people, by a request that reads nobody. A refused key is an error.
    pub async fn may_read_people(&self) -> Result<Asked, Error> {
        let nobody =
            json!({"external_ids": ["0".repeat(TOO_LONG)], "fields_to_export": ["external_id"]});
        let client = &self.client;
        let body = Bytes::from(nobody.to_string());
        let answer = client
            .post(PEOPLE_PATH, PEOPLE_PATH, false, body, &self.people)
            .await?;
        match answer.status {
            200..=299 => match serde_json::from_slice::<Exported>(&answer.body) {
                Ok(_) => Ok(Asked::Permitted),
                Err(_) => Err(Error::Unexpected { path: PEOPLE_PATH }),
            },
            400 => Ok(Asked::Odd {
                status: answer.status,
                text: client.sender.scrubber().clean(&error_text(&answer.body)),
            }),
            _ => Err(client.refused(PEOPLE_PATH, &answer)),
        }
    }
}
