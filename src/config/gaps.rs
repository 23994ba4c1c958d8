//! What is not known of a configuration because part of it is no YAML. Who would complain of something missing asks
//! here first: rather say nothing than something false.

use std::collections::HashSet;

use super::syntax::Gap;
use crate::model::{Diagnostic, Severity};

/// Top-level keys of which something is not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    /// Whether nothing is known for sure.
    whole: bool,
    keys: HashSet<String>,
}

impl Gaps {
    /// A file could not be read at all: any key may be in it.
    pub(super) fn whole() -> Self {
        Self {
            whole: true,
            keys: HashSet::new(),
        }
    }

    /// Adds what one file lacks.
    pub(super) fn add(&mut self, gaps: &[Gap]) {
        self.whole |= gaps.iter().any(|gap| gap.key.is_none());
        self.keys
            .extend(gaps.iter().filter_map(|gap| gap.key.clone()));
    }

    /// Adds top-level keys that are left out.
    pub(super) fn lacks<'k>(&mut self, keys: impl Iterator<Item = &'k str>) {
        self.keys.extend(keys.map(str::to_owned));
    }

    /// Whether everything under a top-level key is known.
    pub(super) fn knows(&self, key: &str) -> bool {
        !self.whole && !self.keys.contains(key)
    }

    /// Whether everything is.
    pub(super) fn none(&self) -> bool {
        !self.whole && self.keys.is_empty()
    }

    /// Takes out of another room's findings those that may be false for what is not known. `laid` says that an
    /// environment was asked for.
    pub(super) fn sift(&self, findings: &mut Vec<Diagnostic>, laid: bool) {
        let sure = self.none();
        findings.retain(|one| {
            sure || one.severity == Severity::Error
                && (self.knows("braze") || one.code != "no-cohort-import")
                && (self.knows("environments") || !laid)
        });
    }
}
