//! Which static cohort of Amplitude an entry fills: one that is there, or one that is still to be made.
//!
//! An upload without an answer may have made a cohort. So the state remembers that one was begun, and the next plan takes up
//! the one cohort that bears its name. Without that word a cohort of the same name is somebody else's, and is never filled.

use crate::model::Cohort;

/// What an entry says of its cohort.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// The id of one that is taken over.
    pub id: Option<&'a str>,
    /// Whether the list shows it.
    pub published: bool,
}

/// What the state remembers of it.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its id; none where an upload was begun, and nobody knows what it made.
    pub id: Option<&'a str>,
}

/// Where its members go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// Into this one of the list.
    Listed(&'a Cohort),
    /// Into one of this id, which the list does not show.
    Unlisted(String),
    /// Into one that is to be made.
    New,
}

/// Why they go nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// It is archived.
    Archived(String),
    /// It is no longer listed.
    Gone(String),
    /// Amplitude computes who is in the one that is to be taken over.
    Computed(String),
    /// No cohort of the id that is to be taken over is listed.
    Missing(String),
    /// Another one was filled before.
    Another {
        /// The one before.
        known: String,
        /// The one named now.
        named: String,
    },
    /// Others bear the name.
    Taken(Vec<String>),
    /// One of these was made by an upload that was begun.
    Several(Vec<String>),
    /// An upload was begun, and the list would not show what it made.
    Unseen,
}

/// Finds the cohort.
pub fn place<'a>(
    wanted: Wanted<'_>,
    known: Option<Known<'_>>,
    list: &'a [Cohort],
) -> Result<Place<'a>, Misplaced> {
    let remembered = known.and_then(|known| known.id);
    if let (Some(known), Some(named)) = (remembered, wanted.id)
        && known != named
    {
        return Err(Misplaced::Another {
            known: known.to_owned(),
            named: named.to_owned(),
        });
    }
    if let Some(id) = remembered.or(wanted.id) {
        return match list.iter().find(|cohort| cohort.id == id) {
            Some(cohort) if cohort.archived => Err(Misplaced::Archived(id.to_owned())),
            Some(cohort) if cohort.computes && remembered.is_none() => {
                Err(Misplaced::Computed(id.to_owned()))
            }
            Some(cohort) => Ok(Place::Listed(cohort)),
            None if !wanted.published => Ok(Place::Unlisted(id.to_owned())),
            None if remembered.is_some() => Err(Misplaced::Gone(id.to_owned())),
            None => Err(Misplaced::Missing(id.to_owned())),
        };
    }
    let mut bearers = list.iter();
    let bearers: Vec<&Cohort> = bearers
        .by_ref()
        .filter(|cohort| cohort.name == wanted.name && !cohort.archived)
        .collect();
    let ids = || bearers.iter().map(|cohort| cohort.id.clone()).collect();
    match (known.is_some(), bearers.as_slice()) {
        (true, [one]) => Ok(Place::Listed(one)),
        (true, []) if !wanted.published => Err(Misplaced::Unseen),
        (_, []) => Ok(Place::New),
        (true, _) => Err(Misplaced::Several(ids())),
        (false, _) => Err(Misplaced::Taken(ids())),
    }
}

/// What is left in Amplitude of a cohort that is no longer declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left<'a> {
    /// This one of the list.
    Listed(&'a Cohort),
    /// Nothing.
    Nothing,
    /// Perhaps one: the list cannot tell.
    Unseen,
}

/// Finds what is left of a cohort that was made, or was to be: by its id, or by its name where no upload told one.
pub fn left<'a>(known: Known<'_>, name: &str, published: bool, list: &'a [Cohort]) -> Left<'a> {
    let is_it = |cohort: &&Cohort| match known.id {
        Some(id) => cohort.id == id,
        None => cohort.name == name && !cohort.archived,
    };
    let mut found = list.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(cohort), _) if cohort.archived => Left::Nothing,
        (Some(cohort), None) => Left::Listed(cohort),
        (None, _) if published => Left::Nothing,
        // One of several of that name, or one that no list shows.
        (_, _) => Left::Unseen,
    }
}

/// What is to be done about the name that Amplitude shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// It is right, or nobody sees it.
    Same,
    /// Somebody renamed it there: drift.
    Renamed,
    /// The configuration gives it another: a change by hand.
    ToRename,
}

