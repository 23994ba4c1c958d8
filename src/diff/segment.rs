//! Judges a segment of Braze by what is declared and by what was found when it was last applied. Filters are told as free
//! text: equal words are the same filters, and other words prove nothing.

mod observed;

use serde::Serialize;
use serde_json::{Value, json};

use self::observed::named;
pub use self::observed::{Agreed, Observed};
use super::pin::near;
use crate::model::{Limit, Segment, SegmentDetails, veiled};

/// What a segment should be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// Its name.
    pub name: &'a str,
    /// What somebody typed about it.
    pub description: Option<&'a str>,
    /// Its tags, and no others.
    pub tags: Option<&'a [String]>,
    /// Its teams, and no others.
    pub teams: Option<&'a [String]>,
    /// Whether analytics tracking is on.
    pub analytics_tracking: Option<bool>,
    /// Its filters in words, in each way that Braze is known to write them.
    pub filter: Option<&'a [String]>,
    /// The same in a line in which nothing bears a name that somebody may change elsewhere.
    pub meant: Option<&'a str>,
    /// Its filters as Braze words them, by somebody who looked.
    pub acknowledged: Option<&'a str>,
    /// Whether figures say that it filters as declared.
    pub proven: bool,
}

/// Which segment is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// This one. It may bear another name by now.
    One(&'a Segment),
    /// None bears the name; the nearest names there are.
    Missing(Vec<String>),
    /// The one that was known, by its id, is listed no more: archived or deleted.
    Gone(String),
    /// Several bear the name; their ids.
    Several(Vec<String>),
}

/// Finds a segment by its name, and where nobody bears it by the id that it had.
pub fn find<'a>(name: &str, known: Option<&str>, list: &'a [Segment]) -> Found<'a> {
    let bearers: Vec<&Segment> = list.iter().filter(|one| one.name == name).collect();
    match (bearers.as_slice(), known) {
        ([one], _) => Found::One(one),
        ([], Some(id)) => match list.iter().find(|one| one.id == id) {
            Some(renamed) => Found::One(renamed),
            None => Found::Gone(id.to_owned()),
        },
        ([], None) => Found::Missing(near(name, list.iter().map(|one| one.name.as_str()))),
        (several, _) => Found::Several(several.iter().map(|one| one.id.clone()).collect()),
    }
}

/// Something that is not as declared and can be told for sure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What, as the YAML calls it.
    pub path: &'static str,
    /// As it is.
    pub found: Value,
    /// As it should be.
    pub expected: Value,
}

/// What the text of the filters says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filters {
    /// Nothing is expected of them.
    Unsaid,
    /// They are as declared, or as acknowledged.
    Agree,
    /// Somebody acknowledged another text.
    Changed {
        /// That one.
        acknowledged: String,
    },
    /// The text is the one that was right before something else was declared.
    Reworded,
    /// The words differ, which proves nothing.
    Unverified,
}

/// Something that is not as it was when it was last applied, nor as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What.
    pub path: &'static str,
    /// As it was.
    pub before: Value,
    /// As it is.
    pub after: Value,
}

/// What was found of a segment. No text of it names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// The text of its filters.
    pub text: String,
    /// What differs for sure.
    pub differences: Vec<Difference>,
    /// What the text of its filters says.
    pub filters: Filters,
    /// What is declared, and Braze does not tell.
    pub untold: Vec<&'static str>,
    /// What changed since the last apply.
    pub moved: Vec<Moved>,
    /// What an apply remembers.
    pub observed: Observed,
}

