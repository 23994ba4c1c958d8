//! Event ingestion: the one type that writes to Amplitude, by `POST /batch` (HTTP V2 and Batch pages). It decides
//! nothing about which events are sent.
//!
//! # Guarantees
//! Everything may be sent again: Amplitude drops what it had within seven days by `insert_id`. Each event ends in
//! exactly one list of `Delivered`. No text names a person or a key.

mod answer;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::Value;

use self::answer::{Said, said};
use crate::{
    http::{Limiter, Manner, Policy, Request, Scrubber, Sender, asked_wait, retrying_as, without},
    model::{Rate, Secret},
};

/// Events of one request at most (Batch page).
pub const EVENTS_PER_REQUEST: usize = 2000;
/// Bytes of one request at most: 20 MB, by the smaller reading (Batch page).
pub const LARGEST_REQUEST: usize = 20_000_000;
/// Requests a second. The Batch page has a limit for each user and device alone (1,000 events a second); the ceiling
/// of an organisation is said for HTTP V2, 50,000 events a second, and taken here for full requests.
pub const BATCHES: Rate = Rate {
    what: "event batches",
    requests: 25,
    window: Duration::from_secs(1),
};

/// Where events go.
const BATCH: &str = "/batch";
/// How long users and devices wait that sent too much, where the answer does not say (Batch page).
const PAUSE: Duration = Duration::from_secs(15);
/// How often in a row they are asked to wait before they are left for another run.
const PAUSES: u32 = 8;
/// Requests in a row that are taken apart in vain: past it, it is not a few events that are wrong.
const VAIN: u32 = 256;
/// The reason of an event that no request can hold.
const TOO_LARGE: &str = "larger than a request may be";
/// What to do where whatever is sent is refused.
const ALL_REFUSED: &str = "nothing was taken however it was divided: look for a proxy or a gateway in between, and at what the events hold";
/// What to do where even one event is said to be too large.
const SMALL: &str = "a request of one event is far smaller than Amplitude takes: look for a proxy or a gateway in between";

/// Writes events.
#[derive(Debug)]
pub struct Ingester {
    sender: Arc<Sender>,
    base: String,
    key: Secret,
    /// Knows the key even where the sender does not: it is public by design, and still nobody's log line.
    scrubber: Scrubber,
    policy: Policy,
    limiter: Limiter,
    pause: Duration,
}

/// One event to send. Debug would show a person, so there is none.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The user, or the device of somebody without one.
    pub key: &'a str,
    /// The event, as JSON.
    pub body: &'a str,
}

/// What became of events, by their place in what was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Amplitude has them.
    pub taken: Vec<usize>,
    /// It refused them, with its words.
    pub refused: Vec<(usize, String)>,
    /// It certainly does not have them: too much of one user or device, or nothing went any more.
    pub left: Vec<usize>,
    /// It may have them. They may be sent again.
    pub doubted: Vec<usize>,
    /// Requests that were answered or given up.
    pub requests: u64,
    /// Why another request would meet the same, and what to do.
    pub stop: Option<String>,
}

/// What became of one request.
enum Outcome {
    Said(Said, Duration),
    /// No answer that tells, after all tries.
    Lost {
        maybe: bool,
        text: String,
    },
}

impl Ingester {
    /// Makes an ingester of one project. `share` is `use_at_most` as a fraction.
    pub fn new(sender: Arc<Sender>, base: &str, api_key: &Secret, share: f64) -> Self {
        let policy = Policy::for_endpoint(base);
        let is_near = policy.base < Policy::for_endpoint("").base;
        Self {
            sender,
            base: base.trim_end_matches('/').to_owned(),
            key: api_key.clone(),
            scrubber: Scrubber::new(vec![api_key.clone()]),
            policy,
            limiter: Limiter::new(BATCHES.share(share), BATCHES.window),
            pause: if is_near {
                policy.base.saturating_mul(4)
            } else {
                PAUSE
            },
        }
    }

