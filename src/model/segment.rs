//! A segment of Braze as it is told, without its wire shape. Its filters are told as free text alone.

use serde::{Deserialize, Serialize};

/// What the list tells of a segment. Archived ones are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Braze's id.
    pub id: String,
    /// Its name; uniqueness is nowhere promised.
    pub name: String,
    /// Whether analytics tracking is on.
    pub analytics_tracking: bool,
    /// Its tags.
    pub tags: Vec<String>,
}

/// What Braze tells of one segment. Which of the two texts is the filters, and which one somebody typed, is documented, and
/// reads as if swapped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentDetails {
    /// By the documentation the filters.
    pub description: String,
    /// By the documentation what somebody typed.
    pub text_description: String,
    /// Its tags, where they are told.
    pub tags: Option<Vec<String>>,
    /// Its teams, where they are told.
    pub teams: Option<Vec<String>>,
    /// When it was last changed, as Braze writes it.
    pub updated_at: Option<String>,
}
