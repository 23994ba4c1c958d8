//! Listens, and does to each request what the network would: waits, losses, faults. It must not know an endpoint.

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tower::ServiceExt;

use super::{
    Error, Options,
    amplitude::{self, Amplitude},
    app::App,
    braze::{self, Braze},
    call::{hold, respond, text},
    control,
    faults::{Draws, What},
    routes::{self, Templates},
    world,
};

/// Bodies above this are refused before any service looks: the largest documented is 20 MB.
const LARGEST_BODY: usize = 32 << 20;
/// How long a stop waits for answers under way.
const GRACE: Duration = Duration::from_secs(2);

/// A sandbox that serves.
pub struct Running {
    address: SocketAddr,
    world: String,
    stop: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
}

impl Running {
    /// Returns where it listens, as a base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the world's id: random, for the life of the world.
    pub fn world(&self) -> &str {
        &self.world
    }

    /// Stops: answers under way are finished, the world is free for the next process.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(serving) = self.serving.take() {
            let _ = serving.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

/// Opens or fills the world, listens, and serves in the background on the current runtime.
pub async fn start(listen: SocketAddr, options: Options) -> Result<Running, Error> {
    let refused = |source: io::Error| Error::Listen {
        address: listen,
        source,
    };
    // First the address: a scenario is not read for nothing.
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let (kept, scenario) = (options.world.clone(), options.scenario.clone());
    let opened =
        tokio::task::spawn_blocking(move || world::open(kept.as_deref(), scenario.as_deref()));
    let (world, mut contents) = opened
        .await
        .map_err(|error| Error::Task(error.to_string()))??;
    contents.store.people.set_lag(options.lag);
    let app = Arc::new(App {
        faults: Draws::new(options.faults.clone(), options.seed).into(),
        stats: super::stats::Stats::default().into(),
        amplitude: Amplitude::new(contents.shelf, contents.quota, contents.ingested),
        braze: Braze::new(contents.store),
        world,
        options,
    });
    let world = app.world.id.clone();
    let (stop, stopped) = watch::channel(false);
    let (router, templates) = routes::all(Arc::clone(&app));
    let service = Arc::new(Service {
        app,
        router,
        templates,
    });
    let serving = Some(tokio::spawn(serve(listener, service, stopped)));
    Ok(Running {
        address,
        world,
        stop,
        serving,
    })
}

async fn serve(listener: TcpListener, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => {
                // An error of accept is a client that has gone, or no file left: the next one may do.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&service), stopped.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, all).await;
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { service.answer(request).await }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        // An error is a connection dropped, by them or on purpose.
        _ = serving.as_mut() => return,
        _ = stopped.changed() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

/// Says that a connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct Lost;

struct Service {
    app: Arc<App>,
    router: Router,
    templates: Templates,
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Lost> {
        let path = request.uri().path().to_owned();
        let request = request.map(Body::new);
        if path.starts_with(control::ROOT) {
            return Ok(self.route(request).await);
        }
        let app = &self.app;
        let template = self.templates.of(&path);
        let route = format!("{} {template}", request.method());
        hold(&app.stats).asked(&route);
        let fault = hold(&app.faults).next(&route, template, &path);
        let ticket = amplitude::ticket(app, template);
        let (parts, body) = request.into_parts();
        // Read whole before any answer, so that a refusal leaves the connection in order; and before any wait, for the
        // cohort it is about is taken from here to the answer.
        let body = axum::body::to_bytes(body, LARGEST_BODY).await;
        let place = match &body {
            Ok(body) if fault.is_none_or(What::processes) => braze::place(app, &path, body),
            _ => Ok(None),
        };
        let held = match &body {
            Ok(body) if fault.is_none_or(What::processes) => amplitude::place(app, &path, body),
            _ => Ok(None),
        };
        // Half the latency on the way there, half on the way back: a client killed meanwhile may or may not have
        // been served.
        let half = app.options.latency / 2;
        wait(half).await;
        let mut answered = match (fault, body, ticket) {
            (Some(What::Drop), ..) => return Err(Lost),
            (_, Err(_), _) => text(413, "Request Entity Too Large"),
            (Some(What::Unknown), ..) => self.refuse(&path, 401),
            (Some(What::Forbidden), ..) => self.refuse(&path, 403),
            (Some(What::TooMany), ..) => self.refuse(&path, 429),
            (Some(What::Internal), ..) => self.refuse(&path, 500),
            (Some(What::Unavailable), ..) => self.refuse(&path, 503),
            (Some(What::Locked), ..) => braze::locked(),
            (Some(What::Garbage), ..) => garbage(),
            (_, _, amplitude::Ticket::Refused(response)) => *response,
            _ if place.is_err() => braze::locked(),
            _ if held.is_err() => amplitude::busy(),
            (fault, Ok(body), ticket) => {
                if fault == Some(What::Slow) {
                    wait(app.options.slow).await;
                }
                let request = Request::from_parts(parts, Body::from(body));
                ticket.keep_with(self.route(request).await)
            }
        };
        wait(half).await;
        dated(&mut answered, app.now());
        hold(&app.stats).answered(&route, answered.status().as_u16());
        if fault == Some(What::DropAfter) {
            Err(Lost)
        } else {
            Ok(answered)
        }
    }

    async fn route(&self, request: Request<Body>) -> Response {
        self.router
            .clone()
            .oneshot(request)
            .await
            .unwrap_or_else(|never: Infallible| match never {})
    }

    /// Answers for the service whose path it is, without asking it.
    fn refuse(&self, path: &str, status: u16) -> Response {
        match (amplitude::serves(path), status) {
            (true, _) => amplitude::refuse(path, status),
            (false, 401) if path.starts_with("/partners/") => {
                braze::refused(401, "Unauthorized access")
            }
            (false, 401) => braze::refused(401, "Invalid API Key"),
            (false, 403) => braze::refused(403, "Access Denied"),
            (false, 429) => braze::rate_limited(&self.app),
            (false, _) => braze::refused(status, "Internal Server Error"),
        }
    }
}

/// Tells the time of the sandbox's own clock.
fn dated(answer: &mut Response, now: jiff::Timestamp) {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Ok(date) = date
        .map_err(drop)
        .and_then(|date| date.parse().map_err(drop))
    {
        answer.headers_mut().insert(header::DATE, date);
    }
}

/// What a proxy in a bad mood says.
fn garbage() -> Response {
    respond(
        200,
        "text/html",
        "<html><body><h1>Welcome to nginx!</h1></body></html>",
    )
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
