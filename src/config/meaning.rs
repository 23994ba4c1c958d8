//! What a schema cannot see and no kind is needed for: hosts, times, names of environments, and references beside it.
//! Findings only; the tree stays as it is.

use jiff::{Timestamp, civil::Date};

use super::{
    gaps::Gaps,
    instance,
    locate::Findings,
    references,
    suggest::nearest,
    tree::{Data, Node},
};

/// Sections of the tree and of addresses.
pub(super) const SECTIONS: [(&str, &str); 4] = [
    ("syncs", "sync"),
    ("segments", "segment"),
    ("cohorts", "cohort"),
    ("destinations", "destination"),
];

/// Checks one whole configuration. What is not there may stand in a gap.
pub(super) fn check(
    tree: &Node,
    environments: &[String],
    today: Date,
    gaps: &Gaps,
    findings: &mut Findings,
) {
    hosts(tree, findings);
    freezes(tree, findings);
    overrides(tree, today, findings);
    if gaps.knows("environments") {
        only_in(tree, environments, findings);
    }
    references::check(tree, gaps, findings);
    if gaps.knows("workspace") && tree.at(&["workspace"]).is_none() {
        let hint = "write `workspace: NAME` in one of the files".to_owned();
        findings.error("missing-key", None, "no file names the workspace", hint);
    }
}

fn hosts(tree: &Node, findings: &mut Findings) {
    if let (Some(_), Some(second)) = (
        tree.at(&["braze", "instance"]),
        tree.at(&["braze", "endpoint"]),
    ) {
        let message = "`instance` and `endpoint` both say where Braze is";
        findings.error(
            "two-hosts",
            second.spot,
            message,
            "keep one of them".to_owned(),
        );
    }
    if let Some(node) = tree.at(&["braze", "instance"])
        && let Some(name) = node.text()
        && !unfilled(node)
        && instance::endpoint(name).is_none()
    {
        let hint = match nearest(name, instance::names()).filter(|near| near.eq_ignore_ascii_case(name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write `endpoint: https://rest.…` instead, as your dashboard names it; known instances are US-01 to \
                US-08, US-10, EU-01, EU-02, AU-01, ID-01, JP-01 and KR-01"
                .to_owned(),
        };
        findings.error(
            "unknown-instance",
            node.spot,
            "Braze has no such instance",
            hint,
        );
    }
    for path in [["braze", "endpoint"], ["amplitude", "endpoint"]] {
        if let Some(node) = tree.at(&path)
            && let Some(url) = node.text()
            && !unfilled(node)
            && let Some(wrong) = instance::wrong_url(url)
        {
            findings.error(
                "wrong-endpoint",
                node.spot,
                format!("`endpoint` {wrong}"),
                None,
            );
        }
    }
}

/// Whether a text still waits for its variable, which was reported.
pub(super) fn unfilled(node: &Node) -> bool {
    matches!(&node.data, Data::Text(text) if super::template::is_template(text))
}

fn freezes(tree: &Node, findings: &mut Findings) {
    for window in tree.at(&["freeze"]).map_or(&[][..], Node::list) {
        let time = |key: &str| window.at(&[key])?.text()?.parse::<Timestamp>().ok();
        if let (Some(from), Some(until)) = (time("from"), time("until"))
            && until <= from
        {
            let spot = window.at(&["until"]).map_or(window.spot, |node| node.spot);
            findings.error(
                "empty-window",
                spot,
                "this window ends before it begins",
                None,
            );
        }
    }
}

/// Warns of overrides whose last day is over.
fn overrides(tree: &Node, today: Date, findings: &mut Findings) {
    let defaults = tree.at(&["defaults"]).into_iter();
    let sections = ["syncs", "segments", "cohorts"].into_iter();
    let entries = sections.flat_map(|section| tree.entries(section));
    let entries = entries.map(|(_, entry)| &entry.node);
    for node in defaults.chain(entries) {
        if let Some(node) = node.at(&["allow_removal", "until"])
            && let Some(until) = node.text().and_then(|text| text.parse::<Date>().ok())
            && until < today
        {
            let message = format!("this override ended with {until} and no longer lifts any guard");
            let hint = "take it out, or give it a new day".to_owned();
            findings.warning("expired-override", node.spot, message, hint);
        }
    }
}

fn only_in(tree: &Node, environments: &[String], findings: &mut Findings) {
    for section in ["cohorts", "destinations"] {
        for (_, entry) in tree.entries(section) {
            let Some(node) = entry.node.at(&["only_in"]) else {
                continue;
            };
            let one = std::slice::from_ref(node);
            let named = if node.text().is_some() {
                one
            } else {
                node.list()
            };
            for node in named {
                if let Some(name) = node.text()
                    && !environments.iter().any(|known| known == name)
                {
                    let hint = match nearest(name, environments.iter().map(String::as_str)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "declare it under `environments`".to_owned(),
                    };
                    let message = format!("no environment is called {}", node.quoted());
                    findings.error("unknown-environment", node.spot, message, hint);
                }
            }
        }
    }
}
