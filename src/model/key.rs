//! How one row names one person to Braze, as bytes that sort. Debug is masked: a person's id is nobody's log line.

use std::fmt;

/// The longest external id Braze takes, in bytes (braze `/users/track`, error `EXTERNAL_USER_ID_TOO_LARGE`).
const EXTERNAL_ID_BYTES: usize = 987;
/// The longest alias name or label Braze takes, in bytes (braze `/users/alias/new`).
const ALIAS_BYTES: usize = 236;

const ALIAS: u8 = b'a';
const DEVICE: u8 = b'd';
const EXTERNAL: u8 = b'e';

/// A tag byte and its payload, so that keys order by identifier first: alias (label, NUL, name), device id,
/// external id. A payload never holds NUL and is never empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[u8]>);

/// A key taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// A user alias.
    Alias {
        /// Its label.
        label: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// A device of an anonymous person.
    Device(&'a str),
    /// The external id.
    External(&'a str),
}

/// Why a text cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Nothing there.
    #[error("no identifier")]
    Empty,
    /// Longer than Braze takes.
    #[error("identifier longer than Braze takes")]
    TooLong,
    /// Holds a NUL character.
    #[error("identifier with a NUL character")]
    Nul,
    /// Bytes that are no key.
    #[error("not a key")]
    Malformed,
}

impl Key {
    /// Makes the key of what it names.
    pub fn of(identity: &Identity<'_>) -> Result<Self, BadKey> {
        let length = match identity {
            Identity::Alias { label, name } => label.len() + name.len() + 2,
            Identity::Device(id) | Identity::External(id) => id.len() + 1,
        };
        // Exactly as much: this is done for every row that is read, and nothing is moved.
        let mut bytes = Vec::with_capacity(length);
        identity.write(&mut bytes)?;
        Ok(Self(bytes.into_boxed_slice()))
    }

    /// Makes the key of an external id.
    pub fn external(id: &str) -> Result<Self, BadKey> {
        Self::of(&Identity::External(id))
    }

    /// Makes the key of a device id.
    pub fn device(id: &str) -> Result<Self, BadKey> {
        Self::of(&Identity::Device(id))
    }

    /// Makes the key of an alias.
    pub fn alias(label: &str, name: &str) -> Result<Self, BadKey> {
        Self::of(&Identity::Alias { label, name })
    }

    /// Makes a key of bytes that were one: what `bytes` gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadKey> {
        match identity(bytes) {
            Some(Identity::External(id) | Identity::Device(id)) if !id.is_empty() => {
                Ok(Self(bytes.into()))
            }
            Some(Identity::Alias { label, name }) if !label.is_empty() && !name.is_empty() => {
                Ok(Self(bytes.into()))
            }
            _ => Err(BadKey::Malformed),
        }
    }

    /// Returns the sortable bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes with which all keys of its identifier begin, and no other key does: such keys stand side by
    /// side.
    pub fn identifier(&self) -> &[u8] {
        let label = match self.0.first() {
            Some(&ALIAS) => self.0.iter().position(|byte| *byte == 0).unwrap_or(0),
            _ => 0,
        };
        &self.0[..=label]
    }

    /// Returns whether it is anything but an external id.
    pub fn is_other_than_external(&self) -> bool {
        self.0.first() != Some(&EXTERNAL)
    }

    /// Takes the person out of a text about them.
    pub fn mask(&self, text: &str) -> String {
        let (Identity::Alias { name: id, .. } | Identity::Device(id) | Identity::External(id)) =
            self.identity();
        // A very short id stands in other words too.
        if id.len() < 3 || !text.contains(id) {
            return text.to_owned();
        }
        text.replace(id, "***")
    }

    /// Returns what the key names.
    pub fn identity(&self) -> Identity<'_> {
        identity(&self.0).unwrap_or(Identity::External(""))
    }
}

