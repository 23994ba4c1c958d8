//! Currents files as Braze writes them: which there are, in a directory and in a bucket, and what is in one. A file
//! that was cut is an error that names it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use apache_avro::{Codec, DeflateSettings, Schema, Writer, types::Value as Avro};
use serde_json::{Map, Value, json};
use syncform::braze::currents::{Error, File, Location, Store, Strangers};
use syncform::model::Hour;

use crate::support::bucket::{Bucket, SECRET};

const ROOT: &str = "currents-export/dataexport.prod-01.S3.integration.69cadaaed2d51b7c75b1a3e5";
const SCHEMA: &str = r#"{"type": "record", "name": "Open", "namespace": "users.messages.email", "fields": [
    {"name": "id", "type": "string"},
    {"name": "external_user_id", "type": ["null", "string"], "default": null},
    {"name": "time", "type": "int"},
    {"name": "time_ms", "type": ["null", "long"], "default": null},
    {"name": "price", "type": ["null", "double"], "default": null},
    {"name": "share", "type": "float"},
    {"name": "raw", "type": "bytes"},
    {"name": "os", "type": {"type": "enum", "name": "Os", "symbols": ["ios", "android"]}},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "machine_open", "type": ["null", "boolean"], "default": null}
]}"#;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn some(value: Avro) -> Avro {
    Avro::Union(1, Box::new(value))
}

fn none() -> Avro {
    Avro::Union(0, Box::new(Avro::Null))
}

fn event(number: usize) -> Avro {
    let text = |text: &str| Avro::String(text.to_owned());
    let fields = [
        ("id", text(&format!("id-{number}"))),
        ("external_user_id", some(text("u1"))),
        ("time", Avro::Int(1_700_000_000)),
        ("time_ms", some(Avro::Long(1_700_000_000_123))),
        ("price", some(Avro::Double(9.99))),
        ("share", Avro::Float(0.1)),
        ("raw", Avro::Bytes(vec![0xff, 0])),
        ("os", Avro::Enum(1, "android".to_owned())),
        ("tags", Avro::Array(vec![text("a")])),
        ("machine_open", none()),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    Avro::Record(fields.into())
}

/// A file of so many events, some a block.
fn avro(events: usize, block: usize, codec: Codec) -> Vec<u8> {
    let schema = Schema::parse_str(SCHEMA).unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for number in 0..events {
        writer.append_value(event(number)).unwrap();
        if (number + 1) % block == 0 {
            writer.flush().unwrap();
        }
    }
    writer.into_inner().unwrap()
}

/// Files of three types and three hours, and some that are none.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (event_type, hour, number) in [
        ("users.messages.email.Open", "2026-11-22-05", 2),
        ("users.messages.email.Open", "2026-11-22-05", 1),
        ("users.messages.email.Open", "2026-11-21-23", 3),
        ("users.behaviors.Purchase", "2026-11-22-05", 4),
        ("users.behaviors.Purchase", "2026-11-22-06", 5),
        ("users.canvas.Entry", "2026-11-22-05", 6),
    ] {
        let path = format!(
            "{ROOT}/event_type={event_type}/date={hour}/version=6/us-01/dataexport.prod-01+0+{number}.avro"
        );
        files.insert(path, avro(number, 2, Codec::Snappy));
    }
    let open = format!("{ROOT}/event_type=users.messages.email.Open");
    files.insert(format!("{open}/date=2026-11-22-05/_SUCCESS"), vec![]);
    files.insert(format!("{open}/date=yesterday/a.avro"), vec![]);
    files.insert(format!("{ROOT}/read me.txt"), b"no".to_vec());
    files
}

