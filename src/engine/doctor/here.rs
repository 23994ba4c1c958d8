//! What can be seen without asking anybody: configuration, state, certificates, proxies.

use super::{FORGETS, FORGETS_HINT, Look, Services, Surroundings};
use crate::{
    engine::target,
    model::{Check, Diagnostic, Severity, number},
    state::{self, lease::Lease, manifest::Manifest},
};

/// What to do about a disk that says no.
const YOURS: &str = "see that the state's directory is yours, and that its disk has room";

/// What the services told that the state is compared with.
pub(super) struct Known<'a> {
    pub(super) services: &'a Services,
    /// Amplitude's project.
    pub(super) project: Option<u64>,
    /// The oldest segment of the Braze workspace.
    pub(super) oldest: Option<&'a str>,
}

pub(super) fn configuration(look: &Look) -> Check {
    const NAME: &str = "configuration";
    let of = |severity| {
        look.findings
            .iter()
            .filter(move |one| one.severity == severity)
    };
    let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
    let first = |severity| of(severity).next().map(said).unwrap_or_default();
    let configuration = &look.configuration;
    let resources = plural(configuration.resources.len(), "resource");
    let place = match &configuration.environment {
        Some(environment) => format!("environment {environment}"),
        None => "no environment".to_owned(),
    };
    let valid = format!(
        "{resources} in workspace {}, {place}",
        configuration.workspace
    );
    let all = "syncform validate shows all, each with its place";
    match (errors, warnings) {
        (0, 0) => Check::ok(NAME, valid),
        (0, _) => Check::warn(
            NAME,
            format!(
                "{valid}; {}: {}",
                plural(warnings, "warning"),
                first(Severity::Warning)
            ),
            all,
        ),
        _ => Check::fail(
            NAME,
            format!("{}: {}", plural(errors, "error"), first(Severity::Error)),
            all,
        ),
    }
}

fn said(finding: &Diagnostic) -> String {
    match &finding.place {
        Some(place) => format!(
            "{} ({}:{})",
            finding.message,
            place.file.display(),
            place.line
        ),
        None => finding.message.clone(),
    }
}

pub(super) fn plural(count: usize, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{} {noun}{end}", number(count as u64))
}

/// Where the state lies, whether it can be written, what it is about, who holds it, and what waits in it.
pub(super) fn state(look: &Look, told: Option<&Known<'_>>) -> Vec<Check> {
    const NAME: &str = "state";
    let root = look.store.root().display().to_string();
    let mut checks = vec![];
    let manifest = match look.store.manifest() {
        Ok(manifest) => manifest,
        Err(error) => {
            let hint = match error {
                state::Error::Io { .. } => YOURS,
                _ => "restore the state's directory from a backup; nothing was changed",
            };
            checks.push(Check::fail(NAME, error.to_string(), hint));
            return checks;
        }
    };
    let holds = match &manifest {
        None => "nothing was applied yet".to_owned(),
        Some(manifest) => format!(
            "serial {}, {}",
            manifest.serial,
            plural(manifest.resources.len(), "resource")
        ),
    };
    checks.push(match look.store.try_writing() {
        _ if look.surroundings.forgets => {
            Check::fail(NAME, format!("{root}: {FORGETS}"), FORGETS_HINT)
        }
        Err(error) => Check::fail(NAME, format!("{root} cannot be written: {error}"), YOURS),
        Ok(()) => Check::ok(NAME, format!("{root}: {holds}, can be written")),
    });
    let begun = manifest.as_ref().filter(|one| target::has_begun(one));
    if let (Some(manifest), Some(told)) = (begun, told) {
        checks.push(about(look, manifest, told));
    }
    let holder = Lease::holder(look.store.root());
    checks.push(match &holder {
        Ok(None) => Check::ok("lease", "free"),
        Ok(Some(holder)) => Check::warn(
            "lease",
            format!("leased to {holder}"),
            "wait for it, or say --lease-timeout 5m to apply; a run that was killed frees its lease at once",
        ),
        Err(error) => Check::fail(
            "lease",
            error.to_string(),
            YOURS,
        ),
    });
    let held = matches!(holder, Ok(Some(_)));
    if let Some(pending) = manifest.as_ref().and_then(|one| one.pending.as_ref()) {
        let run = format!(
            "run {} of {}",
            pending.run,
            pending.started_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
        checks.push(if held {
            Check::ok("pending run", format!("{run} is under way"))
        } else {
            Check::warn(
                "pending run",
                format!("{run} was cut, and is not recorded yet"),
                "apply: it records what that run sent before anything else; a plan counts it in already",
            )
        });
    }
    checks
}

/// Whether the state is about the services that are configured.
fn about(look: &Look, manifest: &Manifest, told: &Known<'_>) -> Check {
    const NAME: &str = "target";
    let (amplitude, braze) = (&told.services.amplitude, &told.services.braze);
    let names = (braze.name.as_str(), amplitude.name.as_str());
    let differs = target::other_target(manifest, &look.configuration, names, told.project);
    if let Some((what, recorded, configured)) = differs {
        return Check::fail(
            NAME,
            format!(
                "the state is about {what} `{recorded}`, and the configuration says `{configured}`"
            ),
            target::OTHER_HINT,
        );
    }
    let recorded = &manifest.target;
    let key = look.configuration.braze.api_key.value.as_ref();
    let key = key.map(|key| target::fingerprint(&manifest.lineage, key));
    let rotated =
        !recorded.braze_key.is_empty() && key.is_some_and(|key| key != recorded.braze_key);
    match (rotated, told.oldest, recorded.oldest_segment.as_deref()) {
        (false, ..) => Check::ok(NAME, "the state is about these services"),
        (true, Some(now), Some(before)) if now == before => Check::ok(
            NAME,
            "the state is about these services; the Braze key is another one, of the same workspace",
        ),
        _ => Check::fail(
            NAME,
            "the Braze key is another one than the state was applied with, and nothing proves that it opens the same \
             workspace",
            target::OTHER_HINT,
        ),
    }
}

/// Whether this machine has certificates to trust.
pub(super) fn certificates(look: &Look, services: &Services) -> Check {
    const NAME: &str = "certificates";
    match services.sender.certificates() {
        Ok(()) => Check::ok(NAME, "CA certificates found"),
        Err(error) => {
            let hint = "install the system's CA certificates (ca-certificates), or name a bundle in SSL_CERT_FILE";
            let verdict = super::unless_needed(!look.surroundings.sandbox);
            Check::because(NAME, verdict, error.to_string(), hint)
        }
    }
}

/// Names proxies in use, and never what they are set to: it may hold a password.
pub(super) fn proxies(surroundings: &Surroundings) -> Check {
    match surroundings.proxies.as_slice() {
        [] => Check::ok("proxies", "none set"),
        names => Check::ok("proxies", format!("set: {}", names.join(", "))),
    }
}
