//! Draws what other rooms found, for eyes and machines. It never sees a client and decides nothing.

pub mod diagnostic;
