//! Static cohorts of Amplitude: whether each list can be read, and whether a cohort stands in the way of one. Nothing is uploaded:
//! whether the keys may do that is proven by an apply alone.

use std::{fs::File, io::BufReader, path::Path};

use super::Look;
use crate::{
    kinds::static_cohort::{
        Members, Spec,
        list::{List, ListError},
    },
    model::{Check, Cohort, Verdict, number},
};

const NAME: &str = "static cohorts";

/// Says of each static cohort where its people come from, and what stands in its way; nothing where none is declared.
pub(super) fn checks(look: &Look, list: Option<&[Cohort]>) -> Vec<Check> {
    let resources = look.configuration.resources.values();
    let statics = resources.filter(|resource| resource.address.as_str().starts_with("cohort."));
    let statics = statics.filter_map(|resource| {
        let spec: Spec = serde_json::from_value(resource.body.clone()).ok()?;
        Some((&resource.address, spec))
    });
    let checks = statics.map(|(address, spec)| {
        let (verdict, found, hint) = members(&look.places.directory, &spec.members);
        let of = |id: &str| list?.iter().find(|cohort| cohort.id == id);
        let archived = spec.id.as_deref().and_then(of).filter(|it| it.archived);
        let unlisted = spec
            .id
            .as_deref()
            .filter(|id| list.is_some() && of(id).is_none());
        match (archived, unlisted) {
            (Some(cohort), _) => Check::fail(
                NAME,
                format!(
                    "{address}: the cohort with id {} is archived in Amplitude",
                    cohort.id
                ),
                "un-archive it, or take `id` out to have one made",
            ),
            (None, Some(id)) => Check::warn(
                NAME,
                format!("{address}: Amplitude lists no cohort with id {id}"),
                "it may be deleted, or not published (discoverable) in Amplitude",
            ),
            (None, None) => Check::because(NAME, verdict, format!("{address}: {found}"), hint),
        }
    });
    checks.collect()
}

/// Whom it is made of.
fn members(directory: &Path, members: &Members) -> (Verdict, String, &'static str) {
    match members {
        Members::BrazeSegment { braze_segment } => (
            Verdict::Ok,
            format!(
                "from segment \"{braze_segment}\", by an export; only a plan proves that, since asking exports it"
            ),
            "",
        ),
        Members::File { file } => match counted(&directory.join(file)) {
            Ok(0) => (
                Verdict::Warn,
                format!("{file} names nobody, and Amplitude makes no empty cohort"),
                "give it a member whom Amplitude knows",
            ),
            Ok(ids) => (
                Verdict::Ok,
                format!(
                    "{file} has {} user ids; only an apply proves that they may be uploaded",
                    number(ids)
                ),
                "",
            ),
            Err(error) => (
                Verdict::Fail,
                format!("{file}: {error}"),
                "a list is CSV beside the configuration: one user id a line, or a header with a column user_id or external_id",
            ),
        },
    }
}

fn counted(path: &Path) -> Result<u64, ListError> {
    let mut list = List::new(BufReader::new(File::open(path)?));
    let mut ids = 0;
    while let Some(id) = list.next_id()? {
        ids += u64::from(!id.is_empty());
    }
    Ok(ids)
}
