//! What can be known of a file that is no YAML: its blocks are tried one by one, and those that are none are taken
//! out. It says where they stood, so that nobody complains of what is missing because of them.

use saphyr_parser::{Event, Parser, ScanError};

use super::broken;
use crate::config::locate::Findings;

/// Blocks taken out of a file at most; who has more mends these first.
const MOST: usize = 20;
/// Blocks that may turn out to be one, such as a list in brackets over several lines.
const ONE: usize = 8;

/// A top-level key of which something is not known, and the lines that say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Gap {
    /// The top-level key; `None` where not even that is known.
    pub key: Option<String>,
    /// Numbers of its first line and of the line after it, from 1.
    pub lines: std::ops::Range<usize>,
}

/// Reports why a file is no YAML, for each block that is none. Returns the text without them, each line in its place,
/// and what is not known therefore; `None` where nothing can be made of it.
pub(super) fn recover(
    file: usize,
    text: &str,
    error: &ScanError,
    findings: &mut Findings,
) -> Option<(String, Vec<Gap>)> {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let blocks = blocks(&lines);
    let mut gaps = Vec::new();
    let mut open_until = None;
    let mut at = 0;
    while at < blocks.len() {
        let block = &blocks[at];
        let Some(why) = error_in(&lines, block.begin, block.end).filter(|why| !is_anchor(why))
        else {
            at += 1;
            continue;
        };
        let ends = blocks[at + 1..].iter().take(ONE - 1).map(|next| next.end);
        let one = ends
            .enumerate()
            .find(|(_, end)| error_in(&lines, block.begin, *end).is_none());
        if let Some((more, _)) = one {
            at += more + 2;
            continue;
        }
        let own = lines[block.begin..block.end].join("\n");
        // What follows something left open may be its rest.
        let rest = open_until == Some(block.begin);
        let open = broken::report(file, &why, &own, block.begin, !rest, findings);
        open_until = (open || rest).then_some(block.end);
        gaps.push(block.gap());
        at += 1;
        if gaps.len() == MOST {
            return None;
        }
    }
    if gaps.is_empty() {
        broken::report(file, error, text, 0, true, findings);
    }
    for gap in &gaps {
        lines[gap.lines.start - 1..gap.lines.end - 1].fill("");
    }
    // What is left may use an anchor that went, or be wrong only as a whole.
    for _ in 0..MOST {
        let left = lines.join("\n");
        let Some(why) = scan(&left) else {
            return Some((left, gaps));
        };
        let line = why.marker().line().saturating_sub(1);
        let block = blocks.iter().rfind(|block| block.begin <= line)?;
        if !is_anchor(&why) && !gaps.is_empty() || lines[block.begin].is_empty() {
            return None;
        }
        gaps.push(block.gap());
        lines[block.begin..block.end].fill("");
    }
    None
}

/// Lines of a top-level key, or of one entry under it.
struct Block {
    key: Option<String>,
    begin: usize,
    end: usize,
}

impl Block {
    fn gap(&self) -> Gap {
        Gap {
            key: self.key.clone(),
            lines: self.begin + 1..self.end + 1,
        }
    }
}

/// Takes a file apart: top-level keys, and where nothing stands behind such a key, its entries.
fn blocks(lines: &[&str]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    // Of the top-level key at hand: its name, and how far its entries are indented once one was seen.
    let mut section: Option<(Option<String>, Option<usize>)> = None;
    for (number, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let begins = line[indent..]
            .starts_with(|letter: char| !letter.is_whitespace() && !"#-}],%.".contains(letter));
        let mut open = |key: Option<String>| {
            if let Some(last) = blocks.last_mut() {
                last.end = number;
            }
            blocks.push(Block {
                key,
                begin: number,
                end: lines.len(),
            });
        };
        if begins && indent == 0 {
            let (name, rest) = line.split_once(':').unwrap_or((line, "-"));
            let name = Some(name.trim().trim_matches(['"', '\'']).to_owned());
            let name = name.filter(|_| line.contains(':'));
            let rest = rest.trim();
            let bare =
                rest.is_empty() || rest.starts_with(['#', '&']) && !rest.contains(['{', '[']);
            section = bare.then(|| (name.clone(), None));
            open(name);
        } else if let Some((key, entries)) = &mut section
            && indent > 0
        {
            if entries.is_none() && line[indent..].starts_with('-') {
                section = None;
            } else if begins && entries.is_none_or(|entries| entries == indent) {
                *entries = Some(indent);
                open(key.clone());
            }
        }
    }
    blocks
}

/// Why some lines are no YAML, if they are none.
fn error_in(lines: &[&str], begin: usize, end: usize) -> Option<ScanError> {
    scan(&lines[begin..end].join("\n"))
}

fn scan(text: &str) -> Option<ScanError> {
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => return None,
            Some(Ok(_)) => {}
            Some(Err(error)) => return Some(error),
        }
    }
}

/// Whether an alias names what stands elsewhere.
fn is_anchor(error: &ScanError) -> bool {
    error.info().contains("unknown anchor")
}
