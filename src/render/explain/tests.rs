//! The words of each fate.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::model::{
    Address,
    explanation::{Does, Fate, Next, ParkedOf, Profile, Rest},
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-22T{text}Z").parse().unwrap()
}

fn sent(presence: Presence) -> Sent {
    Sent {
        value: json!("VIP"),
        maybe: vec![],
        at: at("06:00:00"),
        run: Some("r1".to_owned()),
        run_at: Some(at("05:59:58")),
        presence,
        checked_at: None,
        confirmed_once: false,
    }
}

fn row(fate: Fate, does: Does) -> RowExplained {
    RowExplained {
        identifier: "external_id".to_owned(),
        fate,
        wanted: Some(json!("VIP")),
        unfit: BTreeMap::new(),
        sent: None,
        refused: None,
        next: Next {
            does,
            attributes: vec![],
            later: false,
        },
        braze: None,
    }
}

fn audience(name: &str, excludes: bool, holds: Holds) -> Audience {
    Audience {
        cohort: name.to_lowercase(),
        name: name.to_owned(),
        excludes,
        holds,
        read_at: Some(at("05:00:00")),
        computed_at: None,
        moved: false,
    }
}

fn sync(row: RowExplained) -> SyncExplained {
    let holds = if row.wanted.is_some() {
        Holds::Yes
    } else {
        Holds::No
    };
    SyncExplained {
        address: Address::new("sync", "vip"),
        kind: "cohort".to_owned(),
        target: "attribute_array cohorts".to_owned(),
        fate: row.fate,
        rest: None,
        problem: None,
        sources: vec![audience("Power", false, holds)],
        rows: vec![row],
        parked: None,
    }
}

fn left(row: RowExplained) -> RowExplained {
    RowExplained {
        wanted: None,
        ..row
    }
}

fn with(row: RowExplained, sent: Sent) -> RowExplained {
    RowExplained {
        sent: Some(sent),
        ..row
    }
}

fn checked(presence: Presence) -> Sent {
    Sent {
        checked_at: Some(at("07:00:00")),
        ..sent(presence)
    }
}

