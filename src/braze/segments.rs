//! Segments, read only: no public endpoint writes them.

use super::{
    Error, Reader,
    wire::{self, SegmentItem, SegmentList},
};
use crate::http::encode;

const LIST: &str = "/segments/list";
pub(super) const DETAILS: &str = "/segments/details";
/// Segments of a page; one with fewer is the last (braze.md 13.1).
const PAGE: usize = 100;
/// Pages of a list that ends; more is a list that does not.
const PAGES: usize = 10_000;

/// Where the list is, for what its answers' heads tell.
pub const LIST_PATH: &str = LIST;

/// A segment as it is listed. Archived ones are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether its size is tracked.
    pub analytics_tracking: bool,
}

/// What else is told of a segment. Which of the texts is the filter is documented as if swapped (braze.md 13.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentDetails {
    /// Moves with each edit.
    pub updated_at: String,
    /// One text.
    pub description: String,
    /// The other one.
    pub text_description: String,
    /// Its tags.
    pub tags: Vec<String>,
}

impl Reader {
    /// Lists all segments of the workspace, oldest first.
    pub async fn segments(&self) -> Result<Vec<Segment>, Error> {
        let mut segments: Vec<Segment> = vec![];
        for page in 0..PAGES {
            let found = self.segments_page(page).await?;
            let last = found.len() < PAGE;
            segments.extend(found.into_iter().map(segment));
            if last {
                return Ok(segments);
            }
        }
        Err(Error::Unexpected { path: LIST })
    }

    /// Tells more of a segment.
    pub async fn segment_details(&self, id: &str) -> Result<SegmentDetails, Error> {
        let query = format!("?segment_id={}", encode(id));
        let answer = self.client.get(DETAILS, &query, &self.limiter).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.client.refused(DETAILS, &answer));
        }
        let told: wire::SegmentDetails = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::Unexpected { path: DETAILS })?;
        Ok(SegmentDetails {
            updated_at: told.updated_at.unwrap_or_default(),
            description: told.description.unwrap_or_default(),
            text_description: told.text_description.unwrap_or_default(),
            tags: told.tags.unwrap_or_default(),
        })
    }

    /// Returns the id of the workspace's oldest segment: it tells a rotated key from another workspace.
    pub async fn oldest_segment(&self) -> Result<Option<String>, Error> {
        let first = self.segments_page(0).await?;
        Ok(first.into_iter().next().map(|segment| segment.id))
    }

    async fn segments_page(&self, page: usize) -> Result<Vec<SegmentItem>, Error> {
        let query = format!("?page={page}&sort_direction=asc");
        let answer = self.client.get(LIST, &query, &self.limiter).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.client.refused(LIST, &answer));
        }
        let list: SegmentList =
            serde_json::from_slice(&answer.body).map_err(|_| Error::Unexpected { path: LIST })?;
        Ok(list.segments)
    }
}

fn segment(item: SegmentItem) -> Segment {
    Segment {
        id: item.id,
        name: item.name,
        tags: item.tags.unwrap_or_default(),
        analytics_tracking: item.analytics_tracking_enabled.unwrap_or(false),
    }
}
