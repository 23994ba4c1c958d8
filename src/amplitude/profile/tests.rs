//! The client of profiles against a small server: every form of answer, and that no error names the person.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

use super::*;
use crate::{
    http::{Patience, Scrubber, Sender},
    model::Secret,
};

const PERSON: &str = "zoë@acme.com";

/// The heads of requests that came.
type Heads = Arc<Mutex<Vec<String>>>;

/// Answers these in turn, the last one for ever.
async fn serve(answers: Vec<(u16, String)>) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Heads::default();
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        let mut now = answers.next().unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![];
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            seen.lock().unwrap().push(head);
            let (status, body) = &now;
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(text.as_bytes()).await.unwrap();
            now = answers.next().unwrap_or(now);
        }
    });
    (url, heads)
}

fn reader(url: &str, share: f64) -> Reader {
    let (_, stop) = watch::channel(false);
    let secret = Secret::new("planted-secret");
    let scrubber = Scrubber::new(vec![secret.clone()]);
    let sender = Arc::new(Sender::new(scrubber, stop, Patience::WORK));
    Reader::new(sender, url, &Secret::new("key"), &secret, share).with_profiles(Some(url))
}

fn question(computations: &[(&str, Option<&str>)], recommendations: &[&str]) -> Question {
    let computation = |(id, name): &(&str, Option<&str>)| Computation {
        id: (*id).to_owned(),
        name: name.map(str::to_owned),
    };
    Question {
        computations: computations.iter().map(computation).collect(),
        recommendations: recommendations.iter().map(|id| (*id).to_owned()).collect(),
    }
}

async fn ask(status: u16, body: &str, asked: &Question) -> Result<Option<Answer>, Error> {
    let (url, _) = serve(vec![(status, body.to_owned())]).await;
    reader(&url, 1.0).profile(PERSON, asked).await
}

fn profile(properties: &str, recommendations: &str) -> String {
    format!(
        r#"{{"userData": {{"recommendations": {recommendations}, "user_id": "x", "device_id": null,
            "amp_props": {properties}, "cohort_ids": null, "propensity": 0.5}}, "more": 1}}"#
    )
}

#[tokio::test]
async fn one_request_asks_for_everything() {
    let body = profile(
        r#"{"ltv": "5000000.0", "gp:orders": 3, "big": 12345678901234567890, "vip": true, "none": null}"#,
        r#"[{"rec_id": "r1", "items": ["a", "b"], "is_control": false, "last_updated": 1608670720},
            {"rec_id": 98765, "child_rec_id": "z", "items": [], "is_control": true}]"#,
    );
    let (url, heads) = serve(vec![(200, body)]).await;
    let asked = question(
        &[
            ("t14", Some("ltv")),
            ("orders", None),
            ("b", Some("big")),
            ("vip", None),
            ("none", None),
            ("gone", None),
        ],
        &["r1", "98765", "r 3"],
    );
    let answer = reader(&url, 1.0).profile(PERSON, &asked).await.unwrap();
    let cells = json!([
        "5000000.0",
        "3",
        "12345678901234567890",
        "true",
        null,
        null,
        {"items": ["a", "b"], "is_control": false, "last_updated": 1_608_670_720},
        {"items": [], "is_control": true, "last_updated": null},
        null
    ]);
    assert_eq!(answer.unwrap().cells(), cells.to_string());
    let heads = heads.lock().unwrap();
    let wanted = "GET /v1/userprofile?user_id=zo%C3%AB%40acme.com&comp_id=t14,orders,b,vip,none,gone&get_recs=true&rec_id=r1,98765,r%203 HTTP/1.1\r\n";
    assert!(heads[0].starts_with(wanted), "{}", heads[0]);
    assert!(
        heads[0].contains("authorization: Api-Key planted-secret\r\n"),
        "{}",
        heads[0]
    );
}

#[tokio::test]
async fn what_came_alone_is_what_was_asked_alone() {
    let one = question(&[("t14", None)], &[]);
    let body = profile(r#"{"Lifetime value": "7"}"#, "null");
    let answer = ask(200, &body, &one).await.unwrap().unwrap();
    assert_eq!(answer.cells(), r#"["7"]"#);
    let two = question(&[("t14", None), ("t15", None)], &["r"]);
    let answer = ask(200, &body, &two).await.unwrap().unwrap();
    assert_eq!(answer.cells(), "[null,null,null]");
    let none = ask(200, &profile("null", "null"), &one).await;
    assert_eq!(none.unwrap().unwrap().cells(), "[null]");
}

#[tokio::test]
async fn somebody_unknown_is_no_error_whatever_the_status() {
    let body = r#"{"error":"User id and device id not seen before"}"#;
    for status in [200, 400, 404] {
        let answer = ask(status, body, &question(&[("c", None)], &[])).await;
        assert_eq!(answer.unwrap(), None);
    }
}

#[tokio::test]
async fn over_the_limit_is_asked_again_whatever_the_status() {
    let over = r#"{"error":"Number of requests per minute exceeds system limit. Contact Support if you need this limit raised"}"#;
    let asked = question(&[("c", None)], &[]);
    for status in [200, 400, 403, 429] {
        let body = profile(r#"{"c": "1"}"#, "null");
        let over = over.to_owned();
        let (url, heads) = serve(vec![(status, over.clone()), (status, over), (200, body)]).await;
        let answer = reader(&url, 1.0).profile(PERSON, &asked).await;
        assert_eq!(answer.unwrap().unwrap().cells(), r#"["1"]"#);
        assert_eq!(heads.lock().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn no_error_names_the_person_or_the_key() {
    let asked = question(&[("c", None)], &[]);
    let echo =
        format!(r#"{{"error":"{PERSON} zo\u00eb@acme.com zo%C3%AB%40acme.com planted-secret"}}"#);
    for (status, body, wanted) in [
        (401, "Invalid Api-Key", "status 401 Invalid Api-Key"),
        (400, &echo, "status 400 *** *** *** ***"),
        (200, &echo, "status 200 *** *** *** ***"),
        (503, &echo, "status 503"),
        (404, "", "status 404"),
        (200, "<html>zoë@acme.com", "line 1 column 1"),
        (200, "{}", "is not what is documented"),
        (301, "<html>", "status 301"),
    ] {
        let (url, _) = serve(vec![(status, body.to_owned())]).await;
        let error = reader(&url, 1.0).profile(PERSON, &asked).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(wanted), "{text}");
        for secret in ["acme.com", "planted"] {
            assert!(!text.contains(secret), "{text}");
        }
        let names = error
            .key_hint()
            .is_some_and(|hint| hint.contains("amplitude.secret_key"));
        assert_eq!(names, status == 401);
    }
}

#[tokio::test]
async fn the_eu_has_none() {
    let reader = reader("http://127.0.0.1:1", 1.0).with_profiles(None);
    let asked = question(&[("c", None)], &[]);
    let error = reader.profile(PERSON, &asked).await.unwrap_err();
    assert!(matches!(error, Error::NoProfiles));
    assert!(error.key_hint().is_some());
}

#[test]
fn the_pace_is_even_and_below_the_limit() {
    let of = |share| {
        let reader = reader("http://127.0.0.1:1", share);
        (
            reader.profiles_at_once(),
            reader.profiles_take(600).as_secs(),
        )
    };
    assert_eq!(of(1.0), (16, 61));
    assert_eq!(of(0.5), (8, 120));
    assert_eq!(of(0.01), (1, 6000));
}
