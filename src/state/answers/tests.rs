//! Logs of answers: cut, damaged, shared by processes, swept; and answers without number in little memory.

use proptest::prelude::*;

use super::*;
use crate::state::budget::Budget;

const NOW: Millis = 1_000_000 * HOUR;

pub(super) fn lease(bytes: usize) -> budget::Lease {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(Budget::new(bytes).leases(1)).remove(0)
}

fn open(cache: &Path) -> Answers {
    Answers::open(cache, "co-1", Some(100), "0123456789abcdef0123").unwrap()
}

fn key(person: &str) -> Key {
    Key::external(person).unwrap()
}

fn read(answers: &Answers) -> Vec<(String, String)> {
    let kept = answers.sorted(lease(1 << 20), |_| true).unwrap();
    let row = |row: Result<Member, Error>| {
        let row = row.unwrap();
        let crate::model::Identity::External(id) = row.key.identity() else {
            panic!("another identifier")
        };
        (id.to_owned(), row.value.to_string())
    };
    kept.rows().map(row).collect()
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(id, cells): &(&str, &str)| ((*id).to_owned(), (*cells).to_owned());
    rows.iter().map(pair).collect()
}

#[test]
fn the_later_answer_counts_and_what_is_too_old_does_not() {
    let cache = tempfile::tempdir().unwrap();
    let mut answers = open(cache.path());
    answers.push(&key("b"), 20, Some("[\"new\"]")).unwrap();
    answers.push(&key("b"), 10, Some("[\"old\"]")).unwrap();
    answers.push(&key("c"), 30, None).unwrap();
    answers.push(&key("a"), 5, Some("[null]")).unwrap();
    drop(answers);
    let answers = open(cache.path());
    let all = [("a", "[null]"), ("b", "[\"new\"]"), ("c", "")];
    assert_eq!(read(&answers), pairs(&all));
    let kept = answers.sorted(lease(1 << 20), |at| at > 10).unwrap();
    assert_eq!(kept.rows().count(), 2);
    assert_eq!(kept.rows().count(), 2, "it is read as often as need be");
    let times: Vec<Millis> = kept.asked().map(|row| row.unwrap().1).collect();
    assert_eq!(times, [20, 30]);
    for (cohort, stamp, question) in [
        ("co-2", Some(100), "0123456789abcdef0123"),
        ("co-1", Some(101), "0123456789abcdef0123"),
        ("co-1", None, "0123456789abcdef0123"),
        ("co-1", Some(100), "1123456789abcdef0123"),
    ] {
        let other = Answers::open(cache.path(), cohort, stamp, question).unwrap();
        assert_eq!(read(&other), []);
    }
}

#[test]
fn two_processes_read_each_other_and_write_apart() {
    let cache = tempfile::tempdir().unwrap();
    let mut first = open(cache.path());
    let mut second = open(cache.path());
    assert_ne!(first.path, second.path);
    first.push(&key("a"), 1, Some("[1]")).unwrap();
    second.push(&key("b"), 2, Some("[2]")).unwrap();
    second.push(&key("a"), 3, Some("[3]")).unwrap();
    let both = pairs(&[("a", "[3]"), ("b", "[2]")]);
    assert_eq!((read(&first), read(&second)), (both.clone(), both.clone()));
    let path = first.path.clone();
    drop(first);
    let third = open(cache.path());
    assert_eq!(third.path, path, "what nobody writes is continued");
    assert_eq!(read(&third), both);
}

#[cfg(unix)]
#[test]
fn a_log_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let cache = tempfile::tempdir().unwrap();
    let answers = open(cache.path());
    let mode = answers.log.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_log_that_was_cut_or_damaged_gives_no_error_and_no_wrong_row() {
    let cache = tempfile::tempdir().unwrap();
    let mut answers = open(cache.path());
    let rows = [("a", "[\"1\"]"), ("b", ""), ("c", "[\"3\"]")];
    for (id, cells) in rows {
        let cells = Some(cells).filter(|cells| !cells.is_empty());
        answers.push(&key(id), 7, cells).unwrap();
    }
    let path = answers.path.clone();
    drop(answers);
    let whole = std::fs::read(&path).unwrap();
    let fresh = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let mut answers = open(cache.path());
        let found = read(&answers);
        assert_eq!(found, pairs(&rows)[..found.len()]);
        // What follows can be read.
        answers.push(&key("z"), 9, Some("[9]")).unwrap();
        let mut wanted = found.clone();
        wanted.push(("z".to_owned(), "[9]".to_owned()));
        assert_eq!(read(&answers), wanted);
        found.len()
    };
    for cut in 0..whole.len() {
        assert!(fresh(&whole[..cut]) < 3);
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(fresh(&changed) < 3, "byte {at} was changed, and not missed");
    }
    assert_eq!(fresh(&whole), 3);
    let mut longer = whole.clone();
    longer.extend_from_slice(&[0xff; 40]);
    assert_eq!(fresh(&longer), 3);
}

