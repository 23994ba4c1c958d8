//! Event streams through the real binary: every order of the shop arrives in Braze as a purchase, exactly once, whatever
//! happens on the way; what cannot be sent is counted. Time is the clock's, moved by `--ahead`.

mod counted;
mod cursors;
mod downloads;
mod killed;
mod once;
mod rules;
mod shop;
