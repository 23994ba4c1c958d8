//! From YAML events to a tree with places; what is YAML but not ours (tags, merge keys, several documents) ends
//! here. It never shows the parser's own words, which may hold what the file holds.

mod broken;
mod recover;

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

pub(super) use recover::Gap;

use super::{
    load::scalar,
    locate::Findings,
    mask,
    tree::{Data, Entry, Map, Node, Spot},
};

/// Nodes that aliases may add to a file.
const MOST_FROM_ALIASES: usize = 100_000;
/// Levels of nesting.
const DEEPEST: usize = 64;
/// Stands for a key that is no text: no file holds such a letter.
const DROPPED: &str = "\0";

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
    let mut builder = Builder {
        file,
        findings,
        frames: Vec::new(),
        anchors: HashMap::new(),
        from_aliases: 0,
        root: None,
        documents: 0,
        unread: Vec::new(),
        masks: Vec::new(),
    };
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

/// Ends the reading of a file, once the reason was reported.
struct Stop;

enum Frame {
    List(Spot, usize, Vec<Node>),
    Map(Spot, usize, Map, Option<(String, Spot)>),
}

struct Builder<'f> {
    file: usize,
    findings: &'f mut Findings,
    frames: Vec<Frame>,
    /// What anchors name, with its number of nodes and its depth.
    anchors: HashMap<usize, (Node, usize, usize)>,
    from_aliases: usize,
    root: Option<Node>,
    documents: usize,
    /// What comes after the first document.
    unread: Vec<Gap>,
    /// Where secrets stand in what was dropped.
    masks: Vec<Spot>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let spot = spot(self.file, &span);
        self.depth(0, spot)?;
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let hint = "one file is one document: put the second in a file of its own";
                    self.findings.error(
                        "several-documents",
                        spot,
                        "a second document begins here",
                        hint.to_owned(),
                    );
                    self.unread.push(Gap {
                        key: None,
                        lines: spot.line..usize::MAX,
                    });
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let as_text = self.tag(tag.as_deref(), spot);
                if text == "<<" && self.wants_key() {
                    let hint = "write the keys out, or put what is common under `defaults`";
                    self.findings.error(
                        "merge-key",
                        spot,
                        "`<<` is not merged here",
                        hint.to_owned(),
                    );
                }
                let data = if style == ScalarStyle::Plain && !as_text && !self.wants_key() {
                    scalar(&text)
                } else {
                    Data::Text(text.into_owned())
                };
                return self.finish(Node { spot, data }, anchor);
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), spot);
                self.frames
                    .push(Frame::List(first(spot), anchor, Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), spot);
                self.frames
                    .push(Frame::Map(first(spot), anchor, Map::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => match self.frames.pop() {
                Some(Frame::List(spot, anchor, items)) => {
                    let data = Data::List(items);
                    return self.finish(Node { spot, data }, anchor);
                }
                Some(Frame::Map(spot, anchor, map, _)) => {
                    let data = Data::Map(map);
                    return self.finish(Node { spot, data }, anchor);
                }
                None => {}
            },
            Event::Alias(anchor) => return self.alias(anchor, spot),
            _ => {}
        }
        Ok(())
    }

    fn depth(&mut self, more: usize, spot: Spot) -> Result<(), Stop> {
        if self.frames.len() + more <= DEEPEST {
            return Ok(());
        }
        let message = format!("more than {DEEPEST} levels of nesting");
        self.findings.error("too-deep", spot, message, None);
        Err(Stop)
    }

    fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Map(.., None)))
    }

    /// Refuses tags; returns whether the one tag we take says that a scalar is text.
    fn tag(&mut self, tag: Option<&Tag>, spot: Spot) -> bool {
        match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
            Some(_) => {
                let hint = "leave it out; quotes make a text of anything";
                self.findings.error(
                    "tag",
                    spot,
                    "YAML tags have no meaning here",
                    hint.to_owned(),
                );
                false
            }
            None => false,
        }
    }

    fn alias(&mut self, anchor: usize, spot: Spot) -> Result<(), Stop> {
        let Some((node, size, depth)) = self.anchors.get(&anchor).cloned() else {
            self.findings.error(
                "alias",
                spot,
                "this alias stands inside what it names",
                None,
            );
            return Err(Stop);
        };
        self.depth(depth, spot)?;
        self.from_aliases += size;
        if self.from_aliases > MOST_FROM_ALIASES {
            let message = format!("aliases make more than {MOST_FROM_ALIASES} values of this file");
            self.findings.error("alias", spot, message, None);
            return Err(Stop);
        }
        self.finish(node, 0)
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            let (size, depth) = size(&node);
            self.anchors.insert(anchor, (node.clone(), size, depth));
        }
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List(.., items)) => items.push(node),
            Some(Frame::Map(.., key @ None)) => {
                let spot = node.spot;
                let text = if let Data::Text(text) = node.data {
                    text
                } else {
                    let hint = "quote a value that begins with `{` or `[`, such as \"${NAME}\"";
                    self.findings
                        .error("wrong-key", spot, "a key is a text", hint.to_owned());
                    self.masks.extend(mask::dropped(DROPPED, &node));
                    DROPPED.to_owned()
                };
                *key = Some((text, spot));
            }
            Some(Frame::Map(whole, _, map, key)) => {
                let Some((name, spot)) = key.take() else {
                    return Ok(());
                };
                let dropped = name == DROPPED || name == "<<";
                if dropped {
                    self.findings.merged.insert(*whole);
                }
                if dropped || map.contains_key(&name) {
                    self.masks.extend(mask::dropped(&name, &node));
                }
                if let Some(first) = map.get(&name) {
                    let place = self.findings.words(first.key);
                    let message = format!("{} is written twice in one map", mask::named(&name));
                    let hint = format!("the first is at {place}");
                    self.findings.error("duplicate-key", spot, message, hint);
                } else if !dropped {
                    map.insert(name, Entry { key: spot, node });
                }
            }
        }
        Ok(())
    }
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

/// The beginning of a collection: what comes after is not known yet.
fn first(spot: Spot) -> Spot {
    Spot {
        width: 1,
        below: 0,
        ..spot
    }
}

/// Number of nodes, and levels.
fn size(node: &Node) -> (usize, usize) {
    let add = |(size, depth): (usize, usize), node: &Node| {
        let (more, deep) = self::size(node);
        (size + more, depth.max(deep + 1))
    };
    match &node.data {
        Data::List(list) => list.iter().fold((1, 1), add),
        Data::Map(map) => map.values().map(|entry| &entry.node).fold((1, 1), add),
        _ => (1, 0),
    }
}
