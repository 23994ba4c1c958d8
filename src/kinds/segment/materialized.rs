//! A segment with `members`: set algebra over cohorts, computed here and written like a cohort, so that the one filter of the
//! dashboard never changes while the definition lives in the files.

use serde_json::{Map, Value, json};

use super::spec::{Members, Spec, Term};
use crate::{
    config::{CohortRef, Resource},
    diff::algebra::Algebra,
    kinds::{Desired, Form, Kind, Reads, Scope, Source, applied, cohort, identify, values},
    model::{Address, Diagnostic, Severity},
};

/// A segment whose members are computed.
pub struct Materialized;

impl Kind for Materialized {
    fn desired(&self, resource: &Resource, scope: &Scope) -> Result<Desired, Diagnostic> {
        let wrong = |message: String, hint: Option<String>| Diagnostic {
            code: "segment",
            severity: Severity::Error,
            place: resource.origin.place("/members"),
            message,
            hint,
        };
        // The schema has checked the entry; what is left is what the schema cannot say.
        let spec: Option<Spec> = serde_json::from_value(resource.body.clone()).ok();
        let Some((spec, members)) =
            spec.and_then(|mut spec| spec.members.take().map(|members| (spec, members)))
        else {
            return Err(wrong(format!("{} has no members", resource.address), None));
        };
        let Some(to) = spec.to else {
            let hint = "write to: {attribute_flag: NAME}, {attribute_array: NAME} or cohort_import";
            let message = format!(
                "{} does not say where its members show in Braze",
                resource.address
            );
            return Err(wrong(message, Some(hint.to_owned())));
        };
        let settings = &resource.settings;
        let mut leaves = Leaves {
            scope,
            cohorts: vec![],
        };
        let mut all = leaves
            .of(&members)
            .map_err(|(code, message, hint)| Diagnostic {
                code,
                ..wrong(message, Some(hint.to_owned()))
            })?;
        if leaves.cohorts.is_empty() {
            let message = format!("{} names no cohort in its members", resource.address);
            let hint =
                "write members: {all_of: [{cohort: NAME}, …]}, or any_of, and none_of beside it";
            return Err(wrong(message, Some(hint.to_owned())));
        }
        let excluded: Vec<Algebra> = settings
            .exclude
            .iter()
            .flatten()
            .map(|exclusion| leaves.place(&exclusion.cohort))
            .collect();
        if !excluded.is_empty() {
            all.push(Algebra::Not(excluded));
        }
        let (cohorts, members) = leading(leaves.cohorts, Algebra::All(all));
        if members.holds(&vec![false; cohorts.len()]) {
            let message = format!(
                "{} would hold everybody who is in none of its cohorts, and nobody can list those",
                resource.address
            );
            let hint = "say whom it begins with: all_of or any_of beside none_of";
            return Err(wrong(message, Some(hint.to_owned())));
        }
        let identify_by = identify::mapping(settings);
        let mut places = 0..cohorts.len();
        if identify_by.iter().count() > 1
            && let Some(at) = places.find(|at| members.negates(*at) && !members.keeps_out(*at))
        {
            let message = format!(
                "{} leaves people of {} out within a part of it, and goes by several identifiers: a person may be named \
                 otherwise there",
                resource.address,
                worded(&cohorts[at]),
            );
            let hint = "leave them out of the whole (none_of beside all_of), or name one identifier in identify_by";
            return Err(wrong(message, Some(hint.to_owned())));
        }
        let (form, target, is_default) = cohort::form(to, resource, scope);
        let mut config = applied::config(&resource.body);
        if let Value::Object(entry) = &mut config {
            // What it is made of, whatever its syncs are called.
            entry.insert("members".to_owned(), told(&members, &cohorts));
            for unsaid in ["exclude", "description", "tags"] {
                entry.shift_remove(unsaid);
            }
            cohort::remember(entry, &form, is_default);
        }
        let mut cohorts = cohorts.into_iter();
        let Some(source) = cohorts.next() else {
            return Err(wrong(format!("{} names no cohort", resource.address), None));
        };
        Ok(Desired {
            source: Source::Cohort(source),
            source_at: "/members",
            exclude: cohorts.collect(),
            members,
            called: Some(spec.name.clone()),
            identify_by,
            reads: Reads::Nothing,
            form: Form::Membership(form),
            target,
            label: settings.label.clone().or(Some(spec.name)),
            create_users: settings.create_users.unwrap_or(false),
            upload: None,
            config,
        })
    }
}

fn worded(cohort: &CohortRef) -> String {
    match cohort {
        CohortRef::Name(name) => format!("\"{name}\""),
        CohortRef::Id { id } => id.clone(),
    }
}

/// Every cohort that a segment is made of, once, in the order in which they are met.
struct Leaves<'a> {
    scope: &'a Scope<'a>,
    cohorts: Vec<CohortRef>,
}

/// What names a sync that is not declared.
pub const UNDECLARED: &str = "unknown-reference";

/// A code, what is wrong, what to do.
type Wrong = (&'static str, String, &'static str);

