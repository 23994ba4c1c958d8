//! Imported cohorts: their names, who is in them, whom a change reaches (braze.md 15). It must not answer requests,
//! or create anybody: strangers are ignored.

use std::path::Path;

use serde_json::{Value, json};

use super::{members::Members, objects::Who, people::People};
use crate::sandbox::Error;

/// Every cohort of every partner, in the order in which they were first heard of.
#[derive(Debug, Default)]
pub(crate) struct Cohorts(Vec<Cohort>);

/// A cohort.
#[derive(Debug)]
pub(crate) struct Cohort {
    /// Whose it is: each partner has a filter of its own (braze.md 16), and chooses ids on its own.
    pub(crate) partner: String,
    /// As the partner chose it.
    pub(crate) id: String,
    /// What the filter's list shows.
    pub(crate) name: String,
    /// Who is in it.
    pub(crate) members: Members,
}

impl Cohorts {
    /// Reads a snapshot of these people's cohorts; a file that is not there has none.
    pub(crate) fn load(path: &Path, people: usize) -> Result<Self, Error> {
        let file = crate::sandbox::world::read_json(path)?.unwrap_or_default();
        let listed = file["cohorts"].as_array();
        let read = listed.into_iter().flatten().map(|cohort| {
            let text = |name: &str| cohort[name].as_str();
            Some(Cohort {
                partner: text("partner")?.to_owned(),
                id: text("id")?.to_owned(),
                name: text("name")?.to_owned(),
                members: Members::read(text("members")?, people)?,
            })
        });
        let all = read.collect::<Option<_>>().ok_or_else(|| Error::Content {
            path: path.to_owned(),
            line: None,
            problem: "not cohorts of this world's people".to_owned(),
        })?;
        Ok(Self(all))
    }

    /// Returns them as a snapshot holds them.
    pub(crate) fn file(&self) -> Value {
        let written = |cohort: &Cohort| {
            json!({
                "partner": cohort.partner, "id": cohort.id, "name": cohort.name,
                "members": cohort.members.written(),
            })
        };
        json!({"cohorts": self.0.iter().map(written).collect::<Vec<_>>()})
    }

    /// Returns them in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cohort> {
        self.0.iter()
    }

    /// Takes a profile that is gone out of every cohort.
    pub(crate) fn forget(&mut self, profile: u32) {
        for cohort in &mut self.0 {
            cohort.members.remove(profile);
        }
    }

    /// Returns a cohort; of several partners' under one id the first, unless one is named.
    pub(crate) fn find(&self, id: &str, partner: Option<&str>) -> Option<&Cohort> {
        let meant = |cohort: &&Cohort| {
            cohort.id == id && partner.is_none_or(|partner| cohort.partner == partner)
        };
        self.0.iter().find(meant)
    }

    /// Returns a cohort; one that was never named has its id as its name, as another partner's guide says
    /// (braze.md 15.2).
    fn known(&mut self, partner: &str, id: &str) -> &mut Cohort {
        let known = self
            .0
            .iter()
            .position(|cohort| cohort.partner == partner && cohort.id == id);
        let place = known.unwrap_or_else(|| {
            self.0.push(Cohort {
                partner: partner.to_owned(),
                id: id.to_owned(),
                name: id.to_owned(),
                members: Members::default(),
            });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// Names a cohort, or names it anew: `{"partner", "cohort_id", "name"}`. Two cohorts may have one name: nothing
    /// says that they may not.
    pub(crate) fn rename(&mut self, told: &Value) {
        let text = |name: &str| told[name].as_str().unwrap_or_default();
        text("name").clone_into(&mut self.known(text("partner"), text("cohort_id")).name);
    }

    /// Changes who is in a cohort, change by change in their order, and returns the data points:
    /// `{"partner", "cohort_id", "cohort_changes"}`.
    ///
    /// "All assignments" are billed, and adding and removing both count (braze.md 15.2 and 21); whether one that changes
    /// nothing is billed as well is not known. Here it is: that is dearer. Strangers cost nothing. A request that lists
    /// nobody, such as a test of the connection, makes no cohort.
    pub(crate) fn change(&mut self, people: &People, told: &Value) -> u64 {
        let changes = || told["cohort_changes"].as_array().into_iter().flatten();
        if !changes().any(|change| named(change).next().is_some()) {
            return 0;
        }
        let text = |name: &str| told[name].as_str().unwrap_or_default();
        let members = &mut self.known(text("partner"), text("cohort_id")).members;
        let mut points = 0;
        for change in changes() {
            let remove = change["should_remove"] == true;
            for profile in named(change).filter_map(|who| reached(people, &who)) {
                points += 1;
                if remove {
                    members.remove(profile);
                } else {
                    members.insert(profile);
                }
            }
        }
        points
    }
}

/// Returns everybody a change lists.
pub(crate) fn named(change: &Value) -> impl Iterator<Item = Who<'_>> {
    let items = |name: &str| change[name].as_array().into_iter().flatten();
    let users = items("user_ids").filter_map(|id| id.as_str().map(Who::External));
    let devices = items("device_ids").filter_map(|id| id.as_str().map(Who::Device));
    let aliases = items("aliases").filter_map(|alias| {
        let (name, label) = (
            alias["alias_name"].as_str()?,
            alias["alias_label"].as_str()?,
        );
        Some(Who::Alias { name, label })
    });
    users.chain(devices).chain(aliases)
}

/// Finds whom an assignment reaches. A device id means anonymous people alone: an identified one's is ignored, to add and
/// to remove (braze.md 15.2). An alias means whoever has it.
fn reached(people: &People, who: &Who<'_>) -> Option<u32> {
    if matches!(who, Who::Device(_)) {
        people.find_anonymous(who)
    } else {
        people.find(who)
    }
}
