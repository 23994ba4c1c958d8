//! A filter in the words of Braze's segment builder. Which filter shows the members of a sync follows from where the sync
//! writes them. The words are documented in part alone, so that a text that differs from them proves nothing.

use super::{Filter, Group, Scalar};
use crate::{kinds::Membership, model::veiled};

/// Where the members of a sync show in Braze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A cohort of partner cohort import.
    Imported {
        /// The partner's name, as in its path.
        partner: String,
        /// The cohort's name in Braze.
        label: String,
    },
    /// A cohort that Amplitude itself brings.
    Native {
        /// Its name in Amplitude.
        name: String,
        /// Its id there, where it is known.
        id: Option<String>,
    },
    /// A label in an array attribute.
    Array {
        /// The attribute.
        attribute: String,
        /// The label.
        label: String,
    },
    /// An attribute that is true.
    Flag(String),
}

/// A filter in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// One line of the builder, in each way that Braze is known to write it.
    One(Vec<String>),
    /// All of these.
    All(Vec<Words>),
    /// At least one of these.
    Any(Vec<Words>),
    /// None of these.
    Nothing(Vec<Words>),
}

/// Words a filter. `shown` tells where a sync writes; none is worded by its address.
pub fn worded(filter: &Filter, shown: &impl Fn(&str) -> Option<Shown>) -> Words {
    let one = |text: String| Words::One(vec![text]);
    match filter {
        Filter::In { within } => match shown(within) {
            Some(shown) => Words::One(shown.words()),
            None => one(format!("the members of {within}")),
        },
        Filter::Includes {
            attribute,
            includes,
        } => one(format!(
            "Custom Attribute {attribute} includes value {}",
            includes.shown()
        )),
        Filter::Equals { attribute, equals } => {
            let verb = match equals {
                Scalar::Boolean(_) => "is",
                Scalar::Text(_) | Scalar::Number(_) => "equals",
            };
            one(format!(
                "Custom Attribute {attribute} {verb} {}",
                equals.shown()
            ))
        }
        Filter::AmplitudeCohort { amplitude_cohort } => {
            one(format!("Amplitude Cohorts includes {amplitude_cohort}"))
        }
        Filter::Words { words } => one(words.clone()),
        Filter::Group(group) => grouped(group, shown),
    }
}

fn grouped(group: &Group, shown: &impl Fn(&str) -> Option<Shown>) -> Words {
    let each = |parts: &Option<Vec<Filter>>| {
        let parts = parts.as_deref()?.iter();
        Some(parts.map(|part| worded(part, shown)).collect::<Vec<_>>())
    };
    let mut all = each(&group.all_of).unwrap_or_default();
    all.extend(each(&group.any_of).map(Words::Any));
    all.extend(each(&group.none_of).map(Words::Nothing));
    Words::All(all)
}

impl Scalar {
    /// Returns it as a person would write it.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Boolean(word) => word.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Shown {
    /// Where a membership shows; none of an imported cohort without a partner.
    pub fn of(membership: &Membership, label: &str, partner: Option<&str>) -> Option<Self> {
        Some(match membership {
            Membership::Array(attribute) => Self::Array {
                attribute: attribute.clone(),
                label: label.to_owned(),
            },
            Membership::Flag(attribute) => Self::Flag(attribute.clone()),
            Membership::Import(_) => Self::Imported {
                partner: partner?.to_owned(),
                label: label.to_owned(),
            },
            // It is in Amplitude.
            Membership::Static(_) => return None,
        })
    }

    /// Returns it by what never changes: a cohort that Amplitude brings by its id.
    #[must_use]
    pub fn by_id(self) -> Self {
        match self {
            Self::Native { id: Some(id), .. } => Self::Native { name: id, id: None },
            other => other,
        }
    }

    /// Returns the line of the builder, in each way that Braze is known to write it.
    fn words(&self) -> Vec<String> {
        match self {
            Self::Imported { partner, label } => {
                vec![format!("{} Cohorts includes {label}", titled(partner))]
            }
            // By one page Braze shows the name alone, by another it has a prefix and the id.
            Self::Native { name, id } => {
                let marked = id
                    .as_ref()
                    .map(|id| format!("Amplitude Cohorts includes [Amplitude] {name}: {id}"));
                std::iter::once(format!("Amplitude Cohorts includes {name}"))
                    .chain(marked)
                    .collect()
            }
            Self::Array { attribute, label } => {
                vec![format!(
                    "Custom Attribute {attribute} includes value {label}"
                )]
            }
            Self::Flag(attribute) => vec![format!("Custom Attribute {attribute} is true")],
        }
    }
}

