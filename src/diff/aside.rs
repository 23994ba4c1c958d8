//! Rows set aside after a refusal: whether one waits longer, or is tried again.

use crate::model::{Change, Millis, Refusal};

/// When refused rows are tried again though nothing about them changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Now.
    pub now: Millis,
    /// How long after a refusal; none tries every row at once.
    pub wait: Option<Millis>,
}

impl Patience {
    /// Returns whether what was refused then is still left alone.
    pub fn lasts(&self, refused_at: Millis) -> bool {
        // A clock that went back does not hold a row for ever.
        self.wait
            .is_some_and(|wait| (0..wait).contains(&(self.now - refused_at)))
    }

    /// Returns whether a change is the one that was refused, and waits.
    pub fn holds(&self, change: &Change, refusal: &Refusal) -> bool {
        change.after == refusal.value && self.lasts(refusal.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Key, Standing, Verb};

    #[test]
    fn a_refused_row_waits_unless_it_is_another_or_time_is_up() {
        let key = Key::external("u").unwrap();
        let change = |after: Option<&str>| Change {
            key: key.clone(),
            amplitude_id: None,
            verb: Verb::Add,
            before: None,
            maybe: None,
            after: after.map(Into::into),
            standing: Standing::Unasked,
        };
        let refusal = Refusal {
            address: Address::new("sync", "a"),
            key: key.clone(),
            amplitude_id: None,
            verb: Verb::Add,
            value: Some("true".into()),
            reason: "no".into(),
            at: 100,
            run: "r".into(),
        };
        let at = |now, wait| Patience { now, wait };
        for (patience, after, holds) in [
            (at(100, Some(50)), Some("true"), true),
            (at(149, Some(50)), Some("true"), true),
            (at(150, Some(50)), Some("true"), false),
            (at(99, Some(50)), Some("true"), false),
            (at(149, Some(50)), Some("false"), false),
            (at(149, Some(50)), None, false),
            (at(101, None), Some("true"), false),
        ] {
            assert_eq!(
                patience.holds(&change(after), &refusal),
                holds,
                "{patience:?} {after:?}"
            );
        }
    }
}
