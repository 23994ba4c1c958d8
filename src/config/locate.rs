//! From a spot in a file to the place a message shows, with every secret on its line masked.
//! It decides nothing about what is wrong.

use std::collections::HashSet;

use super::{mask, source::Source, syntax::Read, tree::Spot};
use crate::model::{Diagnostic, Place, Severity};

/// What was found so far, and the files it was found in.
#[derive(Default)]
pub(super) struct Findings {
    pub sources: Vec<Source>,
    /// Maps that say `<<`: what they lack may stand there.
    pub merged: HashSet<Spot>,
    found: Vec<Finding>,
}

struct Finding {
    code: &'static str,
    severity: Severity,
    spot: Option<Spot>,
    message: String,
    hint: Option<String>,
}

impl Findings {
    /// Adds an error.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        spot: impl Into<Option<Spot>>,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.add(
            Severity::Error,
            code,
            spot.into(),
            message.into(),
            hint.into(),
        );
    }

    /// Adds a warning.
    pub(super) fn warning(
        &mut self,
        code: &'static str,
        spot: impl Into<Option<Spot>>,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.add(
            Severity::Warning,
            code,
            spot.into(),
            message.into(),
            hint.into(),
        );
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        spot: Option<Spot>,
        message: String,
        hint: Option<String>,
    ) {
        self.found.push(Finding {
            code,
            severity,
            spot,
            message,
            hint,
        });
    }

    /// How much was found so far.
    pub(super) fn mark(&self) -> usize {
        self.found.len()
    }

    /// Forgets what was found since.
    pub(super) fn rewind(&mut self, mark: usize) {
        self.found.truncate(mark);
    }

    /// Whether something stops.
    pub(super) fn any_error(&self) -> bool {
        self.found.iter().any(|one| one.severity == Severity::Error)
    }

    /// Remembers what was read of a file.
    pub(super) fn know(&mut self, file: usize, read: &Read) {
        if let Some(source) = self.sources.get_mut(file) {
            source.know(read);
        }
    }

    /// Returns the top-level key that a place belongs to.
    pub(super) fn section(&self, place: &Place) -> Option<&str> {
        let mut sources = self.sources.iter();
        sources
            .find(|source| source.path == place.file)?
            .section(place.line)
    }

    /// Returns the place of a spot, its line masked.
    pub(super) fn place(&self, spot: Spot) -> Place {
        let source = self.sources.get(spot.file);
        let (text, skipped) = source.map(|source| source.shown(spot)).unwrap_or_default();
        let masked = source.is_some_and(|source| source.is_masked(spot));
        let width = if masked {
            mask::STARS.len()
        } else {
            spot.width
        };
        Place {
            file: source.map(|it| it.path.clone()).unwrap_or_default(),
            line: spot.line,
            column: spot.column,
            width: width.max(1),
            text,
            skipped,
        }
    }

    /// Returns what stands at a spot as it is written, if it is no secret.
    pub(super) fn written(&self, spot: Spot) -> Option<String> {
        self.sources.get(spot.file)?.written(spot)
    }

    /// Returns `file:line:column` of a spot.
    pub(super) fn words(&self, spot: Spot) -> String {
        let path = self
            .sources
            .get(spot.file)
            .map(|it| it.path.display().to_string());
        format!("{}:{}:{}", path.unwrap_or_default(), spot.line, spot.column)
    }

    /// Makes a diagnostic that is kept aside rather than reported now.
    pub(super) fn aside(
        &self,
        code: &'static str,
        spot: Option<Spot>,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            place: spot.map(|spot| self.place(spot)),
            message,
            hint,
        }
    }

    /// Returns everything found, each once.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut seen = HashSet::new();
        let hidden = |spot: Option<Spot>, text: &str| {
            let value = spot.and_then(|spot| self.sources.get(spot.file)?.hidden(spot));
            value.map_or_else(
                || text.to_owned(),
                |value| text.replace(&value, mask::STARS),
            )
        };
        let fresh = |one: &&Finding| seen.insert((one.code, one.spot, one.message.clone()));
        self.found
            .iter()
            .filter(fresh)
            .map(|one| Diagnostic {
                code: one.code,
                severity: one.severity,
                place: one.spot.map(|spot| self.place(spot)),
                message: hidden(one.spot, &one.message),
                hint: one.hint.as_ref().map(|hint| hidden(one.spot, hint)),
            })
            .collect()
    }
}

/// Sorts by file, line and column; what has no place comes first.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        let key = |it: &Diagnostic| {
            it.place
                .as_ref()
                .map(|p| (p.file.clone(), p.line, p.column))
        };
        key(a).cmp(&key(b))
    });
}
