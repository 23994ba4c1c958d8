//! Rows a second of every place that a person's row passes: `cargo bench --locked --bench rows`. Only what other rooms
//! may use as well is measured, so nothing is public for this file's sake.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench that cannot go on says so and ends"
)]

use std::{
    fs::File,
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use divan::{Bencher, counter::ItemsCount};
use flate2::{Compression, write::GzEncoder};
use syncform::{
    amplitude::CohortFile,
    braze::{Object, track_object},
    config::{self, Request},
    diff::{
        batch,
        decide::{self, Decision},
        identify::Identify,
        join::{Join, Joined},
        merge::Merge,
    },
    kinds,
    model::{
        Address, AliasName, Change, Edit, Identifier, Key, Mapping, Millis, Outcome, Presence,
        Record, Standing, Text, Verb,
    },
    state::{
        budget::Budget,
        delta::{DeltaReader, DeltaWriter},
        journal::{self, Entry, Header, Journal, Range},
        ledger::{LedgerReader, LedgerWriter},
        relation::{self, About, RelationReader},
        runs::Sorter,
    },
};
use tempfile::TempDir;

/// Rows of what is measured.
const ROWS: u64 = 1_000_000;
/// A time; which one does not matter.
const AT: Millis = 1_760_000_000_000;

fn main() {
    divan::main();
}

/// What ids look like.
#[derive(Clone, Copy, Debug)]
enum Ids {
    Short,
    CommonPrefix,
    Uuid,
}

const SHAPES: [Ids; 3] = [Ids::Short, Ids::CommonPrefix, Ids::Uuid];

impl Ids {
    fn of(self, person: u64) -> String {
        // Mixed, so that neighbours differ from the first letter on.
        let mixed = person.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match self {
            Self::Short => format!("{person:x}"),
            Self::CommonPrefix => format!("acme-customer-number-{person:09}"),
            Self::Uuid => {
                let (a, b) = (mixed >> 32, mixed & 0xffff_ffff);
                format!("{a:08x}-0000-4000-8000-0000{b:08x}")
            }
        }
    }
}

/// Everybody once, never beside a neighbour.
fn scattered() -> impl Iterator<Item = u64> {
    (0..ROWS).map(|at| at * 7919 % ROWS)
}

/// A folder of this run.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| TempDir::new().unwrap()).path()
}

fn csv() -> &'static [u8] {
    static CSV: OnceLock<Vec<u8>> = OnceLock::new();
    CSV.get_or_init(|| {
        let mut text = b"\"amplitude_id\",\"user_id\",\"plan\"\n".to_vec();
        for person in scattered() {
            let id = Ids::CommonPrefix.of(person);
            writeln!(text, "\"{}\",\"{id}\",\"gold\"", 10_000_000_000 + person).unwrap();
        }
        text
    })
}

fn read(bytes: &[u8]) -> u64 {
    let mut file = CohortFile::open(Cursor::new(bytes), []).unwrap();
    let mut seen = 0;
    while file.next_row().unwrap().is_some() {
        seen += 1;
    }
    seen
}

#[divan::bench(sample_count = 5)]
fn read_csv(bencher: Bencher<'_, '_>) {
    let csv = csv();
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| assert_eq!(read(csv), ROWS));
}

#[divan::bench(sample_count = 5)]
fn read_csv_gzip(bencher: Bencher<'_, '_>) {
    let mut gzip = GzEncoder::new(vec![], Compression::new(6));
    gzip.write_all(csv()).unwrap();
    let gzip = gzip.finish().unwrap();
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| assert_eq!(read(&gzip), ROWS));
}

#[divan::bench(sample_count = 5)]
fn read_csv_and_identify(bencher: Bencher<'_, '_>) {
    let alias = Identifier::Alias {
        label: "amplitude".to_owned(),
        name: AliasName::AmplitudeId,
    };
    let mapping = Mapping::new(vec![Identifier::ExternalId, alias]);
    let identify = Identify::new(&mapping, |_| None).unwrap();
    let csv = csv();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let mut file = CohortFile::open(Cursor::new(csv), []).unwrap();
        let mut key = vec![];
        while let Some(row) = file.next_row().unwrap() {
            let property = |column| row.property(column);
            let found = identify.key(row.amplitude_text, row.user_id, property, &mut key);
            assert!(found.is_ok());
        }
    });
}

fn sorter(budget: usize) -> Sorter {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let lease = runtime.block_on(Budget::new(budget).leases(1)).remove(0);
    Sorter::new(folder(), lease)
}

fn keys(ids: Ids) -> Vec<Key> {
    scattered()
        .map(|person| Key::external(&ids.of(person)).unwrap())
        .collect()
}

