//! Braze's engagement into Amplitude, through the program: real Avro files in Braze's layout, read, worded and sent, and
//! what Amplitude then holds compared with what the test itself reads out of the files.

mod truth;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use self::truth::Truth;
use crate::support::binary::{Run, run};
use crate::support::bucket::{Bucket, SECRET};
use crate::support::http;
use crate::support::project::Project;
use crate::support::source::root;
use crate::support::world::World;

/// The hour after the last of the made files.
const UNTIL: &str = "2026-11-02T00:00:00Z";
const SYNC: &str = "sync.engagement";

/// A world, and a folder whose configuration reads `currents`.
struct Shop {
    world: World,
    project: Project,
}

fn yaml(syncs: &str) -> String {
    format!(
        "version: 1\nworkspace: shop\n\
         amplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\"}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\", use_at_most: 100%}}\nsyncs:\n{syncs}"
    )
}

fn sync(name: &str, place: &str) -> String {
    format!("  {name}: {{kind: currents, from: {{files: \"{place}\"}}}}\n")
}

impl Shop {
    fn new() -> Self {
        Self::with(&[], &sync("engagement", "currents"))
    }

    fn with(more: &[&str], syncs: &str) -> Self {
        Self {
            world: World::with(&root().join("tests/golden/cohort/scenario"), more),
            project: Project::written(vec![], &yaml(syncs)),
        }
    }

    fn place(&self) -> PathBuf {
        self.project.dir().join("currents")
    }

    /// Makes files in a folder beside the configuration.
    #[track_caller]
    fn make(&self, out: &str, events: u64, seed: u64, more: &[&str]) -> Run {
        let (events, seed) = (events.to_string(), seed.to_string());
        let made = ["sandbox", "currents", "--out", out, "--events", &events];
        let words: Vec<&str> = made
            .into_iter()
            .chain(["--seed", &seed])
            .chain(more.iter().copied())
            .collect();
        run(self.project.command(None, &words)).exits(0)
    }

    /// Makes files up to the usual hour.
    fn fill(&self, events: u64, seed: u64) -> Truth {
        self.make("currents", events, seed, &["--until", UNTIL]);
        Truth::read(&self.place())
    }

    /// What a plan says of the log, with every event accounted for.
    #[track_caller]
    fn plan(&self) -> Value {
        accounted(&self.project.plan(&self.world).resource(SYNC)["log"])
    }

    #[track_caller]
    fn apply(&self) -> Run {
        self.project.apply(&self.world).exits(0)
    }

    #[track_caller]
    fn settled(&self) {
        let words = ["plan", "--detailed-exitcode"];
        let run = self.project.run(&self.world, &words).exits(0);
        run.says("Nothing to do.");
    }

    /// Requests to `/batch` so far.
    fn batches(&self) -> u64 {
        let stats = self.world.stats();
        stats.requests.get("POST /batch").copied().unwrap_or(0)
    }

    /// What Amplitude took in, each once, in order.
    fn held(&self) -> Vec<Value> {
        let authority = self.world.url().strip_prefix("http://").unwrap();
        let (status, answer) = http::ask(authority, "GET", "/_sandbox/amplitude/events", b"");
        assert_eq!(status, 200);
        let mut answer: Value = serde_json::from_slice(&answer).unwrap();
        match answer["events"].take() {
            Value::Array(events) => events,
            other => panic!("no events: {other}"),
        }
    }

    /// A run that reads a bucket.
    #[track_caller]
    fn from(&self, bucket: &Bucket, words: &[&str]) -> Run {
        let mut command = self.project.command(Some(&self.world), words);
        command.envs(bucket.environment(SECRET));
        run(command)
    }
}

