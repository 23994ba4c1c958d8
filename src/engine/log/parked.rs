//! Parked events: batches whose answer never came. Whoever decides sees them, asks Braze what those people have, and
//! releases or drops them.
