//! Fills the variables of what destinations are told, on the way into the type of secrets. No tree ever holds a value.

use serde_json::Value;

use super::{
    assemble::SANDBOX,
    document::{Filling, Parameter, Wanted},
    locate::Findings,
    resolve::{Filled, Variables},
    template::{self, Piece},
    tree::{Data, Entry, Node},
};
use crate::model::Secret;

/// Fills parameters.
pub(super) struct Filler<'a> {
    pub variables: &'a Variables<'a>,
    pub findings: &'a Findings,
    pub sandbox: bool,
}

/// What was met in the texts of a parameter.
#[derive(Default)]
struct Met {
    /// The first value that is not to be had, and what to do.
    missing: Option<(String, String)>,
    has_literal: bool,
    parts: Vec<Secret>,
}

impl Filler<'_> {
    /// Returns what a parameter says.
    pub(super) fn parameter(&self, id: &str, entry: &Entry) -> Parameter {
        let mut met = Met::default();
        let value = self.filled(&entry.node, &mut met);
        if met.parts.is_empty() && met.missing.is_none() {
            return Parameter::Plain(value);
        }
        let is_json = !value.is_string();
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let (message, hint) = match &met.missing {
            Some((message, hint)) => (message.clone(), hint.clone()),
            None => ("its variable is not set".to_owned(), String::new()),
        };
        let missing = self.findings.aside(
            "missing-secret",
            Some(entry.node.spot),
            format!("`config.{id}`: {message}"),
            Some(hint),
        );
        let value = met.missing.is_none().then(|| Secret::new(text));
        Parameter::Filled(Filling {
            value: Wanted {
                value,
                missing: Box::new(missing),
                is_left_out: false,
            },
            is_json,
            has_literal: met.has_literal,
            parts: met.parts,
        })
    }

    /// Returns a value with everything filled.
    fn filled(&self, node: &Node, met: &mut Met) -> Value {
        match &node.data {
            Data::Text(text) => Value::String(self.text(text, met)),
            Data::List(list) => list.iter().map(|node| self.filled(node, met)).collect(),
            Data::Map(map) => Value::Object(
                map.iter()
                    .map(|(key, entry)| (key.clone(), self.filled(&entry.node, met)))
                    .collect(),
            ),
            _ => node.value(),
        }
    }

    fn text(&self, text: &str, met: &mut Met) -> String {
        // What is no template was reported where it stands.
        let pieces = template::parse(text).unwrap_or_default();
        let filled = |piece: &Piece| matches!(piece, Piece::Variable { .. } | Piece::File(_));
        let any = pieces.iter().any(filled);
        match self.variables.fill(text) {
            Ok(Filled::Value(value)) => {
                if any {
                    met.has_literal |= !template::is_reference(text);
                    let value = value.trim().to_owned();
                    met.parts.push(Secret::new(value.clone()));
                    return value;
                }
                value
            }
            Ok(Filled::Missing(..)) if self.sandbox => {
                met.parts.push(Secret::new(SANDBOX));
                SANDBOX.to_owned()
            }
            Ok(Filled::Missing(message, hint)) => {
                met.missing.get_or_insert((message, hint));
                String::new()
            }
            Err(_) => text.to_owned(),
        }
    }
}
