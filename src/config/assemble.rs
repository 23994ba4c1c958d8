//! The one tree as the types other rooms read. What could not be checked is left out; it was reported before.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    document::{
        Amplitude, Braze, CohortImport, Configuration, Origin, Parameter, Resource, Settings,
        StateSettings, Wanted,
    },
    file::{AmplitudeBlock, BrazeBlock, Share},
    filling::Filler,
    instance,
    locate::Findings,
    meaning::SECTIONS,
    resolve::{Filled, Variables},
    tree::{Data, Node, Spot, push},
};
use crate::model::{Address, Guards, Secret, Span};

/// What a value is under `--sandbox` where its variable is not set: no secret.
pub const SANDBOX: &str = "sandbox";

/// Builds the configuration.
pub(super) struct Assembler<'a> {
    pub tree: &'a Node,
    pub environment: Option<String>,
    pub variables: &'a Variables<'a>,
    pub sandbox: bool,
    pub findings: &'a mut Findings,
    /// Pointers of entries that are wrong; they are left out.
    pub wrong: &'a dyn Fn(&str) -> bool,
}

impl Assembler<'_> {
    /// Returns what could be built.
    pub(super) fn configuration(mut self) -> Configuration {
        let workspace = self
            .tree
            .at(&["workspace"])
            .and_then(Node::text)
            .unwrap_or_default();
        Configuration {
            workspace: workspace.to_owned(),
            environment: self.environment.clone(),
            amplitude: self.amplitude(),
            braze: self.braze(),
            state: self.read::<StateSettings>("state").unwrap_or_default(),
            guards: self.read::<Guards>("guards").unwrap_or_default(),
            resources: self.resources(),
            parameters: self.parameters(),
            moved: self.read("moved").unwrap_or_default(),
            removed: self.read("removed").unwrap_or_default(),
            freeze: self.read("freeze").unwrap_or_default(),
            plan_ttl: self.read("plan_ttl").unwrap_or(Span::seconds(14 * 86_400)),
            origin: self.origin(),
            warnings: Vec::new(),
        }
    }

    fn read<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let entry = self.tree.entry(key)?;
        if (self.wrong)(&format!("/{key}")) {
            return None;
        }
        self.typed(entry.node.value(), entry.key, key)
    }

    /// The schema has passed whatever comes here, so that what fails is a defect of the schema.
    fn typed<T: DeserializeOwned>(&mut self, value: Value, spot: Spot, name: &str) -> Option<T> {
        let read = serde_json::from_value(value).ok();
        if read.is_none() && !self.findings.any_error() {
            self.findings.error(
                "unreadable",
                spot,
                format!("`{name}` cannot be read as it stands"),
                None,
            );
        }
        read
    }

    fn amplitude(&mut self) -> Amplitude {
        let block: AmplitudeBlock = self.read("amplitude").unwrap_or_default();
        Amplitude {
            region: block.region.unwrap_or_default(),
            endpoint: block.endpoint.map(base),
            api_key: self.secret("amplitude", &["api_key"], "AMPLITUDE_API_KEY"),
            secret_key: self.secret("amplitude", &["secret_key"], "AMPLITUDE_SECRET_KEY"),
            project_id: block.project_id,
            developer_token: self.secret("amplitude", &["developer_token"], "AMPLITUDE_PAT"),
            monthly_downloads: block.monthly_downloads.unwrap_or(500),
            use_at_most: share(block.use_at_most.as_ref()),
        }
    }

    fn braze(&mut self) -> Braze {
        let block: BrazeBlock = self.read("braze").unwrap_or_default();
        let cohort_import = block.cohort_import.map(|import| CohortImport {
            partner: import.partner,
            data_import_key: self.secret(
                "braze",
                &["cohort_import", "data_import_key"],
                "BRAZE_DATA_IMPORT_KEY",
            ),
            partner_api_key: self.secret(
                "braze",
                &["cohort_import", "partner_api_key"],
                "BRAZE_PARTNER_API_KEY",
            ),
        });
        let url = block.endpoint.map(base).or_else(|| {
            let instance = block.instance.as_deref().and_then(instance::endpoint);
            instance.map(str::to_owned)
        });
        let hint =
            "add `instance: US-01` (as the dashboard names it) or `endpoint: https://rest.…`"
                .to_owned();
        let missing = self.findings.aside(
            "missing-key",
            self.tree.entry("braze").map(|entry| entry.key),
            "the configuration does not say where Braze is".to_owned(),
            Some(hint),
        );
        Braze {
            endpoint: Wanted {
                value: url.or_else(|| self.sandbox.then(|| SANDBOX.to_owned())),
                missing: Box::new(missing),
                is_left_out: false,
            },
            instance: block.instance,
            api_key: self.secret("braze", &["api_key"], "BRAZE_API_KEY"),
            app_id: block.app_id,
            billing: block.billing.unwrap_or_default(),
            objects_per_request: block.objects_per_request.unwrap_or(75),
            use_at_most: share(block.use_at_most.as_ref()),
            cohort_import,
        }
    }

    /// Fills a secret's field on the way into its type: no tree ever holds it.
    fn secret(&self, block: &str, path: &[&str], example: &str) -> Wanted<Secret> {
        let name = format!("{block}.{}", path.join("."));
        let standing = self.tree.at(&[block]).and_then(|node| node.at(path));
        let absent = || {
            (
                format!("`{name}` is not configured"),
                format!("add `{}: ${{{example}}}` under `{block}`", path.join(": ")),
            )
        };
        let (value, (message, hint)) = match standing.map(|node| &node.data) {
            Some(Data::Text(text)) => match self.variables.fill(text) {
                Ok(Filled::Value(value)) if !value.trim().is_empty() => {
                    // What was pasted often ends in a line break; inside, it makes no header of a request.
                    let value = value.trim();
                    if value
                        .chars()
                        .any(|letter| letter.is_whitespace() || letter.is_control())
                    {
                        let message = format!("`{name}` holds a blank or a line break inside");
                        (None, (message, "set it anew, to the key alone".to_owned()))
                    } else {
                        (Some(Secret::new(value.to_owned())), absent())
                    }
                }
                Ok(Filled::Value(_)) => {
                    let message = format!("`{name}` is empty: its variable is not set");
                    (
                        None,
                        (message, format!("set the variable that `{name}` names")),
                    )
                }
                Ok(Filled::Missing(message, _)) => {
                    let hint = "set it, or try with --sandbox, which needs no key".to_owned();
                    (None, (format!("`{name}`: {message}"), hint))
                }
                Err(_) => (None, absent()),
            },
            _ => (None, absent()),
        };
        let spot = standing
            .map(|node| node.spot)
            .or_else(|| self.tree.entry(block).map(|entry| entry.key));
        let missing = self
            .findings
            .aside("missing-secret", spot, message, Some(hint));
        let is_left_out = match standing.map(|node| &node.data) {
            None | Some(Data::Null) => true,
            Some(Data::Text(text)) => {
                matches!(self.variables.fill(text), Ok(Filled::Value(value)) if value.is_empty())
            }
            Some(_) => false,
        };
        // A token is a choice: who names none does by hand what it would do.
        let lends = self.sandbox && !(path == ["developer_token"] && is_left_out);
        let value = value.or_else(|| lends.then(|| Secret::new(SANDBOX)));
        Wanted {
            value,
            missing: Box::new(missing),
            is_left_out,
        }
    }

    fn resources(&mut self) -> IndexMap<Address, Resource> {
        let mut resources = IndexMap::new();
        let tree = self.tree;
        for (section, word) in SECTIONS {
            for (name, entry) in tree.entries(section) {
                let mut pointer = format!("/{section}");
                push(&mut pointer, name);
                if (self.wrong)(&pointer) || self.elsewhere(&entry.node) {
                    continue;
                }
                let body = entry.node.value();
                let settings = if section == "destinations" {
                    Some(Settings::default())
                } else {
                    self.typed::<Settings>(body.clone(), entry.key, name)
                };
                let Some(settings) = settings else { continue };
                let kind = if section == "syncs" {
                    body["kind"].as_str().unwrap_or_default()
                } else {
                    word
                };
                let mut origin = Origin::default();
                origin
                    .0
                    .insert(String::new(), self.findings.place(entry.key));
                self.places(&entry.node, &mut String::new(), &mut origin);
                let address = Address::new(word, name);
                resources.insert(
                    address.clone(),
                    Resource {
                        address,
                        kind: kind.to_owned(),
                        settings,
                        body,
                        origin,
                    },
                );
            }
        }
        resources.sort_unstable_keys();
        resources
    }

    /// What destinations are told, filled on the way into its type.
    fn parameters(&mut self) -> BTreeMap<Address, BTreeMap<String, Parameter>> {
        let tree = self.tree;
        let mut all = BTreeMap::new();
        for (name, entry) in tree.entries("destinations") {
            let mut pointer = "/destinations".to_owned();
            push(&mut pointer, name);
            if (self.wrong)(&pointer) || self.elsewhere(&entry.node) {
                continue;
            }
            let filler = Filler {
                variables: self.variables,
                findings: self.findings,
                sandbox: self.sandbox,
            };
            let parameters = entry.node.entries("config");
            let of = parameters.map(|(id, entry)| (id.to_owned(), filler.parameter(id, entry)));
            all.insert(Address::new("destination", name), of.collect());
        }
        all
    }

    /// Places of the top level, entries apart.
    fn origin(&self) -> Origin {
        let mut origin = Origin::default();
        for (key, entry) in self.tree.map().into_iter().flatten() {
            let pointer = format!("/{key}");
            origin
                .0
                .insert(pointer.clone(), self.findings.place(entry.key));
            if !SECTIONS.iter().any(|(section, _)| section == key) {
                self.places(&entry.node, &mut pointer.clone(), &mut origin);
            }
        }
        origin
    }

    /// Whether an entry says that it exists in other environments only.
    fn elsewhere(&self, entry: &Node) -> bool {
        let Some(node) = entry.at(&["only_in"]) else {
            return false;
        };
        let asked = self.environment.as_deref();
        let names = |node: &Node| asked.is_some() && node.text() == asked;
        !names(node) && !node.list().iter().any(names)
    }

    /// Of a map its key is the place, of anything else the value.
    fn places(&self, node: &Node, pointer: &mut String, origin: &mut Origin) {
        let length = pointer.len();
        let mut add = |part: &str, key: Spot, node: &Node| {
            push(pointer, part);
            let spot = if node.map().is_some() || !node.list().is_empty() {
                key
            } else {
                node.spot
            };
            origin.0.insert(pointer.clone(), self.findings.place(spot));
            self.places(node, pointer, origin);
            pointer.truncate(length);
        };
        match &node.data {
            Data::Map(map) => map
                .iter()
                .for_each(|(key, entry)| add(key, entry.key, &entry.node)),
            Data::List(list) => {
                let items = list.iter().enumerate();
                items.for_each(|(index, item)| add(&index.to_string(), item.spot, item));
            }
            _ => {}
        }
    }
}

fn base(url: String) -> String {
    let length = url.trim_end_matches('/').len();
    let mut url = url;
    url.truncate(length);
    url
}

fn share(written: Option<&Share>) -> f64 {
    written.and_then(Share::percent).unwrap_or(50.0)
}
