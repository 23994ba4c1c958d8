//! The Export API's client against answers that are scripted: what is asked, what is kept, what is asked again, and what
//! becomes of hours that are too large.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use flate2::{Compression, write::GzEncoder};
use syncform::amplitude::{Archive, Error, Reader};
use syncform::http::{Patience, Scrubber, Sender};
use syncform::model::{Hour, Secret};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Status and body of an answer; 0 closes the connection amid the body.
type Answer = (u16, Vec<u8>);

/// Serves until the process ends: what is answered to each path. Tells the paths it was asked for.
fn serve(
    answer: impl Fn(&str, usize) -> Answer + Send + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(vec![]));
    let paths = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut path, mut line) = (String::new(), String::new());
            while line != "\r\n" {
                line.clear();
                if stream.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                if path.is_empty() {
                    line.split(' ').nth(1).unwrap().clone_into(&mut path);
                }
            }
            let before = paths.lock().unwrap().len();
            paths.lock().unwrap().push(path.clone());
            let (status, body) = answer(&path, before);
            let (status, length) = match status {
                0 => (200, body.len() + 1),
                status => (status, body.len()),
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
            );
            let all = [head.as_bytes(), &body].concat();
            // Who hung up needs no answer.
            let _ = stream.get_mut().write_all(&all);
        }
    });
    (url, asked)
}

fn archive(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(vec![]));
    zip.add_directory("7/", SimpleFileOptions::default())
        .unwrap();
    for (hour, text) in members {
        let name = format!("7/7_2024-03-02_{hour}#0.json.gz");
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        let mut gzip = GzEncoder::new(&mut zip, Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn hour(text: &str) -> Hour {
    Hour::parse(text).unwrap()
}

fn with<T>(url: &str, work: impl AsyncFnOnce(&Reader, &std::path::Path) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let (_stop, stop) = tokio::sync::watch::channel(false);
        let sender = Arc::new(Sender::new(Scrubber::default(), stop, Patience::WORK));
        let reader = Reader::new(
            sender,
            url,
            &Secret::new("key"),
            &Secret::new("secret"),
            1.0,
        );
        let found = work(&reader, directory.path()).await;
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        found
    })
}

fn export(url: &str, from: &str, to: &str) -> Result<Option<Vec<String>>, Error> {
    let archive = with(url, async |reader, directory| {
        reader.export(hour(from), hour(to), directory).await
    });
    archive.map(|archive| archive.map(lines))
}

fn lines(mut archive: Archive) -> Vec<String> {
    let mut lines = vec![];
    archive
        .each(|hour, line| {
            lines.push(format!("{hour} {}", str::from_utf8(line).unwrap()));
            Ok::<(), Error>(())
        })
        .unwrap();
    lines
}

#[test]
fn hours_are_asked_for_and_their_lines_come() {
    let (url, asked) = serve(|_, _| (200, archive(&[("10", "{\"a\":2}\n"), ("9", "{\"a\":1}\n")])));
    let found = export(&url, "20240302T09", "20240302T10").unwrap().unwrap();
    assert_eq!(found, ["20240302T09 {\"a\":1}", "20240302T10 {\"a\":2}"]);
    let asked = asked.lock().unwrap();
    assert_eq!(
        asked[..],
        ["/api/2/export?start=20240302T09&end=20240302T10"]
    );
}

#[test]
fn hours_without_events_are_none_and_a_page_of_somebody_else_is_an_error() {
    let (url, _) = serve(|_, _| (404, b"Raw data files were not found.".to_vec()));
    assert_eq!(export(&url, "20240302T09", "20240302T09").unwrap(), None);
    for page in ["<html>no such site</html>", "404 page not found", "{}", ""] {
        let (url, _) = serve(move |_, _| (404, page.as_bytes().to_vec()));
        let error = export(&url, "20240302T09", "20240302T09").unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 404, .. }),
            "{error}"
        );
        assert!(error.key_hint().unwrap().contains("proxy"), "{page}");
    }
}

