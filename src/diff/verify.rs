//! What a row's reading back says against what is recorded of it, and the count of it. Nothing is changed by it: what is
//! done about it, `diff/presence.rs` decides.

use serde_json::Value;

use super::{
    presence::{Found, SETTLED},
    values::object,
};
use crate::model::{Differing, Identity, Millis, Presence, Record, Text, Verified};

/// What is said of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing: it is known by device id.
    Device,
    /// Nothing: its answer was never seen, and it is sent again.
    Doubt,
    /// Nothing: it was sent too lately.
    Young,
    /// Nothing: nobody asked.
    Unread,
    /// It is as recorded.
    Agrees,
    /// Its person is there; whether it is, no profile tells.
    There,
    /// Nobody is there, as recorded.
    Absent,
    /// Nobody is there, which is news.
    Missing,
    /// Somebody is there, which is news.
    Appeared,
    /// It is not there, or these are the values that are.
    Differs(Option<Text>),
}

/// Returns why nothing can be said of a row now, if so.
pub fn mute(record: &Record, now: Millis) -> Option<Judgement> {
    if let Identity::Device(_) = record.key.identity() {
        Some(Judgement::Device)
    } else if record.presence == Presence::Doubt && !record.is_found_other() {
        Some(Judgement::Doubt)
    } else if now < record.sent_at.saturating_add(SETTLED) {
        Some(Judgement::Young)
    } else {
        None
    }
}

/// Returns whether an answer that was kept says of a row what one given now would.
pub fn still_says(record: &Record, asked_at: Millis) -> bool {
    asked_at >= record.sent_at.saturating_add(SETTLED)
        && record.checked_at.is_none_or(|checked| checked <= asked_at)
}

/// Judges a row by what was found.
pub fn judge(record: &Record, found: Found) -> Judgement {
    match (record.presence, found) {
        (Presence::Absent, Found::Nobody) => Judgement::Absent,
        (_, Found::Nobody) => Judgement::Missing,
        (Presence::Absent, _) => Judgement::Appeared,
        (_, Found::Somebody) => Judgement::There,
        (_, Found::Same) => Judgement::Agrees,
        (_, Found::Other(there)) => Judgement::Differs(there),
    }
}

impl Judgement {
    /// Returns whether the row disagrees with what is recorded.
    pub fn disagrees(&self) -> bool {
        matches!(self, Self::Missing | Self::Appeared | Self::Differs(_))
    }
}

/// Counts a row. `attributes` are those that tell of it, asked for where it differs.
pub fn count(
    verified: &mut Verified,
    record: &Record,
    judged: &Judgement,
    attributes: impl FnOnce() -> Vec<String>,
) {
    verified.rows += 1;
    let counter = match judged {
        Judgement::Device => &mut verified.devices,
        Judgement::Doubt => &mut verified.doubt,
        Judgement::Young => &mut verified.young,
        Judgement::Unread => &mut verified.unread,
        Judgement::Agrees => &mut verified.agree,
        Judgement::There => &mut verified.there,
        Judgement::Absent => &mut verified.absent,
        Judgement::Appeared => &mut verified.appeared,
        Judgement::Missing => {
            verified.gone += u64::from(record.confirmed_once);
            &mut verified.missing
        }
        Judgement::Differs(there) => {
            let there = there.as_ref();
            differ(&mut verified.attributes, record, there, &attributes());
            &mut verified.differ
        }
    };
    *counter += 1;
}

fn differ(
    differing: &mut Vec<Differing>,
    record: &Record,
    there: Option<&Text>,
    attributes: &[String],
) {
    // Of a membership the label or the flag is not there.
    let values = there.map(|there| (object(&record.value), object(there)));
    for name in attributes {
        let (sent, there) = match &values {
            Some((sent, there)) => (sent.get(name), there.get(name)),
            None => (Some(&Value::Null), None),
        };
        match there {
            None if sent.is_some() => of(differing, name).none += 1,
            Some(_) if there != sent => of(differing, name).other += 1,
            _ => {}
        }
    }
}