fn put(files: &BTreeMap<String, Vec<u8>>, directory: &Path) {
    for (path, bytes) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

async fn all(store: &Store, from: Option<Hour>) -> (Vec<File>, Strangers) {
    let wanted = |event_type: &str| event_type != "users.canvas.Entry";
    let mut listing = store.list(from, wanted).await.unwrap();
    let mut files = vec![];
    while let Some(file) = listing.next().await.unwrap() {
        files.push(file);
    }
    (files, listing.strangers().clone())
}

/// What is expected of a listing: type, hour and the end of the path.
fn told(files: &[File]) -> Vec<String> {
    let one = |file: &File| {
        let end = file.path.rsplit_once('+').unwrap().1;
        format!("{} {} {end}", file.hour, file.event_type)
    };
    files.iter().map(one).collect()
}

const LISTED: [&str; 5] = [
    "20261121T23 users.messages.email.Open 3.avro",
    "20261122T05 users.behaviors.Purchase 4.avro",
    "20261122T05 users.messages.email.Open 1.avro",
    "20261122T05 users.messages.email.Open 2.avro",
    "20261122T06 users.behaviors.Purchase 5.avro",
];

/// Reads every file of a store; returns the listing as it is told, strangers, and how many events there were.
fn read(store: &Store, into: &Path) -> (Vec<String>, Strangers, usize) {
    block_on(async {
        let (files, strangers) = all(store, None).await;
        let mut events = 0;
        for file in &files {
            assert!(file.size > 0);
            let fetched = store.fetch(file, into).await.unwrap();
            events += fetched.events().unwrap().map(Result::unwrap).count();
        }
        (told(&files), strangers, events)
    })
}

fn checked((listed, strangers, events): &(Vec<String>, Strangers, usize)) {
    assert_eq!(*listed, LISTED);
    assert_eq!(*events, 3 + 4 + 1 + 2 + 5);
    assert_eq!(strangers.count, 3);
    let named = strangers.named.join("\n");
    for name in ["read me.txt", "date=yesterday", "_SUCCESS"] {
        assert!(named.contains(name), "{named}");
    }
}

fn open(directory: &Path) -> Store {
    let location = Location::Directory(directory.to_owned());
    Store::open(&location, []).unwrap()
}

#[test]
fn a_directory_is_read_by_hour_and_path() {
    let directory = tempfile::tempdir().unwrap();
    put(&files(), directory.path());
    let store = open(directory.path());
    checked(&read(&store, directory.path()));
    let from = Hour::parse("20261122T06");
    let (later, _) = block_on(all(&store, from));
    assert_eq!(told(&later), LISTED[4..]);
    // A directory further down says its type itself.
    let one = directory
        .path()
        .join(ROOT)
        .join("event_type=users.messages.email.Open");
    let (below, _) = block_on(all(&open(&one), None));
    assert_eq!(told(&below), [LISTED[0], LISTED[2], LISTED[3]]);
}

#[test]
fn a_bucket_is_read_as_a_directory_is() {
    let bucket = Bucket::start("acme", &files());
    let into = tempfile::tempdir().unwrap();
    for place in ["s3://acme", "s3://acme/currents-export"] {
        let location = Location::parse(place, Path::new(".")).unwrap();
        let store = Store::open(&location, bucket.environment(SECRET)).unwrap();
        checked(&read(&store, into.path()));
    }
    let left = fs::read_dir(into.path()).unwrap().count();
    assert_eq!(left, 0, "copies go");
    // Hours before are not asked for.
    bucket.asked();
    let location = Location::parse("s3://acme", Path::new(".")).unwrap();
    let store = Store::open(&location, bucket.environment(SECRET)).unwrap();
    let (later, _) = block_on(all(&store, Hour::parse("20261122T06")));
    assert_eq!(told(&later), LISTED[4..]);
    let asked = bucket.asked().join("\n");
    assert!(asked.contains("date%3D2026-11-22-06"), "{asked}");
    assert!(!asked.contains("date%3D2026-11-21"), "{asked}");
}

#[test]
fn long_lists_come_in_pages() {
    let path = |number| {
        format!("{ROOT}/event_type=a.B/date=2026-11-22-05/version=6/us-01/a+0+{number:05}.avro")
    };
    let files: BTreeMap<_, _> = (0..2500).map(|number| (path(number), vec![])).collect();
    let bucket = Bucket::start("acme", &files);
    let location = Location::parse("s3://acme", Path::new(".")).unwrap();
    let store = Store::open(&location, bucket.environment(SECRET)).unwrap();
    let (found, _) = block_on(all(&store, None));
    let found: Vec<&String> = found.iter().map(|file| &file.path).collect();
    assert_eq!(found, files.keys().collect::<Vec<_>>());
}

#[test]
fn a_bucket_that_refuses_says_so_without_keys() {
    let bucket = Bucket::start("acme", &files());
    for (place, secret, hint) in [
        ("s3://other", SECRET, "right bucket"),
        ("s3://acme", "planted-wrong", "allowed to list"),
    ] {
        let location = Location::parse(place, Path::new(".")).unwrap();
        let store = Store::open(&location, bucket.environment(secret)).unwrap();
        let error = block_on(async { store.list(None, |_| true).await.map(|_| ()) }).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("currents: {place}: ")), "{text}");
        assert!(!text.contains("planted"), "{text}");
        assert!(error.hint().is_some_and(|is| is.contains(hint)), "{text}");
        assert_eq!(format!("{store:?}"), format!("Store({place})"));
    }
}

