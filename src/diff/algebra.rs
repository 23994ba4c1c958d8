//! Set algebra over sorted streams: who is in it, by which of the cohorts hold them. It decides one key at a time.
//!
//! # Guarantees
//! Every key comes out once, in order. Memory is one row a stream, however many rows there are.
//!
//! # Errors
//! A stream that is not strictly ascending ends the selection: a wrong order would look like removals.

use super::join::{Keyed, Side};
use crate::model::Unsorted;

/// Who is in it, by which cohorts hold them; a cohort goes by its place among all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Algebra {
    /// Whoever that cohort holds.
    In(usize),
    /// Whoever is in each; everybody where there is none.
    All(Vec<Self>),
    /// Whoever is in at least one.
    Any(Vec<Self>),
    /// Whoever is in none.
    Not(Vec<Self>),
}

impl Algebra {
    /// Whoever the first cohort holds and none of so many others does.
    pub fn less(others: usize) -> Self {
        match others {
            0 => Self::In(0),
            _ => Self::All(vec![
                Self::In(0),
                Self::Not((1..=others).map(Self::In).collect()),
            ]),
        }
    }

    /// Whether somebody is in it whom these cohorts hold.
    pub fn holds(&self, held: &[bool]) -> bool {
        match self {
            Self::In(at) => held.get(*at).copied().unwrap_or(false),
            Self::All(each) => each.iter().all(|one| one.holds(held)),
            Self::Any(each) => each.iter().any(|one| one.holds(held)),
            Self::Not(each) => !each.iter().any(|one| one.holds(held)),
        }
    }

    /// The same where it is not known of every cohort whether it holds them; none where that decides.
    pub fn tells(&self, held: &[Option<bool>]) -> Option<bool> {
        let any = |each: &[Self], wanted: bool| {
            let mut unknown = false;
            for one in each {
                match one.tells(held) {
                    Some(told) if told == wanted => return Some(wanted),
                    Some(_) => {}
                    None => unknown = true,
                }
            }
            (!unknown).then_some(!wanted)
        };
        match self {
            Self::In(at) => held.get(*at).copied().unwrap_or(Some(false)),
            Self::All(each) => any(each, false),
            Self::Any(each) => any(each, true),
            Self::Not(each) => any(each, true).map(|told| !told),
        }
    }

    /// Whether a cohort keeps anybody out who would be in it, at whatever depth.
    pub fn negates(&self, cohort: usize) -> bool {
        self.reaches(cohort, false)
    }

    /// Whether a cohort is met at an odd depth of `Not`.
    fn reaches(&self, cohort: usize, negated: bool) -> bool {
        match self {
            Self::In(at) => negated && *at == cohort,
            Self::All(each) | Self::Any(each) => {
                each.iter().any(|one| one.reaches(cohort, negated))
            }
            Self::Not(each) => each.iter().any(|one| one.reaches(cohort, !negated)),
        }
    }

    /// Whether nobody whom a cohort holds is ever in it, whatever the others say.
    pub fn keeps_out(&self, cohort: usize) -> bool {
        let is_it = |one: &Self| *one == Self::In(cohort);
        match self {
            Self::In(_) => false,
            Self::All(each) => each.iter().any(|one| one.keeps_out(cohort)),
            Self::Any(each) => each.iter().all(|one| one.keeps_out(cohort)),
            Self::Not(each) => each.iter().any(|one| match one {
                Self::Any(inner) => inner.iter().any(is_it),
                one => is_it(one),
            }),
        }
    }
}

/// The rows of those who are in it: of each key the row of the first stream that has it.
pub struct Selected<T, I> {
    algebra: Algebra,
    streams: Vec<Side<T, I>>,
    held: Vec<bool>,
    begun: bool,
    ended: bool,
}

/// Selects of sorted streams the rows of those who are in it. Nobody is whom no stream holds.
pub fn select<T, E, I>(streams: Vec<I>, algebra: Algebra) -> Selected<T, I>
where
    T: Keyed,
    E: From<Unsorted>,
    I: Iterator<Item = Result<T, E>>,
{
    Selected {
        held: vec![false; streams.len()],
        streams: streams.into_iter().map(Side::new).collect(),
        algebra,
        begun: false,
        ended: false,
    }
}

impl<T, E, I> Selected<T, I>
where
    T: Keyed,
    E: From<Unsorted>,
    I: Iterator<Item = Result<T, E>>,
{
    fn step(&mut self) -> Result<Option<T>, E> {
        if !self.begun {
            for stream in &mut self.streams {
                stream.advance()?;
            }
            self.begun = true;
        }
        loop {
            let heads = self.streams.iter().enumerate();
            let heads = heads.filter_map(|(at, stream)| Some((at, stream.head.as_ref()?.key())));
            // Of equal keys the first stream's is the least.
            let Some((first, least)) = heads.min_by(|(_, one), (_, other)| one.cmp(other)) else {
                return Ok(None);
            };
            for (held, stream) in self.held.iter_mut().zip(&self.streams) {
                *held = stream.head.as_ref().is_some_and(|row| row.key() == least);
            }
            let mut row = None;
            for (at, stream) in self.streams.iter_mut().enumerate() {
                if self.held[at] {
                    let taken = stream.advance()?;
                    row = if at == first { taken } else { row };
                }
            }
            if self.algebra.holds(&self.held) {
                return Ok(row);
            }
        }
    }
}