/// The name of a partner as the builder shows it: `treasure_data` is `Treasure Data`.
fn titled(partner: &str) -> String {
    let words = partner.split(['_', '-']).filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

const AND: &str = " AND ";
const OR: &str = " OR ";

impl Words {
    /// Returns the whole in a line, in each way that Braze is known to write it.
    pub fn lines(&self) -> Vec<String> {
        let ways = self.ways();
        let mut lines: Vec<String> = (0..ways).map(|way| self.line(way)).collect();
        lines.dedup();
        lines
    }

    fn ways(&self) -> usize {
        match self {
            Self::One(ways) => ways.len(),
            Self::All(parts) | Self::Any(parts) | Self::Nothing(parts) => {
                parts.iter().map(Self::ways).max().unwrap_or(1)
            }
        }
    }

    fn line(&self, way: usize) -> String {
        match self {
            Self::One(ways) => ways.get(way).or(ways.first()).cloned().unwrap_or_default(),
            Self::All(parts) => joined(parts, AND, way),
            Self::Any(parts) => joined(parts, OR, way),
            Self::Nothing(parts) => format!("NOT ({})", joined(parts, OR, way)),
        }
    }

    fn joins(&self) -> Option<&'static str> {
        match self {
            Self::All(parts) | Self::Any(parts) if parts.len() == 1 => parts[0].joins(),
            Self::All(_) => Some(AND),
            Self::Any(_) => Some(OR),
            Self::One(_) | Self::Nothing(_) => None,
        }
    }

    /// Returns the whole as the builder has it, a line a filter; what belongs to a group is indented below it.
    pub fn indented(&self) -> Vec<String> {
        let mut lines = vec![];
        match self {
            // What several keys say is said one below the other.
            Self::All(parts) if parts.iter().all(|part| !matches!(part, Self::One(_))) => {
                parts.iter().for_each(|part| part.indent(1, &mut lines));
            }
            other => other.indent(1, &mut lines),
        }
        lines
    }

    fn indent(&self, depth: usize, lines: &mut Vec<String>) {
        let margin = "  ".repeat(depth);
        let (head, parts) = match self {
            Self::One(ways) => {
                lines.push(format!("{margin}{}", veiled(&ways.join(", or "))));
                return;
            }
            Self::All(parts) | Self::Any(parts) if parts.len() == 1 => {
                parts[0].indent(depth, lines);
                return;
            }
            Self::All(parts) => ("all of these (AND):", parts),
            Self::Any(parts) => ("any of these (OR):", parts),
            Self::Nothing(parts) => ("none of these (an exclusion group):", parts),
        };
        lines.push(format!("{margin}{head}"));
        parts.iter().for_each(|part| part.indent(depth + 1, lines));
    }
}

/// Joins parts; what is joined by the other word goes into parentheses.
fn joined(parts: &[Words], word: &'static str, way: usize) -> String {
    if let [only] = parts {
        return only.line(way);
    }
    let part = |part: &Words| match part.joins() {
        Some(inner) if inner != word => format!("({})", part.line(way)),
        _ => part.line(way),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(word)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn words(filter: Value) -> Words {
        let filter: Filter = serde_json::from_value(filter).unwrap();
        worded(&filter, &|address| match address {
            "sync.import" => Some(Shown::Imported {
                partner: "treasure_data".into(),
                label: "VIP".into(),
            }),
            "sync.native" => Some(Shown::Native {
                name: "Lapsed".into(),
                id: Some("26umsb5".into()),
            }),
            "sync.array" => Some(Shown::Array {
                attribute: "cohorts".into(),
                label: "Power users".into(),
            }),
            "sync.flag" => Some(Shown::Flag("in_trial".into())),
            _ => None,
        })
    }

    #[test]
    fn each_filter_has_its_words() {
        for (filter, expected) in [
            (
                json!({"in": "sync.import"}),
                vec!["Treasure Data Cohorts includes VIP"],
            ),
            (
                json!({"in": "sync.native"}),
                vec![
                    "Amplitude Cohorts includes Lapsed",
                    "Amplitude Cohorts includes [Amplitude] Lapsed: 26umsb5",
                ],
            ),
            (
                json!({"in": "sync.array"}),
                vec!["Custom Attribute cohorts includes value Power users"],
            ),
            (
                json!({"in": "sync.flag"}),
                vec!["Custom Attribute in_trial is true"],
            ),
            (json!({"in": "sync.x"}), vec!["the members of sync.x"]),
            (
                json!({"attribute": "a", "includes": 7}),
                vec!["Custom Attribute a includes value 7"],
            ),
            (
                json!({"attribute": "a", "equals": "x y"}),
                vec!["Custom Attribute a equals x y"],
            ),
            (
                json!({"attribute": "a", "equals": false}),
                vec!["Custom Attribute a is false"],
            ),
            (
                json!({"amplitude_cohort": "Lapsed"}),
                vec!["Amplitude Cohorts includes Lapsed"],
            ),
            (
                json!({"words": "Last Used App before today"}),
                vec!["Last Used App before today"],
            ),
            (
                json!({"all_of": [{"in": "sync.flag"}]}),
                vec!["Custom Attribute in_trial is true"],
            ),
        ] {
            assert_eq!(words(filter.clone()).lines(), expected, "{filter}");
        }
    }

    #[test]
    fn groups_are_joined_and_indented() {
        let nested = words(json!({
            "all_of": [{"amplitude_cohort": "Lapsed"}, {"any_of": [{"in": "sync.flag"}, {"in": "sync.array"}]}],
            "none_of": [{"words": "A"}, {"all_of": [{"words": "B"}, {"words": "C"}]}],
        }));
        assert_eq!(
            nested.lines(),
            [
                "Amplitude Cohorts includes Lapsed AND (Custom Attribute in_trial is true OR Custom Attribute cohorts \
                 includes value Power users) AND NOT (A OR (B AND C))"
            ]
        );
        assert_eq!(
            nested.indented(),
            [
                "  all of these (AND):",
                "    Amplitude Cohorts includes Lapsed",
                "    any of these (OR):",
                "      Custom Attribute in_trial is true",
                "      Custom Attribute cohorts includes value Power users",
                "    none of these (an exclusion group):",
                "      A",
                "      all of these (AND):",
                "        B",
                "        C",
            ]
        );
        let one = words(json!({"none_of": [{"in": "sync.native"}]}));
        assert_eq!(
            one.lines(),
            [
                "NOT (Amplitude Cohorts includes Lapsed)",
                "NOT (Amplitude Cohorts includes [Amplitude] Lapsed: 26umsb5)"
            ]
        );
        assert_eq!(
            one.indented(),
            [
                "  none of these (an exclusion group):",
                "    Amplitude Cohorts includes Lapsed, or Amplitude Cohorts includes [Amplitude] Lapsed: 26umsb5",
            ]
        );
    }
}
