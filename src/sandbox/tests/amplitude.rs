//! Amplitude's side: who may ask, lists, downloads, limits.

use std::time::Duration;

use serde_json::json;

use super::{Hands, fresh, scenario, serving};
use crate::sandbox::Limits;

const BASIC: &str = "authorization: Basic a2V5OnNlY3JldA==";

#[tokio::test]
async fn refuses_strangers_in_its_envelope() {
    let sandbox = fresh(|_| ()).await;
    // Nobody; not Basic; `key:bad`.
    for headers in [
        &[][..],
        &["authorization: Bearer key"],
        &["authorization: Basic a2V5OmJhZA=="],
    ] {
        for path in [
            "/api/3/cohorts",
            "/api/3/cohorts/usage",
            "/api/5/cohorts/request/first",
        ] {
            let answer = sandbox.send("GET", path, headers, "").await.unwrap();
            assert_eq!(answer.status, 401);
            assert_eq!(answer.json()["error"]["http_code"], 401);
        }
    }
    assert_eq!(
        sandbox.stats().await["rejected"]["GET /api/5/cohorts/request/{id} 401"],
        3
    );
    assert_eq!(
        sandbox.amplitude("/api/9/nothing").await.json()["error"]["type"],
        "not_found"
    );
}

#[tokio::test]
async fn lists_published_cohorts() {
    let sandbox = fresh(|_| ()).await;
    let list = sandbox.amplitude("/api/3/cohorts").await.json();
    let cohorts = list["cohorts"].as_array().unwrap();
    assert_eq!(cohorts.len(), 2);
    assert_eq!(cohorts[0]["name"], "FIRST");
    assert!(cohorts[0].get("syncMetadata").is_none());
    let list = sandbox
        .amplitude("/api/3/cohorts?includeSyncInfo=true")
        .await
        .json();
    assert_eq!(list["cohorts"][1]["syncMetadata"][0]["target"], "braze");
}

#[tokio::test]
async fn downloads_what_was_asked() {
    let sandbox = fresh(|_| ()).await;
    let download = async |query: &str| {
        let id = sandbox.request(&format!("first{query}")).await;
        let status = sandbox
            .amplitude(&format!("/api/5/cohorts/request-status/{id}"))
            .await;
        assert_eq!(
            (status.status, status.json()["async_status"].as_str()),
            (200, Some("JOB COMPLETED"))
        );
        let file = sandbox
            .amplitude(&format!("/api/5/cohorts/request/{id}/file"))
            .await;
        assert_eq!(file.header("content-encoding"), Some("gzip"));
        file.inflated()
    };
    assert_eq!(
        download("").await,
        "\"amplitude_id\",\"user_id\"\n\"1\",\"ann\"\n\"2\",\"\"\n"
    );
    let all = "\"amplitude_id\",\"user_id\",\"tier\"\n\"1\",\"ann\",\"gold\"\n\"2\",\"\",\"\"\n";
    assert_eq!(download("?props=1").await, all);
    assert_eq!(
        download("?props=1&propKeys=tier&propKeys=nothing").await,
        all
    );
    let usage = sandbox.amplitude("/api/3/cohorts/usage").await.json();
    assert_eq!(usage["rest_download"]["usage"], 3);
    for missing in [
        "request/secret",
        "request/nobody",
        "request-status/nobody",
        "request/nobody/file",
    ] {
        assert_eq!(
            sandbox
                .amplitude(&format!("/api/5/cohorts/{missing}"))
                .await
                .status,
            404
        );
    }
}

