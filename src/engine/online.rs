//! Asks the services whether a configuration can mean what it says: keys, cohorts, quota. Everything at once, each at
//! its place. Nothing is changed, no download is spent, nothing is kept.

mod attributes;
pub(super) mod destinations;
pub(super) mod segments;

use super::{
    Service, Services,
    doctor::{PROVE, Places, Told, exports, key, listed, needs, sources, within},
    reference::{meant, pinned},
};
use crate::{
    amplitude::{self, Usage},
    braze::{self, TRACK_PATH},
    config::{self, CohortRef, Configuration, OnDestroy, Resource},
    diff::{checkup::Key, native},
    kinds::{self, LogSource, Watched, quota},
    model::{Cohort, Diagnostic, Severity},
    state::{
        self,
        manifest::{Entry, Manifest},
        store::Store,
    },
};

/// What nobody could be asked: that the services agree is said of the rest alone.
pub const UNASKED: &str = "not-asked";

const LOOK: &str = "syncform doctor tells what is in the way";

/// Returns everything found, the warnings that the configuration had before included.
pub async fn online(
    configuration: &Configuration,
    store: &Store,
    services: &Services,
    places: &Places,
) -> Vec<Diagnostic> {
    let (logs, amplitude, braze, listed, refused) = tokio::join!(
        ask_logs(configuration, services, places),
        ask_amplitude(&services.amplitude),
        ask_braze(configuration, &services.braze),
        attributes::ask(configuration, &services.braze),
        Box::pin(segments::ask(configuration, store, &services.braze)),
    );
    let mut found = configuration.warnings.clone();
    let list = match &amplitude {
        Ok((Ok(list), _)) => list.as_slice(),
        _ => &[],
    };
    found.extend(destinations::ask(configuration, store, services, list).await);
    match amplitude {
        Err(missing) => found.extend(missing),
        Ok((list, usage)) => {
            match list {
                Ok(list) => {
                    cohorts(configuration, store, &list, &mut found);
                    found.extend(taken_over(configuration, &list));
                    found.extend(untold(configuration, &list));
                }
                Err(error) => found.push(of_amplitude(configuration, &error)),
            }
            if let Some(usage) = usage {
                downloads(configuration, usage, &mut found);
            }
        }
    }
    removed(configuration, store, &mut found);
    found.extend(logs);
    let told = braze.iter().any(|one| one.severity == Severity::Error);
    found.extend(braze);
    attributes::check(configuration, listed, told, &mut found);
    if !told {
        found.extend(refused);
    }
    config::sort(&mut found);
    // What `defaults` says for all is said once.
    found.dedup();
    found
}

type Listed = (Result<Vec<Cohort>, amplitude::Error>, Option<Usage>);

async fn ask_amplitude(service: &Service<amplitude::Reader>) -> Result<Listed, Vec<Diagnostic>> {
    let reader = service.reader.as_ref().map_err(Clone::clone)?;
    let list = reader.cohorts().await;
    // A project that does not tell its usage has said nothing wrong.
    let usage = match &list {
        Ok(_) => match within(reader.usage()).await {
            Told::Yes(usage) => usage,
            _ => None,
        },
        Err(_) => None,
    };
    Ok((list, usage))
}

/// Asks for exports and lists of files, where a log reads them.
async fn ask_logs(
    configuration: &Configuration,
    services: &Services,
    places: &Places,
) -> Vec<Diagnostic> {
    let mut found = vec![];
    let at =
        |resource: &Resource, pointer: &str, message: String, hint: Option<String>| Diagnostic {
            code: "unreachable",
            severity: Severity::Error,
            place: resource.origin.place(pointer),
            message,
            hint,
        };
    // Keys that are missing or refused were told of where cohorts are listed.
    let exports = match services.amplitude.reader.as_ref() {
        Ok(reader) if exports(configuration) => Some(within(reader.answers_exports()).await),
        _ => None,
    };
    for (resource, source) in sources(configuration) {
        let one = match (&source, &exports) {
            (LogSource::Hours { .. }, Some(Told::Refused(words, hint))) => {
                let hint = hint.unwrap_or(LOOK).to_owned();
                let message = format!("the Export API refuses the keys: {words}");
                Some(at(resource, "/from", message, Some(hint)))
            }
            (
                LogSource::Hours { .. },
                Some(Told::Odd(text) | Told::Busy(text) | Told::Unreached(_, text)),
            ) => {
                let message = format!("the Export API is not answered as it should be: {text}");
                Some(at(resource, "/from", message, Some(LOOK.to_owned())))
            }
            (LogSource::Hours { .. }, _) => None,
            (LogSource::Files { place, .. }, _) => listed(place, places)
                .await
                .err()
                .map(|(message, hint)| at(resource, "/from/files", message, hint)),
        };
        found.extend(one);
    }
    found
}

