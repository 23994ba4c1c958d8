//! Every decision, and nothing that waits: no `async`, no file, no clock.

pub mod aside;
pub mod ask;
pub mod batch;
pub mod catalogue;
pub mod checkup;
pub mod cursor;
pub mod decide;
pub mod estimate;
pub mod evidence;
pub mod fate;
pub mod fields;
pub mod guard;
pub mod identify;
pub mod interval;
pub mod join;
pub mod leaving;
pub mod merge;
pub mod outcomes;
pub mod person;
pub mod pin;
pub mod presence;
pub mod sample;
pub mod select;
pub mod tally;
pub mod values;
pub mod verify;
