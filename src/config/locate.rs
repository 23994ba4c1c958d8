//! From a spot in a file to the place a message shows, with every secret on its line masked.
//! It decides nothing about what is wrong.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    path::PathBuf,
};

use super::{mask, syntax::Read, tree::Spot};
use crate::model::{Diagnostic, Place, Severity};

/// Letters of a line that are shown at most: places are many, and each holds its line.
const LONGEST: usize = 400;

/// One file as read.
pub(super) struct Source {
    pub path: PathBuf,
    lines: Vec<Line>,
    /// Where secrets stand by line, in order, once the file is a tree.
    masks: Option<HashMap<usize, Vec<Spot>>>,
    /// Lines that are in no tree.
    broken: Vec<Range<usize>>,
}

struct Line {
    text: String,
    /// Whether a letter is a byte, so that any column is found at once.
    ascii: bool,
}

impl Source {
    /// A file of which nothing is known but its path.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            lines: Vec::new(),
            masks: None,
            broken: Vec::new(),
        }
    }

    /// Remembers its lines.
    pub(super) fn read(&mut self, text: &str) {
        let line = |text: &str| Line {
            text: text.to_owned(),
            ascii: text.is_ascii(),
        };
        self.lines = text.lines().map(line).collect();
    }

    fn line(&self, number: usize) -> Option<&Line> {
        self.lines.get(number.checked_sub(1)?)
    }

    /// Secrets that stand on a line; `None` where nobody knows.
    fn masks(&self, line: usize) -> Option<&[Spot]> {
        if self.broken.iter().any(|lines| lines.contains(&line)) {
            return None;
        }
        let masks = self.masks.as_ref()?;
        Some(masks.get(&line).map_or(&[], Vec::as_slice))
    }

    /// The line of a spot, masked, and how many of its letters are left out in front.
    fn shown(&self, spot: Spot) -> (String, usize) {
        let Some(line) = self.line(spot.line) else {
            return Default::default();
        };
        let skipped = if line.text.len() <= LONGEST {
            0
        } else {
            (spot.column - 1).saturating_sub(LONGEST / 2)
        };
        let part = line.part(skipped, LONGEST);
        let caret = Spot {
            column: spot.column - skipped,
            ..spot
        };
        let text = match self.masks(spot.line) {
            Some(masks) => {
                let (long, short) = masks.split_at(masks.partition_point(|mask| mask.below > 0));
                let from = short.partition_point(|mask| mask.column + mask.width <= skipped);
                let to = short.partition_point(|mask| mask.column <= skipped + LONGEST);
                let near = long.iter().chain(short.get(from..to).unwrap_or_default());
                let moved: Vec<Spot> = near.map(|mask| mask.without(skipped)).collect();
                mask::by_spots(part, caret, &moved)
            }
            // Where words decide, what is cut off may be the word that tells.
            None if line.text.len() > LONGEST => String::new(),
            None => mask::by_words(part, caret, previous(self, spot.line)),
        };
        (text, skipped)
    }
}

impl Line {
    /// Letters from one on.
    fn part(&self, from: usize, many: usize) -> &str {
        if self.ascii {
            let end = (from + many).min(self.text.len());
            return self.text.get(from..end).unwrap_or_default();
        }
        let at = |text: &str, letters: usize| {
            text.char_indices()
                .nth(letters)
                .map_or(text.len(), |(at, _)| at)
        };
        let rest = &self.text[at(&self.text, from)..];
        &rest[..at(rest, many)]
    }
}

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

    /// Remembers where the secrets of a file stand, those of what its tree dropped too, and which lines it is without.
    pub(super) fn mask(&mut self, file: usize, read: &Read) {
        let Some(source) = self.sources.get_mut(file) else {
            return;
        };
        let mut masks: HashMap<usize, Vec<Spot>> = HashMap::new();
        let spots = mask::spots(&read.tree);
        let spots: HashSet<Spot> = spots.into_iter().chain(read.dropped.clone()).collect();
        for spot in spots {
            for line in spot.line..=spot.line + spot.below {
                masks.entry(line).or_default().push(spot);
            }
        }
        for line in masks.values_mut() {
            line.sort_unstable_by_key(|spot| (spot.below == 0, spot.column));
        }
        source.masks = Some(masks);
        source.broken = read.gaps.iter().map(|gap| gap.lines.clone()).collect();
    }

    /// Whether a spot is that of a secret.
    fn is_masked(source: &Source, spot: Spot) -> bool {
        let masks = source.masks(spot.line);
        masks.is_some_and(|masks| masks.contains(&spot))
    }

    /// Returns the place of a spot, its line masked.
    pub(super) fn place(&self, spot: Spot) -> Place {
        let source = self.sources.get(spot.file);
        let (text, skipped) = source.map(|source| source.shown(spot)).unwrap_or_default();
        let masked = source.is_some_and(|source| Self::is_masked(source, spot));
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
        let source = self.sources.get(spot.file)?;
        source.masks(spot.line)?;
        let line = source.line(spot.line)?;
        let open = !Self::is_masked(source, spot);
        open.then(|| line.part(spot.column - 1, spot.width).to_owned())
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
        .map(|line| line.text.as_str())
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
}

/// Sorts by file, line and column; what has no place comes first.
pub(super) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        let key = |it: &Diagnostic| {
            it.place
                .as_ref()
                .map(|p| (p.file.clone(), p.line, p.column))
        };
        key(a).cmp(&key(b))
    });
}
