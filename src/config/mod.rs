//! YAML in, located documents out. This room knows no service and touches nothing but the files it is given.

mod assemble;
mod check;
mod cron;
mod dispatch;
mod document;
mod environment;
mod file;
mod filling;
mod gaps;
mod instance;
mod load;
mod locate;
mod mask;
mod meaning;
mod mend;
mod references;
mod report;
mod request;
mod resolve;
mod secrets;
mod source;
mod suggest;
mod syntax;
mod template;
mod tree;
mod wanted;

pub use assemble::SANDBOX;
pub use document::*;
pub use file::File;
pub use instance::{dashboard, names as instances, of as instance_of, wrong_url};
pub use locate::sort;
pub(crate) use suggest::{either, nearest};

pub use request::{Request, Survey, load, load_checked, survey};
pub use secrets::is_secret_parameter;
