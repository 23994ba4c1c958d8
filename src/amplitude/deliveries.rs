//! How events of one stream were delivered (amplitude.md 9). Read by the project's keys; no call lists the streams.

use serde::Deserialize;

use super::{Error, Reader};
use crate::{http::encode, model::Deliveries};

const PATH: &str = "/api/2/event-streaming/delivery-metrics-summary";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    #[serde(default)]
    events_delivered: u64,
    #[serde(default)]
    events_not_delivered: u64,
    #[serde(default)]
    delivery_rate: Option<f64>,
    #[serde(default)]
    latency_in_seconds: Option<f64>,
}

impl Reader {
    /// Returns how the events of a stream were delivered over the last day.
    pub async fn deliveries(&self, sync: &str) -> Result<Deliveries, Error> {
        let url = format!("{PATH}?sync_id={}&time_period=ONE_DAY", encode(sync));
        let answer = self.get(PATH, &url).await?;
        let summary: Summary =
            serde_json::from_slice(&answer.body).map_err(|error| Error::Unexpected {
                path: PATH,
                what: format!("line {} column {}", error.line(), error.column()),
            })?;
        Ok(Deliveries {
            delivered: summary.events_delivered,
            undelivered: summary.events_not_delivered,
            rate: summary.delivery_rate.unwrap_or_default(),
            p95_seconds: summary.latency_in_seconds.unwrap_or_default(),
        })
    }
}
