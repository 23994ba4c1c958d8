//! Finds profiles by any of their identifiers. It must not hold the identifiers: two million people have millions.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::objects::Who;

/// Profiles by a 64-bit hash of identifier and kind: ten million of them collide once in 400,000 worlds.
#[derive(Debug, Default)]
pub(crate) struct Index {
    first: HashMap<u64, u32>,
    /// Only emails, phones and devices are shared.
    more: HashMap<u64, Vec<u32>>,
}

impl Index {
    /// Makes room, so that a large load grows it once.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.first.reserve(count);
    }

    /// Adds a profile under an identifier.
    pub(crate) fn add(&mut self, who: &Who<'_>, profile: u32) {
        let key = key(who);
        let first = *self.first.entry(key).or_insert(profile);
        let more = self.more.get(&key);
        if first != profile && !more.is_some_and(|more| more.contains(&profile)) {
            self.more.entry(key).or_default().push(profile);
        }
    }

    /// Removes a profile from an identifier.
    pub(crate) fn remove(&mut self, who: &Who<'_>, profile: u32) {
        let key = key(who);
        let mut left: Vec<u32> = self.find(who).filter(|found| *found != profile).collect();
        self.more.remove(&key);
        if left.is_empty() {
            self.first.remove(&key);
            return;
        }
        self.first.insert(key, left.remove(0));
        if !left.is_empty() {
            self.more.insert(key, left);
        }
    }

    /// Returns the profiles under an identifier, oldest first.
    pub(crate) fn find(&self, who: &Who<'_>) -> impl Iterator<Item = u32> {
        let key = key(who);
        let more = (!self.more.is_empty()).then(|| self.more.get(&key));
        let more = more.flatten().into_iter().flatten();
        self.first.get(&key).into_iter().chain(more).copied()
    }
}

fn key(who: &Who<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    match who {
        // Stored lower-cased (braze.md 6.1).
        Who::Email(email) => (3_u8, email.to_lowercase()).hash(&mut hash),
        Who::External(id) => (0_u8, id).hash(&mut hash),
        Who::Alias { name, label } => (1_u8, name, label).hash(&mut hash),
        Who::Braze(id) => (2_u8, id).hash(&mut hash),
        Who::Phone(phone) => (4_u8, phone).hash(&mut hash),
        Who::Device(id) => (5_u8, id).hash(&mut hash),
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_identifiers_keep_their_order() {
        let mut index = Index::default();
        let mail = Who::Email("A@x.org");
        for profile in [4, 2, 4, 9] {
            index.add(&mail, profile);
        }
        index.add(&Who::External("A@x.org"), 7);
        assert_eq!(
            index.find(&Who::Email("a@X.org")).collect::<Vec<_>>(),
            [4, 2, 9]
        );
        index.remove(&mail, 4);
        assert_eq!(index.find(&mail).collect::<Vec<_>>(), [2, 9]);
        index.remove(&mail, 9);
        index.remove(&mail, 2);
        assert_eq!(index.find(&mail).count(), 0);
    }
}
