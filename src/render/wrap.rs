//! Breaks lines between words where a terminal is narrow. How wide it is comes in as a value; without one nothing changes.

/// On fewer columns words would stand one a line.
const NARROWEST: usize = 20;
/// How far what follows a break stands in: of a sentence, and of a line that stands in already.
const HANG: usize = 2;
const HANG_BELOW: usize = 4;
/// Blanks between columns, once columns are no more.
const GAP: usize = 3;

/// Breaks the lines of a text that are too long. What follows stands further in than the line began.
pub fn wrap(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| *width >= NARROWEST) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if measure(line) <= width {
            out.push_str(line);
        } else {
            fold(line, width, &mut out);
        }
    }
    out
}

fn fold(line: &str, width: usize, out: &mut String) {
    let plain = console::strip_ansi_codes(line);
    let begin = plain.len() - plain.trim_start_matches(' ').len();
    let hang = begin + if begin == 0 { HANG } else { HANG_BELOW };
    let hang = hang.min(width / 3);
    let (mut column, mut rest, mut broken) = (0, line, false);
    while !rest.is_empty() {
        let word = rest.trim_start_matches(' ');
        let mut gap = rest.len() - word.len();
        if broken {
            gap = gap.min(GAP);
        }
        let end = word.find(' ').unwrap_or(word.len());
        let wide = measure(&word[..end]);
        // A column of a table stays whole where a line of its own has room for it.
        let whole = match word.find("  ") {
            Some(next) if gap > 1 => measure(&word[..next]),
            None if gap > 1 => measure(word),
            _ => wide,
        };
        let room = if hang + whole <= width { whole } else { wide };
        if column > begin && column + gap + room > width && wide > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(hang));
            column = hang + wide;
            broken = true;
        } else {
            out.push_str(&" ".repeat(gap));
            column += gap + wide;
        }
        out.push_str(&word[..end]);
        rest = &word[end..];
    }
}

fn measure(text: &str) -> usize {
    console::measure_text_width(text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_between_words_and_hangs_what_follows() {
        let text = "  ~ sync.active-30d      cohort \"Active 30d\" -> attribute_array amplitude_cohorts\n      members      215 -> 208           +129 -136\nPlan: 1 to update.\n";
        insta::assert_snapshot!(wrap(text, Some(40)), @r#"
          ~ sync.active-30d      cohort "Active
              30d" -> attribute_array
              amplitude_cohorts
              members      215 -> 208
                  +129 -136
        Plan: 1 to update.
        "#);
        assert_eq!(wrap(text, None), text);
        assert_eq!(wrap(text, Some(3)), text, "narrower than any word");
        assert_eq!(wrap(text, Some(200)), text);
    }

    #[test]
    fn colours_take_no_room_and_wide_letters_take_two() {
        let red = "\u{1b}[31mREFUSED\u{1b}[0m: guards stop it.";
        assert_eq!(wrap(red, Some(24)), red);
        let create = "\u{1b}[32m  + \u{1b}[0msync.power-users   cohort \"Power users\"";
        assert_eq!(
            wrap(create, Some(30)),
            "\u{1b}[32m  + \u{1b}[0msync.power-users\n      cohort \"Power users\""
        );
        let wide = "コホート コホート コホート";
        assert_eq!(wrap(wide, Some(20)), "コホート コホート\n  コホート");
    }

    #[test]
    fn a_word_longer_than_the_line_stands_alone() {
        let path = "error: /a/very/long/path/that/has/no/space is gone";
        assert_eq!(
            wrap(path, Some(24)),
            "error:\n  /a/very/long/path/that/has/no/space\n  is gone"
        );
    }
}
