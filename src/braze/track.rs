//! `POST /users/track`: everything for one person as one attributes object, many objects a request; and events and
//! purchases, each of which Braze counts as often as it is processed.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    Writer, data_points,
    wire::TrackAnswer,
    write::{Fate, Object, Place, WriteError, Written, array},
};
use crate::{
    http::Answer,
    model::{Edit, Identity, Key},
};

const PATH: &str = "/users/track";

/// Words everything for one person as one object. Edits of one attribute meet in it: what one adds, no other removes,
/// and what one sets, no other clears.
/// `create` allows Braze to make the person.
pub fn track_object(key: &Key, edits: impl IntoIterator<Item = Edit>, create: bool) -> Object {
    let mut object = addressed(key, create);
    let mut attributes: BTreeMap<String, Attribute> = BTreeMap::new();
    for edit in edits {
        match edit {
            Edit::Set { attribute, value } => {
                let known = attributes.entry(attribute).or_default();
                if value.is_null() {
                    known.cleared = true;
                } else {
                    known.value = Some(value);
                }
            }
            Edit::Array {
                attribute,
                add,
                remove,
            } => {
                let known = attributes.entry(attribute).or_default();
                known.add.extend(add);
                known.remove.extend(remove);
            }
            // A matter of the cohort's own lane.
            Edit::Member { .. } => {}
        }
    }
    let data_points = attributes.values().map(Attribute::data_points).sum();
    for (attribute, edit) in attributes {
        object.insert(attribute, edit.into_json());
    }
    Object {
        place: Place::Attributes,
        json: Bytes::from(Value::Object(object).to_string()),
        data_points,
    }
}

/// Begins an object with whose it is; `create` allows Braze to make the person.
pub fn addressed(key: &Key, create: bool) -> Map<String, Value> {
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
    object
}

/// What is asked of one attribute, by whomever.
#[derive(Default)]
struct Attribute {
    value: Option<Value>,
    cleared: bool,
    add: Vec<Value>,
    remove: Vec<Value>,
}

impl Attribute {
    /// An update of an array is one, however many labels it moves (braze.md 21).
    fn data_points(&self) -> u64 {
        self.value.as_ref().map_or(1, data_points)
    }

    fn into_json(self) -> Value {
        let Self {
            value,
            cleared,
            add,
            mut remove,
        } = self;
        if let Some(value) = value {
            return value;
        }
        remove.retain(|value| !add.contains(value));
        remove.dedup();
        match (add.is_empty(), remove.is_empty()) {
            (true, _) if cleared => Value::Null,
            // Whatever was there goes.
            (false, _) if cleared => Value::Array(add),
            (false, true) => json!({"add": add}),
            (true, _) => json!({"remove": remove}),
            (false, false) => json!({"add": add, "remove": remove}),
        }
    }
}

impl Writer {
    pub(super) async fn track(&self, objects: &[Object]) -> Result<Written, WriteError> {
        let body = request_body(objects);
        let answer = self
            .client
            .post(PATH, PATH, false, body, &self.track)
            .await
            .map_err(WriteError::without_answer)?;
        let refused = |fate, stop| WriteError::refused(&self.client, PATH, &answer, fate, stop);
        // What is sent again is set to the same: the request is taken apart to learn which object is meant.
        self.written(&answer, objects, |_| Err(refused(Fate::TakeApart, false)))
    }

    /// Sends events and purchases in one request. What may have been processed comes back in doubt at once, since Braze
    /// would count it twice.
    pub(super) async fn track_once(&self, objects: &[Object]) -> Result<Written, WriteError> {
        let body = request_body(objects);
        let answer = self.client.post_once(PATH, body, &self.track).await;
        let answer = answer.map_err(WriteError::once)?;
        if answer.status == 400 && !is_json(&answer.body) {
            // Not Braze's words, a proxy's perhaps: nothing was processed, and the next request would meet the same.
            let refused = WriteError::refused(&self.client, PATH, &answer, Fate::NotSent, true);
            return Err(refused);
        }
        // Some of them were processed, and nobody knows which.
        self.written(&answer, objects, |body| Ok(self.unplaced(body)))
    }

