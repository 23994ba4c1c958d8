//! From YAML events to a tree with places; what is YAML but not ours (tags, merge keys, several documents) ends
//! here. It never shows the parser's own words, which may hold what the file holds.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

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

/// Reads one document. `None` where there is nothing to go on with.
///
/// Beside the tree it returns where secrets stand in what the tree dropped.
pub(super) fn tree(file: usize, text: &str, findings: &mut Findings) -> Option<(Node, Vec<Spot>)> {
    let mut builder = Builder {
        file,
        findings,
        frames: Vec::new(),
        anchors: HashMap::new(),
        from_aliases: 0,
        root: None,
        documents: 0,
        masks: Vec::new(),
    };
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => builder.event(event, span).ok()?,
            Some(Err(error)) => {
                builder.error(&error, text);
                return None;
            }
        }
    }
    let masks = std::mem::take(&mut builder.masks);
    let Some(root) = builder.root.filter(|root| !root.is_null()) else {
        let top = spot(file, &Span::empty(Marker::new(0, 1, 0)));
        let hint = "delete it, or begin with `version: 1`";
        findings.error("empty-file", top, "this file says nothing", hint.to_owned());
        return None;
    };
    if root.map().is_none() {
        let hint = "begin with `version: 1`";
        findings.error(
            "wrong-type",
            root.spot,
            "a configuration is a map of keys",
            hint.to_owned(),
        );
        return None;
    }
    Some((root, masks))
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
                    return Err(Stop);
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
        if self.wants_key() && node.text().is_none() {
            self.findings
                .error("wrong-key", spot, "a key is a text", None);
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
            Some(Frame::Map(.., key @ None)) => match node.data {
                Data::Text(text) => *key = Some((text, node.spot)),
                _ => {
                    let hint = "quote a value that begins with `{` or `[`, such as \"${NAME}\"";
                    self.findings
                        .error("wrong-key", node.spot, "a key is a text", hint.to_owned());
                    return Err(Stop);
                }
            },
            Some(Frame::Map(_, _, map, key)) => {
                let Some((name, spot)) = key.take() else {
                    return Ok(());
                };
                if name == "<<" || map.contains_key(&name) {
                    self.masks.extend(mask::dropped(&name, &node));
                }
                if let Some(first) = map.get(&name) {
                    let place = self.findings.words(first.key);
                    let message = format!("`{name}` is written twice in one map");
                    let hint = format!("the first is at {place}");
                    self.findings.error("duplicate-key", spot, message, hint);
                } else if name != "<<" {
                    map.insert(name, Entry { key: spot, node });
                }
            }
        }
        Ok(())
    }

    /// Reports why this is no YAML, in our words.
    fn error(&mut self, error: &ScanError, text: &str) {
        let marker = error.marker();
        let mut at = spot(self.file, &Span::empty(*marker));
        let lines: Vec<&str> = text.lines().collect();
        let line = |number: usize| {
            lines
                .get(number.wrapping_sub(1))
                .copied()
                .unwrap_or_default()
        };
        let indent = |line: &str| line[..line.len() - line.trim_start().len()].to_owned();
        if at.line > lines.len() {
            at.line = lines.len().max(1);
            at.column = line(at.line).chars().count() + 1;
        }
        if let Some(tabbed) = [at.line, at.line + 1, at.line.saturating_sub(1)]
            .into_iter()
            .find(|number| indent(line(*number)).contains('\t'))
        {
            let before = indent(line(tabbed));
            at.line = tabbed;
            at.column = before.chars().take_while(|letter| *letter != '\t').count() + 1;
            let hint = "YAML indents with spaces only".to_owned();
            self.findings
                .error("tab", at, "a tab indents this line", hint);
            return;
        }
        let braces = [at.line, at.line.saturating_sub(1)]
            .into_iter()
            .find(|number| unquoted(line(*number)));
        if let Some(number) = braces {
            at.line = number;
            let before = line(number).split("${").next().unwrap_or_default();
            at.column = before.chars().count() + 1;
            let hint = "quote it: {key: \"${NAME}\"}".to_owned();
            let message = "inside braces or brackets `${…}` must be quoted";
            self.findings.error("unquoted-variable", at, message, hint);
            return;
        }
        if let Some((line, column, bracket)) = never_closed(text, at) {
            (at.line, at.column) = (line, column);
            let closer = if bracket == '{' { '}' } else { ']' };
            let hint = format!("close it with `{closer}`, or quote a text that holds `{bracket}`");
            let message = format!("this `{bracket}` is never closed");
            self.findings.error("syntax", at, message, hint);
            return;
        }
        let (message, hint) = words(error.info());
        self.findings
            .error("syntax", at, message, hint.map(str::to_owned));
    }
}

/// The last bracket before an error that nothing closes in the whole file.
fn never_closed(text: &str, error: Spot) -> Option<(usize, usize, char)> {
    let mut open = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (mut quote, mut before) = (None, ' ');
        for (column, letter) in line.chars().enumerate() {
            match (quote, letter) {
                (Some(one), _) if letter == one => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(letter),
                (None, '#') if before.is_whitespace() => break,
                (None, '{' | '[') if " {[,:".contains(before) => {
                    open.push((number + 1, column + 1, letter))
                }
                (None, '}' | ']') => drop(open.pop()),
                _ => {}
            }
            before = letter;
        }
    }
    let at = (error.line, error.column);
    open.into_iter()
        .rfind(|(line, column, _)| (*line, *column) <= at)
}

/// Whether a line holds a flow collection with a `${` in it outside of quotes.
fn unquoted(line: &str) -> bool {
    let (mut depth, mut quote, mut before) = (0_usize, None, ' ');
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '{') if before == '$' && depth > 0 => return true,
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = letter;
    }
    false
}

fn words(info: &str) -> (&'static str, Option<&'static str>) {
    let has = |part: &str| info.contains(part);
    if has("unexpected end of stream")
        || has("quoted scalar") && (has("document indicator") || has("indentation"))
    {
        (
            "a quote opens and never closes",
            Some("close the quote where the text ends"),
        )
    } else if has("trailing content after double-quoted") || has("after single-quoted") {
        (
            "something follows a closed quote",
            Some("quote the whole value, or none of it"),
        )
    } else if has("unknown escape") || has("escape character") || has("hexadecimal") {
        (
            "no such escape in double quotes",
            Some("double the backslash, or use single quotes"),
        )
    } else if has("mapping values are not allowed") || has("illegal placement of ':'") {
        (
            "a `:` stands where no key can be",
            Some(
                "quote a text that holds `: `, and look at the indentation of this line and the one before",
            ),
        )
    } else if has("flow") || has("misplaced bracket") {
        (
            "a brace or bracket does not match",
            Some("close every `{` with `}` and every `[` with `]`, with commas between"),
        )
    } else if has("simple key") || has("did not find expected key") {
        (
            "here a key and a `:` are wanted",
            Some("look at the indentation, and for a `:` without a space after it"),
        )
    } else if has("unknown anchor") {
        (
            "this alias names no anchor",
            Some("an anchor `&name` stands before its alias `*name`"),
        )
    } else if has("'-'") || has("\"-\"") || has("block sequence") || has("block collection") {
        (
            "this list item stands where no list can be",
            Some("look at the indentation"),
        )
    } else if has("indentation") || has("indented") {
        (
            "the indentation does not fit",
            Some("keys of one map begin in one column"),
        )
    } else if has("unexpected character") || has("cannot start") {
        (
            "no value can begin with this character",
            Some("quote a text that begins with one of @ ` % & * ! | > , [ ] { }"),
        )
    } else {
        ("this is not valid YAML", None)
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