impl Identity<'_> {
    /// Writes the key's bytes into a buffer that is used again.
    pub fn write(&self, into: &mut Vec<u8>) -> Result<(), BadKey> {
        into.clear();
        match *self {
            Self::Alias { label, name } => {
                let (label, name) = (checked(label, ALIAS_BYTES)?, checked(name, ALIAS_BYTES)?);
                into.push(ALIAS);
                into.extend_from_slice(label.as_bytes());
                into.push(0);
                into.extend_from_slice(name.as_bytes());
            }
            Self::Device(id) => {
                let id = checked(id, EXTERNAL_ID_BYTES)?;
                into.push(DEVICE);
                into.extend_from_slice(id.as_bytes());
            }
            Self::External(id) => {
                let id = checked(id, EXTERNAL_ID_BYTES)?;
                into.push(EXTERNAL);
                into.extend_from_slice(id.as_bytes());
            }
        }
        Ok(())
    }

    /// Returns the identifier's word: `alias`, `device_id`, `external_id`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Alias { .. } => "alias",
            Self::Device(_) => "device_id",
            Self::External(_) => "external_id",
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}:***)", self.identity().word())
    }
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}:***)", self.word())
    }
}

fn checked(text: &str, longest: usize) -> Result<&str, BadKey> {
    match text {
        "" => Err(BadKey::Empty),
        _ if text.len() > longest => Err(BadKey::TooLong),
        _ if text.contains('\0') => Err(BadKey::Nul),
        _ => Ok(text),
    }
}

fn identity(bytes: &[u8]) -> Option<Identity<'_>> {
    let (tag, payload) = bytes.split_first()?;
    let text = std::str::from_utf8(payload).ok()?;
    match *tag {
        EXTERNAL => Some(Identity::External(text)),
        DEVICE => Some(Identity::Device(text)),
        ALIAS => text
            .split_once('\0')
            .map(|(label, name)| Identity::Alias { label, name }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_identifier_then_text() {
        let mut keys = [
            Key::external("a").unwrap(),
            Key::device("z").unwrap(),
            Key::alias("l", "z").unwrap(),
            Key::alias("l", "b").unwrap(),
            Key::external("B").unwrap(),
        ];
        keys.sort();
        let words: Vec<_> = keys.iter().map(|key| key.identity().word()).collect();
        assert_eq!(
            words,
            ["alias", "alias", "device_id", "external_id", "external_id"]
        );
        assert!(
            keys[0].identity()
                == Identity::Alias {
                    label: "l",
                    name: "b"
                }
        );
    }

    #[test]
    fn what_braze_would_not_take_is_no_key() {
        assert_eq!(Key::external(""), Err(BadKey::Empty));
        assert_eq!(Key::external("a\0b"), Err(BadKey::Nul));
        assert!(Key::external(&"x".repeat(987)).is_ok());
        assert_eq!(Key::external(&"x".repeat(988)), Err(BadKey::TooLong));
        assert_eq!(Key::alias("l", &"x".repeat(237)), Err(BadKey::TooLong));
    }

    #[test]
    fn keys_of_one_identifier_begin_alike() {
        let begin = |key: Result<Key, BadKey>| key.unwrap().identifier().to_vec();
        assert_eq!(begin(Key::external("a")), b"e");
        assert_eq!(begin(Key::device("a")), b"d");
        assert_eq!(begin(Key::alias("ab", "c")), b"aab\0");
    }

    #[test]
    fn bytes_come_back_and_debug_is_masked() {
        let key = Key::alias("amplitude_id", "42").unwrap();
        assert_eq!(Key::from_bytes(key.bytes()), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "Key(alias:***)");
        let person = Key::external("jane@acme.com").unwrap();
        assert_eq!(
            person.mask("'jane@acme.com' is not valid"),
            "'***' is not valid"
        );
        assert_eq!(Key::from_bytes(b"zfoo"), Err(BadKey::Malformed));
    }
}
