//! Chance that repeats itself: splitmix64. It must not depend on a crate that may change its mind.

use std::fmt::Write as _;

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Starts a sequence that these numbers, in this order, decide.
    pub(super) fn of(numbers: &[u64]) -> Self {
        let mut dice = Self(0x243f_6a88_85a3_08d3);
        for number in numbers {
            dice.0 = dice.0.wrapping_add(*number);
            dice.0 = dice.next();
        }
        dice
    }

    /// Starts a sequence that a text decides.
    pub(super) fn of_text(text: &str) -> Self {
        let numbers: Vec<u64> = text.bytes().map(u64::from).collect();
        Self::of(&numbers)
    }

    /// Returns the next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut state = self.0;
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    }

    /// Returns a number below another.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Returns one of some texts.
    pub(super) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    /// Returns so many hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 15);
        while text.len() < digits {
            let _ = write!(text, "{:016x}", self.next());
        }
        text.truncate(digits);
        text
    }

    /// Returns a UUID of version 4.
    pub(super) fn uuid(&mut self) -> String {
        let hex = self.hex(30);
        format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..15],
            &hex[15..18],
            &hex[18..]
        )
    }
}
