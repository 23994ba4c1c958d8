//! From YAML events to a tree; what is YAML but not ours (tags, merge keys, several documents) ends here.
//! It reads no text: what is no YAML never gets here.

use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle, Span, Tag};

use super::{Gap, spot};
use crate::config::{
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

/// Ends the reading of a file, once the reason was reported.
pub(super) struct Stop;

enum Frame {
    List(Spot, usize, Vec<Node>),
    Map(Spot, usize, Map, Option<(String, Spot)>),
}

pub(super) struct Builder<'f> {
    file: usize,
    findings: &'f mut Findings,
    frames: Vec<Frame>,
    /// What anchors name, with its number of nodes and its depth.
    anchors: HashMap<usize, (Node, usize, usize)>,
    from_aliases: usize,
    pub root: Option<Node>,
    pub documents: usize,
    /// What comes after the first document.
    pub unread: Vec<Gap>,
    /// Where secrets stand in what was dropped.
    pub masks: Vec<Spot>,
}

impl<'f> Builder<'f> {
    pub(super) fn new(file: usize, findings: &'f mut Findings) -> Self {
        Self {
            file,
            findings,
            frames: Vec::new(),
            anchors: HashMap::new(),
            from_aliases: 0,
            root: None,
            documents: 0,
            unread: Vec::new(),
            masks: Vec::new(),
        }
    }
}

impl Builder<'_> {
    pub(super) fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
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
                self.finish(Node { spot, data }, anchor);
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
                    self.finish(Node { spot, data }, anchor);
                }
                Some(Frame::Map(spot, anchor, map, _)) => {
                    let data = Data::Map(map);
                    self.finish(Node { spot, data }, anchor);
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
        self.finish(node, 0);
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) {
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
                    return;
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
