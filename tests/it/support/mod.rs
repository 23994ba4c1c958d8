//! What the tests share: the data, the scenario maker, the harness and the independent truth.
//! Nothing here uses the program's own code.

pub(crate) mod accounts;
pub(crate) mod binary;
pub(crate) mod bucket;
pub(crate) mod cdnow;
pub(crate) mod http;
#[cfg(target_os = "linux")]
pub(crate) mod many;
pub(crate) mod project;
pub(crate) mod source;
pub(crate) mod terminal;
pub(crate) mod truth;
pub(crate) mod values;
pub(crate) mod world;
