//! Currents.
