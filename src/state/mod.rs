//! What Syncform remembers: manifest, ledgers, deltas, journal, lease, cache. It decides nothing.

mod files;
mod table;

pub mod answers;
pub mod archive;
pub mod budget;
pub mod delta;
pub mod events;
pub mod gathered;
pub mod journal;
pub mod lease;
pub mod ledger;
pub mod manifest;
pub mod purge;
pub mod refusals;
pub mod relation;
pub mod runs;
pub mod seen;
pub mod spool;
pub mod store;
pub mod winnow;

mod error;

pub use error::Error;

pub use files::{
    directory, list as list_files, read as read_file, remove as remove_file, rename as rename_file,
    safe as safe_name, temporary as temporary_file, write as write_file, write_pieces,
};
