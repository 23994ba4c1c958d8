//! Whether accounts can be what they are declared to be: the token, the project, the integration, what it takes, and the
//! variables that hold its secrets. No message holds a value, and nothing is written.

use std::collections::BTreeMap;

use super::{LOOK, finding};
use crate::{
    config::{Configuration, Filling, Parameter, Resource},
    engine::{
        Services, destinations,
        doctor::{Told, within},
    },
    kinds::{
        self,
        destination::{self, Spec},
    },
    model::{Address, Cohort, Destination, DestinationType, Diagnostic, Severity},
    state::store::Store,
};

const TOKEN: &str = "/amplitude/developer_token";

/// Returns the values of an account's parameters that are not to be had, by parameter.
pub(in crate::engine) fn unset<'c>(
    configuration: &'c Configuration,
    address: &Address,
) -> impl Iterator<Item = (&'c String, Diagnostic)> {
    let parameters = configuration.parameters.get(address);
    let filled = |parameter: &'c Parameter| match parameter {
        Parameter::Filled(Filling { value, .. }) => value.require().err(),
        Parameter::Plain(_) => None,
    };
    let parameters = parameters.into_iter().flatten();
    parameters.filter_map(move |(id, parameter)| Some((id, filled(parameter)?)))
}

/// Returns the accounts that are declared.
pub(in crate::engine) fn declared(
    configuration: &Configuration,
) -> impl Iterator<Item = (&Resource, Spec)> {
    let resources = configuration.resources.values();
    resources
        .filter(|resource| kinds::is_managed(resource))
        .filter_map(|one| Some((one, serde_json::from_value(one.body.clone()).ok()?)))
}

/// Returns what is wrong with accounts, resource by resource.
pub(super) async fn ask(
    configuration: &Configuration,
    store: &Store,
    services: &Services,
    list: &[Cohort],
) -> Vec<Diagnostic> {
    let declared: Vec<(&Resource, Spec)> = declared(configuration).collect();
    if declared.is_empty() {
        return vec![];
    }
    let token = &configuration.amplitude.developer_token;
    let mut found = not_set(configuration, &declared);
    let reader = match &services.developer.reader {
        Ok(reader) => reader,
        Err(_) if token.is_left_out => return found,
        Err(missing) => {
            found.extend(missing.iter().cloned());
            return found;
        }
    };
    let at = |pointer: &str, code, message: String, hint: Option<&str>| {
        let what = (code, Severity::Error);
        finding(configuration, pointer, what, message, hint.unwrap_or(LOOK))
    };
    match within(reader.context()).await {
        Told::Refused(words, hint) => {
            found.push(at(TOKEN, "refused-key", words, hint));
            return found;
        }
        Told::Unreached(_, words) | Told::Odd(words) | Told::Busy(words) => {
            found.push(at(TOKEN, "unreachable", words, None));
            return found;
        }
        Told::Yes(_) | Told::Unasked => {}
    }
    let manifest = store.manifest().ok().flatten();
    let recorded = manifest.as_ref().and_then(|it| it.target.project);
    let told = list.iter().find_map(|cohort| cohort.project);
    let project = configuration.amplitude.project_id;
    let accounts = match destinations::which(project, recorded, told) {
        Err((message, hint)) => {
            found.push(at("/amplitude/project_id", "project", message, Some(&hint)));
            None
        }
        Ok(project) => match reader.destinations(project).await {
            Ok(accounts) => Some(accounts),
            Err(error) => {
                let code = match error.status() {
                    Some(404) => "project",
                    _ => "refused-key",
                };
                let message = format!("the accounts of project {project} cannot be read: {error}");
                found.push(at("/amplitude/project_id", code, message, error.key_hint()));
                None
            }
        },
    };
    let state = manifest.as_ref().map(|manifest| &manifest.resources);
    let mut types = BTreeMap::new();
    for (resource, spec) in &declared {
        if !types.contains_key(&spec.partner) {
            let of = reader.destination_type(&spec.partner).await;
            types.insert(spec.partner.clone(), of);
        }
        let Some(of) = types.get(&spec.partner) else {
            continue;
        };
        match of {
            Ok(Some(of)) => {
                let entry = state.and_then(|state| state.get(&resource.address));
                let known = entry.and_then(|entry| entry.destination.as_ref()?.id.as_deref());
                let is_known = |one: &&Destination| known == Some(&one.id);
                let is_named = |one: &&Destination| {
                    one.partner == spec.partner && one.display_name == spec.display_name
                };
                let them = || accounts.iter().flatten();
                let named: Vec<&Destination> = match them().find(is_known) {
                    Some(one) => vec![one],
                    None => them().filter(is_named).collect(),
                };
                if named.len() > 1 {
                    let (message, hint) = destinations::ambiguous(spec, &named);
                    found.push(says(resource, Some("/display_name"), message, hint));
                }
                // Only a new one has nothing there yet.
                let new = accounts.is_some() && named.is_empty();
                found.extend(held(configuration, (resource, spec), of, new));
            }
            Err(error) => {
                let message = format!("what {} takes cannot be read: {error}", spec.partner);
                found.push(says(resource, Some("/partner"), message, None));
            }
            Ok(None) => {
                let all = reader.destination_types().await.unwrap_or_default();
                let names: Vec<String> = all.into_iter().map(|of| of.partner).collect();
                let (message, hint) = destination::no_partner(&spec.partner, &names);
                found.push(says(resource, Some("/partner"), message, hint));
            }
        }
    }
    found
}

