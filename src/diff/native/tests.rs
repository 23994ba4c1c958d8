//! Verdicts on syncs of Amplitude: every one by itself, several at once, and each limit on both sides.

use super::*;

const NOW: &str = "2026-11-23T12:00:00Z";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn sync(frequency: &str, succeeded: &str, failed: &str) -> NativeSync {
    let time = |text: &str| (!text.is_empty()).then(|| at(text));
    NativeSync {
        target: BRAZE.to_owned(),
        frequency: frequency.to_owned(),
        last_successful: time(succeeded),
        last_failure: time(failed),
    }
}

fn verdicts(wanted: Frequency, syncs: &[NativeSync]) -> Vec<Verdict> {
    let found: Vec<&NativeSync> = syncs.iter().collect();
    judge(wanted, &share(&[wanted], &found)[0], None, at(NOW))
}

#[test]
fn each_matter_is_told() {
    let fine = || sync("daily", "2026-11-23T05:12:00Z", "2026-11-20T05:12:00Z");
    let failed = at("2026-11-23T05:12:00Z");
    let table = [
        ("fine", vec![fine()], vec![]),
        ("none", vec![], vec![Verdict::Missing]),
        (
            "slower",
            vec![sync("hourly", "2026-11-23T11:12:00Z", "")],
            vec![Verdict::Cadence("hourly".into())],
        ),
        (
            "every minute is realtime",
            vec![sync("minute", "2026-11-23T11:59:00Z", "")],
            vec![Verdict::Cadence("realtime".into())],
        ),
        (
            "a cadence that nobody knows is said, and never late",
            vec![sync("weekly", "2025-11-23T11:59:00Z", "")],
            vec![Verdict::Cadence("weekly".into())],
        ),
        (
            "never well",
            vec![sync("daily", "", "2026-11-23T05:12:00Z")],
            vec![Verdict::Failing {
                failed,
                succeeded: None,
            }],
        ),
        (
            "a failure and a success at once is a success",
            vec![sync(
                "daily",
                "2026-11-23T05:12:00Z",
                "2026-11-23T05:12:00Z",
            )],
            vec![],
        ),
        (
            "failing, late and slow at once",
            vec![sync(
                "hourly",
                "2026-11-22T05:12:00Z",
                "2026-11-23T05:12:00Z",
            )],
            vec![
                Verdict::Cadence("hourly".into()),
                Verdict::Failing {
                    failed,
                    succeeded: Some(at("2026-11-22T05:12:00Z")),
                },
                Verdict::Stale(at("2026-11-22T05:12:00Z")),
            ],
        ),
        (
            "never ran",
            vec![sync("daily", "", "")],
            vec![Verdict::NeverRan],
        ),
        (
            "two",
            vec![sync("hourly", "2026-11-23T11:12:00Z", ""), fine()],
            vec![Verdict::Several(vec!["daily".into(), "hourly".into()])],
        ),
    ];
    for (case, syncs, wanted) in table {
        assert_eq!(verdicts(Frequency::Daily, &syncs), wanted, "{case}");
    }
}

#[test]
fn a_success_is_stale_past_twice_the_cadence_and_not_at_it() {
    for (frequency, last_moment) in [
        ("minute", "2026-11-23T11:45:00Z"),
        ("hourly", "2026-11-23T10:00:00Z"),
        ("daily", "2026-11-21T12:00:00Z"),
    ] {
        let last = at(last_moment);
        let before = last - SignedDuration::from_millis(1);
        let judged = |last: Timestamp| {
            let sync = sync(frequency, &last.to_string(), "");
            health(&sync, None, at(NOW))
        };
        assert_eq!(judged(last), [], "{frequency}");
        assert_eq!(judged(before), [Verdict::Stale(before)], "{frequency}");
    }
    let ahead = sync("minute", "2026-11-23T12:05:00Z", "");
    assert_eq!(health(&ahead, None, at(NOW)), [], "another clock is ahead");
}

#[test]
fn one_that_is_new_has_a_cadence_of_time_to_run() {
    let new = sync("hourly", "", "");
    let judged = |since: &str| health(&new, Some(at(since)), at(NOW));
    assert_eq!(judged("2026-11-23T11:00:00Z"), []);
    assert_eq!(judged("2026-11-23T10:59:59Z"), [Verdict::NeverRan]);
}

#[test]
fn two_declared_syncs_of_a_cohort_are_two() {
    let (daily, hourly) = (sync("daily", NOW, ""), sync("hourly", NOW, ""));
    let both = [&hourly, &daily];
    let wanted = [Frequency::Daily, Frequency::Hourly];
    let given = |found: &[&NativeSync]| {
        let shared = share(&wanted, found);
        let words = shared
            .iter()
            .map(|one| one.sync.map(|sync| sync.frequency.clone()));
        (words.collect::<Vec<_>>(), shared[0].left.len())
    };
    let word = |word: &str| Some(word.to_owned());
    assert_eq!(given(&both), (vec![word("daily"), word("hourly")], 0));
    assert_eq!(given(&[&hourly]), (vec![None, word("hourly")], 0));
    let three = [&hourly, &hourly, &daily];
    assert_eq!(given(&three), (vec![word("daily"), word("hourly")], 1));
    let realtime = sync("minute", NOW, "");
    assert_eq!(given(&[&realtime]), (vec![word("minute"), None], 0));
}

#[test]
fn a_project_that_is_told_of_no_sync_is_not_one_without_syncs() {
    let cohort = |syncs| Cohort {
        id: "a".to_owned(),
        name: "A".to_owned(),
        archived: false,
        size: 0,
        computed: None,
        project: None,
        computes: false,
        definition: String::new(),
        syncs,
    };
    assert!(!told(&[cohort(None), cohort(None)]));
    assert!(told(&[cohort(None), cohort(Some(vec![]))]));
    assert!(told(&[]), "nothing is listed, and nothing is missed");
    let elsewhere = NativeSync {
        target: "s3".to_owned(),
        ..sync("daily", NOW, "")
    };
    assert!(to_braze(&cohort(Some(vec![elsewhere]))).is_empty());
}