#[test]
fn each_fate_is_answered_in_a_sentence() {
    use Presence::{Absent, Confirmed, Doubt, Unconfirmed};
    let nothing = |fate, known| sync(with(row(fate, Does::Nothing), known));
    let refused = RowExplained {
        refused: Some(Refused {
            value: Some(json!("VIP")),
            reason: "no".to_owned(),
            at: at("06:00:00"),
            run: "r1".to_owned(),
            waits: true,
            until: Some(at("23:00:00")),
        }),
        ..row(Fate::Refused, Does::Nothing)
    };
    let told = [
        nothing(Fate::Sent, sent(Unconfirmed)),
        nothing(Fate::Confirmed, checked(Confirmed)),
        nothing(Fate::Found, sent(Confirmed)),
        nothing(Fate::Absent, checked(Absent)),
        nothing(Fate::Gone, checked(Absent)),
        sync(row(Fate::New, Does::Add)),
        sync(with(row(Fate::Sent, Does::Add), sent(Unconfirmed))),
        sync(with(row(Fate::Doubt, Does::Add), sent(Doubt))),
        sync(with(row(Fate::Differs, Does::Change), checked(Doubt))),
        sync(with(row(Fate::Changes, Does::Change), sent(Unconfirmed))),
        sync(left(with(
            row(Fate::Leaves, Does::Remove),
            sent(Unconfirmed),
        ))),
        sync(left(with(
            row(Fate::Kept, Does::Nothing),
            sent(Unconfirmed),
        ))),
        sync(row(Fate::Empty, Does::Nothing)),
        sync(row(Fate::NoProfile, Does::Nothing)),
        sync(row(Fate::UnreadProfile, Does::Nothing)),
        sync(row(Fate::UnreadableProfile, Does::Nothing)),
        sync(refused),
    ];
    let words: Vec<String> = told.iter().map(words::answer).collect();
    insta::assert_snapshot!(words.join("\n"), @r#"
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. Nothing to do.
    in: Braze holds it as it was sent (asked 2026-11-22 07:00:00 UTC). Nothing to do.
    in: Braze held it already before the first apply, as was seen 2026-11-22 06:00:00 UTC. Nothing to do.
    not in: Braze does not know the person (asked 2026-11-22 07:00:00 UTC). It is sent again once Braze knows the person.
    not in: Braze knew the person once, and no longer does (asked 2026-11-22 07:00:00 UTC). It is not created again without `create_users` and `recreate`.
    not in yet: in "Power", and never sent. The next apply adds it.
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. The next apply sends it again.
    in doubt: sent 2026-11-22 06:00:00 UTC, and the answer was never seen. The next apply sends it again.
    in doubt: Braze does not hold what was sent (asked 2026-11-22 07:00:00 UTC). The next apply sends it again.
    in, with another value than is wanted now. The next apply changes it from VIP to VIP.
    still in, and wanted no more: left "Power". The next apply takes it out.
    not wanted any more: left "Power". Its values stay, since `on_leave` is keep.
    in "Power", without any value that is to be sent. Nothing to do.
    in "Power", and Amplitude has no profile of that user id. Nothing to do.
    in "Power", and the profile in Amplitude was not read yet. An apply reads it, and `plan --read-profiles`.
    in "Power", and the profile in Amplitude cannot be read. Nothing to do.
    not as wanted: Braze refused the row (no). It is tried again 2026-11-22 23:00:00 UTC, when its value changes, or with --retry-refused.
    "#);
}

#[test]
fn who_has_no_row_is_told_why() {
    let of = |fate, sources| SyncExplained {
        rows: vec![],
        fate,
        sources,
        ..sync(row(fate, Does::Nothing))
    };
    let own = |holds| audience("Power", false, holds);
    let told = [
        of(Fate::Outside, vec![own(Holds::No)]),
        of(
            Fate::Excluded,
            vec![own(Holds::Yes), audience("Quiet", true, Holds::Yes)],
        ),
        of(
            Fate::Excluded,
            vec![own(Holds::Yes), audience("Quiet", true, Holds::Unnamed)],
        ),
        of(Fate::Unnamed, vec![own(Holds::Unnamed)]),
        of(Fate::Unread, vec![own(Holds::Unread)]),
    ];
    let words: Vec<String> = told.iter().map(words::answer).collect();
    insta::assert_snapshot!(words.join("\n"), @r#"
    not in: "Power" does not hold the person.
    not in: excluded by "Quiet".
    not in: an excluded cohort holds the person by another identifier.
    not in: in "Power", without an identifier that `identify_by` takes.
    not known: nothing that was read of "Power" is kept.
    "#);
}

#[test]
fn what_rests_says_so() {
    let log = |undecided, released| SyncExplained {
        fate: Fate::Log,
        rest: None,
        parked: Some(ParkedOf {
            undecided,
            released,
        }),
        rows: vec![],
        ..sync(row(Fate::Log, Does::Nothing))
    };
    let table = [
        (0, 0, "none of the person is parked."),
        (
            1,
            0,
            "1 event of the person is parked: no answer ever came (syncform state parked check).",
        ),
        (
            0,
            2,
            "2 events of the person are released, and the next apply sends them.",
        ),
    ];
    for (undecided, released, words) in table {
        let told = words::answer(&log(undecided, released));
        assert_eq!(
            told,
            format!("events are not remembered person by person; {words}")
        );
    }
    let of = |rest| SyncExplained {
        rest: Some(rest),
        ..sync(with(
            row(Fate::Sent, Does::Nothing),
            sent(Presence::Unconfirmed),
        ))
    };
    let failed = SyncExplained {
        problem: Some("why".to_owned()),
        ..of(Rest::Vanished)
    };
    let waits = Rest::Waits("taken out later".to_owned());
    let told = [
        of(Rest::Paused),
        of(Rest::Once),
        of(Rest::LeftInBraze),
        of(Rest::Vanished),
        of(waits),
        failed,
    ];
    let words: Vec<String> = told.iter().map(words::answer).collect();
    insta::assert_snapshot!(words.join("\n"), @r#"
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. The sync is paused, and nothing moves.
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. The sync moves once (`cadence: once`), and has.
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. The sync is removed, and its rows stay in Braze.
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. The sync is gone from the configuration, and a plan asks for a `removed` entry.
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. The sync writes elsewhere now; taken out later.
    in: acknowledged by Braze 2026-11-22 06:00:00 UTC, not read back yet. It cannot be planned: why.
    "#);
}

#[test]
fn what_it_is_known_from_stands_below() {
    let moves = |attribute: &str, before, after| Move {
        attribute: attribute.to_owned(),
        before,
        after,
    };
    let row = RowExplained {
        wanted: Some(json!({"tier": "gold", "city": null})),
        unfit: [("note".to_owned(), "too_long".to_owned())].into(),
        sent: Some(Sent {
            value: json!({"tier": "silver", "city": "Bonn"}),
            maybe: vec![json!({"tier": "free"})],
            ..checked(Presence::Doubt)
        }),
        next: Next {
            does: Does::Change,
            attributes: vec![
                moves("city", Some(json!("Bonn")), None),
                moves("tier", Some(json!("silver")), Some(json!("gold"))),
            ],
            later: false,
        },
        braze: Some(Held {
            profile: Some(true),
            agrees: Some(false),
            attributes: [("tier".to_owned(), json!("fr\u{1b}ee"))]
                .into_iter()
                .collect(),
        }),
        ..row(Fate::Differs, Does::Change)
    };
    let explanation = Explanation {
        format_version: "1.0",
        workspace: "acme".to_owned(),
        environment: None,
        at: at("08:00:00"),
        known: true,
        identifiers: vec!["external_id".to_owned()],
        cut: true,
        syncs: vec![sync(row)],
        braze: Some(vec![Profile {
            identifier: "alias crm".to_owned(),
            found: false,
            attributes: Map::new(),
        }]),
        unanswered: None,
        problems: vec![],
    };
    insta::assert_snapshot!(human(&explanation, Style::default()), @r#"
    sync.vip: in doubt: Braze does not hold what was sent (asked 2026-11-22 07:00:00 UTC). The next apply sends it again.
          cohort     "Power": yes (read 2026-11-22 05:00:00 UTC)
          to         attribute_array cohorts
          named by   external id
          wanted     tier: gold, city: (none)
          left out   note: too long
          sent       tier: silver, city: Bonn, 2026-11-22 06:00:00 UTC (run r1 of 2026-11-22 05:59:58 UTC)
          known      read back, and not as it was sent (2026-11-22 07:00:00 UTC); it held tier: free
          next       city: Bonn -> (none), tier: silver -> gold
          Braze now  tier: fr?ee, and not what was sent

    Braze, by alias crm: no such profile
    A run was cut or is still going; what it sent is counted in.
    Cohorts are as they were read last; a plan reads those that moved since.

    "#);
}
