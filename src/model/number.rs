//! Numbers as people read them.

/// Writes a number with thousands apart: 12,480.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a count and what is counted: 1 file, 12,480 files.
pub fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", number(count))
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_stand_apart() {
        let written = [0, 7, 999, 1000, 12_480, 1_234_567].map(super::number);
        assert_eq!(written, ["0", "7", "999", "1,000", "12,480", "1,234,567"]);
    }
}
