//! The way from a directory to a configuration, step by step. Each step is a file of its own; errors of all steps
//! come out together.

use std::{collections::HashSet, path::Path};

use jiff::civil::Date;
use serde_json::Value;

use super::{
    assemble::{Assembler, SANDBOX},
    check::{Checker, Fault, Problem},
    document::Configuration,
    environment,
    gaps::Gaps,
    locate::{Findings, sort},
    mask, meaning, report, resolve, secrets, template,
    tree::{Data, Node, Spot, push},
};
use crate::model::{Diagnostic, Severity};

/// Syncs of an environment alone that get a suggestion: each is looked for among all names.
const STRANGERS: usize = 50;

/// What to load, and all that comes from outside of it.
pub struct Request<'a> {
    /// The directory whose `*.yaml` and `*.yml` files are one configuration.
    pub directory: &'a Path,
    /// The environment asked for.
    pub environment: Option<&'a str>,
    /// Looks a variable up.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// The schema of a file, as `kinds::schema()` composes it.
    pub schema: &'a Value,
    /// For overrides that end.
    pub today: Date,
    /// Under `--sandbox` a value of a service's block that is not set is no error, and keys and ids are `sandbox`.
    pub sandbox: bool,
}

/// Loads a configuration, or says everything that is wrong with it, in the order of files, lines and columns.
pub fn load(request: &Request<'_>) -> Result<Configuration, Vec<Diagnostic>> {
    load_checked(request, &|_| Vec::new())
}

/// As `load`, with checks of another room (`kinds::check`) on what could be built, so that their findings come out
/// together with the others. Warnings of both are in the configuration.
pub fn load_checked(
    request: &Request<'_>,
    check: &dyn Fn(&Configuration) -> Vec<Diagnostic>,
) -> Result<Configuration, Vec<Diagnostic>> {
    let Survey {
        built, diagnostics, ..
    } = survey(request, check);
    let stops = diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error);
    match built {
        Some(mut configuration) if !stops => {
            configuration.warnings = diagnostics;
            Ok(configuration)
        }
        _ => Err(diagnostics),
    }
}

/// What could be seen of a configuration. For looking only: a plan is made of what `load_checked` returns.
pub struct Survey {
    /// What could be built, however much is wrong with it.
    pub built: Option<Configuration>,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether it is certain which services, keys and state are meant. Where it is not, a key must go nowhere.
    pub settled: bool,
}

/// Top-level keys that say which services, keys and state are meant.
const SETTLING: [&str; 5] = ["amplitude", "braze", "environments", "state", "workspace"];
/// Those that say nothing of it: what is wrong in them is wrong in them alone.
const APART: [&str; 10] = [
    "cohorts",
    "defaults",
    "destinations",
    "freeze",
    "guards",
    "moved",
    "plan_ttl",
    "removed",
    "segments",
    "syncs",
];

/// Looks at a configuration.
pub fn survey(request: &Request<'_>, check: &dyn Fn(&Configuration) -> Vec<Diagnostic>) -> Survey {
    let mut findings = Findings::default();
    let (trees, mut gaps) = super::load::directory(request.directory, &mut findings);
    let built = build(request, &trees, &mut gaps, &mut findings);
    let mut diagnostics = built.as_ref().map(check).unwrap_or_default();
    gaps.sift(&mut diagnostics, request.environment.is_some());
    diagnostics.extend(findings.diagnostics());
    for one in &mut diagnostics {
        one.message = mask::said(&one.message);
        one.hint = one.hint.as_deref().map(mask::said);
    }
    sort(&mut diagnostics);
    let apart = |one: &Diagnostic| {
        let section = one.place.as_ref().and_then(|place| findings.section(place));
        section.is_some_and(|section| APART.contains(&section))
    };
    let settled = SETTLING.iter().all(|key| gaps.knows(key))
        && diagnostics
            .iter()
            .all(|one| one.severity != Severity::Error || apart(one));
    Survey {
        built,
        diagnostics,
        settled,
    }
}

