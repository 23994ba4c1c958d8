//! Draws what happens while plan and apply work, as bars that move: for a terminal with somebody before it. A bar vanishes
//! once its work is done; what stays is the plan, the report and the lines between.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write, time::Duration};

use indicatif::{
    MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike,
};

use super::{
    progress,
    screen::Screen,
    text::{about, clean, number},
};
use crate::model::Event;

/// Time between two steps of a spinner.
const STEP: Duration = Duration::from_millis(120);
/// Draws a second.
const RATE: u8 = 12;
/// Columns of the words around a bar.
const WORDS: usize = 70;
/// Letters of a name that are shown.
const NAME: usize = 20;

/// A place for bars on stderr. Whatever else is written there goes `around` them.
#[derive(Clone, Debug)]
pub struct Place {
    bars: MultiProgress,
    /// Of a bar: what the words around it leave.
    width: usize,
}

impl Default for Place {
    fn default() -> Self {
        let screen = Screen::stderr();
        let width = usize::from(screen.width())
            .saturating_sub(WORDS)
            .clamp(8, 32);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen), RATE);
        Self {
            bars: MultiProgress::with_draw_target(target),
            width,
        }
    }
}

impl Place {
    /// Takes the bars away while something is written, and draws them again below it.
    pub fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }

    /// Takes the bars away: the process is about to end.
    pub fn clear(&self) {
        // A terminal that is gone shows nothing.
        let _ = self.bars.clear();
    }
}

/// The bars.
#[derive(Debug)]
pub struct Bars {
    place: Place,
    waiting: Option<ProgressBar>,
    /// By cohort.
    reading: BTreeMap<String, ProgressBar>,
    /// Profiles, by cohort.
    profiles: BTreeMap<String, ProgressBar>,
    /// Of people whom Braze is asked for.
    asking: Option<ProgressBar>,
    /// By lane.
    sending: BTreeMap<String, ProgressBar>,
}

impl Bars {
    /// No bars yet.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            waiting: None,
            reading: BTreeMap::new(),
            profiles: BTreeMap::new(),
            asking: None,
            sending: BTreeMap::new(),
        }
    }

    /// Draws an event; returns a line where one is to stay.
    pub fn draw(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Reading { cohort, rows } => {
                if let Some(bar) = self.reading.get(cohort) {
                    bar.set_position(*rows);
                }
                return None;
            }
            Event::ProfilesRead { cohort, people } => {
                let bar = self.profiles.get(cohort);
                bar.inspect(|bar| bar.set_position(*people));
                if bar.is_some_and(|bar| bar.length() == Some(*people))
                    && let Some(bar) = self.profiles.remove(cohort)
                {
                    bar.finish_and_clear();
                }
                return None;
            }
            Event::Asked { people } => {
                if let Some(bar) = &self.asking {
                    bar.set_position(*people);
                }
                return None;
            }
            Event::Sent { lane, objects } => {
                if let Some(bar) = self.sending.get(lane) {
                    bar.set_position(*objects);
                }
                return None;
            }
            _ => {}
        }
        self.wait(None);
        match event {
            Event::Waiting { .. } => {
                self.wait(Some(waiting("Waiting for the lease")));
                return progress::line(event);
            }
            Event::Settling { seconds } => self.wait(Some(settling(*seconds))),
            Event::Asking { people, .. } => {
                let bar = self.place.bars.add(asking(*people, self.place.width));
                bar.enable_steady_tick(STEP);
                if let Some(former) = self.asking.replace(bar) {
                    former.finish_and_clear();
                }
            }
            Event::Comparing => {
                if let Some(bar) = self.asking.take() {
                    bar.finish_and_clear();
                }
                self.wait(Some(waiting("Comparing with what was sent before")));
            }
            Event::Recording => {
                self.clear();
                self.wait(Some(waiting("Recording what was answered")));
            }
            Event::Exporting { segment } => {
                let words = format!("Exporting {} from Braze", begin(segment));
                self.wait(Some(waiting(words)));
            }
            Event::Exported { .. } => {}
            Event::Recovered { .. } => return progress::line(event),
            Event::Downloading { cohort, size } => {
                let bar = self
                    .place
                    .bars
                    .add(reading(cohort, *size, self.place.width));
                bar.enable_steady_tick(STEP);
                if let Some(former) = self.reading.insert(cohort.clone(), bar) {
                    former.finish_and_clear();
                }
            }
            Event::Read { cohort, .. } => {
                if let Some(bar) = self.reading.remove(cohort) {
                    bar.finish_and_clear();
                }
            }
            Event::ReadingProfiles { cohort, of, .. } => {
                let bar = self.place.bars.add(profiles(cohort, *of, self.place.width));
                bar.enable_steady_tick(STEP);
                if let Some(former) = self.profiles.insert(cohort.clone(), bar) {
                    former.finish_and_clear();
                }
            }
            Event::Sending { lane, objects, .. } => {
                let bar = self
                    .place
                    .bars
                    .add(sending(lane, *objects, self.place.width));
                bar.enable_steady_tick(STEP);
                if let Some(former) = self.sending.insert(lane.clone(), bar) {
                    former.finish_and_clear();
                }
            }
            _ => self.clear(),
        }
        None
    }

    /// Takes all bars away.
    pub fn clear(&mut self) {
        self.wait(None);
        let reading = std::mem::take(&mut self.reading).into_values();
        let profiles = std::mem::take(&mut self.profiles).into_values();
        let sending = std::mem::take(&mut self.sending).into_values();
        reading
            .chain(profiles)
            .chain(self.asking.take())
            .chain(sending)
            .for_each(|bar| bar.finish_and_clear());
    }

    fn wait(&mut self, bar: Option<ProgressBar>) {
        if let Some(former) = self.waiting.take() {
            former.finish_and_clear();
        }
        self.waiting = bar.map(|bar| {
            let bar = self.place.bars.add(bar);
            bar.enable_steady_tick(STEP);
            bar
        });
    }
}

