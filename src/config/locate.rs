//! From a spot in a file to the place a message shows, with every secret on its line masked.
//! It decides nothing about what is wrong.

use std::path::PathBuf;

use super::{
    mask,
    tree::{Node, Spot},
};
use crate::model::{Diagnostic, Place, Severity};

/// Bytes of a line that is still shown: places are many, and each holds its line.
const LONGEST: usize = 1000;

/// One file as read.
pub(super) struct Source {
    pub path: PathBuf,
    pub lines: Vec<String>,
    /// Where secrets stand, once the file is a tree.
    pub masks: Option<Vec<Spot>>,
}

/// What was found so far, and the files it was found in.
#[derive(Default)]
pub(super) struct Findings {
    pub sources: Vec<Source>,
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

    /// Whether something stops.
    pub(super) fn any_error(&self) -> bool {
        self.found.iter().any(|one| one.severity == Severity::Error)
    }

    /// Remembers where the secrets of a file stand, those of what its tree dropped too.
    pub(super) fn mask(&mut self, file: usize, tree: &Node, dropped: Vec<Spot>) {
        if let Some(source) = self.sources.get_mut(file) {
            let mut masks = mask::spots(tree);
            masks.extend(dropped);
            source.masks = Some(masks);
        }
    }

    /// Returns the place of a spot, its line masked.
    pub(super) fn place(&self, spot: Spot) -> Place {
        let source = self.sources.get(spot.file);
        let line = source
            .and_then(|it| it.lines.get(spot.line.saturating_sub(1)))
            .filter(|line| line.len() <= LONGEST);
        let text = match (source, line) {
            (Some(source), Some(line)) => match &source.masks {
                Some(masks) => mask::by_spots(line, spot, masks),
                None => mask::by_words(line, spot, previous(source, spot.line)),
            },
            _ => String::new(),
        };
        let masked = source
            .and_then(|it| it.masks.as_ref())
            .is_some_and(|masks| masks.contains(&spot));
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
        }
    }

    /// Returns what stands at a spot as it is written, if it is no secret.
    pub(super) fn written(&self, spot: Spot) -> Option<String> {
        let source = self.sources.get(spot.file)?;
        let open = !source.masks.as_ref()?.contains(&spot);
        let line = source.lines.get(spot.line.checked_sub(1)?)?;
        open.then(|| {
            line.chars()
                .skip(spot.column - 1)
                .take(spot.width)
                .collect()
        })
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
        let mut seen = std::collections::HashSet::new();
        let fresh = |one: &&Finding| seen.insert((one.code, one.spot, one.message.clone()));
        self.found
            .iter()
            .filter(fresh)
            .map(|one| Diagnostic {
                code: one.code,
                severity: one.severity,
                place: one.spot.map(|spot| self.place(spot)),
                message: one.message.clone(),
                hint: one.hint.clone(),
            })
            .collect()
    }
}

/// The last line before this one that says anything.
fn previous(source: &Source, line: usize) -> &str {
    source.lines[..line.saturating_sub(1).min(source.lines.len())]
        .iter()
        .rev()
        .find(|line| !line.trim().is_empty())
        .map_or("", String::as_str)
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
