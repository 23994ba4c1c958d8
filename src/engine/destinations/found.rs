//! Which account of the project an entry means: the one that the state remembers, else the one of its name.

use super::super::draft::Drafting;
use crate::{
    kinds::destination::Spec,
    model::{Address, Destination, plan::Drift},
    state::manifest::Entry,
};

/// Which account it is.
pub(super) enum Found<'l> {
    /// The one that is remembered.
    Known(&'l Destination),
    /// One of its name, that nobody manages yet.
    Named(&'l Destination),
    /// There is none.
    None,
}

impl Drafting<'_> {
    /// Finds the account of an entry; else what stands in the way, and what to do.
    pub(super) fn find_account<'l>(
        &mut self,
        address: &Address,
        spec: &Spec,
        entry: Option<&Entry>,
        live: &'l [Destination],
    ) -> Result<Found<'l>, (String, Option<String>)> {
        let known = entry.and_then(|entry| entry.destination.as_ref());
        if let Some(id) = known.and_then(|known| known.id.as_ref()) {
            if let Some(live) = live.iter().find(|live| live.id == *id) {
                if live.partner != spec.partner {
                    let message = format!(
                        "is an account of {}, and no call makes it one of {}",
                        live.partner, spec.partner
                    );
                    let hint = "give the new one another name, and take this one out by `removed`";
                    return Err((message, Some(hint.to_owned())));
                }
                return Ok(Found::Known(live));
            }
            self.plan.drift.push(Drift {
                address: address.clone(),
                path: "id".to_owned(),
                before: id.clone().into(),
                after: serde_json::Value::Null,
            });
        }
        let named = live
            .iter()
            .filter(|live| live.partner == spec.partner && live.display_name == spec.display_name);
        let named: Vec<&Destination> = named.collect();
        match named.as_slice() {
            [] => Ok(Found::None),
            [one] => match self.owner(address, &one.id) {
                None => Ok(Found::Named(one)),
                Some(owner) => Err((
                    format!(
                        "\"{}\" is an account that the state knows as {owner}",
                        spec.display_name
                    ),
                    Some(format!("say moved: [{{from: {owner}, to: {address}}}]")),
                )),
            },
            several => {
                let ids: Vec<&str> = several.iter().map(|live| live.id.as_str()).collect();
                let hint =
                    "rename all but the one that is meant, in Amplitude > Data > Destinations";
                Err((
                    format!(
                        "{} accounts of {} are called \"{}\": {}",
                        several.len(),
                        spec.partner,
                        spec.display_name,
                        ids.join(", ")
                    ),
                    Some(hint.to_owned()),
                ))
            }
        }
    }

    /// Returns who else of the state has an account.
    pub(super) fn owner(&self, address: &Address, id: &str) -> Option<&Address> {
        let resources = self.manifest.into_iter().flat_map(|it| &it.resources);
        let others = resources.filter(|(other, _)| *other != address);
        let has = |entry: &Entry| {
            let known = entry.destination.as_ref().and_then(|it| it.id.as_deref());
            known == Some(id)
        };
        others
            .filter(|(_, entry)| has(entry))
            .map(|(other, _)| other)
            .next()
    }
}
