//! What became of a cohort that was pinned: renamed, archived, gone, another one, or defined otherwise than when the sync was
//! last applied.

use super::pin::{Named, Pin, resolve};
use crate::model::Cohort;

/// A cohort as it was when it was last applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name then.
    pub name: &'a str,
    /// Digest of its definition then, if it was remembered.
    pub definition: Option<&'a str>,
}

/// Something that changed outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved<'a> {
    /// It is listed no more: deleted, or no longer discoverable.
    Gone,
    /// Another cohort bears the name: its id.
    Other(&'a str),
    /// It is archived.
    Archived,
    /// It bears another name.
    Renamed(&'a str),
    /// It is defined otherwise: the digest now.
    Redefined(&'a str),
}

impl Moved<'_> {
    /// Returns what of the cohort it is, as drift names it.
    pub const fn path(&self) -> &'static str {
        match self {
            Self::Gone => "cohort",
            Self::Other(_) => "cohort.id",
            Self::Archived => "cohort.archived",
            Self::Renamed(_) => "cohort.name",
            Self::Redefined(_) => "cohort.definition",
        }
    }
}

/// Returns what changed of a pinned cohort that the configuration still names so.
pub fn moved<'a>(pinned: Pinned<'_>, named: Named, list: &'a [Cohort]) -> Vec<Moved<'a>> {
    let pin = Some(Pin { id: pinned.id });
    if let Ok(other) = resolve(named, pin, list)
        && other.id != pinned.id
    {
        return vec![Moved::Other(&other.id)];
    }
    let Some(cohort) = list.iter().find(|cohort| cohort.id == pinned.id) else {
        return vec![Moved::Gone];
    };
    let renamed = cohort.name != pinned.name && Named::Name(&cohort.name) != named;
    let known = pinned.definition;
    let redefined = known.is_some_and(|known| known != cohort.definition);
    let changes = [
        cohort.archived.then_some(Moved::Archived),
        renamed.then_some(Moved::Renamed(&cohort.name)),
        redefined.then_some(Moved::Redefined(&cohort.definition)),
    ];
    changes.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(id: &str, name: &str) -> Cohort {
        Cohort {
            id: id.to_owned(),
            name: name.to_owned(),
            archived: false,
            size: 0,
            computed: None,
            project: None,
            computes: false,
            definition: "d1".to_owned(),
            syncs: None,
        }
    }

    #[test]
    fn each_change_is_told() {
        let power = || cohort("a", "Power");
        let archived = Cohort {
            archived: true,
            definition: "d2".to_owned(),
            ..power()
        };
        let redefined = Cohort {
            definition: "d2".to_owned(),
            ..power()
        };
        let (name, id) = (Named::Name("Power"), Named::Id("a"));
        let table = [
            ("the same", name, vec![power()], vec![]),
            ("gone", name, vec![cohort("b", "Weak")], vec![Moved::Gone]),
            (
                "renamed",
                name,
                vec![cohort("a", "Strong")],
                vec![Moved::Renamed("Strong")],
            ),
            (
                "renamed, by id",
                id,
                vec![cohort("a", "Strong")],
                vec![Moved::Renamed("Strong")],
            ),
            (
                "the configuration followed",
                Named::Name("Strong"),
                vec![cohort("a", "Strong")],
                vec![],
            ),
            (
                "made anew",
                name,
                vec![cohort("b", "Power")],
                vec![Moved::Other("b")],
            ),
            (
                "archived",
                name,
                vec![archived],
                vec![Moved::Archived, Moved::Redefined("d2")],
            ),
            (
                "redefined",
                name,
                vec![redefined],
                vec![Moved::Redefined("d2")],
            ),
        ];
        for (case, named, list, wanted) in table {
            let pinned = Pinned {
                id: "a",
                name: "Power",
                definition: Some("d1"),
            };
            assert_eq!(moved(pinned, named, &list), wanted, "{case}");
        }
        let old = Pinned {
            id: "a",
            name: "Power",
            definition: None,
        };
        assert_eq!(
            moved(old, name, &[power()]),
            [],
            "an older state remembers no definition"
        );
    }
}
