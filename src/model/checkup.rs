//! What a look at the set-up found: a check a line, each with its verdict. No secret and no person is in it.

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth a look; the work goes on.
    Warn,
    /// A plan or an apply would not work.
    Fail,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do; none where all is well.
    pub hint: Option<String>,
}

impl Check {
    /// A check that found all well.
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            hint: None,
        }
    }

    /// A check that found something worth a look.
    pub fn warn(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::because(name, Verdict::Warn, found, hint)
    }

    /// A check that found what would not work.
    pub fn fail(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::because(name, Verdict::Fail, found, hint)
    }

    /// A check with a verdict that was decided elsewhere; the hint is left out where all is well.
    pub fn because(
        name: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            found: found.into(),
            hint: (verdict != Verdict::Ok).then(|| hint.into()),
        }
    }
}

/// All checks, in the order in which they are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Checkup {
    /// Returns how many checks ended so.
    pub fn count(&self, verdict: Verdict) -> u64 {
        let of = self.checks.iter().filter(|check| check.verdict == verdict);
        of.count() as u64
    }
}
