//! Whether the key may do what looking at segments takes, and whether each segment that is named is there once. One to be looked
//! at that is not there yet is a warning: the plan says how it is made.

use super::{LOOK, UNASKED};
use crate::{
    braze::{self, Reader},
    config::{Configuration, Resource, Seed},
    diff::segment::{Found, find},
    engine::{
        Service,
        doctor::{Told, within},
    },
    kinds::{self, Watched, segment},
    model::{Diagnostic, Segment, Severity},
    state::store::Store,
};

/// The segments that are looked at.
pub(in crate::engine) fn declared(
    configuration: &Configuration,
) -> impl Iterator<Item = &Resource> {
    let resources = configuration.resources.values();
    resources.filter(|resource| kinds::find_watched(resource) == Some(Watched::Segment))
}

/// Whether any segment is verified by its size.
pub(in crate::engine) fn sized(configuration: &Configuration) -> bool {
    let mut specs = declared(configuration).filter_map(segment::spec);
    specs.any(|spec| spec.sized())
}

/// What became of each question, by the permission that it takes.
pub(in crate::engine) type Permissions = Vec<(&'static str, Told<()>)>;

/// Asks for what looking at segments takes, of the workspace's first segment. A workspace without any is asked no more.
pub(in crate::engine) async fn may(reader: &Reader, sized: bool) -> Permissions {
    let first = match within(reader.oldest_segment()).await {
        Told::Yes(first) => first,
        Told::Refused(words, hint) => {
            return vec![("segments.list", Told::Refused(words, hint))];
        }
        _ => return vec![],
    };
    let mut asked = vec![("segments.list", Told::Yes(()))];
    let Some(id) = first else { return asked };
    let nothing = |_| ();
    let details = async { reader.segment_details(&id).await.map(|_| ()) };
    asked.push((
        "segments.details",
        within::<(), braze::Error>(details).await,
    ));
    if sized {
        let size = async { reader.segment_size(&id).await.map(nothing) };
        asked.push((
            "segments.data_series",
            within::<(), braze::Error>(size).await,
        ));
    }
    asked
}

/// A segment that something of the configuration names.
struct Named<'a> {
    resource: &'a Resource,
    pointer: &'static str,
    segment: String,
    /// Braze's id of it, where it was looked at before.
    known: Option<String>,
    /// Whether nothing can be planned without it; one that is looked at is made by hand.
    needed: bool,
}

/// Returns what is refused, at the first entry that needs it, and which segments are not there, or there twice.
pub(super) async fn ask(
    configuration: &Configuration,
    store: &Store,
    service: &Service<Reader>,
) -> Vec<Diagnostic> {
    let named = named(configuration, store);
    let (Ok(reader), Some(first)) = (&service.reader, named.first()) else {
        return vec![];
    };
    let at_first = |code, severity, message: String, hint: Option<&str>| Diagnostic {
        code,
        severity,
        place: first.resource.origin.place(first.pointer),
        message,
        hint: Some(hint.unwrap_or(LOOK).to_owned()),
    };
    let watched = declared(configuration).next();
    let asked = match watched {
        Some(_) => may(reader, sized(configuration)).await,
        None => vec![],
    };
    let refused = asked.into_iter().filter_map(|(permission, told)| {
        let Told::Refused(words, hint) = told else {
            return None;
        };
        // Without a size a segment is still found and compared.
        let severity = match permission {
            "segments.data_series" => Severity::Warning,
            _ => Severity::Error,
        };
        let place = watched.and_then(|watched| watched.origin.place(""));
        let message =
            format!("segments are declared, and the key is not permitted {permission}: {words}");
        Some(Diagnostic {
            place,
            ..at_first("refused-key", severity, message, hint)
        })
    });
    let mut found: Vec<Diagnostic> = refused.collect();
    let list = match within(reader.segments()).await {
        Told::Yes(list) => list,
        // Of segments that are looked at it was told above.
        Told::Refused(..) if !found.is_empty() => return found,
        Told::Refused(words, hint) => {
            let message =
                format!("a segment is named, and the key is not permitted segments.list: {words}");
            found.push(at_first("refused-key", Severity::Error, message, hint));
            return found;
        }
        Told::Odd(text) | Told::Busy(text) | Told::Unreached(_, text) => {
            let message = format!("no segment was looked for: {text}");
            found.push(at_first(UNASKED, Severity::Warning, message, None));
            return found;
        }
        Told::Unasked => return found,
    };
    found.extend(named.iter().filter_map(|named| named.wrong(&list)));
    found
}

fn named<'a>(configuration: &'a Configuration, store: &Store) -> Vec<Named<'a>> {
    // A state that cannot be read was told of where cohorts are looked up.
    let manifest = store.manifest().ok().flatten();
    let mut named = vec![];
    for resource in configuration.resources.values() {
        let before = manifest
            .as_ref()
            .and_then(|manifest| super::applied(configuration, manifest, resource));
        let known = || before?.observed.as_ref()?["id"].as_str().map(str::to_owned);
        let mut name = |pointer, segment: String, needed| {
            named.push(Named {
                resource,
                pointer,
                segment,
                known: known(),
                needed,
            });
        };
        if kinds::find_watched(resource) == Some(Watched::Segment) {
            if let Some(spec) = segment::spec(resource) {
                name("/name", spec.name, false);
            }
            continue;
        }
        // A seed counts before a first apply alone.
        if let (Some(Seed::Segment(segment)), None) = (&resource.settings.seed, before) {
            name("/seed/segment", segment.clone(), true);
        }
        let segment = &resource.body["members"]["braze_segment"];
        if let Some(segment) = segment.as_str() {
            name("/members/braze_segment", segment.to_owned(), true);
        }
    }
    named
}

impl Named<'_> {
    /// Returns what is wrong with it.
    fn wrong(&self, list: &[Segment]) -> Option<Diagnostic> {
        let name = segment::quoted(&self.segment);
        let by_hand = "the plan says how it is made by hand";
        let archived = "write its name as the dashboard shows it; archived segments are not listed";
        let missing = || format!("Braze lists no segment {name}");
        let severity = if self.needed {
            Severity::Error
        } else {
            Severity::Warning
        };
        let (severity, message, hint) = match find(&self.segment, self.known.as_deref(), list) {
            Found::One(_) => return None,
            Found::Several(ids) => (
                Severity::Error,
                format!(
                    "{} segments of Braze are named {name}: {}",
                    ids.len(),
                    ids.join(", ")
                ),
                "rename or archive all of them but one in the dashboard".to_owned(),
            ),
            Found::Gone(_) => (
                severity,
                format!("segment {name} is archived or deleted in Braze"),
                by_hand.to_owned(),
            ),
            Found::Missing(near) if !near.is_empty() => {
                let near = near.join("\" or \"");
                (severity, missing(), format!("did you mean \"{near}\"?"))
            }
            Found::Missing(_) if self.needed => (severity, missing(), archived.to_owned()),
            Found::Missing(_) => (severity, missing(), by_hand.to_owned()),
        };
        Some(Diagnostic {
            code: "segment",
            severity,
            place: self.resource.origin.place(self.pointer),
            message,
            hint: Some(hint),
        })
    }
}
