//! Accounts of Amplitude at other services: compared field by field, and patched.
//!
//! # Guarantees
//! Each change is committed as soon as it is acknowledged, before anything is sent that rows are in. Creating one is never
//! idempotent: one that was created and not committed is found again by its name, which is unique.

use super::{Error, Session, draft::Drafting};
use crate::{
    model::{Address, ResourceReport},
    state::manifest::{Entry, Manifest},
};

/// What is to be done with one account.
#[expect(dead_code, reason = "to be filled")]
pub(super) struct DestinationWork {
    pub(super) address: Address,
    /// What is remembered of it once that is done; none where it goes.
    pub(super) next: Option<Entry>,
}

impl Drafting<'_> {
    /// Plans every selected account, those that go too.
    #[expect(
        clippy::unused_async,
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "to be filled"
    )]
    pub(super) async fn destinations(&mut self) -> Result<Vec<DestinationWork>, Error> {
        Ok(vec![])
    }
}

/// Carries out what was planned, one account after the other, and commits each. A failure of one is told in its report and
/// does not stop the others.
#[expect(
    clippy::unused_async,
    clippy::unnecessary_wraps,
    reason = "to be filled"
)]
pub(super) async fn apply(
    _session: &Session,
    _manifest: &mut Manifest,
    works: Vec<DestinationWork>,
    _run: &str,
) -> Result<Vec<ResourceReport>, Error> {
    for DestinationWork {
        address: _,
        next: _,
    } in works
    {}
    Ok(vec![])
}
