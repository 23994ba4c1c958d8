//! What a `kind: event_stream` sync may say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kinds::cohort::RunBy;

/// Events of Amplitude, as custom events or purchases in Braze.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Where events are read. `export` is behind Amplitude's documented delay; `webhook` needs the service.
    pub from: Source,
    /// The first moment that is sent. Required of `export`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start_at: Option<Timestamp>,
    /// The events that are sent; no other is.
    pub events: Vec<Event>,
    /// The properties that travel; no other does.
    #[serde(default)]
    pub properties: Option<Properties>,
    /// What every event becomes in Braze. Default event.
    #[serde(default, rename = "as")]
    pub kind: Option<Becomes>,
    /// How a purchase is made of an event, with `as: purchase`.
    #[serde(default)]
    pub purchase: Option<Purchase>,
    /// What happens to a batch whose answer was lost. Default at_most_once.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// Who moves the data. Default syncform.
    #[serde(default)]
    pub run_by: Option<RunBy>,
}

/// Where events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The Export API.
    Export,
    /// The webhook stream, in the service.
    Webhook,
}

/// One event that is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Event {
    /// Every event of a name.
    Name(String),
    /// Some of them, or as something else.
    Filtered {
        /// Name of the event in Amplitude.
        name: String,
        /// Properties and the value each must have, such as `{event.plan: pro}`.
        #[serde(default, rename = "where")]
        filter: BTreeMap<String, Value>,
        /// What this event becomes in Braze.
        #[serde(default, rename = "as")]
        kind: Option<Becomes>,
        /// How a purchase is made of it, with `as: purchase`.
        #[serde(default)]
        purchase: Option<Box<Purchase>>,
    },
}

/// Properties that travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Properties {
    /// Event properties.
    #[serde(default)]
    pub event: Vec<String>,
    /// User properties.
    #[serde(default)]
    pub user: Vec<String>,
}

/// What an event becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Becomes {
    /// A custom event.
    Event,
    /// A purchase.
    Purchase,
}

/// How a purchase is made of an event: names of properties, or `{value: …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// Product.
    pub product_id: Part,
    /// Price of one; Braze multiplies by the quantity.
    #[serde(default)]
    pub price: Option<Part>,
    /// Price of all, instead of `price`; divided by the quantity.
    #[serde(default)]
    pub revenue: Option<Part>,
    /// ISO 4217 code.
    pub currency: Part,
    /// How many. Default 1.
    #[serde(default)]
    pub quantity: Option<Part>,
}

/// A property's name, or a constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Part {
    /// Name of a property.
    Property(String),
    /// The same for every event.
    Constant {
        /// The value.
        value: Value,
    },
}

/// What happens to a batch whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It is parked for a person to decide.
    AtMostOnce,
    /// It is sent again, and counted.
    AtLeastOnce,
}
