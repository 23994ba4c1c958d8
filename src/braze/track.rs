//! `POST /users/track`: everything for one person as one attributes object, many objects a request.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Error, Writer, wire::TrackAnswer};
use crate::model::{Edit, Identity, Key};

const PATH: &str = "/users/track";

/// One attributes object, ready to be sent.
#[derive(Clone)]
pub struct TrackObject {
    /// Its JSON.
    pub json: Bytes,
    /// What Braze will bill: one for each attribute it holds.
    pub data_points: u64,
}

/// What became of the objects of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    /// Objects that Braze refused, by their place in the request, with its words.
    pub refused: BTreeMap<usize, String>,
    /// Earlier tries of the request whose answer was lost: Braze may have billed those too.
    pub doubts: u32,
}

/// Why a request brought nothing that can be counted.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct TrackError {
    /// What Braze or the network said.
    pub error: Error,
    /// What became of the objects.
    pub fate: Fate,
    /// Whether another request would meet the same: a wrong key, a service that is down.
    pub stop: bool,
    /// Whether objects that are to be taken apart may have been processed already.
    pub maybe: bool,
}

/// What became of the objects of a request without a usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Certainly not processed.
    NotSent,
    /// Perhaps processed.
    Doubt,
    /// Refused as a whole for something in it: too many objects, too many bytes, or an error that names none.
    TakeApart,
}

/// Words everything for one person as one object. Edits of one attribute meet in it: what one adds, no other removes.
/// `create` allows Braze to make the person.
pub fn track_object(key: &Key, edits: impl IntoIterator<Item = Edit>, create: bool) -> TrackObject {
    let mut object = Map::new();
    match key.identity() {
        Identity::External(id) => {
            object.insert("external_id".to_owned(), json!(id));
        }
        Identity::Alias { label, name } => {
            object.insert(
                "user_alias".to_owned(),
                json!({"alias_name": name, "alias_label": label}),
            );
        }
        // No identifier of this endpoint: without one Braze refuses the object, and nobody else is written.
        Identity::Device(_) => {}
    }
    // Never left to the default, which differs between external ids and aliases.
    object.insert("_update_existing_only".to_owned(), json!(!create));
    let mut attributes: BTreeMap<String, Attribute> = BTreeMap::new();
    for edit in edits {
        match edit {
            Edit::Set { attribute, value } => {
                attributes.insert(attribute, Attribute::Value(value));
            }
            Edit::Array {
                attribute,
                add,
                remove,
            } => {
                let known = attributes
                    .entry(attribute)
                    .or_insert_with(|| Attribute::Array(vec![], vec![]));
                if let Attribute::Array(adds, removes) = known {
                    adds.extend(add);
                    removes.extend(remove);
                }
            }
        }
    }
    let data_points = attributes.len() as u64;
    for (attribute, edit) in attributes {
        object.insert(attribute, edit.into_json());
    }
    TrackObject {
        json: Bytes::from(Value::Object(object).to_string()),
        data_points,
    }
}

enum Attribute {
    Value(Value),
    Array(Vec<Value>, Vec<Value>),
}

impl Attribute {
    fn into_json(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Array(add, mut remove) => {
                remove.retain(|value| !add.contains(value));
                remove.dedup();
                match (add.is_empty(), remove.is_empty()) {
                    (false, true) => json!({"add": add}),
                    (true, _) => json!({"remove": remove}),
                    (false, false) => json!({"add": add, "remove": remove}),
                }
            }
        }
    }
}

