//! In which order people are asked where all cannot be at once: by chance, and by the same chance each time, so that
//! whoever was asked first is a fair sample of all, however often the asking was cut.

use sha2::{Digest, Sha256};

use crate::model::Key;

/// Bytes of a place.
pub const PLACE: usize = 8;

/// Returns a person's place in the order of a seed.
pub fn place(seed: &str, key: &Key) -> [u8; PLACE] {
    let mut hasher = Sha256::new();
    hasher.update(seed.as_bytes());
    // No seed and no key holds it.
    hasher.update([0]);
    hasher.update(key.bytes());
    let mut place = [0; PLACE];
    place.copy_from_slice(&hasher.finalize()[..PLACE]);
    place
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The first so many of 10,000 people.
    fn first(seed: &str, most: usize) -> Vec<u32> {
        let of = |id: u32| {
            (
                place(seed, &Key::external(&format!("p{id:0>5}")).unwrap()),
                id,
            )
        };
        let mut people: Vec<_> = (0..10_000).map(of).collect();
        people.sort_unstable();
        people.into_iter().take(most).map(|(_, id)| id).collect()
    }

    #[test]
    fn a_longer_sample_begins_with_the_shorter_one_and_another_seed_is_another() {
        assert_eq!(first("100", 1200)[..600], first("100", 600));
        let both: BTreeSet<u32> = [first("100", 600), first("101", 600)]
            .concat()
            .into_iter()
            .collect();
        assert!(both.len() > 1100, "{}", both.len());
    }

    #[test]
    fn an_estimate_from_the_sample_is_near_the_truth() {
        // A tenth of all, and by far not evenly spread over the ids.
        let has = |id: u32| id < 1000;
        let mut sum = 0;
        for seed in 0..20 {
            let found = first(&seed.to_string(), 600)
                .into_iter()
                .filter(|id| has(*id))
                .count();
            assert!((30..=95).contains(&found), "{found} of 60 expected");
            sum += found;
        }
        assert!((1080..=1320).contains(&sum), "{sum} of 1,200 expected");
    }
}
