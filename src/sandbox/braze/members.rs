//! Who is in an imported cohort: a bit a profile, so that two million people cost 250 KB. It must not know a profile.

use std::fmt::Write as _;

/// A set of profiles by number.
#[derive(Debug, Default)]
pub(crate) struct Members {
    words: Vec<u64>,
    size: u64,
}

impl Members {
    /// Takes a profile in; it may be there.
    pub(crate) fn insert(&mut self, profile: u32) {
        let word = profile as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let bit = 1 << (profile % 64);
        self.size += u64::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// Takes a profile out; it may not be there.
    pub(crate) fn remove(&mut self, profile: u32) {
        if let Some(word) = self.words.get_mut(profile as usize / 64) {
            let bit = 1 << (profile % 64);
            self.size -= u64::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    /// Tells whether a profile is there.
    pub(crate) fn contains(&self, profile: u32) -> bool {
        let word = self.words.get(profile as usize / 64);
        word.is_some_and(|word| word >> (profile % 64) & 1 == 1)
    }

    /// Returns how many they are.
    pub(crate) fn len(&self) -> u64 {
        self.size
    }

    /// Returns them in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            let bits = (0..64_u32).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| place as u32 * 64 + bit)
        })
    }

    /// Returns them as text: 16 hexadecimal digits for each 64 profiles.
    pub(crate) fn written(&self) -> String {
        let mut text = String::with_capacity(self.words.len() * 16);
        for word in &self.words {
            let _ = write!(text, "{word:016x}");
        }
        text
    }

    /// Reads what [`Members::written`] wrote; none if it is not that, or speaks of profiles beyond `people`.
    pub(crate) fn read(text: &str, people: usize) -> Option<Self> {
        let (parts, []) = text.as_bytes().as_chunks::<16>() else {
            return None;
        };
        let word = |part: &[u8; 16]| u64::from_str_radix(std::str::from_utf8(part).ok()?, 16).ok();
        let words: Vec<u64> = parts.iter().map(word).collect::<Option<_>>()?;
        let size = words.iter().map(|word| u64::from(word.count_ones())).sum();
        let members = Self { words, size };
        let last = members.iter().last();
        last.is_none_or(|last| (last as usize) < people)
            .then_some(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_survives_its_text() {
        let mut members = Members::default();
        for profile in [0, 63, 64, 200, 63] {
            members.insert(profile);
        }
        for profile in [64, 1, 9_999] {
            members.remove(profile);
        }
        let listed = |members: &Members| members.iter().collect::<Vec<_>>();
        assert_eq!((members.len(), listed(&members)), (3, vec![0, 63, 200]));
        let asked = [0, 1, 63, 64, 200, 9_999].map(|profile| members.contains(profile));
        assert_eq!(asked, [true, false, true, false, true, false]);
        let read = Members::read(&members.written(), 201).unwrap();
        assert_eq!((read.len(), listed(&read)), (3, vec![0, 63, 200]));
        assert!(
            Members::read(&members.written(), 200).is_none(),
            "of other people"
        );
        assert!(
            Members::read("12", 201).is_none() && Members::read("no hexadecimals!", 201).is_none()
        );
        assert_eq!(Members::read("", 0).unwrap().len(), 0);
    }
}
