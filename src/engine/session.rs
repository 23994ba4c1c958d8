//! What a command works with: configuration, state, clients that read, clock, listeners. No client here can write.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};

use super::Service;
use crate::{
    amplitude, braze,
    config::Configuration,
    http::Sender,
    model::{Clock, Event, Secret},
    state::{budget::Budget, store::Store},
};

/// What a command works with.
pub struct Session {
    /// What is declared.
    pub configuration: Configuration,
    /// What is remembered.
    pub store: Store,
    /// Who the services are.
    pub identity: Identity,
    /// The stack that clients share.
    pub sender: Arc<Sender>,
    /// Reads from Amplitude.
    pub amplitude: amplitude::Reader,
    /// Reads accounts from Amplitude's Developer API, where a token opens it.
    pub developer: Service<amplitude::Developer>,
    /// Reads from Braze.
    pub braze: braze::Reader,
    /// The memory that all sorting shares.
    pub sorting: Budget,
    /// The time.
    pub clock: Clock,
    /// Who listens.
    pub events: Events,
    /// Turns true when somebody asks to stop.
    pub stop: watch::Receiver<bool>,
    /// Which resources are selected.
    pub selection: crate::diff::select::Selection,
    /// How the work is done.
    pub how: How,
    /// Where the configuration is: paths in it are relative to it.
    pub directory: PathBuf,
    /// Variables of the process that are about clouds, for files in buckets; secrets among them.
    pub cloud: Vec<(String, String)>,
    /// What was called, and by whom: for lease and history.
    pub command: String,
}

/// How plan and apply work, beside what is declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Everything goes, whatever is declared.
    pub destroy: bool,
    /// Rows set aside are tried again.
    pub retry_refused: bool,
    /// The first failure ends the sending.
    pub fail_fast: bool,
    /// All of what is selected is sent again, whatever was acknowledged.
    pub anew: bool,
    /// What is read live.
    pub refresh: Refresh,
    /// A plan reads the profiles of all people, not of a sample; an apply always does.
    pub read_profiles: bool,
}

/// What a plan reads live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refresh {
    /// Everything cheap: lists, definitions, and the cohorts that moved.
    #[default]
    Quick,
    /// That, and of every recorded person of the selected syncs what Braze holds.
    Full,
    /// Nothing: the list and the cohorts that were read last, whatever their age.
    None,
}

/// Who the services are, and the key to write with.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Which Braze: its REST endpoint, or the world of a sandbox.
    pub braze: String,
    /// Where it is written to.
    pub braze_url: String,
    /// Braze's key; only an apply makes a writer of it.
    pub braze_key: Secret,
    /// Where Amplitude takes events.
    pub amplitude_events_url: String,
    /// Which Amplitude: its host, or the world of a sandbox.
    pub amplitude: String,
}

/// Where events go. A slow listener slows the work; one that is gone does not.
#[derive(Clone, Debug)]
pub struct Events(mpsc::Sender<Told>);

/// What a listener gets.
#[derive(Debug)]
pub enum Told {
    /// Something happened.
    Event(Event),
    /// Somebody waits until everything before this was seen.
    Seen(oneshot::Sender<()>),
}

impl Events {
    /// Makes a channel of a stated capacity.
    pub fn channel() -> (Self, mpsc::Receiver<Told>) {
        let (sender, receiver) = mpsc::channel(64);
        (Self(sender), receiver)
    }

    /// Tells.
    pub async fn tell(&self, event: Event) {
        // Nobody has to listen.
        let _ = self.0.send(Told::Event(event)).await;
    }

    /// Tells from a thread that must not wait; where the listener is behind, it is not told.
    pub fn mention(&self, event: Event) {
        let _ = self.0.try_send(Told::Event(event));
    }

    /// Waits until the listener has seen all that was told: what is printed next stands below it.
    pub async fn seen(&self) {
        let (reply, seen) = oneshot::channel();
        if self.0.send(Told::Seen(reply)).await.is_ok() {
            // A listener that died has said what it could.
            let _ = seen.await;
        }
    }
}
