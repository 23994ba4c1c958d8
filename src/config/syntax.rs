//! From a text to a tree with places, or to as much of one as can be had. It never shows the parser's own words, which may hold what the file holds.

mod broken;
mod builder;
mod recover;

use saphyr_parser::{Event, Marker, Parser, ScanError, Span};

use self::builder::Builder;
pub(super) use self::recover::Gap;
use super::{
    locate::Findings,
    tree::{Node, Spot},
};

/// What could be read of a file.
pub(super) struct Read {
    pub tree: Node,
    /// Where secrets stand in what the tree dropped.
    pub dropped: Vec<Spot>,
    /// What is no YAML, and not in the tree.
    pub gaps: Vec<Gap>,
}

/// Reads one document. `None` where there is nothing to go on with.
pub(super) fn read(file: usize, text: &str, findings: &mut Findings) -> Option<Read> {
    let before = findings.mark();
    match tree(file, text, findings)? {
        Ok((tree, dropped, gaps)) => whole(file, tree, findings).map(|tree| Read {
            tree,
            dropped,
            gaps,
        }),
        Err(error) => {
            findings.rewind(before);
            let (left, mut gaps) = recover::recover(file, text, &error, findings)?;
            let (tree, dropped, more) = tree(file, &left, findings)?.ok()?;
            let tree = tree.filter(|tree| tree.map().is_some())?;
            gaps.extend(more);
            Some(Read {
                tree,
                dropped,
                gaps,
            })
        }
    }
}

/// A document's root, where secrets stand in what was dropped, and what was not read; or why it is no YAML.
type Tree = Result<(Option<Node>, Vec<Spot>, Vec<Gap>), ScanError>;

fn tree(file: usize, text: &str, findings: &mut Findings) -> Option<Tree> {
    let mut builder = Builder::new(file, findings);
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => {
                builder.event(event, span).ok()?;
                if builder.documents > 1 {
                    break;
                }
            }
            Some(Err(error)) => return Some(Err(error)),
        }
    }
    Some(Ok((builder.root, builder.masks, builder.unread)))
}

/// Refuses a file that is no map.
fn whole(file: usize, root: Option<Node>, findings: &mut Findings) -> Option<Node> {
    let Some(root) = root.filter(|root| !root.is_null()) else {
        let top = spot(file, &Span::empty(Marker::new(0, 1, 0)));
        let hint = "delete it, or begin with `version: 1`";
        findings.error("empty-file", top, "this file says nothing", hint.to_owned());
        return None;
    };
    if root.map().is_none() {
        let hint = "begin with `version: 1`".to_owned();
        let message = "a configuration is a map of keys";
        findings.error("wrong-type", root.spot, message, hint);
        return None;
    }
    Some(root)
}

fn spot(file: usize, span: &Span) -> Spot {
    let (start, end) = (span.start, span.end);
    let one_line = start.line() == end.line();
    Spot {
        file,
        line: start.line().max(1),
        column: start.col() + 1,
        width: if one_line {
            end.col().saturating_sub(start.col())
        } else {
            400
        },
        // A block scalar ends where the next line begins.
        below: end
            .line()
            .saturating_sub(start.line() + usize::from(end.col() == 0)),
    }
}
