//! What Braze says: instance, host, key, permissions, rates. Nobody is written: see `braze/permission.rs`.
//!
//! The keys of cohort import are not asked for. Their endpoint only changes cohorts; an empty change is how a connector
//! tests them, but what it does under an id that was never named is not documented, and a look must leave no cohort
//! behind in anybody's dashboard.

use super::{
    Look, Service, Services,
    amplitude::{missed, not_asked, shares},
    host, knock,
    told::{Met, Told},
    unless_needed, within,
};
use crate::{
    braze::{Asked as Permission, LIST_PATH, RATES, Reader, TRACK_PATH},
    config::{Configuration, Confirm, Never, Resource, Seed, instance_of},
    diff::checkup::{self, Key},
    engine::{
        draft::scope,
        online::segments::{self, Permissions},
    },
    http::Sender,
    kinds,
    model::{Check, Lane, Verdict, number},
};

const HOST: &str = "braze host";
/// What to do where a key was taken, and what it may is not proven.
pub(in crate::engine) const PROVE: &str = "an apply with --only and one small sync proves it";

/// Paths whose first answers tell the time there.
pub(super) const PATHS: [&str; 2] = [TRACK_PATH, LIST_PATH];

/// What became of what was asked.
pub(super) struct Asked {
    track: Told<Permission>,
    segments: Told<Option<String>>,
    people: Told<Permission>,
    attributes: Told<()>,
    /// What looking at segments takes, where any is declared.
    looking: Permissions,
    /// Where no key could be asked with.
    knocked: Told<()>,
}

impl Asked {
    /// Returns the workspace's oldest segment, if it was told.
    pub(super) fn oldest(&self) -> Option<&str> {
        match &self.segments {
            Told::Yes(oldest) => oldest.as_deref(),
            _ => None,
        }
    }
}

pub(super) async fn ask(look: &Look, sender: &Sender, service: &Service<Reader>) -> Asked {
    match &service.reader {
        Err(_) => Asked {
            track: Told::Unasked,
            segments: Told::Unasked,
            people: Told::Unasked,
            attributes: Told::Unasked,
            looking: vec![],
            knocked: knock(sender, &service.url, LIST_PATH).await,
        },
        Ok(reader) => {
            let configuration = &look.configuration;
            let looks = segments::declared(configuration).next().is_some();
            let looking = async {
                if looks {
                    segments::may(reader, segments::sized(configuration)).await
                } else {
                    vec![]
                }
            };
            let (track, oldest, people, attributes, looking) = tokio::join!(
                within(reader.may_track()),
                within(reader.oldest_segment()),
                within(reader.may_read_people()),
                within(reader.may_list_attributes()),
                looking,
            );
            Asked {
                track,
                segments: oldest,
                people,
                attributes,
                looking,
                knocked: Told::Unasked,
            }
        }
    }
}

pub(super) fn checks(look: &Look, services: &Services, asked: &Asked) -> Vec<Check> {
    let service = &services.braze;
    let track = match &asked.track {
        // Garbage may come with any status.
        Told::Yes(Permission::Odd { status, text }) => {
            Some(Met::Odd(format!("status {status} {text}")))
        }
        other => other.met(),
    };
    let met: Vec<Met> = [asked.segments.met(), track, asked.knocked.met()]
        .into_iter()
        .flatten()
        .collect();
    let (track, import) = needs(&look.configuration);
    let mut checks = vec![instance(look)];
    if !service.url.is_empty() {
        checks.push(host(HOST, "Braze", look, service, &met));
    }
    match &service.reader {
        Err(missing) => checks.push(missed("braze key", missing)),
        Ok(_) => checks.extend([
            key(asked),
            tracking(&asked.track, track),
            listing(&asked.segments),
            people(&asked.people, reads_people(&look.configuration)),
            attributes(&asked.attributes),
        ]),
    }
    checks.extend(asked.looking.iter().filter_map(looking));
    if import || look.configuration.braze.cohort_import.is_some() {
        checks.push(importing(&look.configuration, import));
    }
    checks.push(limits(look, services));
    checks
}

