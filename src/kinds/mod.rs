//! One file a kind of sync; the only room where Amplitude meets Braze.
