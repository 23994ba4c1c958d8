//! One finding about the configuration: what, where, and what to do. `render` draws it.

use std::path::PathBuf;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be planned.
    Error,
    /// Worth reading; nothing stops.
    Warning,
}

/// Where in the configuration: file, line and column (both from 1), and the line itself, secrets masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Relative to the configuration's directory.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters under the caret; at least 1.
    pub width: usize,
    /// The line, with any literal secret replaced by `***`; of a very long one a part.
    pub text: String,
    /// Letters of the line that are left out before `text`.
    pub skipped: usize,
}

/// A finding. Codes are stable words in kebab case (`unknown-key`), for tests and machine output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name of the check.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// Where; none only where no line is to blame (an empty directory).
    pub place: Option<Place>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}
