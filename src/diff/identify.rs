//! By which identifier a row names its person: the first of the mapping that the row has and Braze would take.

use crate::model::{AliasName, BadKey, DEVICE_ID, Identifier, Identity, Mapping};

/// A mapping whose property columns were found.
#[derive(Debug)]
pub struct Identify<'a>(Vec<Step<'a>>);

#[derive(Debug)]
enum Step<'a> {
    External,
    Device(usize),
    Alias(&'a str, Name),
}

#[derive(Debug)]
enum Name {
    AmplitudeId,
    UserId,
    Property(usize),
}

/// Why a row names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// It has none of the identifiers.
    NoIdentifier,
    /// Braze would take none of those it has.
    BadIdentifier,
}

impl<'a> Identify<'a> {
    /// Finds the columns of a mapping; an error names the one that is not there.
    pub fn new(
        mapping: &'a Mapping,
        column: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, &'a str> {
        let step = |identifier: &'a Identifier| {
            let found = |name: &'a str| column(name).ok_or(name);
            Ok(match identifier {
                Identifier::ExternalId => Step::External,
                Identifier::DeviceId => Step::Device(found(DEVICE_ID)?),
                Identifier::Alias { label, name } => Step::Alias(
                    label,
                    match name {
                        AliasName::AmplitudeId => Name::AmplitudeId,
                        AliasName::UserId => Name::UserId,
                        AliasName::Property(property) => Name::Property(found(property)?),
                    },
                ),
            })
        };
        mapping.iter().map(step).collect::<Result<_, _>>().map(Self)
    }

    /// Writes the key of a row into a buffer that is used again. `property` gives the text of a column that was found.
    pub fn key<'r>(
        &self,
        amplitude_id: &'r str,
        user_id: &'r str,
        property: impl Fn(usize) -> &'r str,
        into: &mut Vec<u8>,
    ) -> Result<(), Unnamed> {
        let mut unnamed = Unnamed::NoIdentifier;
        for step in &self.0 {
            let identity = match step {
                Step::External => Identity::External(user_id),
                // Once Braze has identified a person, a device no longer reaches them (Amplitude's sync to Braze).
                Step::Device(_) if !user_id.is_empty() => continue,
                Step::Device(at) => Identity::Device(property(*at)),
                Step::Alias(label, name) => Identity::Alias {
                    label,
                    name: match name {
                        Name::AmplitudeId => amplitude_id,
                        Name::UserId => user_id,
                        Name::Property(at) => property(*at),
                    },
                },
            };
            match identity.write(into) {
                Ok(()) => return Ok(()),
                Err(BadKey::Empty) => {}
                Err(_) => unnamed = Unnamed::BadIdentifier,
            }
        }
        Err(unnamed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Key;

    /// A row: Amplitude id, user id, device id, property `email`.
    type Row<'a> = [&'a str; 4];

    const COLUMNS: [&str; 2] = ["device_id", "email"];

    fn alias(label: &str, name: AliasName) -> Identifier {
        Identifier::Alias {
            label: label.to_owned(),
            name,
        }
    }

    fn email() -> Identifier {
        alias("mail", AliasName::Property("email".to_owned()))
    }

    fn named(identifiers: &[Identifier], row: Row<'_>) -> Result<Key, Unnamed> {
        let mapping = Mapping::new(identifiers.to_vec());
        let column = |name: &str| COLUMNS.iter().position(|column| *column == name);
        let identify = Identify::new(&mapping, column).unwrap();
        let mut key = b"what was there before".to_vec();
        identify
            .key(row[0], row[1], |at| row[2 + at], &mut key)
            .map(|()| Key::from_bytes(&key).unwrap())
    }

    #[test]
    fn the_first_that_a_row_has_names_it() {
        use Identifier::{DeviceId, ExternalId};
        let number = || alias("amp", AliasName::AmplitudeId);
        let user = || alias("crm", AliasName::UserId);
        let external = Key::external("u");
        let table = [
            (vec![ExternalId], ["7", "u", "d", "e"], external.clone()),
            (vec![number()], ["7", "u", "d", "e"], Key::alias("amp", "7")),
            (vec![user()], ["7", "u", "d", "e"], Key::alias("crm", "u")),
            (
                vec![email(), ExternalId],
                ["7", "u", "d", "e"],
                Key::alias("mail", "e"),
            ),
            (
                vec![email(), ExternalId],
                ["7", "u", "d", ""],
                external.clone(),
            ),
            (
                vec![ExternalId, number()],
                ["7", "", "d", "e"],
                Key::alias("amp", "7"),
            ),
            (
                vec![ExternalId, DeviceId],
                ["7", "", "d", "e"],
                Key::device("d"),
            ),
            (vec![DeviceId, ExternalId], ["7", "u", "d", "e"], external),
        ];
        for (mapping, row, key) in table {
            assert_eq!(named(&mapping, row), Ok(key.unwrap()), "{mapping:?}");
        }
    }

    #[test]
    fn a_device_names_only_who_is_anonymous() {
        let devices = [Identifier::DeviceId];
        assert_eq!(
            named(&devices, ["7", "u", "d", ""]),
            Err(Unnamed::NoIdentifier)
        );
        assert_eq!(
            named(&devices, ["7", "", "d", ""]),
            Ok(Key::device("d").unwrap())
        );
        // A user id that Braze does not take is a user id all the same.
        let long = "u".repeat(988);
        let both = [Identifier::ExternalId, Identifier::DeviceId];
        assert_eq!(
            named(&both, ["7", &long, "d", ""]),
            Err(Unnamed::BadIdentifier)
        );
    }

    #[test]
    fn what_braze_would_not_take_falls_through() {
        let (long, mapping) = (
            "m".repeat(237),
            [email(), alias("amp", AliasName::AmplitudeId)],
        );
        assert_eq!(
            named(&mapping, ["7", "", "", &long]),
            Ok(Key::alias("amp", "7").unwrap())
        );
        assert_eq!(
            named(&mapping, ["", "", "", "a\0b"]),
            Err(Unnamed::BadIdentifier)
        );
        assert_eq!(
            named(&mapping, ["", "u", "d", ""]),
            Err(Unnamed::NoIdentifier)
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        let mapping = Mapping::new(vec![Identifier::ExternalId, email()]);
        let found = Identify::new(&mapping, |_| None);
        assert_eq!(found.map(|_| ()), Err("email"));
        assert!(Identify::new(&Mapping::default(), |_| None).is_ok());
    }

    fn identifiers() -> impl Strategy<Value = Vec<Identifier>> {
        let one = prop::sample::select(vec![
            Identifier::ExternalId,
            Identifier::DeviceId,
            alias("amp", AliasName::AmplitudeId),
            alias("crm", AliasName::UserId),
            email(),
        ]);
        prop::collection::vec(one, 1..4)
    }

    proptest! {
        #[test]
        fn a_list_does_what_its_identifiers_do_one_by_one(
            mapping in identifiers(),
            row in prop::array::uniform4(prop::sample::select(vec![
                String::new(), "x".to_owned(), "n\0l".to_owned(), "l".repeat(237),
            ])),
        ) {
            let row = [0, 1, 2, 3].map(|at| row[at].as_str());
            let alone: Vec<_> = mapping.iter().map(|one| named(std::slice::from_ref(one), row)).collect();
            let bad = alone.contains(&Err(Unnamed::BadIdentifier));
            let none = if bad { Unnamed::BadIdentifier } else { Unnamed::NoIdentifier };
            let first = alone.into_iter().find_map(Result::ok);
            prop_assert_eq!(named(&mapping, row), first.ok_or(none));
        }
    }
}
