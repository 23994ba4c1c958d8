//! Signed addresses that live one minute, as of a bucket (amplitude.md 4.6, 18). It must not look at the file.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// Valid for so many seconds.
const SECONDS: i64 = 60;

/// Signs and checks addresses, with a key of this process.
pub(crate) struct Signer([u8; 32]);

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Not one of ours.
    Signature,
    /// Older than a minute.
    Expired,
}

impl Signer {
    /// Makes a key.
    pub(crate) fn new() -> Self {
        Self(rand::random())
    }

    /// Returns a path and query that opens this request's file for a minute.
    pub(crate) fn sign(&self, request: &str, now: Timestamp) -> String {
        let expires = now.as_second() + SECONDS;
        let sum = Bytes::copy_from_slice(&self.sum(request, expires).finalize().into_bytes());
        format!("/signed/{request}?Expires={expires}&Signature={sum:x}")
    }

    /// Checks what [`Signer::sign`] made.
    pub(crate) fn check(
        &self,
        request: &str,
        expires: Option<&str>,
        signature: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Wrong> {
        let expires: i64 = expires
            .and_then(|text| text.parse().ok())
            .ok_or(Wrong::Signature)?;
        let given = signature.and_then(bytes).ok_or(Wrong::Signature)?;
        self.sum(request, expires)
            .verify_slice(&given)
            .map_err(|_| Wrong::Signature)?;
        if now.as_second() > expires {
            Err(Wrong::Expired)
        } else {
            Ok(())
        }
    }

    fn sum(&self, request: &str, expires: i64) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut sum = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of 32 bytes");
        sum.update(format!("{request}\n{expires}").as_bytes());
        sum
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_one_file_for_a_minute() {
        let signer = Signer::new();
        let at = |second| Timestamp::from_second(second).unwrap();
        let path = signer.sign("abc", at(1000));
        let (expires, signature) = path
            .split_once("Expires=")
            .and_then(|(_, rest)| rest.split_once("&Signature="))
            .unwrap();
        let check =
            |request, second| signer.check(request, Some(expires), Some(signature), at(second));
        assert_eq!(check("abc", 1060), Ok(()));
        assert_eq!(check("abc", 1061), Err(Wrong::Expired));
        assert_eq!(check("other", 1000), Err(Wrong::Signature));
        assert_eq!(
            signer.check("abc", Some("9999999999"), Some(signature), at(1000)),
            Err(Wrong::Signature)
        );
        assert_eq!(
            signer.check("abc", Some(expires), None, at(1000)),
            Err(Wrong::Signature)
        );
    }
}
