//! A folder with a configuration, and the commands that work in it against a sandbox.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::binary::{Run, Running, run, start, syncform};
use super::cdnow::Scenario;
use super::truth::{self, Profiles, To};
use super::values::{self, Valued};
use super::world::{Stats, World};

/// A cohort sync as these tests write it.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    /// Its name.
    pub(crate) name: String,
    /// The cohort's name in Amplitude.
    pub(crate) cohort: &'static str,
    /// The cohort's id there.
    pub(crate) id: &'static str,
    /// Where it goes.
    pub(crate) to: To,
    /// More keys, in YAML's flow form: `allow_empty: true`.
    pub(crate) more: String,
}

/// A cohort's label in the array `amplitude_cohorts`.
pub(crate) fn array(cohort: &'static str, id: &'static str) -> Sync {
    let to = To::Array {
        attribute: "amplitude_cohorts".into(),
        label: cohort.into(),
    };
    Sync {
        name: format!("{}-array", slug(cohort, '-')),
        cohort,
        id,
        to,
        more: String::new(),
    }
}

/// A cohort's own flag: `is_active_30d`.
pub(crate) fn flag(cohort: &'static str, id: &'static str) -> Sync {
    let to = To::Flag {
        attribute: format!("is_{}", slug(cohort, '_')),
    };
    Sync {
        name: format!("{}-flag", slug(cohort, '-')),
        cohort,
        id,
        to,
        more: String::new(),
    }
}

/// The workspace of these configurations.
const WORKSPACE: &str = "cdnow";

/// A cohort imported under the id that its sync has by default: `cdnow/active-30d-import`.
pub(crate) fn import(cohort: &'static str, id: &'static str) -> Sync {
    let name = format!("{}-import", slug(cohort, '-'));
    let to = To::Import {
        id: format!("{WORKSPACE}/{name}"),
    };
    Sync {
        name,
        cohort,
        id,
        to,
        more: String::new(),
    }
}

fn slug(name: &str, between: char) -> String {
    name.to_lowercase().replace(' ', &between.to_string())
}

/// The five cohorts that have people with names.
pub(crate) const FIVE: [(&str, &str); 5] = [
    ("Active 30d", "act30d1"),
    ("Active 90d", "act90d1"),
    ("Repeat buyers", "repeat1"),
    ("Big spenders", "bigspnd"),
    ("Lapsed", "lapsed1"),
];

/// Each of the five by cohort import.
pub(crate) fn five_imports() -> Vec<Sync> {
    FIVE.map(|(cohort, id)| import(cohort, id)).into()
}

/// Each of the five by cohort import and to its flag: six lanes side by side.
pub(crate) fn imports_and_flags() -> Vec<Sync> {
    FIVE.iter()
        .flat_map(|&(cohort, id)| [import(cohort, id), flag(cohort, id)])
        .collect()
}

/// Every form of a membership, for few people.
pub(crate) fn four_forms() -> Vec<Sync> {
    vec![
        array("Active 90d", "act90d1"),
        flag("Active 90d", "act90d1"),
        array("Big spenders", "bigspnd"),
        import("Big spenders", "bigspnd"),
    ]
}

/// Each of the five to the array and to its flag.
pub(crate) fn ten() -> Vec<Sync> {
    FIVE.iter()
        .flat_map(|&(cohort, id)| [array(cohort, id), flag(cohort, id)])
        .collect()
}

