//! The schema's verdict, as faults with places and words of ours. It is handed the schema as a value, and shows
//! no word of the library, which prints what it refuses.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind as Kind};
use serde_json::Value;

use super::wanted::Schema;

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
    /// A key that is not known, and those that are.
    UnknownKey { key: String, known: Vec<String> },
    /// A key that must be there, and what its schema says of it.
    MissingKey { key: String, about: Option<String> },
    /// A name that no resource or environment may have.
    Name { key: String },
    /// A map that takes exactly one of these keys.
    OneKeyOf(Vec<String>),
    /// A value of another kind than wanted: what is wanted, and the words among it.
    Value {
        wanted: Vec<String>,
        words: Vec<String>,
        /// Whether a text is wanted, and quotes would make one.
        text: bool,
    },
}

/// A schema, ready to judge.
pub(super) struct Checker<'s> {
    schema: Schema<'s>,
    validator: Validator,
}

impl<'s> Checker<'s> {
    /// Compiles a schema. `None` where it is none, which only a defect of this program can bring about.
    pub(super) fn new(schema: &'s Value) -> Option<Self> {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .with_format("cron", is_cron)
            .with_format("time-zone", |name: &str| TimeZone::get(name).is_ok())
            .with_format("date", |date: &str| date.parse::<Date>().is_ok())
            .with_format("date-time", |time: &str| time.parse::<Timestamp>().is_ok())
            .build(schema)
            .ok()?;
        Some(Self {
            schema: Schema(schema),
            validator,
        })
    }

    /// Returns every fault of a value.
    pub(super) fn faults(&self, value: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        for error in self.validator.iter_errors(value) {
            self.explain(&error, value, &mut faults);
        }
        faults
    }

    fn explain(&self, error: &ValidationError<'_>, whole: &Value, faults: &mut Vec<Fault>) {
        let path = error.instance_path().as_str().to_owned();
        let keyword = error.schema_path().as_str();
        let schema = self.schema.parent(keyword);
        let mut add = |problem| {
            faults.push(Fault {
                path: path.clone(),
                problem,
            });
        };
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    let (key, known) = (key.clone(), self.schema.keys(schema));
                    add(Problem::UnknownKey { key, known });
                }
            }
            Kind::Required { property } => {
                let key = property.as_str().unwrap_or_default().to_owned();
                let about = Schema::about(schema, &key);
                add(Problem::MissingKey { key, about });
            }
            Kind::PropertyNames { error } => {
                let key = error.instance().as_str().unwrap_or_default().to_owned();
                add(Problem::Name { key });
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                self.branches(&path, keyword, context, whole, faults);
            }
            _ => add(self.value(schema)),
        }
    }

    fn value(&self, schema: &Value) -> Problem {
        let (wanted, words) = self.schema.wanted(schema);
        let text = self.schema.takes_text(schema);
        Problem::Value {
            wanted,
            words,
            text,
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
        let instance = whole.pointer(path).unwrap_or(&Value::Null);
        let schema = self.schema.parent(keyword);
        let meant: Vec<usize> = (0..context.len())
            .filter(|index| !context[*index].iter().any(|error| other_form(error, path)))
            .collect();
        let problem = match meant.as_slice() {
            [] => match told_apart_by(context, path) {
                Some(key) => {
                    let words = self.schema.constants(schema, &key);
                    faults.push(Fault {
                        path: format!("{path}/{key}"),
                        problem: Problem::Value {
                            wanted: words.iter().map(|word| format!("`{word}`")).collect(),
                            words,
                            text: false,
                        },
                    });
                    return;
                }
                None => self.value(schema),
            },
            [one] => {
                for error in &context[*one] {
                    self.explain(error, whole, faults);
                }
                return;
            }
            several => {
                let branches: Vec<&Value> = several
                    .iter()
                    .map(|index| self.schema.branch(schema, *index))
                    .collect();
                let mut known: Vec<String> = branches
                    .iter()
                    .flat_map(|it| self.schema.keys(it))
                    .collect();
                known.sort();
                known.dedup();
                let keys: Vec<&String> = instance
                    .as_object()
                    .into_iter()
                    .flat_map(|it| it.keys())
                    .collect();
                if let Some(key) = self.schema.tag(schema)
                    && !keys.iter().any(|it| **it == key)
                    && several
                        .iter()
                        .all(|index| misses(&context[*index], path, &key))
                {
                    let words = self.schema.constants(schema, &key);
                    let about = Some(format!("one of {}", words.join(", ")));
                    Problem::MissingKey { key, about }
                } else {
                    let unknown: Vec<&&String> =
                        keys.iter().filter(|key| !known.contains(**key)).collect();
                    let fewest = several.iter().min_by_key(|index| context[**index].len());
                    if unknown.is_empty() && !self.schema.single_keys(&branches) {
                        for error in fewest.into_iter().flat_map(|index| &context[*index]) {
                            self.explain(error, whole, faults);
                        }
                        return;
                    }
                    if unknown.is_empty() {
                        Problem::OneKeyOf(known)
                    } else {
                        for key in unknown {
                            faults.push(Fault {
                                path: path.into(),
                                problem: Problem::UnknownKey {
                                    key: (*key).clone(),
                                    known: known.clone(),
                                },
                            });
                        }
                        return;
                    }
                }
            }
        };
        faults.push(Fault {
            path: path.into(),
            problem,
        });
    }
}

/// Whether an error says that a form is not the one meant: its type is another, or its tag.
fn other_form(error: &ValidationError<'_>, path: &str) -> bool {
    let at = error.instance_path().as_str();
    match error.kind() {
        Kind::Type { .. } | Kind::Pattern { .. } | Kind::Format { .. } => at == path,
        Kind::Enum { .. } | Kind::Constant { .. } => at == path || child(at, path).is_some(),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            at == path
                && context
                    .iter()
                    .all(|branch| branch.iter().any(|error| other_form(error, path)))
        }
        _ => false,
    }
}

/// The key right under a path, if this is its pointer.
fn child<'p>(at: &'p str, path: &str) -> Option<&'p str> {
    at.strip_prefix(path)?
        .strip_prefix('/')
        .filter(|rest| !rest.contains('/'))
}

/// The key whose constant every form refuses.
fn told_apart_by(context: &[Vec<ValidationError<'static>>], path: &str) -> Option<String> {
    let mut keys = context.iter().map(|branch| {
        branch.iter().find_map(|error| match error.kind() {
            Kind::Constant { .. } => child(error.instance_path().as_str(), path),
            _ => None,
        })
    });
    let first = keys.next()??;
    // A branch for null beside the tagged ones says nothing.
    keys.all(|key| key.is_none_or(|key| key == first))
        .then(|| first.to_owned())
}

fn misses(branch: &[ValidationError<'static>], path: &str, key: &str) -> bool {
    branch.iter().any(|error| {
        error.instance_path().as_str() == path
            && matches!(error.kind(), Kind::Required { property } if property == key)
    })
}

/// Five fields of the letters a cron field may hold; what they mean is read where they are run.
fn is_cron(text: &str) -> bool {
    let field = |field: &str| {
        field
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "*,-/".contains(letter))
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    fields.len() == 5 && fields.into_iter().all(field)
}
