//! Which cohort a sync means: the one it was pinned to, or another that now bears its name.
//!
//! A cohort that was renamed is followed by its id. A name that now means another id is another cohort: a
//! replacement, under the guards. One that is archived, gone or ambiguous is an error, never an empty cohort.

use crate::model::Cohort;

/// How the YAML names a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// By name.
    Name(&'a str),
    /// By id.
    Id(&'a str),
}

/// The cohort a sync was pinned to when it was last applied, if the YAML still names it the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin<'a> {
    /// Its id.
    pub id: &'a str,
}

/// Why no cohort is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// No cohort of that name or id; the nearest names there are.
    Missing(Vec<String>),
    /// It is archived.
    Archived(String),
    /// Several bear the name; their ids and sizes.
    Ambiguous(Vec<(String, u64)>),
}

/// Returns the cohort that is meant.
pub fn resolve<'a>(
    named: Named,
    pin: Option<Pin>,
    list: &'a [Cohort],
) -> Result<&'a Cohort, Unresolved> {
    let live = |cohort: &&Cohort| !cohort.archived;
    let by_id = |id: &str| list.iter().find(|cohort| cohort.id == id);
    match named {
        Named::Id(id) => match by_id(id) {
            Some(cohort) if cohort.archived => Err(Unresolved::Archived(cohort.id.clone())),
            Some(cohort) => Ok(cohort),
            None => Err(Unresolved::Missing(nearest(id, list, |cohort| &cohort.id))),
        },
        Named::Name(name) => {
            let pinned = pin.and_then(|pin| by_id(pin.id));
            let bearers: Vec<&Cohort> = list
                .iter()
                .filter(|cohort| cohort.name == name)
                .filter(live)
                .collect();
            match (pinned, bearers.as_slice()) {
                (Some(pinned), bearers) if bearers.iter().any(|cohort| cohort.id == pinned.id) => {
                    Ok(pinned)
                }
                (_, [one]) => Ok(one),
                (_, [_, _, ..]) => Err(Unresolved::Ambiguous(
                    bearers
                        .iter()
                        .map(|cohort| (cohort.id.clone(), cohort.size))
                        .collect(),
                )),
                (Some(pinned), []) if pinned.archived => {
                    Err(Unresolved::Archived(pinned.id.clone()))
                }
                (Some(pinned), []) => Ok(pinned),
                (None, []) => match list.iter().find(|cohort| cohort.name == name) {
                    Some(archived) => Err(Unresolved::Archived(archived.id.clone())),
                    None => Err(Unresolved::Missing(nearest(name, list, |cohort| {
                        &cohort.name
                    }))),
                },
            }
        }
    }
}

/// Names, or ids, much like the one asked for, best first.
fn nearest(asked: &str, list: &[Cohort], of: fn(&Cohort) -> &str) -> Vec<String> {
    let live = list.iter().filter(|cohort| !cohort.archived);
    near(asked, live.map(of))
}

/// The names much like the one asked for, best first.
pub(super) fn near<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let likeness = |name: &str| similar::TextDiff::from_chars(asked, name).ratio();
    let mut near: Vec<(f32, &str)> = names.map(|name| (likeness(name), name)).collect();
    near.retain(|(likeness, _)| *likeness > 0.6);
    near.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.cmp(right)));
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(id: &str, name: &str, archived: bool) -> Cohort {
        Cohort {
            id: id.to_owned(),
            name: name.to_owned(),
            archived,
            size: 0,
            computed: None,
            project: None,
            computes: false,
            definition: String::new(),
            syncs: None,
        }
    }

    #[test]
    fn names_and_pins() {
        let power = || cohort("a", "Power", false);
        let other = || cohort("b", "Power", false);
        let renamed = || cohort("a", "Strong", false);
        let pin = Some(Pin { id: "a" });
        let name = Named::Name("Power");
        let table: Vec<(&str, Option<Pin>, Vec<Cohort>, Result<&str, Unresolved>)> = vec![
            ("by name", None, vec![power()], Ok("a")),
            ("pinned of two", pin, vec![power(), other()], Ok("a")),
            (
                "two of one name",
                None,
                vec![power(), other()],
                Err(Unresolved::Ambiguous(vec![
                    ("a".into(), 0),
                    ("b".into(), 0),
                ])),
            ),
            ("renamed", pin, vec![renamed()], Ok("a")),
            (
                "renamed, another bears the name",
                pin,
                vec![renamed(), other()],
                Ok("b"),
            ),
            ("gone", pin, vec![], Err(Unresolved::Missing(vec![]))),
            ("recreated", pin, vec![other()], Ok("b")),
            (
                "archived",
                pin,
                vec![cohort("a", "Power", true)],
                Err(Unresolved::Archived("a".into())),
            ),
            (
                "archived, unpinned",
                None,
                vec![cohort("a", "Power", true)],
                Err(Unresolved::Archived("a".into())),
            ),
            (
                "misspelt",
                None,
                vec![cohort("a", "Powers", false)],
                Err(Unresolved::Missing(vec!["Powers".into()])),
            ),
        ];
        for (case, pin, list, expected) in table {
            let found = resolve(name, pin, &list).map(|cohort| cohort.id.as_str());
            assert_eq!(found, expected, "{case}");
        }
        assert_eq!(
            resolve(Named::Id("z"), None, &[power()]),
            Err(Unresolved::Missing(vec![]))
        );
    }
}