/// Whether syncs write by `/users/track`, and by cohort import. An empty configuration will do the first.
pub(in crate::engine) fn needs(configuration: &Configuration) -> (bool, bool) {
    let app_id = configuration.braze.app_id.as_deref();
    let lanes = configuration.resources.values().filter_map(|resource| {
        if let Some(log) = kinds::find_log(resource) {
            return Some(log.stream(resource, app_id).ok()?.lane);
        }
        let kind = kinds::find(resource)?;
        let desired = kind.desired(resource, &scope(configuration, None)).ok()?;
        Some(desired.lane())
    });
    let lanes: Vec<Lane> = lanes.collect();
    let import = lanes.iter().any(|lane| matches!(lane, Lane::Cohort { .. }));
    let tracks = |lane: &Lane| matches!(lane, Lane::UsersTrack | Lane::Events { .. });
    (
        configuration.resources.is_empty() || lanes.iter().any(tracks),
        import,
    )
}

fn instance(look: &Look) -> Check {
    const NAME: &str = "braze instance";
    let braze = &look.configuration.braze;
    let endpoint = match braze.endpoint.require() {
        Ok(endpoint) => endpoint,
        Err(missing) => return missed(NAME, &[missing]),
    };
    let stands_in = if look.surroundings.sandbox {
        "; a sandbox stands in for it"
    } else {
        ""
    };
    match (braze.instance.as_deref(), instance_of(endpoint)) {
        (Some(instance), _) | (None, Some(instance)) if endpoint.starts_with("https:") => {
            Check::ok(NAME, format!("{instance} is {endpoint}{stands_in}"))
        }
        _ if look.surroundings.sandbox || endpoint.starts_with("http:") => {
            Check::ok(NAME, format!("{endpoint} stands in for one{stands_in}"))
        }
        _ => Check::warn(
            NAME,
            format!("{endpoint} is of no documented instance"),
            "compare it with the REST endpoint that your dashboard names; a gateway of your own is fine",
        ),
    }
}

fn key(asked: &Asked) -> Check {
    const NAME: &str = "braze key";
    match (
        super::key(&asked.track, &asked.segments),
        &asked.track,
        &asked.segments,
    ) {
        (Key::Accepted, ..) => Check::ok(NAME, "accepted"),
        (Key::Known, ..) => Check::ok(NAME, "known, and not permitted all of what follows"),
        (Key::Taken, ..) => Check::warn(NAME, "taken, and not proven: see what follows", PROVE),
        (Key::Refused, Told::Refused(words, hint), _)
        | (Key::Refused, _, Told::Refused(words, hint)) => Check::fail(
            NAME,
            format!("refused: {words}"),
            hint.unwrap_or("see the key in the dashboard: Settings > APIs and Identifiers"),
        ),
        _ => not_asked(NAME, HOST),
    }
}

fn tracking(track: &Told<Permission>, needed: bool) -> Check {
    const NAME: &str = "users.track";
    match track {
        Told::Yes(Permission::Permitted) => Check::ok(
            NAME,
            "permitted; asked by an empty request, which writes nobody",
        ),
        Told::Yes(Permission::Odd { status, text }) => Check::warn(
            NAME,
            format!(
                "an empty request was answered {status} {text}: nobody was in it, and nothing is proven"
            ),
            PROVE,
        ),
        Told::Refused(words, hint) => Check::because(
            NAME,
            unless_needed(needed),
            format!("not permitted: {words}"),
            hint.unwrap_or("give the key the permission users.track"),
        ),
        _ => not_asked(NAME, HOST),
    }
}

