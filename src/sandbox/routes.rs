//! Every path of both services and of the sandbox itself, and the names they are counted by. It must not hold logic.

use std::{
    future::{Future, Ready, ready},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{Method, Uri},
    response::Response,
    routing::{self, MethodRouter},
};

use super::{
    amplitude,
    app::App,
    braze,
    call::{Call, text},
    control,
};

/// An endpoint that has nothing to wait for.
pub(crate) type Endpoint = fn(&App, &Call) -> Response;

/// Routes being gathered.
pub(crate) struct Routes {
    router: Router<Arc<App>>,
    templates: Vec<&'static str>,
}

impl Routes {
    /// Adds what answers at a templated path.
    pub(crate) fn add(&mut self, template: &'static str, endpoint: MethodRouter<Arc<App>>) {
        let router = std::mem::take(&mut self.router);
        self.router = router.route(template, endpoint);
        self.templates.push(template);
    }
}

/// Gathers every endpoint: a new area is a line here.
pub(crate) fn all(app: Arc<App>) -> (Router, Templates) {
    let mut every = Routes {
        router: Router::new(),
        templates: Vec::new(),
    };
    amplitude::routes(&mut every);
    braze::routes(&mut every);
    control::routes(&mut every);
    let Routes { router, templates } = every;
    let router = router
        .fallback(unknown)
        .method_not_allowed_fallback(unknown);
    (router.with_state(app), Templates(templates))
}

/// Answers GET.
pub(crate) fn get(endpoint: Endpoint) -> MethodRouter<Arc<App>> {
    routing::get(at_once(endpoint))
}

/// Answers POST.
pub(crate) fn post(endpoint: Endpoint) -> MethodRouter<Arc<App>> {
    routing::post(at_once(endpoint))
}

/// Answers DELETE.
pub(crate) fn delete(endpoint: Endpoint) -> MethodRouter<Arc<App>> {
    routing::delete(at_once(endpoint))
}

/// Answers PUT.
pub(crate) fn put(endpoint: Endpoint) -> MethodRouter<Arc<App>> {
    routing::put(at_once(endpoint))
}

/// Answers PATCH.
pub(crate) fn patch(endpoint: Endpoint) -> MethodRouter<Arc<App>> {
    routing::patch(at_once(endpoint))
}

/// Answers GET by an endpoint that waits for something.
pub(crate) fn get_waiting<F>(endpoint: fn(Arc<App>, Call) -> F) -> MethodRouter<Arc<App>>
where
    F: Future<Output = Response> + Send + 'static,
{
    routing::get(move |State(app): State<Arc<App>>, call: Call| endpoint(app, call))
}

/// Answers POST by an endpoint that waits for something.
pub(crate) fn post_waiting<F>(endpoint: fn(Arc<App>, Call) -> F) -> MethodRouter<Arc<App>>
where
    F: Future<Output = Response> + Send + 'static,
{
    routing::post(move |State(app): State<Arc<App>>, call: Call| endpoint(app, call))
}

fn at_once(
    endpoint: Endpoint,
) -> impl Fn(State<Arc<App>>, Call) -> Ready<Response> + Clone + Send + Sync {
    move |State(app), call| ready(endpoint(&app, &call))
}

/// Other verbs and other paths: not found, in the words of the service whose path it would be.
#[expect(clippy::needless_pass_by_value, reason = "extractors are values")]
fn unknown(method: Method, uri: Uri) -> Ready<Response> {
    let path = uri.path();
    ready(if amplitude::serves(path) {
        amplitude::refuse(path, 404)
    } else if path.starts_with(control::ROOT) {
        text(
            404,
            format!("{method} {path}: the sandbox has no such endpoint\n"),
        )
    } else {
        braze::refused(404, "Not Found")
    })
}

/// The templated paths, to count requests by.
#[derive(Clone, Debug)]
pub(crate) struct Templates(Vec<&'static str>);

impl Templates {
    /// Returns the template a path falls under.
    pub(crate) fn of(&self, path: &str) -> &'static str {
        let meets = |template: &&&str| {
            let (mut asked, mut known) = (path.split('/'), template.split('/'));
            loop {
                match (asked.next(), known.next()) {
                    (None, None) => return true,
                    (Some(part), Some(name))
                        if part == name || (name.starts_with('{') && !part.is_empty()) => {}
                    _ => return false,
                }
            }
        };
        self.0.iter().find(meets).copied().unwrap_or("(unknown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_paths() {
        let templates = Templates(vec!["/a", "/a/{id}", "/a/{id}/file"]);
        assert_eq!(templates.of("/a/7/file"), "/a/{id}/file");
        assert_eq!(templates.of("/a/x"), "/a/{id}");
        assert_eq!(templates.of("/a/"), "(unknown)");
        assert_eq!(templates.of("/b"), "(unknown)");
    }
}
