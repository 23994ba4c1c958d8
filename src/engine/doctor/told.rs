//! What became of a question: answered, refused, odd, or never arrived. Texts are clean.

use std::time::Duration;

use crate::{
    amplitude,
    braze::{self, Asked},
    diff::checkup::{self, Answered, Key},
    http::{Exhausted, Stage},
};

/// What became of a question.
#[derive(Debug)]
pub(in crate::engine) enum Told<T> {
    /// It was answered.
    Yes(T),
    /// The key was refused: what was said, and what the key must be.
    Refused(String, Option<&'static str>),
    /// It was answered by something that nobody documented, or by "not now" over and over.
    Odd(String),
    /// It was answered by "too many requests": in words, how long it asks to wait.
    Busy(String),
    /// No answer came: how far the question went, and what it met.
    Unreached(Stage, String),
    /// It was not asked: a key is missing, or nothing says where.
    Unasked,
}

/// What a question says of the host it was put to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// It answered as it should.
    Answered,
    /// It answered otherwise.
    Odd(String),
    /// It asked to wait.
    Busy(String),
    /// It did not.
    Failed(Stage, String),
}

impl<T> Told<T> {
    /// A question that was given up.
    pub(in crate::engine) fn late(after: Duration) -> Self {
        let text = format!("no whole answer within {} s", after.as_secs());
        Self::Unreached(Stage::Answer, text)
    }

    /// Returns what it says of the key.
    fn answered(&self) -> Answered {
        match self {
            Self::Yes(_) => Answered::Well,
            Self::Refused(words, _) if words.starts_with("status 403") => Answered::Forbidden,
            Self::Refused(..) => Answered::Unauthorized,
            Self::Odd(_) | Self::Busy(_) | Self::Unreached(..) | Self::Unasked => Answered::Nothing,
        }
    }

    /// Returns what it says of the host.
    pub(super) fn met(&self) -> Option<Met> {
        match self {
            Self::Yes(_) | Self::Refused(..) => Some(Met::Answered),
            Self::Odd(text) => Some(Met::Odd(text.clone())),
            Self::Busy(text) => Some(Met::Busy(text.clone())),
            Self::Unreached(stage, text) => Some(Met::Failed(*stage, text.clone())),
            Self::Unasked => None,
        }
    }
}

/// What two answers of Braze say of its key, for every verb that asks.
pub(in crate::engine) fn key(track: &Told<Asked>, segments: &Told<Option<String>>) -> Key {
    let track = match track {
        Told::Yes(Asked::Odd { .. }) => Answered::Oddly,
        other => other.answered(),
    };
    checkup::key(track, segments.answered())
}

/// Says what became of a question that was retried.
pub(super) fn told<T>(answer: Result<T, Exhausted>) -> Told<T> {
    match answer {
        Ok(answer) => Told::Yes(answer),
        Err(exhausted) => {
            // Whoever reads it knows what was asked.
            let text = exhausted.last;
            let text = text
                .split_once(": ")
                .map_or(text.as_str(), |(_, text)| text)
                .to_owned();
            match exhausted.stage {
                Stage::Status => Told::Odd(text),
                Stage::Busy(wait) => Told::Busy(busy(wait)),
                stage => Told::Unreached(stage, text),
            }
        }
    }
}

/// Says how long a busy service asks to wait: `busy: asks to wait 60 min`.
fn busy(wait: Option<Duration>) -> String {
    match wait.map(|wait| wait.as_secs()) {
        None => "busy (status 429), and does not say how long".to_owned(),
        Some(seconds @ 0..=119) => format!("busy: asks to wait {seconds} s"),
        Some(seconds) => format!("busy: asks to wait {} min", seconds.div_ceil(60)),
    }
}

fn refused<T>(status: u16, text: &str, hint: Option<&'static str>) -> Told<T> {
    let words = format!("status {status} {text}");
    match status {
        401 | 403 => Told::Refused(words, hint),
        _ => Told::Odd(words),
    }
}

impl<T> From<Result<T, amplitude::Error>> for Told<T> {
    fn from(answer: Result<T, amplitude::Error>) -> Self {
        match answer {
            Ok(answer) => Self::Yes(answer),
            Err(error) => {
                let hint = error.key_hint();
                match error {
                    amplitude::Error::Exhausted(exhausted) => told(Err(exhausted)),
                    amplitude::Error::Refused { status, text, .. } => refused(status, &text, hint),
                    amplitude::Error::Problem(problem) => {
                        let words = format!("{} {}", problem.title, problem.detail);
                        refused(problem.status, words.trim(), hint)
                    }
                    amplitude::Error::Unexpected { what, .. } => {
                        Self::Odd(format!("no JSON as documented ({what})"))
                    }
                    other => Self::Odd(other.to_string()),
                }
            }
        }
    }
}

impl<T> From<Result<T, braze::Error>> for Told<T> {
    fn from(answer: Result<T, braze::Error>) -> Self {
        match answer {
            Ok(answer) => Self::Yes(answer),
            Err(error) => {
                let hint = error.key_hint();
                match error {
                    braze::Error::Exhausted(exhausted) => told(Err(exhausted)),
                    braze::Error::Refused { status, text, .. } => refused(status, &text, hint),
                    braze::Error::Unexpected { .. } => {
                        Self::Odd("no JSON as documented".to_owned())
                    }
                    // No look asks for an export.
                    braze::Error::NoImportKeys
                    | braze::Error::NotHere
                    | braze::Error::Broken(_)
                    | braze::Error::ExportElsewhere
                    | braze::Error::ExportNotReady(_)
                    | braze::Error::Damaged { .. }
                    | braze::Error::NotKept(_)
                    | braze::Error::Stopped => Self::Unasked,
                }
            }
        }
    }
}

/// What to do about a host that cannot be reached.
pub(super) fn remedy(stage: Stage) -> &'static str {
    match stage {
        Stage::Here => "see that the address is right, and that CA certificates are installed",
        Stage::Name => {
            "see that the host's name is right and that this machine can look names up (DNS); behind a proxy, set HTTPS_PROXY"
        }
        Stage::Connection => {
            "a firewall between here and there may refuse it, or the address is wrong; behind a proxy, set HTTPS_PROXY"
        }
        Stage::Tls => {
            "something between here and there may open TLS: add its certificate to those that this machine trusts \
             (SSL_CERT_FILE); a wrong clock does this too"
        }
        Stage::Answer | Stage::Status | Stage::Busy(_) => {
            "the host takes connections and does not answer: see its status page, and what is in between; then look again"
        }
    }
}
