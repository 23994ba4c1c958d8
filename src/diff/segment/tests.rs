//! Tables of segments: found, compared, told by text alone.

use super::*;

fn segment(id: &str, name: &str) -> Segment {
    Segment {
        id: id.to_owned(),
        name: name.to_owned(),
        analytics_tracking: true,
        tags: vec!["b".into(), "a".into()],
    }
}

fn told(description: &str, text_description: &str) -> SegmentDetails {
    SegmentDetails {
        description: description.to_owned(),
        text_description: text_description.to_owned(),
        teams: Some(vec![]),
        ..SegmentDetails::default()
    }
}

const VIP: Expected = Expected {
    name: "VIP",
    description: None,
    tags: None,
    teams: None,
    analytics_tracking: None,
    filter: None,
    acknowledged: None,
    steady: true,
};

fn judged(expected: &Expected, details: &SegmentDetails, before: Option<&Observed>) -> Judged {
    judge(expected, &segment("1", "VIP"), details, Some(7), before)
}

#[test]
fn a_segment_is_found_by_its_name_and_then_by_its_id() {
    let list = [
        segment("1", "VIP"),
        segment("2", "Twin"),
        segment("3", "Twin"),
        segment("4", "Lapsed buyers"),
    ];
    for (name, known, expected) in [
        ("VIP", None, Found::One(&list[0])),
        // Another one bears the name now.
        ("VIP", Some("4"), Found::One(&list[0])),
        ("Old name", Some("4"), Found::One(&list[3])),
        ("Old name", Some("9"), Found::Gone("9".into())),
        ("Old name", None, Found::Missing(vec![])),
        (
            "Lapsed buyer",
            None,
            Found::Missing(vec!["Lapsed buyers".into()]),
        ),
        (
            "Twin",
            Some("2"),
            Found::Several(vec!["2".into(), "3".into()]),
        ),
    ] {
        assert_eq!(find(name, known, &list), expected, "{name} {known:?}");
    }
}

#[test]
fn what_differs_for_sure_is_named() {
    let details = told("A includes x", "Reviewed");
    let (tags, teams) = (vec!["a".to_owned(), "b".into()], vec!["crm".to_owned()]);
    let well = Expected {
        description: Some("Reviewed"),
        tags: Some(&tags),
        analytics_tracking: Some(true),
        ..VIP
    };
    assert_eq!(judged(&well, &details, None).differences, []);
    // The documentation may have the two texts the wrong way round.
    let swapped = told("Reviewed", "A includes x");
    let found = judged(&well, &swapped, None);
    assert_eq!(
        (found.differences, found.text.as_str()),
        (vec![], "A includes x")
    );
    let other = Expected {
        name: "Very important",
        description: Some("Checked"),
        tags: Some(&teams),
        teams: Some(&teams),
        analytics_tracking: Some(false),
        ..VIP
    };
    let found = judged(&other, &details, None).differences;
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.path, &one.found, &one.expected))
        .collect();
    assert_eq!(
        found,
        [
            ("name", &json!("VIP"), &json!("Very important")),
            ("description", &json!("Reviewed"), &json!("Checked")),
            ("tags", &json!(["a", "b"]), &json!(["crm"])),
            ("teams", &json!([]), &json!(["crm"])),
            ("analytics_tracking", &json!(true), &json!(false)),
        ]
    );
}

