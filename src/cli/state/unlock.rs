//! `syncform state unlock`: on a local disk the lease is a lock of the operating system, freed by the end of its process
//! and by nothing else. So this says who holds it, and breaks nothing.

use crate::{
    cli::{
        failure::{Exit, Failure},
        talk,
    },
    state::{lease::Lease, store::Store},
};

pub(super) fn run(store: &Store) -> Result<Exit, Failure> {
    let Some(holder) = Lease::holder(store.root())? else {
        talk::result("Nobody holds the lease: there is nothing to unlock.\n")?;
        return Ok(Exit::Done);
    };
    Err(Failure::Message {
        exit: Exit::Leased,
        message: format!("the state is leased to {holder}"),
        hint: Some(
            "let it end, or end that process: its end frees the lease at once, a kill too, and the next apply records \
             what it sent"
                .to_owned(),
        ),
    })
}
