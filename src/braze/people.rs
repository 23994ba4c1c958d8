//! `POST /users/export/ids`: whether Braze knows people, and what their profiles hold of some attributes. It asks for no
//! more than that, and no error names a person. Device ids are never asked: one fits a request.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    Error, Reader,
    wire::{Exported, ExportedUser},
};
use crate::model::{Identity, Key};

/// Where people are read, without ids.
pub const PEOPLE_PATH: &str = "/users/export/ids";
/// External ids and aliases of one request, together.
pub const PEOPLE_PER_READ: usize = 50;
/// Nothing else of a profile is read.
const FIELDS: [&str; 3] = ["external_id", "user_aliases", "custom_attributes"];

impl Reader {
    /// Reads the custom attributes of people, in the order of their keys; none of somebody Braze does not know. At most
    /// `PEOPLE_PER_READ`, by external id and by alias.
    pub async fn people(&self, keys: &[Key]) -> Result<Vec<Option<Map<String, Value>>>, Error> {
        let body = Bytes::from(asking(keys, &FIELDS).to_string());
        let exported = self.export(keys, body).await?;
        Ok(found(keys, &exported.users, |user| {
            user.custom_attributes.clone().unwrap_or_default()
        }))
    }

    /// Sends one read of these people.
    pub(super) async fn export(&self, keys: &[Key], body: Bytes) -> Result<Exported, Error> {
        let asked = self
            .client
            .post(PEOPLE_PATH, PEOPLE_PATH, false, body, &self.people);
        let answer = asked.await.map_err(|error| nameless(error, keys))?;
        if !(200..300).contains(&answer.status) {
            return Err(nameless(self.client.refused(PEOPLE_PATH, &answer), keys));
        }
        let unexpected = |_| Error::Unexpected { path: PEOPLE_PATH };
        serde_json::from_slice(&answer.body).map_err(unexpected)
    }

    /// Returns how many reads of people fit into a minute.
    pub fn people_a_minute(&self) -> f64 {
        self.people_a_minute
    }
}

/// Words the question for these people and fields.
pub(super) fn asking(keys: &[Key], fields: &[&str]) -> Value {
    let (mut ids, mut aliases) = (vec![], vec![]);
    for key in keys {
        match key.identity() {
            Identity::External(id) => ids.push(json!(id)),
            Identity::Alias { label, name } => {
                aliases.push(json!({"alias_name": name, "alias_label": label}));
            }
            Identity::Device(_) => {}
        }
    }
    let mut body = json!({"fields_to_export": fields});
    for (name, list) in [("external_ids", ids), ("user_aliases", aliases)] {
        if !list.is_empty() {
            body[name] = Value::Array(list);
        }
    }
    body
}

/// Finds each person among the profiles that came. One profile may be several: by its id, and by its aliases.
pub(super) fn found<T>(
    keys: &[Key],
    users: &[ExportedUser],
    tell: impl Fn(&ExportedUser) -> T,
) -> Vec<Option<T>> {
    let is = |user: &ExportedUser, key: &Key| match key.identity() {
        Identity::External(id) => user.external_id.as_deref() == Some(id),
        Identity::Alias { label, name } => {
            let mut aliases = user.user_aliases.iter().flatten();
            aliases.any(|alias| alias.alias_label == label && alias.alias_name == name)
        }
        Identity::Device(_) => false,
    };
    let one = |key: &Key| users.iter().find(|user| is(user, key)).map(&tell);
    keys.iter().map(one).collect()
}

/// Takes the ids of people out of an error's words.
fn nameless(error: Error, keys: &[Key]) -> Error {
    let masked = |text: String| keys.iter().fold(text, |text, key| key.mask(&text));
    match error {
        Error::Refused { path, status, text } => Error::Refused {
            path,
            status,
            text: masked(text),
        },
        Error::Exhausted(mut exhausted) => {
            exhausted.last = masked(exhausted.last);
            Error::Exhausted(exhausted)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<Key> {
        vec![
            Key::alias("amplitude_id", "1001").unwrap(),
            Key::alias("amplitude_id", "1002").unwrap(),
            Key::external("ada").unwrap(),
            Key::external("ben").unwrap(),
        ]
    }

    #[test]
    fn a_request_names_people_and_no_more_fields_than_are_needed() {
        let wanted = json!({
            "fields_to_export": ["external_id", "user_aliases", "custom_attributes"],
            "external_ids": ["ada", "ben"],
            "user_aliases": [{"alias_name": "1001", "alias_label": "amplitude_id"}, {"alias_name": "1002", "alias_label": "amplitude_id"}],
        });
        assert_eq!(asking(&keys(), &FIELDS), wanted);
        assert_eq!(asking(&keys()[2..], &FIELDS).get("user_aliases"), None);
    }

    #[test]
    fn people_are_found_by_what_they_were_asked_by() {
        let answer = json!({"message": "success", "users": [
            {"external_id": "ben"},
            {"external_id": "ada", "custom_attributes": {"tier": "gold"},
             "user_aliases": [{"alias_name": "1001", "alias_label": "amplitude_id"}, {"alias_name": "1002", "alias_label": "other"}]},
            {"external_id": null, "user_aliases": null, "custom_attributes": null},
        ], "invalid_user_ids": [{"alias_name": "1002", "alias_label": "amplitude_id"}]});
        let exported: Exported = serde_json::from_value(answer).unwrap();
        let tier = json!({"tier": "gold"}).as_object().cloned();
        let wanted = [tier.clone(), None, tier, Some(Map::new())];
        let attributes = |user: &ExportedUser| user.custom_attributes.clone().unwrap_or_default();
        assert_eq!(found(&keys(), &exported.users, attributes), wanted);
    }

    #[test]
    fn an_answer_without_a_list_of_profiles_says_nothing_of_anybody() {
        assert!(serde_json::from_str::<Exported>(r#"{"message": "success"}"#).is_err());
        assert!(serde_json::from_str::<Exported>(r#"{"users": []}"#).is_ok());
    }

    #[test]
    fn an_error_names_nobody() {
        let error = Error::Refused {
            path: PEOPLE_PATH,
            status: 400,
            text: "'person-77' is not known".to_owned(),
        };
        let said = nameless(error, &[Key::external("person-77").unwrap()]).to_string();
        assert!(!said.contains("person-77"), "{said}");
    }
}
