//! Which questions are put to the User Profile API about the people of one cohort, so that as few requests as can be
//! serve every sync of it.
//!
//! Computations come back by name. One whose name nobody said can be told only where it was asked alone, so each of
//! those is a question of its own; all the others, and all recommendations, are one.

use crate::model::profile::{Computation, Question};

/// Returns the questions that serve these.
pub fn questions<'a>(wanted: impl IntoIterator<Item = &'a Question> + Clone) -> Vec<Question> {
    let mut together = Question::default();
    let mut alone: Vec<Computation> = vec![];
    for question in wanted {
        for computation in &question.computations {
            let list = if is_alone(question) {
                &mut alone
            } else {
                &mut together.computations
            };
            if !list.contains(computation) {
                list.push(computation.clone());
            }
        }
        for recommendation in &question.recommendations {
            if !together.recommendations.contains(recommendation) {
                together.recommendations.push(recommendation.clone());
            }
        }
    }
    alone.sort();
    together.computations.sort();
    together.recommendations.sort();
    let mut alone = alone.into_iter();
    if together.computations.is_empty() {
        together.computations.extend(alone.next());
    }
    let rest = alone.map(|computation| Question {
        computations: vec![computation],
        recommendations: vec![],
    });
    let all = std::iter::once(together).chain(rest);
    all.filter(|question| !question.is_empty()).collect()
}

/// Whether the one computation of a question can be told only where it is asked alone.
fn is_alone(question: &Question) -> bool {
    matches!(question.computations.as_slice(), [one] if one.name.is_none())
}

/// Returns which of the questions serves a wish, and which of its cells those of the wish are, in their order.
pub fn place(questions: &[Question], wanted: &Question) -> Option<(usize, Vec<usize>)> {
    let cells = |question: &Question| {
        // By itself it is known by no name: in another question it would be sought by its id.
        let lone = is_alone(wanted) && question.computations.len() > 1;
        let computations = wanted.computations.iter();
        let computations =
            computations.map(|one| question.computations.iter().position(|known| known == one));
        let recommendations = wanted.recommendations.iter().map(|one| {
            let at = question
                .recommendations
                .iter()
                .position(|known| known == one);
            at.map(|at| question.computations.len() + at)
        });
        let cells: Option<Vec<usize>> = computations.chain(recommendations).collect();
        cells.filter(|_| !lone)
    };
    let mut all = questions.iter().enumerate();
    all.find_map(|(at, question)| Some((at, cells(question)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(computations: &[(&str, Option<&str>)], recommendations: &[&str]) -> Question {
        let computation = |(id, name): &(&str, Option<&str>)| Computation {
            id: (*id).to_owned(),
            name: name.map(str::to_owned),
        };
        Question {
            computations: computations.iter().map(computation).collect(),
            recommendations: recommendations.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    #[test]
    fn what_has_a_name_is_asked_together_and_what_has_none_alone() {
        let several = question(&[("c", None), ("b", Some("beta"))], &[]);
        let named = question(&[("d", Some("delta"))], &[]);
        let nameless = question(&[("c", None)], &[]);
        let other = question(&[("a", None)], &[]);
        let recommended = question(&[], &["r"]);
        let wanted = [
            &several,
            &named,
            &nameless,
            &other,
            &recommended,
            &recommended,
        ];
        let found = questions(wanted);
        assert_eq!(
            found,
            [
                question(
                    &[("b", Some("beta")), ("c", None), ("d", Some("delta"))],
                    &["r"]
                ),
                question(&[("a", None)], &[]),
                question(&[("c", None)], &[]),
            ]
        );
        assert_eq!(place(&found, &several), Some((0, vec![1, 0])));
        assert_eq!(place(&found, &recommended), Some((0, vec![3])));
        assert_eq!(place(&found, &nameless), Some((2, vec![0])));
        assert_eq!(place(&found, &other), Some((1, vec![0])));
        assert_eq!(place(&found, &question(&[("e", None)], &[])), None);
    }

    #[test]
    fn one_that_is_nameless_and_recommendations_share_a_request() {
        let (nameless, recommended) = (question(&[("c", None)], &[]), question(&[], &["s", "r"]));
        let found = questions([&nameless, &recommended]);
        assert_eq!(found, [question(&[("c", None)], &["r", "s"])]);
        assert_eq!(place(&found, &recommended), Some((0, vec![2, 1])));
        assert!(questions([]).is_empty());
    }
}