/// Compares the name that Amplitude shows with the one configured, and the one that was last right.
pub fn naming(shown: Option<&str>, wanted: &str, last: Option<&str>) -> Naming {
    match shown {
        Some(shown) if shown != wanted && last == Some(wanted) => Naming::Renamed,
        Some(shown) if shown != wanted => Naming::ToRename,
        _ => Naming::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(id: &str, name: &str, archived: bool) -> Cohort {
        Cohort {
            id: id.to_owned(),
            name: name.to_owned(),
            archived,
            size: 3,
            computed: None,
            project: None,
            definition: String::new(),
            computes: false,
            syncs: None,
        }
    }

    fn vip(id: Option<&'static str>, published: bool) -> Wanted<'static> {
        Wanted {
            name: "VIP",
            id,
            published,
        }
    }

    #[test]
    fn a_cohort_of_the_same_name_is_ours_only_where_one_was_begun() {
        let begun = Some(Known { id: None });
        let one = [cohort("a", "VIP", false), cohort("b", "VIP", true)];
        let two = [cohort("a", "VIP", false), cohort("c", "VIP", false)];
        let taken = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let place = |wanted, known, list| place(wanted, known, list);
        assert_eq!(place(vip(None, true), None, &[]), Ok(Place::New));
        assert_eq!(place(vip(None, true), begun, &[]), Ok(Place::New));
        assert_eq!(
            place(vip(None, true), None, &one),
            Err(Misplaced::Taken(taken(&["a"])))
        );
        assert_eq!(
            place(vip(None, true), begun, &one),
            Ok(Place::Listed(&one[0]))
        );
        assert_eq!(
            place(vip(None, true), begun, &two),
            Err(Misplaced::Several(taken(&["a", "c"])))
        );
        assert_eq!(place(vip(None, false), begun, &[]), Err(Misplaced::Unseen));
    }

    #[test]
    fn one_that_is_known_is_followed_by_its_id() {
        let known = Some(Known { id: Some("a") });
        let list = [
            cohort("a", "Very important", false),
            cohort("b", "VIP", false),
        ];
        assert_eq!(
            place(vip(None, true), known, &list),
            Ok(Place::Listed(&list[0]))
        );
        assert_eq!(
            place(vip(None, true), known, &list[1..]),
            Err(Misplaced::Gone("a".to_owned()))
        );
        assert_eq!(
            place(vip(None, false), known, &[]),
            Ok(Place::Unlisted("a".to_owned()))
        );
        let archived = [cohort("a", "VIP", true)];
        assert_eq!(
            place(vip(None, true), known, &archived),
            Err(Misplaced::Archived("a".to_owned()))
        );
        let (known_id, named) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            place(vip(Some("b"), true), known, &list),
            Err(Misplaced::Another {
                known: known_id,
                named
            })
        );
        let computed = [Cohort {
            computes: true,
            ..cohort("b", "VIP", false)
        }];
        assert_eq!(
            place(vip(Some("b"), true), None, &computed),
            Err(Misplaced::Computed("b".to_owned()))
        );
        assert_eq!(
            place(vip(Some("x"), true), None, &list),
            Err(Misplaced::Missing("x".to_owned()))
        );
    }

    #[test]
    fn one_that_no_list_shows_is_not_gone() {
        let list = [cohort("a", "VIP", false), cohort("b", "Old", true)];
        let known = |id| Known { id };
        assert_eq!(
            left(known(Some("a")), "VIP", true, &list),
            Left::Listed(&list[0])
        );
        assert_eq!(left(known(Some("b")), "Old", true, &list), Left::Nothing);
        assert_eq!(left(known(Some("b")), "Old", false, &list), Left::Nothing);
        assert_eq!(left(known(Some("c")), "New", true, &list), Left::Nothing);
        assert_eq!(left(known(Some("c")), "New", false, &list), Left::Unseen);
        // An upload was cut: its cohort is known by its name alone.
        assert_eq!(
            left(known(None), "VIP", true, &list),
            Left::Listed(&list[0])
        );
        assert_eq!(left(known(None), "Old", true, &list), Left::Nothing);
        assert_eq!(left(known(None), "New", false, &list), Left::Unseen);
        let two = [cohort("a", "VIP", false), cohort("c", "VIP", false)];
        assert_eq!(left(known(None), "VIP", true, &two), Left::Unseen);
    }

    #[test]
    fn whoever_changed_the_name_is_told() {
        assert_eq!(naming(None, "VIP", None), Naming::Same);
        assert_eq!(naming(Some("VIP"), "VIP", Some("Old")), Naming::Same);
        assert_eq!(naming(Some("New"), "VIP", Some("VIP")), Naming::Renamed);
        assert_eq!(naming(Some("Old"), "VIP", Some("Old")), Naming::ToRename);
    }
}
