//! Draws what a plan changes in attributes: how many values come, change and go, and, attribute by attribute, what that
//! costs and which changes are the most frequent.

use std::fmt::Write;

use super::{
    plan::value,
    text::{count, number, people},
};
use crate::model::plan::{AttributePlan, Delta, ResourcePlan};

/// Draws the attributes of one resource.
pub(super) fn draw(
    out: &mut String,
    resource: &ResourcePlan,
    delta: &Delta,
    notes: &[String],
    priced: bool,
) {
    let sum = |of: fn(&AttributePlan) -> u64| resource.attributes.iter().map(of).sum::<u64>();
    let about = if delta.estimated { "about " } else { "" };
    let mut words = vec![format!(
        "{about}{} added, {} changed, {} cleared",
        number(sum(|of| of.added)),
        number(sum(|of| of.changed)),
        number(sum(|of| of.cleared)),
    )];
    if delta.people > 0 {
        words.push(format!("of {}", people(delta.people)));
    }
    if delta.unread > 0 {
        let read = number(delta.people - delta.unread);
        words.push(format!(
            "an estimate from {read} who were read (--read-profiles reads all)"
        ));
    }
    words.extend(notes.iter().cloned());
    // Writing to a String cannot fail.
    let _ = writeln!(out, "      {:<12} {}", "values", words.join(", "));
    let shown = || {
        let attributes = resource.attributes.iter();
        attributes.filter(|attribute| {
            !attribute.is_empty() || !attribute.skipped.is_empty() || attribute.adopted > 0
        })
    };
    let width = shown()
        .map(|attribute| attribute.name.chars().count())
        .max();
    for attribute in shown() {
        let line = line(attribute, width.unwrap_or(0), priced);
        let _ = writeln!(out, "{:<19}{}", "", line.join("  ").trim_end());
    }
}

fn line(attribute: &AttributePlan, width: usize, priced: bool) -> Vec<String> {
    let signs = [
        ('+', attribute.added),
        ('~', attribute.changed),
        ('-', attribute.cleared),
    ];
    let signs = signs.iter().filter(|(_, count)| *count > 0);
    let signs = signs.map(|(sign, count)| format!("{sign}{}", number(*count)));
    let mut line = vec![
        format!("{:<width$}", attribute.name),
        format!("{:<14}", signs.collect::<Vec<_>>().join(" ")),
    ];
    if priced {
        line.push(format!(
            "{} of {}",
            count(attribute.data_points, "data point"),
            number(attribute.full_push_data_points)
        ));
    }
    if attribute.adopted > 0 {
        line.push(format!("{} there already", number(attribute.adopted)));
    }
    if attribute.overwritten > 0 {
        let count = number(attribute.overwritten);
        line.push(format!("{count} over another value"));
    }
    let told = attribute.transitions.iter();
    let mut told: Vec<String> = told
        .map(|told| {
            let (before, after) = (value(&told.before), value(&told.after));
            format!("{before} -> {after} {}", number(told.count))
        })
        .collect();
    let shown: u64 = attribute.transitions.iter().map(|told| told.count).sum();
    if !told.is_empty() && attribute.changed > shown {
        told.push(format!("{} other", number(attribute.changed - shown)));
    }
    line.extend((!told.is_empty()).then(|| told.join(" · ")));
    let skipped = attribute.skipped.iter();
    let skipped: Vec<String> = skipped
        .map(|(reason, count)| format!("{} {}", number(*count), reason.replace('_', " ")))
        .collect();
    line.extend((!skipped.is_empty()).then(|| format!("skipped: {}", skipped.join(", "))));
    line
}
