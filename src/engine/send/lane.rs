//! Sends one lane: the name, then its passes, each by many requests at once as far as the lane bears them.

use std::sync::{Arc, atomic::AtomicUsize};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{
    OfLane, Road, Run, Sent, Worder,
    answered::{Answered, Told},
    batches::{self, Batch, Making},
    courier::{Courier, Door},
    scribe::Scribe,
    statics::StaticDoor,
};
use crate::{
    engine::{Error, Session, log::LogWork, plan::Pass},
    http::{Policy, asked, backoff},
    model::{Address, Event, Lane},
    state::store::Draft,
};

/// Answers in a row from which nothing can be told, before it is given up: what was sent may have been billed.
const UNREAD: u32 = 20;

/// Sends one lane. A failure ends this lane, and the others only where the first failure is to end all.
pub(super) async fn send(run: &Run<'_>, of: OfLane<'_>) -> Sent {
    let mut sent = Sent::default();
    let filled = static_door(run, &of);
    if let Err(error) = try_send(run, &of, filled.as_ref(), &mut sent).await {
        sent.stopped.push(error.to_string());
    }
    if let Some((address, door)) = filled {
        sent.short.extend(door.short().map(|_| address.clone()));
        sent.made.extend(door.made().map(|id| (address, id)));
    }
    if !sent.stopped.is_empty() {
        run.failed();
    }
    sent
}

/// Opens the door of a static cohort, where the lane is one's.
fn static_door(run: &Run<'_>, of: &OfLane<'_>) -> Option<(Address, Arc<StaticDoor>)> {
    let mut works = of.passes.iter().flat_map(|(_, pass)| &pass.parts);
    let (work, fills) = works.find_map(|(work, _)| Some((work, work.fills.as_deref()?)))?;
    let writer = Arc::clone(run.doors.statics.as_ref()?);
    let project = run.session.configuration.amplitude.project_id?;
    let door = StaticDoor::new(writer, work.address.clone(), fills, project);
    Some((work.address.clone(), Arc::new(door)))
}

async fn try_send(
    run: &Run<'_>,
    of: &OfLane<'_>,
    filled: Option<&(Address, Arc<StaticDoor>)>,
    sent: &mut Sent,
) -> Result<(), Error> {
    if *run.halt.borrow() {
        sent.stopped.push(run.why_stopped());
        return Ok(());
    }
    name(run, of, sent).await;
    let most = run.session.configuration.braze.objects_per_request;
    let road = Road::of(&of.lane, most);
    let most = Arc::new(AtomicUsize::new(road.most));
    let mut doubted = false;
    for (number, pass) in &of.passes {
        if !sent.stopped.is_empty() || *run.halt.borrow() {
            return Ok(());
        }
        if pass.later {
            // What was not acknowledged may still be on its way; the next run takes it up again.
            if doubted {
                let why = "answers were lost, so what waits for them goes with the next apply";
                sent.stopped.push(format!("{}: {why}", of.lane.name()));
                return Ok(());
            }
            if !settle(run, pass, of.passes.len() > 1).await {
                sent.stopped.push(run.why_stopped());
                return Ok(());
            }
        }
        let worder = Arc::new(Worder::of(pass));
        let courier = Courier {
            door: match filled {
                Some((_, door)) => Door::Static(Arc::clone(door)),
                None => Door::Braze(run.doors.braze.clone()),
            },
            lane: of.lane.clone(),
            worder: Some(worder.clone()),
            repeats: false,
            most: most.clone(),
        };
        let whose = pass.parts.iter().map(|(work, _)| work.address.clone());
        run.begin(&of.lane, whose.collect(), *number).await;
        let made = batches::make(pass, worder, road)?;
        doubted = send_pass(run, *number, made, road, &courier, sent).await?;
        let ends = filled.and_then(|(_, door)| door.ends());
        sent.stopped
            .extend(ends.filter(|_| sent.stopped.is_empty()));
    }
    match &of.log {
        Some(log) => send_log(run, log, road, most, sent).await,
        None => Ok(()),
    }
}

/// Sends the events of a log.
async fn send_log(
    run: &Run<'_>,
    (number, log, events): &(u16, &LogWork, &Draft),
    road: Road,
    most: Arc<AtomicUsize>,
    sent: &mut Sent,
) -> Result<(), Error> {
    let door = match (&log.lane, &run.doors.ingester) {
        (Lane::Ingest { .. }, Some(ingester)) => Door::Amplitude(ingester.clone()),
        _ => Door::Braze(run.doors.braze.clone()),
    };
    let courier = Courier {
        // What Amplitude may have taken is sent again by its client; what Braze may have, only where that was asked for.
        repeats: log.sent_again,
        door,
        lane: log.lane.clone(),
        worder: None,
        most,
    };
    run.begin(&log.lane, vec![log.address.clone()], *number)
        .await;
    let made = batches::of_log(events.path(), &log.lane, road)?;
    send_pass(run, *number, made, road, &courier, sent).await?;
    Ok(())
}

/// Tells Braze the names of cohorts. Without its name a cohort is not filled.
async fn name(run: &Run<'_>, of: &OfLane<'_>, sent: &mut Sent) {
    let Lane::Cohort { id } = &of.lane else {
        return;
    };
    for (address, name) in &of.names {
        let now = run.session.clock.now();
        match run.doors.braze.name_cohort(id, name, now).await {
            Ok(()) => {
                sent.requests += 1;
                sent.named.insert((*address).clone());
            }
            Err(error) => {
                let hint = error.key_hint().map(|hint| format!("; {hint}"));
                let stopped = format!("{address}: {error}{}", hint.unwrap_or_default());
                sent.stopped.push(stopped);
            }
        }
    }
}

