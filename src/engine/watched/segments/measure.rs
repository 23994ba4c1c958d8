//! What can be measured of a segment whose filters are told as text alone: its size, or its people one by one. People are
//! counted and never named.

use std::time::Duration;

use serde_json::{Value, json};

use super::About;
use crate::{
    braze,
    diff::{exported::Compared, segment::fits},
    engine::{Error, draft::Drafting, exported},
    kinds::segment::{Filter, TOLERANCE, Verify, quoted},
    model::{
        Address, Cohort, Limit, number,
        plan::{Drift, Problem},
    },
};

/// The oldest export that is compared again.
const OLDEST: Duration = Duration::from_hours(1);

/// What was measured.
pub(super) enum Measured {
    /// Nothing; why not, where that was asked for.
    Not(Option<String>),
    /// It is as it should be.
    Agrees,
    /// It is not.
    Off(Box<Off>),
}

/// What was measured to be other than it should be.
pub(super) enum Off {
    /// The size.
    Size {
        name: String,
        found: u64,
        expected: u64,
        /// Who is expected, as a sentence has it.
        whose: String,
        tolerance: Limit,
    },
    /// The people, who are not the members of a sync.
    People { sync: String, compared: Compared },
}

impl Off {
    /// Whether people were compared, one by one.
    pub(super) fn is_of_people(&self) -> bool {
        matches!(self, Self::People { .. })
    }

    /// Says it in a line.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Size {
                name,
                found,
                expected,
                whose,
                tolerance,
            } => format!(
                "Braze counts about {} people in {name}, and {} are {whose}: more than {tolerance} off",
                number(*found),
                number(*expected)
            ),
            Self::People { sync, compared } => {
                let strangers = match compared.only_there {
                    0 => String::new(),
                    1 => "; 1 in it is no member".to_owned(),
                    many => format!("; {} in it are no members", number(many)),
                };
                let unread = match compared.unread {
                    0 => String::new(),
                    _ if compared.only_here == 0 => ", and not read back yet".to_owned(),
                    unread => format!(", {} of them not read back yet", number(unread)),
                };
                let missing = number(compared.only_here + compared.unread);
                match compared.both {
                    0 => format!(
                        "no member of {sync} is in the segment ({missing} are recorded{unread}){strangers}"
                    ),
                    both => format!(
                        "{} members of {sync} are in the segment, {missing} are not{unread}{strangers}",
                        number(both)
                    ),
                }
            }
        }
    }

    /// What to think of before anything is changed.
    pub(super) fn patience(&self) -> Option<String> {
        let waits = "the size is an estimate of up to a day ago: where many came or went since, plan again tomorrow";
        (!self.is_of_people()).then(|| waits.to_owned())
    }

    /// As drift tells it: what should be, what is.
    fn drift(&self) -> (&'static str, Value, Value) {
        match self {
            Self::Size {
                found, expected, ..
            } => ("verify.size", json!(expected), json!(found)),
            Self::People { sync, compared } => {
                let members = compared.both + compared.only_here + compared.unread;
                (
                    "verify.members",
                    json!({"sync": sync, "members": members}),
                    json!({"members": compared.both, "others": compared.only_there}),
                )
            }
        }
    }
}