/// What a sync of properties asks for. A key that the file does not have is no column: nobody wrote down what a real
/// file does (amplitude.md 4.6), and a client has to find its columns by name.
#[tokio::test]
async fn downloads_the_properties_that_were_named() {
    let sandbox = fresh(|_| ()).await;
    let file = "amplitude_id,user_id,device_id,country,plan_tier\n\
                500000000001,cd-00001,dev-1,US,gold\n\
                500000000002,,dev-2,,\n\
                500000000003,cd-00003,,DE,\"say \"\"hi\"\", all\"\n";
    let put = sandbox
        .own("PUT", "amplitude/cohorts/first/members", file)
        .await;
    assert_eq!(put.json(), json!({"size": 3}));
    let download = async |query: &str| {
        let id = sandbox.request(&format!("first{query}")).await;
        let path = format!("/api/5/cohorts/request/{id}/file");
        sandbox.amplitude(&path).await.inflated()
    };
    let named = "\"amplitude_id\",\"user_id\",\"device_id\",\"plan_tier\"\n\
                 \"500000000001\",\"cd-00001\",\"dev-1\",\"gold\"\n\
                 \"500000000002\",\"\",\"dev-2\",\"\"\n\
                 \"500000000003\",\"cd-00003\",\"\",\"say \"\"hi\"\", all\"\n";
    for query in [
        "?props=1&propKeys=device_id&propKeys=plan_tier",
        "?props=1&propKeys=plan_tier&propKeys=no_such&propKeys=device_id",
        "?propKeys=device_id&propKeys=plan_tier&props=1",
    ] {
        assert_eq!(download(query).await, named, "{query}");
    }
    // Keys without `props=1` ask for nothing.
    for query in [
        "?propKeys=plan_tier",
        "?props=0&propKeys=plan_tier",
        "?props=1&propKeys=no_such",
    ] {
        let text = download(query).await;
        assert!(
            text.starts_with("\"amplitude_id\",\"user_id\"\n\"500000000001\",\"cd-00001\"\n"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_download_is_of_the_time_of_its_request() {
    let sandbox = fresh(|_| ()).await;
    let id = sandbox.request("first").await;
    let members = "\"amplitude_id\",\"user_id\"\n\"9\",\"zoe\"\n";
    for expected in [1_767_225_600_i64, 1_767_225_601] {
        let put = sandbox
            .own("PUT", "amplitude/cohorts/first/members", members)
            .await;
        assert_eq!(put.json(), json!({"size": 1}));
        let list = sandbox.amplitude("/api/3/cohorts").await.json();
        assert_eq!(
            list["cohorts"][0]["lastComputed"], expected,
            "strictly later, on one second too"
        );
        assert_eq!(list["cohorts"][0]["size"], 1);
    }
    let file = sandbox
        .amplitude(&format!("/api/5/cohorts/request/{id}/file"))
        .await;
    assert!(file.inflated().contains("ann"));
    let id = sandbox.request("first").await;
    let file = sandbox
        .amplitude(&format!("/api/5/cohorts/request/{id}/file"))
        .await;
    assert_eq!(file.inflated(), members);
    assert_eq!(
        sandbox
            .own("PUT", "amplitude/cohorts/nobody/members", members)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn large_files_are_elsewhere_for_a_minute() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.redirect_over = 0;
    let sandbox = serving(options).await;
    let id = sandbox.request("first").await;
    let path = format!("/api/5/cohorts/request/{id}/file");
    let answer = sandbox.amplitude(&path).await;
    assert_eq!(answer.status, 302);
    let target = answer
        .header("location")
        .unwrap()
        .strip_prefix(&sandbox.running.url())
        .unwrap()
        .to_owned();
    let there = async |headers: &[&str]| sandbox.send("GET", &target, headers, "").await.unwrap();
    assert!(there(&[]).await.inflated().contains("ann"));
    assert_eq!(there(&[BASIC]).await.status, 400);
    hands.forward(61);
    let late = there(&[]).await;
    assert_eq!(late.status, 403);
    assert!(String::from_utf8_lossy(&late.body).contains("Request has expired"));
    assert_eq!(sandbox.amplitude(&path).await.status, 302, "a fresh link");
}

#[tokio::test]
async fn jobs_take_their_time() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.job_time = Some(Duration::from_secs(30));
    let sandbox = serving(options).await;
    let id = sandbox.request("first").await;
    let (status, file) = (
        format!("/api/5/cohorts/request-status/{id}"),
        format!("/api/5/cohorts/request/{id}/file"),
    );
    let waiting = sandbox.amplitude(&status).await;
    assert_eq!(
        (waiting.status, waiting.json()["async_status"].as_str()),
        (202, Some("JOB INPROGRESS"))
    );
    assert_eq!(sandbox.amplitude(&file).await.status, 404);
    hands.forward(30);
    assert_eq!(sandbox.amplitude(&status).await.status, 200);
    assert_eq!(sandbox.amplitude(&file).await.status, 200);
}

#[tokio::test]
async fn real_limits_are_sixty_in_ten_minutes_and_five_hundred_a_month() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.limits = Limits::Real;
    let sandbox = serving(options).await;
    let ask = async || sandbox.amplitude("/api/5/cohorts/request/second").await;
    let said = |answer: super::client::Answer| {
        answer.json()["error"]["metadata"]["details"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut done = 0;
    while done < 500 {
        for _ in 0..60.min(500 - done) {
            assert_eq!(ask().await.status, 202);
            done += 1;
        }
        if done == 60 {
            let over = ask().await;
            assert_eq!(over.status, 429);
            assert!(said(over).contains("Exceeded rate limit"));
        }
        hands.forward(600);
    }
    let over = ask().await;
    assert_eq!(over.status, 429);
    assert!(said(over).contains("monthly limit"));
    let usage = sandbox.amplitude("/api/3/cohorts/usage").await.json();
    assert_eq!(
        usage["rest_download"],
        json!({"limit": 500, "usage": 500, "resets_at": "2026-02-01T00:00:00Z"})
    );
    hands.forward(31 * 86_400);
    assert_eq!(ask().await.status, 202);
}

#[tokio::test]
async fn four_requests_and_five_downloads_at_once() {
    let sandbox = fresh(|options| {
        options.limits = Limits::Real;
        options.job_time = Some(Duration::ZERO);
        options.latency = Duration::from_millis(400);
    })
    .await;
    let id = sandbox.request("first").await;
    let file = format!("/api/5/cohorts/request/{id}/file");
    for (path, passed, places) in [("/api/5/cohorts/request/first", 202, 4), (&*file, 200, 5)] {
        let all = (0..places + 2).map(|_| sandbox.amplitude(path));
        let answers = futures_util::future::join_all(all).await;
        let count = |status| {
            answers
                .iter()
                .filter(|answer| answer.status == status)
                .count()
        };
        assert_eq!((count(passed), count(429)), (places, 2), "{path}");
    }
    assert_eq!(
        sandbox.amplitude(&file).await.status,
        200,
        "places are given back"
    );
    // All steps of all downloads together: one that asks, two that poll, three that fetch.
    let poll = format!("/api/5/cohorts/request-status/{id}");
    let paths = [
        "/api/5/cohorts/request/first",
        &poll,
        &poll,
        &file,
        &file,
        &file,
    ];
    let all = paths.into_iter().map(|path| sandbox.amplitude(path));
    let answers = futures_util::future::join_all(all).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert_eq!(refused.len(), 1);
    let said = &refused[0].json()["error"]["metadata"]["details"];
    assert!(said.as_str().unwrap().contains("Exceeded concurrent limit"));
    // The list is no download.
    let lists = (0..6).map(|_| sandbox.amplitude("/api/3/cohorts"));
    let answers = futures_util::future::join_all(lists).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

/// What was refused, for its rate or its cohort, is not spent; a new month begins on its first second.
#[tokio::test]
async fn the_usage_endpoint_tells_what_is_spent() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.limits = Limits::Real;
    let sandbox = serving(options).await;
    let usage =
        async || sandbox.amplitude("/api/3/cohorts/usage").await.json()["rest_download"].take();
    let told =
        |usage: u64, resets: &str| json!({"limit": 500, "usage": usage, "resets_at": resets});
    for _ in 0..59 {
        sandbox.request("second").await;
    }
    assert_eq!(
        sandbox
            .amplitude("/api/5/cohorts/request/nobody")
            .await
            .status,
        404
    );
    assert_eq!(
        sandbox
            .amplitude("/api/5/cohorts/request/second")
            .await
            .status,
        429
    );
    assert_eq!(usage().await, told(59, "2026-02-01T00:00:00Z"));
    hands.forward(599);
    assert_eq!(
        sandbox
            .amplitude("/api/5/cohorts/request/second")
            .await
            .status,
        429
    );
    hands.forward(1);
    sandbox.request("second").await;
    hands.forward(31 * 86_400 - 601);
    assert_eq!(usage().await, told(60, "2026-02-01T00:00:00Z"));
    hands.forward(1);
    assert_eq!(usage().await, told(0, "2026-03-01T00:00:00Z"));
}
