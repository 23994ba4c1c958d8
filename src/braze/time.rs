//! Points in time as Braze takes them in an attribute (braze.md 7.3). It reads a text and knows no clock.

use jiff::{Timestamp, civil::Date, tz::Offset};

use super::value::Unfit;

/// A later year is kept as a text, and no filter on times finds it.
const LAST_YEAR: i16 = 3000;

/// Returns the moment that a text means, where it has one of the forms of Braze: `2020-12-23`, `2020-12-23 02:32:00`,
/// `2020-12-23T02:32:00.5+01:00`, `2020-12-23T02:32:00:500Z`, `12/23/2020`. Without a zone it is UTC; what is finer than
/// a thousandth of a second is left out.
pub fn time(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text);
    let (date, is_iso) = rest.date()?;
    if rest.0.is_empty() {
        return moment(date, Clock::default());
    }
    if !is_iso || !(rest.take("T") || rest.take(" ")) {
        return None;
    }
    let clock = rest.clock()?;
    rest.0.is_empty().then(|| moment(date, clock)).flatten()
}

/// Words a moment the one way in which it is sent: in UTC, with thousandths only where there are any.
pub fn utc(moment: Timestamp) -> Result<String, Unfit> {
    let civil = Offset::UTC.to_datetime(moment);
    if !(0..=LAST_YEAR).contains(&civil.year()) {
        return Err(Unfit::TimeOutOfRange);
    }
    let fraction = match civil.millisecond() {
        0 => String::new(),
        some => format!(".{some:03}"),
    };
    Ok(format!(
        "{}{fraction}Z",
        civil.strftime("%Y-%m-%dT%H:%M:%S")
    ))
}

/// A time of a day.
#[derive(Clone, Copy, Default)]
struct Clock {
    hour: i8,
    minute: i8,
    second: i8,
    thousandths: i32,
    /// Seconds east of Greenwich.
    offset: i32,
}

fn moment(date: Date, clock: Clock) -> Option<Timestamp> {
    let nanoseconds = clock.thousandths * 1_000_000;
    let time = jiff::civil::Time::new(clock.hour, clock.minute, clock.second, nanoseconds).ok()?;
    let offset = Offset::from_seconds(clock.offset).ok()?;
    // What ends a calendar of four digits is beyond what Braze keeps, and no moment here: the last one stands for it.
    let moment = offset.to_timestamp(date.to_datetime(time));
    Some(moment.unwrap_or(Timestamp::MAX))
}

/// What is left to read of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// `yyyy-MM-dd`, or `MM/dd/yyyy`; and whether it was the first.
    fn date(&mut self) -> Option<(Date, bool)> {
        let is_iso = self.0.as_bytes().get(4) == Some(&b'-');
        let (year, month, day) = if is_iso {
            let year = self.number(4)?;
            let month = self.after("-")?;
            (year, month, self.after("-")?)
        } else {
            let month = self.number(2)?;
            let day = self.after("/")?;
            let year = self.take("/").then(|| self.number(4)).flatten()?;
            (year, month, day)
        };
        let date = Date::new(year as i16, month as i8, day as i8).ok()?;
        Some((date, is_iso))
    }

    /// `HH:mm`, `HH:mm:ss`, with a fraction of the second or `:SSS`, and a zone.
    fn clock(&mut self) -> Option<Clock> {
        let mut clock = Clock {
            hour: self.number(2)? as i8,
            minute: self.after(":")? as i8,
            ..Clock::default()
        };
        if self.take(":") {
            clock.second = self.number(2)? as i8;
            if self.take(":") {
                clock.thousandths = self.number(3)?;
            } else if self.take(".") || self.take(",") {
                clock.thousandths = self.fraction()?;
            }
        }
        clock.offset = self.zone()?;
        Some(clock)
    }

    /// `Z`, `+01:00`, `+0100`, `+01`, or none.
    fn zone(&mut self) -> Option<i32> {
        if self.0.is_empty() || self.take("Z") {
            return Some(0);
        }
        let sign = if self.take("+") {
            1
        } else if self.take("-") {
            -1
        } else {
            return None;
        };
        let hours = self.number(2)?;
        let minutes = if !self.take(":") && self.0.is_empty() {
            0
        } else {
            self.number(2)?
        };
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }

    fn take(&mut self, letter: &str) -> bool {
        let rest = self.0.strip_prefix(letter);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Two digits after a mark.
    fn after(&mut self, mark: &str) -> Option<i32> {
        self.take(mark).then(|| self.number(2)).flatten()
    }

    /// So many digits.
    fn number(&mut self, digits: usize) -> Option<i32> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        let all = head.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| head.parse().ok()).flatten()
    }

    /// The digits of a fraction, as thousandths.
    fn fraction(&mut self) -> Option<i32> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (head, rest) = self.0.split_at(digits);
        self.0 = rest;
        let head = head.get(..3).unwrap_or(head);
        (digits > 0).then(|| format!("{head:0<3}").parse().ok())?
    }
}
