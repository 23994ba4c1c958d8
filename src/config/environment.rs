//! Which environment is asked for, and what its overlay may inherit: a block that names another service inherits
//! no secret and no id, so that staging never writes to production by a forgotten line.

use super::{
    gaps::Gaps,
    locate::Findings,
    resolve::merge,
    suggest::{either, nearest},
    tree::{Entry, Node},
};

/// A block of a service: what names another service, and what is then not inherited.
struct Block {
    name: &'static str,
    /// Where it is reached: naming one of these leaves the others of them behind, too.
    service: &'static [&'static str],
    /// Secrets and ids, and whether their loss is an error.
    own: &'static [(&'static str, bool)],
}

const BLOCKS: [Block; 2] = [
    Block {
        name: "amplitude",
        service: &["region", "endpoint"],
        own: &[
            ("api_key", true),
            ("secret_key", true),
            ("project_id", true),
            ("developer_token", false),
        ],
    },
    Block {
        name: "braze",
        service: &["instance", "endpoint"],
        own: &[
            ("api_key", true),
            ("app_id", true),
            ("cohort_import", false),
        ],
    },
];

/// Lays the asked environment over the joined files. Returns its name where there are any. What is not there
/// may stand in a gap.
pub(super) fn lay(
    base: &mut Node,
    asked: Option<&str>,
    gaps: &Gaps,
    findings: &mut Findings,
) -> Option<String> {
    let environments = base
        .map_mut()
        .and_then(|map| map.shift_remove("environments"));
    let names: Vec<String> = environments
        .iter()
        .filter_map(|entry| entry.node.map())
        .flat_map(|map| map.keys().cloned())
        .collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match (asked, environments) {
        (None, Some(entry)) if !names.is_empty() => {
            let names = if gaps.knows("environments") {
                either(&quoted)
            } else {
                "one".to_owned()
            };
            let hint = format!("-e NAME (or SYNCFORM_ENV) chooses {names}");
            let message = "this configuration has environments and none was asked for";
            findings.error("no-environment", entry.key, message, hint);
            None
        }
        (Some(asked), Some(entry)) if !names.is_empty() => {
            let Some(overlay) = entry.node.entry(asked) else {
                let hint = match nearest(asked, names.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there is {}", quoted.join(", ")),
                };
                let message = format!("no environment is called `{asked}`");
                if gaps.knows("environments") {
                    findings.error("unknown-environment", entry.key, message, hint);
                }
                return None;
            };
            if gaps.none() {
                shared(base, &entry.node, asked, overlay, findings);
            }
            for block in BLOCKS.iter().filter(|block| gaps.knows(block.name)) {
                disinherit(base, &overlay.node, block, asked, findings);
            }
            if overlay.node.map().is_some() {
                merge(base, &overlay.node);
            }
            Some(asked.to_owned())
        }
        (Some(_), _) if !gaps.knows("environments") => None,
        (Some(asked), _) => {
            let message =
                format!("environment `{asked}` was asked for and this configuration has none");
            let hint = "declare it under `environments`, or leave -e (SYNCFORM_ENV) out".to_owned();
            findings.error("unknown-environment", None, message, hint);
            None
        }
        (None, _) => None,
    }
}

/// Warns where two environments write with one Braze key: each has a state of its own, and takes out of the
/// workspace what only the other's knows.
fn shared(base: &Node, environments: &Node, asked: &str, overlay: &Entry, findings: &mut Findings) {
    let key = |overlay: &Node| {
        let own = (overlay.map().is_some() || overlay.is_null()).then_some(overlay)?;
        let own = own
            .at(&["braze", "api_key"])
            .or_else(|| base.at(&["braze", "api_key"]));
        own.and_then(Node::text).map(str::to_owned)
    };
    let Some(own) = key(&overlay.node) else {
        return;
    };
    let all = environments.map().into_iter().flatten();
    let twin = all
        .filter(|(name, _)| *name != asked)
        .find(|(_, other)| key(&other.node).as_ref() == Some(&own));
    if let Some((twin, _)) = twin {
        let message = format!("environments `{asked}` and `{twin}` write to one Braze workspace");
        let hint = "each has its own state, and removes what the other added: give one of them another braze.api_key";
        findings.warning("shared-workspace", overlay.key, message, hint.to_owned());
    }
}

/// Takes out of the base what an overlay of another service must not inherit.
fn disinherit(base: &mut Node, overlay: &Node, block: &Block, name: &str, findings: &mut Findings) {
    let Some(over) = overlay.entry(block.name) else {
        return;
    };
    let Some(standing) = base
        .map_mut()
        .and_then(|map| map.get_mut(block.name))
        .and_then(|entry| entry.node.map_mut())
    else {
        return;
    };
    let says = |key: &str| over.node.entry(key).filter(|entry| !entry.node.is_null());
    let differs = |key: &&str| {
        says(key).is_some_and(|entry| {
            standing
                .get(*key)
                .is_none_or(|standing| standing.node.value() != entry.node.value())
        })
    };
    let named = block
        .service
        .iter()
        .copied()
        .chain(block.own.iter().map(|(key, _)| *key))
        .filter(|key| *key != "app_id")
        .find(differs);
    let Some(named) = named else { return };
    let mut missing = Vec::new();
    for (key, needed) in block.own {
        if standing.shift_remove(*key).is_some() && *needed && over.node.entry(key).is_none() {
            missing.push(format!("`{key}`"));
        }
    }
    if block.service.iter().any(|key| says(key).is_some()) {
        standing.retain(|key, _| !block.service.contains(&key.as_str()) || says(key).is_some());
    }
    if !missing.is_empty() {
        let message = format!(
            "environment `{name}` names another `{named}` under `{block}`, so it inherits no secret or id of that block: {missing} {verb} missing",
            block = block.name,
            missing = missing.join(", "),
            verb = if missing.len() == 1 { "is" } else { "are" },
        );
        let hint = "add what is missing, or null where it is not used".to_owned();
        findings.error("not-inherited", over.key, message, hint);
    }
}