fn of_amplitude(configuration: &Configuration, error: &amplitude::Error) -> Diagnostic {
    let keys = error.is_authentication();
    let pointer = match keys {
        true => "/amplitude/api_key",
        false if configuration.amplitude.endpoint.is_some() => "/amplitude/endpoint",
        false => "/amplitude/region",
    };
    let code = if keys { "refused-key" } else { "unreachable" };
    let hint = error.key_hint().unwrap_or(LOOK);
    finding(
        configuration,
        pointer,
        (code, Severity::Error),
        error.to_string(),
        hint,
    )
}

async fn ask_braze(
    configuration: &Configuration,
    service: &Service<braze::Reader>,
) -> Vec<Diagnostic> {
    let reader = match &service.reader {
        Ok(reader) => reader,
        Err(missing) => return missing.clone(),
    };
    let Err(error) = reader.oldest_segment().await else {
        return vec![];
    };
    let place = |error: &braze::Error| match &configuration.braze.instance {
        _ if error.is_authentication() => ("refused-key", "/braze/api_key"),
        Some(_) => ("unreachable", "/braze/instance"),
        None => ("unreachable", "/braze/endpoint"),
    };
    let (code, pointer) = place(&error);
    let found = |severity, message: &str, hint: &str| {
        let message = message.to_owned();
        vec![finding(
            configuration,
            pointer,
            (code, severity),
            message,
            hint,
        )]
    };
    let listing = error.to_string();
    let hint = error.key_hint().unwrap_or(LOOK);
    if !error.is_authentication() {
        return found(Severity::Error, &listing, hint);
    }
    // The permission to list is optional, and a wrong key is answered by the same status as one that lacks it.
    let track = within(reader.may_track()).await;
    match (key(&track, &Told::from(Err(error))), &track) {
        (Key::Accepted, _) => found(
            Severity::Warning,
            &listing,
            "the key may write; with the permission segments.list a rotated key is told from another workspace",
        ),
        (Key::Taken, _) => found(
            Severity::Warning,
            &format!("{listing}; the key was taken all the same, and what it may is not proven"),
            PROVE,
        ),
        (Key::Known, Told::Refused(words, hint)) => {
            let (needed, _) = needs(configuration);
            let severity = if needed {
                Severity::Error
            } else {
                Severity::Warning
            };
            let message = format!("braze: the key is not permitted {TRACK_PATH}: {words}");
            found(severity, &message, hint.unwrap_or(LOOK))
        }
        (Key::Known, _) => found(
            Severity::Warning,
            &format!("{listing}; whether the key may write is not known"),
            LOOK,
        ),
        (Key::Refused | Key::Unknown, _) => found(Severity::Error, &listing, hint),
    }
}

fn finding(
    configuration: &Configuration,
    pointer: &str,
    (code, severity): (&'static str, Severity),
    message: String,
    hint: &str,
) -> Diagnostic {
    Diagnostic {
        code,
        severity,
        place: configuration.origin.place(pointer),
        message,
        hint: Some(hint.to_owned()),
    }
}

/// What Amplitude says of the month's downloads counts more than what is configured.
fn downloads(configuration: &Configuration, usage: Usage, found: &mut Vec<Diagnostic>) {
    const WRITTEN: &str = "/amplitude/monthly_downloads";
    let written = configuration.amplitude.monthly_downloads;
    if written != usage.limit && configuration.origin.0.contains_key(WRITTEN) {
        found.push(finding(
            configuration,
            WRITTEN,
            ("other-quota", Severity::Warning),
            format!(
                "`monthly_downloads` is {written}, and Amplitude says {}",
                usage.limit
            ),
            "Amplitude's number counts: write it, or leave the key out",
        ));
    }
    found.retain(|one| one.code != quota::QUOTA);
    found.extend(
        quota::over(configuration, usage.limit).map(|over| Diagnostic {
            hint: Some("slow the fastest down; the quota is Amplitude's own word".to_owned()),
            ..over
        }),
    );
}

/// Every cohort that a sync names, paused or not, is there once.
fn cohorts(
    configuration: &Configuration,
    store: &Store,
    list: &[Cohort],
    found: &mut Vec<Diagnostic>,
) {
    let manifest = store.manifest();
    if let Err(error) = &manifest {
        found.push(unread(error));
    }
    let manifest = manifest.ok().flatten();
    for resource in configuration.resources.values() {
        let before = manifest
            .as_ref()
            .and_then(|manifest| applied(configuration, manifest, resource));
        for (pointer, reference) in references(configuration, resource, before) {
            let at = |code, severity, message, hint| Diagnostic {
                code,
                severity,
                place: resource.origin.place(&pointer),
                message,
                hint,
            };
            match (meant(&reference, before, list), &reference) {
                (Err((message, hint)), _) => {
                    found.push(at("cohort", Severity::Error, message, hint));
                }
                (Ok(cohort), CohortRef::Name(name))
                    if cohort.name != *name
                        && pinned(&reference, before).is_some_and(|pin| pin.id == cohort.id) =>
                {
                    let message = format!(
                        "cohort \"{name}\" is named \"{}\" now, and is followed by its id {}",
                        cohort.name, cohort.id
                    );
                    let hint = "write the name that it has now".to_owned();
                    found.push(at("renamed-cohort", Severity::Warning, message, Some(hint)));
                }
                _ => {}
            }
        }
    }
}

/// Static cohorts that are to be taken over, and that Amplitude computes.
fn taken_over<'a>(
    configuration: &'a Configuration,
    list: &'a [Cohort],
) -> impl Iterator<Item = Diagnostic> + 'a {
    let computes = |id: &str| list.iter().any(|cohort| cohort.id == id && cohort.computes);
    let resources = configuration.resources.values();
    resources.filter_map(move |resource| {
        let named = resource.body["id"].as_str();
        let id =
            named.filter(|id| resource.address.as_str().starts_with("cohort.") && computes(id))?;
        Some(Diagnostic {
            code: "cohort",
            severity: Severity::Error,
            place: resource.origin.place("/id"),
            message: format!("the cohort with id {id} is not a static one"),
            hint: Some(
                "name the id of a static cohort; or take `id` out to have one made".to_owned(),
            ),
        })
    })
}

