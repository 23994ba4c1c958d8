//! The limits past which an apply refuses. What they bound is counted in `diff/guard.rs`.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bound: a share (`30%`), a count (`1000`), or none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written", extend("examples" = ["30%", 1000, "none"]))]
pub enum Limit {
    /// Never refuses.
    None,
    /// A share in percent, 0 to 100; at 100 it never refuses.
    Percent(f64),
    /// A number of people, rows or data points.
    Count(u64),
}

/// A limit as YAML writes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    // The first, since editors word what fits nowhere as the first form does.
    Text(
        #[schemars(extend(
            "pattern" = "^([0-9]+|(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%|none)$",
            "patternErrorMessage" = "A bound: a share such as 30%, a count such as 1000, or none."
        ))]
        String,
    ),
    Count(u64),
}

impl TryFrom<Written> for Limit {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Count(count) => Ok(Self::Count(count)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<Limit> for Written {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Count(count) => Self::Count(count),
            other => Self::Text(other.to_string()),
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a limit: write 30%, 1000 or none");
        if text == "none" {
            return Ok(Self::None);
        }
        match text.strip_suffix('%') {
            Some(share) => match share.parse::<f64>() {
                Ok(share) if (0.0..=100.0).contains(&share) => Ok(Self::Percent(share)),
                _ => Err(wrong()),
            },
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Percent(share) => write!(f, "{share}%"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

/// The guards of the workspace or of one sync; what is absent falls back to the wider scope, then to the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guards {
    /// Removals, of the most rows recorded in 24 h, once there are 10. Default 30%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "30%"))]
    pub max_removals: Option<Limit>,
    /// Shrinking of the source against the most it held in 24 h. Default 50%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "50%"))]
    pub max_shrink: Option<Limit>,
    /// Data points of one apply. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "none"))]
    pub max_data_points: Option<Limit>,
    /// People an apply may create. Default 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 1000))]
    pub max_new_users: Option<Limit>,
    /// Rows that Braze refuses. Default 1%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "1%"))]
    pub max_refused: Option<Limit>,
    /// Rows with a usable identifier, at least. Default 0%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "0%"))]
    pub min_identified: Option<Limit>,
    /// Rows whose person Braze knows, at least, once 1,000 were asked. Default 0%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "0%"))]
    pub min_known: Option<Limit>,
}

impl Guards {
    /// Returns these guards with what they leave open taken from a wider scope.
    #[must_use]
    pub fn over(&self, wider: &Self) -> Self {
        Self {
            max_removals: self.max_removals.or(wider.max_removals),
            max_shrink: self.max_shrink.or(wider.max_shrink),
            max_data_points: self.max_data_points.or(wider.max_data_points),
            max_new_users: self.max_new_users.or(wider.max_new_users),
            max_refused: self.max_refused.or(wider.max_refused),
            min_identified: self.min_identified.or(wider.min_identified),
            min_known: self.min_known.or(wider.min_known),
        }
    }
}
