//! One row of a person: what is known of it put together. What is to be done with it was decided before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{Explaining, person::word, sync::moment};
use crate::{
    diff::{
        decide::from_array,
        fate::Facts,
        values::{Step, steps},
    },
    kinds::Form,
    model::{
        Change, Key, Member, Millis, Record, Refusal, Text, Verb,
        explanation::{Does, Move, Next, Refused, Rest, RowExplained, Sent},
    },
};

/// What is known of a person in one sync.
pub(super) struct Known {
    pub(super) records: Vec<Record>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) desired: Vec<Member>,
    /// What a plan does; none where it was not asked.
    pub(super) decided: Option<Decided>,
}

/// What a plan does with rows.
pub(super) struct Decided {
    /// Rows that are sent, and whether each waits for another of the same person.
    pub(super) changes: BTreeMap<Key, (Change, bool)>,
    /// Rows that were refused and wait.
    pub(super) waits: BTreeSet<Key>,
}

impl Explaining<'_> {
    /// Explains each row. `form` words values; `patience` is how long a refused row waits, `rest` why nothing moves.
    pub(super) fn rows(
        &self,
        known: &Known,
        form: Option<&Form>,
        patience: Option<Millis>,
        rest: Option<&Rest>,
    ) -> Vec<RowExplained> {
        let keys = known.records.iter().map(|record| &record.key);
        let keys = keys.chain(known.desired.iter().map(|member| &member.key));
        let keys = keys.chain(known.refusals.iter().map(|refusal| &refusal.key));
        let keys: BTreeSet<&Key> = keys.collect();
        let still = rest.is_some_and(Rest::is_still);
        let rows = keys.into_iter().map(|key| {
            let record = known.records.iter().find(|record| record.key == *key);
            let wanted = known.desired.iter().find(|member| member.key == *key);
            let refusal = known.refusals.iter().find(|refusal| refusal.key == *key);
            let decided = known.decided.as_ref();
            let change = decided.and_then(|decided| decided.changes.get(key));
            let waits =
                refusal.is_some() && decided.is_none_or(|decided| decided.waits.contains(key));
            let facts = Facts {
                record,
                wanted,
                change: change.map(|(change, _)| change),
                waits,
                decided: decided.is_some(),
            };
            RowExplained {
                identifier: word(key),
                fate: facts.fate(),
                wanted: wanted.map(|member| json(&member.value)),
                unfit: BTreeMap::new(),
                sent: record.map(|record| self.sent(record)),
                refused: refusal.map(|refusal| refused(refusal, waits, patience)),
                next: next(still || decided.is_some(), change, form),
                braze: self.answers.map(|answers| answers.of(key, record, form)),
            }
        });
        rows.collect()
    }

    fn sent(&self, record: &Record) -> Sent {
        let run = Some(record.run.to_string()).filter(|run| !run.is_empty());
        let runs = self
            .draft
            .manifest
            .iter()
            .flat_map(|manifest| &manifest.runs);
        let run_at = run.as_ref().and_then(|run| {
            let mut runs = runs.into_iter();
            runs.find(|known| known.id == *run)
                .map(|known| known.started_at)
        });
        let maybe = record.maybe.as_deref().map(from_array).unwrap_or_default();
        Sent {
            value: json(&record.value),
            maybe: maybe.iter().map(json).collect(),
            at: time(record.sent_at),
            run,
            run_at,
            presence: record.presence,
            checked_at: record.checked_at.map(time),
            confirmed_once: record.confirmed_once,
        }
    }
}

fn next(decided: bool, change: Option<&(Change, bool)>, form: Option<&Form>) -> Next {
    let does = match change.map(|(change, _)| change.verb) {
        Some(Verb::Add) => Does::Add,
        Some(Verb::Change) => Does::Change,
        Some(Verb::Remove) => Does::Remove,
        None if decided => Does::Nothing,
        None => Does::Unknown,
    };
    let moves = match (change, form) {
        (Some((change, _)), Some(Form::Attributes(_))) => steps(change),
        _ => vec![],
    };
    let moves = moves.into_iter().map(|step| {
        let Step {
            attribute,
            before,
            after,
        } = step;
        Move {
            attribute,
            before,
            after,
        }
    });
    Next {
        does,
        attributes: moves.collect(),
        later: change.is_some_and(|(_, later)| *later),
    }
}

fn refused(refusal: &Refusal, waits: bool, patience: Option<Millis>) -> Refused {
    let until = patience.map(|wait| time(refusal.at.saturating_add(wait)));
    Refused {
        value: refusal.value.as_ref().map(json),
        reason: refusal.key.mask(&refusal.reason),
        at: time(refusal.at),
        run: refusal.run.to_string(),
        waits,
        until: until.filter(|_| waits),
    }
}

fn time(at: Millis) -> Timestamp {
    moment(at).unwrap_or_default()
}

fn json(text: &Text) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}