/// Syncs of Amplitude are declared, and the project is told of none.
fn untold(configuration: &Configuration, list: &[Cohort]) -> Option<Diagnostic> {
    let native = |resource: &&Resource| {
        kinds::find_watched(resource) == Some(Watched::NativeSync) && !native::told(list)
    };
    let first = configuration.resources.values().find(native)?;
    Some(Diagnostic {
        code: UNASKED,
        severity: Severity::Warning,
        place: first.origin.place("/run_by"),
        message: "what Amplitude runs cannot be verified: it tells this project of no sync"
            .to_owned(),
        hint: Some(super::watched::UNTOLD_HINT.to_owned()),
    })
}

/// A log that is removed keeps what it sent.
fn removed(configuration: &Configuration, store: &Store, found: &mut Vec<Diagnostic>) {
    // A state that cannot be read was told of where cohorts are looked up.
    let Ok(Some(manifest)) = store.manifest() else {
        return;
    };
    for (at, removed) in configuration.removed.iter().enumerate() {
        let mut entries = manifest.resources.iter();
        let is_log = entries
            .any(|(address, entry)| address.as_str() == removed.address && entry.log.is_some());
        if is_log && removed.on_destroy == Some(OnDestroy::Empty) {
            let (message, hint) = super::departure::kept();
            found.push(finding(
                configuration,
                &format!("/removed/{at}/on_destroy"),
                ("log-stays", Severity::Error),
                format!("{}: {message}", removed.address),
                hint,
            ));
        }
    }
}

fn unread(error: &state::Error) -> Diagnostic {
    Diagnostic {
        code: "state",
        severity: Severity::Error,
        place: None,
        message: format!("the state cannot be read: {error}"),
        hint: Some("syncform doctor looks at it".to_owned()),
    }
}

/// What the state remembers of a resource, by the address it had then.
fn applied<'a>(
    configuration: &Configuration,
    manifest: &'a Manifest,
    resource: &Resource,
) -> Option<&'a Entry> {
    let entry = |address: &str| {
        let mut entries = manifest.resources.iter();
        entries
            .find(|(known, _)| known.as_str() == address)
            .map(|(_, entry)| entry)
    };
    let now = resource.address.as_str();
    entry(now).or_else(|| {
        let moved = configuration.moved.iter().rev();
        let mut from = now;
        for one in moved.filter(|one| one.to != one.from) {
            if one.to == from {
                from = &one.from;
            }
        }
        entry(from)
    })
}

/// The cohorts that an entry names, each with its place in the entry.
fn references(
    configuration: &Configuration,
    resource: &Resource,
    before: Option<&Entry>,
) -> Vec<(String, CohortRef)> {
    let at = |pointer: String, cohort: CohortRef| match cohort {
        CohortRef::Id { .. } => (format!("{pointer}/id"), cohort),
        CohortRef::Name(_) => (pointer, cohort),
    };
    if kinds::find_watched(resource) == Some(Watched::NativeSync) {
        let native = kinds::cohort::native(resource).into_iter();
        return native
            .map(|native| at("/cohort".to_owned(), native.cohort))
            .collect();
    }
    let Some(kind) = kinds::find(resource) else {
        return vec![];
    };
    let scope = super::draft::scope(configuration, before);
    // What cannot be read as it stands was told by the checks before.
    let Ok(desired) = kind.desired(resource, &scope) else {
        return vec![];
    };
    let computed = desired.called.is_some();
    let place = |at| {
        if computed {
            desired.source_at.to_owned()
        } else {
            format!("/exclude/{at}/cohort")
        }
    };
    let excluded = desired.exclude.into_iter().enumerate();
    let excluded = excluded.map(|(at, cohort)| (place(at), cohort));
    let own = desired.source.cohort().cloned();
    let own = own.map(|cohort| (desired.source_at.to_owned(), cohort));
    let all = own.into_iter().chain(excluded);
    all.map(|(pointer, cohort)| at(pointer, cohort)).collect()
}