#[test]
fn many_answers_are_sorted_in_little_memory() {
    let cache = tempfile::tempdir().unwrap();
    let mut answers = open(cache.path());
    for number in 0..20_000u32 {
        let id = format!("person-{:0>6}", number * 7919 % 20_000);
        answers.push(&key(&id), 1, Some("[\"12.50\"]")).unwrap();
    }
    let kept = answers.sorted(lease(64 << 10), |_| true).unwrap();
    let keys: Vec<Key> = kept.rows().map(|row| row.unwrap().key).collect();
    assert_eq!(keys.len(), 20_000);
    assert!(keys.is_sorted());
}

#[test]
fn logs_of_former_stamps_and_of_cohorts_that_are_gone_are_swept() {
    let cache = tempfile::tempdir().unwrap();
    let directory = cache.path().join("answers");
    files::directory(&directory).unwrap();
    let logs = [
        ("one-100-aaaa.0", 5, false),
        ("one-100-bbbb.1", 3, false),
        ("one-200-aaaa.0", 4, true),
        ("one-200-aaaa.1", 2, true),
        ("one-150-aaaa.0", 1, true),
        ("two--100-aaaa.0", 3, false),
        ("two-none-aaaa.0", 2, true),
        ("three-100-aaaa.0", 300, true),
        ("gone-100-aaaa.0", 100, true),
        ("gone_2d_-100-aaaa.0", 300, false),
        ("one-50-held.0", 9, true),
    ];
    for (name, hours, _) in logs {
        files::write(&directory.join(name), MAGIC).unwrap();
        files::touch(&directory.join(name), NOW - hours * HOUR + 1).unwrap();
    }
    // The youngest of cohort `one` is of stamp 200.
    files::touch(&directory.join("one-200-aaaa.1"), NOW).unwrap();
    let held = free(&directory.join("one-50-held.0")).unwrap().unwrap();
    let cohorts = ["one", "two", "three"].map(str::to_owned).into();
    sweep(cache.path(), &cohorts, NOW).unwrap();
    for (name, _, stays) in logs {
        assert_eq!(directory.join(name).exists(), stays, "{name}");
    }
    drop(held);
    sweep(cache.path(), &cohorts, NOW).unwrap();
    assert!(!directory.join("one-50-held.0").exists());
}

proptest! {
    #[test]
    fn any_answers_come_back(
        rows in prop::collection::vec(("[a-z]{1,3}", 0i64..50, prop::option::of("\\[.{0,20}\\]")), 0..60),
    ) {
        let cache = tempfile::tempdir().unwrap();
        let mut wanted: BTreeMap<String, (Millis, String)> = BTreeMap::new();
        let mut answers = open(cache.path());
        for (number, (id, at, cells)) in (0..).zip(&rows) {
            // Each time is another.
            let at = at * 100 + number;
            answers.push(&key(id), at, cells.as_deref()).unwrap();
            let cells = cells.clone().unwrap_or_default();
            let known = wanted.entry(id.clone()).or_insert((at, cells.clone()));
            if at > known.0 {
                *known = (at, cells);
            }
        }
        let wanted: Vec<_> = wanted.into_iter().map(|(id, (_, cells))| (id, cells)).collect();
        prop_assert_eq!(read(&answers), wanted);
    }
}

#[test]
fn what_came_after_the_taking_in_is_not_cleared() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path();
    let (mut first, mut other) = (open(cache), open(cache));
    first.push(&key("ada"), 1, None).unwrap();
    other.push(&key("ben"), 1, None).unwrap();
    drop(first);
    let log = open(cache);
    let taken = log.sorted(lease(1 << 20), |_| true).unwrap();
    // Somebody else goes on, and ends before this one clears.
    other.push(&key("cleo"), 2, None).unwrap();
    drop(other);
    log.clear(&taken).unwrap();
    let log = open(cache);
    assert_eq!(read(&log), pairs(&[("ben", ""), ("cleo", "")]));
    let taken = log.sorted(lease(1 << 20), |_| true).unwrap();
    log.clear(&taken).unwrap();
    assert_eq!(files::list(&cache.join("answers")).unwrap().len(), 0);
}