/// Judges a segment.
pub fn judge(
    expected: &Expected,
    segment: &Segment,
    details: &SegmentDetails,
    before: Option<&Observed>,
) -> Judged {
    let swapped = swapped(expected, details, before);
    let (text, _) = texts(details, swapped);
    let right = before.and_then(|before| before.agreed.as_ref());
    let filters = filters(expected, text, right);
    let live = Observed {
        id: segment.id.clone(),
        name: segment.name.clone(),
        details: SegmentDetails {
            description: veiled(&details.description),
            text_description: veiled(&details.text_description),
            tags: Some(sorted(details.tags.as_ref().unwrap_or(&segment.tags))),
            teams: details.teams.as_deref().map(sorted),
            // Another stamp alone says nothing that the rest does not.
            updated_at: None,
        },
        analytics_tracking: segment.analytics_tracking,
        named: named(&segment.id, text),
        open: vec![],
        agreed: agreed(expected, &veiled(text), &filters, right),
    };
    let differences = differences(expected, &live, details, swapped);
    let mut wrong: Vec<&'static str> = differences.iter().map(|one| one.path).collect();
    let filters_are_wrong = match filters {
        Filters::Changed { .. } | Filters::Reworded => true,
        // Where the words never were as declared, nothing is known to be wrong.
        Filters::Unverified => live.agreed.is_some(),
        Filters::Unsaid | Filters::Agree => false,
    };
    wrong.extend(filters_are_wrong.then_some("filter"));
    let mut moved = vec![];
    if let Some(before) = before {
        moved = live.moved(before, swapped, |path| match path {
            // What was acknowledged is what a text is held against.
            "filter" => filters == Filters::Agree || expected.acknowledged.is_some(),
            path => expected.declares(path) && !wrong.contains(&path),
        });
        // Who says whom it names says that for sure.
        let ways = expected.filter.unwrap_or_default().iter();
        let mut ways = ways.map(String::as_str).chain(expected.acknowledged);
        let renamed = live.renamed(before, swapped);
        moved.extend(renamed.filter(|_| !ways.any(|words| same(words, text))));
    }
    let text = veiled(text);
    if let Filters::Changed { acknowledged } = &filters {
        moved.push(Moved {
            path: "acknowledge",
            before: json!(acknowledged),
            after: json!(text),
        });
    }
    Judged {
        name: segment.name.clone(),
        text,
        differences,
        filters,
        untold: untold(expected, details),
        moved,
        observed: live.keeping(&wrong, before, swapped),
    }
}

impl Expected<'_> {
    fn declares(&self, path: &str) -> bool {
        match path {
            "name" => true,
            "description" => self.description.is_some(),
            "tags" => self.tags.is_some(),
            "teams" => self.teams.is_some(),
            "analytics_tracking" => self.analytics_tracking.is_some(),
            _ => false,
        }
    }
}

/// What differs for sure.
fn differences(
    expected: &Expected,
    live: &Observed,
    details: &SegmentDetails,
    swapped: bool,
) -> Vec<Difference> {
    let (_, typed) = texts(&live.details, swapped);
    let description = expected.description.filter(|wanted| {
        !alike(wanted, &details.description) && !alike(wanted, &details.text_description)
    });
    let Observed { name, details, .. } = live;
    let differences = [
        differs("name", &name.as_str(), Some(&expected.name)),
        differs("description", &typed, description.as_ref()),
        lists("tags", details.tags.as_deref(), expected.tags),
        lists("teams", details.teams.as_deref(), expected.teams),
        differs(
            "analytics_tracking",
            &live.analytics_tracking,
            expected.analytics_tracking.as_ref(),
        ),
    ];
    differences.into_iter().flatten().collect()
}

fn untold(expected: &Expected, details: &SegmentDetails) -> Vec<&'static str> {
    let teams = expected.teams.is_some() && details.teams.is_none();
    teams.then_some("teams").into_iter().collect()
}

