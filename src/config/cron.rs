//! Five fields of a cron expression: what each may hold. When a sync is due is not decided here.

/// A field: its name, its least and greatest value, and names for values.
type Field = (&'static str, u32, u32, &'static [&'static str]);

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &MONTHS),
    ("day of the week", 0, 7, &DAYS),
];

/// Returns what is wrong with a text as a cron expression, if anything is.
pub(super) fn wrong(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let wanted = "minute, hour, day of the month, month, day of the week";
        return Some(format!("five fields are wanted: {wanted}"));
    }
    let (held, part) = fields.iter().zip(&FIELDS).find_map(|(written, field)| {
        let wrong = written.split(',').find(|part| !fits(part, field));
        wrong.map(|part| (field, part))
    })?;
    let (name, least, most, _) = held;
    let shown = if part.len() <= 20 && part.is_ascii() {
        format!("`{part}` is no {name}")
    } else {
        format!("the {name} is none")
    };
    Some(format!(
        "{shown}: it goes from {least} to {most}, as in *, {least}, {least}-{most}, */2"
    ))
}

fn fits(part: &str, field: &Field) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, step.parse().ok()),
        None => (part, Some(1)),
    };
    let range = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => {
            matches!((value(from, field), value(to, field)), (Some(from), Some(to)) if from <= to)
        }
        None => value(range, field).is_some(),
    };
    range && step.is_some_and(|step: u32| step > 0)
}

fn value(text: &str, (_, least, most, names): &Field) -> Option<u32> {
    let known = names
        .iter()
        .position(|name| text.eq_ignore_ascii_case(name));
    let number = match known {
        Some(at) => u32::try_from(at).ok()? + least,
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    (*least..=*most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_right_from_wrong() {
        for text in [
            "0 6 * * *",
            "*/15 0-6,20 1 jan MON-FRI",
            "0 0 31 12 7",
            "5/10 * * * *",
        ] {
            assert_eq!(wrong(text), None, "{text}");
        }
        for text in [
            "",
            "daily",
            "0 6 * *",
            "0 6 * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "9-5 * * * *",
            "+1 * * * *",
            ", * * * *",
        ] {
            assert!(wrong(text).is_some(), "{text}");
        }
    }
}
