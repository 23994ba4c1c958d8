//! In which project accounts are: what the configuration says, what the state was applied to and what the keys open must be
//! one. Another one than any of them is never written to.

use super::super::target::OTHER_HINT;

/// Returns the project; else what stands in the way, and what to do. `said` is the configuration's, `recorded` the state's,
/// and `told` the one that the keys open.
pub(in crate::engine) fn which(
    said: Option<u64>,
    recorded: Option<u64>,
    told: Option<u64>,
) -> Result<u64, (String, String)> {
    let differs = |one: Option<u64>, other: Option<u64>| one.zip(other).filter(|(a, b)| a != b);
    if let Some((said, told)) = differs(said, told) {
        return Err((
            format!(
                "amplitude.project_id is {said}, and the keys of Amplitude are of project {told}"
            ),
            format!("say amplitude.project_id: {told}, or use the keys of project {said}"),
        ));
    }
    if let Some((now, recorded)) = differs(said.or(told), recorded) {
        return Err((
            format!("the project is {now}, and the state is about project {recorded}"),
            OTHER_HINT.to_owned(),
        ));
    }
    said.or(recorded).or(told).ok_or_else(|| {
        (
            "the project is not known, and no cohort tells it".to_owned(),
            "say amplitude.project_id, the number in the project's settings".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::which;

    #[test]
    fn all_that_is_known_of_the_project_is_one() {
        let (a, b) = (Some(7), Some(8));
        for (said, recorded, told) in [(a, None, None), (None, a, None), (None, None, a), (a, a, a)]
        {
            assert_eq!(which(said, recorded, told), Ok(7));
        }
        for (said, recorded, told, words) in [
            (
                b,
                None,
                a,
                "amplitude.project_id is 8, and the keys of Amplitude are of project 7",
            ),
            (
                b,
                a,
                a,
                "amplitude.project_id is 8, and the keys of Amplitude are of project 7",
            ),
            (
                b,
                a,
                None,
                "the project is 8, and the state is about project 7",
            ),
            (
                None,
                a,
                b,
                "the project is 8, and the state is about project 7",
            ),
            (
                None,
                None,
                None,
                "the project is not known, and no cohort tells it",
            ),
        ] {
            let (message, _) = which(said, recorded, told).unwrap_err();
            assert_eq!(message, words);
        }
    }
}
