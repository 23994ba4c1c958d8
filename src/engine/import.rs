//! Reads what runs already in both services, for a configuration to declare: two lists, and of each segment that is not
//! declared yet its texts. It keeps nothing and writes nothing.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::Error;
use crate::{
    amplitude, braze,
    config::Configuration,
    kinds::{Declared, imported},
    model::Imported,
};

/// Segments that are asked for side by side.
const AT_ONCE: usize = 8;

/// Reads what runs already and no configuration declares.
pub async fn import(
    amplitude: &amplitude::Reader,
    braze: &braze::Reader,
    configuration: Option<&Configuration>,
) -> Result<Imported, Error> {
    let declared = Declared::of(configuration);
    let (cohorts, segments) = tokio::join!(amplitude.cohorts(), braze.segments());
    let (cohorts, segments) = (cohorts?, segments?);
    let unknown = segments
        .into_iter()
        .filter(|segment| !declared.holds(&segment.name));
    let segments: Vec<_> = stream::iter(unknown)
        .map(async |segment| {
            let details = braze.segment_details(&segment.id).await?;
            Ok::<_, Error>((segment, details))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(imported(&declared, &cohorts, &segments))
}
