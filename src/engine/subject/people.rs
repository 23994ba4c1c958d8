//! The people of a resource: which of its cohorts were read, who of them is wanted, with which values. Nothing of it is held.

use std::collections::BTreeMap;

use super::Subject;
use crate::{
    diff::join::{Join, Joined},
    engine::{
        asking::Asked,
        compute::{self, Members, excluded_ids},
        observe::Readings,
        valued::{Seen, valued},
    },
    model::{Cohort, Member},
    state::{self, relation::About},
};

impl Subject<'_> {
    /// Whether all that its rows are made of was read.
    pub(in crate::engine) fn is_read(&self, readings: &Readings) -> bool {
        let mapping = &self.desired.identify_by;
        let mut cohorts = self.cohorts();
        let own = readings.of(&self.cohort.id, mapping);
        cohorts.all(|cohort| readings.of(&cohort.id, mapping).is_some())
            && own.is_some_and(|own| self.lacks(&own.about).is_none())
    }

    /// Which property the file of the cohort lacks, and what to do.
    pub(in crate::engine) fn lacks(&self, about: &About) -> Option<(String, String)> {
        let mut columns = self.desired.reads.columns().iter();
        let missing = columns.find(|column| about.missing.contains(column))?;
        Some((
            format!(
                "the file of cohort \"{}\" has no column of the property `{missing}`",
                self.cohort.name
            ),
            "name a user property that Amplitude knows, as it is spelt there".to_owned(),
        ))
    }

    /// When what was read of its cohort was computed.
    pub(in crate::engine) fn computed(&self, readings: &Readings) -> Option<i64> {
        let reading = readings.of(&self.cohort.id, &self.desired.identify_by);
        reading.and_then(|reading| reading.computed)
    }

    /// Opens the people of the cohort who are in no excluded one, each with the value that Braze should hold. `asked`
    /// is what was learnt of their profiles, where that is where their values are.
    pub(in crate::engine) fn members(
        &self,
        readings: &Readings,
        asked: Asked,
        seen: &Seen,
    ) -> Result<Members, state::Error> {
        self.valued(self.people(readings)?, readings, asked, seen)
    }

    /// Gives each of these people the value that Braze should hold.
    pub(in crate::engine) fn valued(
        &self,
        people: Members,
        readings: &Readings,
        asked: Asked,
        seen: &Seen,
    ) -> Result<Members, state::Error> {
        let (rows, places): (Members, _) = match asked {
            None => (people, self.columns(readings)?),
            Some((profiles, places)) => {
                // Whoever was not read yet has no cells.
                let joined = Join::new(people, profiles.rows()).filter_map(|row| match row {
                    Ok(Joined::Left(member)) => {
                        let value = "".into();
                        Some(Ok(Member { value, ..member }))
                    }
                    Ok(Joined::Both(member, Member { value, .. })) => {
                        Some(Ok(Member { value, ..member }))
                    }
                    Ok(Joined::Right(_)) => None,
                    Err(error) => Some(Err(error)),
                });
                (Box::new(joined), places)
            }
        };
        Ok(valued(rows, &self.desired.form, &self.label, places, seen))
    }

    /// Which cells of a row are the columns that it wants. Where another run swept them, the plan is made anew.
    fn columns(&self, readings: &Readings) -> Result<Vec<usize>, state::Error> {
        let about = readings
            .open(&self.cohort.id, &self.desired.identify_by)?
            .about;
        let place = |wanted: &String| about.columns.iter().position(|column| column == wanted);
        let wanted = self.desired.reads.columns().iter();
        let places: Option<Vec<usize>> = wanted.map(place).collect();
        places.ok_or_else(|| state::Error::Corrupt {
            path: "cache".into(),
            what: "the cached rows lack a column; plan again".to_owned(),
        })
    }

    /// Opens the people of the cohort who are in no excluded one, as they were read.
    pub(in crate::engine) fn people(&self, readings: &Readings) -> Result<Members, state::Error> {
        let mapping = &self.desired.identify_by;
        let rows = readings.of(&self.cohort.id, mapping);
        self.remaining(rows.map_or(0, |reading| reading.about.rows), |cohort| {
            readings.open(&cohort.id, mapping)
        })
    }

    /// Returns the people of the cohort who are in no excluded one, from what `open` gives of each; `rows` is how many
    /// the cohort has.
    pub(in crate::engine) fn remaining<I>(
        &self,
        rows: u64,
        open: impl Fn(&Cohort) -> Result<I, state::Error>,
    ) -> Result<Members, state::Error>
    where
        I: Iterator<Item = Result<Member, state::Error>> + 'static,
    {
        let members = &self.desired.members;
        let cohorts = || -> Vec<&Cohort> { self.cohorts().collect() };
        let opened = |cohorts: Vec<&Cohort>| {
            let each = cohorts.into_iter().map(&open);
            each.collect::<Result<Vec<_>, _>>()
        };
        let kept_out = self.cohorts().enumerate();
        let kept_out = kept_out.filter(|(at, _)| members.keeps_out(*at));
        let kept_out: Vec<&Cohort> = kept_out.map(|(_, cohort)| cohort).collect();
        let several = self.desired.identify_by.iter().count() > 1;
        let ids = if several && !kept_out.is_empty() {
            let people = compute::members(opened(cohorts())?, members, vec![]);
            excluded_ids(people, rows, opened(kept_out)?)?
        } else {
            vec![]
        };
        Ok(compute::members(opened(cohorts())?, members, ids))
    }

    /// Its cohorts: the source, then the others.
    pub(in crate::engine) fn cohorts(&self) -> impl Iterator<Item = &Cohort> {
        std::iter::once(&self.cohort).chain(&self.exclude)
    }

    /// What was read of those of its cohorts whose people may be in it.
    pub(in crate::engine) fn read_of<'r>(
        &self,
        readings: &'r Readings,
    ) -> impl Iterator<Item = &'r About> {
        let mapping = &self.desired.identify_by;
        let cohorts = self.cohorts().enumerate();
        let open = cohorts.filter(|(at, _)| !self.desired.members.keeps_out(*at));
        open.filter_map(|(_, cohort)| Some(&readings.of(&cohort.id, mapping)?.about))
    }

    /// How many people each excluded cohort holds; of a segment each of its cohorts.
    pub(in crate::engine) fn excluded(&self, readings: &Readings) -> BTreeMap<String, u64> {
        let held = |cohort: &Cohort| {
            Some((
                cohort.id.clone(),
                readings
                    .of(&cohort.id, &self.desired.identify_by)?
                    .about
                    .rows,
            ))
        };
        let source = usize::from(self.desired.called.is_none());
        self.cohorts().skip(source).filter_map(held).collect()
    }
}