impl Sync {
    /// The same with more keys.
    pub(crate) fn with(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    /// `sync.lapsed-flag`.
    pub(crate) fn address(&self) -> String {
        format!("sync.{}", self.name)
    }

    fn yaml(&self) -> String {
        let to = match &self.to {
            To::Array { attribute, .. } => format!("{{attribute_array: {attribute}}}"),
            To::Flag { attribute } => format!("{{attribute_flag: {attribute}}}"),
            To::Import { id } if *id == format!("{WORKSPACE}/{}", self.name) => {
                "cohort_import".to_owned()
            }
            To::Import { id } => format!("{{cohort_import: {{id: \"{id}\"}}}}"),
        };
        let Self {
            name, cohort, more, ..
        } = self;
        let comma = if more.is_empty() { "" } else { ", " };
        format!("  {name}: {{kind: cohort, cohort: {cohort}, to: {to}{comma}{more}}}\n")
    }
}

/// Guards that never refuse, for tests whose point is another one.
pub(crate) const OPEN: &str = "guards: {max_removals: 100%, max_shrink: 100%}";

const IMPORT_KEYS: &str = ", cohort_import: {partner: acme, data_import_key: \"${BRAZE_DATA_IMPORT_KEY}\", \
                           partner_api_key: \"${BRAZE_PARTNER_API_KEY}\"}";

/// A configuration whose services are a world's, without `--sandbox`.
pub(crate) fn directly(text: &str, world: &World) -> String {
    let url = world.url();
    text.replace("instance: US-01", &format!("endpoint: \"{url}\""))
        .replace(
            "amplitude: {",
            &format!("amplitude: {{endpoint: \"{url}\", "),
        )
}

/// A configuration. `top` is YAML at the top level; runs do not wait for each other.
pub(crate) fn yaml(top: &str, objects_per_request: usize, syncs: &[Sync]) -> String {
    let imports = syncs
        .iter()
        .any(|sync| matches!(sync.to, To::Import { .. }));
    let keys = if imports { IMPORT_KEYS } else { "" };
    let mut text = format!(
        "version: 1\nworkspace: {WORKSPACE}\n\
         amplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\"}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\", objects_per_request: {objects_per_request}{keys}}}\n\
         defaults: {{settle: 0s}}\n{top}\nsyncs:\n"
    );
    for sync in syncs {
        write!(text, "{}", sync.yaml()).unwrap();
    }
    text
}

/// A folder with a configuration.
pub(crate) struct Project {
    dir: TempDir,
    syncs: Vec<Sync>,
    valued: Vec<Valued>,
}

impl Project {
    /// These syncs with guards that never refuse and Braze's own 75 objects a request.
    pub(crate) fn new(syncs: Vec<Sync>) -> Self {
        let text = yaml(OPEN, 75, &syncs);
        Self::written(syncs, &text)
    }

    /// These syncs, written by the caller.
    pub(crate) fn written(syncs: Vec<Sync>, text: &str) -> Self {
        let project = Self {
            dir: TempDir::new().unwrap(),
            syncs,
            valued: vec![],
        };
        project.write(text);
        project
    }

    /// These syncs and syncs of values.
    pub(crate) fn with_values(
        syncs: Vec<Sync>,
        valued: Vec<Valued>,
        objects_per_request: usize,
    ) -> Self {
        let mut text = values::hurried(&yaml(OPEN, objects_per_request, &syncs));
        text.extend(valued.iter().map(|valued| valued.yaml));
        Self {
            valued,
            ..Self::written(syncs, &text)
        }
    }

    /// Replaces the configuration's text.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.dir.path().join("syncform.yaml"), text).unwrap();
    }

    /// Replaces syncs and text.
    pub(crate) fn rewrite(&mut self, syncs: Vec<Sync>, text: &str) {
        self.syncs = syncs;
        self.write(text);
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The syncs.
    pub(crate) fn syncs(&self) -> &[Sync] {
        &self.syncs
    }

    /// Where the state of a world lies.
    pub(crate) fn state(&self, world: &World) -> PathBuf {
        self.dir().join(".syncform/sandbox").join(world.id())
    }

    /// A command in this folder against a world, or, without one, as the configuration says.
    pub(crate) fn command(&self, world: Option<&World>, words: &[&str]) -> Command {
        let sandbox = world.map(|world| format!("--sandbox={}", world.url()));
        let dir = self.dir().to_str().unwrap();
        // Global flags stand before the verb here and after it there.
        let words = ["-C", dir].into_iter().chain(words.iter().copied());
        syncform(words.chain(sandbox.as_deref()))
    }

    /// Runs a verb on the services that the configuration itself names, with keys from the environment.
    #[track_caller]
    pub(crate) fn call(&self, words: &[&str]) -> Run {
        let mut command = self.command(None, words);
        for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
            command.env(key, "planted-key-5d");
        }
        run(command)
    }

