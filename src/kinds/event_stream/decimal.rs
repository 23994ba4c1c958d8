//! Decimal numbers as they are written, without the error of a float: money. It knows no currency.

use std::cmp::Ordering;

use serde_json::Number;

/// Digits that a number of JSON keeps wherever it is read.
const KEPT_DIGITS: usize = 15;
/// Digits before and after the point that are told apart here.
const MOST: u32 = 30;

/// A number: digits, and how many of them stand after the point. No zero ends the digits after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kinds) struct Decimal {
    digits: i128,
    after: u32,
}

impl Decimal {
    /// Reads `14.97`, `-3`, `1.5e3`, with spaces around; none of anything else, and of more digits than money has.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, power) = match text.split_once(['e', 'E']) {
            Some((number, power)) => (number, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (before, after) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if before.is_empty() || !digits(before) || !digits(after) {
            return None;
        }
        let mut value: i128 = 0;
        for digit in before.bytes().chain(after.bytes()) {
            value = value
                .checked_mul(10)?
                .checked_add(i128::from(digit - b'0'))?;
        }
        let mut scale = i32::try_from(after.len()).ok()?.checked_sub(power)?;
        while scale < 0 && value != 0 {
            value = value.checked_mul(10)?;
            scale += 1;
        }
        let value = if negative { -value } else { value };
        let scale = if value == 0 { 0 } else { scale };
        Self::normal(value, u32::try_from(scale).ok()?)
    }

    fn normal(mut digits: i128, mut after: u32) -> Option<Self> {
        while after > 0 && digits % 10 == 0 {
            digits /= 10;
            after -= 1;
        }
        (after <= MOST).then_some(Self { digits, after })
    }

    /// Returns whether it is below zero.
    #[cfg(test)]
    pub(super) fn is_negative(self) -> bool {
        self.digits < 0
    }

    /// Returns it as a whole number, if it is one.
    pub(super) fn as_whole(self) -> Option<i64> {
        (self.after == 0).then(|| i64::try_from(self.digits).ok())?
    }

    /// Returns it so many times; none where that has too many digits.
    pub(super) fn times(self, count: i64) -> Option<Self> {
        let digits = self.digits.checked_mul(i128::from(count))?;
        Self::normal(digits, self.after)
    }

    /// Divides it into so many equal parts with so many digits after the point; none where that does not come out even.
    pub(super) fn parts(self, count: i64, after: u32) -> Option<Self> {
        let more = after.checked_sub(self.after)?;
        let small = self.digits.checked_mul(10_i128.checked_pow(more)?)?;
        let count = i128::from(count);
        (small % count == 0).then(|| Self::normal(small / count, after))?
    }

    /// Writes it as a number of JSON that is read as the same; none where it has more digits than such a number keeps.
    pub(super) fn json(self) -> Option<Number> {
        let digits = self.digits.unsigned_abs().to_string();
        if digits.len() > KEPT_DIGITS {
            return None;
        }
        serde_json::from_str(&self.to_string()).ok()
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let after = self.after as usize;
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0>1$}", self.digits.unsigned_abs(), after + 1);
        let (whole, rest) = digits.split_at(digits.len() - after);
        let point = if after > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{rest}")
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let after = self.after.max(other.after);
        let at = |one: &Self| {
            let more = 10_i128.checked_pow(after - one.after)?;
            one.digits.checked_mul(more)
        };
        if let (Some(one), Some(two)) = (at(self), at(other)) {
            return Some(one.cmp(&two));
        }
        // Too far apart for their digits to be laid side by side.
        let float = |one: &Self| one.digits as f64 / 10_f64.powi(one.after.cast_signed());
        float(self).partial_cmp(&float(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        Decimal::parse(text).map(|number| number.to_string())
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, wanted) in [
            ("14.97", "14.97"),
            (" 14.970 ", "14.97"),
            ("-0.05", "-0.05"),
            ("1.5e3", "1500"),
            ("15E-1", "1.5"),
            ("0", "0"),
            ("-0.00", "0"),
            ("0e99", "0"),
            ("100", "100"),
            ("+7", "7"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            "", ".5", "abc", "1,000", "12 USD", "0x10", "NaN", "1e99", "1e-99", "--1", "1e",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let order = ["-1.5", "0", "0.1", "0.10000000000000000001", "2", "10"];
        let order: Vec<Decimal> = order.map(|text| Decimal::parse(text).unwrap()).to_vec();
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn what_comes_out_even() {
        for (all, count, after, wanted) in [
            ("29.94", 2, 2, Some("14.97")),
            ("14.97", 2, 2, None),
            ("14.97", 3, 2, Some("4.99")),
            ("10", 3, 2, None),
            ("10", 4, 2, Some("2.5")),
            ("1000", 3, 0, None),
            ("1000", 4, 0, Some("250")),
            ("0.001", 1, 2, None),
            ("-5", 2, 2, Some("-2.5")),
        ] {
            let part = Decimal::parse(all).unwrap().parts(count, after);
            let part = part.map(|part| part.to_string());
            assert_eq!(part.as_deref(), wanted, "{all} / {count}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(digits in -999_999_999_999_999_i64..=999_999_999_999_999, after in 0_u32..6) {
            let one = Decimal::normal(i128::from(digits), after).unwrap();
            prop_assert_eq!(Decimal::parse(&one.to_string()), Some(one));
            let json = one.json().unwrap().to_string();
            prop_assert_eq!(Decimal::parse(&json), Some(one), "{}", json);
            prop_assert_eq!(one.is_negative(), digits < 0);
        }
    }
}
