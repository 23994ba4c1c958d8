//! What syncs of values make of what, and where their entries say so. It finds nothing wrong.

use crate::{
    config::Resource,
    diff::catalogue::Written,
    kinds::{
        As, Audience,
        cohort::RunBy,
        computation, recommendation,
        user_property::{self, Property},
    },
};

/// What a sync of values says.
pub(in crate::kinds::check) enum Values {
    Properties(user_property::Spec),
    Computations(computation::Spec),
    Recommendation(recommendation::Spec),
}

/// One attribute that a sync writes: what it is made of, and where both are named.
pub(in crate::kinds::check) struct Made<'a> {
    /// Name of the property, or id.
    pub(super) source: &'a str,
    pub(super) source_at: String,
    pub(in crate::kinds::check) attribute: &'a str,
    pub(in crate::kinds::check) attribute_at: String,
    /// What is written into it.
    pub(in crate::kinds::check) written: Written,
}

impl Values {
    pub(super) fn of(resource: &Resource) -> Option<Self> {
        if !resource.address.as_str().starts_with("sync.") {
            return None;
        }
        let body = resource.body.clone();
        match resource.kind.as_str() {
            "user_property" => serde_json::from_value(body).map(Self::Properties).ok(),
            "computation" => serde_json::from_value(body).map(Self::Computations).ok(),
            "recommendation" => serde_json::from_value(body).map(Self::Recommendation).ok(),
            _ => None,
        }
    }

    pub(in crate::kinds::check) fn audience(&self) -> &Audience {
        match self {
            Self::Properties(spec) => &spec.audience,
            Self::Computations(spec) => &spec.audience,
            Self::Recommendation(spec) => &spec.audience,
        }
    }

    pub(in crate::kinds::check) fn run_by(&self) -> Option<RunBy> {
        match self {
            Self::Properties(spec) => spec.run_by,
            Self::Computations(spec) => spec.run_by,
            Self::Recommendation(spec) => spec.run_by,
        }
    }

    pub(in crate::kinds::check) fn made(&self) -> Vec<Made<'_>> {
        match self {
            Self::Properties(spec) => {
                let made = spec.properties.iter().enumerate();
                made.map(|(at, property)| property_of(at, property))
                    .collect()
            }
            Self::Computations(spec) => {
                let made = spec.computations.iter().enumerate();
                made.map(|(at, one)| Made {
                    source: &one.id,
                    source_at: format!("/computations/{at}/id"),
                    attribute: &one.to,
                    attribute_at: format!("/computations/{at}/to"),
                    written: written(one.kind),
                })
                .collect()
            }
            Self::Recommendation(spec) => {
                let one = &spec.recommendation;
                let items = (&one.to, "to", Written::Scalars(one.limit.map(u64::from)));
                let made_at = one.made_at.as_ref();
                let made_at = made_at.map(|name| (name, "made_at", Written::Time));
                let made = std::iter::once(items).chain(made_at);
                made.map(|(attribute, key, written)| Made {
                    source: &one.id,
                    source_at: "/recommendation/id".to_owned(),
                    attribute,
                    attribute_at: format!("/recommendation/{key}"),
                    written,
                })
                .collect()
            }
        }
    }

    /// What a source is called, and what it has to have.
    pub(super) const fn source(&self) -> (&'static str, &'static str) {
        match self {
            Self::Properties(_) => ("a user property has a name", "write its name in Amplitude"),
            Self::Computations(_) => (
                "a computation has an id",
                "write the last part of its page's address in Amplitude, such as t14bqib",
            ),
            Self::Recommendation(_) => (
                "a recommendation has an id",
                "write the last part of its page's address in Amplitude",
            ),
        }
    }
}

fn property_of(at: usize, property: &Property) -> Made<'_> {
    let place = format!("/properties/{at}");
    match property {
        Property::Name(name) => Made {
            source: name,
            source_at: place.clone(),
            attribute: name,
            attribute_at: place,
            written: written(None),
        },
        Property::Mapped { from, to, kind } => Made {
            source: from,
            source_at: format!("{place}/from"),
            attribute: to.as_ref().unwrap_or(from),
            attribute_at: format!("{place}/{}", if to.is_some() { "to" } else { "from" }),
            written: written(*kind),
        },
    }
}

fn written(kind: Option<As>) -> Written {
    match kind.unwrap_or(As::String) {
        As::String => Written::Text,
        As::Number | As::Integer => Written::Number,
        As::Boolean => Written::Boolean,
        As::Time => Written::Time,
        As::Array => Written::List,
        As::Object => Written::Object,
        As::Auto => Written::Anything,
    }
}