    /// Runs a command against a world to its end.
    #[track_caller]
    pub(crate) fn run(&self, world: &World, words: &[&str]) -> Run {
        run(self.command(Some(world), words))
    }

    /// Starts a command against a world.
    pub(crate) fn start(&self, world: &World, words: &[&str]) -> Running {
        start(self.command(Some(world), words))
    }

    /// Starts an apply that asks nobody.
    pub(crate) fn start_apply(&self, world: &World) -> Running {
        self.start(world, &["apply", "--auto-approve"])
    }

    /// An apply that asks nobody.
    #[track_caller]
    pub(crate) fn apply(&self, world: &World) -> Run {
        self.start_apply(world).finish()
    }

    /// A plan as JSON with its detailed exit code.
    #[track_caller]
    pub(crate) fn plan(&self, world: &World) -> Plan {
        let run = self.run(world, &["plan", "--format", "json", "--detailed-exitcode"]);
        let code = run.code.unwrap_or_else(|| panic!("{run}"));
        assert!([0, 2, 3].contains(&code), "a plan was wanted: {run}");
        Plan {
            code,
            json: run.json(),
        }
    }

    /// Runs a command by a clock that is so much ahead.
    #[track_caller]
    pub(crate) fn later(&self, world: &World, ahead: &str, words: &[&str]) -> Run {
        self.start_later(world, ahead, words).finish()
    }

    /// Starts a command by a clock that is so much ahead.
    pub(crate) fn start_later(&self, world: &World, ahead: &str, words: &[&str]) -> Running {
        let ahead = format!("--ahead={ahead}");
        let words: Vec<&str> = words.iter().copied().chain([ahead.as_str()]).collect();
        self.start(world, &words)
    }

    /// A plan as JSON by a clock that is so much ahead.
    #[track_caller]
    pub(crate) fn plan_later(&self, world: &World, ahead: &str) -> Plan {
        let words = ["plan", "--format", "json", "--detailed-exitcode"];
        let run = self.later(world, ahead, &words);
        let code = run.code.unwrap_or_else(|| panic!("{run}"));
        assert!([0, 2, 3].contains(&code), "a plan was wanted: {run}");
        let json = run.json();
        Plan { code, json }
    }

    /// Applies by a clock that is so much ahead; the report, as JSON.
    #[track_caller]
    pub(crate) fn apply_later(&self, world: &World, ahead: &str) -> Value {
        let words = ["apply", "--auto-approve", "--format", "json"];
        let run = self.later(world, ahead, &words).exits(0);
        let lines = run.stdout.lines();
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut reports = lines.filter(|line| line["type"] == "report");
        let report = reports.next();
        report.unwrap_or_else(|| panic!("no report in {run}"))["report"].take()
    }

    /// What Braze should hold after an apply of this scenario, people unknown to it aside.
    pub(crate) fn expected(&self, scenario: &Scenario) -> Profiles {
        let people = self
            .syncs
            .iter()
            .map(|sync| (&sync.to, truth::user_ids(scenario.cohort(sync.id))));
        let known = truth::known(&scenario.files);
        let mut profiles = truth::expected(people, &known);
        let wanted = self.valued.iter();
        let wanted = wanted.flat_map(|valued| (valued.wanted)(scenario));
        for one in wanted {
            for (person, value) in one.people {
                if let Some(value) = value.filter(|_| known.contains(&person)) {
                    let fact = truth::fact(one.attribute, &value);
                    profiles.entry(person).or_default().insert(fact);
                }
            }
        }
        profiles
    }

    /// The attributes of these syncs as Braze holds them.
    #[track_caller]
    pub(crate) fn attributes(&self, world: &World) -> BTreeMap<String, BTreeMap<String, Value>> {
        let attributes = self
            .syncs
            .iter()
            .filter(|sync| !matches!(sync.to, To::Import { .. }));
        let mut names: HashSet<&str> = attributes.map(|sync| sync.to.attribute()).collect();
        names.extend(self.valued.iter().flat_map(|valued| valued.attributes));
        names
            .into_iter()
            .map(|name| (name.to_owned(), world.attribute(name)))
            .collect()
    }

