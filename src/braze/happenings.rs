//! `POST /users/export/ids` once more: which events and purchases profiles hold, as evidence of what arrived. Braze tells
//! of each name when it first and last happened and how often, and only of what happened in the last 90 days; it never
//! tells of a single event, so this is evidence and no proof.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Error, Reader,
    people::{asking, found},
    time,
    wire::{ExportedHappening, ExportedUser},
};
use crate::model::{Key, Millis};

const FIELDS: [&str; 4] = ["external_id", "user_aliases", "custom_events", "purchases"];

/// All events of a name, or purchases of a product, of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Name of the event, or product.
    pub name: String,
    /// When the first one happened, if that can be read.
    pub first: Option<Millis>,
    /// When the last one did.
    pub last: Option<Millis>,
    /// How many.
    pub count: u64,
}

/// What one person did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Happenings {
    /// Custom events.
    pub events: Vec<Happened>,
    /// Purchases.
    pub purchases: Vec<Happened>,
}

/// What an object of an event or a purchase says of itself, as far as a profile tells it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worded {
    /// Name of the event, or product.
    pub name: String,
    /// Whether it creates its person where nobody is known. It has to say so: what is left out differs between identifiers.
    pub creates: bool,
}

/// Reads an object as it was worded for `/users/track`; none of what is no event and no purchase.
pub fn worded(object: &str) -> Option<Worded> {
    #[derive(Deserialize)]
    struct Object {
        #[serde(alias = "product_id")]
        name: String,
        #[serde(rename = "_update_existing_only")]
        update_existing_only: Option<bool>,
    }
    let object: Object = serde_json::from_str(object).ok()?;
    Some(Worded {
        name: object.name,
        creates: object.update_existing_only == Some(false),
    })
}

impl Reader {
    /// Reads what people did, in the order of their keys; none of somebody Braze does not know. At most
    /// `PEOPLE_PER_READ`, by external id and by alias.
    pub async fn happenings(&self, keys: &[Key]) -> Result<Vec<Option<Happenings>>, Error> {
        let body = Bytes::from(asking(keys, &FIELDS).to_string());
        let exported = self.export(keys, body).await?;
        Ok(found(keys, &exported.users, happenings))
    }
}

fn happenings(user: &ExportedUser) -> Happenings {
    let list = |of: &Option<Vec<ExportedHappening>>| of.iter().flatten().map(happened).collect();
    Happenings {
        events: list(&user.custom_events),
        purchases: list(&user.purchases),
    }
}

fn happened(one: &ExportedHappening) -> Happened {
    // Seen as a number and as a text.
    let count = one
        .count
        .as_u64()
        .or_else(|| one.count.as_str()?.parse().ok());
    Happened {
        name: one.name.clone(),
        first: moment(&one.first),
        last: moment(&one.last),
        count: count.unwrap_or(0),
    }
}

/// Reads `2020-07-10 15:00:00.000 UTC` and `2023-03-17T20:51:58.297Z`, and what else Braze takes as a time.
fn moment(written: &Value) -> Option<Millis> {
    let text = written.as_str()?.trim();
    let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
    time(text).map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn profiles_tell_what_happened_in_either_form_of_time() {
        let user = json!({"external_id": "ada",
            "custom_events": [{"name": "order", "first": "2020-07-10 15:00:00.000 UTC", "last": "2023-03-17T20:51:58.297Z", "count": 3}],
            "purchases": [{"name": "cds", "first": "soon", "last": null, "count": "2"}, {"name": "odd"}]});
        let found = happenings(&serde_json::from_value(user).unwrap());
        let one = |name: &str, first, last, count| Happened {
            name: name.to_owned(),
            first,
            last,
            count,
        };
        let order = one("order", Some(1_594_393_200_000), Some(1_679_086_318_297), 3);
        assert_eq!(found.events, [order]);
        let (cds, odd) = (one("cds", None, None, 2), one("odd", None, None, 0));
        assert_eq!(found.purchases, [cds, odd]);
        let nothing = serde_json::from_value(json!({"external_id": "ben"})).unwrap();
        assert_eq!(happenings(&nothing), Happenings::default());
    }

    #[test]
    fn an_object_says_what_a_profile_will_tell_of_it() {
        let read = |object: Value| worded(&object.to_string()).map(|it| (it.name, it.creates));
        let event =
            json!({"name": "order", "_update_existing_only": false, "properties": {"name": "x"}});
        assert_eq!(read(event), Some(("order".to_owned(), true)));
        let purchase = json!({"product_id": "cds", "_update_existing_only": true});
        assert_eq!(read(purchase), Some(("cds".to_owned(), false)));
        let silent = json!({"product_id": "cds"});
        assert_eq!(read(silent), Some(("cds".to_owned(), false)));
        assert_eq!((read(json!({"price": 1})), worded("{")), (None, None));
    }

    #[test]
    fn no_more_is_asked_than_what_happened() {
        let asked = asking(&[Key::external("ada").unwrap()], &FIELDS);
        let wanted = json!({"external_ids": ["ada"],
            "fields_to_export": ["external_id", "user_aliases", "custom_events", "purchases"]});
        assert_eq!(asked, wanted);
    }
}
