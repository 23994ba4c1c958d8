//! Draws what a first apply found in Braze: what need not be sent, whom Braze does not know, who was not asked for.

use super::text::{number, people};
use crate::model::plan::{Action, Cost, Delta, Plan};

/// What is said of the people whom Braze was asked for; nothing where nobody was to be.
pub(super) fn notes(delta: &Delta, cost: Option<&Cost>) -> Vec<String> {
    let mut notes = vec![];
    let new = cost.map_or(0, |cost| cost.new_users);
    if delta.exported > 0 {
        let (adopted, all) = (number(delta.adopted), number(delta.exported));
        notes.push(format!("{adopted} of the segment's {all} members adopted"));
    }
    if delta.asked + delta.unasked == 0 {
        notes.extend((new > 0).then(|| created(new)));
        return notes;
    }
    if delta.adopted > 0 {
        let already = number(delta.adopted);
        notes.push(format!("{already} already as they should be"));
    }
    notes.extend((new > 0).then(|| created(new)));
    if delta.dropped > 0 {
        let dropped = number(delta.dropped);
        notes.push(format!(
            "{dropped} not in Braze, which drops what is sent to them"
        ));
    }
    if delta.absent > 0 && delta.asked > 0 {
        let absent = number(delta.absent);
        notes.push(format!(
            "{absent} not in Braze, sent once they have appeared"
        ));
    }
    // Who may be created is told by itself.
    let unasked = delta.unasked.saturating_sub(delta.may_create);
    if unasked > 0 {
        let all = if delta.asked == 0 { "" } else { "the other " };
        notes.push(format!("{all}{} not asked for", people(unasked)));
    }
    notes
}

fn created(people: u64) -> String {
    format!("{} not in Braze, to be created", number(people))
}

/// What is said of all that is applied for the first time.
pub(super) fn before(plan: &Plan) -> &'static str {
    let created = plan.resources.iter();
    let mut created = created.filter(|resource| resource.action == Action::Create);
    let found = created.all(|resource| {
        let delta = resource.delta.as_ref();
        delta.is_some_and(|delta| delta.exported > 0 || (delta.asked > 0 && delta.unasked == 0))
    });
    if found {
        "Who else was in Braze before a first apply is not known: only what Syncform adds, or found there, is ever removed."
    } else {
        "What was in Braze before a first apply is not known: only what Syncform adds is ever removed."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_dropped_in_silence() {
        let delta = Delta {
            adopted: 1_200,
            asked: 1_500,
            unknown: 30,
            dropped: 30,
            unasked: 40,
            ..Delta::default()
        };
        let said = notes(&delta, Some(&Cost::default()));
        let wanted = [
            "1,200 already as they should be",
            "30 not in Braze, which drops what is sent to them",
            "the other 40 people not asked for",
        ];
        assert_eq!(said, wanted);
        let cost = Cost {
            new_users: 30,
            ..Cost::default()
        };
        let delta = Delta {
            may_create: 40,
            dropped: 0,
            ..delta
        };
        let wanted = [
            "1,200 already as they should be",
            "30 not in Braze, to be created",
        ];
        assert_eq!(notes(&delta, Some(&cost)), wanted);
        assert_eq!(notes(&Delta::default(), None), Vec::<String>::new());
    }
}
