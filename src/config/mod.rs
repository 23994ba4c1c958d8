//! YAML in, located documents out. This room knows no service and touches nothing but the files it is given.

mod document;
mod file;

pub use document::*;
pub use file::File;