/// Whether the documentation has the two texts the wrong way round: then `text_description` is the filters.
fn swapped(expected: &Expected, details: &SegmentDetails, before: Option<&Observed>) -> bool {
    let by_words = |details: &SegmentDetails| {
        let (first, second) = (&details.description, &details.text_description);
        let known = |text: &str| {
            let words = expected
                .filter
                .unwrap_or_default()
                .iter()
                .map(String::as_str);
            let mut known = words.chain(expected.acknowledged);
            known.any(|words| alike(words, text))
        };
        let typed = |text: &str| expected.description.is_some_and(|it| alike(it, text));
        match () {
            () if same(first, second) => None,
            () if typed(second) || known(first) => Some(false),
            () if typed(first) || known(second) => Some(true),
            () => None,
        }
    };
    // Every segment has a filter: an empty text is none.
    let by_gap = |details: &SegmentDetails| {
        let empty = |text: &str| text.trim().is_empty();
        match (
            empty(&details.description),
            empty(&details.text_description),
        ) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    };
    let before = before.map(|before| &before.details);
    by_words(details)
        .or_else(|| before.and_then(by_words))
        .or_else(|| by_gap(details))
        .or_else(|| before.and_then(by_gap))
        .unwrap_or(false)
}

/// The text of the filters, and what somebody typed.
fn texts(details: &SegmentDetails, swapped: bool) -> (&str, &str) {
    let (first, second) = (&details.description, &details.text_description);
    if swapped {
        (second, first)
    } else {
        (first, second)
    }
}

fn filters(expected: &Expected, text: &str, agreed: Option<&Agreed>) -> Filters {
    let ways = expected.filter.unwrap_or_default();
    let worded = ways.iter().any(|words| alike(words, text));
    let reworded = || {
        agreed.is_some_and(|agreed| {
            alike(&agreed.text, text)
                && !agreed.is_of(expected)
                && agreed.acknowledged == expected.acknowledged.is_some()
        })
    };
    match expected.acknowledged {
        // The very words that are declared need nobody to look.
        _ if worded => Filters::Agree,
        Some(acknowledged) if !alike(acknowledged, text) => Filters::Changed {
            acknowledged: veiled(acknowledged),
        },
        None if ways.is_empty() => Filters::Unsaid,
        _ if reworded() => Filters::Reworded,
        Some(_) => Filters::Agree,
        None if expected.proven => Filters::Agree,
        None => Filters::Unverified,
    }
}

/// What is remembered as right: until it is settled what a text is now, what it was.
fn agreed(
    expected: &Expected,
    shown: &str,
    filters: &Filters,
    before: Option<&Agreed>,
) -> Option<Agreed> {
    match filters {
        Filters::Agree => Some(Agreed {
            text: shown.to_owned(),
            filter: expected.meant.map(veiled),
            acknowledged: expected.acknowledged.is_some(),
        }),
        Filters::Changed { .. } | Filters::Reworded => before.cloned(),
        Filters::Unverified => before.filter(|agreed| agreed.is_of(expected)).cloned(),
        Filters::Unsaid => None,
    }
}

fn differs<T: PartialEq + Serialize>(
    path: &'static str,
    found: &T,
    expected: Option<&T>,
) -> Option<Difference> {
    let expected = expected.filter(|expected| *expected != found)?;
    Some(Difference {
        path,
        found: json!(found),
        expected: json!(expected),
    })
}

/// Lists have no order. What Braze does not tell does not differ.
fn lists(
    path: &'static str,
    found: Option<&[String]>,
    expected: Option<&[String]>,
) -> Option<Difference> {
    differs(path, &sorted(found?), expected.map(sorted).as_ref())
}

fn sorted(list: &[String]) -> Vec<String> {
    let mut list = list.to_vec();
    list.sort();
    list.dedup();
    list
}

/// Whether texts are the same but for the spaces between their words.
fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// Whether a text is the declared one, which may be written as it is shown: without what names a person.
fn alike(declared: &str, text: &str) -> bool {
    same(declared, text) || same(declared, &veiled(text)) || same(&veiled(declared), text)
}

/// Whether an estimated size is near enough to what is expected.
pub fn fits(expected: u64, found: u64, tolerance: Limit) -> bool {
    let off = expected.abs_diff(found);
    match tolerance {
        Limit::None => true,
        Limit::Count(most) => off <= most,
        Limit::Percent(share) => off as f64 <= (expected as f64 * share / 100.0).ceil(),
    }
}

#[cfg(test)]
mod tests;
