//! What the kinds of values share: an audience whose values are kept as attributes, by user id alone, as Amplitude's own
//! syncs do.

use serde::de::DeserializeOwned;

use super::{Attribute, Attributes, Desired, Form, Reads, Source, applied, values::Audience};
use crate::{
    config::{KeepOrClear, Resource},
    diff::algebra::Algebra,
    model::{Diagnostic, Mapping, Severity},
};

/// Reads what an entry says. The schema has checked it.
pub(super) fn spec<T: DeserializeOwned>(resource: &Resource) -> Result<T, Diagnostic> {
    serde_json::from_value(resource.body.clone()).map_err(|_| Diagnostic {
        code: "values",
        severity: Severity::Error,
        place: resource.origin.place(""),
        message: format!("{} is not a {} sync", resource.address, resource.kind),
        hint: None,
    })
}

/// Returns what an entry asks for whose people's values are kept as these attributes.
pub(super) fn desired(
    resource: &Resource,
    audience: Audience,
    reads: Reads,
    list: Vec<Attribute>,
) -> Desired {
    let settings = &resource.settings;
    let clear = |asked: Option<KeepOrClear>| asked == Some(KeepOrClear::Clear);
    let names = list.iter().map(|attribute| attribute.name.as_str());
    let target = names.collect::<Vec<_>>().join(", ");
    let attributes = Attributes::new(list, clear(settings.on_leave), clear(settings.on_null));
    let excluded = settings.exclude.iter().flatten();
    let exclude: Vec<_> = excluded.map(|exclusion| exclusion.cohort.clone()).collect();
    Desired {
        source: Source::Cohort(audience.cohort),
        source_at: "/audience/cohort",
        members: Algebra::less(exclude.len()),
        exclude,
        called: None,
        identify_by: Mapping::default(),
        reads,
        form: Form::Attributes(attributes),
        target,
        label: None,
        // As Amplitude's own sync of properties does.
        create_users: settings.create_users.unwrap_or(true),
        upload: None,
        config: applied::config(&resource.body),
    }
}