/// The count of an attribute, kept in the order of names.
fn of<'a>(attributes: &'a mut Vec<Differing>, name: &str) -> &'a mut Differing {
    let place = attributes.binary_search_by(|known| known.name.as_str().cmp(name));
    let place = place.unwrap_or_else(|place| {
        let new = Differing {
            name: name.to_owned(),
            other: 0,
            none: 0,
        };
        attributes.insert(place, new);
        place
    });
    &mut attributes[place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Key};

    fn record(presence: Presence) -> Record {
        Record {
            key: Key::external("ada").unwrap(),
            amplitude_id: None,
            value: r#"{"a":"x","b":3,"c":true}"#.into(),
            maybe: None,
            presence,
            sent_at: 1_000,
            run: "run".into(),
            checked_at: None,
            confirmed_once: false,
            sent_again: false,
        }
    }

    #[test]
    fn of_some_rows_nothing_can_be_said() {
        let settled = 1_000 + SETTLED;
        let unconfirmed = record(Presence::Unconfirmed);
        assert_eq!(mute(&unconfirmed, settled), None);
        assert_eq!(mute(&unconfirmed, settled - 1), Some(Judgement::Young));
        let doubt = record(Presence::Doubt);
        assert_eq!(mute(&doubt, settled), Some(Judgement::Doubt));
        let device = Record {
            key: Key::device("d").unwrap(),
            ..record(Presence::Doubt)
        };
        assert_eq!(mute(&device, settled), Some(Judgement::Device));
        assert!(still_says(&unconfirmed, settled) && !still_says(&unconfirmed, settled - 1));
        let checked = Record {
            checked_at: Some(settled + 5),
            ..record(Presence::Confirmed)
        };
        assert!(still_says(&checked, settled + 5) && !still_says(&checked, settled + 4));
    }

    #[test]
    fn what_is_found_is_held_against_what_is_recorded() {
        let of = |presence, found| judge(&record(presence), found);
        let other = || Found::Other(Some("{}".into()));
        for presence in [Presence::Unconfirmed, Presence::Confirmed] {
            assert_eq!(of(presence, Found::Same), Judgement::Agrees);
            assert_eq!(of(presence, Found::Somebody), Judgement::There);
            assert_eq!(of(presence, Found::Nobody), Judgement::Missing);
            assert!(of(presence, other()).disagrees());
        }
        assert_eq!(of(Presence::Absent, Found::Nobody), Judgement::Absent);
        for found in [Found::Same, Found::Somebody, other()] {
            assert_eq!(of(Presence::Absent, found), Judgement::Appeared);
        }
    }

    #[test]
    fn each_row_counts_once_and_each_attribute_by_what_it_is() {
        let new = || Verified::new(Address::new("sync", "a"));
        let mut verified = new();
        let there: Text = r#"{"b":4,"c":true}"#.into();
        let confirmed = Record {
            confirmed_once: true,
            sent_again: false,
            ..record(Presence::Confirmed)
        };
        let rows = [
            (record(Presence::Confirmed), Judgement::Agrees),
            (record(Presence::Confirmed), Judgement::Differs(Some(there))),
            (record(Presence::Confirmed), Judgement::Differs(None)),
            (record(Presence::Unconfirmed), Judgement::Missing),
            (confirmed, Judgement::Missing),
            (record(Presence::Absent), Judgement::Absent),
            (record(Presence::Absent), Judgement::Appeared),
            (record(Presence::Doubt), Judgement::Doubt),
        ];
        for (record, judged) in &rows {
            let attributes = || {
                let names: &[&str] = match judged {
                    Judgement::Differs(Some(_)) => &["a", "b", "c"],
                    Judgement::Differs(None) => &["is_vip"],
                    _ => panic!("they are not needed"),
                };
                names.iter().map(|name| (*name).to_owned()).collect()
            };
            count(&mut verified, record, judged, attributes);
        }
        let differing = |name: &str, other, none| Differing {
            name: name.to_owned(),
            other,
            none,
        };
        let wanted = Verified {
            rows: 8,
            agree: 1,
            absent: 1,
            differ: 2,
            attributes: vec![
                differing("a", 0, 1),
                differing("b", 1, 0),
                differing("is_vip", 0, 1),
            ],
            missing: 2,
            gone: 1,
            appeared: 1,
            doubt: 1,
            ..new()
        };
        assert_eq!(verified, wanted);
    }
}
