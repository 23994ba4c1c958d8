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
use tokio::sync::OwnedSemaphorePermit;

use super::envelope::too_many;
use crate::sandbox::{app::App, options::Limits};

/// A place among the requests under way.
pub(crate) enum Ticket {
    /// This route has no such limit.
    Free,
    /// A place, kept until the answer is sent.
    Held(OwnedSemaphorePermit),
    /// No place left: the answer.
    Refused(Box<Response>),
}

/// Takes a place for a request of this route.
pub(crate) fn ticket(app: &App, template: &str) -> Ticket {
    let places = match template {
        _ if app.options.limits == Limits::Off => return Ticket::Free,
        "/api/5/cohorts/request/{id}" => &app.amplitude.asking,
        "/api/5/cohorts/request/{id}/file" => &app.amplitude.downloading,
        _ => return Ticket::Free,
    };
    Arc::clone(places).try_acquire_owned().map_or_else(
        |_| {
            Ticket::Refused(Box::new(too_many(
                "Exceeded concurrent limit with query of cost 1",
            )))
        },
        Ticket::Held,
    )
}

impl Ticket {
    /// Ties the place to the answer's body.
    pub(crate) fn keep_with(self, response: Response) -> Response {
        let Self::Held(place) = self else {
            return response;
        };
        response.map(|body| {
            Body::new(Holding {
                body,
                _place: place,
            })
        })
    }
}

struct Holding {
    body: Body,
    _place: OwnedSemaphorePermit,
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