impl Leaves<'_> {
    fn place(&mut self, cohort: &CohortRef) -> Algebra {
        let known = self.cohorts.iter().position(|known| known == cohort);
        Algebra::In(known.unwrap_or_else(|| {
            self.cohorts.push(cohort.clone());
            self.cohorts.len() - 1
        }))
    }

    /// What all of these must be.
    fn of(&mut self, members: &Members) -> Result<Vec<Algebra>, Wrong> {
        let mut all = vec![];
        if let Some(terms) = &members.all_of {
            all.extend(self.terms(terms)?);
        }
        if let Some(terms) = &members.any_of {
            all.push(Algebra::Any(self.terms(terms)?));
        }
        if let Some(terms) = &members.none_of {
            all.push(Algebra::Not(self.terms(terms)?));
        }
        Ok(all)
    }

    fn terms(&mut self, terms: &[Term]) -> Result<Vec<Algebra>, Wrong> {
        terms.iter().map(|term| self.term(term)).collect()
    }

    fn term(&mut self, term: &Term) -> Result<Algebra, Wrong> {
        match term {
            Term::Cohort { cohort } => Ok(self.place(cohort)),
            Term::Nested(members) => Ok(Algebra::All(self.of(members)?)),
            Term::Sync { sync } => {
                let (cohort, excluded) = self.people_of(sync)?;
                let cohort = self.place(&cohort);
                let excluded: Vec<Algebra> =
                    excluded.iter().map(|cohort| self.place(cohort)).collect();
                Ok(if excluded.is_empty() {
                    cohort
                } else {
                    Algebra::All(vec![cohort, Algebra::Not(excluded)])
                })
            }
        }
    }

    /// Whose people a sync moves, and whom it leaves out.
    fn people_of(&self, sync: &str) -> Result<(CohortRef, Vec<CohortRef>), Wrong> {
        let name = sync.strip_prefix("sync.").unwrap_or(sync);
        let found = self.scope.resources.get(&Address::new("sync", name));
        let Some(found) = found else {
            let hint = "name a sync of the configuration, or a cohort: {cohort: NAME}";
            return Err((UNDECLARED, format!("no sync.{name} is declared"), hint));
        };
        let cohort = match found.kind.as_str() {
            "cohort" => serde_json::from_value(found.body["cohort"].clone()).ok(),
            _ => values::audience_of(found).map(|audience| audience.cohort),
        };
        let Some(cohort) = cohort else {
            let hint = "name a sync of a cohort or of values, or a cohort: {cohort: NAME}";
            return Err(("segment", format!("sync.{name} moves no people"), hint));
        };
        let excluded = found.settings.exclude.iter().flatten();
        Ok((cohort, excluded.map(|one| one.cohort.clone()).collect()))
    }
}

/// Puts a cohort first whose people may be in it: it stands for the source where one is spoken of.
fn leading(mut cohorts: Vec<CohortRef>, members: Algebra) -> (Vec<CohortRef>, Algebra) {
    let places = 0..cohorts.len();
    let mut open = places.filter(|at| !members.keeps_out(*at));
    match open.next() {
        None | Some(0) => (cohorts, members),
        Some(first) => {
            cohorts.swap(0, first);
            (cohorts, swapped(members, first))
        }
    }
}

fn swapped(members: Algebra, first: usize) -> Algebra {
    let each = |several: Vec<Algebra>| {
        let several = several.into_iter();
        several.map(|one| swapped(one, first)).collect()
    };
    match members {
        Algebra::In(0) => Algebra::In(first),
        Algebra::In(at) if at == first => Algebra::In(0),
        Algebra::In(at) => Algebra::In(at),
        Algebra::All(several) => Algebra::All(each(several)),
        Algebra::Any(several) => Algebra::Any(each(several)),
        Algebra::Not(several) => Algebra::Not(each(several)),
    }
}

/// The algebra as it is remembered: all that must hold side by side, however deep it was written.
fn told(members: &Algebra, cohorts: &[CohortRef]) -> Value {
    let one = |one: &Algebra| told(one, cohorts);
    let each = |several: &[Algebra]| several.iter().map(one).collect::<Vec<Value>>();
    match members {
        Algebra::In(at) => json!({"cohort": cohorts.get(*at)}),
        Algebra::All(_) => {
            let mut all = Map::new();
            for part in flat(members) {
                match part {
                    Algebra::Any(several) if !all.contains_key("any_of") => {
                        all.insert("any_of".to_owned(), json!(each(several)));
                    }
                    Algebra::Not(several) => push(&mut all, "none_of", each(several)),
                    other => push(&mut all, "all_of", vec![one(other)]),
                }
            }
            all.sort_keys();
            Value::Object(all)
        }
        Algebra::Any(several) => json!({"any_of": each(several)}),
        Algebra::Not(several) => json!({"none_of": each(several)}),
    }
}

fn push(all: &mut Map<String, Value>, key: &str, more: Vec<Value>) {
    if let Value::Array(known) = all.entry(key).or_insert_with(|| json!([])) {
        known.extend(more);
    }
}

/// What must hold, without what is nested for no reason.
fn flat(members: &Algebra) -> Vec<&Algebra> {
    match members {
        Algebra::All(several) => several.iter().flat_map(flat).collect(),
        Algebra::Any(several) | Algebra::Not(several) if several.is_empty() => vec![members],
        Algebra::Any(several) if several.len() == 1 => flat(&several[0]),
        _ => vec![members],
    }
}
