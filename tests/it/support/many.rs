//! Makes a sandbox scenario of as many people as are wanted, in an order that no reader can make use of, and measures
//! what a run takes of them. The same arguments give the same bytes.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use super::binary::{Run, start};

/// What ids look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// `user-000000042`: fourteen bytes, all with one beginning.
    Short,
    /// Thirty-six bytes that have nothing in common.
    Uuid,
    /// Two hundred bytes.
    Long,
    /// Such that Braze refuses every object that names one.
    Refused,
}

impl Ids {
    /// The id of a person.
    pub(crate) fn of(self, person: u64) -> String {
        match self {
            Self::Short => format!("user-{person:09}"),
            Self::Uuid => Uuid::new_v5(&Uuid::NAMESPACE_OID, &person.to_le_bytes()).to_string(),
            Self::Refused => format!("{person:09}-blacklisted"),
            Self::Long => format!("user-{person:09}-{:x>185}", ""),
        }
    }
}

/// A cohort: name, and who is in it.
pub(crate) type Cohort<'a> = (&'a str, Range<u64>);

/// Writes a scenario of `people` profiles, and of cohorts of them; the first is `many0`, the second `many1`. Each has
/// these property columns, whose values are one's own.
pub(crate) fn write(dir: &Path, ids: Ids, people: u64, columns: u64, cohorts: &[Cohort<'_>]) {
    fs::create_dir_all(dir.join("amplitude/cohorts")).unwrap();
    fs::create_dir_all(dir.join("braze")).unwrap();
    let mut listed = vec![];
    for (at, (name, members)) in cohorts.iter().enumerate() {
        let id = format!("many{at}");
        let size = members.end - members.start;
        listed.push(json!({
            "appId": 153_957, "archived": false, "definition": {"version": 3}, "finished": true, "id": id,
            "name": name, "published": true, "size": size, "type": "redshift", "lastMod": 1,
            "createdAt": 1, "lastComputed": 1_760_000_000, "syncMetadata": []}));
        let mut file = create(&dir.join(format!("amplitude/cohorts/{id}.csv")));
        download(&mut file, ids, columns, members.clone());
        file.flush().unwrap();
    }
    let listed = json!({"cohorts": listed}).to_string();
    fs::write(dir.join("amplitude/cohorts.json"), listed).unwrap();
    let mut file = create(&dir.join("braze/users.jsonl"));
    for person in scattered(0..people) {
        writeln!(file, r#"{{"external_id":"{}"}}"#, ids.of(person)).unwrap();
    }
    file.flush().unwrap();
}

/// Writes the same people again, each with all that an export shows of somebody: 350 bytes and four identifiers.
pub(crate) fn enrich(dir: &Path, ids: Ids, people: u64) {
    let mut file = create(&dir.join("braze/users.jsonl"));
    for person in scattered(0..people) {
        let id = ids.of(person);
        writeln!(
            file,
            "{}",
            json!({
                "external_id": id, "braze_id": format!("{person:024x}"), "created_at": "2026-01-01T00:00:00.000Z",
                "user_aliases": [{"alias_name": person.to_string(), "alias_label": "amplitude_id"}],
                "email": format!("{id}@example.com"), "country": "US", "language": "en",
                "custom_attributes": {"tier": "gold", "lifetime_orders": 12, "last_order_date": "2026-10-31"}})
        )
        .unwrap();
    }
    file.flush().unwrap();
}

/// The file of a cohort as Amplitude lets one download it.
pub(crate) fn csv(ids: Ids, members: Range<u64>) -> String {
    let mut text = vec![];
    download(&mut text, ids, 0, members);
    String::from_utf8(text).unwrap()
}

fn download(file: &mut impl Write, ids: Ids, columns: u64, members: Range<u64>) {
    write!(file, r#""amplitude_id","user_id""#).unwrap();
    for column in 0..columns {
        write!(file, r#","p{column}""#).unwrap();
    }
    for person in scattered(members) {
        write!(
            file,
            "\n\"{}\",\"{}\"",
            10_000_000_000 + person,
            ids.of(person)
        )
        .unwrap();
        for column in 0..columns {
            write!(file, ",\"{column}-{person}\"").unwrap();
        }
    }
    writeln!(file).unwrap();
}

/// Each of a range once, never beside its neighbour.
fn scattered(range: Range<u64>) -> impl Iterator<Item = u64> {
    let count = range.end - range.start;
    assert!(!count.is_multiple_of(7919), "a step that reaches everybody");
    (0..count).map(move |at| range.start + at * 7919 % count)
}

fn create(path: &Path) -> BufWriter<File> {
    BufWriter::with_capacity(1 << 20, File::create(path).unwrap())
}

/// What a run took.
pub(crate) struct Measured {
    /// How it ended.
    pub(crate) run: Run,
    /// How long it took.
    pub(crate) time: Duration,
    /// The most memory it held, in MiB.
    pub(crate) peak: u64,
}

/// Nothing takes so long, and what does has hung.
const DEADLINE: Duration = Duration::from_mins(15);

/// Runs a command to its end and watches the most that its process ever held, which the system keeps for it alone:
/// what is read last misses the final moment and no peak before it.
#[track_caller]
pub(crate) fn measured(command: Command) -> Measured {
    let began = Instant::now();
    let mut running = start(command);
    let mut peak = 0;
    loop {
        peak = peak.max(memory(running.id(), "VmHWM:").unwrap_or(0));
        if running.ends_within(Duration::from_millis(2)) {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "a run hangs");
    }
    let time = began.elapsed();
    let run = running.finish();
    assert!(peak > 0, "nothing was measured of {run}");
    Measured { run, time, peak }
}

/// Reads a figure of a process's memory in MiB: `VmHWM:`, the most it ever held, or `VmRSS:`, what it holds.
pub(crate) fn memory(process: u32, figure: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
