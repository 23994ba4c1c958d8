//! Whether a stream delivers as it must. Where nothing was to be delivered, nothing is violated.

use crate::model::Deliveries;

/// What must hold of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Share that arrives, at least, in percent.
    pub min_delivery_rate: Option<f64>,
    /// Seconds until 95 of 100 arrived, at most.
    pub max_p95_seconds: Option<u64>,
}

/// A bound that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which: `health.min_delivery_rate`, `health.max_p95_seconds`.
    pub path: &'static str,
    /// As it must be.
    pub limit: String,
    /// As it is.
    pub found: String,
}

/// Returns the bounds that do not hold.
pub fn violations(bounds: Bounds, found: Deliveries) -> Vec<Violation> {
    if found.delivered + found.undelivered == 0 {
        return vec![];
    }
    let percent = found.rate * 100.0;
    let rate = bounds.min_delivery_rate.filter(|least| percent < *least);
    let rate = rate.map(|least| Violation {
        path: "health.min_delivery_rate",
        limit: format!("{least}%"),
        found: format!("{percent:.2}%"),
    });
    let most = bounds.max_p95_seconds;
    let slow = most.filter(|most| found.p95_seconds > *most as f64);
    let slow = slow.map(|most| Violation {
        path: "health.max_p95_seconds",
        limit: format!("{most} s"),
        found: format!("{:.1} s", found.p95_seconds),
    });
    rate.into_iter().chain(slow).collect()
}
