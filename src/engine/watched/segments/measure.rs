//! What can be measured of a segment whose filters are told as text alone: its size, or its people one by one. People are
//! counted and never named.

use std::time::Duration;

use serde_json::json;

use super::About;
use crate::{
    braze,
    diff::{exported::Compared, segment::fits},
    engine::{Error, draft::Drafting, exported},
    kinds::segment::{Filter, TOLERANCE, quoted},
    model::{
        Address, Cohort, number,
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
    /// The size is not; a warning says so.
    Size,
    /// The people are not.
    People(Box<People>),
}

/// People of a segment that are not the members of a sync.
pub(super) struct People {
    pub(super) sync: String,
    pub(super) compared: Compared,
}

impl People {
    /// Says it in a line.
    pub(super) fn words(&self) -> String {
        let Compared {
            only_there,
            only_here,
            both,
            unread,
            ..
        } = self.compared;
        let [both, missing, unread, strangers] = [both, only_here, unread, only_there].map(number);
        format!(
            "{both} members of {} are in the segment, {missing} are not, {unread} are not and were not read back yet; \
             {strangers} in the segment are no members",
            self.sync
        )
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
        tolerance: crate::model::Limit,
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
        if fits(size.clamp(least, expected), size, tolerance) {
            return Measured::Not(Some(format!(
                "Braze counts about {} people, and {} are {whose}, of whom it may not know all",
                number(size),
                number(expected)
            )));
        }
        self.plan.drift.push(Drift {
            address: about.resource.address.clone(),
            path: "size".to_owned(),
            before: json!(expected),
            after: json!(size),
        });
        let message = format!(
            "Braze counts about {} people in {name}, and {} are {whose}: more than {tolerance} off",
            number(size),
            number(expected)
        );
        let hint = "compare its filters in the dashboard; sizes are estimates, a day old at most";
        self.warn(about, message, hint);
        Measured::Size
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
            Err(Error::Braze(error)) => {
                let hint = error.key_hint().unwrap_or("plan again once Braze answers");
                self.warn(
                    about,
                    format!("its people were not compared: {error}"),
                    hint,
                );
                return Ok(Measured::Not(None));
            }
            Err(Error::Segment { message, hint }) => {
                let message = format!("its people were not compared: {message}");
                self.warn(about, message, &hint.unwrap_or_default());
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
        if compared.agrees() {
            return Ok(match compared.unread {
                0 => Measured::Agrees,
                unread => Measured::Not(Some(format!(
                    "{} members of {sync} are not in it, and were not read back yet: Braze may not know them",
                    number(unread)
                ))),
            });
        }
        self.plan.drift.push(Drift {
            address: about.resource.address.clone(),
            path: "members".to_owned(),
            before: json!(number(compared.both + compared.only_here + compared.unread)),
            after: json!(format!(
                "{} of them and {} more",
                number(compared.both),
                number(compared.only_there)
            )),
        });
        let sync = sync.to_owned();
        Ok(Measured::People(Box::new(People { sync, compared })))
    }

    fn warn(&mut self, about: &About, message: String, hint: &str) {
        self.plan.warnings.push(Problem {
            address: Some(about.resource.address.clone()),
            message,
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
        });
    }
}
