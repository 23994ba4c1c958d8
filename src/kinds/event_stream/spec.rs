//! What a `kind: event_stream` sync may say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::kinds::cohort::RunBy;

/// Events of Amplitude, as custom events or purchases in Braze.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Where events are read. `export` is behind Amplitude's documented delay; `webhook` needs the service.
    pub from: Source,
    /// The first moment that is sent, by when Amplitude received an event. Required of `export`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start_at: Option<Timestamp>,
    /// The moment before which sending ends, by when Amplitude received an event. Default never.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub stop_at: Option<Timestamp>,
    /// The events that are sent; no other is. Of several entries with one name the first that matches takes an event.
    #[schemars(length(min = 1))]
    pub events: Vec<Event>,
    /// The properties that travel; no other does. What is null does not.
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
    Name(#[schemars(length(min = 1))] String),
    /// Some of them, or as something else.
    Filtered {
        /// Name of the event in Amplitude.
        #[schemars(length(min = 1))]
        name: String,
        /// What each property must be, such as `{event.plan: pro, event.amount: {min: 5}}`: `event.` or `user.`, and the
        /// name of the property. A name may have dots and spaces in it; where no property has the whole name, a dot
        /// leads into an object. All must hold. An array is what any of its elements is.
        #[serde(default, rename = "where")]
        filter: BTreeMap<String, Condition>,
        /// Name of the event in Braze. Default: as in Amplitude. A purchase has none.
        #[serde(default)]
        #[schemars(length(min = 1))]
        rename: Option<String>,
        /// What this event becomes in Braze.
        #[serde(default, rename = "as")]
        kind: Option<Becomes>,
        /// How a purchase is made of it, with `as: purchase`.
        #[serde(default)]
        purchase: Option<Box<Purchase>>,
    },
}

/// No condition.
static ALL: BTreeMap<String, Condition> = BTreeMap::new();

impl Event {
    /// Returns its name in Amplitude.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Filtered { name, .. } => name,
        }
    }

    /// Returns its name in Braze.
    pub fn in_braze(&self) -> &str {
        match self {
            Self::Filtered {
                rename: Some(name), ..
            } => name,
            _ => self.name(),
        }
    }

    /// Returns what its properties must be.
    pub fn filter(&self) -> &BTreeMap<String, Condition> {
        match self {
            Self::Name(_) => &ALL,
            Self::Filtered { filter, .. } => filter,
        }
    }

    /// Returns what it becomes in a sync.
    pub fn becomes(&self, spec: &Spec) -> Becomes {
        let own = match self {
            Self::Name(_) => None,
            Self::Filtered { kind, .. } => *kind,
        };
        own.or(spec.kind).unwrap_or(Becomes::Event)
    }

    /// Returns how a purchase is made of it, where it says so itself.
    pub fn purchase(&self) -> Option<&Purchase> {
        match self {
            Self::Name(_) => None,
            Self::Filtered { purchase, .. } => purchase.as_deref(),
        }
    }
}

/// What a property must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Condition {
    /// One of these.
    AnyOf(#[schemars(length(min = 1))] Vec<Scalar>),
    /// There, or not there; null is not there.
    Present {
        /// Whether it is there.
        present: bool,
    },
    /// Within bounds, both included. Numbers, or times: `2026-11-01`, `2026-11-01T08:00:00Z`.
    Within {
        /// The least.
        #[serde(default)]
        min: Option<Bound>,
        /// The most.
        #[serde(default)]
        max: Option<Bound>,
    },
    /// This. A number is equal to a text that reads as the same number, and `true` to the text `true`.
    Equal(Scalar),
}

/// A value by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

/// An end of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Bound {
    /// A number.
    Number(Number),
    /// A time as text.
    Time(String),
}

/// Properties that travel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Properties {
    /// Event properties.
    #[serde(default)]
    pub event: Vec<Picked>,
    /// User properties.
    #[serde(default)]
    pub user: Vec<Picked>,
}

/// A property that travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Picked {
    /// Under its own name. A dot leads into an object where no property has the whole name.
    Name(#[schemars(length(min = 1))] String),
    /// Under another name.
    Renamed {
        /// Its name in Amplitude.
        #[schemars(length(min = 1))]
        from: String,
        /// Its name in Braze.
        #[schemars(length(min = 1))]
        to: String,
    },
}

impl Picked {
    /// Returns its name in Amplitude.
    pub fn from(&self) -> &str {
        match self {
            Self::Name(name) | Self::Renamed { from: name, .. } => name,
        }
    }

    /// Returns its name in Braze.
    pub fn to(&self) -> &str {
        match self {
            Self::Name(name) | Self::Renamed { to: name, .. } => name,
        }
    }
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

/// How a purchase is made of an event: names of event properties, `user.` and the name of a user property, or
/// `{value: …}`. A number may stand in a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// Product, 1 to 255 letters.
    pub product_id: Part,
    /// Price of one; Braze multiplies by the quantity. A refund has a negative one.
    #[serde(default)]
    pub price: Option<Part>,
    /// Price of all, instead of `price`; divided by the quantity where that leaves whole cents (of yen, whole yen).
    /// Where it does not, a purchase of one goes to Braze, with the quantity as its property `units`.
    #[serde(default)]
    pub revenue: Option<Part>,
    /// ISO 4217 code, three letters.
    pub currency: Part,
    /// How many: a whole number, at least 1. Default 1. More than 100 go to Braze as one, with the price of all and the
    /// quantity as its property `units`.
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
