//! A configuration as a tree whose every node and key knows where it stands. It means nothing yet.

use indexmap::IndexMap;
use serde_json::{Number, Value};

/// Where something stands: file by number, line and column from 1, width in characters on its first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot {
    pub file: usize,
    pub line: usize,
    pub column: usize,
    pub width: usize,
    /// Lines it goes on for after its first.
    pub below: usize,
}

impl Spot {
    /// The same spot on a line whose first letters are left out.
    pub(super) fn without(self, letters: usize) -> Self {
        let hidden = letters.saturating_sub(self.column - 1).min(self.width);
        Self {
            column: (self.column - 1).saturating_sub(letters) + 1,
            width: self.width - hidden,
            ..self
        }
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub spot: Spot,
    pub data: Data,
}

/// Keys in the order of the file.
pub(super) type Map = IndexMap<String, Entry>;

/// What stands under a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Where the key stands.
    pub key: Spot,
    pub node: Node,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// A text in which variables were filled: a string, unless its field wants something else.
    Filled(String),
    List(Vec<Node>),
    Map(Map),
}

impl Node {
    /// Makes an empty map at a place.
    pub(super) fn empty(spot: Spot) -> Self {
        Self {
            spot,
            data: Data::Map(Map::new()),
        }
    }

    pub(super) fn map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Node] {
        match &self.data {
            Data::List(list) => list,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) | Data::Filled(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a text for a message: as it is written, and never what a variable holds.
    pub(super) fn quoted(&self) -> String {
        match &self.data {
            Data::Text(text) => format!("`{text}`"),
            Data::Filled(_) => "what this variable holds".to_owned(),
            _ => "this".to_owned(),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.data == Data::Null
    }

    /// Returns what stands under a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.map()?.get(key)
    }

    /// Returns the value under a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter()
            .try_fold(self, |node, key| node.entry(key).map(|entry| &entry.node))
    }

    /// Returns the entries under a key, none where it is no map.
    pub(super) fn entries(&self, key: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let map = self.at(&[key]).and_then(Node::map);
        map.into_iter()
            .flat_map(|map| map.iter().map(|(name, entry)| (name.as_str(), entry)))
    }

    /// Follows a JSON pointer. Returns the node and the place of the key or item it is under.
    pub(super) fn pointer(&self, pointer: &str) -> Option<(&Node, Spot)> {
        let mut found = (self, self.spot);
        for part in pointer.split('/').skip(1) {
            found = match &found.0.data {
                Data::Map(map) => {
                    let entry = map.get(unescape(part).as_str())?;
                    (&entry.node, entry.key)
                }
                Data::List(list) => {
                    let item = list.get(part.parse::<usize>().ok()?)?;
                    (item, item.spot)
                }
                _ => return None,
            };
        }
        Some(found)
    }

    /// Follows a JSON pointer to change what it names.
    pub(super) fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Node> {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            node = match &mut node.data {
                Data::Map(map) => &mut map.get_mut(unescape(part).as_str())?.node,
                Data::List(list) => list.get_mut(part.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// Returns the value without its places.
    pub(super) fn value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(it) => Value::Bool(*it),
            Data::Number(number) => Value::Number(number.clone()),
            Data::Text(text) | Data::Filled(text) => Value::String(text.clone()),
            Data::List(list) => list.iter().map(Node::value).collect(),
            Data::Map(map) => Value::Object(
                map.iter()
                    .map(|(key, entry)| (key.clone(), entry.node.value()))
                    .collect(),
            ),
        }
    }

    /// Removes every key whose value is null.
    pub(super) fn prune(&mut self) {
        match &mut self.data {
            Data::Map(map) => {
                map.retain(|_, entry| !entry.node.is_null());
                map.values_mut().for_each(|entry| entry.node.prune());
            }
            Data::List(list) => list.iter_mut().for_each(Node::prune),
            _ => {}
        }
    }

    /// Calls a function for each scalar, with its JSON pointer.
    pub(super) fn scalars_mut(
        &mut self,
        pointer: &mut String,
        visit: &mut dyn FnMut(&str, &mut Node),
    ) {
        let length = pointer.len();
        match &mut self.data {
            Data::Map(map) => {
                for (key, entry) in map {
                    push(pointer, key);
                    entry.node.scalars_mut(pointer, visit);
                    pointer.truncate(length);
                }
            }
            Data::List(list) => {
                for (index, node) in list.iter_mut().enumerate() {
                    push(pointer, &index.to_string());
                    node.scalars_mut(pointer, visit);
                    pointer.truncate(length);
                }
            }
            _ => visit(pointer, self),
        }
    }
}

/// Adds a part to a JSON pointer.
pub(super) fn push(pointer: &mut String, part: &str) {
    pointer.push('/');
    pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
