//! Whether the key may do what looking at segments takes. A segment that is not there is nothing wrong: the plan says how it is
//! made.

use super::LOOK;
use crate::{
    braze::{self, Reader},
    config::{Configuration, Resource},
    engine::{
        Service,
        doctor::{Told, within},
    },
    kinds::{self, Watched, segment},
    model::{Diagnostic, Severity},
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
    let mut verified =
        declared(configuration).filter_map(|resource| segment::spec(resource)?.verify);
    verified.any(|verify| verify.size().is_some())
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

/// Returns what is refused, at the first segment that needs it.
pub(super) async fn ask(
    configuration: &Configuration,
    service: &Service<Reader>,
) -> Vec<Diagnostic> {
    let (Ok(reader), Some(first)) = (&service.reader, declared(configuration).next()) else {
        return vec![];
    };
    let asked = may(reader, sized(configuration)).await;
    let refused = asked.into_iter().filter_map(|(permission, told)| {
        let Told::Refused(words, hint) = told else {
            return None;
        };
        // Without a size a segment is still found and compared.
        let severity = match permission {
            "segments.data_series" => Severity::Warning,
            _ => Severity::Error,
        };
        Some(Diagnostic {
            code: "refused-key",
            severity,
            place: first.origin.place(""),
            message: format!(
                "segments are declared, and the key is not permitted {permission}: {words}"
            ),
            hint: Some(hint.unwrap_or(LOOK).to_owned()),
        })
    });
    refused.collect()
}
