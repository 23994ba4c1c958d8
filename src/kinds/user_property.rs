//! `kind: user_property`: properties of an Amplitude audience, as attributes in Braze.
//!
//! From: the audience's cohort download, with a column a property (2,000,000 people, 500 a month; see Amplitude's
//! Behavioral Cohorts page); one download serves every sync of a cohort. To: `/users/track` (75 objects a request; see
//! Braze's page of it). Cells are text, and `as` says what they become.

mod spec;

use super::{Attribute, Desired, Kind, Reads, Scope, Take, audience, values::As};
use crate::{config::Resource, model::Diagnostic};

pub use spec::{Property, Spec};

/// The kind.
pub struct UserProperty;

impl Kind for UserProperty {
    fn desired(&self, resource: &Resource, _: &Scope) -> Result<Desired, Diagnostic> {
        let spec: Spec = audience::spec(resource)?;
        let (mut columns, mut list) = (vec![], vec![]);
        for property in spec.properties {
            let (from, name, kind) = match property {
                Property::Name(name) => (name.clone(), name, As::String),
                Property::Mapped { from, to, kind } => {
                    let name = to.unwrap_or_else(|| from.clone());
                    (from, name, kind.unwrap_or(As::String))
                }
            };
            list.push(Attribute {
                name,
                cell: columns.len(),
                take: Take::As(kind),
            });
            columns.push(from);
        }
        Ok(audience::desired(
            resource,
            spec.audience,
            Reads::Columns(columns),
            list,
        ))
    }
}