/// Names the variables that are not set. Nothing is sent without a token, and a plan does without them.
fn not_set(configuration: &Configuration, declared: &[(&Resource, Spec)]) -> Vec<Diagnostic> {
    let left_out = configuration.amplitude.developer_token.is_left_out;
    let addresses = declared.iter().map(|(resource, _)| &resource.address);
    let missing = addresses.flat_map(|address| unset(configuration, address));
    missing
        .map(|(_, missing)| Diagnostic {
            severity: if left_out {
                Severity::Warning
            } else {
                missing.severity
            },
            ..missing
        })
        .collect()
}

/// Holds an entry against what its integration takes.
fn held(
    configuration: &Configuration,
    (resource, spec): (&Resource, &Spec),
    of: &DestinationType,
    new: bool,
) -> Vec<Diagnostic> {
    let parameters = configuration.parameters.get(&resource.address);
    // What is not set was told of.
    let missing: Vec<&String> = unset(configuration, &resource.address)
        .map(|(id, _)| id)
        .collect();
    let set = parameters.into_iter().flatten();
    let set = set.filter(|(id, _)| !missing.contains(id));
    let set = set.map(|(id, parameter)| (id.clone(), parameter.clone()));
    match destination::read(spec, &set.collect(), of) {
        Err(misfits) => misfits
            .into_iter()
            .map(|misfit| says(resource, misfit.at.as_deref(), misfit.message, misfit.hint))
            .collect(),
        Ok(read) => {
            let lacking = read.lacking.iter();
            let lacking = lacking.filter(|id| new && !missing.contains(id));
            let words = |id| format!("a new account of {} needs `config.{id}`", spec.partner);
            lacking
                .map(|id| says(resource, Some(""), words(id), None))
                .collect()
        }
    }
}

/// A finding of an account. A line that may hold a literal secret has no pointer, and is not shown.
fn says(
    resource: &Resource,
    pointer: Option<&str>,
    message: String,
    hint: Option<String>,
) -> Diagnostic {
    Diagnostic {
        code: "destination",
        severity: Severity::Error,
        place: pointer.and_then(|pointer| resource.origin.place(pointer)),
        message: match pointer {
            Some(_) => message,
            None => format!("{}: {message}", resource.address),
        },
        hint,
    }
}