#[test]
fn refused_keys_are_refused_once() {
    let (url, asked) = serve(|_, _| (403, b"Invalid API Key".to_vec()));
    let error = export(&url, "20240302T09", "20240302T09").unwrap_err();
    assert!(
        error.is_authentication() && error.key_hint().is_some(),
        "{error}"
    );
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn what_is_passing_is_asked_for_again() {
    let (url, asked) = serve(|_, before| match before {
        0 => (429, b"busy".to_vec()),
        1 => (500, vec![]),
        // An edge's page with a success, an archive cut by the network, and one cut before.
        2 => (200, b"<html>slow down</html>".to_vec()),
        3 => (0, archive(&[("9", "{}")])),
        4 => {
            let mut cut = archive(&[("9", "{}")]);
            cut.truncate(cut.len() - 30);
            (200, cut)
        }
        5 => (200, vec![]),
        _ => (200, archive(&[("9", "{}")])),
    });
    let found = export(&url, "20240302T09", "20240302T09").unwrap().unwrap();
    assert_eq!(found, ["20240302T09 {}"]);
    assert_eq!(asked.lock().unwrap().len(), 7);

    let (url, asked) = serve(|_, _| (200, b"<html>".to_vec()));
    let error = export(&url, "20240302T09", "20240302T09").unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 8);
}

/// Answers as a project whose archives hold two hours at most; nothing happened before nine.
fn two_hours_at_most(path: &str) -> Answer {
    let bound = |name: &str| hour(path.split_once(name).unwrap().1.get(..11).unwrap());
    let (from, to) = (bound("start="), bound("end="));
    let hours = (from.0..=to.0)
        .map(Hour)
        .filter(|at| *at >= hour("20240302T09"));
    let hours: Vec<String> = hours.map(|hour| hour.to_string()).collect();
    match hours.len() {
        0 => (404, b"Raw data files were not found.".to_vec()),
        1..=2 => {
            let members: Vec<(&str, &str)> = hours
                .iter()
                .map(|hour| (hour[9..].trim_start_matches('0'), "{}"))
                .collect();
            (200, archive(&members))
        }
        3..=4 => (504, vec![]),
        _ => (400, b"Archive exceeds size limit".to_vec()),
    }
}

fn halved(url: &str, from: &str, to: &str) -> (Vec<String>, Result<(), Error>) {
    let mut told = vec![];
    let done = with(url, async |reader, directory| {
        let each = async |from: Hour, to: Hour, archive: Option<Archive>| {
            let lines = archive.map_or(0, |archive| lines(archive).len());
            told.push(format!("{from}-{to} {lines}"));
            Ok::<(), Error>(())
        };
        reader
            .export_halved(hour(from), hour(to), directory, each)
            .await
    });
    (told, done)
}

#[test]
fn what_is_too_large_is_halved_and_handed_on_in_order() {
    let (url, _) = serve(|path, _| two_hours_at_most(path));
    let (told, done) = halved(&url, "20240302T00", "20240302T15");
    done.unwrap();
    let wanted = [
        "20240302T00-20240302T07 0",
        "20240302T08-20240302T09 1",
        "20240302T10-20240302T11 2",
        "20240302T12-20240302T13 2",
        "20240302T14-20240302T15 2",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn an_hour_that_is_too_large_alone_needs_another_way() {
    let (url, asked) = serve(|path, _| {
        if path.contains("20240302T09") {
            (400, b"Archive exceeds size limit".to_vec())
        } else {
            (404, b"Raw data files were not found.".to_vec())
        }
    });
    let (told, done) = halved(&url, "20240302T08", "20240302T09");
    assert_eq!(told, ["20240302T08-20240302T08 0"]);
    let error = done.unwrap_err();
    assert!(matches!(error, Error::HourTooLarge { .. }), "{error}");
    assert!(error.to_string().contains("S3"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 3);
    // A single hour that does not come in time may come the next time.
    let (url, asked) = serve(|_, before| match before {
        0..=2 => (504, vec![]),
        _ => (404, b"Raw data files were not found.".to_vec()),
    });
    halved(&url, "20240302T09", "20240302T09").1.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 4);
}

#[test]
fn more_than_a_year_is_asked_for_in_years() {
    let (url, asked) = serve(|_, _| (404, b"Raw data files were not found.".to_vec()));
    let (told, done) = halved(&url, "20230101T00", "20240103T05");
    done.unwrap();
    assert_eq!(
        told,
        ["20230101T00-20231231T23 0", "20240101T00-20240103T05 0"]
    );
    assert_eq!(asked.lock().unwrap().len(), 2);
}