fn sorted_into(path: &Path, keys: &[Key], budget: usize) -> About {
    let mut sorter = sorter(budget);
    for (key, id) in keys.iter().zip(1..) {
        sorter.push(key.bytes(), id, b"").unwrap();
    }
    let about = relation::write(path, sorter, About::at(AT)).unwrap();
    assert_eq!(about.rows, ROWS);
    about
}

/// Sorting, and writing a relation of it; as a process does that reads one cohort.
#[divan::bench(args = SHAPES, sample_count = 5)]
fn sort_and_write_relation(bencher: Bencher<'_, '_>, ids: Ids) {
    let (keys, path) = (keys(ids), folder().join("sorted"));
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| sorted_into(&path, &keys, 48 << 20));
}

/// The same with the least that a sorter gets beside others.
#[divan::bench(sample_count = 5)]
fn sort_in_little_memory(bencher: Bencher<'_, '_>) {
    let (keys, path) = (keys(Ids::Uuid), folder().join("little"));
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| sorted_into(&path, &keys, 4 << 20));
}

/// A relation on disk, in the order of keys.
fn relation_file() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let path = folder().join("relation");
        sorted_into(&path, &keys(Ids::Uuid), 48 << 20);
        path
    })
}

fn members() -> RelationReader {
    RelationReader::open(relation_file()).unwrap().unwrap()
}

#[divan::bench(sample_count = 5)]
fn read_relation(bencher: Bencher<'_, '_>) {
    relation_file();
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| assert_eq!(members().map(Result::unwrap).count() as u64, ROWS));
}

/// A row as Braze acknowledged it.
fn record(key: Key, amplitude_id: Option<i64>, run: &Text) -> Record {
    Record {
        key,
        amplitude_id,
        value: "true".into(),
        maybe: None,
        presence: Presence::Unconfirmed,
        sent_at: AT,
        run: run.clone(),
        checked_at: None,
        confirmed_once: false,
        sent_again: false,
    }
}

fn address() -> Address {
    Address::new("sync", "bench")
}

/// Writes the people of the relation as a ledger; one in a hundred is not in it, and one in a hundred differs.
fn ledger_into(path: &Path) {
    let run: Text = "20261122T000000-000000".into();
    let mut ledger = LedgerWriter::new(File::create(path).unwrap(), &address()).unwrap();
    for (member, at) in members().zip(0_u64..) {
        let member = member.unwrap();
        if at % 100 != 1 {
            let mut record = record(member.key, member.amplitude_id, &run);
            if at % 100 == 2 {
                record.value = "false".into();
            }
            ledger.push(&record).unwrap();
        }
    }
    ledger.finish().unwrap();
}

fn ledger_file() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let path = folder().join("ledger.parquet");
        ledger_into(&path);
        path
    })
}

#[divan::bench(sample_count = 5)]
fn write_ledger(bencher: Bencher<'_, '_>) {
    relation_file();
    let path = folder().join("written.parquet");
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| ledger_into(&path));
}

#[divan::bench(sample_count = 5)]
fn read_ledger(bencher: Bencher<'_, '_>) {
    let path = ledger_file();
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| {
        LedgerReader::open(path)
            .unwrap()
            .map(Result::unwrap)
            .count()
    });
}

/// What is recorded against what is desired: one row in fifty is to be sent.
#[divan::bench(sample_count = 5)]
fn join_recorded_and_desired(bencher: Bencher<'_, '_>) {
    let ledger = ledger_file();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let recorded = LedgerReader::open(ledger).unwrap();
        let rows = Join::new(recorded, members()).map(Result::unwrap);
        let sent = rows
            .map(decide::decide)
            .filter(|decision| matches!(decision, Decision::Send(_)));
        assert_eq!(sent.count() as u64, ROWS / 50);
    });
}

/// The delta of a first apply: everybody is added.
fn delta_into(path: &Path) {
    let mut delta = DeltaWriter::new(File::create(path).unwrap(), &address()).unwrap();
    for member in members() {
        let member = member.unwrap();
        let change = Change {
            key: member.key,
            amplitude_id: member.amplitude_id,
            verb: Verb::Add,
            before: None,
            maybe: None,
            after: Some(member.value),
            standing: Standing::Unasked,
        };
        delta.push(&change).unwrap();
    }
    delta.finish().unwrap();
}

fn delta_file() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let path = folder().join("delta.parquet");
        delta_into(&path);
        path
    })
}

#[divan::bench(sample_count = 5)]
fn write_delta(bencher: Bencher<'_, '_>) {
    relation_file();
    let path = folder().join("written-delta.parquet");
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| delta_into(&path));
}

