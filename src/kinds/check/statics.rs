//! `cohorts`: what an entry needs that is not in it, and what two entries cannot share.

use std::collections::HashMap;

use super::{entries, error};
use crate::{
    config::{Configuration, Resource},
    kinds::static_cohort::{Members, Spec},
    model::{Address, Diagnostic},
};

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let (mut names, mut ids) = (HashMap::new(), HashMap::new());
    for (resource, spec) in entries::<Spec>(configuration, "cohort.") {
        if configuration.amplitude.project_id.is_none() {
            let message = format!(
                "`{}` is kept in Amplitude, and `amplitude.project_id` is not there",
                resource.address
            );
            let hint =
                "add amplitude: {project_id: NUMBER}; Amplitude shows it under Settings > Projects";
            let hint = Some(hint.to_owned());
            let one = error(&resource.origin, "", "no-project", message, hint);
            found.push(one);
        }
        let name = spec.name.as_deref();
        let name = name.unwrap_or_else(|| resource.address.name());
        let at = if spec.name.is_some() { "/name" } else { "" };
        twice(
            resource,
            at,
            &format!("the cohort \"{name}\""),
            &mut names,
            name,
            found,
        );
        if let Some(id) = &spec.id {
            twice(
                resource,
                "/id",
                &format!("the cohort with id {id}"),
                &mut ids,
                id,
                found,
            );
        }
        let blank = |text: &Option<String>| text.as_ref().is_some_and(|it| it.trim().is_empty());
        for (pointer, is_blank, what) in [
            ("/name", blank(&spec.name), "the name of a cohort"),
            ("/owner", blank(&spec.owner), "the owner of a cohort"),
        ] {
            if is_blank {
                let message = format!("{what} is not empty");
                found.push(error(
                    &resource.origin,
                    pointer,
                    "empty-text",
                    message,
                    None,
                ));
            }
        }
        if let Some(owner) = spec
            .owner
            .as_ref()
            .filter(|owner| !owner.contains('@') && !owner.trim().is_empty())
        {
            let message = format!("`{}` is no login e-mail", owner.escape_debug());
            let hint = "write the e-mail with which the owner logs in to Amplitude".to_owned();
            found.push(error(
                &resource.origin,
                "/owner",
                "wrong-owner",
                message,
                Some(hint),
            ));
        }
        if let Members::File { file } = &spec.members
            && file.trim().is_empty()
        {
            let message = "the file of a static cohort has a name".to_owned();
            found.push(error(
                &resource.origin,
                "/members/file",
                "no-source",
                message,
                None,
            ));
        }
    }
}

fn twice(
    resource: &Resource,
    pointer: &str,
    what: &str,
    known: &mut HashMap<String, Address>,
    key: &str,
    found: &mut Vec<Diagnostic>,
) {
    if let Some(other) = known.get(key) {
        let message = format!(
            "`{}` fills {what}, which `{other}` fills already",
            resource.address
        );
        let hint =
            "one cohort has one entry: give them different names, or take one out".to_owned();
        let one = error(&resource.origin, pointer, "two-owners", message, Some(hint));
        found.push(one);
    } else {
        known.insert(key.to_owned(), resource.address.clone());
    }
}
