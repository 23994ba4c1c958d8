//! What a plan says of people whose profiles were not read yet: those who were are a fair sample of them.

use crate::model::plan::{AttributePlan, Delta};

/// Why a row has no value: the User Profile API knows nobody of that id.
pub const NOT_IN_AMPLITUDE: &str = "not_in_amplitude";
/// Why nothing is said of a row: the profile cannot be read.
pub const PROFILE_UNREADABLE: &str = "profile_unreadable";

/// Returns by how much figures of those who were read are multiplied; none where all were read, or nobody.
pub fn factor(delta: &Delta) -> Option<f64> {
    let read = delta.people.saturating_sub(delta.unread);
    (delta.unread > 0 && read > 0).then(|| delta.people as f64 / read as f64)
}

/// Returns a figure multiplied, to the nearest whole.
pub fn scaled(figure: u64, factor: f64) -> u64 {
    (figure as f64 * factor).round() as u64
}

/// Makes estimates of figures that were counted of some.
pub fn estimate(delta: &mut Delta, attributes: &mut [AttributePlan]) {
    delta.estimated = delta.unread > 0;
    let Some(factor) = factor(delta) else {
        return;
    };
    let counted = delta.add;
    let of_delta = [&mut delta.add, &mut delta.change, &mut delta.cleared];
    // People are left out for these reasons once they are read; for others, before.
    let of_read = [NOT_IN_AMPLITUDE, PROFILE_UNREADABLE];
    let skipped = delta.skipped.iter_mut();
    let skipped = skipped.filter(|(reason, _)| of_read.contains(&reason.as_str()));
    let skipped = skipped.map(|(_, figure)| figure);
    for figure in of_delta.into_iter().chain(skipped) {
        *figure = scaled(*figure, factor);
    }
    delta.after += delta.add - counted;
    for attribute in attributes {
        let of_attribute = [
            &mut attribute.added,
            &mut attribute.changed,
            &mut attribute.cleared,
            &mut attribute.data_points,
            &mut attribute.full_push_data_points,
        ];
        let skipped = attribute.skipped.values_mut();
        let shared = attribute.transitions.iter_mut().map(|told| &mut told.count);
        for figure in of_attribute.into_iter().chain(skipped).chain(shared) {
            *figure = scaled(*figure, factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_sample_stand_for_all_and_removals_are_counted() {
        let mut delta = Delta {
            people: 3000,
            unread: 2400,
            add: 60,
            change: 120,
            remove: 7,
            after: 560,
            skipped: [("excluded", 4), (NOT_IN_AMPLITUDE, 5)]
                .map(|(reason, count)| (reason.to_owned(), count))
                .into(),
            ..Delta::default()
        };
        let mut attributes = [AttributePlan {
            added: 60,
            full_push_data_points: 600,
            ..AttributePlan::named("ltv".to_owned())
        }];
        estimate(&mut delta, &mut attributes);
        assert_eq!((delta.add, delta.change, delta.remove), (300, 600, 7));
        assert_eq!((delta.after, delta.estimated), (800, true));
        assert_eq!(delta.skipped["excluded"], 4);
        assert_eq!(delta.skipped[NOT_IN_AMPLITUDE], 25);
        assert_eq!(attributes[0].full_push_data_points, 3000);
        assert_eq!(attributes[0].added, 300);
    }

    #[test]
    fn where_all_were_read_or_nobody_nothing_is_multiplied() {
        let of = |unread| Delta {
            people: 10,
            unread,
            add: 3,
            ..Delta::default()
        };
        for (unread, estimated) in [(0, false), (10, true)] {
            let mut delta = of(unread);
            estimate(&mut delta, &mut []);
            assert_eq!((delta.add, delta.estimated), (3, estimated));
        }
    }
}
