//! Whether a key may write, asked without writing. What is asked holds no object and cannot: its body is a constant.
//!
//! `/users/track` answers 400 with "Valid data must be provided …" where no object of a request is valid (seen by a
//! production connector), and a key is refused before objects are looked at. That a request without any object meets
//! the same words, and that the key comes first, is an assumption; any other answer is told as it is.

use bytes::Bytes;

use super::{Error, Reader, wire::error_text};

/// Where people are written.
pub const TRACK_PATH: &str = "/users/track";
/// No attributes, no events, no purchases.
const NOTHING: &[u8] = b"{}";
/// What Braze says to a request without anything valid in it.
const NOTHING_VALID: &str = "Valid data must be provided";

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
}
