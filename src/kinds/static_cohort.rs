//! `cohorts`: static cohorts of Amplitude, filled from a file or from a segment of Braze.
//!
//! From: a CSV file, or a segment's export. To: upload and membership of the Behavioral Cohorts API (100,000 ids a request;
//! see Amplitude's page of it). A row is a user id, and its value is `true`. No data points are logged, and Braze is not told.

pub mod list;
mod spec;

use serde_json::Value;

use super::{Desired, Form, Kind, Membership, Reads, Scope, Source, Upload, applied};
use crate::{
    config::Resource,
    diff::algebra::Algebra,
    model::{Diagnostic, Mapping, Severity},
};

pub use spec::{Members, Spec};

/// The kind.
pub struct StaticCohort;

/// Keys that are compared with what Amplitude shows, or say something only while a cohort is made.
const NOT_APPLIED: [&str; 6] = ["name", "id", "owner", "published", "min_match", "only_in"];

impl Kind for StaticCohort {
    fn desired(&self, resource: &Resource, _scope: &Scope) -> Result<Desired, Diagnostic> {
        let spec: Spec = serde_json::from_value(resource.body.clone()).map_err(|_| Diagnostic {
            code: "cohort",
            severity: Severity::Error,
            place: resource.origin.place(""),
            message: format!("{} is not a static cohort", resource.address),
            hint: None,
        })?;
        let mut config = applied::config(&resource.body);
        if let Value::Object(members) = &mut config {
            members.retain(|key, _| !NOT_APPLIED.contains(&key.as_str()));
        }
        let name = resource.address.name();
        let (source, source_at) = match spec.members {
            Members::File { file } => (Source::File(file), "/members/file"),
            Members::BrazeSegment { braze_segment } => {
                (Source::Segment(braze_segment), "/members/braze_segment")
            }
        };
        let form = Membership::Static(name.to_owned());
        Ok(Desired {
            source,
            source_at,
            exclude: vec![],
            members: Algebra::less(0),
            called: None,
            identify_by: Mapping::default(),
            reads: Reads::Nothing,
            target: form.target(),
            form: Form::Membership(form),
            label: spec.name.clone(),
            create_users: false,
            upload: Some(Upload {
                name: spec.name,
                id: spec.id,
                owner: spec.owner,
                published: spec.published.unwrap_or(true),
                min_match: spec.min_match,
            }),
            config,
        })
    }
}

/// The steps that rename a cohort: no call does.
pub fn renaming(id: &str, from: &str, to: &str) -> Vec<String> {
    vec![
        format!("In Amplitude open Cohorts and find \"{from}\" (id {id})"),
        format!(
            "Rename it to \"{to}\" and save; or put `name: {from}` back into the configuration"
        ),
    ]
}

/// What is seen to before a cohort is archived.
const ARCHIVE: &str =
    "See that no chart, experiment or sync uses it, then archive it (its owner may)";

/// The steps that put a cohort away: no call does. `command` is what is run again then.
pub fn archiving(id: &str, name: &str, command: &str) -> Vec<String> {
    vec![
        format!("In Amplitude open Cohorts and find \"{name}\" (id {id})"),
        ARCHIVE.to_owned(),
        format!("{command} once more: a cohort that is archived or no longer listed is forgotten"),
    ]
}

/// The steps that put a cohort away where the list cannot tell whether it is there.
pub fn archiving_unseen(id: Option<&str>, name: &str, published: bool) -> Vec<String> {
    let why = match (id, published) {
        (Some(id), _) => format!(" (id {id}): it is not published, so Amplitude does not list it"),
        (None, false) => ": an upload was cut, and what is not published is not listed".to_owned(),
        (None, true) => ": an upload was cut, and there are several of that name".to_owned(),
    };
    vec![
        format!("In Amplitude open Cohorts and look for \"{name}\"{why}"),
        ARCHIVE.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Address, Lane};

    #[test]
    fn what_is_applied_leaves_out_what_amplitude_shows() {
        let body = json!({"name": "VIP", "members": {"file": "vip.csv"}, "owner": "a@acme.com", "published": false,
            "min_match": "90%", "guards": {"max_removals": "10%"}});
        let resource = Resource {
            address: Address::new("cohort", "vip"),
            kind: "cohort".to_owned(),
            settings: crate::config::Settings::default(),
            body,
            origin: crate::config::Origin::default(),
        };
        let scope = Scope {
            workspace: "acme",
            environment: None,
            applied: None,
            resources: &indexmap::IndexMap::new(),
        };
        let desired = StaticCohort.desired(&resource, &scope).unwrap();
        assert_eq!(desired.config, json!({"members": {"file": "vip.csv"}}));
        let lane = Lane::Static {
            cohort: "vip".to_owned(),
        };
        assert_eq!(desired.lane(), lane);
        assert_eq!(desired.source, Source::File("vip.csv".to_owned()));
        let upload = desired.upload.unwrap();
        assert_eq!(
            (upload.name.as_deref(), upload.published),
            (Some("VIP"), false)
        );
    }
}