impl Writer {
    /// Sends objects in one request and tells what became of each.
    pub async fn track(&self, objects: &[TrackObject]) -> Result<Tracked, TrackError> {
        let body = request_body(objects);
        let answer = match self
            .client
            .call("POST", PATH, "", Some(body), &self.limiter)
            .await
        {
            Ok(answer) => answer,
            Err(error) => {
                let unsent = matches!(&error, Error::Exhausted(exhausted) if exhausted.doubts == 0);
                let fate = if unsent { Fate::NotSent } else { Fate::Doubt };
                return Err(TrackError {
                    error,
                    fate,
                    stop: true,
                    maybe: false,
                });
            }
        };
        let error = |fate, stop| {
            // An earlier try may have been processed, whatever became of the last.
            let fate = if fate == Fate::NotSent && answer.doubts > 0 {
                Fate::Doubt
            } else {
                fate
            };
            TrackError {
                error: self.client.refused(PATH, &answer),
                fate,
                stop,
                maybe: answer.doubts > 0 || (200..=299).contains(&answer.status),
            }
        };
        let body = serde_json::from_slice::<TrackAnswer>(&answer.body);
        match (answer.status, body) {
            (200..=299, Ok(body)) if body.message.eq_ignore_ascii_case("success") => self
                .refused_objects(&body, objects.len(), answer.doubts)
                .ok_or_else(|| error(Fate::TakeApart, false)),
            (200..=299, _) => {
                let error = Error::Unexpected { path: PATH };
                Err(TrackError {
                    error,
                    fate: Fate::Doubt,
                    stop: false,
                    maybe: true,
                })
            }
            (400, Ok(body)) if !body.errors.is_empty() => {
                // No object was valid; each is named, or the request is taken apart to learn which is meant.
                let tracked = self.refused_objects(&body, objects.len(), answer.doubts);
                let whole = tracked.filter(|tracked| tracked.refused.len() == objects.len());
                whole.ok_or_else(|| error(Fate::TakeApart, false))
            }
            (400 | 413, _) => Err(error(Fate::TakeApart, false)),
            _ => Err(error(Fate::NotSent, true)),
        }
    }

    /// Returns which objects an answer refuses; none where one of its errors names no object of the request.
    fn refused_objects(
        &self,
        answer: &TrackAnswer,
        objects: usize,
        doubts: u32,
    ) -> Option<Tracked> {
        let refused = answer.errors.iter().map(|error| {
            let at = usize::try_from(error["index"].as_u64()?)
                .ok()
                .filter(|at| *at < objects)?;
            let array = error["input_array"].as_str().unwrap_or("attributes");
            let words = error["type"].as_str().unwrap_or("refused without a reason");
            (array == "attributes").then(|| (at, self.client.sender.scrubber().clean(words)))
        });
        refused
            .collect::<Option<_>>()
            .map(|refused| Tracked { refused, doubts })
    }
}

/// Bytes that a request has beside its objects.
const FRAME: usize = r#"{"attributes":[]}"#.len();

fn request_body(objects: &[TrackObject]) -> Bytes {
    let length = FRAME
        + objects
            .iter()
            .map(|object| object.json.len() + 1)
            .sum::<usize>();
    let mut body = Vec::with_capacity(length);
    body.extend_from_slice(br#"{"attributes":["#);
    for (at, object) in objects.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&object.json);
    }
    body.extend_from_slice(b"]}");
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(add: Option<&str>, remove: &[&str]) -> Edit {
        Edit::Array {
            attribute: "cohorts".to_owned(),
            add: add.map(Value::from),
            remove: remove.iter().map(|value| Value::from(*value)).collect(),
        }
    }

    #[test]
    fn edits_of_one_person_meet_in_one_object() {
        let key = Key::external("u1").unwrap();
        let flag = Edit::Set {
            attribute: "lapsed".to_owned(),
            value: json!(true),
        };
        let object = track_object(
            &key,
            [array(Some("B"), &["A"]), array(None, &["C"]), flag],
            false,
        );
        let found: Value = serde_json::from_slice(&object.json).unwrap();
        let expected = json!({"external_id": "u1", "_update_existing_only": true,
            "cohorts": {"add": ["B"], "remove": ["A", "C"]}, "lapsed": true});
        assert_eq!((found, object.data_points), (expected, 2));
    }

    #[test]
    fn labels_that_change_places_are_not_taken_out() {
        let key = Key::external("u1").unwrap();
        let object = track_object(
            &key,
            [array(Some("B"), &["A"]), array(Some("A"), &["B"])],
            true,
        );
        let found: Value = serde_json::from_slice(&object.json).unwrap();
        assert_eq!(found["cohorts"], json!({"add": ["B", "A"]}));
        assert_eq!(found["_update_existing_only"], json!(false));
    }
}