impl<T, E, I> Iterator for Selected<T, I>
where
    T: Keyed,
    E: From<Unsorted>,
    I: Iterator<Item = Result<T, E>>,
{
    type Item = Result<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.step().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Algebra::*, *};
    use crate::model::{Key, Member};

    fn member(name: u8) -> Member {
        Member {
            key: Key::external(&format!("p{name:03}")).unwrap(),
            amplitude_id: Some(i64::from(name)),
            value: "".into(),
        }
    }

    fn algebra() -> impl Strategy<Value = Algebra> {
        let leaf = (0_usize..4).prop_map(In);
        leaf.prop_recursive(4, 24, 4, |inner| {
            let several = proptest::collection::vec(inner, 0..4);
            prop_oneof![
                several.clone().prop_map(All),
                several.clone().prop_map(Any),
                several.prop_map(Not)
            ]
        })
    }

    proptest! {
        #[test]
        fn whoever_comes_out_is_in_it_and_nobody_else(
            sets in proptest::collection::vec(proptest::collection::btree_set(0_u8..40, 0..30), 4),
            algebra in algebra(),
        ) {
            let streams = sets.iter().map(|set| set.iter().map(|name| Ok::<_, Unsorted>(member(*name))));
            let selected: Vec<Member> = select(streams.collect(), algebra.clone()).collect::<Result<_, _>>().unwrap();
            let everybody: BTreeSet<u8> = sets.iter().flatten().copied().collect();
            let held = |name: u8| sets.iter().map(|set| set.contains(&name)).collect::<Vec<_>>();
            let expected: Vec<Member> = everybody
                .into_iter()
                .filter(|name| algebra.holds(&held(*name)))
                .map(member)
                .collect();
            prop_assert_eq!(selected, expected);
        }

        #[test]
        fn what_is_told_is_true_whatever_the_unknown_turns_out_to_be(
            algebra in algebra(),
            told in proptest::collection::vec(proptest::option::of(any::<bool>()), 4),
            unknown in proptest::collection::vec(any::<bool>(), 4),
        ) {
            let held: Vec<bool> = told.iter().zip(&unknown).map(|(told, unknown)| told.unwrap_or(*unknown)).collect();
            if let Some(said) = algebra.tells(&told) {
                prop_assert_eq!(said, algebra.holds(&held));
            }
            let known: Vec<Option<bool>> = held.iter().copied().map(Some).collect();
            prop_assert_eq!(algebra.tells(&known), Some(algebra.holds(&held)));
            for (cohort, is_in) in held.iter().enumerate() {
                prop_assert!(!(algebra.keeps_out(cohort) && *is_in && algebra.holds(&held)));
            }
        }
    }

    proptest! {
        #[test]
        fn who_comes_into_a_cohort_that_negates_nothing_leaves_nothing(
            algebra in algebra(),
            held in proptest::collection::vec(any::<bool>(), 4),
        ) {
            for cohort in 0..4 {
                let with = |is_in: bool| {
                    let mut held = held.clone();
                    held[cohort] = is_in;
                    algebra.holds(&held)
                };
                prop_assert!(algebra.negates(cohort) || with(true) || !with(false));
                prop_assert!(!algebra.keeps_out(cohort) || algebra.negates(cohort) || !with(true));
            }
        }
    }

    #[test]
    fn the_first_less_others_keeps_those_out() {
        let less = Algebra::less(2);
        assert!(less.holds(&[true, false, false]));
        assert!(!less.holds(&[true, false, true]));
        assert!(!less.holds(&[false, false, false]));
        assert_eq!([0, 1, 2].map(|at| less.keeps_out(at)), [false, true, true]);
        assert_eq!(Algebra::less(0), In(0));
    }

    #[test]
    fn a_stream_out_of_order_ends_it() {
        let rows = |names: &[u8]| {
            names
                .iter()
                .map(|name| Ok(member(*name)))
                .collect::<Vec<_>>()
        };
        let streams = vec![rows(&[1, 3, 2]).into_iter(), rows(&[2]).into_iter()];
        let selected: Vec<Result<Member, Unsorted>> =
            select(streams, Any(vec![In(0), In(1)])).collect();
        assert!(selected.last().unwrap().is_err());
        assert!(selected.len() < 4);
    }
}