fn build(
    request: &Request<'_>,
    trees: &[Node],
    gaps: &mut Gaps,
    findings: &mut Findings,
) -> Option<Configuration> {
    let Some(checker) = Checker::new(request.schema) else {
        findings.error("defect", None, "the schema of this program is broken", None);
        return None;
    };
    let mut said = HashSet::new();
    for tree in trees {
        for fault in checker.faults(&tree.value()) {
            if !follows(&fault, gaps) {
                report::report(&fault, tree, findings);
            }
            if let Problem::MissingKey { key, .. } = &fault.problem {
                said.insert(format!("{}/{key}", fault.path));
            }
            said.insert(fault.path);
        }
        secrets::literals(tree, findings);
        templates(&mut tree.clone(), findings);
    }
    let mut tree = resolve::join(trees, findings);
    let environments: Vec<String> = tree
        .entries("environments")
        .map(|(name, _)| name.into())
        .collect();
    let environment = environment::lay(&mut tree, request.environment, gaps, findings);

    let variables = resolve::Variables {
        lookup: request.variables,
        directory: request.directory,
    };
    let keep = |pointer: &str| secrets::is_secret(pointer) || is_parameter(pointer);
    let missing = |pointer: &str| unset(pointer, request.sandbox);
    resolve::substitute(&mut tree, &variables, &keep, &missing, findings);
    defaults(&mut tree);
    tree.prune();
    let wrong = settle_types(&checker, &mut tree, &said, gaps, findings);
    meaning::check(&tree, &environments, request.today, gaps, findings);
    all_said(&wrong, &tree, findings);
    // What is wrong is left out of what other rooms check.
    let sections = meaning::SECTIONS.map(|(section, _)| format!("/{section}"));
    let parts = wrong.iter().filter(|pointer| !sections.contains(pointer));
    let keys = parts.filter_map(|pointer| pointer.strip_prefix('/'));
    gaps.lacks(keys.filter(|key| !key.contains('/')));
    let assembler = Assembler {
        tree: &tree,
        environment,
        variables: &variables,
        sandbox: request.sandbox,
        findings,
        wrong: &|pointer| wrong.contains(pointer),
    };
    Some(assembler.configuration())
}

/// Whether a fault is only that a broken block is not there.
fn follows(fault: &Fault, gaps: &Gaps) -> bool {
    match &fault.problem {
        Problem::MissingKey { key, .. } => fault.path.is_empty() && !gaps.knows(key),
        _ => false,
    }
}

/// Reports every text that is no template, in environments not asked for, too.
fn templates(tree: &mut Node, findings: &mut Findings) {
    tree.scalars_mut(&mut String::new(), &mut |_, node| {
        if let Data::Text(text) = &node.data
            && let Err(malformed) = template::parse(text)
        {
            resolve::report(malformed, node.spot, findings);
        }
    });
}

/// Parameters of destinations may be secret, and nobody knows which: they are filled where they are used.
fn is_parameter(pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    parts.next() == Some("destinations") && parts.nth(1) == Some("config")
}

/// Under `--sandbox` the blocks of the services need no variable.
fn unset(pointer: &str, sandbox: bool) -> Option<Data> {
    let service = pointer.starts_with("/amplitude/") || pointer.starts_with("/braze/");
    match (sandbox && service, pointer) {
        (false, _) => None,
        (true, "/braze/app_id" | "/braze/cohort_import/partner") => {
            Some(Data::Filled(SANDBOX.into()))
        }
        (true, _) => Some(Data::Null),
    }
}

/// Puts `defaults` under every sync, and under every segment with members: that is written like one.
fn defaults(tree: &mut Node) {
    let Some(top) = tree.map_mut() else { return };
    let Some(defaults) = top.shift_remove("defaults") else {
        return;
    };
    for section in ["syncs", "segments"] {
        let entries = top.get_mut(section).and_then(|entry| entry.node.map_mut());
        for entry in entries.into_iter().flat_map(|map| map.values_mut()) {
            if section == "syncs" || entry.node.at(&["members"]).is_some() {
                resolve::fill(&mut entry.node, &defaults.node);
            }
        }
    }
}

