//! What logs read beside cohorts: hours of the Export API, and files of Currents. Nothing of either is read: of the one an
//! hour is asked for in which nobody had an event, of the other files of hours to come.
//!
//! Taking events in is not asked for. It goes by the key that reads cohorts as well; what an empty request proves of it
//! is not documented, and an event that proves it would stay.

use std::path::PathBuf;

use super::{WHOLE, told::Told, within};
use crate::{
    amplitude::Reader,
    braze::currents::{Location, Store},
    config::{Configuration, Resource},
    kinds::{self, LogSource},
    model::{Check, Hour},
};

/// What places of files go by.
pub struct Places {
    /// Where the configuration is: paths in it are relative to it.
    pub directory: PathBuf,
    /// Variables of the process that are about clouds; secrets among them.
    pub cloud: Vec<(String, String)>,
}

/// No files are of that hour.
const TO_COME: Hour = Hour(i64::MAX / 3_600_000);

/// What became of what was asked.
pub(super) struct Asked {
    exports: Told<()>,
    files: Vec<(String, Option<Unlisted>)>,
}

/// Why files cannot be listed, and what to do.
pub(in crate::engine) type Unlisted = (String, Option<String>);

/// Returns the logs, each with where it reads.
pub(in crate::engine) fn sources(
    configuration: &Configuration,
) -> impl Iterator<Item = (&Resource, LogSource)> {
    let app_id = configuration.braze.app_id.as_deref();
    configuration
        .resources
        .values()
        .filter_map(move |resource| {
            let log = kinds::find_log(resource)?;
            // What cannot be read as it stands was told by the checks before.
            let stream = log.stream(resource, app_id).ok()?;
            Some((resource, stream.source))
        })
}

/// Returns whether any log reads hours.
pub(in crate::engine) fn exports(configuration: &Configuration) -> bool {
    sources(configuration).any(|(_, source)| matches!(source, LogSource::Hours { .. }))
}

pub(super) async fn ask(
    configuration: &Configuration,
    places: &Places,
    amplitude: Option<&Reader>,
) -> Asked {
    let asked = async {
        match amplitude.filter(|_| exports(configuration)) {
            Some(reader) => within(reader.answers_exports()).await,
            None => Told::Unasked,
        }
    };
    let listed = async {
        let mut files = vec![];
        for (resource, source) in sources(configuration) {
            if let LogSource::Files { place, .. } = &source {
                let unlisted = listed(place, places).await.err();
                files.push((format!("{} reads {place}", resource.address), unlisted));
            }
        }
        files
    };
    let (exports, files) = tokio::join!(asked, listed);
    Asked { exports, files }
}

/// Sees whether files can be listed. A list that takes long is one.
pub(in crate::engine) async fn listed(place: &str, places: &Places) -> Result<(), Unlisted> {
    let location = Location::parse(place, &places.directory)
        .map_err(|error| (error.to_string(), Some(error.hint().to_owned())))?;
    let told =
        |error: crate::braze::currents::Error| (error.to_string(), error.hint().map(str::to_owned));
    let store = Store::open(&location, places.cloud.clone()).map_err(told)?;
    let list = async {
        store
            .list(Some(TO_COME), |_| true)
            .await?
            .next()
            .await
            .map(drop)
    };
    match tokio::time::timeout(WHOLE, list).await {
        Ok(listed) => listed.map_err(told),
        Err(_) => Ok(()),
    }
}

pub(super) fn checks(asked: Asked) -> Vec<Check> {
    const NAME: &str = "currents files";
    const HINT: &str = "see that the place is right, and that the cloud's variables open it";
    let files = asked
        .files
        .into_iter()
        .map(|(found, unlisted)| match unlisted {
            None => Check::ok(NAME, format!("{found}: it can be listed")),
            Some((message, hint)) => Check::fail(
                NAME,
                format!("{found}: {message}"),
                hint.unwrap_or_else(|| HINT.to_owned()),
            ),
        });
    let taking = (files.len() > 0).then(|| {
        Check::ok(
            "event ingestion",
            "not asked: it goes by amplitude.api_key alone, and an event that proves it would stay",
        )
    });
    exported(&asked.exports)
        .into_iter()
        .chain(files)
        .chain(taking)
        .collect()
}

/// What is said of exports; nothing where no log reads them, or nothing could be asked.
fn exported(told: &Told<()>) -> Option<Check> {
    const NAME: &str = "event export";
    const HINT: &str = "event streams wait for it; other syncs do not";
    Some(match told {
        Told::Unasked => return None,
        Told::Yes(()) => Check::ok(NAME, "answered; asked for an hour without events"),
        Told::Refused(words, hint) => {
            Check::fail(NAME, format!("refused: {words}"), hint.unwrap_or(HINT))
        }
        Told::Odd(text) => Check::warn(NAME, format!("answered {text}"), HINT),
        Told::Busy(text) => Check::warn(NAME, text.clone(), HINT),
        Told::Unreached(_, text) => Check::fail(NAME, format!("not reached: {text}"), HINT),
    })
}
