//! Every wait that matters: reading, sending, committing. What to do is decided in `diff`, how it looks in `render`.

mod apply;
mod compute;
mod departure;
mod draft;
mod error;
mod fold;
mod observe;
mod plan;
mod price;
mod rearrange;
mod send;
mod session;
mod subject;
mod target;
mod ticker;

pub use apply::{Prepared, apply, prepare};
pub use error::Error;
pub use plan::{Planned, plan};
pub use session::{Events, How, Identity, Session, Told};
