//! Segments, read only: no public endpoint writes them. All pages of the list, what is told of one, and its size by day.

use super::{
    Error, Reader,
    wire::{SegmentAbout, SegmentList, SegmentSizes},
};
use crate::model::{Segment, SegmentDetails};

const LIST: &str = "/segments/list";

/// Where the list is, for what its answers' heads tell.
pub const LIST_PATH: &str = LIST;
/// Where one segment is told.
pub const DETAILS_PATH: &str = "/segments/details";
/// Where the size of one is told.
pub const SIZES_PATH: &str = "/segments/data_series";

/// Segments of a page; one with fewer is the last (its page).
const PAGE: usize = 100;
/// The most pages that are read: a list that never ends is none.
const PAGES: usize = 10_000;
/// Days of sizes that are asked for: today's may not be there yet.
const DAYS: u32 = 7;

impl Reader {
    /// Returns the id of the workspace's oldest segment: it tells a rotated key from another workspace.
    pub async fn oldest_segment(&self) -> Result<Option<String>, Error> {
        let list: SegmentList = self.told(LIST, "?page=0&sort_direction=asc").await?;
        Ok(list.segments.into_iter().next().map(|segment| segment.id))
    }

    /// Lists all segments that are not archived, oldest first, 100 a request. A segment that is made meanwhile comes last;
    /// one that moves from page to page is listed once.
    pub async fn segments(&self) -> Result<Vec<Segment>, Error> {
        let mut all: Vec<Segment> = vec![];
        let mut known = std::collections::HashSet::new();
        for page in 0..PAGES {
            let query = format!("?page={page}&sort_direction=asc");
            let list: SegmentList = self.told(LIST, &query).await?;
            let count = list.segments.len();
            let segments = list.segments.into_iter().map(|item| Segment {
                id: item.id,
                name: item.name,
                analytics_tracking: item.analytics_tracking_enabled,
                tags: item.tags.unwrap_or_default(),
            });
            all.extend(segments.filter(|segment| known.insert(segment.id.clone())));
            if count < PAGE {
                return Ok(all);
            }
        }
        Err(Error::Unexpected { path: LIST })
    }

    /// Reads what is told of one segment.
    pub async fn segment_details(&self, id: &str) -> Result<SegmentDetails, Error> {
        let query = format!("?segment_id={}", super::attributes::encoded(id));
        let about: SegmentAbout = self.told(DETAILS_PATH, &query).await?;
        Ok(SegmentDetails {
            description: about.description.unwrap_or_default(),
            text_description: about.text_description.unwrap_or_default(),
            tags: about.tags,
            teams: about.teams,
            updated_at: about.updated_at,
        })
    }

    /// Reads the newest size that Braze estimates of a segment; none where it tells none.
    pub async fn segment_size(&self, id: &str) -> Result<Option<u64>, Error> {
        let id = super::attributes::encoded(id);
        let query = format!("?segment_id={id}&length={DAYS}");
        let sizes: SegmentSizes = self.told(SIZES_PATH, &query).await?;
        let newest = sizes.data.into_iter().max_by(|a, b| a.time.cmp(&b.time));
        Ok(newest.and_then(|day| day.size))
    }

    async fn told<T: serde::de::DeserializeOwned>(
        &self,
        path: &'static str,
        query: &str,
    ) -> Result<T, Error> {
        let answer = self.client.get(path, query, &self.limiter).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.client.refused(path, &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|_| Error::Unexpected { path })
    }
}
