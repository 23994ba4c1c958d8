//! Judges a segment of Braze by what is declared and by what was found when it was last applied. Filters are told as free
//! text: equal words are the same filters, and other words prove nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pin::near;
use crate::model::{Limit, Segment, SegmentDetails};

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
    /// Its filters as Braze words them, by somebody who looked.
    pub acknowledged: Option<&'a str>,
    /// Whether its size is held against what it was: not where what is sent from here moves it, or where it is verified.
    pub steady: bool,
}

/// How far a size moves that nobody wonders at.
const SHARE: Limit = Limit::Percent(20.0);
/// The same, of a small segment: so many people.
const FEW: Limit = Limit::Count(100);

/// What is remembered of a segment that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Braze's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The two texts, the tags and the teams.
    #[serde(flatten)]
    pub details: SegmentDetails,
    /// Whether analytics tracking was on.
    pub analytics_tracking: bool,
    /// Its size when it was first found or last moved much, where that is compared: it moves by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The text that was as it should be, and what it should be then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreed>,
}

/// A text of filters that was as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// As Braze showed it.
    pub text: String,
    /// The filters as they were declared, in words.
    pub filter: Option<String>,
    /// Whether somebody acknowledged it; else the words were equal.
    pub acknowledged: bool,
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

/// What was found of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
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
    size: Option<u64>,
    before: Option<&Observed>,
) -> Judged {
    let swapped = swapped(expected, details, before);
    let (text, typed) = texts(details, swapped);
    let tags = details.tags.as_ref().unwrap_or(&segment.tags);
    let filters = filters(
        expected,
        text,
        before.and_then(|before| before.agreed.as_ref()),
    );
    let of_this = before.filter(|before| before.id == segment.id);
    let was = of_this.and_then(|before| before.size);
    let (size, leap) = if expected.steady {
        sizes(was, size)
    } else {
        (None, None)
    };
    let observed = Observed {
        id: segment.id.clone(),
        name: segment.name.clone(),
        details: SegmentDetails {
            tags: Some(sorted(tags)),
            teams: details.teams.as_deref().map(sorted),
            // Another stamp alone says nothing that the rest does not.
            updated_at: None,
            ..details.clone()
        },
        analytics_tracking: segment.analytics_tracking,
        size,
        agreed: agreed(expected, text, &filters, before),
    };
    let description = expected.description.filter(|wanted| {
        !same(wanted, &details.description) && !same(wanted, &details.text_description)
    });
    let teams = observed.details.teams.as_deref();
    let differences = [
        differs("name", &segment.name.as_str(), Some(&expected.name)),
        differs("description", &typed, description.as_ref()),
        lists("tags", Some(tags), expected.tags),
        lists("teams", teams, expected.teams),
        differs(
            "analytics_tracking",
            &segment.analytics_tracking,
            expected.analytics_tracking.as_ref(),
        ),
    ];
    let differences: Vec<Difference> = differences.into_iter().flatten().collect();
    let mut moved = vec![];
    if let Some(before) = before {
        let (was_text, was_typed) = texts(&before.details, swapped);
        let mut note = |path, before: Value, after: Value, settled: bool| {
            if before != after && !settled {
                moved.push(Moved {
                    path,
                    before,
                    after,
                });
            }
        };
        let stands = |path: &str| differences.iter().any(|one| one.path == path);
        let wanted = |path: &str, declared: bool| declared && !stands(path);
        note("id", json!(before.id), json!(segment.id), false);
        note(
            "name",
            json!(before.name),
            json!(segment.name),
            !stands("name"),
        );
        // What was acknowledged is what a text is held against.
        let settled = filters == Filters::Agree || expected.acknowledged.is_some();
        if !same(was_text, text) {
            note("filter", json!(was_text), json!(text), settled);
        }
        if !same(was_typed, typed) {
            let declared = wanted("description", expected.description.is_some());
            note("description", json!(was_typed), json!(typed), declared);
        }
        let (was, is) = (&before.details, &observed.details);
        let declared = wanted("tags", expected.tags.is_some());
        note("tags", json!(was.tags), json!(is.tags), declared);
        let declared = wanted("teams", expected.teams.is_some());
        note("teams", json!(was.teams), json!(is.teams), declared);
        let declared = wanted("analytics_tracking", expected.analytics_tracking.is_some());
        let (was, is) = (before.analytics_tracking, segment.analytics_tracking);
        note("analytics_tracking", json!(was), json!(is), declared);
    }
    moved.extend(leap);
    if let Filters::Changed { acknowledged } = &filters {
        moved.push(Moved {
            path: "filter",
            before: json!(acknowledged),
            after: json!(text),
        });
    }
    Judged {
        text: text.to_owned(),
        differences,
        filters,
        untold: untold(expected, details),
        moved,
        observed,
    }
}

/// Returns the size to remember, and how it moved, if that is much: what moves little is held against what it was at first.
fn sizes(was: Option<u64>, is: Option<u64>) -> (Option<u64>, Option<Moved>) {
    match was.zip(is) {
        Some((was, is)) if !fits(was, is, SHARE) && !fits(was, is, FEW) => {
            let moved = Moved {
                path: "size",
                before: json!(was),
                after: json!(is),
            };
            (Some(is), Some(moved))
        }
        _ => (was.or(is), None),
    }
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
            known.any(|words| same(words, text))
        };
        let typed = |text: &str| expected.description.is_some_and(|it| same(it, text));
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
    let worded = ways.iter().any(|words| same(words, text));
    let reworded = || {
        agreed.is_some_and(|agreed| {
            same(&agreed.text, text)
                && agreed.filter.as_ref() != ways.first()
                && agreed.acknowledged == expected.acknowledged.is_some()
        })
    };
    match expected.acknowledged {
        Some(acknowledged) if !same(acknowledged, text) => Filters::Changed {
            acknowledged: acknowledged.to_owned(),
        },
        None if ways.is_empty() => Filters::Unsaid,
        _ if worded => Filters::Agree,
        _ if reworded() => Filters::Reworded,
        Some(_) => Filters::Agree,
        None => Filters::Unverified,
    }
}

/// What is remembered as right: until it is settled what a text is now, what it was.
fn agreed(
    expected: &Expected,
    text: &str,
    filters: &Filters,
    before: Option<&Observed>,
) -> Option<Agreed> {
    match filters {
        Filters::Agree => Some(Agreed {
            text: text.to_owned(),
            filter: expected.filter.and_then(|ways| ways.first().cloned()),
            acknowledged: expected.acknowledged.is_some(),
        }),
        Filters::Changed { .. } | Filters::Reworded => before?.agreed.clone(),
        Filters::Unsaid | Filters::Unverified => None,
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
