//! Static cohorts of Amplitude in a plan: which one is filled, what is done by hand, what was changed there.
//!
//! Their people are those of a file or of a segment (`people.rs`), and travel as those of any cohort do: compared with the
//! ledger, in a delta, through a lane of their own. Whom Amplitude does not know is set aside.

mod people;
mod seen;

use serde_json::json;

use super::{Refresh, draft::Drafting, observe::kept_since, subject::Subject};
use crate::{
    config::Resource,
    diff::statics::{Known, Left, Misplaced, Naming, Place, Wanted, left, naming, place},
    kinds::{
        Upload,
        static_cohort::{archiving, archiving_unseen, renaming},
    },
    model::{
        Address, Cohort, Lane, Millis, counted, number,
        plan::{Action, ResourcePlan},
    },
    state::manifest::{Entry, Uploaded},
};

pub(super) use people::{People, read};
pub(super) use seen::over;

/// Which cohort of Amplitude a subject fills.
#[derive(Clone, Debug)]
pub(super) struct Filled {
    /// Its id; none of one that is to be made.
    pub(super) id: Option<String>,
    /// Its name as the list shows it.
    pub(super) shown: Option<String>,
    /// Whether it is to be made though one was begun before: what was acknowledged then went nowhere.
    pub(super) anew: bool,
    /// Whether its members were downloaded since anything was sent to it: a plan takes that in, and the apply after it.
    pub(super) seen: bool,
    /// How many the list says are in it.
    pub(super) size: Option<u64>,
}

impl Filled {
    /// Whether what a download of its members tells counts. One that a sync asked for may be older than the last change.
    pub(super) fn is_read(&self, refresh: Refresh) -> bool {
        self.seen || refresh == Refresh::Full
    }
}

/// What a work needs to fill a static cohort.
#[derive(Clone, Debug)]
pub(super) struct StaticWork {
    /// The id of the cohort; none of one that is to be made.
    pub(super) id: Option<String>,
    /// Its name.
    pub(super) name: String,
    /// How it is made.
    pub(super) upload: Upload,
    /// Rows wanted.
    pub(super) wanted: u64,
    /// Of these, rows set aside.
    pub(super) aside: u64,
}

/// Why something cannot be, and what to do.
type Why = (String, Option<String>);