/// What looking at segments takes beside the list.
fn looking((permission, told): &(&'static str, Told<()>)) -> Option<Check> {
    let name = *permission;
    match told {
        // The list has a line of its own.
        Told::Yes(()) if name == "segments.list" => None,
        Told::Yes(()) => Some(Check::ok(name, "permitted")),
        Told::Refused(words, hint) => Some(Check::because(
            if name == "segments.list" {
                "segments"
            } else {
                name
            },
            unless_needed(name != "segments.data_series"),
            format!("declared, and not permitted {name}: {words}"),
            hint.unwrap_or("give the key that permission"),
        )),
        _ => Some(not_asked(name, HOST)),
    }
}

fn listing(segments: &Told<Option<String>>) -> Check {
    const NAME: &str = "segments.list";
    match segments {
        Told::Yes(_) => Check::ok(NAME, "permitted"),
        Told::Refused(words, _) => Check::warn(
            NAME,
            format!("not permitted: {words}"),
            "optional: with the permission segments.list a rotated key is told from another workspace; it takes a new key",
        ),
        _ => not_asked(NAME, HOST),
    }
}

/// Whether any sync reads people: to see what was applied, or what is there before a first apply.
fn reads_people(configuration: &Configuration) -> bool {
    let quiet = |resource: &Resource| {
        // What goes to Amplitude is of no concern to Braze; parked events are looked for there.
        if kinds::find_log(resource).is_some() {
            return resource.kind == "currents";
        }
        if kinds::find_watched(resource) == Some(kinds::Watched::NativeSync) {
            return true;
        }
        let settings = &resource.settings;
        let never = matches!(settings.confirm, Some(Confirm::Word(Never::Never)));
        let sends = match settings.seed {
            None => resource.kind == "cohort",
            Some(Seed::Send) => true,
            Some(_) => false,
        };
        never && sends
    };
    !configuration.resources.values().all(quiet) || configuration.resources.is_empty()
}

fn people(people: &Told<Permission>, reads: bool) -> Check {
    const NAME: &str = "users.export.ids";
    match people {
        Told::Yes(Permission::Permitted) => Check::ok(
            NAME,
            "permitted; asked for an id that nobody can have, which reads nobody",
        ),
        Told::Yes(Permission::Odd { status, text }) => Check::warn(
            NAME,
            format!("an id that nobody can have was answered {status} {text}: nothing is proven"),
            "the report of an apply says whether people could be read back",
        ),
        Told::Refused(words, hint) if reads => Check::warn(
            NAME,
            format!("not permitted: {words}; what is sent cannot be seen to be there"),
            hint.unwrap_or("give the key the permission users.export.ids"),
        ),
        Told::Refused(words, _) => Check::ok(
            NAME,
            format!("not permitted, and no sync needs it: {words}"),
        ),
        _ => not_asked(NAME, HOST),
    }
}

fn attributes(attributes: &Told<()>) -> Check {
    const NAME: &str = "attribute list";
    match attributes {
        Told::Yes(()) => Check::ok(NAME, "permitted: custom_attributes.get"),
        Told::Refused(words, _) => Check::warn(
            NAME,
            format!("not permitted: {words}"),
            "optional: with the permission custom_attributes.get, validate --online compares types and lengths of attributes",
        ),
        _ => not_asked(NAME, HOST),
    }
}

fn importing(configuration: &Configuration, needed: bool) -> Check {
    const NAME: &str = "cohort import";
    let Some(import) = &configuration.braze.cohort_import else {
        return Check::fail(
            NAME,
            "syncs write by cohort import, and the configuration has no `braze.cohort_import`",
            "add braze.cohort_import with partner, data_import_key and partner_api_key",
        );
    };
    let keys = [&import.data_import_key, &import.partner_api_key];
    let missing: Vec<_> = keys.iter().filter_map(|key| key.require().err()).collect();
    if missing.is_empty() {
        let found = format!(
            "both keys of partner {} are set; only an apply proves them, since no call reads with them",
            import.partner
        );
        return Check::ok(NAME, found);
    }
    Check {
        verdict: unless_needed(needed),
        ..missed(NAME, &missing)
    }
}

fn limits(look: &Look, services: &Services) -> Check {
    let percent = look.configuration.braze.use_at_most;
    let mut verdict = Verdict::Ok;
    let mut found = format!("use_at_most {percent}%: {}", shares(&RATES, percent));
    for path in PATHS {
        let heard = services.sender.heard(&services.braze.url, path);
        let told = heard.and_then(|heard| heard.remaining.zip(heard.limit));
        if let Some((remaining, limit)) = told {
            verdict = verdict.max(checkup::left(remaining, limit));
            let (remaining, limit) = (number(remaining), number(limit));
            found = format!("{found}; {path} has {remaining} of {limit} left by its headers");
        }
    }
    Check::because(
        "braze limits",
        verdict,
        found,
        "others use the rest of this workspace's limit: see the API usage dashboard, and lower braze.use_at_most if they \
         need it",
    )
}
