//! Partner cohort import: names a cohort and changes its members, at most 1,000 a request, adds and removes together.
//! Both keys are in the body. Unknown people are ignored and nobody is created (partner cohort import page).

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Error, Writer,
    client::ImportKeys,
    wire::Acknowledgement,
    write::{Fate, Object, Place, WriteError, Written, array},
};
use crate::model::{Identity, Key};

const NAME: &str = "/partners/{partner}/cohorts";
const USERS: &str = "/partners/{partner}/cohorts/users";

/// `user_ids`, `device_ids` and `aliases` of one request, together.
pub const MEMBERS_PER_REQUEST: usize = 1000;

/// The arrays of a change, as they stand in it.
const ARRAYS: [&str; 3] = ["user_ids", "device_ids", "aliases"];

/// Words one person as a member who joins or leaves. Every assignment is a data point, one that leaves too.
pub fn member(key: &Key, joins: bool) -> Object {
    let (array, json) = match key.identity() {
        Identity::External(id) => (ARRAYS[0], json!(id)),
        Identity::Device(id) => (ARRAYS[1], json!(id)),
        Identity::Alias { label, name } => {
            (ARRAYS[2], json!({"alias_name": name, "alias_label": label}))
        }
    };
    Object {
        place: Place::Member {
            array,
            leaves: !joins,
        },
        json: Bytes::from(json.to_string()),
        data_points: 1,
    }
}

impl Writer {
    /// Names a cohort, or names it anew. The same name again changes nothing.
    pub async fn name_cohort(&self, id: &str, name: &str, now: Timestamp) -> Result<(), Error> {
        let keys = self.import.as_ref().ok_or(Error::NoImportKeys)?;
        let mut body = with_keys(keys, id);
        body["name"] = json!(name);
        body["created_at"] = json!(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let body = Bytes::from(body.to_string());
        let address = format!("/partners/{}/cohorts", keys.partner);
        let answer = self
            .client
            .post(NAME, &address, true, body, &self.cohorts)
            .await?;
        match answer.status {
            200..=299 if Acknowledgement::is_success(&answer.body) => Ok(()),
            200..=299 => Err(Error::Unexpected { path: NAME }),
            _ => Err(self.client.refused(NAME, &answer)),
        }
    }

    pub(super) async fn change_members(
        &self,
        id: &str,
        objects: &[Object],
    ) -> Result<Written, WriteError> {
        let Some(keys) = &self.import else {
            return Err(WriteError::without_answer(Error::NoImportKeys));
        };
        let address = format!("/partners/{}/cohorts/users", keys.partner);
        let answer = self
            .client
            .post(
                USERS,
                &address,
                true,
                body(keys, id, objects),
                &self.cohorts,
            )
            .await
            .map_err(WriteError::without_answer)?;
        let refused = |fate, stop| WriteError::refused(&self.client, USERS, &answer, fate, stop);
        match answer.status {
            200..=299 if Acknowledgement::is_success(&answer.body) => Ok(Written {
                doubts: answer.doubts,
                ..Written::default()
            }),
            200..=299 => Err(WriteError::unexpected(USERS)),
            // Said of the changes as a whole: which of them is meant shows when they are taken apart.
            400 if is_about_changes(&answer.body) => Err(refused(Fate::TakeApart, false)),
            413 => Err(refused(Fate::TakeApart, false)),
            _ => Err(refused(Fate::NotSent, true)),
        }
    }
}

/// Whether a refusal is about the people in a request, and not about the cohort or the keys.
fn is_about_changes(body: &[u8]) -> bool {
    let text = super::wire::error_text(body);
    ["cohort_changes", "user_ids", "device_ids", "aliases"]
        .iter()
        .any(|word| text.contains(word))
}

fn with_keys(keys: &ImportKeys, id: &str) -> Value {
    json!({
        "partner_api_key": keys.partner_api_key.expose(),
        "client_secret": keys.data_import_key.expose(),
        "cohort_id": id,
    })
}

/// One object for those who join and one for those who leave, each with the arrays it needs.
fn body(keys: &ImportKeys, id: &str, objects: &[Object]) -> Bytes {
    let mut body = with_keys(keys, id).to_string().into_bytes();
    body.pop();
    body.extend_from_slice(br#","cohort_changes":["#);
    let mut first = true;
    for leaves in [false, true] {
        let of = |array: &'static str| {
            let place = Place::Member { array, leaves };
            objects.iter().filter(move |object| object.place == place)
        };
        let arrays = ARRAYS
            .into_iter()
            .filter(|array| of(array).next().is_some());
        let mut separator = if first { "{" } else { ",{" };
        let mut any = false;
        for name in arrays {
            body.extend_from_slice(separator.as_bytes());
            body.extend_from_slice(format!("\"{name}\":").as_bytes());
            array(&mut body, of(name));
            (separator, any) = (",", true);
        }
        if any {
            let end: &[u8] = if leaves {
                br#","should_remove":true}"#
            } else {
                b"}"
            };
            body.extend_from_slice(end);
            first = false;
        }
    }
    body.extend_from_slice(b"]}");
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn worded(objects: &[Object]) -> Value {
        let keys = ImportKeys {
            partner: "acme".to_owned(),
            data_import_key: Secret::new("import"),
            partner_api_key: Secret::new("partner"),
        };
        let body = body(&keys, "a/\"b", objects);
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn adds_and_removes_travel_together() {
        let external = |id| Key::external(id).unwrap();
        let alias = Key::alias("amplitude_id", "7").unwrap();
        let found = worded(&[
            member(&alias, true),
            member(&Key::device("d1").unwrap(), false),
            member(&external("u\"1"), true),
            member(&external("u2"), false),
            member(&external("u3"), false),
        ]);
        let changes = json!([
            {"user_ids": ["u\"1"], "aliases": [{"alias_name": "7", "alias_label": "amplitude_id"}]},
            {"user_ids": ["u2", "u3"], "device_ids": ["d1"], "should_remove": true},
        ]);
        let expected = json!({"partner_api_key": "partner", "client_secret": "import",
            "cohort_id": "a/\"b", "cohort_changes": changes});
        assert_eq!(found, expected);
    }

    #[test]
    fn one_side_alone_has_one_object() {
        let leaves = worded(&[member(&Key::external("u").unwrap(), false)]);
        assert_eq!(
            leaves["cohort_changes"],
            json!([{"user_ids": ["u"], "should_remove": true}])
        );
        let joins = worded(&[member(&Key::external("u").unwrap(), true)]);
        assert_eq!(joins["cohort_changes"], json!([{"user_ids": ["u"]}]));
    }
}
