//! `kind: recommendation`: what Amplitude recommends to each person, as an array attribute in Braze.
//!
//! From: the User Profile API, one person a request (600 a minute for the whole organisation, in the US only; see
//! Amplitude's page of it), for the people of a cohort. To: `/users/track` (75 objects a request; see Braze's page of
//! it). People of the control group get items by chance; they are written too unless the sync says otherwise.

mod spec;

use super::{Attribute, Desired, Kind, Reads, Scope, Take, audience};
use crate::{
    config::Resource,
    model::{Diagnostic, profile::Question},
};

pub use spec::Spec;

/// The kind.
pub struct Recommendation;

impl Kind for Recommendation {
    fn desired(&self, resource: &Resource, _: &Scope) -> Result<Desired, Diagnostic> {
        let spec: Spec = audience::spec(resource)?;
        let written = spec.recommendation;
        let control = written.include_control.unwrap_or(true);
        let items = Take::Items {
            limit: written.limit,
            control,
        };
        let attribute = |name, take| Attribute {
            name,
            cell: 0,
            take,
        };
        let mut list = vec![attribute(written.to, items)];
        let made_at = written
            .made_at
            .map(|name| attribute(name, Take::MadeAt { control }));
        list.extend(made_at);
        let question = Question {
            recommendations: vec![written.id],
            ..Question::default()
        };
        let reads = Reads::Profiles(question);
        Ok(audience::desired(resource, spec.audience, reads, list))
    }
}
