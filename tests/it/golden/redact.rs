//! Takes out of a transcript what differs from run to run; everything else is compared byte for byte.

use jiff::civil::Date;
use regex::Regex;

/// Patterns and what stands in their place, in this order.
const PATTERNS: [(&str, &str); 18] = [
    (r"\d{8}T\d{6}-[0-9a-f]+", "RUN"),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
    (r#""lineage": "[0-9a-f]{32}""#, "\"lineage\": \"LINEAGE\""),
    (r"\b[0-9a-f]{16}\b", "PRINT"),
    (r"http://127\.0\.0\.1:\d+", "http://SANDBOX"),
    (r"127\.0\.0\.1:\d+", "SANDBOX"),
    (r"\(\d+ tries\)", "(N tries)"),
    // Once more for each try.
    (r"up to \d+ events twice", "up to N events twice"),
    (r"left \d{4}-\d\d-\d\d \d\d:\d\d UTC", "left TIME"),
    (
        r"by \S+ on .+? \(process \d+, since [^)]*\)",
        "by USER on HOST (process PID, since TIME)",
    ),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME"),
    // Of today they show no day.
    (
        r"(success|failure|failed|went well) (\d{4}-\d\d-\d\d )?\d\d:\d\d UTC",
        "$1 TIME",
    ),
    (r#""seed": "[0-9a-f]{8}""#, "\"seed\": \"SEED\""),
    (r"last success \d{4}-\d\d-\d\d", "last success DAY"),
    (r"(state \d+) of \d{4}-\d\d-\d\d", "$1 of DAY"),
    (r#""\d{4}-\d\d-\d\dT[\d:.]+Z""#, "\"TIME\""),
    (r"computed \d\d:\d\d UTC", "computed HH:MM UTC"),
    // How old it is depends on how fast the one before was.
    (
        r"list of cohorts is \d+ s old",
        "list of cohorts is N s old",
    ),
];

/// What a case redacts.
pub(super) struct Redactor {
    patterns: Vec<(Regex, &'static str)>,
    texts: Vec<(String, &'static str)>,
}

impl Redactor {
    /// For a project in this folder, begun on this day.
    pub(super) fn new(project: &str, today: Date) -> Self {
        let patterns = PATTERNS.map(|(pattern, word)| (Regex::new(pattern).unwrap(), word));
        let later = |days| today.checked_add(jiff::Span::new().days(days)).unwrap();
        let texts = vec![
            (project.to_owned(), "PROJECT"),
            // What was computed today shows its time, but not after midnight.
            (format!("computed {today}"), "computed HH:MM UTC"),
            // What is to be pasted ends in a week.
            (format!("until: {}}}", later(7)), "until: IN-A-WEEK}"),
            (format!("until: {}}}", later(8)), "until: IN-A-WEEK}"),
        ];
        Self {
            patterns: patterns.into(),
            texts,
        }
    }

    /// A stream of the program, redacted.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, word) in &self.patterns {
            text = pattern.replace_all(&text, *word).into_owned();
        }
        for (from, word) in &self.texts {
            text = text.replace(from, word);
        }
        text
    }

    /// Talk, redacted. Cohorts are read and lanes begun side by side, so neighbours that begin alike are sorted.
    pub(super) fn talk(&self, text: &str) -> String {
        let text = self.text(text);
        // How long a run waits depends on how fast the one before was.
        let waits = |line: &&str| line.starts_with("Waiting ") && line.contains("(settle)");
        // The log tells when, and how often a request is tried again depends on how fast it fails.
        let logs = |line: &&str| line.contains(" WARN trying again");
        let lines = text.lines().filter(|line| !waits(line) && !logs(line));
        let mut lines: Vec<&str> = lines.collect();
        let verb = |line: &str| {
            ["Reading ", "Sending "]
                .iter()
                .position(|verb| line.starts_with(verb))
        };
        let same = |a: &&str, b: &&str| verb(a).is_some() && verb(a) == verb(b);
        lines.chunk_by_mut(same).for_each(<[&str]>::sort_unstable);
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

#[test]
fn what_differs_from_run_to_run_is_taken_out() {
    let redactor = Redactor::new("/somewhere", jiff::civil::date(2026, 11, 22));
    let told = "Run 20261122T060000-1a2b3c by a on b.c (process 7, since 2026-11-22 06:00:00 UTC), computed 06:00 UTC, \
                in /somewhere/x, until: 2026-11-29}, until: 2020-01-01}";
    assert_eq!(
        redactor.text(told),
        "Run RUN by USER on HOST (process PID, since TIME), computed HH:MM UTC, in PROJECT/x, until: IN-A-WEEK}, \
         until: 2020-01-01}"
    );
    assert_eq!(
        redactor.talk("Reading b\nReading a\nSending c\nReading 0\n"),
        "Reading a\nReading b\nSending c\nReading 0\n"
    );
}
