//! What runs already, made what a configuration says of it: the syncs that Amplitude runs and the segments of Braze. Sure
//! facts alone: a filter is named only where Braze's words are those of a sync. It reads no service.

mod accounts;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cohort::{self, Native},
    segment::{Filter, Shown, worded},
};
use crate::{
    config::{CohortRef, Configuration, Resource},
    diff::native::{BRAZE, Frequency, share},
    model::{
        Cohort, Destination, DestinationType, Imported, ImportedSegment, ImportedSync, LeftOut,
        NativeSync, Segment, SegmentDetails, veiled,
    },
};

/// Letters of a name that is made of another.
const LETTERS: usize = 48;
/// Letters of a segment's name that a configuration takes.
const LONGEST: usize = 255;

/// What is declared already.
pub struct Declared<'a>(Option<&'a Configuration>);

impl<'a> Declared<'a> {
    /// Takes what a configuration declares, if there is one.
    pub fn of(configuration: Option<&'a Configuration>) -> Self {
        Self(configuration)
    }

    fn resources(&self) -> impl Iterator<Item = &'a Resource> {
        self.0.into_iter().flat_map(|it| it.resources.values())
    }

    /// Returns the names that are taken in a section.
    fn names(&self, section: &str) -> BTreeSet<String> {
        let addresses = self.resources().map(|resource| resource.address.as_str());
        let names = addresses.filter_map(|address| address.strip_prefix(section));
        names.map(str::to_owned).collect()
    }

    /// Returns whether a segment of that name is declared.
    pub fn holds(&self, name: &str) -> bool {
        let mut segments = self
            .resources()
            .filter(|resource| resource.kind == "segment");
        segments.any(|resource| resource.body["name"] == name)
    }

    /// Returns the syncs that are declared as Amplitude's.
    fn natives(&self) -> Vec<Native> {
        self.resources()
            .filter(|resource| resource.kind == "cohort" && cohort::is_native(&resource.body))
            .filter_map(cohort::native)
            .collect()
    }
}

/// Returns those of a cohort's syncs that nobody declares: what is declared is given its own, first by cadence.
fn left<'s>(
    declared: &[Native],
    cohort: &Cohort,
    syncs: Vec<&'s NativeSync>,
) -> Vec<&'s NativeSync> {
    let means = |native: &&Native| match &native.cohort {
        CohortRef::Name(name) => *name == cohort.name,
        CohortRef::Id { id } => *id == cohort.id,
    };
    let of_it = declared.iter().filter(means);
    let wanted: Vec<Frequency> = of_it.map(|native| native.cadence).collect();
    // Each tells the same of what is left.
    let shared = share(&wanted, &syncs).pop();
    shared.map_or(syncs, |found| found.left)
}

/// Makes what was found what a configuration says of it, in an order that does not depend on how it was listed.
pub fn imported(
    declared: &Declared,
    cohorts: &[Cohort],
    segments: &[(Segment, SegmentDetails)],
) -> Imported {
    let mut found = Imported {
        told: cohorts.is_empty() || cohorts.iter().any(|cohort| cohort.syncs.is_some()),
        ..Imported::default()
    };
    let shown = syncs(declared, cohorts, &mut found);
    let mut names = Names(declared.names("segment."));
    let mut sorted: Vec<&(Segment, SegmentDetails)> = segments.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    for alike in sorted.chunk_by(|(a, _), (b, _)| a.name == b.name) {
        let [(segment, details)] = alike else {
            found.left.push(LeftOut::Several {
                segment: alike[0].0.name.clone(),
                ids: alike.iter().map(|(one, _)| one.id.clone()).collect(),
            });
            continue;
        };
        let letters = segment.name.chars().count();
        if segment.name.trim().is_empty() || letters > LONGEST {
            let id = segment.id.clone();
            found.left.push(LeftOut::Unnamed { id });
            continue;
        }
        let name = names.take(&segment.name, "segment");
        found.segments.push(one(name, segment, details, &shown));
    }
    found.syncs.sort_by(|a, b| a.name.cmp(&b.name));
    found.segments.sort_by(|a, b| a.name.cmp(&b.name));
    found.left.sort();
    found
}

/// Adds accounts of Amplitude to what was found; `types` tell what their integrations take.
pub fn import_accounts(
    declared: &Declared,
    accounts: &[Destination],
    types: &BTreeMap<String, DestinationType>,
    found: &mut Imported,
) {
    accounts::add(declared, accounts, types, found);
    found.left.sort();
}

