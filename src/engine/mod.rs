//! Every wait that matters: reading, sending, committing. What to do is decided in `diff`, how it looks in `render`.

mod apply;
mod compute;
mod departure;
mod draft;
mod ending;
mod error;
mod fold;
mod listed;
mod meaning;
mod observe;
mod pending;
mod plan;
mod price;
mod rearrange;
mod rebind;
mod rest;
mod saved;
mod send;
mod session;
mod subject;
mod target;
mod ticker;
mod units;
mod writer;
mod written;

pub use apply::{Prepared, apply, prepare};
pub use error::Error;
pub use plan::{Planned, plan};
pub use rebind::{Bound, Rebinding, prepare_rebind, rebind};
pub use saved::{About, SavedPlan, open as open_plan, save as save_plan};
pub use session::{Events, How, Identity, Refresh, Session, Told};
