//! Whether Braze knows the people who are sent to, one after the other in the order of their keys.

use super::Seeds;
use crate::{
    model::{Key, Member, Standing},
    state::Error,
};

/// Walks along what Braze said.
pub(in crate::engine) struct Known {
    rows: Box<dyn Iterator<Item = Result<Member, Error>>>,
    head: Option<Member>,
}

impl Seeds {
    /// Begins a walk.
    pub(in crate::engine) fn known(&self) -> Result<Known, Error> {
        let mut rows: Box<dyn Iterator<Item = Result<Member, Error>>> = match &self.known {
            Some(known) => Box::new(known.rows()),
            None => Box::new(std::iter::empty()),
        };
        let head = rows.next().transpose()?;
        Ok(Known { rows, head })
    }
}

impl Known {
    /// Returns what is known of a person; keys must ascend.
    pub(in crate::engine) fn of(&mut self, key: &Key) -> Result<Standing, Error> {
        while self.head.as_ref().is_some_and(|head| head.key < *key) {
            self.head = self.rows.next().transpose()?;
        }
        let head = self.head.as_ref().filter(|head| head.key == *key);
        Ok(match head {
            None => Standing::Unasked,
            Some(head) if head.value.is_empty() => Standing::Nobody,
            Some(_) => Standing::There,
        })
    }
}
