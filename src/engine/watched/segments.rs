//! Segments of Braze that filter: found by name, compared as far as Braze tells.

use super::Looked;
use crate::engine::{Error, draft::Drafting};

impl Drafting<'_> {
    /// Looks at every selected segment.
    #[expect(
        clippy::unused_async,
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "to be filled"
    )]
    pub(super) async fn segments(&mut self) -> Result<Vec<Looked>, Error> {
        Ok(vec![])
    }
}
