//! The client of static cohorts against a small server: what is sent, how each answer is read, and that nothing names a person.

use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

use super::*;
use crate::{
    http::{Patience, Scrubber},
    model::Secret,
};

/// Paths and bodies of requests that came.
type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// Answers these in turn, the last one for ever.
async fn serve(answers: &[(u16, Value)]) -> (StaticWriter, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let mut answers = answers.to_vec();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![];
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            let length = length.lines().next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            seen.lock()
                .unwrap()
                .push((path, serde_json::from_slice(&body).unwrap()));
            let (status, body) = if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0].clone()
            };
            let body = body.to_string();
            let text = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(text.as_bytes()).await.unwrap();
        }
    });
    let (_, stop) = watch::channel(false);
    let secret = Secret::new("planted-secret");
    let scrubber = Scrubber::new(vec![secret.clone()]);
    let sender = Arc::new(Sender::new(scrubber, stop, Patience::WORK));
    let reader = Reader::new(sender, &url, &Secret::new("key"), &secret, 1.0);
    (StaticWriter::beside(&reader, 1.0), requests)
}

const VIP: NewCohort<'_> = NewCohort {
    name: "VIP",
    owner: "o@acme.com",
    published: true,
    project: 7,
};

fn refusal(details: &str) -> Value {
    json!({"error": {"http_code": 400, "type": "invalid_request", "message": "Bad Request", "metadata": {"details": details}}})
}

#[tokio::test]
async fn an_upload_says_whether_everybody_is_in_it() {
    let answer = |matched: u64, invalid: &[&str]| json!({"cohortId": "c1", "cohortsById": {}, "metadata": {"matched": matched, "totals": matched, "invalid_ids_sample": invalid}});
    for (answer, all) in [
        (answer(2, &[]), true),
        (answer(3, &[]), true),
        (answer(1, &["u2"]), false),
        (json!({"cohort_id": "c1"}), false),
    ] {
        let (writer, requests) = serve(&[(200, answer)]).await;
        let made = writer.upload(&VIP, &["u1", "u2"]).await.unwrap();
        let id = "c1".to_owned();
        assert_eq!(made, Made { id, all });
        let body = json!({"name": "VIP", "app_id": 7, "id_type": "BY_USER_ID", "ids": ["u1", "u2"],
            "owner": "o@acme.com", "published": true, "skip_invalid_ids": true});
        let expected = [("/api/3/cohorts/upload".to_owned(), body)];
        assert_eq!(*requests.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn an_upload_that_was_lost_is_not_sent_again() {
    let made = json!({"cohortId": "c1", "metadata": {"matched": 1}});
    for status in [408, 500, 502, 503, 504] {
        let (writer, requests) = serve(&[(status, json!({})), (200, made.clone())]).await;
        let error = writer.upload(&VIP, &["u1"]).await.unwrap_err();
        assert!(error.maybe && !error.nobody, "{status}");
        assert_eq!(requests.lock().unwrap().len(), 1, "{status}");
    }
    // A success that names no cohort has made one.
    let (writer, _) = serve(&[(200, json!({"ok": true}))]).await;
    assert!(writer.upload(&VIP, &["u1"]).await.unwrap_err().maybe);
    // Too many at once certainly did nothing.
    let (writer, requests) = serve(&[(429, refusal("Exceeded rate limit")), (200, made)]).await;
    assert!(writer.upload(&VIP, &["u1"]).await.unwrap().all);
    assert_eq!(requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn nobody_known_is_told_from_other_refusals() {
    let nobody = refusal("none of the ids is an existing user, ann neither");
    let (writer, _) = serve(&[(400, nobody)]).await;
    let error = writer.upload(&VIP, &["ann"]).await.unwrap_err();
    assert!(error.nobody && !error.maybe);
    assert!(!error.to_string().contains("ann"), "{error}");
    let named = |name: &str, ids: &[&str]| json!({"error": {"http_code": 400, "message": "Bad Request", "metadata": {name: ids}}});
    let (writer, _) = serve(&[(400, named("invalid_ids_sample", &["ann", "bob"]))]).await;
    assert!(
        writer
            .upload(&VIP, &["ann", "bob"])
            .await
            .unwrap_err()
            .nobody
    );
    for other in [
        refusal("wanted `owner`, a login e-mail"),
        refusal("invalid id_type"),
        refusal("cohort_id is not a valid id"),
        refusal("owner is no valid user"),
        named("invalid_ids_sample", &["ann"]),
        named("invalid_ids", &["eve"]),
    ] {
        let (writer, _) = serve(&[(400, other.clone())]).await;
        let error = writer.upload(&VIP, &["ann", "bob"]).await.unwrap_err();
        assert!(!error.nobody && !error.maybe, "{other}");
        for operation in [Operation::Add, Operation::Remove] {
            let changed = writer.change("c1", operation, &["ann", "bob"]).await;
            assert!(changed.is_err(), "{other}");
        }
    }
}

/// Who is taken for unknown leaves the ledger, and would stay in the cohort for ever.
#[tokio::test]
async fn of_those_who_leave_each_must_be_named() {
    let ids = ["ann", "bob"];
    let words = refusal("no id is an existing user");
    let (writer, _) = serve(&[(400, words)]).await;
    let joins = writer.change("c1", Operation::Add, &ids).await;
    assert_eq!(joins.unwrap(), [0, 1]);
    let leaves = writer.change("c1", Operation::Remove, &ids).await;
    assert!(!leaves.unwrap_err().maybe);
    let named = json!({"error": {"code": 400, "message": "Bad Request", "metadata": {"cohort_id": "c1",
        "memberships_result": [{"skipped_ids": ids, "id_type": "BY_NAME", "operation": "REMOVE"}]}}});
    let (writer, _) = serve(&[(400, named)]).await;
    let leaves = writer.change("c1", Operation::Remove, &ids).await;
    assert_eq!(leaves.unwrap(), [0, 1]);
}

#[tokio::test]
async fn skipped_people_are_told_by_their_place() {
    let answer = json!({"cohort_id": "c1", "memberships_result": [
        {"skipped_ids": ["cyd", "ann"], "id_type": "BY_NAME", "operation": "ADD"}]});
    let (writer, requests) = serve(&[(503, json!({})), (200, answer)]).await;
    let ids = ["ann", "bob", "cyd"];
    let skipped = writer.change("c1", Operation::Add, &ids).await.unwrap();
    assert_eq!(skipped, [0, 2]);
    let body = json!({"cohort_id": "c1", "skip_invalid_ids": true,
        "memberships": [{"ids": ids, "id_type": "BY_NAME", "operation": "ADD"}]});
    let (path, sent) = requests.lock().unwrap().last().cloned().unwrap();
    assert_eq!((path.as_str(), sent), ("/api/3/cohorts/membership", body));
    let (writer, _) = serve(&[(404, refusal("no cohort bob"))]).await;
    let error = writer.change("c1", Operation::Remove, &ids).await;
    let error = error.unwrap_err();
    assert!(
        !error.maybe && !error.to_string().contains("bob"),
        "{error}"
    );
}