/// Adds the syncs; returns what Braze's words are of those whose cohort has no other, each with the sync's name.
fn syncs(
    declared: &Declared,
    cohorts: &[Cohort],
    found: &mut Imported,
) -> BTreeMap<String, String> {
    let mut bearers = BTreeMap::<&str, usize>::new();
    for cohort in cohorts.iter().filter(|cohort| !cohort.archived) {
        *bearers.entry(&cohort.name).or_default() += 1;
    }
    let (mut names, mut shown) = (Names(declared.names("sync.")), BTreeMap::new());
    let mut sorted: Vec<&Cohort> = cohorts.iter().collect();
    sorted.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let natives = declared.natives();
    for cohort in sorted {
        let (mut here, elsewhere): (Vec<&NativeSync>, Vec<&NativeSync>) = cohort
            .syncs
            .iter()
            .flatten()
            .partition(|sync| sync.target == BRAZE);
        let targets: BTreeSet<&String> = elsewhere.iter().map(|sync| &sync.target).collect();
        found
            .left
            .extend(targets.into_iter().map(|target| LeftOut::Elsewhere {
                cohort: cohort.name.clone(),
                target: target.clone(),
            }));
        here.sort_by(|a, b| a.frequency.cmp(&b.frequency));
        let alone = bearers.get(cohort.name.as_str()) == Some(&1);
        let only = here.len() == 1;
        for sync in left(&natives, cohort, here) {
            if cohort.archived {
                found.left.push(LeftOut::Archived {
                    cohort: cohort.name.clone(),
                    id: cohort.id.clone(),
                });
                continue;
            }
            let Some(cadence) = Frequency::of(&sync.frequency) else {
                found.left.push(LeftOut::Cadence {
                    cohort: cohort.name.clone(),
                    cadence: sync.frequency.clone(),
                });
                continue;
            };
            let name = names.take(&cohort.name, "cohort");
            if only && alone {
                let words = words(cohort).into_iter();
                shown.extend(words.map(|line| (spaced(&line), name.clone())));
            }
            let unmistakable = alone && !cohort.name.trim().is_empty();
            found.syncs.push(ImportedSync {
                name,
                cohort: cohort.name.clone(),
                id: (!unmistakable).then(|| cohort.id.clone()),
                cadence: cadence.word(),
            });
        }
    }
    shown
}

/// How Braze words a filter on the members of a sync that Amplitude runs.
fn words(cohort: &Cohort) -> Vec<String> {
    let within = Filter::In {
        within: String::new(),
    };
    let native = |_: &str| {
        Some(Shown::Native {
            name: cohort.name.clone(),
            id: Some(cohort.id.clone()),
        })
    };
    worded(&within, &native).lines()
}

fn one(
    name: String,
    segment: &Segment,
    details: &SegmentDetails,
    shown: &BTreeMap<String, String>,
) -> ImportedSegment {
    let (first, second) = (&details.description, &details.text_description);
    // Which of the texts is the filters reads as if swapped: every segment has a filter, and a known one is known.
    let swapped = !shown.contains_key(&spaced(first))
        && (first.trim().is_empty() || shown.contains_key(&spaced(second)));
    let (filters, typed) = if swapped {
        (second, first)
    } else {
        (first, second)
    };
    let said = |text: &String| Some(veiled(text)).filter(|text| !text.trim().is_empty());
    let mut tags = details.tags.clone().unwrap_or_else(|| segment.tags.clone());
    tags.sort();
    tags.dedup();
    ImportedSegment {
        name,
        segment: segment.name.clone(),
        description: said(typed),
        tags,
        filters: said(filters),
        of: shown.get(&spaced(filters)).cloned(),
    }
}

/// A text by its words alone.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names that are taken.
struct Names(BTreeSet<String>);