/// Deltas of so many syncs merged into one object a person; rows are those of all deltas.
#[divan::bench(args = [1, 5, 20], sample_count = 3)]
fn merge_deltas(bencher: Bencher<'_, '_>, deltas: u64) {
    let path = delta_file();
    bencher.counter(ItemsCount::new(ROWS * deltas)).bench(|| {
        let readers = (0..deltas).map(|_| DeltaReader::open(path).unwrap());
        let merged = Merge::new(readers.collect()).map(Result::unwrap);
        assert_eq!(merged.count() as u64, ROWS);
    });
}

/// Wording objects of `/users/track` and cutting them into requests of 75.
#[divan::bench(sample_count = 5)]
fn word_objects(bencher: Bencher<'_, '_>) {
    let keys = keys(Ids::Uuid);
    let flag = |_: &Key| Edit::Set {
        attribute: "is_active".to_owned(),
        value: true.into(),
    };
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let mut counter = batch::Counter::new(75);
        let mut objects: Vec<Object> = vec![];
        for key in &keys {
            let object = track_object(key, [flag(key)], false);
            if counter.take(object.json.len()) {
                objects.clear();
            }
            objects.push(object);
        }
        assert_eq!(counter.finish(), ROWS.div_ceil(75));
    });
}

fn journal_into(path: &Path) {
    let header = Header {
        run: "r".to_owned(),
        plan: "p".to_owned(),
        passes: vec![],
    };
    let mut journal = Journal::create(path, &header).unwrap();
    for first in (0..ROWS).step_by(75) {
        let count = 75.min(ROWS - first) as u32;
        let range = Range {
            pass: 0,
            first,
            count,
        };
        // An intent is synced to the disk, and covers 64 requests.
        if first.is_multiple_of(75 * 64) {
            let count = count * 64;
            journal.intend(Range { count, ..range }, AT).unwrap();
        }
        journal.tell(&Entry::Acknowledged(range, AT)).unwrap();
    }
}

#[divan::bench(sample_count = 5)]
fn write_journal(bencher: Bencher<'_, '_>) {
    let path = folder().join("written.journal");
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| journal_into(&path));
}

#[divan::bench(sample_count = 5)]
fn read_journal(bencher: Bencher<'_, '_>) {
    let path = folder().join("journal");
    journal_into(&path);
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    bencher.bench(|| {
        journal::read(&path)
            .unwrap()
            .unwrap()
            .1
            .map(Result::unwrap)
            .count()
    });
}

/// Ledger and delta folded into the next ledger.
#[divan::bench(sample_count = 5)]
fn fold_into_ledger(bencher: Bencher<'_, '_>) {
    let (ledger, delta) = (ledger_file(), delta_file());
    let (path, run): (PathBuf, Text) = (folder().join("folded.parquet"), Arc::from("r"));
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let recorded = LedgerReader::open(ledger).unwrap();
        let changes = DeltaReader::open(delta).unwrap();
        let mut next = LedgerWriter::new(File::create(&path).unwrap(), &address()).unwrap();
        let outcome = Outcome::Acknowledged(AT);
        for row in Join::new(recorded, changes) {
            let record = match row.unwrap() {
                Joined::Left(record) => Some(record),
                Joined::Right(change) => {
                    decide::fold(None, change, outcome, decide::Beside::Nothing, &run)
                }
                Joined::Both(record, change) => {
                    decide::fold(Some(record), change, outcome, decide::Beside::Nothing, &run)
                }
            };
            next.push(&record.unwrap()).unwrap();
        }
        next.finish().unwrap();
    });
}

/// A configuration of 1,000 syncs, read, checked against the schema and by its meaning; syncs a second.
#[divan::bench(sample_count = 5)]
fn validate_a_thousand_syncs(bencher: Bencher<'_, '_>) {
    let directory = folder().join("configuration");
    std::fs::create_dir_all(&directory).unwrap();
    let mut text = b"version: 1\nworkspace: acme\n\
        amplitude: {api_key: \"${A}\", secret_key: \"${A}\"}\n\
        braze: {instance: US-01, api_key: \"${A}\"}\nsyncs:\n"
        .to_vec();
    for at in 0..1000 {
        writeln!(
            text,
            "  s{at}: {{kind: cohort, cohort: Cohort {at}, to: {{attribute_flag: f{at}}}}}"
        )
        .unwrap();
    }
    std::fs::write(directory.join("syncform.yaml"), text).unwrap();
    let schema = kinds::schema();
    bencher.counter(ItemsCount::new(1000_u64)).bench(|| {
        let request = Request {
            directory: &directory,
            environment: None,
            variables: &|_| Some("key".to_owned()),
            schema: &schema,
            today: jiff::civil::date(2026, 11, 22),
            sandbox: false,
        };
        let loaded = config::load_checked(&request, &kinds::check);
        assert_eq!(loaded.unwrap().resources.len(), 1000);
    });
}
