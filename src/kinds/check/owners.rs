//! Target units: what one sync writes and nobody else may.

use std::collections::HashMap;

use super::error;
use crate::{
    config::Resource,
    model::{Address, Diagnostic},
};

/// Who writes what.
#[derive(Default)]
pub(super) struct Owners {
    /// Attributes that one sync writes whole.
    whole: HashMap<String, Address>,
    arrays: HashMap<String, Address>,
    labels: HashMap<(String, String), Address>,
    imports: HashMap<String, Address>,
}

impl Owners {
    /// An attribute that is written whole, a flag or a value, named at a pointer.
    pub(super) fn whole(
        &mut self,
        resource: &Resource,
        pointer: &str,
        attribute: &str,
        found: &mut Vec<Diagnostic>,
    ) {
        let whole = self.whole.get(attribute);
        match whole.or_else(|| self.arrays.get(attribute)) {
            Some(other) if *other == resource.address => {
                let message = format!("`{other}` writes the attribute `{attribute}` twice");
                let hint = "name another attribute, or take one of the two out".to_owned();
                let code = "two-owners";
                found.push(error(&resource.origin, pointer, code, message, Some(hint)));
            }
            Some(other) => {
                let what = format!("the attribute `{attribute}`");
                found.push(owned(resource, pointer, other, &what));
            }
            None => {
                self.whole
                    .insert(attribute.into(), resource.address.clone());
            }
        }
    }

    /// A label in an array.
    pub(super) fn array(
        &mut self,
        resource: &Resource,
        attribute: &str,
        label: String,
        found: &mut Vec<Diagnostic>,
    ) {
        // Values are looked at after cohorts.
        if let Some(other) = self.whole.get(attribute) {
            let what = format!("the attribute `{attribute}`, as a flag");
            found.push(owned(resource, "/to/attribute_array", other, &what));
            return;
        }
        self.arrays
            .entry(attribute.into())
            .or_insert_with(|| resource.address.clone());
        let words = label.trim_start_matches('\0').to_owned();
        let unit = (attribute.to_owned(), label);
        if let Some(other) = self.labels.get(&unit) {
            let what = format!("the label `{words}` in the attribute `{attribute}`");
            found.push(owned(resource, "/to/attribute_array", other, &what));
        } else {
            self.labels.insert(unit, resource.address.clone());
        }
    }

    /// A cohort of partner cohort import.
    pub(super) fn import(&mut self, resource: &Resource, id: String, found: &mut Vec<Diagnostic>) {
        if let Some(other) = self.imports.get(&id) {
            let what = format!("the imported cohort `{id}`");
            found.push(owned(resource, "/to", other, &what));
        } else {
            self.imports.insert(id, resource.address.clone());
        }
    }
}

fn owned(resource: &Resource, pointer: &str, other: &Address, what: &str) -> Diagnostic {
    let message = format!(
        "`{}` writes {what}, which `{other}` writes already",
        resource.address
    );
    let hint = "one target has one owner: name another attribute or label, or keep one of the two"
        .to_owned();
    error(&resource.origin, pointer, "two-owners", message, Some(hint))
}
