//! `doctor` before hosts that do not answer, answer late, oddly, or with another clock.

use super::*;

#[test]
fn hosts_that_do_not_answer() {
    // Connections are taken, and that is all.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone_url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging_url = format!("http://{}", hanging.local_addr().unwrap());
    let begin = Instant::now();
    let run = with(&at(&hanging_url, &gone_url), None, &[]).exits(1);
    assert!(begin.elapsed() < Duration::from_secs(20), "{run}");
    assert_check(
        &run,
        "amplitude host",
        "fail",
        "no answer in time",
        "status page",
    );
    // The other listener is gone.
    assert_check(&run, "braze host", "fail", "no connection", "firewall");
    assert_check(&run, "clock", "warn", "no service told", "asked");
    drop(hanging);

    let plain = serve_whole(|_| "HTTP/1.1 200 OK\r\n\r\n".to_owned());
    let tls = plain.replace("http:", "https:");
    let run = with(&at(&tls, "https://nowhere.invalid"), None, &[]).exits(1);
    assert_check(
        &run,
        "amplitude host",
        "fail",
        "no TLS connection",
        "SSL_CERT_FILE",
    );
    assert_check(&run, "braze host", "fail", "no address", "DNS");
    assert_check(
        &run,
        "braze instance",
        "warn",
        "no documented instance",
        "dashboard",
    );
}

/// Both services, healthy but for what is given.
pub(super) fn healthy(usage: Value, track: u16, heads: &'static str) -> String {
    serve_whole(move |path| {
        let (status, body) = match path.split('?').next().unwrap() {
            "/api/3/cohorts" => (200, json!({"cohorts": []})),
            "/api/3/cohorts/usage" => (200, usage.clone()),
            "/segments/list" => (200, json!({"message": "success", "segments": []})),
            _ if track < 300 => (track, json!({"message": "success"})),
            _ => (
                track,
                json!({"message": "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."}),
            ),
        };
        let body = body.to_string();
        let length = body.len();
        format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\n{heads}content-length: {length}\r\n\r\n{body}"
        )
    })
}

#[test]
fn quotas_limits_and_answers_that_surprise() {
    let usage = |limit, used| json!({"rest_download": {"limit": limit, "usage": used}});
    let of = |usage, track, heads| {
        let url = healthy(usage, track, heads);
        with(&at(&url, &url), None, &[])
    };
    let run = of(usage(500, 500), 201, "").exits(1);
    assert_check(
        &run,
        "download quota",
        "fail",
        "500 of 500 used",
        "slow the fastest",
    );
    assert_check(
        &run,
        "users.track",
        "warn",
        "answered 201 success",
        "one small sync",
    );
    assert_check(&run, "braze instance", "ok", "stands in", "");
    assert_check(&run, "clock", "warn", "no service told its time", "asked");
    let run = of(usage(50, 0), 400, "").exits(0);
    assert_check(&run, "download quota", "warn", "0 of 50 used", "raised");
    let low = "x-ratelimit-limit: 1000\r\nx-ratelimit-remaining: 7\r\n";
    let run = of(json!({}), 400, low).exits(0);
    assert_check(
        &run,
        "download quota",
        "warn",
        "does not tell",
        "monthly_downloads",
    );
    assert_check(
        &run,
        "braze limits",
        "warn",
        "/users/track has 7 of 1,000 left",
        "use_at_most",
    );

    let mut real = syncform(["sandbox", "--listen", "127.0.0.1:0"]);
    real.arg("--limits=real");
    let real = Server::start(real);
    let run = with(&at(real.url(), real.url()), None, &[]).exits(0);
    assert_check(
        &run,
        "braze limits",
        "ok",
        "/users/track has 2,999 of 3,000 left",
        "",
    );
    assert_check(
        &run,
        "braze limits",
        "ok",
        "/segments/list has 249,999 of 250,000 left",
        "",
    );
}

#[test]
fn clocks_that_differ() {
    for (offset, verdict, words) in [
        ("10m", "fail", "min behind Amplitude's"),
        ("-10m", "fail", " min ahead of Amplitude's"),
        ("-90s", "warn", "s ahead of Amplitude's"),
        ("20s", "ok", "s behind Amplitude's"),
    ] {
        let world = World::with(&june().dir, &["--clock-offset", offset]);
        let run = with(&project(), Some(&world), &[]);
        let hint = if verdict == "ok" { "" } else { "NTP" };
        assert_check(&run, "clock", verdict, words, hint);
        assert_eq!(run.code, Some(i32::from(verdict == "fail")), "{run}");
    }
}

#[test]
fn a_busy_service_is_told_as_such() {
    let busy = |wait: &'static str| {
        let url = serve_whole(move |path| {
            let limited = path.starts_with("/api/3/cohorts");
            let status = if limited { 429 } else { 400 };
            let body = r#"{"message": "Valid data must be provided"}"#;
            let length = body.len();
            format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\n{wait}content-length: {length}\r\n\r\n{body}"
            )
        });
        with(&at(&url, &url), None, &[]).exits(1)
    };
    let run = busy("retry-after: 3600\r\n");
    assert_check(
        &run,
        "amplitude host",
        "fail",
        "busy: asks to wait 60 min",
        "look again after that",
    );
    assert_check(&run, "amplitude keys", "warn", "not known", "look again");
    let quota = check(&run, "download quota").0;
    assert!(!quota.contains("does not tell"), "{quota}");
    assert!(!run.stdout.contains("not usably"), "{run}");
}

#[test]
fn a_usage_that_is_answered_oddly_is_no_word_of_the_project() {
    let url = serve_whole(|path| {
        let (status, body) = match path.split('?').next().unwrap() {
            "/api/3/cohorts" => (200, r#"{"cohorts": []}"#),
            "/api/3/cohorts/usage" => (404, "{}"),
            "/segments/list" => (200, r#"{"segments": []}"#),
            _ => (400, r#"{"message": "Valid data must be provided"}"#),
        };
        let length = body.len();
        format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    });
    let run = with(&at(&url, &url), None, &[]).exits(0);
    assert_check(
        &run,
        "download quota",
        "warn",
        "status 404",
        "monthly_downloads",
    );
}