impl Drafting<'_> {
    /// Returns which cohort an entry fills, and what it is called by the configuration.
    pub(super) fn filled(
        &self,
        resource: &Resource,
        upload: &Upload,
        entry: Option<&Entry>,
        list: &[Cohort],
    ) -> Result<(Filled, String), Why> {
        let known = entry.and_then(|entry| entry.uploaded.as_deref());
        let id = known.and_then(|known| known.id.as_deref());
        let own = id.or(upload.id.as_deref());
        let of_id = |id: &str| list.iter().find(|cohort| cohort.id == id);
        // One that is taken over keeps its name, unless the entry says one.
        let shown = own.filter(|_| upload.id.is_some()).and_then(of_id);
        let name = upload.name.clone();
        let name = name.or_else(|| shown.map(|cohort| cohort.name.clone()));
        let name = name.unwrap_or_else(|| resource.address.name().to_owned());
        let wanted = Wanted {
            name: &name,
            id: upload.id.as_deref(),
            published: upload.published,
        };
        let known = known.map(|known| Known {
            id: known.id.as_deref(),
        });
        let kept = self.session.how.refresh == Refresh::None;
        let placed = match place(wanted, known, list) {
            // A kept list may be older than the cohort.
            Err(Misplaced::Gone(id)) if kept => Ok(Place::Unlisted(id)),
            placed => placed,
        };
        let filled = match placed.map_err(|why| misplaced(&resource.address, &name, why))? {
            Place::Listed(cohort) => Filled {
                id: Some(cohort.id.clone()),
                shown: Some(cohort.name.clone()),
                anew: false,
                seen: self.is_seen(resource, cohort),
                size: Some(cohort.size),
            },
            Place::Unlisted(id) => Filled {
                id: Some(id),
                shown: None,
                anew: false,
                seen: false,
                size: None,
            },
            Place::New => {
                can_be_made(resource, upload)?;
                Filled {
                    id: None,
                    shown: None,
                    anew: known.is_some(),
                    seen: false,
                    size: None,
                }
            }
        };
        Ok((filled, name))
    }

    /// Whether the members of a cohort are in the cache as they were after the last change made here.
    fn is_seen(&self, resource: &Resource, cohort: &Cohort) -> bool {
        let lane = Lane::Static {
            cohort: resource.address.name().to_owned(),
        };
        let lanes = self.manifest.map(|manifest| &manifest.lanes);
        let last = lanes.and_then(|lanes| lanes.get(&lane.name()));
        let since = last.map_or(Millis::MIN, |lane| lane.last_send);
        let cache = self.session.store.cache();
        // What cannot be read there is read anew where it is wanted.
        cache.is_ok_and(|cache| kept_since(&cache, cohort, since).unwrap_or(false))
    }

    /// Plans what becomes of a static cohort that is no longer declared: it is archived by hand, then forgotten. Returns
    /// whether it is forgotten now.
    pub(super) fn uploaded_goes(
        &mut self,
        address: &Address,
        entry: &Entry,
        keeps: bool,
        list: &[Cohort],
    ) -> bool {
        let known = entry.uploaded.as_deref();
        let id = known.and_then(|known| known.id.as_deref());
        let name = known.map_or("", |known| known.name.as_str());
        let published = known.is_none_or(|known| known.published);
        let left = left(Known { id }, name, published, list);
        let name = match left {
            Left::Listed(cohort) => &cohort.name,
            Left::Nothing | Left::Unseen => name,
        };
        let mut planned = ResourcePlan::of(
            address,
            &entry.kind,
            Action::NoOp,
            format!("static cohort \"{name}\""),
        );
        // Where all goes, `removed` is not read: it is applied.
        let (command, keep) = if self.session.how.destroy {
            (
                "Destroy",
                format!("apply removed: [{{address: {address}, on_destroy: keep}}]"),
            )
        } else {
            let keep = format!("removed: [{{address: {address}, on_destroy: keep}}]");
            ("Apply", keep)
        };
        let gone = left == Left::Nothing;
        match left {
            _ if keeps => {
                planned.action = Action::Delete;
                planned.title += ": forgotten, and left as it is in Amplitude";
            }
            Left::Nothing => {
                let what = if id.is_some() {
                    "archived or no longer"
                } else {
                    "not"
                };
                planned.note = Some(format!(
                    "static cohort \"{name}\" is {what} listed in Amplitude, and is forgotten"
                ));
            }
            Left::Listed(cohort) => {
                planned.manual = archiving(&cohort.id, name, command);
                planned
                    .manual
                    .push(format!("To leave it as it is instead: {keep}"));
            }
            Left::Unseen => {
                planned.manual = archiving_unseen(id, name, published);
                planned
                    .manual
                    .push(format!("Then have it forgotten: {keep}"));
            }
        }
        if !keeps && !gone {
            planned.action = Action::Manual;
            planned.title += if self.session.how.destroy {
                " goes by hand: no call of Amplitude deletes one"
            } else {
                " is no longer declared: no call of Amplitude deletes one"
            };
        }
        let fate = match (keeps, gone) {
            (true, _) => "forgotten",
            (false, true) => "gone",
            (false, false) => "to be archived",
        };
        self.note(address, json!({"removed": fate}));
        self.plan.resources.push(planned);
        keeps || gone
    }
}

impl Subject<'_> {
    /// Compares the name that Amplitude shows with the one configured.
    fn naming(&self) -> Naming {
        let known = self
            .entry
            .and_then(|entry| entry.uploaded.as_deref())
            .map(|known| known.name.as_str());
        let shown = self.filled.as_ref().and_then(|it| it.shown.as_deref());
        naming(shown, &self.label, known)
    }

    /// Returns what is to be done by hand.
    pub(super) fn by_hand(&self) -> Vec<String> {
        let filled = self.filled.as_ref();
        let Some((id, shown)) =
            filled.and_then(|filled| filled.id.as_ref().zip(filled.shown.as_ref()))
        else {
            return vec![];
        };
        match self.naming() {
            Naming::ToRename => renaming(id, shown, &self.label),
            Naming::Same | Naming::Renamed => vec![],
        }
    }

    /// Returns whether it is a cohort of somebody else's that this plan takes over.
    pub(super) fn takes_over(&self) -> bool {
        let there = self.filled.as_ref().is_some_and(|it| it.id.is_some());
        there && self.entry.is_none()
    }

    /// Returns what is said of those who are in a cohort that was there before, and stay: so many were read, or else so many
    /// the list tells of before it is taken over.
    pub(super) fn others(&self, read: Option<u64>) -> Option<String> {
        let size = self.filled.as_ref().and_then(|it| it.size);
        match (read, size.filter(|_| self.takes_over())) {
            (Some(0), _) => None,
            (Some(read), _) => Some(format!(
                "{} in it are not in the list, and stay",
                counted(read, "other")
            )),
            (None, Some(size)) => Some(format!(
                "{} in it already: whoever of them is not in the list stays",
                number(size)
            )),
            (None, None) => self
                .takes_over()
                .then(|| "whoever is in it already and not in the list stays".to_owned()),
        }
    }

    /// Returns whether the state does not know yet which cohort it fills, though there is one, or one to make.
    pub(super) fn is_unplaced(&self) -> bool {
        let known = self.entry.and_then(|entry| entry.uploaded.as_ref());
        let id = known.and_then(|known| known.id.as_ref());
        self.filled.is_some() && id.is_none()
    }

    /// Returns why no cohort can be made of so many people, and what to do.
    pub(super) fn makes_nothing(&self, people: u64) -> Option<(String, String)> {
        let makes = self.filled.as_ref().is_some_and(|it| it.id.is_none());
        (makes && people == 0).then(|| {
            (
                format!(
                    "nobody is in {}, and Amplitude makes no empty cohort",
                    self.cohort.name
                ),
                "give it a member whom Amplitude knows".to_owned(),
            )
        })
    }

    /// Returns what is remembered of the cohort that it fills.
    pub(super) fn uploaded(&self) -> Option<Box<Uploaded>> {
        let filled = self.filled.as_ref()?;
        let known = self.entry.and_then(|entry| entry.uploaded.as_deref());
        let right = filled.shown.as_ref().is_none_or(|it| *it == self.label);
        let name = match known {
            Some(known) if !right => known.name.clone(),
            None if !right => filled.shown.clone().unwrap_or_default(),
            _ => self.label.clone(),
        };
        Some(Box::new(Uploaded {
            id: filled.id.clone(),
            name,
            published: self.desired.upload.as_ref().is_none_or(|it| it.published),
        }))
    }

    /// Returns what a work needs to fill its cohort.
    pub(super) fn static_work(&self, wanted: u64, aside: u64) -> Option<Box<StaticWork>> {
        let filled = self.filled.as_ref()?;
        Some(Box::new(StaticWork {
            id: filled.id.clone(),
            name: self.label.clone(),
            upload: self.desired.upload.clone()?,
            wanted,
            aside,
        }))
    }
}