impl Drafting<'_> {
    /// Measures a segment that was found, as it is asked to be verified.
    pub(super) async fn measured(
        &mut self,
        about: &About<'_>,
        (id, edited): (&str, &str),
        size: &Result<Option<u64>, braze::Error>,
        list: &[Cohort],
    ) -> Result<Measured, Error> {
        let Some(verify) = &about.spec.verify else {
            return Ok(Measured::Not(None));
        };
        let measured = self.figures(about, verify, (id, edited), size, list);
        let measured = measured.await?;
        if let Measured::Off(off) = &measured {
            let (path, before, after) = off.drift();
            self.plan.drift.push(Drift {
                address: about.resource.address.clone(),
                path: path.to_owned(),
                before,
                after,
            });
        }
        Ok(measured)
    }

    async fn figures(
        &mut self,
        about: &About<'_>,
        verify: &Verify,
        (id, edited): (&str, &str),
        size: &Result<Option<u64>, braze::Error>,
        list: &[Cohort],
    ) -> Result<Measured, Error> {
        let only = about.spec.filter.as_ref().and_then(Filter::only_sync);
        match (verify.size(), only) {
            (None, None) => Ok(Measured::Not(None)),
            (None, Some(sync)) => self.exported_agrees(about, (id, edited), sync).await,
            (Some(check), only) => {
                let whose = match (check.expected, only) {
                    (None, Some(sync)) => format!("the members of {sync}"),
                    _ => "expected".to_owned(),
                };
                let of_sync = || only.and_then(|sync| self.members(sync, list));
                let certain = check.expected.map(|expected| (expected, expected));
                let expected = certain.or_else(of_sync);
                let tolerance = check.tolerance.unwrap_or(TOLERANCE);
                Ok(self.sized(about, size, (expected, &whose), tolerance))
            }
        }
    }

    fn sized(
        &mut self,
        about: &About,
        size: &Result<Option<u64>, braze::Error>,
        (expected, whose): (Option<(u64, u64)>, &str),
        tolerance: Limit,
    ) -> Measured {
        let name = quoted(&about.spec.name);
        let size = match size {
            Ok(size) => *size,
            Err(error) => {
                let hint = error.key_hint().unwrap_or("plan again once Braze answers");
                self.warn(about, format!("its size was not verified: {error}"), hint);
                return Measured::Not(None);
            }
        };
        let Some(size) = size else {
            let hint =
                "turn analytics tracking on for it in Braze; the first size is there a day later";
            let message = format!("its size was not verified: Braze tells none of {name}");
            self.warn(about, message, hint);
            return Measured::Not(None);
        };
        let Some((least, expected)) = expected else {
            let why = format!("its size was not verified: {whose} were not applied yet");
            return Measured::Not(Some(why));
        };
        if fits(expected, size, tolerance) {
            return Measured::Agrees;
        }
        // Nobody at all is no matter of whom Braze knows.
        if size > 0 && fits(size.clamp(least, expected), size, tolerance) {
            return Measured::Not(Some(format!(
                "Braze counts about {} people, and {} are {whose}, of whom it may not know all",
                number(size),
                number(expected)
            )));
        }
        Measured::Off(Box::new(Off::Size {
            name,
            found: size,
            expected,
            whose: whose.to_owned(),
            tolerance,
        }))
    }

    /// Exports a segment and compares its people with the recorded members of a sync.
    async fn exported_agrees(
        &mut self,
        about: &About<'_>,
        (id, edited): (&str, &str),
        sync: &str,
    ) -> Result<Measured, Error> {
        let recorded = Address::parse(sync).filter(|address| {
            let entry = self.entry(address);
            entry.is_some_and(|entry| entry.ledger.is_some())
        });
        let Some(address) = recorded else {
            let why = format!("its people were not compared: {sync} was not applied yet");
            return Ok(Measured::Not(Some(why)));
        };
        let name = &about.spec.name;
        let exported = match exported::people_of(self, name, id, edited, OLDEST).await {
            Ok(exported) => exported,
            Err(error) if error.is_of_one_segment() => {
                let hint = error.segment_hint();
                let hint = hint.unwrap_or_else(|| "plan again once Braze answers".to_owned());
                let message = format!("its people were not compared: {error}");
                self.warn(about, message, &hint);
                return Ok(Measured::Not(None));
            }
            Err(other) => return Err(other),
        };
        let rows = || exported::compared(&exported.path, self.rows(&address)?);
        let compared = tokio::task::block_in_place(rows)?;
        if compared.is_open() {
            return Ok(Measured::Not(Some(format!(
                "its people cannot all be compared: {} in it are no members by their external id, and {} members of {sync} are \
                 recorded by another identifier; whether they are the same cannot be told",
                number(compared.only_there),
                number(compared.other)
            ))));
        }
        // Of an empty segment it is no matter that some were not read back yet.
        let nobody = compared.both == 0 && compared.unread > 0;
        if compared.agrees() && !nobody {
            return Ok(match compared.unread {
                0 => Measured::Agrees,
                unread => Measured::Not(Some(format!(
                    "{} members of {sync} are not in it, and were not read back yet: Braze may not know them",
                    number(unread)
                ))),
            });
        }
        let sync = sync.to_owned();
        Ok(Measured::Off(Box::new(Off::People { sync, compared })))
    }

    fn warn(&mut self, about: &About, message: String, hint: &str) {
        self.plan.warnings.push(Problem {
            address: Some(about.resource.address.clone()),
            message,
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
        });
    }
}