/// Reads one file.
fn events(bytes: &[u8]) -> Result<Vec<Map<String, Value>>, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = "event_type=users.messages.email.Open/date=2026-11-22-05/a+0+1.avro";
    put(
        &BTreeMap::from([(path.to_owned(), bytes.to_vec())]),
        directory.path(),
    );
    let store = open(directory.path());
    let fetched = block_on(async {
        let (files, _) = all(&store, None).await;
        store.fetch(&files[0], directory.path()).await
    })?;
    fetched.events()?.collect()
}

#[test]
fn events_come_as_json() {
    for codec in [
        Codec::Null,
        Codec::Deflate(DeflateSettings::default()),
        Codec::Snappy,
    ] {
        let found = events(&avro(5, 2, codec)).unwrap();
        assert_eq!(found.len(), 5);
        assert_eq!(
            Value::Object(found[4].clone()),
            json!({
                "id": "id-4", "external_user_id": "u1", "time": 1_700_000_000,
                "time_ms": 1_700_000_000_123_i64, "price": 9.99, "share": 0.1, "raw": "/wA=",
                "os": "android", "tags": ["a"], "machine_open": null,
            })
        );
    }
}

#[test]
fn a_file_that_was_cut_is_no_shorter_one() {
    let whole = avro(130, 65, Codec::Null);
    let mark = &whole[whole.len() - 16..];
    let ends: Vec<usize> = (16..=whole.len())
        .filter(|end| &whole[end - 16..*end] == mark)
        .collect();
    let [head, block, _] = ends[..] else {
        panic!("a head and two blocks");
    };
    let mut wrong = 0;
    for length in 0..whole.len() {
        let near = |at: usize| length.abs_diff(at) < 24;
        if !(near(head) || near(block) || near(whole.len()) || length % 97 == 0) {
            continue;
        }
        let Err(error) = events(&whole[..length]) else {
            // Only whole blocks were left.
            assert!([head, block].contains(&length), "{length}");
            continue;
        };
        wrong += 1;
        assert!(error.to_string().contains("a+0+1.avro: it is "), "{error}");
    }
    assert!(wrong > 60);
}

#[test]
fn a_damaged_file_is_an_error() {
    let whole = avro(10, 5, Codec::Snappy);
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        if let Ok(found) = events(&damaged) {
            // What is not read: names in the head that mean nothing here.
            assert_eq!(found.len(), 10, "{at}");
        }
    }
    let mut mark = whole.clone();
    *mark.last_mut().unwrap() ^= 1;
    let error = events(&mark).unwrap_err();
    assert!(error.to_string().ends_with("it is damaged"), "{error}");
    assert!(error.hint().is_some());
    assert!(
        events(b"")
            .unwrap_err()
            .to_string()
            .contains("no whole Avro file")
    );
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Directory(directory.path().join("none"));
    let error = Store::open(&location, []).unwrap_err();
    assert!(error.to_string().ends_with("there is no such directory"));
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "a gigabyte on disk"]
fn a_gigabyte_is_read_in_little_memory() {
    // Without the pages of the program itself.
    let held = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<u64>().unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory
        .path()
        .join("event_type=users.behaviors.CustomEvent/date=2026-11-22-05/a+0+1.avro");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let schema = r#"{"type": "record", "name": "Event", "fields": [{"name": "properties", "type": "string"}]}"#;
    let schema = Schema::parse_str(schema).unwrap();
    let mut writer = Writer::new(&schema, fs::File::create(&path).unwrap()).unwrap();
    let count = 1_000_000;
    for _ in 0..count {
        let text = Avro::String("x".repeat(1000));
        let event = Avro::Record(vec![("properties".to_owned(), text)]);
        writer.append_value(event).unwrap();
    }
    writer.into_inner().unwrap();
    assert!(fs::metadata(&path).unwrap().len() > 1_000_000_000);
    let before = held();
    let store = open(directory.path());
    let fetched = block_on(async {
        let (files, _) = all(&store, None).await;
        store.fetch(&files[0], directory.path()).await.unwrap()
    });
    let (mut events, mut most) = (0, 0);
    for event in fetched.events().unwrap() {
        assert!(event.is_ok());
        if events % 1000 == 0 {
            most = most.max(held());
        }
        events += 1;
    }
    assert_eq!(events, count);
    let more = most.saturating_sub(before);
    assert!(more < 10_000, "{more} kB");
    println!("{more} kB more than before");
}
