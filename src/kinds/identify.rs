//! `identify_by` as written, made a mapping: the names that mean a column of their own are told from properties here.

use crate::{
    config::{self, IdentifierWord, Settings},
    model::{AliasName, Identifier, Mapping},
};

/// Returns how the people of a sync are named; `[external_id]` unless it says otherwise.
pub(super) fn mapping(settings: &Settings) -> Mapping {
    match settings.identify_by.as_deref() {
        // An empty list is refused where the configuration is checked, and never means nobody.
        None | Some([]) => Mapping::default(),
        Some(written) => Mapping::new(written.iter().map(identifier).collect()),
    }
}

fn identifier(written: &config::Identifier) -> Identifier {
    match written {
        config::Identifier::Word(IdentifierWord::ExternalId) => Identifier::ExternalId,
        config::Identifier::Word(IdentifierWord::DeviceId) => Identifier::DeviceId,
        config::Identifier::Alias { alias, name } => Identifier::Alias {
            label: alias.clone(),
            name: match name.as_str() {
                "amplitude_id" => AliasName::AmplitudeId,
                "user_id" => AliasName::UserId,
                property => AliasName::Property(property.to_owned()),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_are_columns_are_no_properties() {
        let alias = |name| Identifier::Alias {
            label: "l".to_owned(),
            name,
        };
        let written = json!({"identify_by": [{"alias": "l", "name": "amplitude_id"}, {"alias": "l", "name": "user_id"},
            {"alias": "l", "name": "email"}, "device_id", "external_id"]});
        let settings: Settings = serde_json::from_value(written).unwrap();
        let expected = [
            alias(AliasName::AmplitudeId),
            alias(AliasName::UserId),
            alias(AliasName::Property("email".to_owned())),
            Identifier::DeviceId,
            Identifier::ExternalId,
        ];
        assert_eq!(mapping(&settings), Mapping::new(expected.to_vec()));
        assert_eq!(mapping(&Settings::default()), Mapping::default());
    }
}
