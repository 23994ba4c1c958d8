//! Whether Braze keeps what the syncs write into its attributes: types, lengths of arrays, attributes that take nothing.
//! Asked only where any sync writes one. An attribute that Braze does not know yet is fine.

use std::collections::HashMap;

use super::{LOOK, finding};
use crate::{
    braze,
    config::Configuration,
    diff::catalogue::{self, Taken, Written},
    engine::Service,
    kinds::writes::{What, Writes, writes},
    model::{CustomAttribute, Diagnostic, Severity},
};

const SILENT: &str = "Braze says success and drops what an attribute cannot hold";

/// What Braze listed, or why it did not; none where nobody writes an attribute.
pub(super) type Listed = Option<Result<Vec<CustomAttribute>, braze::Error>>;

pub(super) async fn ask(configuration: &Configuration, service: &Service<braze::Reader>) -> Listed {
    // Keys that are missing are told beside this.
    let reader = service.reader.as_ref().ok()?;
    if writes(configuration).is_empty() {
        return None;
    }
    Some(reader.attributes().await)
}

/// Adds what is found. `told` says that what is wrong with key or host is told already.
pub(super) fn check(
    configuration: &Configuration,
    listed: Listed,
    told: bool,
    found: &mut Vec<Diagnostic>,
) {
    match listed {
        Some(Ok(known)) => compare(configuration, &known, found),
        Some(Err(error)) if !told => found.push(unlisted(configuration, &error)),
        Some(Err(_)) | None => {}
    }
}

/// The permission is optional, as is all that follows from it.
fn unlisted(configuration: &Configuration, error: &braze::Error) -> Diagnostic {
    let message = format!("{error}; types and lengths of attributes were not compared");
    let (code, pointer, severity) = match &configuration.braze.instance {
        _ if error.is_authentication() => ("refused-key", "/braze/api_key", Severity::Warning),
        Some(_) => ("unreachable", "/braze/instance", Severity::Error),
        None => ("unreachable", "/braze/endpoint", Severity::Error),
    };
    let hint = error.key_hint().unwrap_or(LOOK);
    finding(configuration, pointer, (code, severity), message, hint)
}

fn compare(configuration: &Configuration, known: &[CustomAttribute], found: &mut Vec<Diagnostic>) {
    let known: HashMap<&str, &CustomAttribute> = known
        .iter()
        .map(|attribute| (attribute.name.as_str(), attribute))
        .collect();
    let mut labels: HashMap<String, u64> = HashMap::new();
    for writes in writes(configuration) {
        let Some(known) = known.get(writes.attribute.as_str()) else {
            continue;
        };
        let written = match writes.what {
            What::Values(written) => written,
            What::Label => Written::Scalars(None),
        };
        found.extend(status(&writes, known));
        let taken = known
            .data_type
            .as_deref()
            .and_then(|word| kind(&writes, written, word));
        // An array of another type has no length to speak of.
        if let Some(clash) = taken {
            found.push(clash);
            continue;
        }
        match writes.what {
            What::Label => {
                let count = labels.entry(writes.attribute.clone()).or_default();
                *count += 1;
                found.extend(labels_kept(&writes, known, *count));
            }
            What::Values(Written::Scalars(Some(limit))) => {
                found.extend(items_kept(&writes, known, limit));
            }
            What::Values(_) => {}
        }
    }
}

fn at(
    writes: &Writes<'_>,
    (code, severity): (&'static str, Severity),
    message: String,
    hint: &str,
) -> Diagnostic {
    Diagnostic {
        code,
        severity,
        place: writes.resource.origin.place(&writes.pointer),
        message,
        hint: Some(hint.to_owned()),
    }
}

fn status(writes: &Writes<'_>, known: &CustomAttribute) -> Option<Diagnostic> {
    let status = catalogue::inactive(known)?;
    let message = format!(
        "Braze has the attribute `{}` as {status}, not Active: it may drop what `{}` writes",
        writes.attribute, writes.resource.address
    );
    let hint = "see the attribute in the dashboard: a blocklisted one takes nothing, and Braze says success";
    let what = ("inactive-attribute", Severity::Warning);
    Some(at(writes, what, message, hint))
}

/// The list does not tell whether a type was fixed or came with the first values: in either case segments filter by it.
fn kind(writes: &Writes<'_>, written: Written, data_type: &str) -> Option<Diagnostic> {
    let (attribute, address) = (&writes.attribute, &writes.resource.address);
    let (severity, rest) = match catalogue::taken(written, data_type) {
        Taken::Well => return None,
        Taken::InPart => (Severity::Warning, ", which may be no times"),
        Taken::Not => (Severity::Error, ""),
    };
    let message = format!(
        "Braze has the attribute `{attribute}` as {data_type}, and `{address}` writes {}{rest}",
        written.words()
    );
    let hint = match writes.what {
        What::Values(_)
            if matches!(
                writes.resource.kind.as_str(),
                "user_property" | "computation"
            ) =>
        {
            format!("{SILENT}: say with `as:` what Braze has, or name another attribute")
        }
        _ => format!("{SILENT}: name another attribute, or change its type in the dashboard"),
    };
    Some(at(writes, ("attribute-type", severity), message, &hint))
}

fn labels_kept(writes: &Writes<'_>, known: &CustomAttribute, count: u64) -> Option<Diagnostic> {
    let length = catalogue::kept(known, count)?;
    let message = format!(
        "`{}` writes label {count} into `{}`, and Braze keeps {length} in it",
        writes.resource.address, writes.attribute
    );
    let hint = "Braze drops the oldest without a word: raise the attribute's maximum array length in the dashboard, or write to another attribute";
    Some(at(writes, ("short-array", Severity::Error), message, hint))
}

fn items_kept(writes: &Writes<'_>, known: &CustomAttribute, limit: u64) -> Option<Diagnostic> {
    let length = catalogue::kept(known, limit)?;
    let message = format!(
        "`{}` writes {limit} items into `{}`, and Braze keeps {length} in it",
        writes.resource.address, writes.attribute
    );
    let hint = "Braze drops the first without a word, and the best come first: lower `limit`, or raise the attribute's maximum array length in the dashboard";
    Some(at(writes, ("short-array", Severity::Error), message, hint))
}