/// Waits until what was sent before has settled; false where somebody asks to stop.
async fn settle(run: &Run<'_>, pass: &Pass<'_>, sent_before: bool) -> bool {
    let wait = pass.parts.iter().map(|(work, _)| work.settle).max();
    let wait = wait.filter(|_| sent_before).unwrap_or_default();
    if wait.is_zero() {
        return true;
    }
    let seconds = wait.as_secs_f64().ceil() as u64;
    run.session.events.tell(Event::Settling { seconds }).await;
    let mut halt = run.halt.subscribe();
    tokio::select! {
        waited = run.session.sender.waits(tokio::time::sleep(wait)) => waited,
        () = asked(&mut halt) => false,
    }
}

/// Sends one pass; returns whether anything of it is in doubt.
async fn send_pass(
    run: &Run<'_>,
    number: u16,
    (batches, making): (mpsc::Receiver<Batch>, Making),
    road: Road,
    courier: &Courier,
    sent: &mut Sent,
) -> Result<bool, Error> {
    let mut scribe = Scribe::new(&run.journal, number);
    let ended = send_batches(run, batches, courier, road, &mut scribe, sent).await;
    let made = making.await.map_err(|_| Error::Worker)?;
    // What was intended and not dispatched never left, however this ended.
    let released = scribe.release();
    let doubted = ended?;
    released?;
    made.map(|()| doubted)
}

async fn send_batches(
    run: &Run<'_>,
    mut batches: mpsc::Receiver<Batch>,
    courier: &Courier,
    road: Road,
    scribe: &mut Scribe<'_>,
    sent: &mut Sent,
) -> Result<bool, Error> {
    let session = run.session;
    let (mut stop, mut halt) = (session.stop.clone(), run.halt.subscribe());
    let mut under_way: FuturesUnordered<BoxFuture<'static, (usize, Answered)>> =
        FuturesUnordered::new();
    let (mut open, mut doubted, mut answered_for, mut unread) = (true, false, 0, 0);
    loop {
        open = open && sent.stopped.is_empty();
        if !open && under_way.is_empty() {
            return Ok(doubted);
        }
        tokio::select! {
            biased;
            Some((objects, mut answered)) = under_way.next(), if !under_way.is_empty() => {
                scribe.tell(&answered, session.clock.millis())?;
                let lost = |(_, _, told): &(u64, Option<u32>, Told)| *told == Told::Doubted;
                doubted |= answered.told.iter().any(lost);
                unread = if answered.told.iter().all(lost) { unread + 1 } else { 0 };
                if unread >= UNREAD {
                    let why = format!("{UNREAD} answers in a row could not be read");
                    sent.stopped.push(format!("{}: {why}", courier.lane.name()));
                }
                sent.requests += answered.requests;
                sent.data_points += answered.data_points;
                sent.repeated += answered.repeated;
                sent.stopped.extend(answered.stop.take());
                if answered.told.iter().any(|(_, _, told)| matches!(told, Told::Refused(_))) {
                    run.failed();
                }
                answered_for += objects as u64;
                let more = sent.stopped.is_empty() && answered.stop.is_none();
                for mut batch in answered.again.drain(..).filter(|_| more) {
                    answered_for -= batch.items.len() as u64;
                    batch.tries += 1;
                    // It leaves once more, and the journal is to know how often it did.
                    scribe.again(batch.reach(), session.clock.millis())?;
                    under_way.push(Box::pin(again(session, courier, batch)));
                }
                let lane = courier.lane.name();
                session.events.tell(Event::Sent { lane, objects: answered_for }).await;
            }
            () = asked(&mut stop), if open => {
                sent.stopped.push(run.why_stopped());
            }
            () = asked(&mut halt), if open => {
                sent.stopped.push(run.why_stopped());
            }
            batch = batches.recv(), if open && under_way.len() < road.at_once => match batch {
                None => open = false,
                Some(batch) => {
                    let ahead = (road.window * road.most) as u64;
                    scribe.dispatch(batch.reach(), ahead, session.clock.millis())?;
                    let courier = courier.clone();
                    under_way.push(Box::pin(async move {
                        (batch.items.len(), courier.send(batch).await)
                    }));
                }
            },
        }
    }
}

/// Sends a batch once more, after a wait.
fn again(
    session: &Session,
    courier: &Courier,
    batch: Batch,
) -> impl Future<Output = (usize, Answered)> + Send + 'static {
    let (sender, courier) = (Arc::clone(&session.sender), courier.clone());
    let wait = backoff(
        Policy::for_endpoint(&session.identity.braze_url),
        batch.tries,
    );
    async move {
        let objects = batch.items.len();
        if sender.waits(tokio::time::sleep(wait)).await {
            return (objects, courier.send(batch).await);
        }
        let mut answered = Answered::default();
        answered.tell_all(&batch, &Told::Released);
        (objects, answered)
    }
}

impl Run<'_> {
    /// Tells that a pass begins.
    async fn begin(&self, lane: &Lane, addresses: Vec<Address>, number: u16) {
        let lane = lane.name();
        let objects = self.objects.get(usize::from(number)).copied().unwrap_or(0);
        let sending = Event::Sending {
            lane,
            addresses,
            objects,
        };
        self.session.events.tell(sending).await;
    }

    /// Why nothing further is sent, though nothing of this lane failed.
    fn why_stopped(&self) -> String {
        if *self.session.stop.borrow() {
            "asked to stop".to_owned()
        } else {
            "the first failure ends the apply (--fail-fast)".to_owned()
        }
    }

    /// Ends everything after a failure, where that is wanted.
    fn failed(&self) {
        if self.session.how.fail_fast {
            self.halt.send_replace(true);
        }
    }
}
