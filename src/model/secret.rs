//! A secret that cannot be printed. It has neither Display nor Serialize, and Debug shows nothing.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A key or token. Wiped from memory when dropped; shown nowhere.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value into custody.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// Lends the value to what puts it on the wire or scrubs it from foreign text.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
