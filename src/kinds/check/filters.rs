//! Segments that are looked at: names, filters that say nothing or name what has no members, and ways of verifying that cannot
//! work.

use std::collections::HashMap;

use super::{entries, error};
use crate::{
    config::{Configuration, Resource},
    kinds::segment::{Filter, Spec},
    model::{Address, Diagnostic},
};

/// Letters of a name.
const LONGEST: usize = 255;

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let mut names: HashMap<String, &Address> = HashMap::new();
    for (resource, spec) in entries::<Spec>(configuration, "segment.") {
        let mut refuse = |pointer: &str, code, message: String, hint: Option<&str>| {
            let hint = hint.map(str::to_owned);
            found.push(error(&resource.origin, pointer, code, message, hint));
        };
        if spec.name.trim().is_empty() || spec.name.chars().count() > LONGEST {
            let message = format!("the name of a segment has 1 to {LONGEST} letters");
            refuse("/name", "wrong-name", message, None);
        }
        if let Some(first) = names.get(&spec.name) {
            let message = format!(
                "`{}` and `{first}` are the same segment of Braze",
                resource.address
            );
            let hint = "a segment is found by its name: give one of them another, or take it out";
            refuse("/name", "same-segment", message, Some(hint));
        }
        names.entry(spec.name.clone()).or_insert(&resource.address);
        if spec.members.is_none() {
            looked_at(configuration, resource, &spec, found);
        }
    }
}

fn looked_at(
    configuration: &Configuration,
    resource: &Resource,
    spec: &Spec,
    found: &mut Vec<Diagnostic>,
) {
    let mut refuse = |pointer: &str, code, message: String, hint: &str| {
        let hint = Some(hint.to_owned());
        found.push(error(&resource.origin, pointer, code, message, hint));
    };
    if spec.to.is_some() {
        refuse(
            "/to",
            "nothing-to-write",
            format!(
                "`{}` has no `members`, so that nothing is written `to` anywhere",
                resource.address
            ),
            "say who is in it with `members`, or take `to` out",
        );
    }
    if let Some(text) = &spec.acknowledge
        && text.trim().is_empty()
    {
        refuse(
            "/acknowledge",
            "empty-text",
            "an empty text acknowledges nothing".to_owned(),
            "write the filters as Braze words them; a plan shows them",
        );
    }
    if let Some(filter) = &spec.filter {
        groups(filter, "/filter", &mut refuse);
        filter.each("/filter", &mut |pointer, part| {
            if let Filter::In { within } = part
                && let Some(other) = named(configuration, within)
                && !has_members(other)
            {
                refuse(
                    &format!("{pointer}/in"),
                    "no-members",
                    format!("`{within}` has no members that a filter could show"),
                    "name a cohort sync or a segment with `members`; for what a sync of values writes, write {attribute: NAME, equals: VALUE}",
                );
            }
        });
    }
    verifying(configuration, spec, &mut refuse);
}

fn groups(
    filter: &Filter,
    pointer: &str,
    refuse: &mut impl FnMut(&str, &'static str, String, &str),
) {
    let Filter::Group(group) = filter else { return };
    if group.keys().next().is_none() {
        refuse(
            pointer,
            "empty-filter",
            "this filter says nothing".to_owned(),
            "write {in: sync.NAME}, {attribute: NAME, includes: VALUE}, {amplitude_cohort: NAME}, {words: TEXT}, or all_of, any_of, none_of of those",
        );
    }
    for (key, parts) in group.keys() {
        for (at, part) in parts.iter().enumerate() {
            groups(part, &format!("{pointer}/{key}/{at}"), refuse);
        }
    }
}

fn verifying(
    configuration: &Configuration,
    spec: &Spec,
    refuse: &mut impl FnMut(&str, &'static str, String, &str),
) {
    let Some(verify) = &spec.verify else { return };
    let only = spec.filter.as_ref().and_then(Filter::only_sync);
    if verify.exports() && only.is_none() {
        refuse(
            "/verify",
            "cannot-verify",
            "`verify: export` compares people with the members of one sync, and `filter` is not the members of one".to_owned(),
            "write filter: {in: sync.NAME}, or verify: {size: {expected: 12000}}",
        );
    }
    let native = only.and_then(|address| named(configuration, address));
    if verify.exports()
        && let Some(native) = native.filter(|native| native.body["run_by"] == "amplitude")
    {
        refuse(
            "/verify",
            "cannot-verify",
            format!(
                "Amplitude runs `{}`, and who it sent is not known here",
                native.address
            ),
            "write verify: size",
        );
    }
    if let Some(size) = verify.size()
        && size.expected.is_none()
        && only.is_none()
    {
        refuse(
            "/verify",
            "cannot-verify",
            "nothing says how many people are expected: `filter` is not the members of one sync"
                .to_owned(),
            "write verify: {size: {expected: 12000}}",
        );
    }
}

fn named<'a>(configuration: &'a Configuration, address: &str) -> Option<&'a Resource> {
    // One that is not declared was told of before.
    configuration.resources.get(&Address::parse(address)?)
}

/// Whether somebody is in it, so that Braze has a filter for that.
fn has_members(resource: &Resource) -> bool {
    match resource.kind.as_str() {
        "cohort" => resource.address.as_str().starts_with("sync."),
        "segment" => !resource.body["members"].is_null(),
        _ => false,
    }
}
