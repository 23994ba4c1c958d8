//! The lines of one file, and what of them may be shown. Where nobody knows what is secret, words decide.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    path::PathBuf,
};

use super::{mask, syntax::Read, tree::Spot};

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

    /// The top-level key that a line belongs to, by its letters alone: of what is no YAML nothing better is known.
    pub(super) fn section(&self, line: usize) -> Option<&str> {
        let lines = self.lines.get(..line)?.iter().rev();
        let mut lines = lines.map(|line| line.text.as_str());
        let begins =
            |line: &&str| line.starts_with(|letter: char| letter != '#' && !letter.is_whitespace());
        let (key, _) = lines.find(begins)?.split_once(':')?;
        Some(key.trim().trim_matches(['"', '\'']))
    }

    /// Secrets that stand on a line; `None` where nobody knows.
    fn masks(&self, line: usize) -> Option<&[Spot]> {
        if self.broken.iter().any(|lines| lines.contains(&line)) {
            return None;
        }
        let masks = self.masks.as_ref()?;
        Some(masks.get(&line).map_or(&[], Vec::as_slice))
    }

    /// Remembers where its secrets stand, those of what its tree dropped too, and which lines it is without.
    pub(super) fn know(&mut self, read: &Read) {
        let spots = mask::spots(&read.tree);
        let spots: HashSet<Spot> = spots.into_iter().chain(read.dropped.clone()).collect();
        let mut masks: HashMap<usize, Vec<Spot>> = HashMap::new();
        for spot in spots {
            for line in spot.line..=spot.line + spot.below {
                masks.entry(line).or_default().push(spot);
            }
        }
        for line in masks.values_mut() {
            line.sort_unstable_by_key(|spot| (spot.below == 0, spot.column));
        }
        self.masks = Some(masks);
        self.broken = read.gaps.iter().map(|gap| gap.lines.clone()).collect();
    }

    /// Whether a spot is that of a secret.
    pub(super) fn is_masked(&self, spot: Spot) -> bool {
        let masks = self.masks(spot.line);
        masks.is_some_and(|masks| masks.contains(&spot))
    }

    /// The secret that stands at a spot, without its quotes: a message must not say it.
    pub(super) fn hidden(&self, spot: Spot) -> Option<String> {
        let line = self.line(spot.line).filter(|_| self.is_masked(spot))?;
        let mut value = line.part(spot.column - 1, spot.width).trim();
        // An anchor or a tag may stand before it.
        while let Some((_, rest)) = value
            .split_once(' ')
            .filter(|_| value.starts_with(['&', '!']))
        {
            value = rest.trim_start();
        }
        let value = value.trim_matches(['"', '\'']);
        (value.chars().count() > 3).then(|| value.to_owned())
    }

    /// What stands at a spot as it is written, if it is no secret.
    pub(super) fn written(&self, spot: Spot) -> Option<String> {
        self.masks(spot.line)?;
        let line = self.line(spot.line)?;
        let open = !self.is_masked(spot);
        open.then(|| line.part(spot.column - 1, spot.width).to_owned())
    }

    /// The line of a spot, masked, and how many of its letters are left out in front.
    pub(super) fn shown(&self, spot: Spot) -> (String, usize) {
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
            None => {
                let service = mask::may_be_service(top(self, spot.line));
                mask::by_words(part, caret, previous(self, spot.line), service)
            }
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

/// The last line at the margin, this one or one before: it begins the block that this one is in.
fn top(source: &Source, line: usize) -> &str {
    source.lines[..line.min(source.lines.len())]
        .iter()
        .rev()
        .map(|line| line.text.as_str())
        .find(|line| line.starts_with(|letter: char| !letter.is_whitespace() && letter != '#'))
        .unwrap_or_default()
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
