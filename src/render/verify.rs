//! Draws what reading people back found: of each resource what agrees and what does not, and the share of people who
//! disagree.

use std::fmt::Write;

use super::{
    Style,
    text::{clean, count, number, people},
};
use crate::model::{Sampled, Verification, Verified};

/// Draws it for people.
pub fn human(verification: &Verification, style: Style) -> String {
    let mut out = String::new();
    let resources = &verification.resources;
    let addresses = resources.iter().map(|of| &of.address);
    let addresses = addresses.chain(&verification.logs);
    let addresses = addresses.chain(&verification.statics);
    let width = addresses.map(|address| address.as_str().len()).max();
    let width = width.unwrap_or(0);
    // Writing to a String cannot fail; the results below are of that kind.
    for of in resources {
        let wrong = of.differ + of.missing + of.appeared > 0;
        let judged = of.agree + of.there + of.absent > 0 || of.rows == 0;
        let word = if wrong {
            style.yellow("differs")
        } else if !judged {
            style.yellow("unread ")
        } else {
            style.green("ok     ")
        };
        let address = format!("{:<width$}", of.address);
        let _ = writeln!(out, "{word}  {address}  {}", rows(of));
        for line in details(of) {
            let _ = writeln!(out, "{:9}{line}", "");
        }
    }
    for address in &verification.logs {
        let address = format!("{address:<width$}");
        let _ = writeln!(
            out,
            "log      {address}  events that were sent are not read back"
        );
    }
    for address in &verification.statics {
        let address = format!("{address:<width$}");
        let _ = writeln!(
            out,
            "static   {address}  in Amplitude: who is in it is known from the ledger alone"
        );
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", sum(verification));
    if verification.devices > 0 {
        let who = people(verification.devices);
        let _ = writeln!(out, "{who} known by a device id: nobody asks about them.");
    }
    if !verification.logs.is_empty() {
        out.push_str("Events whose answer never came are parked: syncform state parked check asks about those.\n");
    }
    if !verification.statics.is_empty() {
        out.push_str("Who is in a static cohort is read by syncform plan --refresh full, which downloads it.\n");
    }
    let any = |of: fn(&Verified) -> u64| resources.iter().any(|resource| of(resource) > 0);
    if any(|of| of.differ + of.appeared) {
        out.push_str("The next plan shows what to put right.\n");
    }
    if any(|of| of.missing) {
        out.push_str("Whoever is not in Braze is not sent to until they have appeared.\n");
    }
    out
}

/// Draws it as one JSON object, for machines.
pub fn json(verification: &Verification) -> String {
    format!("{:#}\n", serde_json::json!(verification))
}

/// The rows of a resource by what was found of them.
fn rows(of: &Verified) -> String {
    let parts = [
        (of.agree, "as recorded"),
        (of.there, "of people in Braze"),
        (of.absent, "known not to be in Braze"),
        (of.differ, "other than recorded"),
        (of.missing, "not in Braze"),
        (of.appeared, "appeared in Braze"),
        (of.doubt, "in doubt"),
        (of.young, "sent too lately to judge"),
        (of.devices, "by device id"),
        (of.unread, "not read"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts = parts.map(|(count, words)| format!("{} {words}", number(*count)));
    let parts: Vec<String> = parts.collect();
    let rows = count(of.rows, "row");
    if parts.is_empty() {
        rows
    } else {
        format!("{rows}: {}", parts.join(", "))
    }
}

fn details(of: &Verified) -> Vec<String> {
    let mut lines: Vec<String> = of
        .attributes
        .iter()
        .map(|attribute| {
            let parts = [
                (attribute.other, "another value"),
                (attribute.none, "not there"),
            ];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts = parts.map(|(count, words)| format!("{} {words}", number(*count)));
            let parts: Vec<String> = parts.collect();
            format!("{}: {}", clean(&attribute.name), parts.join(", "))
        })
        .collect();
    if of.gone > 0 {
        let gone = number(of.gone);
        lines.push(format!(
            "not in Braze: {gone} found there before, so deleted or merged since"
        ));
    }
    if of.there > 0 {
        lines.push("no profile tells who is in an imported cohort".to_owned());
    }
    if of.young > 0 {
        lines.push("what was sent within five minutes may not have arrived yet".to_owned());
    }
    lines
}

fn sum(verification: &Verification) -> String {
    let (asked, disagree) = (verification.asked, verification.disagree);
    match &verification.sample {
        _ if asked == 0 && verification.resources.iter().any(|of| of.young > 0) => {
            "Nobody was asked about: five minutes after the sending all can be.".to_owned()
        }
        _ if asked == 0 => "There is nobody to ask about.".to_owned(),
        Some(sampled) => share(verification, sampled),
        None if disagree == 0 => format!("Asked about {}: all is as recorded.", people(asked)),
        None => format!(
            "Asked about {}: {} {}.",
            people(asked),
            number(disagree),
            disagrees(disagree)
        ),
    }
}

/// Says what a sample says of all.
fn share(verification: &Verification, sampled: &Sampled) -> String {
    let (asked, all) = (verification.asked, verification.people);
    let disagree = verification.disagree;
    let seed = clean(&sampled.seed);
    format!(
        "{} of {} asked about {}: {} ({} to {} of all {}, 95 % sure; seed {seed}).",
        number(disagree),
        people(asked),
        disagrees(disagree),
        percent(disagree * 1_000 * 2 + asked, asked * 2),
        percent(sampled.least * 1_000, all),
        percent((sampled.most * 1_000).div_ceil(all) * all, all),
        number(all),
    )
}

/// A share in tenths of a percent, cut to whole ones.
fn percent(thousandfold: u64, of: u64) -> String {
    let tenths = thousandfold / of;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn disagrees(people: u64) -> &'static str {
    if people == 1 { "disagrees" } else { "disagree" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Differing};

    fn verification() -> Verification {
        let values = Verified {
            rows: 1_500,
            agree: 1_441,
            absent: 20,
            differ: 24,
            attributes: vec![Differing {
                name: "tier".to_owned(),
                other: 21,
                none: 3,
            }],
            missing: 12,
            gone: 7,
            appeared: 3,
            ..Verified::new(Address::new("sync", "values"))
        };
        let vip = Verified {
            rows: 40,
            agree: 40,
            ..Verified::new(Address::new("sync", "vip"))
        };
        Verification {
            people: 52_110,
            asked: 1_000,
            disagree: 24,
            devices: 1,
            sample: None,
            resources: vec![values, vip],
            ..Verification::default()
        }
    }

    #[test]
    fn what_disagrees_is_told_by_attribute() {
        let drawn = human(&verification(), Style::default());
        let wanted = "\
differs  sync.values  1,500 rows: 1,441 as recorded, 20 known not to be in Braze, 24 other than recorded, 12 not in Braze, 3 appeared in Braze
         tier: 21 another value, 3 not there
         not in Braze: 7 found there before, so deleted or merged since
ok       sync.vip     40 rows: 40 as recorded

Asked about 1,000 people: 24 disagree.
1 person known by a device id: nobody asks about them.
The next plan shows what to put right.
Whoever is not in Braze is not sent to until they have appeared.
";
        assert_eq!(drawn, wanted);
        let none = Verification {
            disagree: 0,
            devices: 0,
            resources: vec![],
            ..verification()
        };
        let drawn = human(&none, Style::default());
        assert_eq!(drawn, "Asked about 1,000 people: all is as recorded.\n");
        let log = Verification {
            logs: vec![Address::new("sync", "orders")],
            ..Verification::default()
        };
        let wanted = "\
log      sync.orders  events that were sent are not read back

There is nobody to ask about.
Events whose answer never came are parked: syncform state parked check asks about those.
";
        assert_eq!(human(&log, Style::default()), wanted);
        let uploaded = Verification {
            statics: vec![Address::new("cohort", "vip")],
            ..Verification::default()
        };
        let wanted = "\
static   cohort.vip  in Amplitude: who is in it is known from the ledger alone

There is nobody to ask about.
Who is in a static cohort is read by syncform plan --refresh full, which downloads it.
";
        assert_eq!(human(&uploaded, Style::default()), wanted);
    }

    #[test]
    fn a_sample_says_how_sure_it_is() {
        let sampled = Verification {
            sample: Some(Sampled {
                seed: "7".to_owned(),
                least: 811,
                most: 1_853,
            }),
            ..verification()
        };
        let wanted = "24 of 1,000 people asked about disagree: 2.4 % (1.5 % to 3.6 % of all 52,110, 95 % sure; seed 7).";
        assert_eq!(sum(&sampled), wanted);
    }
}
