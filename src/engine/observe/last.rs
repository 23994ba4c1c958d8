//! Cohorts as they were read last, where that is not how they are listed now: a cohort may have been computed anew since,
//! and nobody wanted its people.

use std::{collections::BTreeMap, path::Path};

use super::{Wanted, known};
use crate::{
    engine::Error,
    model::{Cohort, Mapping},
    state::{self, relation::RelationReader},
};

/// Puts what is kept of each wanted cohort in the place of how it is listed, where nothing is kept of that.
pub(in crate::engine) fn as_read(
    cache: &Path,
    list: Vec<Cohort>,
    wanted: &BTreeMap<String, Wanted>,
) -> Result<Vec<Cohort>, Error> {
    let as_read = |cohort: Cohort| {
        let Some(wanted) = wanted.get(&cohort.id) else {
            return Ok(cohort);
        };
        let before = earlier(cache, &cohort, wanted)?;
        let mut candidates = std::iter::once(cohort.clone()).chain(before);
        let whole = candidates.find_map(|candidate| {
            let mut mappings = wanted.mappings.iter();
            let read = mappings.try_fold(true, |all, (mapping, cells)| {
                let kept = known(cache, &candidate, mapping, cells, |about| {
                    about.covers(cells) && super::fits(about, candidate.size)
                })?;
                Ok::<_, Error>(all && kept.is_some())
            });
            match read {
                Ok(false) => None,
                Ok(true) => Some(Ok(candidate)),
                Err(error) => Some(Err(error)),
            }
        });
        whole.unwrap_or(Ok(cohort))
    };
    list.into_iter().map(as_read).collect()
}

/// Returns a cohort as it was listed when its files were read, the newest first.
fn earlier(cache: &Path, cohort: &Cohort, wanted: &Wanted) -> Result<Vec<Cohort>, Error> {
    let begin = format!("{}-", state::safe_name(&cohort.id));
    let mut found = vec![];
    for path in state::list_files(&cache.join("relations"))? {
        let name = path.file_name().and_then(|name| name.to_str());
        let stamp = name.and_then(|name| name.strip_prefix(&begin)?.split('-').next());
        let Some(computed) = stamp.and_then(|stamp| stamp.parse().ok()) else {
            continue;
        };
        let mut mappings = wanted.mappings.keys().map(Mapping::name);
        let of =
            |mapping: String| name.is_some_and(|name| name.ends_with(&format!("-{mapping}.rows")));
        if mappings.any(of)
            && let Some(reader) = RelationReader::open(&path)?
        {
            found.push(Cohort {
                computed: Some(computed),
                size: reader.about.file_rows,
                ..cohort.clone()
            });
        }
    }
    found.sort_by_key(|cohort| std::cmp::Reverse(cohort.computed));
    Ok(found)
}
