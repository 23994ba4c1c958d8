//! What the Braze client makes of answers: a scripted server says one thing after another, and what is recorded of
//! the objects must never claim more than the answers allow.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::json;
use syncform::braze::{Fate, Object, WriteError, Writer, Written, track_object};
use syncform::http::{Patience, Scrubber, Sender};
use syncform::model::{Edit, Key, Lane, Secret};

use crate::support::binary::run;
use crate::support::cdnow::{self, Ask, JUNE};
use crate::support::http::serve as standing;
use crate::support::project::{OPEN, Project, flag, yaml};
use crate::support::world::World;

/// One answer of the script; an empty one closes the connection without a word.
type Answer = (u16, &'static str);

/// Serves the answers in order, one a request.
fn serve(script: Vec<Answer>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut script = script.into_iter();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while read(&mut stream) {
                let Some((status, body)) = script.next() else {
                    return;
                };
                if status == 0 {
                    break;
                }
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    url
}

/// Reads one request; false at the end of the connection.
fn read(stream: &mut BufReader<TcpStream>) -> bool {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).is_ok()
}

/// Sends two objects and returns what became of them.
fn track(script: &[Answer]) -> Result<Written, WriteError> {
    let object = |id: &str| {
        let edit = Edit::Set {
            attribute: "a".to_owned(),
            value: true.into(),
        };
        track_object(&Key::external(id).unwrap(), [edit], false)
    };
    write(
        &Lane::UsersTrack,
        &[object("one"), object("two")],
        &serve(script.to_vec()),
    )
}

/// Sends an event, a purchase and another event, and returns what became of them.
fn track_events(script: &[Answer]) -> Result<Written, WriteError> {
    write(&events(), &happenings(), &serve(script.to_vec()))
}

fn events() -> Lane {
    let sync = "orders".to_owned();
    Lane::Events { sync }
}

fn happenings() -> [Object; 3] {
    let object =
        |id: &str, purchase| Object::happening(format!("{{\"id\":\"{id}\"}}").into(), purchase, 1);
    [
        object("one", false),
        object("two", true),
        object("three", false),
    ]
}

fn write(lane: &Lane, objects: &[Object], url: &str) -> Result<Written, WriteError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (_stop, stop) = tokio::sync::watch::channel(false);
        let sender = Arc::new(Sender::new(Scrubber::default(), stop, Patience::WORK));
        let writer = Writer::new(sender, url, &Secret::new("key"), None, 1.0);
        writer.write(lane, objects).await
    })
}

