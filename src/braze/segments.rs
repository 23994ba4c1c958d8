//! Segments, read only: no public endpoint writes them.

use super::{Error, Reader, wire::SegmentList};

const LIST: &str = "/segments/list";

/// Where the list is, for what its answers' heads tell.
pub const LIST_PATH: &str = LIST;

impl Reader {
    /// Returns the id of the workspace's oldest segment: it tells a rotated key from another workspace.
    pub async fn oldest_segment(&self) -> Result<Option<String>, Error> {
        let query = "?page=0&sort_direction=asc";
        let answer = self.client.get(LIST, query, &self.limiter).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.client.refused(LIST, &answer));
        }
        let list: SegmentList =
            serde_json::from_slice(&answer.body).map_err(|_| Error::Unexpected { path: LIST })?;
        Ok(list.segments.into_iter().next().map(|segment| segment.id))
    }
}
