//! Which Currents files there are, in the order of their hours. It opens none, and holds the paths of one hour.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{ListResult, ObjectMeta, path::Path as Key};

use super::{Error, File, Store, layout};
use crate::model::Hour;

/// Requests for lists at once.
const AT_ONCE: usize = 16;
/// Directories above those of event types, at most.
const DEEPEST: usize = 16;
/// Strangers that are named.
const NAMED: usize = 10;

/// Files that are no Currents files, or lie where none are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strangers {
    /// How many.
    pub count: u64,
    /// The paths of the first.
    pub named: Vec<String>,
}

/// The files of a store, by hour and path.
#[derive(Debug)]
pub struct Listing<'a> {
    store: &'a Store,
    hours: BTreeMap<Hour, Vec<Directory>>,
    ready: VecDeque<File>,
    strangers: Strangers,
}

/// Events of one type and hour.
#[derive(Clone, Debug)]
struct Directory {
    event_type: String,
    path: Key,
}

impl Store {
    /// Looks which hours there are of the event types that are wanted, not before `from`. Files are listed hour by
    /// hour, when they are asked for.
    pub async fn list(
        &self,
        from: Option<Hour>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Listing<'_>, Error> {
        let mut listing = Listing {
            store: self,
            hours: BTreeMap::new(),
            ready: VecDeque::new(),
            strangers: Strangers::default(),
        };
        let above = self.above.split('/').chain(self.prefix.as_ref().split('/'));
        let outer = above.filter_map(layout::event_type).next_back();
        let mut level = vec![(self.prefix.clone(), outer.map(str::to_owned))];
        for _ in 0..DEEPEST {
            let mut next = vec![];
            for ((_, event_type), found) in self.level(&level).await? {
                for file in found.objects {
                    listing.stranger(&file.location);
                }
                for path in found.common_prefixes {
                    let part = path.filename().unwrap_or_default().to_owned();
                    match (layout::event_type(&part), &event_type) {
                        (Some(own), _) if wanted(own) => next.push((path, Some(own.to_owned()))),
                        (Some(_), _) => {}
                        (None, Some(event_type)) if layout::is_date(&part) => {
                            listing.hour(&part, event_type, path, from);
                        }
                        (None, _) => next.push((path, event_type.clone())),
                    }
                }
            }
            level = next;
            if level.is_empty() {
                break;
            }
        }
        for (path, _) in &level {
            listing.stranger(path);
        }
        Ok(listing)
    }

    /// Lists some directories, in their order.
    async fn level<'l, T>(
        &self,
        level: &'l [(Key, T)],
    ) -> Result<Vec<(&'l (Key, T), ListResult)>, Error> {
        let lists = level.iter().map(|directory| async move {
            let prefix = Some(&directory.0).filter(|path| !path.as_ref().is_empty());
            let found = self.storage.list_with_delimiter(prefix).await;
            found
                .map(|found| (directory, found))
                .map_err(|error| self.failed(&error))
        });
        stream::iter(lists).buffered(AT_ONCE).try_collect().await
    }
}

impl Listing<'_> {
    /// Returns the next file, by hour and path. What was lost when this is dropped halfway is listed again.
    pub async fn next(&mut self) -> Result<Option<File>, Error> {
        loop {
            if let Some(file) = self.ready.pop_front() {
                return Ok(Some(file));
            }
            let Some((hour, directories)) = self.hours.first_key_value() else {
                return Ok(None);
            };
            let (hour, store) = (*hour, self.store);
            let lists = directories.iter().map(|directory| async move {
                let found = store.storage.list(Some(&directory.path));
                let found: Result<Vec<ObjectMeta>, _> = found.try_collect().await;
                found
                    .map(|found| (directory.event_type.clone(), found))
                    .map_err(|error| store.failed(&error))
            });
            let lists: Vec<_> = stream::iter(lists).buffered(AT_ONCE).try_collect().await?;
            self.hours.pop_first();
            let mut files = vec![];
            for (event_type, found) in lists {
                for object in found {
                    if object.location.extension() == Some("avro") {
                        files.push(File {
                            event_type: event_type.clone(),
                            hour,
                            path: object.location.to_string(),
                            size: object.size,
                        });
                    } else {
                        self.stranger(&object.location);
                    }
                }
            }
            files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            self.ready = files.into();
        }
    }

    /// Returns the files met so far that are no Currents files.
    pub fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    fn hour(&mut self, part: &str, event_type: &str, path: Key, from: Option<Hour>) {
        match layout::hour(part) {
            Some(hour) if from.is_none_or(|from| hour >= from) => {
                let event_type = event_type.to_owned();
                let directory = Directory { event_type, path };
                self.hours.entry(hour).or_default().push(directory);
            }
            Some(_) => {}
            None => self.stranger(&path),
        }
    }

    fn stranger(&mut self, path: &Key) {
        self.strangers.count += 1;
        if self.strangers.named.len() < NAMED {
            self.strangers.named.push(path.to_string());
        }
    }
}
