//! What the tests share: the data, the scenario maker, the harness and the independent truth.
//! Nothing here uses the program's own code.

pub(crate) mod cdnow;
pub(crate) mod truth;
