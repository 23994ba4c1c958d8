//! `state parked release` and `drop`: shows which batches are meant and what that means, asks, and has it taken down.

use std::collections::BTreeSet;

use super::{Taking, Which};
use crate::{
    cli::{
        apply::{approved, needs_terminal},
        failure::{Exit, Failure},
        global::Global,
        look, open, talk,
    },
    diff::select::Selection,
    engine::{self, Deciding, Session},
    model::{CheckedBatch, Decision, Evidence, ParkedBatch},
    render::{self, parked::of_batches},
};

pub(super) async fn run(
    global: &Global,
    decision: Decision,
    which: Which<'_>,
    taking: &Taking,
) -> Result<Exit, Failure> {
    let (verb, so_as) = match decision {
        Decision::Release => (
            "state parked release",
            "--auto-approve to release without asking",
        ),
        Decision::Drop => ("state parked drop", "--auto-approve to drop without asking"),
    };
    if !taking.auto_approve {
        needs_terminal(so_as)?;
    }
    let how = engine::How::default();
    let opened = open::session(global, verb, Selection::default(), how).await?;
    let decided = work(global, &opened.session, decision, which, taking).await;
    opened.close().await;
    decided
}

async fn work(
    global: &Global,
    session: &Session,
    decision: Decision,
    which: Which<'_>,
    taking: &Taking,
) -> Result<Exit, Failure> {
    let patience = taking.leasing.lease_timeout.0;
    let deciding =
        open::stoppable(session, Box::pin(engine::prepare_parked(session, patience))).await?;
    let chosen = chosen(global, session, decision, which, &deciding).await?;
    let batches: Vec<&ParkedBatch> = deciding
        .batches()
        .iter()
        .filter(|batch| chosen.contains(&batch.batch))
        .collect();
    session.events.seen().await;
    let (word, done) = match decision {
        Decision::Release => ("release", "Released"),
        Decision::Drop => ("drop", "Dropped"),
    };
    if batches.is_empty() {
        talk::result(&format!("There is nothing to {word}.\n"))?;
        return Ok(Exit::Done);
    }
    let meaning = render::parked::meaning(decision, &batches);
    let lines = render::parked::lines(batches.iter().copied());
    talk::result(&look::page(&format!("To {word}:\n{lines}\n{meaning}")))?;
    let count = of_batches(batches.len() as u64);
    let question = format!(
        "{}{} {count}? Only `yes` is taken for yes: ",
        word[..1].to_uppercase(),
        &word[1..]
    );
    if !taking.auto_approve && !approved(session, &question, "yes").await? {
        return Err(Failure::error("nothing was changed: not approved"));
    }
    engine::decide_parked(session, deciding, decision, &chosen)?;
    let next = match decision {
        Decision::Release => " The next apply sends what is in it, once.",
        Decision::Drop => "",
    };
    talk::result(&look::page(&format!("\n{done}: {count}.{next}\n")))?;
    Ok(Exit::Done)
}

/// Which batches are meant; what was left of those that were checked is told.
async fn chosen(
    global: &Global,
    session: &Session,
    decision: Decision,
    which: Which<'_>,
    deciding: &Deciding,
) -> Result<BTreeSet<String>, Failure> {
    // What is released needs no releasing.
    let of_use = |batch: &ParkedBatch| decision == Decision::Drop || !batch.released;
    let batches = deciding.batches();
    let meant = match which {
        Which::Named(names) => engine::named_batches(batches, names)?,
        Which::All => batches.iter().map(|batch| batch.batch.clone()).collect(),
        Which::Checked => {
            let checked = open::stoppable(session, Box::pin(deciding.check(session))).await?;
            session.events.seen().await;
            let wanted = match decision {
                Decision::Release => Evidence::NotArrived,
                Decision::Drop => Evidence::Arrived,
            };
            let drawn = render::parked::found(&checked, look::style(global));
            let (taken, left): (Vec<&CheckedBatch>, Vec<_>) =
                checked.iter().partition(|one| one.evidence == wanted);
            let rest = render::parked::left(&left);
            talk::result(&look::page(&format!("{drawn}{rest}\n")))?;
            taken.iter().map(|one| one.batch.batch.clone()).collect()
        }
    };
    let all = batches.iter().filter(|batch| of_use(batch));
    let all = all.map(|batch| &batch.batch);
    Ok(all.filter(|name| meant.contains(*name)).cloned().collect())
}