impl Names {
    /// Makes a name of a text, and of a word where the text has no letter for it; one that nobody has.
    fn take(&mut self, text: &str, otherwise: &str) -> String {
        let mut slug = String::new();
        for letter in text.to_lowercase().chars() {
            if letter.is_ascii_alphanumeric() {
                slug.push(letter);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(LETTERS);
        let slug = match slug.trim_end_matches('-') {
            "" => otherwise,
            slug => slug,
        };
        let numbered = (2..).map(|number: u64| format!("{slug}-{number}"));
        let mut names = std::iter::once(slug.to_owned()).chain(numbered);
        // Numbers do not end.
        let free = names.find(|name| !self.0.contains(name));
        let name = free.unwrap_or_default();
        self.0.insert(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(id: &str, name: &str, syncs: &[(&str, &str)]) -> Cohort {
        let sync = |(target, frequency): &(&str, &str)| NativeSync {
            target: (*target).to_owned(),
            frequency: (*frequency).to_owned(),
            last_successful: None,
            last_failure: None,
        };
        Cohort {
            id: id.to_owned(),
            name: name.to_owned(),
            archived: false,
            size: 1,
            computed: None,
            project: None,
            definition: String::new(),
            computes: false,
            syncs: Some(syncs.iter().map(sync).collect()),
        }
    }

    fn segment(id: &str, name: &str, first: &str, second: &str) -> (Segment, SegmentDetails) {
        let segment = Segment {
            id: id.to_owned(),
            name: name.to_owned(),
            analytics_tracking: false,
            tags: vec!["b".to_owned(), "a".to_owned()],
        };
        let details = SegmentDetails {
            description: first.to_owned(),
            text_description: second.to_owned(),
            ..SegmentDetails::default()
        };
        (segment, details)
    }

    #[test]
    fn what_runs_is_named_once_and_in_an_order_of_its_own() {
        let mut cohorts = vec![
            cohort("c3", "Lapsed", &[("braze", "daily")]),
            cohort("c1", "Twins", &[("braze", "hourly")]),
            cohort("c2", "Twins", &[("braze", "minute"), ("s3", "daily")]),
            cohort("c4", "Odd", &[("braze", "weekly")]),
            cohort("c5", "コホート", &[("braze", "daily"), ("braze", "hourly")]),
            cohort("c6", "Alone", &[]),
        ];
        let mut segments = vec![
            segment(
                "s1",
                "Lapsed buyers",
                "Amplitude Cohorts includes Lapsed",
                "Gone",
            ),
            segment("s2", "Lapsed: buyers", "", "[x] is  true"),
            segment("s3", "Same", "a", ""),
            segment("s4", "Same", "b", ""),
            segment(
                "s5",
                "Marked",
                "Amplitude Cohorts includes [Amplitude] Lapsed: c3",
                "",
            ),
            segment("s6", "More", "Amplitude Cohorts includes Lapsed AND x", ""),
        ];
        let found = imported(&Declared::of(None), &cohorts, &segments);
        let syncs = found.syncs.iter();
        let syncs: Vec<_> = syncs
            .map(|it| (it.name.as_str(), it.id.as_deref(), it.cadence))
            .collect();
        let wanted = [
            ("cohort", None, "daily"),
            ("cohort-2", None, "hourly"),
            ("lapsed", None, "daily"),
            ("twins", Some("c1"), "hourly"),
            ("twins-2", Some("c2"), "realtime"),
        ];
        assert_eq!(syncs, wanted);
        let of = found.segments.iter();
        let of: Vec<_> = of
            .map(|it| (it.name.as_str(), it.of.as_deref(), it.filters.as_deref()))
            .collect();
        let text = "Amplitude Cohorts includes Lapsed";
        let marked = "Amplitude Cohorts includes [Amplitude] Lapsed: c3";
        let more = "Amplitude Cohorts includes Lapsed AND x";
        let wanted = [
            ("lapsed-buyers", Some("lapsed"), Some(text)),
            ("lapsed-buyers-2", None, Some("[x] is  true")),
            ("marked", Some("lapsed"), Some(marked)),
            ("more", None, Some(more)),
        ];
        assert_eq!(of, wanted);
        assert_eq!(found.segments[0].description.as_deref(), Some("Gone"));
        assert_eq!(found.segments[0].tags, ["a", "b"]);
        assert_eq!(found.left.len(), 3);
        cohorts.reverse();
        segments.reverse();
        assert_eq!(imported(&Declared::of(None), &cohorts, &segments), found);
    }

    #[test]
    fn what_is_declared_is_left_out_by_its_cadence() {
        let cohort = cohort("c1", "Lapsed", &[("braze", "daily"), ("braze", "hourly")]);
        let left = |cadences: &[Frequency]| -> Vec<&str> {
            let native = |cadence: &Frequency| Native {
                cohort: CohortRef::Name("Lapsed".to_owned()),
                cadence: *cadence,
                config: serde_json::Value::Null,
            };
            let declared: Vec<Native> = cadences.iter().map(native).collect();
            let syncs = cohort.syncs.iter().flatten().collect();
            let left = left(&declared, &cohort, syncs).into_iter();
            left.map(|sync| sync.frequency.as_str()).collect()
        };
        assert_eq!(left(&[]), ["daily", "hourly"]);
        assert_eq!(left(&[Frequency::Hourly]), ["daily"]);
        assert_eq!(left(&[Frequency::Daily]), ["hourly"]);
        // It goes at another cadence, and is one of them all the same.
        assert_eq!(left(&[Frequency::Realtime]), ["hourly"]);
        assert!(left(&[Frequency::Hourly, Frequency::Daily]).is_empty());
    }
}
