//! Exports as they come and as they do not, from a small server on this machine.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::{
    http::{Patience, Scrubber, Sender},
    model::Secret,
};

const KEY: &str = "planted-key";

/// An answer: status, more headers, body.
type Said = (u16, String, Vec<u8>);

/// Answers what `say` says to the so-many-th request, whose head it is told, and notes all heads.
async fn serve(
    say: impl Fn(usize, &str, &str) -> Said + Send + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(vec![]));
    let (seen, own) = (Arc::clone(&heads), url.clone());
    tokio::spawn(async move {
        for at in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![];
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1);
            let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            let (status, headers, body) = say(at, &own, &head);
            seen.lock().unwrap().push(head);
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
            );
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
        }
    });
    (url, heads)
}

fn reader(url: &str) -> (Reader, watch::Sender<bool>) {
    let (asking, stop) = watch::channel(false);
    let key = Secret::new(KEY);
    let scrubber = Scrubber::new(vec![key.clone()]);
    let sender = Arc::new(Sender::new(scrubber, stop, Patience::WORK));
    (Reader::new(sender, url, &key, 1.0), asking)
}

fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(vec![]));
    for (at, (name, text)) in members.iter().enumerate() {
        let method = [CompressionMethod::Deflated, CompressionMethod::Stored][at % 2];
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn people() -> Vec<u8> {
    zip(&[
        (
            "b/7f.txt",
            "{\"external_id\":\"ada\"}\n{\"braze_id\":\"1\"}\r\n\n",
        ),
        (
            "01.txt",
            "{\"external_id\":\"ben\",\"email\":null}\n{\"external_id\":null}",
        ),
    ])
}

fn ids(archive: &mut SegmentArchive) -> Result<Vec<Option<String>>, Error> {
    let mut ids = vec![];
    archive.each(|id| {
        ids.push(id.map(str::to_owned));
        Ok::<(), Error>(())
    })?;
    Ok(ids)
}

fn said(status: u16, body: impl Into<Vec<u8>>) -> Said {
    (status, String::new(), body.into())
}

fn asked(url: &str) -> Said {
    let body =
        json!({"message": "success", "object_prefix": "x", "url": format!("{url}/file?sign=1")});
    said(201, body.to_string())
}

async fn export(url: &str, patience: Duration) -> Result<Vec<Option<String>>, Error> {
    let (reader, _asking) = reader(url);
    let directory = tempfile::tempdir().unwrap();
    let archive = reader
        .export_within("s-1", directory.path(), patience)
        .await;
    ids(&mut archive?)
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_export_is_waited_for_and_read_file_by_file() {
    let whole = people();
    let say = move |at, url: &str, _: &str| match at {
        // One runs already; then it takes its time; storage sends elsewhere.
        0 => said(429, "{\"message\":\"one is running\"}"),
        1 => asked(url),
        2 => said(403, "<Error/>"),
        3 => said(404, ""),
        4 => said(503, "busy"),
        5 => (307, "location: /moved\r\n".to_owned(), vec![]),
        _ => said(200, whole.clone()),
    };
    let (url, heads) = serve(say).await;
    let found = export(&url, LONG).await.unwrap();
    let some = |id: &str| Some(id.to_owned());
    assert_eq!(found, [some("ada"), None, some("ben"), None]);
    let heads = heads.lock().unwrap();
    let begins: Vec<&str> = heads
        .iter()
        .map(|head| head.split(" HTTP").next().unwrap())
        .collect();
    let (post, file) = ("POST /users/export/segment", "GET /file?sign=1");
    assert_eq!(begins, [post, post, file, file, file, file, "GET /moved"]);
    for head in heads.iter().filter(|head| head.starts_with("GET")) {
        assert!(
            !head.to_lowercase().contains("authorization") && !head.contains(KEY),
            "{head}"
        );
    }
}

#[tokio::test]
async fn an_archive_that_is_cut_or_garbled_is_fetched_again_and_is_never_fewer_people() {
    let whole = people();
    let say = move |at, url: &str, _: &str| match at {
        0 => asked(url),
        1 => said(200, "<html>no archive</html>"),
        2 => said(200, &whole[..whole.len() / 2]),
        3 => (200, "content-encoding: identity\r\n".to_owned(), vec![]),
        _ => said(200, whole.clone()),
    };
    let (url, _) = serve(say).await;
    assert_eq!(export(&url, LONG).await.unwrap().len(), 4);
    let (url, heads) = serve(move |at, url: &str, _: &str| match at {
        0 => asked(url),
        _ => said(200, "no archive"),
    })
    .await;
    let error = export(&url, LONG).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(heads.lock().unwrap().len(), 1 + TRIES as usize);
}

#[test]
fn every_cut_and_every_changed_byte_is_an_error_or_the_same_people() {
    let whole = people();
    let read = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        ids(&mut SegmentArchive::open(file)?)
    };
    let people = read(&whole).unwrap();
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "cut at {end}");
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        if let Ok(found) = read(&changed) {
            assert_eq!(found, people, "byte {at} changed who is there");
        }
    }
    let none = read(&zip(&[])).unwrap();
    assert!(none.is_empty());
}