const OK: Answer = (201, r#"{"message":"success","attributes_processed":2}"#);

#[test]
fn what_answers_say_of_the_objects() {
    let refused = |script: &[Answer]| {
        track(script).map(|tracked| tracked.refused.into_keys().collect::<Vec<_>>())
    };
    assert_eq!(refused(&[OK]).unwrap(), Vec::<usize>::new());
    assert_eq!(
        refused(&[(429, ""), (500, ""), (0, ""), (503, "x"), OK]).unwrap(),
        Vec::<usize>::new()
    );
    let second =
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes","index":1}]}"#;
    assert_eq!(refused(&[(201, second)]).unwrap(), vec![1]);
    let both = r#"{"message":"Valid data must be provided","errors":[{"type":"no","index":0},{"type":"no","index":1}]}"#;
    assert_eq!(refused(&[(400, both)]).unwrap(), vec![0, 1]);
}

#[test]
fn what_answers_leave_open() {
    let denied = r#"{"message":"Invalid API Key"}"#;
    let table: [(&str, &[Answer], Fate, bool); 9] = [
        ("a wrong key", &[(401, denied)], Fate::NotSent, true),
        (
            "a wrong key after a 500 that may have been processed",
            &[(500, ""), (401, denied)],
            Fate::Doubt,
            true,
        ),
        (
            "a wrong key after a lost answer",
            &[(0, ""), (403, denied)],
            Fate::Doubt,
            true,
        ),
        (
            "a wrong key after a 429",
            &[(429, ""), (401, denied)],
            Fate::NotSent,
            true,
        ),
        (
            "an answer of nothing we know",
            &[(201, "<html>")],
            Fate::Doubt,
            false,
        ),
        (
            "a success that is none",
            &[(201, r#"{"message":"queued"}"#)],
            Fate::Doubt,
            false,
        ),
        ("too large", &[(413, "")], Fate::TakeApart, false),
        (
            "an error without an index",
            &[(201, r#"{"message":"success","errors":["odd"]}"#)],
            Fate::TakeApart,
            false,
        ),
        (
            "an error of an object that was not sent",
            &[(
                201,
                r#"{"message":"success","errors":[{"type":"no","index":7}]}"#,
            )],
            Fate::TakeApart,
            false,
        ),
    ];
    for (case, script, fate, stop) in table {
        let error = track(script).expect_err(case);
        assert_eq!((error.fate, error.stop), (fate, stop), "{case}: {error}");
    }
    // What is taken apart may have been processed whole before.
    let maybe = |script: &[Answer]| track(script).unwrap_err().maybe;
    assert!(!maybe(&[(413, "")]) && maybe(&[(0, ""), (413, "")]));
    assert!(maybe(&[(201, r#"{"message":"success","errors":["odd"]}"#)]));
    let down = [(500, ""); 16];
    let error = track(&down).unwrap_err();
    assert_eq!((error.fate, error.stop), (Fate::Doubt, true), "{error}");
    let busy = [(429, ""); 16];
    assert_eq!(track(&busy).unwrap_err().fate, Fate::NotSent);
}

const COUNTED: Answer = (
    201,
    r#"{"message":"success","events_processed":2,"purchases_processed":1}"#,
);

#[test]
fn events_and_purchases_share_a_request() {
    let (tell, told) = std::sync::mpsc::channel();
    let url = standing(move |path, body| {
        tell.send((path.to_owned(), body.clone())).unwrap();
        (201, json!({"message": "success"}))
    });
    write(&events(), &happenings(), &url).unwrap();
    let wanted = json!({"events": [{"id": "one"}, {"id": "three"}], "purchases": [{"id": "two"}]});
    assert_eq!(told.recv().unwrap(), ("/users/track".to_owned(), wanted));
    write(&events(), &happenings()[1..2], &url).unwrap();
    assert_eq!(
        told.recv().unwrap().1,
        json!({"purchases": [{"id": "two"}]})
    );
    let lane = Lane::Ingest {
        sync: "engagement".to_owned(),
    };
    let error = write(&lane, &happenings(), &url).unwrap_err();
    assert_eq!((error.fate, error.stop), (Fate::NotSent, true));
}

#[test]
fn what_answers_say_of_events() {
    let refused = |script: &[Answer]| {
        track_events(script).map(|tracked| tracked.refused.into_keys().collect::<Vec<_>>())
    };
    // Certainly not processed, each of them: so sent again.
    let again = [(429, ""), (503, ""), (502, "x"), (423, ""), COUNTED];
    assert_eq!(refused(&again).unwrap(), Vec::<usize>::new());
    let some = r#"{"message":"success","errors":[{"type":"no","input_array":"events","index":1},{"type":"'quantity' is not valid","input_array":"purchases","index":0}]}"#;
    assert_eq!(refused(&[(201, some)]).unwrap(), [1, 2]);
    let all = r#"{"message":"Valid data must be provided","errors":[{"type":"no","input_array":"events","index":0},{"type":"no","input_array":"events","index":1},{"type":"no","input_array":"purchases","index":0}]}"#;
    assert_eq!(refused(&[(400, all)]).unwrap(), [0, 1, 2]);
}

#[test]
fn what_events_are_in_doubt_comes_back_at_once() {
    // What would be answered to a second try is never heard.
    let unnamed = r#"{"message":"success","errors":[{"type":"no","index":0}]}"#;
    let denied = r#"{"message":"Invalid API Key"}"#;
    let table: [(&[Answer], Fate, bool); 14] = [
        (&[(400, "<html>"), COUNTED], Fate::NotSent, true),
        (&[(500, ""), COUNTED], Fate::Doubt, false),
        (&[(504, ""), COUNTED], Fate::Doubt, false),
        (&[(408, ""), COUNTED], Fate::Doubt, false),
        (&[(507, ""), COUNTED], Fate::Doubt, false),
        (&[(0, ""), COUNTED], Fate::Doubt, false),
        (&[(429, ""), (500, ""), COUNTED], Fate::Doubt, false),
        (&[(201, "<html>"), COUNTED], Fate::Doubt, false),
        (
            &[(202, r#"{"message":"queued"}"#), COUNTED],
            Fate::Doubt,
            false,
        ),
        (&[(400, "{}"), COUNTED], Fate::TakeApart, false),
        (&[(413, ""), COUNTED], Fate::TakeApart, false),
        (&[(401, denied), COUNTED], Fate::NotSent, true),
        (&[(503, ""), (401, denied)], Fate::NotSent, true),
        (&[(503, ""); 16], Fate::NotSent, true),
    ];
    for (script, fate, stop) in table {
        let error = track_events(script).expect_err("an error");
        assert_eq!(
            (error.fate, error.stop),
            (fate, stop),
            "{script:?}: {error}"
        );
    }
    let taken = track_events(&[(201, unnamed), COUNTED]).expect("a success");
    assert_eq!(taken.unplaced.as_deref(), Some("no"), "nobody knows which");
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = write(&events(), &happenings(), &format!("http://{nobody}")).unwrap_err();
    assert_eq!((error.fate, error.stop), (Fate::NotSent, true), "{error}");
}

#[test]
fn what_was_taken_apart_and_then_left_is_in_doubt() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(500));
    let world = World::start(&june.dir);
    let few: Vec<&str> = june.cohort("bigspnd").lines().take(9).collect();
    world.put_members("bigspnd", &(few.join("\n") + "\n"));
    // Braze takes all eight, names no object in its one error, and the key is withdrawn before the halves are sent.
    let odd = (201, r#"{"message":"success","errors":["odd"]}"#);
    let denied = (401, r#"{"message":"Invalid API Key"}"#);
    let braze = serve(vec![
        (200, r#"{"message":"success","segments":[]}"#),
        odd,
        denied,
    ]);
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let text = yaml(OPEN, 75, &syncs)
        .replace("instance: US-01", &format!("endpoint: \"{braze}\""))
        .replace(
            "amplitude: {",
            &format!("amplitude: {{endpoint: \"{}\", ", world.url()),
        );
    let project = Project::written(syncs, &text);
    let mut command = project.command(None, &["apply", "--auto-approve"]);
    for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
        command.env(key, "key");
    }
    let run = run(command).exits(6).says("8 rows in doubt");
    assert!(!run.all().contains("not sent"), "{run}");
}
