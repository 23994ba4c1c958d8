//! Delivery figures of an account's stream, and whether they hold. They are read with the project's keys.

use serde_json::json;

use super::{
    super::{Error, Refresh, Session, draft::Drafting},
    said,
};
use crate::{
    config::Resource,
    diff::destination::{Bounds, Violation, violations},
    kinds::destination::{self, Spec},
    model::{
        Deliveries,
        plan::{Drift, Problem},
    },
};

/// What a stream delivers, and which of its bounds that violates.
pub(in crate::engine) struct Delivering {
    pub(in crate::engine) found: Deliveries,
    pub(in crate::engine) violations: Vec<Violation>,
}

/// Reads the figures of an account; none where it declares no bounds.
pub(in crate::engine) async fn delivering(
    session: &Session,
    spec: &Spec,
) -> Result<Option<Delivering>, crate::amplitude::Error> {
    let Some(health) = &spec.health else {
        return Ok(None);
    };
    let found = session.amplitude.deliveries(&health.sync_id).await?;
    let bounds: Bounds = destination::bounds(health);
    Ok(Some(Delivering {
        found,
        violations: violations(bounds, found),
    }))
}

impl Drafting<'_> {
    /// Returns what is shown of an account's figures, and warns where they do not hold.
    pub(super) async fn health(
        &mut self,
        resource: &Resource,
        spec: &Spec,
    ) -> Result<Option<String>, Error> {
        if self.session.how.refresh == Refresh::None {
            return Ok(None);
        }
        let mut warn = |message: String, hint: Option<String>| {
            self.plan.warnings.push(Problem {
                address: Some(resource.address.clone()),
                message,
                hint,
            });
        };
        let delivering = match delivering(self.session, spec).await {
            Ok(None) => return Ok(None),
            Ok(Some(delivering)) => delivering,
            Err(error) => {
                let unknown = matches!(error.status(), Some(400 | 404));
                let (message, mut hint) = said(error)?;
                if unknown {
                    let what = "see that health.sync_id is the number under the title of the sync in Amplitude";
                    hint = Some(what.to_owned());
                }
                warn(
                    format!("its delivery figures cannot be read: {message}"),
                    hint,
                );
                return Ok(None);
            }
        };
        for Violation { path, limit, found } in &delivering.violations {
            let hint = "see the stream's debugger in Amplitude, and the log of the other side";
            let address = &resource.address;
            let drift = Drift {
                address: address.clone(),
                path: (*path).to_owned(),
                before: json!(limit),
                after: json!(found),
            };
            let warning = Problem {
                address: Some(address.clone()),
                message: format!("{path} is {limit}, and over the last day it was {found}"),
                hint: Some(hint.to_owned()),
            };
            self.unwell.push((drift, warning));
        }
        let found = delivering.found;
        Ok(Some(match found.delivered + found.undelivered {
            0 => "nothing was delivered over the last day".to_owned(),
            all => format!(
                "{:.2}% of {} delivered over the last day, 95% within {:.1} s",
                found.rate * 100.0,
                crate::model::counted(all, "event"),
                found.p95_seconds
            ),
        }))
    }
}