    /// What the profiles hold of these syncs: attributes and imported cohorts.
    #[track_caller]
    pub(crate) fn found(&self, world: &World) -> Profiles {
        let mut found = truth::found(&self.attributes(world));
        let known = world.cohorts();
        for sync in &self.syncs {
            let To::Import { id } = &sync.to else {
                continue;
            };
            if known.iter().any(|cohort| cohort["id"] == **id) {
                truth::found_members(&mut found, id, &world.cohort_members(id));
            }
        }
        found
    }

    /// Fails unless every profile is what the scenario's files say.
    #[track_caller]
    pub(crate) fn assert_exact(&self, world: &World, scenario: &Scenario, when: &str) {
        truth::assert_same(&self.found(world), &self.expected(scenario), when);
    }

    /// Fails unless a plan finds nothing to do, and neither downloads nor writes to find out.
    #[track_caller]
    pub(crate) fn assert_settled(&self, world: &World, when: &str) {
        let before = world.stats();
        let run = self.run(world, &["plan", "--detailed-exitcode"]);
        assert_eq!(run.code, Some(0), "{when}, an empty plan was wanted: {run}");
        let plan = self.plan(world);
        plan.assert_empty(when);
        let after = world.stats();
        assert_eq!(
            after.download_requests(),
            before.download_requests(),
            "{when}, a plan downloaded"
        );
        assert_eq!(after.writes(), before.writes(), "{when}, a plan wrote");
    }

    /// Applies, and fails unless that ends well, every profile is exact and nothing is left to do.
    #[track_caller]
    pub(crate) fn assert_applies(&self, world: &World, scenario: &Scenario, when: &str) -> Stats {
        self.apply(world).exits(0);
        self.assert_exact(world, scenario, when);
        let stats = world.stats();
        self.assert_settled(world, when);
        stats
    }
}

/// A plan's JSON.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The exit code it came with.
    pub(crate) code: i32,
    /// All of it.
    pub(crate) json: Value,
}

impl Plan {
    /// One resource.
    #[track_caller]
    pub(crate) fn resource(&self, address: &str) -> &Value {
        let resources = self.json["resources"].as_array().unwrap();
        let found = resources
            .iter()
            .find(|resource| resource["address"] == address);
        found.unwrap_or_else(|| panic!("no {address} in {:#}", self.json))
    }

    /// One figure of a resource's delta.
    #[track_caller]
    pub(crate) fn delta(&self, address: &str, figure: &str) -> u64 {
        let resource = self.resource(address);
        resource["delta"][figure]
            .as_u64()
            .unwrap_or_else(|| panic!("no `{figure}` in {resource:#}"))
    }

    /// Whether a guard of a resource, or of the plan, lets it pass; guards not mentioned do.
    #[track_caller]
    pub(crate) fn passes(&self, address: &str, guard: &str) -> bool {
        let of_resource = self.resource(address)["guards"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let of_plan = self.json["guards"].as_array().cloned().unwrap_or_default();
        let mut guards = of_resource.iter().chain(&of_plan);
        guards
            .find(|entry| entry["name"] == guard)
            .is_none_or(|entry| entry["ok"] == true)
    }

    /// Fails unless there is nothing to do.
    #[track_caller]
    pub(crate) fn assert_empty(&self, when: &str) {
        for resource in self.json["resources"].as_array().unwrap() {
            assert_eq!(
                resource["action"], "no_op",
                "{when}, nothing to do was wanted: {resource:#}"
            );
            for figure in ["add", "change", "remove"] {
                let count = resource["delta"][figure].as_u64().unwrap_or(0);
                assert_eq!(count, 0, "{when}: {resource:#}");
            }
        }
        assert_eq!(self.code, 0, "{when}: {:#}", self.json);
        assert_eq!(
            self.json["cost"]["data_points"], 0,
            "{when}: {:#}",
            self.json
        );
        assert_eq!(self.json["cost"]["requests"], 0, "{when}: {:#}", self.json);
    }
}
