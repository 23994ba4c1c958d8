//! What is remembered of a segment between one look and the next, and what of it moved since. It must not decide what is right.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Expected, Moved, same, texts};
use crate::model::{SegmentDetails, digest, veiled};

/// What is remembered of a segment that was found: of what is declared as it was when it last was so, of the rest as it was. No
/// text of it names a person.
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
    /// A digest of the text of its filters as it is, where what is remembered of that hides whom it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// What is declared and was never seen to be so: nothing changed since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// The text that was as it should be, and what it should be then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreed>,
}

/// A text of filters that was as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// As Braze showed it.
    pub text: String,
    /// The filters as they were declared, in words without a name that changes elsewhere.
    pub filter: Option<String>,
    /// Whether somebody acknowledged it; else the words were equal.
    pub acknowledged: bool,
}

/// What tells whether those changed whom a text of a segment names; none where it names nobody.
pub(super) fn named(id: &str, text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole = format!("{id}\n{}", words.join(" "));
    let hides = veiled(text) != text;
    hides.then(|| digest::sha256(whole.as_bytes())[..16].to_owned())
}

impl Observed {
    fn is_open(&self, path: &str) -> bool {
        self.open.iter().any(|open| open == path)
    }

    /// What there is of it to compare, each by its name.
    fn facts(&self, swapped: bool) -> [(&'static str, Value); 7] {
        let (text, typed) = texts(&self.details, swapped);
        [
            ("id", json!(self.id)),
            ("name", json!(self.name)),
            ("filter", json!(text)),
            ("description", json!(typed)),
            ("tags", json!(self.details.tags)),
            ("teams", json!(self.details.teams)),
            ("analytics_tracking", json!(self.analytics_tracking)),
        ]
    }

    /// What is not as it was, nor as it is declared.
    pub(super) fn moved(
        &self,
        before: &Self,
        swapped: bool,
        is_as_declared: impl Fn(&str) -> bool,
    ) -> Vec<Moved> {
        let facts = before.facts(swapped).into_iter().zip(self.facts(swapped));
        let moved = facts.filter(|((path, was), (_, is))| {
            let stays = match (was, is) {
                // Nobody told of them, then or now.
                (Value::Null, _) | (_, Value::Null) => true,
                (Value::String(was), Value::String(is)) => same(was, is),
                (was, is) => was == is,
            };
            !stays && !is_as_declared(path) && !before.is_open(path)
        });
        let moved = moved.map(|((path, before), (_, after))| Moved {
            path,
            before,
            after,
        });
        moved.collect()
    }

    /// That others are named in filters that read the same without whom they name.
    pub(super) fn renamed(&self, before: &Self, swapped: bool) -> Option<Moved> {
        let (text, _) = texts(&self.details, swapped);
        let (was, _) = texts(&before.details, swapped);
        let pair = before.named.as_ref().zip(self.named.as_ref());
        let others = pair.is_some_and(|(was, is)| was != is) && before.id == self.id;
        let renamed = others && same(was, text) && !before.is_open("filter");
        renamed.then(|| Moved {
            path: "filter",
            before: json!(was),
            after: json!(format!("{text}, with other values hidden")),
        })
    }

    /// What is remembered: what is wrong as it was when it was right, since it was never applied so.
    pub(super) fn keeping(mut self, wrong: &[&str], before: Option<&Self>, swapped: bool) -> Self {
        let before = before.filter(|before| before.id == self.id);
        for path in wrong {
            match before.filter(|before| !before.is_open(path)) {
                Some(before) => self.take(path, before, swapped),
                None => self.open.push((*path).to_owned()),
            }
        }
        self
    }

    fn take(&mut self, path: &str, from: &Self, swapped: bool) {
        if path == "filter" {
            self.named.clone_from(&from.named);
        }
        let (details, was) = (&mut self.details, &from.details);
        let is_first = (path == "filter") != swapped;
        match path {
            "name" => self.name.clone_from(&from.name),
            "filter" | "description" if is_first => {
                details.description.clone_from(&was.description);
            }
            "filter" | "description" => details.text_description.clone_from(&was.text_description),
            "tags" => details.tags.clone_from(&was.tags),
            "teams" => details.teams.clone_from(&was.teams),
            _ => self.analytics_tracking = from.analytics_tracking,
        }
    }
}

impl Agreed {
    /// Whether the filters that are declared are those that were. An older state has them in Braze's words.
    pub(super) fn is_of(&self, expected: &Expected) -> bool {
        let ways = expected.filter.unwrap_or_default().iter();
        let mut all = ways.map(String::as_str).chain(expected.meant);
        match &self.filter {
            None => expected.filter.is_none(),
            Some(filter) => all.any(|known| veiled(known) == *filter),
        }
    }
}