/// What the upload needs beside people.
fn can_be_made(resource: &Resource, upload: &Upload) -> Result<(), Why> {
    if upload.owner.is_some() {
        return Ok(());
    }
    let at = resource.origin.place("/owner");
    let at = at.map(|place| format!("{}:{}: ", place.file.display(), place.line));
    let at = at.unwrap_or_default();
    let hint = "write owner: EMAIL, the login of an Amplitude user who is to own the cohort";
    Err((
        format!("{at}the cohort is to be made in Amplitude, and has no `owner`"),
        Some(hint.to_owned()),
    ))
}

/// Words why no cohort can be filled.
fn misplaced(address: &Address, name: &str, why: Misplaced) -> Why {
    let ids = |ids: &[String]| ids.join(", ");
    match why {
        Misplaced::Archived(id) => (
            format!("its cohort is archived in Amplitude (id {id})"),
            Some("un-archive it, or take the entry out, or pause it".to_owned()),
        ),
        Misplaced::Gone(id) => (
            format!("Amplitude no longer lists its cohort (id {id}): deleted, or no longer published"),
            Some(format!("publish it again; to have it made anew, give the entry another name, and take the old one out: removed: [{{address: {address}, on_destroy: keep}}]")),
        ),
        Misplaced::Computed(id) => (
            format!("the cohort with id {id} is not a static one: Amplitude computes who is in it, and takes no members"),
            Some("name the id of a static cohort; or take `id` out to have one made".to_owned()),
        ),
        Misplaced::Missing(id) => (
            format!("Amplitude lists no cohort with id {id}"),
            Some("it may be deleted, or not published (discoverable) in Amplitude; take `id` out to have one made".to_owned()),
        ),
        Misplaced::Another { known, named } => (
            format!("fills the cohort with id {known}, and the configuration says id {named}"),
            Some(format!("give the other one an entry of its own, and take this one out: removed: [{{address: {address}, on_destroy: keep}}]")),
        ),
        Misplaced::Taken(bearers) => {
            let first = bearers.first().cloned().unwrap_or_default();
            let message = match bearers.as_slice() {
                [one] => format!("Amplitude has a cohort \"{name}\" already (id {one}), and Syncform did not make it"),
                several => format!("Amplitude has {} cohorts \"{name}\" already (ids {}), and Syncform made none of them", several.len(), ids(several)),
            };
            (message, Some(format!("to take it over, with whoever is in it, write id: {first}; else give yours another name")))
        }
        Misplaced::Several(bearers) => (
            format!("an upload was cut, and {} cohorts are named \"{name}\" now (ids {}): nobody knows which one it made", bearers.len(), ids(&bearers)),
            Some("look at them in Amplitude, archive those that are not to be, or write the id of the right one: id: …".to_owned()),
        ),
        Misplaced::Unseen => (
            "an upload was cut, and Amplitude does not list cohorts that are not published: nobody knows whether it made one".to_owned(),
            Some("look for it in Amplitude, and write its id: id: …; or publish it there, write published: true, and apply".to_owned()),
        ),
    }
}