fn waiting(words: impl Into<Cow<'static, str>>) -> ProgressBar {
    let style = style("{spinner} {msg}, {since}").with_key(
        "since",
        |state: &ProgressState, out: &mut dyn Write| {
            // Drawing goes into a text, which cannot fail; so below.
            let _ = write!(out, "{}", about(state.elapsed().as_secs()));
        },
    );
    hidden(None).with_style(style).with_message(words)
}

fn settling(seconds: u64) -> ProgressBar {
    let left = move |state: &ProgressState, out: &mut dyn Write| {
        let left = seconds.saturating_sub(state.elapsed().as_secs());
        let _ = write!(out, "{}", about(left));
    };
    let style =
        style("{spinner} Waiting {left}, so that what was sent before is applied before (settle)");
    hidden(None).with_style(style.with_key("left", left))
}

/// The begin of a cohort's name.
fn begin(cohort: &str) -> String {
    let name = clean(cohort);
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

fn profiles(cohort: &str, people: u64, width: usize) -> ProgressBar {
    let style = style(&format!(
        "{{spinner}} Reading [{{bar:{width}}}] {{msg}}: {{done}} profiles{{left}}"
    ));
    hidden(Some(people))
        .with_style(style)
        .with_message(begin(cohort))
}

fn reading(cohort: &str, size: u64, width: usize) -> ProgressBar {
    let style = style(&format!(
        "{{spinner}} Reading [{{bar:{width}}}] {{msg}}: {{done}} rows{{rate}}"
    ));
    hidden(Some(size))
        .with_style(style)
        .with_message(begin(cohort))
}

fn asking(people: u64, width: usize) -> ProgressBar {
    let style = style(&format!(
        "{{spinner}} Asking  [{{bar:{width}}}] Braze what it holds: {{done}}{{rate}}{{left}}"
    ));
    hidden(Some(people)).with_style(style)
}

fn sending(lane: &str, objects: u64, width: usize) -> ProgressBar {
    // What tells one cohort's lane from another stands at its end.
    let name = clean(lane);
    let short = match name.char_indices().rev().nth(NAME - 1) {
        Some((from, _)) if from > 0 => format!("…{}", &name[from..]),
        _ => name,
    };
    let style = style(&format!(
        "{{spinner}} Sending [{{bar:{width}}}] {{msg}}: {{done}}{{rate}}{{left}}"
    ));
    hidden(Some(objects)).with_style(style).with_message(short)
}

/// A bar that is drawn once it has a place.
fn hidden(length: Option<u64>) -> ProgressBar {
    ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden())
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    // The templates are this file's own, and its tests draw them all.
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .progress_chars("=> ")
        .tick_chars("|/-\\ ")
        .with_key("done", |state: &ProgressState, out: &mut dyn Write| {
            let all = state.len().unwrap_or_default();
            let _ = write!(out, "{}/{}", number(state.pos()), number(all));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            if state.pos() > 0 {
                let _ = write!(out, ", {}/s", number(state.per_sec().round() as u64));
            }
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn Write| {
            if state.pos() > 0 {
                let _ = write!(out, ", {} left", about(state.eta().as_secs()));
            }
        })
}
