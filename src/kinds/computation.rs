//! `kind: computation`: computed properties of Amplitude, as attributes in Braze.
//!
//! From: the User Profile API, one person a request (600 a minute for the whole organisation, in the US only; see
//! Amplitude's page of it), for the people of a cohort. It gives values as text, by the computation's name. To:
//! `/users/track` (75 objects a request; see Braze's page of it).

mod spec;

use super::{As, Attribute, Desired, Kind, Reads, Scope, Take, audience};
use crate::{
    config::Resource,
    model::{
        Diagnostic,
        profile::{self, Question},
    },
};

pub use spec::{Computation as Written, Spec};

/// The kind.
pub struct Computation;

impl Kind for Computation {
    fn desired(&self, resource: &Resource, _: &Scope) -> Result<Desired, Diagnostic> {
        let spec: Spec = audience::spec(resource)?;
        let (mut question, mut list) = (Question::default(), vec![]);
        for (cell, computation) in spec.computations.into_iter().enumerate() {
            list.push(Attribute {
                name: computation.to,
                cell,
                take: Take::As(computation.kind.unwrap_or(As::String)),
            });
            question.computations.push(profile::Computation {
                id: computation.id,
                name: computation.name,
            });
        }
        let reads = Reads::Profiles(question);
        Ok(audience::desired(resource, spec.audience, reads, list))
    }
}
