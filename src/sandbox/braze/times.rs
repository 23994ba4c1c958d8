//! Which texts are times (braze.md 7.3). Pure: it must not care where they stand, or turn them into anything.

use jiff::civil::{Date, Time};

/// Tells whether a text is a time in one of the documented forms. One outside the years 0 to 3000 is just a text.
pub(crate) fn is_time(text: &str) -> bool {
    year_first(text) || month_first(text) || weekday_first(text)
}

fn date(year: &str, month: &str, day: &str) -> bool {
    let number = |text: &str, digits: usize| -> Option<i16> {
        let whole = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| text.parse().ok())?
    };
    let read = || {
        let (month, day) = (number(month, 2)?, number(day, 2)?);
        let year = number(year, 4).filter(|year| *year <= 3000)?;
        Date::new(year, month as i8, day as i8).ok()
    };
    read().is_some()
}

/// `yyyy-MM-dd`, then nothing, or a time after `T` or a space.
fn year_first(text: &str) -> bool {
    let Some((day, rest)) = text.split_at_checked(10) else {
        return false;
    };
    let parts: Vec<&str> = day.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    date(year, month, day) && (rest.is_empty() || rest.strip_prefix(['T', ' ']).is_some_and(clock))
}

/// `HH:mm`, `HH:mm:ss`, `HH:mm:ss.SSS` or `HH:mm:ss:SSS`, and a zone: a bad one is read as UTC, so any will do.
fn clock(text: &str) -> bool {
    let zone = text.find(['Z', 'z', '+', '-', ' ']).unwrap_or(text.len());
    let parts: Vec<&str> = text[..zone].split([':', '.']).collect();
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| -> Option<i8> {
        let whole = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| text.get(..2).unwrap_or("0").parse().ok())?
    };
    let read = |hour: &str, minute: &str, second: &str| {
        let (hour, minute) = (number(hour, 2..=2)?, number(minute, 2..=2)?);
        Time::new(hour, minute, number(second, 2..=2)?, 0).ok()
    };
    match parts[..] {
        [hour, minute] => read(hour, minute, "00").is_some(),
        [hour, minute, second] => read(hour, minute, second).is_some(),
        [hour, minute, second, part] => {
            read(hour, minute, second).is_some() && number(part, 1..=9).is_some()
        }
        _ => false,
    }
}

/// `MM/dd/yyyy`.
fn month_first(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    matches!(parts[..], [month, day, year] if date(year, month, day))
}

/// `ddd MM dd HH:mm:ss.TZD YYYY`.
fn weekday_first(text: &str) -> bool {
    let parts: Vec<&str> = text.split(' ').collect();
    let [weekday, month, day, time, year] = parts[..] else {
        return false;
    };
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let time = time.split_once('.').map_or(time, |(time, _)| time);
    days.contains(&weekday) && date(year, month, day) && time.len() == 8 && clock(time)
}

#[cfg(test)]
mod tests {
    use super::is_time;

    #[test]
    fn tells_times_from_texts() {
        for time in [
            "2026-01-31",
            "2026-01-31T10:20",
            "2026-01-31T10:20:30",
            "2026-01-31 10:20:30",
            "2026-01-31T10:20:30Z",
            "2026-01-31T10:20:30.123Z",
            "2026-01-31T10:20:30:123Z",
            "2026-01-31T10:20:30.123456789+01:00",
            "2026-01-31T10:20:30-0500",
            "2026-01-31T10:20:30+99:99",
            "2026-01-31T10:20:30 nowhere",
            "01/31/2026",
            "Sat 01 31 10:20:30.UTC 2026",
            "0000-01-01",
            "3000-12-31T23:59:59Z",
            "2024-02-29",
        ] {
            assert!(is_time(time), "{time}");
        }
        for text in [
            "",
            "2026",
            "2026-01",
            "2026-1-31",
            "2026-02-30",
            "2026-13-01",
            "2023-02-29",
            "20260131",
            "2026-01-31x",
            "2026-01-31T",
            "2026-01-31T25:00",
            "2026-01-31T10",
            "2026-01-31T10:20:30.x",
            "31/01/2026",
            "01/31/26",
            "Jan 31 2026",
            "3001-01-01",
            "-001-01-01",
            "12026-01-01",
            "1767225600",
            "été 2026 ok",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}