    /// Sends events, as few requests as they fit into, and tells what became of each.
    pub async fn deliver(&self, events: &[Delivery<'_>]) -> Delivered {
        let mut run = Run {
            events,
            done: Delivered::default(),
            suspects: vec![],
            vain: 0,
            waiting: vec![],
            pause: Duration::ZERO,
        };
        let mut queue: VecDeque<Vec<usize>> = self.groups(events, 0..events.len()).into();
        let (mut pauses, mut fewest) = (0, usize::MAX);
        loop {
            while let Some(group) = queue.pop_front() {
                if run.done.stop.is_some() {
                    run.done.left.extend(group);
                    continue;
                }
                let outcome = self.post(events, &group).await;
                run.done.requests += 1;
                for again in run.settle(self, group, outcome).into_iter().rev() {
                    queue.push_front(again);
                }
            }
            let waiting = std::mem::take(&mut run.waiting);
            if waiting.is_empty() {
                break;
            }
            pauses = if waiting.len() < fewest {
                0
            } else {
                pauses + 1
            };
            fewest = fewest.min(waiting.len());
            let wait = tokio::time::sleep(run.pause);
            if run.done.stop.is_some() || pauses > PAUSES || !self.sender.waits(wait).await {
                run.done.left.extend(waiting);
                break;
            }
            run.pause = Duration::ZERO;
            queue = self.groups(events, waiting).into();
        }
        run.done()
    }

    /// Makes requests of events.
    fn groups(
        &self,
        events: &[Delivery<'_>],
        of: impl IntoIterator<Item = usize>,
    ) -> Vec<Vec<usize>> {
        let empty = self.body(events, &[]).len();
        let (mut groups, mut group, mut size) = (vec![], vec![], empty);
        for at in of {
            let more = events[at].body.len() + 1;
            if group.len() == EVENTS_PER_REQUEST || (size + more > LARGEST_REQUEST && size > empty)
            {
                groups.push(std::mem::take(&mut group));
                size = empty;
            }
            group.push(at);
            size += more;
        }
        if !group.is_empty() {
            groups.push(group);
        }
        groups
    }

    fn body(&self, events: &[Delivery<'_>], group: &[usize]) -> String {
        let key = Value::from(self.key.expose());
        let events: Vec<&str> = group.iter().map(|at| events[*at].body).collect();
        let events = events.join(",");
        format!("{{\"api_key\":{key},\"events\":[{events}],\"options\":{{\"min_id_length\":1}}}}")
    }

    async fn post(&self, events: &[Delivery<'_>], group: &[usize]) -> Outcome {
        let request = Request {
            method: "POST",
            url: format!("{}{BATCH}", self.base),
            path: BATCH,
            authorization: None,
            body: Some(self.body(events, group).into()),
            if_match: None,
        };
        let manner = Manner {
            // Of some users and devices only: the others need not wait.
            is_told: |answer| answer.status == 429 && answer::names_some(&answer.body),
            // Bodies name users and devices, and what is tried again is told before they could be taken out.
            words: |_| String::new(),
            ..Manner::PLAIN
        };
        let (sender, limiter) = (&self.sender, &self.limiter);
        match retrying_as(sender, &request, self.policy, limiter, manner).await {
            Ok(answer) => {
                let pause = asked_wait(&answer).unwrap_or(self.pause);
                Outcome::Said(said(&answer, events, group), pause)
            }
            Err(exhausted) => Outcome::Lost {
                maybe: exhausted.doubts > 0,
                text: format!("amplitude: {exhausted}"),
            },
        }
    }

    /// Makes foreign words fit to be read by others.
    fn clean(&self, text: &str, events: &[Delivery<'_>], group: &[usize]) -> String {
        let mut text = text.to_owned();
        for at in group {
            for id in answer::ids(&events[*at]) {
                text = without(Some(&id), &text).into_owned();
            }
        }
        self.scrubber.clean(&self.sender.scrubber().clean(&text))
    }
}

/// Events under way.
struct Run<'a> {
    events: &'a [Delivery<'a>],
    done: Delivered,
    /// Refused alone and not named, since anything was taken: it may be all that is refused.
    suspects: Vec<(usize, String)>,
    /// Requests in a row that were taken apart.
    vain: u32,
    waiting: Vec<usize>,
    pause: Duration,
}

impl Run<'_> {
    /// Notes what became of a request; returns what is to be sent at once, in its order.
    fn settle(&mut self, by: &Ingester, group: Vec<usize>, outcome: Outcome) -> Vec<Vec<usize>> {
        match outcome {
            Outcome::Said(Said::Taken, _) => {
                self.vain = 0;
                self.done.refused.append(&mut self.suspects);
                self.done.taken.extend(group);
            }
            Outcome::Said(Said::TooLarge, _) => match group[..] {
                [one] if by.body(self.events, &group).len() > LARGEST_REQUEST => {
                    self.done.refused.push((one, TOO_LARGE.to_owned()));
                }
                [_] => {
                    self.stop("status 413", Some(SMALL));
                    self.done.left.extend(group);
                }
                _ => return self.halves(group, TOO_LARGE),
            },
            Outcome::Said(Said::Unnamed(text), _) => {
                let text = by.clean(&text, self.events, &group);
                if let [one] = group[..] {
                    self.suspects.push((one, text));
                } else {
                    return self.halves(group, &text);
                }
            }
            Outcome::Said(Said::Some(some), pause) => {
                let mut rest = vec![];
                for (place, at) in group.into_iter().enumerate() {
                    if let Some(reason) = some.refused.get(&place) {
                        let reason = by.sender.scrubber().clean(reason);
                        self.done.refused.push((at, reason));
                    } else if some.over.contains(&place) {
                        self.done.left.push(at);
                    } else if some.slow.contains(&place) {
                        self.waiting.push(at);
                        self.pause = self.pause.max(pause);
                    } else {
                        rest.push(at);
                    }
                }
                return if rest.is_empty() { vec![] } else { vec![rest] };
            }
            Outcome::Said(Said::Stop { text, hint, maybe }, _) => {
                let text = by.clean(&text, self.events, &group);
                self.stop(&text, hint);
                self.lost(group, maybe);
            }
            Outcome::Lost { maybe, text } => {
                self.done.stop = Some(by.clean(&text, self.events, &group));
                self.lost(group, maybe);
            }
        }
        vec![]
    }

    fn halves(&mut self, mut group: Vec<usize>, text: &str) -> Vec<Vec<usize>> {
        self.vain += 1;
        if self.vain > VAIN {
            self.stop(text, Some(ALL_REFUSED));
            self.done.left.extend(group);
            return vec![];
        }
        let second = group.split_off(group.len() / 2);
        vec![group, second]
    }

    fn stop(&mut self, text: &str, hint: Option<&str>) {
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        self.done.stop = Some(format!("amplitude: {BATCH}: {text}{hint}"));
    }

    /// What became of all. Where nothing was taken of several, none of them is believed to be wrong itself.
    fn done(mut self) -> Delivered {
        let suspects = std::mem::take(&mut self.suspects);
        let believed = !self.done.taken.is_empty() || suspects.len() < 2;
        if self.done.stop.is_none() && believed {
            self.done.refused.extend(suspects);
        } else {
            if let (None, Some((_, text))) = (&self.done.stop, suspects.first()) {
                self.stop(text, Some(ALL_REFUSED));
            }
            self.done.left.extend(suspects.iter().map(|(at, _)| at));
        }
        self.done.sort();
        self.done
    }

    fn lost(&mut self, group: Vec<usize>, maybe: bool) {
        if maybe {
            self.done.doubted.extend(group);
        } else {
            self.done.left.extend(group);
        }
    }
}

impl Delivered {
    fn sort(&mut self) {
        self.taken.sort_unstable();
        self.refused.sort();
        self.left.sort_unstable();
        self.doubted.sort_unstable();
    }
}