/// Checks the whole against the schema once more: what only the whole can lack, and what variables hold. A filled
/// text becomes a number or boolean only where its field wants one. `said` are the pointers that a file's own check has
/// spoken of. Returns the pointers of what stays wrong.
fn settle_types(
    checker: &Checker,
    tree: &mut Node,
    said: &HashSet<String>,
    gaps: &Gaps,
    findings: &mut Findings,
) -> HashSet<String> {
    let mut faults = checker.faults(&tree.value());
    let mut again = false;
    for Fault { path, .. } in &faults {
        if let Some(node) = tree.pointer_mut(path)
            && let Data::Filled(text) = &node.data
        {
            let data = super::load::scalar(text);
            if matches!(data, Data::Bool(_) | Data::Number(_)) {
                node.data = data;
                again = true;
            }
        }
    }
    if again {
        faults = checker.faults(&tree.value());
    }
    let mut wrong = HashSet::new();
    let mut strangers = STRANGERS;
    let below: HashSet<&str> = said
        .iter()
        .filter_map(|path| Some(path.rsplit_once('/')?.0))
        .collect();
    for fault in &faults {
        let known = match &fault.problem {
            Problem::MissingKey { key, .. } => {
                let section = fault.path.split('/').nth(1);
                let in_gap = section.is_some_and(|section| !gaps.knows(section));
                in_gap || key == "version" || said.contains(&format!("{}/{key}", fault.path))
            }
            // What was wrong below is gone by now, or not.
            Problem::OneKeyOf(_) => below.contains(fault.path.as_str()),
            _ => false,
        };
        match stranger(fault, tree) {
            _ if known => {}
            Some((spot, name)) if strangers > 0 => {
                strangers -= 1;
                report::stranger(spot, name, tree, findings);
            }
            _ => report::report(fault, tree, findings),
        }
        let mut pointer = String::new();
        for part in fault.path.split('/').skip(1).take(2) {
            push(&mut pointer, &part.replace("~1", "/").replace("~0", "~"));
            wrong.insert(pointer.clone());
        }
    }
    wrong
}

/// What is wrong is left out, so it is said: nothing is valid with something missing.
fn all_said(wrong: &HashSet<String>, tree: &Node, findings: &mut Findings) {
    if findings.any_error() {
        return;
    }
    // The longest: the entry and not its section.
    if let Some(pointer) = wrong.iter().max_by_key(|pointer| (pointer.len(), *pointer)) {
        let spot = tree.pointer(pointer).map(|(node, _)| node.spot);
        let message = "a defect of this program: this would be left out, and nobody can say why";
        let hint = "write it in another way, and report this".to_owned();
        findings.error("defect", spot, message, hint);
    }
}

/// The place and name of a sync that only an environment has, and without its kind: it means another, or is not whole.
fn stranger<'f>(fault: &'f Fault, tree: &Node) -> Option<(Spot, &'f str)> {
    let Problem::MissingKey { key, .. } = &fault.problem else {
        return None;
    };
    let name = fault
        .path
        .strip_prefix("/syncs/")
        .filter(|_| key == "kind")?;
    Some((tree.at(&["syncs"])?.entry(name)?.key, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::syntax;

    #[test]
    fn what_is_left_out_is_an_error() {
        let mut findings = Findings::default();
        let text = "syncs:\n  a: {kind: cohort}\n";
        let tree = syntax::read(0, text, &mut findings).unwrap().tree;
        all_said(&HashSet::new(), &tree, &mut findings);
        assert!(!findings.any_error());
        let wrong = ["/syncs", "/syncs/a"].map(str::to_owned);
        for _ in 0..2 {
            all_said(&HashSet::from(wrong.clone()), &tree, &mut findings);
        }
        let found = findings.diagnostics();
        let places: Vec<usize> = found
            .iter()
            .map(|one| one.place.as_ref().unwrap().line)
            .collect();
        assert_eq!((found[0].code, places), ("defect", vec![2]));
    }
}
