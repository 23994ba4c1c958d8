//! The reading of profiles against a small server: samples, answers that are kept, a cut at any moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use super::*;
use crate::{
    engine::Told,
    http::{Patience, Scrubber, Sender},
    model::{Secret, profile::Computation},
};

/// Who was asked for, and how often.
type Asked = Arc<Mutex<BTreeMap<String, u32>>>;

/// Knows people but `p03`, tells each their id as the value; after so many requests it refuses.
async fn serve(until: usize) -> (String, Asked) {
    serve_oddly(until, |_| false).await
}

/// Does the same, and answers oddly about some.
async fn serve_oddly(until: usize, odd: fn(&str) -> bool) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut requests = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![];
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let id = head.split(['=', '&']).nth(1).unwrap().to_owned();
            requests += 1;
            let (status, body) = match id.as_str() {
                _ if requests > until => (401, "Invalid Api-Key".to_owned()),
                id if odd(id) => (400, r#"{"userData": {"user_id": 7}}"#.to_owned()),
                "p03" => (
                    404,
                    r#"{"error":"User id and device id not seen before"}"#.to_owned(),
                ),
                id => {
                    *seen.lock().unwrap().entry(id.to_owned()).or_default() += 1;
                    let body = format!(r#"{{"userData": {{"amp_props": {{"c": "{id}"}}}}}}"#);
                    (200, body)
                }
            };
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(text.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

/// A place to read from, as one process has it.
struct Place {
    cache: tempfile::TempDir,
    now: Millis,
}

const HOUR: Duration = Duration::from_hours(1);
const PEOPLE: u64 = 12;

/// What one reading told and gave.
struct Read {
    read: Result<ReadProfiles, Error>,
    events: Vec<Event>,
}

impl Read {
    fn counts(&self) -> Counts {
        self.read.as_ref().unwrap().counts
    }

    /// Cells by id.
    fn cells(&self) -> BTreeMap<String, String> {
        let rows = self.read.as_ref().unwrap().rows();
        let cells = |row: Result<Member, state::Error>| {
            let row = row.unwrap();
            let Identity::External(id) = row.key.identity() else {
                panic!("no external id")
            };
            (id.to_owned(), row.value.to_string())
        };
        rows.map(cells).collect()
    }
}

impl Place {
    fn new() -> Self {
        Self {
            cache: tempfile::tempdir().unwrap(),
            now: 1_700_000_000_000,
        }
    }

    async fn read(&self, url: &str, stamp: i64, most: Option<u64>) -> Read {
        self.until(url, stamp, most, false).await
    }

    async fn until(&self, url: &str, stamp: i64, most: Option<u64>, stopped: bool) -> Read {
        self.of(url, stamp, most, stopped, || Ok(people())).await
    }

    async fn of<P>(
        &self,
        url: &str,
        stamp: i64,
        most: Option<u64>,
        stopped: bool,
        people: impl Fn() -> Result<P, state::Error>,
    ) -> Read
    where
        P: Iterator<Item = Result<Member, state::Error>>,
    {
        let (_stopping, stop) = watch::channel(stopped);
        let secret = Secret::new("secret");
        let sender = Sender::new(Scrubber::default(), stop.clone(), Patience::WORK);
        let amplitude = Reader::new(Arc::new(sender), url, &secret, &secret, 1.0);
        let amplitude = amplitude.with_profiles(Some(url));
        let (events, mut receiver) = Events::channel();
        let now = jiff::Timestamp::from_millisecond(self.now).unwrap();
        let question = Question {
            computations: vec![Computation {
                id: "c".to_owned(),
                name: None,
            }],
            recommendations: vec![],
        };
        let desk = Desk {
            cache: self.cache.path(),
            amplitude: &amplitude,
            sorting: &Budget::new(1 << 20),
            clock: &Clock::new(move || now),
            events: &events,
            stop: &stop,
        };
        let wish = Wish {
            cohort: "co",
            name: "Cohort",
            stamp: Some(stamp),
            max_age: HOUR,
            question: &question,
            most,
        };
        let read = desk.read(wish, people).await;
        drop(events);
        Read {
            read,
            events: told(&mut receiver),
        }
    }
}

fn told(receiver: &mut mpsc::Receiver<Told>) -> Vec<Event> {
    let mut events = vec![];
    while let Ok(Told::Event(event)) = receiver.try_recv() {
        events.push(event);
    }
    events
}

/// Twelve people with an external id, and one without.
fn people() -> impl Iterator<Item = Result<Member, state::Error>> {
    let external = (0..PEOPLE).map(|number| Key::external(&format!("p{number:0>2}")));
    let keys = std::iter::once(Key::device("somewhere")).chain(external);
    keys.map(|key| {
        Ok(Member {
            key: key.unwrap(),
            amplitude_id: None,
            value: "".into(),
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_grows_and_nobody_is_asked_twice() {
    let (url, asked) = serve(usize::MAX).await;
    let place = Place::new();
    let first = place.read(&url, 100, Some(4)).await;
    let counts = first.counts();
    assert_eq!((counts.people, counts.answered, counts.asked), (12, 4, 4));
    let reading = Event::ReadingProfiles {
        cohort: "Cohort".to_owned(),
        of: 4,
        seconds: 1,
    };
    assert_eq!(first.events.first(), Some(&reading));
    let all = Event::ProfilesRead {
        cohort: "Cohort".to_owned(),
        people: 4,
    };
    assert_eq!(first.events.last(), Some(&all));
    let again = place.read(&url, 100, Some(0)).await;
    assert_eq!(again.cells(), first.cells());
    assert_eq!((again.counts().asked, again.events.len()), (0, 0));
    // All: those who were answered stay so.
    let all = place.read(&url, 100, None).await;
    let wanted = Counts {
        people: 12,
        answered: 12,
        unknown: 1,
        asked: 8,
        oldest: all.counts().oldest,
    };
    assert!(wanted.oldest.is_some());
    assert_eq!(all.counts(), wanted);
    let cells = all.cells();
    assert_eq!(cells["p03"], NOBODY);
    assert_eq!(cells["p11"], r#"["p11"]"#);
    assert!(first.cells().iter().all(|(id, one)| &cells[id] == one));
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 11);
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stamp_or_too_great_an_age_is_asked_anew() {
    let (url, _) = serve(usize::MAX).await;
    let mut place = Place::new();
    let first = place.read(&url, 100, Some(3)).await;
    let ids = |read: &Read| -> BTreeSet<String> { read.cells().into_keys().collect() };
    let other = place.read(&url, 101, Some(3)).await;
    assert_eq!(other.counts().asked, 3);
    assert_ne!(ids(&first), ids(&other), "another stamp is another sample");
    place.now += HOUR.as_millis() as Millis;
    assert_eq!(place.read(&url, 100, Some(0)).await.counts().answered, 3);
    place.now += 1;
    let late = place.read(&url, 100, Some(3)).await;
    assert_eq!((late.counts().answered, late.counts().asked), (3, 3));
    assert_eq!(ids(&first), ids(&late));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_an_error_is_kept() {
    let (url, asked) = serve(5).await;
    let place = Place::new();
    let cut = place.read(&url, 100, None).await;
    let error = cut.read.unwrap_err();
    assert!(error.to_string().contains("status 401"), "{error}");
    let known = place.read(&url, 100, Some(0)).await;
    assert_eq!(known.counts().answered, 5);
    let (url, rest) = serve(usize::MAX).await;
    let all = place.read(&url, 100, None).await;
    assert_eq!((all.counts().answered, all.counts().asked), (12, 7));
    let before: BTreeSet<String> = asked.lock().unwrap().keys().cloned().collect();
    let after: BTreeSet<String> = rest.lock().unwrap().keys().cloned().collect();
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_it_in_order() {
    let (url, asked) = serve(usize::MAX).await;
    let place = Place::new();
    let stopped = place.until(&url, 100, None, true).await;
    assert!(matches!(stopped.read, Err(Error::Stopped)));
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_odd_answer_is_one_persons_and_many_are_an_error() {
    let (url, _) = serve_oddly(100, |id| id == "p05").await;
    let place = Place::new();
    let read = place.read(&url, 100, None).await;
    assert_eq!(read.cells()["p05"], UNREADABLE);
    assert_eq!(read.counts().answered, PEOPLE);
    assert_eq!(place.read(&url, 100, None).await.counts().asked, 0, "kept");
    let (url, _) = serve_oddly(100, |_| true).await;
    let odd = |people| odd_of(&url, people);
    assert!(odd(20).await.is_ok(), "so few are borne");
    let error = odd(200).await.unwrap_err().to_string();
    assert!(error.contains("status 400 (a profile)"), "{error}");
}

/// Reads so many people.
async fn odd_of(url: &str, people: u64) -> Result<Counts, Error> {
    let place = Place::new();
    let everybody = move || {
        Ok((0..people).map(|number| {
            Ok(Member {
                key: Key::external(&format!("q{number:0>3}")).unwrap(),
                amplitude_id: None,
                value: "".into(),
            })
        }))
    };
    place
        .of(url, 100, None, false, everybody)
        .await
        .read
        .map(|read| read.counts)
}