/// Fails unless everything that was found is sent, was sent before, was not asked for, or is skipped for a reason.
#[track_caller]
fn accounted(log: &Value) -> Value {
    let of = |name: &str| log[name].as_u64().unwrap();
    let skipped = log["skipped"].as_object().unwrap().values();
    let skipped: u64 = skipped.map(|count| count.as_u64().unwrap()).sum();
    let (sent, before, filtered) = (of("sent"), of("sent_before"), of("filtered"));
    let released = of("released");
    assert_eq!(
        of("found"),
        sent - released + before + filtered + skipped,
        "{log:#}"
    );
    log.clone()
}

/// Every file below a directory that ends so.
fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut open = vec![below.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "avro") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_hundred_thousand_events_of_many_types_go_once() {
    let shop = Shop::new();
    let truth = shop.fill(100_000, 7);
    assert!(truth.types() >= 20, "{} types", truth.types());
    let log = shop.plan();
    assert_eq!(log["files"], files(&shop.place()).len());
    assert_eq!(log["found"], truth.records);
    assert_eq!(log["sent"], truth.due.len());
    assert_eq!(log["skipped"]["no_identifier"], truth.nobodys);
    assert_eq!(log["skipped"]["duplicate"], truth.repeated);
    assert!(truth.nobodys > 0 && truth.repeated > 1000);
    shop.apply().says("acknowledged");
    truth.assert_held(&shop.held());
    let asked = shop.batches();
    shop.settled();
    shop.apply().says("Nothing to do.");
    assert_eq!(shop.batches(), asked, "nothing is sent twice");
}

#[test]
fn a_state_that_was_lost_costs_requests_and_doubles_nothing() {
    let shop = Shop::new();
    let truth = shop.fill(4_000, 1);
    shop.apply();
    let asked = shop.batches();
    fs::remove_dir_all(shop.project.state(&shop.world)).unwrap();
    let log = shop.plan();
    assert_eq!(log["sent"], truth.due.len());
    shop.apply();
    assert_eq!(shop.batches(), 2 * asked);
    truth.assert_held(&shop.held());
    shop.settled();
}

#[test]
fn only_files_that_are_new_or_other_are_read() {
    let shop = Shop::new();
    let first = shop.fill(1_000, 1);
    shop.apply();
    let before = files(&shop.place());
    // The next day's files come.
    shop.make("currents", 500, 2, &["--until", "2026-11-03T00:00:00Z"]);
    let both = Truth::read(&shop.place());
    let log = shop.plan();
    assert_eq!(log["files"], files(&shop.place()).len() - before.len());
    assert_eq!(log["sent"], both.due.len() - first.due.len());
    assert_eq!(log["sent_before"], 0);
    shop.apply();
    both.assert_held(&shop.held());
    shop.settled();
    // A file that was read becomes longer: only what is new in it goes.
    let longer = before.iter().find(|path| {
        path.to_str()
            .unwrap()
            .contains("=users.messages.email.Open")
    });
    truth::lengthen(longer.unwrap());
    let log = shop.plan();
    assert_eq!((&log["files"], &log["sent"]), (&1.into(), &1.into()));
    assert!(log["sent_before"].as_u64().unwrap() > 0, "{log:#}");
    shop.apply();
    Truth::read(&shop.place()).assert_held(&shop.held());
    shop.settled();
    // One that goes is not missed.
    fs::remove_file(&before[0]).unwrap();
    shop.settled();
}

#[test]
fn a_file_that_was_cut_is_named_and_nothing_is_applied() {
    let two = sync("engagement", "currents") + &sync("whole", "whole");
    let shop = Shop::with(&[], &two);
    let truth = shop.fill(600, 3);
    let whole = shop.make("whole", 300, 4, &["--until", UNTIL]);
    assert!(whole.stdout.contains("300 events"), "{whole}");
    let cut = files(&shop.place()).swap_remove(5);
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 20]).unwrap();
    let name = cut.file_name().unwrap().to_str().unwrap();
    // The other sync is planned, but a plan with an error is not applied, as with tables.
    let plan = shop.project.run(&shop.world, &["plan"]).exits(1);
    let plan = plan.says(name).says("sync.whole");
    assert!(plan.all().contains("sync.engagement"), "{plan}");
    let apply = shop.project.apply(&shop.world).exits(1).says(name);
    assert_eq!(shop.batches(), 0, "{apply}");
    let other = ["apply", "--auto-approve", "--except", SYNC];
    shop.project.run(&shop.world, &other).exits(0);
    let sent = shop.held().len();
    assert!(sent > 0);
    // Put right, the rest goes.
    fs::write(&cut, bytes).unwrap();
    shop.apply();
    assert_eq!(shop.held().len(), sent + truth.due.len());
    shop.settled();
}

