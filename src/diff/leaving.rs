//! People whose row goes under one identifier while they stay under another: a changed mapping, a visitor who signed
//! up. Both identifiers may open one profile, and Braze keeps no order between requests, so what is put there comes
//! after what is taken away.

use crate::model::{Change, Key, Verb};

/// The people whose rows go, by Amplitude's numbers.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    ids: Vec<i64>,
    mixed: bool,
}

impl Leaving {
    /// Takes in a person who is named to Braze, by any key. Two external ids are two profiles: where there is nothing
    /// else, nobody needs to be looked for. Aliases and devices sort before external ids, so they are met first.
    pub fn meet(&mut self, key: &Key) {
        self.mixed = self.mixed || key.is_other_than_external();
    }

    /// Takes in a row that is to be sent.
    pub fn send(&mut self, change: &Change) {
        self.meet(&change.key);
        if change.verb == Verb::Remove && self.mixed {
            self.ids.extend(change.amplitude_id);
        }
    }

    /// Ends the taking in; none where nobody leaves who could stay under another identifier.
    pub fn known(mut self) -> Option<Self> {
        self.ids.sort_unstable();
        (!self.ids.is_empty()).then_some(self)
    }

    /// Returns whether a person's row goes.
    pub fn holds(&self, amplitude_id: Option<i64>) -> bool {
        amplitude_id.is_some_and(|id| self.ids.binary_search(&id).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removal(key: Key, id: i64) -> Change {
        Change {
            key,
            amplitude_id: Some(id),
            verb: Verb::Remove,
            before: Some("true".into()),
            maybe: None,
            after: None,
            standing: crate::model::Standing::Unasked,
        }
    }

    #[test]
    fn only_where_identifiers_are_mixed() {
        let external = |id| Key::external(id).unwrap();
        let mut plain = Leaving::default();
        plain.send(&removal(external("a"), 1));
        plain.meet(&external("b"));
        assert!(plain.known().is_none());

        let mut mixed = Leaving::default();
        mixed.meet(&Key::alias("amplitude_id", "1").unwrap());
        mixed.send(&removal(external("a"), 1));
        mixed.send(&removal(external("b"), 7));
        let known = mixed.known().unwrap();
        let found: Vec<bool> = [Some(1), Some(2), Some(7), None]
            .map(|id| known.holds(id))
            .into();
        assert_eq!(found, [true, false, true, false]);
    }
}
