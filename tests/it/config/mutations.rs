//! Valid configurations, spoilt at random: there is always an answer, it is soon there, and it points into the file.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_yaml::Value;
use syncform::{model::Severity, render::diagnostic::human};

use super::{Asked, cases, load};

/// Mutations on every run; `MUTATIONS=100000` makes more.
const MANY: usize = 200;
/// No answer takes so long, in a slow build on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

const LETTERS: [&str; 44] = [
    ":",
    " ",
    "  ",
    "\n",
    "\t",
    "-",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "!",
    "!!str ",
    "|",
    ">",
    "%",
    "@",
    "`",
    "?",
    "? ",
    ",",
    "~",
    "---\n",
    "...\n",
    "<<: ",
    "${",
    "}",
    "$${",
    "\r",
    "\r\n",
    "\u{feff}",
    "\u{0}",
    "\u{1b}[2J",
    "\u{202e}",
    "é",
    "値",
    "🎉",
    "\u{2028}",
    "\u{85}",
];

/// One file of a valid configuration, spoilt a little.
fn spoilt(text: &str, random: &mut StdRng) -> Vec<u8> {
    let mut text = text.to_owned();
    for _ in 0..random.random_range(1..4) {
        let mut lines: Vec<&str> = text.split('\n').collect();
        let (one, other) = (
            random.random_range(0..lines.len()),
            random.random_range(0..lines.len()),
        );
        match random.random_range(0..7) {
            0 => drop(lines.remove(one)),
            1 => lines.insert(one, lines[one]),
            2 => lines.swap(one, other),
            3 => lines.insert(other, lines[one]),
            kind => {
                let letters: Vec<(usize, char)> = text.char_indices().collect();
                let Some((at, letter)) = letters.choose(random).copied() else {
                    continue;
                };
                let end = at + letter.len_utf8();
                let put = LETTERS.choose(random).copied().unwrap_or_default();
                text = match kind {
                    4 => format!("{}{put}{}", &text[..at], &text[at..]),
                    5 => format!("{}{put}{}", &text[..at], &text[end..]),
                    _ => format!("{}{}", &text[..at], &text[end..]),
                };
                continue;
            }
        }
        text = lines.join("\n");
    }
    let mut bytes = text.into_bytes();
    if random.random_range(0..10) == 0 && !bytes.is_empty() {
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 1 << random.random_range(0..8);
    }
    bytes
}

/// How many syncs stand in a text, counted by another reader; `None` where that reader sees none of it, or what counts is
/// not only what stands there.
fn syncs(bytes: &[u8], asked: &Asked) -> Option<usize> {
    let mut tree: Value = serde_yaml::from_slice(bytes).ok()?;
    tree.apply_merge().ok()?;
    let overlay = asked
        .environment
        .as_ref()
        .and_then(|name| tree.get("environments")?.get(name)?.get("syncs"));
    let mut names = HashSet::new();
    for (name, sync) in [tree.get("syncs"), overlay]
        .into_iter()
        .flatten()
        .filter_map(Value::as_mapping)
        .flatten()
    {
        if sync.get("only_in").is_some() || sync.is_null() {
            return None;
        }
        names.insert(name);
    }
    Some(names.len())
}

/// Returns what is wrong with the answer, if anything.
fn answer(directory: &Path, bytes: &[u8], asked: &Asked) -> Result<(), String> {
    let begin = Instant::now();
    let answer = load(directory, asked);
    if begin.elapsed() > LONGEST {
        return Err(format!("took {:?}", begin.elapsed()));
    }
    let found = match &answer {
        Ok(configuration) => &configuration.warnings,
        Err(found) if found.iter().any(|one| one.severity == Severity::Error) => found,
        Err(_) => return Err("refused without an error".to_owned()),
    };
    if let Ok(configuration) = &answer
        && let Some(wanted) = syncs(bytes, asked)
    {
        let addresses = configuration.resources.keys().map(ToString::to_string);
        let got = addresses.filter(|name| name.starts_with("sync.")).count();
        if got != wanted {
            return Err(format!("{got} syncs of {wanted}, and no error"));
        }
    }
    let drawn = human(found, false);
    if drawn.contains(|letter: char| letter.is_control() && letter != '\n') {
        return Err(format!("control letters in {drawn:?}"));
    }
    let text = String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.split('\n').collect();
    for one in found {
        let Some(place) = &one.place else { continue };
        let width = lines.get(place.line - 1).map(|line| line.chars().count());
        if width.is_none_or(|width| place.column > width + 1) {
            let (line, column) = (place.line, place.column);
            return Err(format!(
                "{line}:{column} is not in the file: {}",
                one.message
            ));
        }
    }
    Ok(())
}

#[test]
fn a_spoilt_configuration_gets_an_answer() {
    let asked = std::env::vars_os().find(|(name, _)| name == "MUTATIONS");
    let many = asked.map_or(MANY, |(_, many)| many.to_str().unwrap().parse().unwrap());
    let seeds: Vec<(String, Asked)> = cases()
        .iter()
        .filter_map(|case| {
            let text = fs::read_to_string(case.join("syncform.yaml")).ok()?;
            let asked = Asked::of(case);
            (text.len() < 10_000).then_some((text, asked))
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("syncform.yaml");
    for number in 0..many {
        let mut random = StdRng::seed_from_u64(number as u64);
        let (text, asked) = seeds.choose(&mut random).unwrap();
        let bytes = spoilt(text, &mut random);
        fs::write(&file, &bytes).unwrap();
        if let Err(why) = answer(directory.path(), &bytes, asked) {
            panic!("seed {number}: {why}\n{}", String::from_utf8_lossy(&bytes));
        }
    }
}
