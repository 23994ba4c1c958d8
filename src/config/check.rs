//! The schema's verdict, as faults with places and words of ours. It is handed the schema as a value, and shows
//! no word of the library, which prints what it refuses.

use std::{cell::RefCell, collections::HashMap};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind as Kind};
use serde_json::Value;

use super::{
    cron,
    dispatch::dispatched,
    suggest::nearest,
    wanted::{Schema, Wanted},
};

/// One thing the schema refuses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// JSON pointer to what is wrong.
    pub path: String,
    pub problem: Problem,
}

/// What is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// A key that is not known, those that are, and where it belongs.
    UnknownKey {
        key: String,
        known: Vec<String>,
        belongs: Option<String>,
    },
    /// A key that must be there, and what its schema says of it.
    MissingKey { key: String, about: Option<String> },
    /// A name that no resource or environment may have.
    Name { key: String },
    /// A map that takes exactly one of these keys.
    OneKeyOf(Vec<String>),
    /// A value of another kind than wanted.
    Value(Wanted),
}

/// A schema, ready to judge.
pub(super) struct Checker {
    schema: Schema,
    validator: Validator,
    belongs: RefCell<HashMap<Spot, Option<String>>>,
}

/// A place of the schema, the section and depth in the file, and a key there.
type Spot = (String, Option<String>, usize, String);

impl Checker {
    /// Compiles a schema. `None` where it is none, which only a defect of this program can bring about.
    pub(super) fn new(schema: &Value) -> Option<Self> {
        let schema = dispatched(schema);
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .with_format("cron", |text: &str| cron::wrong(text).is_none())
            .with_format("time-zone", |name: &str| TimeZone::get(name).is_ok())
            .with_format("date", |date: &str| date.parse::<Date>().is_ok())
            .with_format("date-time", |time: &str| time.parse::<Timestamp>().is_ok())
            .build(&schema)
            .ok()?;
        Some(Self {
            schema: Schema(schema),
            validator,
            belongs: RefCell::default(),
        })
    }

    /// Returns every fault of a value.
    pub(super) fn faults(&self, value: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        for error in self.validator.iter_errors(value) {
            self.explain(&error, value, &mut faults);
        }
        once(faults)
    }

    fn explain(&self, error: &ValidationError<'_>, whole: &Value, faults: &mut Vec<Fault>) {
        let path = error.instance_path().as_str().to_owned();
        let keyword = error.schema_path().as_str();
        let schema = self.schema.parent(keyword);
        let problem = match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    faults.push(self.unknown(&path, keyword, key, &[schema]));
                }
                return;
            }
            Kind::Required { property } => {
                let key = property.as_str().unwrap_or_default().to_owned();
                let about = Schema::about(schema, &key);
                Problem::MissingKey { key, about }
            }
            Kind::PropertyNames { error } => {
                let key = error.instance().as_str().unwrap_or_default().to_owned();
                Problem::Name { key }
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                return self.branches(&path, keyword, context, whole, faults);
            }
            _ => Problem::Value(self.schema.wanted(schema)),
        };
        faults.push(Fault { path, problem });
    }

    fn known(&self, maps: &[&Value]) -> Vec<String> {
        let mut known = Vec::new();
        for key in maps.iter().flat_map(|map| self.schema.keys(map)) {
            if !known.contains(&key) {
                known.push(key);
            }
        }
        known
    }

    /// A key that none of these maps knows, which stand at one place of the schema.
    fn unknown(&self, path: &str, place: &str, key: &str, maps: &[&Value]) -> Fault {
        // What is said of one entry's key is said of all: names aside, these tell where it stands.
        let (section, depth) = (path.split('/').nth(1), path.matches('/').count());
        let spot = (
            place.to_owned(),
            section.map(str::to_owned),
            depth,
            key.to_owned(),
        );
        let mut belongs = self.belongs.borrow_mut();
        let belongs = belongs
            .entry(spot)
            .or_insert_with(|| self.schema.belongs(path, maps, key));
        Fault {
            path: path.to_owned(),
            problem: Problem::UnknownKey {
                key: key.to_owned(),
                belongs: belongs.clone(),
                known: self.known(maps),
            },
        }
    }

    /// Of several forms none fits: finds the one that was meant, and explains that alone.
    fn branches(
        &self,
        path: &str,
        keyword: &str,
        context: &[Vec<ValidationError<'static>>],
        whole: &Value,
        faults: &mut Vec<Fault>,
    ) {
        let schema = self.schema.parent(keyword);
        let meant: Vec<usize> = (0..context.len())
            .filter(|index| !context[*index].iter().any(|error| other_form(error, path)))
            .collect();
        let keys: Vec<&String> = whole
            .pointer(path)
            .and_then(Value::as_object)
            .map(|map| map.keys().collect())
            .unwrap_or_default();
        let fits = |index: &usize| {
            let own = self.schema.keys(self.schema.branch(schema, *index));
            keys.iter().any(|key| own.contains(key))
        };
        let fitting: Vec<usize> = meant.iter().copied().filter(fits).collect();
        let one = match (meant.as_slice(), fitting.as_slice()) {
            // Examples say more than any one form does.
            _ if schema.get("examples").is_some() => None,
            ([one], _) | (_, [one]) => Some(*one),
            _ => None,
        };
        let several: Vec<&Value> = meant
            .iter()
            .map(|index| self.schema.branch(schema, *index))
            .collect();
        let known = self.known(&several);
        let strange: Vec<&&String> = keys.iter().filter(|key| !known.contains(**key)).collect();
        let problem = if let Some(one) = one {
            for error in &context[one] {
                self.explain(error, whole, faults);
            }
            return;
        } else if several.is_empty() || schema.get("examples").is_some() {
            Problem::Value(self.schema.wanted(schema))
        } else if !strange.is_empty() {
            for key in strange {
                faults.push(self.unknown(path, keyword, key, &several));
            }
            return;
        } else if self.schema.single_keys(&several) {
            Problem::OneKeyOf(known)
        } else {
            let fewest = meant.iter().min_by_key(|index| context[**index].len());
            for error in fewest.into_iter().flat_map(|index| &context[*index]) {
                self.explain(error, whole, faults);
            }
            return;
        };
        let path = path.to_owned();
        faults.push(Fault { path, problem });
    }
}

/// Takes out what another fault explains: a key that is missing because it is misspelt right there.
fn once(faults: Vec<Fault>) -> Vec<Fault> {
    let mut unknown: HashMap<String, Vec<String>> = HashMap::new();
    for fault in &faults {
        if let Problem::UnknownKey { key, .. } = &fault.problem {
            unknown
                .entry(fault.path.clone())
                .or_default()
                .push(key.clone());
        }
    }
    let misspelt = |fault: &Fault| match (&fault.problem, unknown.get(&fault.path)) {
        (Problem::MissingKey { key, .. }, Some(written)) => written
            .iter()
            .any(|written| nearest(written, [key.as_str()]).is_some()),
        _ => false,
    };
    faults
        .into_iter()
        .filter(|fault| !misspelt(fault))
        .collect()
}

/// Whether an error says that a form is not the one meant: its type is another, or its tag.
fn other_form(error: &ValidationError<'_>, path: &str) -> bool {
    let at = error.instance_path().as_str();
    match error.kind() {
        Kind::Type { .. }
        | Kind::Pattern { .. }
        | Kind::Format { .. }
        | Kind::Enum { .. }
        | Kind::Constant { .. } => at == path,
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            at == path
                && context
                    .iter()
                    .all(|branch| branch.iter().any(|error| other_form(error, path)))
        }
        _ => false,
    }
}
