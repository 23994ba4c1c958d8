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
    meant: None,
    proven: false,
};

fn judged(expected: &Expected, details: &SegmentDetails, before: Option<&Observed>) -> Judged {
    let meant = expected.filter.and_then(|ways| ways.first());
    let expected = Expected {
        meant: meant.map(String::as_str),
        ..*expected
    };
    judge(&expected, &segment("1", "VIP"), details, before)
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
        // Words that are those declared need nobody to look.
        ("stale pin", Some(&x), Some(own), in_x, None, Filters::Agree),
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
        filter: None,
        ..followed
    };
    let found = judged(&pinned, &other, Some(&first)).moved;
    let pin = Moved {
        path: "acknowledge",
        before: json!("f"),
        after: json!("g"),
    };
    assert_eq!(found, [pin]);
    let renamed = judge(&VIP, &segment("2", "V.I.P."), &same, Some(&first)).moved;
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
fn what_is_not_as_declared_is_not_what_was_applied() {
    let tags = |tag: &str| SegmentDetails {
        tags: Some(vec![tag.to_owned()]),
        ..told("f", "t")
    };
    let wanted = ["growth".to_owned()];
    let declared = Expected {
        tags: Some(&wanted),
        ..VIP
    };
    let look = |details: &SegmentDetails, before: Option<&Observed>| {
        let found = judged(&declared, details, before);
        let moved: Vec<_> = found.moved.iter().map(|one| one.before.clone()).collect();
        (found.observed, moved)
    };
    let right = look(&tags("growth"), None).0;
    let (wrong, moved) = look(&tags("crm"), Some(&right));
    assert_eq!(moved, [json!(["growth"])]);
    // An apply that saw it wrong remembers what was right, however often.
    let (again, moved) = look(&tags("web"), Some(&wrong));
    assert_eq!((&again, moved), (&right, vec![json!(["growth"])]));
    assert_eq!(look(&tags("growth"), Some(&again)), (right.clone(), vec![]));
    // What never was right has not changed, and neither has it once it is right.
    let (open, _) = look(&tags("crm"), None);
    assert_eq!(open.open, ["tags"]);
    assert_eq!(look(&tags("web"), Some(&open)).1, Vec::<Value>::new());
    assert_eq!(look(&tags("growth"), Some(&open)), (right, vec![]));
}

#[test]
fn figures_and_names_that_change_elsewhere() {
    let (old, new) = (
        ["A includes Lapsed".to_owned()],
        ["A includes Gone".to_owned()],
    );
    let of = |filter, acknowledged, proven| Expected {
        filter: Some(filter),
        meant: Some("A includes c1"),
        acknowledged,
        proven,
        ..VIP
    };
    let judged = |expected: &Expected, text: &str, before: Option<&Observed>| {
        judge(expected, &segment("1", "VIP"), &told(text, "t"), before)
    };
    // The cohort is renamed: neither the old words nor the new ones are another filter.
    let pinned = Some("A: [Lapsed]");
    let first = judged(&of(&old, pinned, false), "A: [Lapsed]", None).observed;
    for text in ["A: [Lapsed]", "A includes Gone"] {
        let found = judged(&of(&new, pinned, false), text, Some(&first));
        assert_eq!(
            (found.filters, found.moved),
            (Filters::Agree, vec![]),
            "{text}"
        );
    }
    // What figures prove is as declared, whatever its words are.
    let proven = judged(&of(&old, None, true), "words", None);
    assert_eq!(proven.filters, Filters::Agree);
    let later = judged(&of(&old, None, true), "other words", Some(&proven.observed));
    assert_eq!((later.filters, later.moved), (Filters::Agree, vec![]));
    let doubt = judged(&of(&old, None, false), "others", Some(&proven.observed));
    assert_eq!((doubt.filters, doubt.moved.len()), (Filters::Unverified, 1));
    assert_eq!(doubt.observed.details.description, "words");
}

#[test]
fn nobody_is_named_in_what_is_shown_and_remembered() {
    let ways = ["Email equals a@b.de".to_owned()];
    let declared = Expected {
        filter: Some(&ways),
        ..VIP
    };
    let found = judged(&declared, &told("Email equals a@b.de", "t"), None);
    assert_eq!(found.filters, Filters::Agree);
    let other = judged(&declared, &told("Email equals c@d.de", "t"), None);
    assert_eq!(other.filters, Filters::Unverified);
    let written = ["Email equals (e-mail)".to_owned()];
    let as_shown = Expected {
        filter: Some(&written),
        ..VIP
    };
    let shown = judged(
        &as_shown,
        &told("Email equals a@b.de", "t"),
        Some(&found.observed),
    );
    assert_eq!((&shown.filters, shown.moved.len()), (&Filters::Agree, 0));
    let all = format!("{found:?} {other:?} {shown:?}");
    assert!(!all.contains("a@b") && !all.contains("c@d"), "{all}");
}

#[test]
fn that_others_are_named_shows_without_their_names() {
    let text = |whom: &str| told(&format!("Email is {whom}"), "Ours");
    let first = judged(&VIP, &text("ada@example.com"), None).observed;
    let veiled = Expected {
        acknowledged: Some("Email is (e-mail)"),
        ..VIP
    };
    let literal = Expected {
        acknowledged: Some("Email is eve@example.com"),
        ..VIP
    };
    for (expected, whom, moves) in [
        (VIP, "ada@example.com", false),
        (VIP, "eve@example.com", true),
        (veiled, "eve@example.com", true),
        (literal, "eve@example.com", false),
    ] {
        let found = judged(&expected, &text(whom), Some(&first));
        let paths: Vec<&str> = found.moved.iter().map(|one| one.path).collect();
        let wanted: &[&str] = if moves { &["filter"] } else { &[] };
        assert_eq!(paths, wanted, "{whom}");
        assert!(!format!("{found:?}").contains("eve@"), "{found:?}");
        let again = judged(&expected, &text(whom), Some(&found.observed));
        assert_eq!(again.moved, [], "{whom}, applied");
    }
}

#[test]
fn teams_that_nobody_tells_of_did_not_move() {
    let teams = |teams: Option<Vec<String>>| SegmentDetails {
        teams,
        ..told("words", "typed")
    };
    let crm = || teams(Some(vec!["crm".to_owned()]));
    for (was, is) in [(crm(), teams(None)), (teams(None), crm())] {
        let before = judged(&VIP, &was, None).observed;
        assert_eq!(judged(&VIP, &is, Some(&before)).moved, []);
    }
}