#[test]
fn a_line_that_is_no_person_is_damage_and_named_by_its_number_alone() {
    let mut file = tempfile::tempfile().unwrap();
    let text = "{\"external_id\":\"ada\"}\n{\"external_id\":\"person-77\n";
    file.write_all(&zip(&[("x", text)])).unwrap();
    let error = ids(&mut SegmentArchive::open(file).unwrap()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("file 1 of it is damaged: line 2 is no person"),
        "{text}"
    );
    assert!(!text.contains("person-77"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_fetched_says_so_and_what_to_do() {
    let elsewhere = |_, _: &str, _: &str| said(201, r#"{"message":"success","url":null}"#);
    let (url, _) = serve(elsewhere).await;
    let error = export(&url, LONG).await.unwrap_err();
    assert!(matches!(error, Error::ExportElsewhere), "{error}");
    assert!(
        error
            .key_hint()
            .is_some_and(|hint| hint.contains("storage"))
    );

    let late = |at, url: &str, _: &str| if at == 0 { asked(url) } else { said(403, "") };
    let (url, _) = serve(late).await;
    let error = export(&url, Duration::from_millis(30)).await.unwrap_err();
    assert!(matches!(error, Error::ExportNotReady(_)), "{error}");

    let (url, _) = serve(|_, _: &str, _: &str| said(429, "")).await;
    let error = export(&url, Duration::from_millis(30)).await.unwrap_err();
    assert!(matches!(error, Error::ExportNotReady(_)), "{error}");

    let refused = |_, _: &str, _: &str| said(401, r#"{"message":"no permission"}"#);
    let (url, _) = serve(refused).await;
    let error = export(&url, LONG).await.unwrap_err();
    assert!(
        error
            .key_hint()
            .is_some_and(|hint| hint.contains("users.export.segment")),
        "{error}"
    );

    let gone = |at, url: &str, _: &str| {
        if at == 0 {
            asked(url)
        } else {
            said(410, "sign=1")
        }
    };
    let (url, _) = serve(gone).await;
    let error = export(&url, LONG).await.unwrap_err().to_string();
    assert!(
        error.contains("status 410") && !error.contains("sign=1"),
        "{error}"
    );
}

#[tokio::test]
async fn somebody_who_asks_to_stop_waits_for_no_export() {
    let late = |at, url: &str, _: &str| if at == 0 { asked(url) } else { said(403, "") };
    let (url, _) = serve(late).await;
    let (reader, asking) = reader(&url);
    let directory = tempfile::tempdir().unwrap();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        asking.send_replace(true);
    };
    let exporting = reader.export_within("s-1", directory.path(), LONG);
    let (found, ()) = tokio::join!(exporting, stopping);
    let error = found.unwrap_err().to_string();
    assert!(error.contains("asked to stop"), "{error}");
}