#[test]
fn which_text_is_the_filters_is_told_by_what_is_known() {
    let (ways, later) = (
        vec!["A includes x".to_owned()],
        told("typed", "A includes y"),
    );
    let before = |details: SegmentDetails| Observed {
        details,
        ..Observed::default()
    };
    let worded = Expected {
        filter: Some(&ways),
        ..VIP
    };
    let typed = Expected {
        description: Some("typed"),
        ..VIP
    };
    let acknowledged = Expected {
        acknowledged: Some("A  includes x "),
        ..VIP
    };
    for (case, expected, details, before, text) in [
        ("as documented", VIP, told("f", "t"), None, "f"),
        ("typed", typed, told("typed", "f"), None, "f"),
        (
            "worded",
            worded,
            told("t", "A includes x"),
            None,
            "A includes x",
        ),
        (
            "acknowledged",
            acknowledged,
            told("t", "A includes x"),
            None,
            "A includes x",
        ),
        ("nothing typed", VIP, told(" ", "f"), None, "f"),
        (
            "as before",
            worded,
            later.clone(),
            Some(before(told("typed", "A includes x"))),
            "A includes y",
        ),
        (
            "typed anew",
            typed,
            told("other", "f"),
            Some(before(told("typed", "f"))),
            "f",
        ),
    ] {
        let found = judged(&expected, &details, before.as_ref());
        assert_eq!(found.text, text, "{case}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn filters_are_right_changed_or_not_to_be_told() {
    let (x, y) = (
        vec!["A includes x".to_owned()],
        vec!["A includes y".to_owned()],
    );
    let agreed = |text: &str, filter: &str, acknowledged| {
        Some(Agreed {
            text: text.to_owned(),
            filter: Some(filter.to_owned()),
            acknowledged,
        })
    };
    let changed = |acknowledged: &str| Filters::Changed {
        acknowledged: acknowledged.to_owned(),
    };
    let (in_x, in_y, own) = ("A includes x", "A includes y", "A: x");
    for (case, filter, acknowledged, text, before, expected) in [
        ("nothing said", None, None, own, None, Filters::Unsaid),
        ("equal words", Some(&x), None, in_x, None, Filters::Agree),
        (
            "other words",
            Some(&x),
            None,
            own,
            None,
            Filters::Unverified,
        ),
        (
            "acknowledged",
            Some(&x),
            Some(own),
            own,
            None,
            Filters::Agree,
        ),
        ("text alone", None, Some(own), own, None, Filters::Agree),
        (
            "edited since",
            Some(&x),
            Some(own),
            "A: z",
            None,
            changed(own),
        ),
        // What is acknowledged counts, even if the words are those declared.
        ("stale pin", Some(&x), Some(own), in_x, None, changed(own)),
        (
            "another filter",
            Some(&y),
            Some(own),
            own,
            agreed(own, in_x, true),
            Filters::Reworded,
        ),
        (
            "once more",
            Some(&x),
            Some(own),
            own,
            agreed(own, in_x, true),
            Filters::Agree,
        ),
        (
            "looked at now",
            Some(&y),
            Some(own),
            own,
            agreed(own, in_x, false),
            Filters::Agree,
        ),
        (
            "pin taken out",
            Some(&y),
            None,
            own,
            agreed(own, in_x, true),
            Filters::Unverified,
        ),
        (
            "words were equal",
            Some(&y),
            None,
            in_x,
            agreed(in_x, in_x, false),
            Filters::Reworded,
        ),
        (
            "and are again",
            Some(&y),
            None,
            in_y,
            agreed(in_x, in_x, false),
            Filters::Agree,
        ),
    ] {
        let before = before.map(|agreed| Observed {
            agreed: Some(agreed),
            details: told(text, "t"),
            ..Observed::default()
        });
        let wanted = Expected {
            filter: filter.map(Vec::as_slice),
            acknowledged,
            ..VIP
        };
        let found = judged(&wanted, &told(text, "t"), before.as_ref());
        assert_eq!(found.filters, expected, "{case}");
        let kept = match expected {
            Filters::Agree => Some(text),
            Filters::Changed { .. } | Filters::Reworded => before
                .as_ref()
                .and_then(|before| before.agreed.as_ref())
                .map(|agreed| agreed.text.as_str()),
            Filters::Unsaid | Filters::Unverified => None,
        };
        let next = found.observed.agreed;
        assert_eq!(next.as_ref().map(|it| it.text.as_str()), kept, "{case}");
    }
}

#[test]
fn what_moved_since_the_last_apply_shows_until_it_is_as_declared() {
    let first = judged(&VIP, &told("f", "t"), None).observed;
    let paths = |expected: &Expected, details: &SegmentDetails| {
        let moved = judged(expected, details, Some(&first)).moved.into_iter();
        moved.map(|one| one.path).collect::<Vec<_>>()
    };
    let same = told("f", " t");
    assert!(paths(&VIP, &same).is_empty());
    let other = SegmentDetails {
        tags: Some(vec!["c".into()]),
        teams: Some(vec!["crm".into()]),
        ..told("g", "u")
    };
    assert_eq!(
        paths(&VIP, &other),
        ["filter", "description", "tags", "teams"]
    );
    let (tags, teams, ways) = (["c".to_owned()], ["crm".to_owned()], ["g".to_owned()]);
    let followed = Expected {
        description: Some("u"),
        tags: Some(&tags),
        teams: Some(&teams),
        filter: Some(&ways),
        ..VIP
    };
    assert!(paths(&followed, &other).is_empty());
    let pinned = Expected {
        acknowledged: Some("f"),
        ..followed
    };
    let found = judged(&pinned, &other, Some(&first)).moved;
    let pin = Moved {
        path: "filter",
        before: json!("f"),
        after: json!("g"),
    };
    assert_eq!(found, [pin]);
    let renamed = judge(&VIP, &segment("2", "V.I.P."), &same, None, Some(&first)).moved;
    let renamed: Vec<_> = renamed.iter().map(|one| one.path).collect();
    assert_eq!(renamed, ["id", "name"]);
}

#[test]
fn sizes_are_estimates() {
    let five = Limit::Percent(5.0);
    for (expected, found, tolerance, near) in [
        (100, 95, five, true),
        (100, 94, five, false),
        (3, 4, five, true),
        (0, 1, five, false),
        (100, 110, Limit::Count(10), true),
        (100, 111, Limit::Count(10), false),
        (1, 1_000, Limit::None, true),
    ] {
        assert_eq!(fits(expected, found, tolerance), near, "{expected} {found}");
    }
}

#[test]
fn what_braze_does_not_tell_is_not_verified() {
    let teams = ["x".to_owned()];
    let expected = Expected {
        teams: Some(&teams),
        ..VIP
    };
    let untold = SegmentDetails {
        teams: None,
        ..told("f", "")
    };
    let found = judged(&expected, &untold, None);
    assert_eq!((found.untold, found.differences), (vec!["teams"], vec![]));
    let found = judged(&expected, &told("f", ""), None);
    assert_eq!((found.untold, found.differences.len()), (vec![], 1));
    assert!(judged(&VIP, &untold, None).untold.is_empty());
}

#[test]
fn a_size_that_moved_much_is_drift_and_then_what_it_was() {
    let sized = |expected: &Expected, size, before: Option<&Observed>| {
        judge(expected, &segment("1", "VIP"), &told("f", ""), size, before)
    };
    let found = |was, is| {
        let before = sized(&VIP, was, None).observed;
        let found = sized(&VIP, is, Some(&before));
        let moved: Vec<_> = found.moved.iter().map(|moved| moved.path).collect();
        (moved == ["size"], found.observed.size)
    };
    for (was, is, moved, next) in [
        (1_000, 1_200, false, 1_000),
        (1_000, 800, false, 1_000),
        (1_000, 1_201, true, 1_201),
        (1_000, 799, true, 799),
        // Of few people a share says little.
        (10, 110, false, 10),
        (10, 111, true, 111),
        (0, 100, false, 0),
        (200, 0, true, 0),
    ] {
        assert_eq!(
            found(Some(was), Some(is)),
            (moved, Some(next)),
            "{was} to {is}"
        );
    }
    assert_eq!(found(Some(1_000), None), (false, Some(1_000)));
    assert_eq!(found(None, Some(1_000)), (false, Some(1_000)));
    let before = sized(&VIP, Some(1_000), None).observed;
    let moving = Expected {
        steady: false,
        ..VIP
    };
    let found = sized(&moving, Some(9), Some(&before));
    assert_eq!((found.moved, found.observed.size), (vec![], None));
    let other = Observed {
        id: "2".to_owned(),
        ..before
    };
    let found = sized(&VIP, Some(9), Some(&other));
    assert!(found.moved.iter().all(|moved| moved.path != "size"));
    assert_eq!(found.observed.size, Some(9));
}