#[test]
fn kills_and_faults_amid_the_sending_double_and_lose_nothing() {
    let shop = Shop::with(&["--latency", "40ms"], &sync("engagement", "currents"));
    let truth = shop.fill(24_000, 5);
    let faults = ["429:0.1", "500:0.1", "drop:0.05", "drop_after:0.05"];
    let faults = faults.map(|fault| format!("{fault}@/batch"));
    shop.world.faults(&faults.join(","));
    let seed = 7_u64;
    let mut random = StdRng::seed_from_u64(seed);
    let mut amid = 0;
    for _ in 0..4 {
        shop.world.reset();
        let mut apply = shop.project.start_apply(&shop.world);
        let count = random.random_range(1..6);
        if shop.world.wait_for("/batch", count, &mut apply) {
            apply.ends_within(Duration::from_millis(random.random_range(0..60)));
            amid += 1;
        }
        apply.kill();
    }
    assert!(amid > 0, "no kill came amid the sending");
    // Faults may stop a run as well: the next goes on.
    for _ in 0..10 {
        if shop.project.apply(&shop.world).code == Some(0) {
            break;
        }
    }
    truth.assert_held(&shop.held());
    shop.world.faults("");
    shop.settled();
}

#[test]
fn a_bucket_is_read_as_a_directory_is() {
    let shop = Shop::with(&[], &sync("engagement", "s3://acme/braze"));
    shop.make("currents", 1_500, 6, &["--hours", "2", "--until", UNTIL]);
    let place = shop.place();
    let truth = Truth::read(&place);
    let stored = files(&place).into_iter().map(|path| {
        let name = path.strip_prefix(&place).unwrap().to_str().unwrap();
        (format!("braze/{name}"), fs::read(&path).unwrap())
    });
    let stored: BTreeMap<_, _> = stored.collect();
    let bucket = Bucket::start("acme", &stored);
    shop.from(&bucket, &["plan"]).exits(0);
    bucket.asked();
    // What the plan read an apply does not fetch again.
    shop.from(&bucket, &["apply", "--auto-approve"]).exits(0);
    let asked = bucket.asked();
    let fetched = asked.iter().filter(|path| path.contains(".avro"));
    assert_eq!(fetched.count(), 0, "{asked:#?}");
    truth.assert_held(&shop.held());
    let again = shop.from(&bucket, &["plan", "--detailed-exitcode"]);
    again.exits(0).says("Nothing to do.");
    let refused = shop.project.run(&shop.world, &["plan"]).exits(1);
    refused.says("s3://acme/braze");
}

#[test]
fn a_place_without_files_is_empty_and_one_that_is_not_there_an_error() {
    let shop = Shop::new();
    let missing = shop.project.run(&shop.world, &["plan"]).exits(1);
    missing.says("currents").says(SYNC);
    fs::create_dir_all(shop.place().join("deep")).unwrap();
    fs::write(shop.place().join("read me.txt"), "no").unwrap();
    let empty = shop.project.run(&shop.world, &["plan"]).exits(0);
    empty.says("read me.txt");
    shop.apply();
    assert_eq!(shop.batches(), 0);
    shop.settled();
    // Files come later.
    let truth = shop.fill(200, 8);
    shop.apply();
    truth.assert_held(&shop.held());
    shop.settled();
}
