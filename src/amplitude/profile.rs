//! User Profile API: computations and recommendations of one person a request. It keeps nothing, and no error names the
//! person.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use super::{
    Error, Reader,
    client::PROFILE,
    wire::{Profile, RecommendedItem, flat_error},
};
use crate::{
    http::encode,
    model::profile::{Answer, Computation, Question, Recommended},
};

/// Words about somebody Amplitude does not know, whatever the status (User Profile API page).
const UNKNOWN: &str = "not seen before";
/// What may stand before a property's name (a product guide's sample).
const PREFIX: &str = "gp:";

impl Reader {
    /// Asks for somebody whom nobody knows: tells whether the key is taken.
    pub async fn answers_profiles(&self) -> Result<(), Error> {
        let nobody = "syncform-doctor";
        self.profile(nobody, &Question::default()).await.map(|_| ())
    }

    /// Reads of one person's profile what is asked; none where Amplitude does not know the person.
    pub async fn profile(
        &self,
        user_id: &str,
        question: &Question,
    ) -> Result<Option<Answer>, Error> {
        let answer = self.get_profile(user_id, &query(question)).await?;
        let error = flat_error(&answer.body);
        if error.contains(UNKNOWN) {
            return Ok(None);
        }
        if !(200..300).contains(&answer.status) || !error.is_empty() {
            return Err(self.no_profile(user_id, &answer));
        }
        let profile: Profile =
            serde_json::from_slice(&answer.body).map_err(|error| Error::Unexpected {
                path: PROFILE,
                what: format!("line {} column {}", error.line(), error.column()),
            })?;
        Ok(Some(answered(question, profile)))
    }
}

/// Words the rest of the query: one request asks for everything.
fn query(question: &Question) -> String {
    let list = |ids: Vec<String>| ids.join(",");
    let computations = question.computations.iter().map(|one| encode(&one.id));
    let recommendations = question.recommendations.iter().map(|id| encode(id));
    let mut query = String::new();
    if !question.computations.is_empty() {
        query = format!("&comp_id={}", list(computations.collect()));
    }
    if !question.recommendations.is_empty() {
        let ids = list(recommendations.collect());
        query = format!("{query}&get_recs=true&rec_id={ids}");
    }
    query
}

/// Takes out of a profile what was asked.
fn answered(question: &Question, profile: Profile) -> Answer {
    let properties = profile.data.amp_props.unwrap_or_default();
    let made = profile.data.recommendations.unwrap_or_default();
    let computations = question.computations.iter();
    let recommendations = question.recommendations.iter();
    Answer {
        computations: computations
            .map(|one| {
                computed(one, &properties).or_else(|| alone(&question.computations, &properties))
            })
            .map(|value| value.and_then(text))
            .collect(),
        recommendations: recommendations
            .map(|id| {
                let of = |made: &&RecommendedItem| is(made.rec_id.as_ref(), id);
                let child = |made: &&RecommendedItem| is(made.child_rec_id.as_ref(), id);
                let one = made.iter().find(of).or_else(|| made.iter().find(child));
                one.and_then(recommended)
            })
            .collect(),
    }
}

/// Finds a computation by its name, with or without the prefix.
fn computed<'a>(
    one: &Computation,
    properties: &'a BTreeMap<String, Box<RawValue>>,
) -> Option<&'a RawValue> {
    let name = one.name.as_ref().unwrap_or(&one.id);
    let value = properties
        .get(name)
        .or_else(|| properties.get(&format!("{PREFIX}{name}")))?;
    Some(value)
}

/// What came where one was asked and one came is the one, whatever its name.
fn alone<'a>(
    asked: &[Computation],
    properties: &'a BTreeMap<String, Box<RawValue>>,
) -> Option<&'a RawValue> {
    match (asked, properties.len()) {
        ([_], 1) => properties.values().next().map(|value| &**value),
        _ => None,
    }
}

/// Returns a value as text: a text as itself, all else as it is written; none of null.
fn text(value: &RawValue) -> Option<String> {
    match serde_json::from_str(value.get()) {
        Ok(Value::Null) => None,
        Ok(Value::String(text)) => Some(text),
        _ => Some(value.get().to_owned()),
    }
}

/// Returns whether an id is the one asked; it may come as a number.
fn is(found: Option<&Value>, id: &str) -> bool {
    match found {
        Some(Value::String(found)) => found == id,
        Some(Value::Number(found)) => found.to_string() == id,
        _ => false,
    }
}

fn recommended(made: &RecommendedItem) -> Option<Recommended> {
    Some(Recommended {
        items: made.items.clone()?,
        is_control: made.is_control.unwrap_or(false),
        last_updated: made.last_updated.map(|seconds| seconds as i64),
    })
}

#[cfg(test)]
mod tests;