    /// Reads an answer; `unplaced` says what a success is whose errors name no object.
    fn written(
        &self,
        answer: &Answer,
        objects: &[Object],
        unplaced: impl FnOnce(&TrackAnswer) -> Result<Written, WriteError>,
    ) -> Result<Written, WriteError> {
        let refused = |fate, stop| WriteError::refused(&self.client, PATH, answer, fate, stop);
        let body = serde_json::from_slice::<TrackAnswer>(&answer.body);
        match (answer.status, body) {
            (200..=299, Ok(body)) if body.message.eq_ignore_ascii_case("success") => self
                .refused_objects(&body, objects, answer.doubts)
                .map_or_else(|| unplaced(&body), Ok),
            (200..=299, _) => Err(WriteError::unexpected(PATH)),
            (400, Ok(body)) if !body.errors.is_empty() => {
                // No object was valid; each is named, or the request is taken apart to learn which is meant.
                let written = self.refused_objects(&body, objects, answer.doubts);
                let whole = written.filter(|written| written.refused.len() == objects.len());
                whole.ok_or_else(|| refused(Fate::TakeApart, false))
            }
            (400 | 413, _) => Err(refused(Fate::TakeApart, false)),
            _ => Err(refused(Fate::NotSent, true)),
        }
    }

    /// A success whose errors name no object of the request.
    fn unplaced(&self, answer: &TrackAnswer) -> Written {
        let words = answer.errors.iter().map(|error| match error.as_str() {
            Some(words) => words.to_owned(),
            None => error["type"].as_str().unwrap_or_default().to_owned(),
        });
        let words = words.collect::<Vec<_>>().join("; ");
        Written {
            unplaced: Some(self.client.sender.scrubber().clean(&words)),
            ..Written::default()
        }
    }

    /// Returns which objects an answer refuses; none where one of its errors names no object of the request.
    fn refused_objects(
        &self,
        answer: &TrackAnswer,
        objects: &[Object],
        doubts: u32,
    ) -> Option<Written> {
        let refused = answer.errors.iter().map(|error| {
            let at = named(error, objects)?;
            let words = error["type"].as_str().unwrap_or("refused without a reason");
            Some((at, self.client.sender.scrubber().clean(words)))
        });
        refused.collect::<Option<_>>().map(|refused| Written {
            refused,
            doubts,
            unplaced: None,
        })
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body.is_object())
}

/// The arrays of a request, as they stand in it. Those without an object are left out.
const ARRAYS: [(Place, &str); 3] = [
    (Place::Attributes, "attributes"),
    (Place::Events, "events"),
    (Place::Purchases, "purchases"),
];

fn those(objects: &[Object], place: Place) -> impl Iterator<Item = (usize, &Object)> + Clone {
    let all = objects.iter().enumerate();
    all.filter(move |(_, object)| object.place == place)
}

/// Which object an error names: by its place in an array of the request (braze.md 4).
fn named(error: &Value, objects: &[Object]) -> Option<usize> {
    let index = usize::try_from(error["index"].as_u64()?).ok()?;
    let place = if let Some(array) = error["input_array"].as_str() {
        ARRAYS.iter().find(|(_, name)| *name == array)?.0
    } else {
        // The name of the only array may be left out.
        let place = objects.first()?.place;
        let alone = objects.iter().all(|object| object.place == place);
        alone.then_some(place)?
    };
    those(objects, place).nth(index).map(|(at, _)| at)
}

fn request_body(objects: &[Object]) -> Bytes {
    let names: usize = ARRAYS.iter().map(|(_, name)| name.len() + 6).sum();
    let length = names
        + objects
            .iter()
            .map(|object| object.json.len() + 1)
            .sum::<usize>();
    let mut body = Vec::with_capacity(length);
    for (place, name) in ARRAYS {
        let mut own = those(objects, place).map(|(_, object)| object).peekable();
        if own.peek().is_none() {
            continue;
        }
        body.push(if body.is_empty() { b'{' } else { b',' });
        body.extend_from_slice(format!("\"{name}\":").as_bytes());
        array(&mut body, own);
    }
    body.push(b'}');
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

    #[test]
    fn what_one_sets_no_other_clears() {
        let key = Key::external("u1").unwrap();
        let set = |value: Value| Edit::Set {
            attribute: "cohorts".to_owned(),
            value,
        };
        let word = |edits: Vec<Edit>| {
            let object = track_object(&key, edits, true);
            let found: Value = serde_json::from_slice(&object.json).unwrap();
            (found["cohorts"].clone(), object.data_points)
        };
        for (one, other, wanted) in [
            (set(json!(7)), set(json!(null)), json!(7)),
            (set(json!(null)), set(json!(null)), json!(null)),
            (set(json!(null)), array(Some("B"), &["A"]), json!(["B"])),
            (set(json!(null)), array(None, &["A"]), json!(null)),
        ] {
            assert_eq!(word(vec![one.clone(), other.clone()]), (wanted.clone(), 1));
            assert_eq!(word(vec![other, one]), (wanted, 1));
        }
    }
}
