//! Numbers out of texts, by their digits: nothing is rounded that a person would call whole.

use serde_json::{Number, Value};

/// What the digits of a number say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Digits {
    /// A whole number, exactly.
    Whole(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// More digits than either keeps.
    TooLarge,
}

impl Digits {
    /// Returns the value that is sent, the same for every way to write it: whole numbers are integers.
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::Whole(whole) => Some(whole.into()),
            Self::Fraction(float) => Number::from_f64(float).map(Value::Number),
            Self::TooLarge => None,
        }
    }
}

/// Reads a number as JSON writes it; none where it is not one.
pub(super) fn digits(text: &str) -> Option<Digits> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    if !all_digits(whole) || whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let exponent = exponent.map_or(Some(0), power)?;
    let all = format!("{whole}{fraction}");
    let kept = all.trim_start_matches('0').trim_end_matches('0');
    if kept.is_empty() {
        return Some(Digits::Whole(0));
    }
    let zeros = all.len() - all.trim_end_matches('0').len();
    let power = exponent + zeros.cast_signed() - fraction.len().cast_signed();
    if power < 0 {
        return Some(inexact(text));
    }
    if power > 18 {
        return Some(Digits::TooLarge);
    }
    let sign = if is_negative { "-" } else { "" };
    let written = format!("{sign}{kept}{}", "0".repeat(power as usize));
    Some(written.parse().map_or(Digits::TooLarge, Digits::Whole))
}

/// Beyond this a number loses digits before its point.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn inexact(text: &str) -> Digits {
    match text.parse::<f64>() {
        Ok(float) if float.abs() >= EXACT => Digits::TooLarge,
        // Closer to a whole number than a number can tell.
        Ok(float) if float.fract() == 0.0 => Digits::Whole(float as i64),
        Ok(float) => Digits::Fraction(float),
        Err(_) => Digits::TooLarge,
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An exponent; one beyond every number stands for all of those.
fn power(text: &str) -> Option<isize> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !all_digits(unsigned) {
        return None;
    }
    let size = unsigned
        .parse()
        .unwrap_or(isize::MAX / 2)
        .min(isize::MAX / 2);
    Some(if text.starts_with('-') { -size } else { size })
}
