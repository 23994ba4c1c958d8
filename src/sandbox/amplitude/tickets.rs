//! How many requests may be under way at once (amplitude.md 2), from their arrival to their last byte.
//! It must not look inside a request.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Amplitude, envelope::too_many};
use crate::sandbox::{app::App, options::Limits};

/// A place among the requests under way.
pub(crate) enum Ticket {
    /// This route has no such limit.
    Free,
    /// Places, kept until the answer is sent.
    Held(Vec<OwnedSemaphorePermit>),
    /// No place left: the answer.
    Refused(Box<Response>),
}

/// Takes a place for a request of this route. The five that cohort downloads and Dashboard REST have together are read
/// strictly: each step of a download takes one, asking and polling as well. There is no Dashboard REST endpoint here
/// yet; one that comes takes its place in this table. Signed addresses are another host's.
pub(crate) fn ticket(app: &App, template: &str) -> Ticket {
    let Amplitude {
        asking,
        together,
        measuring,
        ..
    } = &app.amplitude;
    let wanted: &[&Arc<Semaphore>] = match template {
        _ if app.options.limits == Limits::Off => &[],
        "/api/5/cohorts/request/{id}" => &[asking, together],
        "/api/5/cohorts/request-status/{id}"
        | "/api/5/cohorts/request/{id}/file"
        | super::export::PATH => &[together],
        super::metrics::PATH => &[measuring],
        _ => &[],
    };
    if wanted.is_empty() {
        return Ticket::Free;
    }
    let places = wanted
        .iter()
        .map(|places| Arc::clone(places).try_acquire_owned());
    // A place taken beside one that was refused is given back at once.
    places.collect::<Result<_, _>>().map_or_else(
        |_| {
            let details = "Exceeded concurrent limit with query of cost 1";
            Ticket::Refused(Box::new(too_many(details)))
        },
        Ticket::Held,
    )
}

impl Ticket {
    /// Ties the places to the answer's body.
    pub(crate) fn keep_with(self, response: Response) -> Response {
        let Self::Held(places) = self else {
            return response;
        };
        response.map(|body| {
            Body::new(Holding {
                body,
                _places: places,
            })
        })
    }
}

struct Holding {
    body: Body,
    _places: Vec<OwnedSemaphorePermit>,
}

impl hyper::body::Body for Holding {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
