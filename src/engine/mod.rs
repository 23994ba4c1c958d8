//! Every wait that matters: reading, sending, committing. What to do is decided in `diff`, how it looks in `render`.

mod apply;
mod asking;
mod compute;
mod departure;
mod doctor;
mod draft;
mod ending;
mod error;
mod fold;
mod listed;
mod meaning;
mod observe;
mod online;
mod pending;
mod plan;
mod price;
#[expect(
    dead_code,
    reason = "the plan calls it with the first kind that reads profiles"
)]
mod profiles;
mod rearrange;
mod rebind;
mod rest;
mod saved;
mod send;
mod services;
mod session;
mod subject;
mod target;
mod ticker;
mod units;
mod valued;
mod writer;
mod written;

pub use apply::{Prepared, apply, prepare};
pub use doctor::{FORGETS, FORGETS_HINT, Look, Surroundings, Unopened, doctor};
pub use error::Error;
pub use online::online;
pub use plan::{Planned, plan};
pub use rebind::{Bound, Rebinding, prepare_rebind, rebind};
pub use saved::{About, SavedPlan, open as open_plan, save as save_plan};
pub use services::{Service, Services};
pub use session::{Events, How, Identity, Refresh, Session, Told};
pub use target::OTHER_HINT;
