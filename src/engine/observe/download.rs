//! A cohort's file on its way into the cache: streamed to a thread, read once, sorted once for each mapping.

use std::{
    collections::BTreeSet,
    io::Read,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Asked;
use crate::{
    amplitude::{self, CohortFile, FileError},
    diff::identify::{Identify, Unnamed},
    engine::{Error, Session, ticker::Ticker},
    http::Failure,
    model::{Cohort, Event, Mapping},
    state::{self, budget::Lease, relation, runs::Sorter},
};

/// Tries to read a file whose bytes were garbled.
const FILE_TRIES: u32 = 5;
/// Pieces of a body between the network and the sorter.
const PIECES: usize = 16;

/// Rows to be sorted.
#[derive(Clone)]
pub(super) struct Wish {
    /// How people are named.
    pub(super) mapping: Mapping,
    /// Columns that are kept of each.
    pub(super) cells: BTreeSet<String>,
    /// Where they go.
    pub(super) path: PathBuf,
}

/// What became of each wish, in their order: one may need a column that the file lacks.
pub(super) type Sorted = Vec<Result<relation::About, FileError>>;

/// Reads the file of a request into the relations of these wishes.
pub(super) async fn download(
    session: &Session,
    cohort: &Cohort,
    asked: &Asked,
    wishes: &[Wish],
) -> Result<Sorted, Error> {
    session.amplitude.wait_for_cohort(&asked.request).await?;
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match download_once(session, cohort, asked, wishes).await {
            Ok((rows, sorted)) => {
                let cohort = cohort.name.clone();
                session.events.tell(Event::Read { cohort, rows }).await;
                return Ok(sorted);
            }
            Err(error) => error,
        };
        match &error {
            // Bytes that were garbled on the way come whole the next time; a file that is wrong stays wrong.
            Error::File { .. } if tries < FILE_TRIES => {}
            Error::Amplitude(theirs) => match session.amplitude.again(theirs, tries) {
                Some(wait) => session.amplitude.wait(wait).await?,
                None => return Err(error),
            },
            _ => return Err(error),
        }
    }
}

async fn download_once(
    session: &Session,
    cohort: &Cohort,
    asked: &Asked,
    wishes: &[Wish],
) -> Result<(u64, Sorted), Error> {
    let leases = session.sorting.leases(wishes.len()).await;
    let stream = session.amplitude.cohort_file(&asked.request).await?;
    let (pieces, receiver) = mpsc::channel(PIECES);
    let (about, wishes) = (relation::About::at(asked.at), wishes.to_vec());
    let reader = Pieces {
        receiver,
        rest: Bytes::new(),
        ended: false,
    };
    let ticker = Ticker::new(&session.events, &cohort.name);
    let worker = tokio::task::spawn_blocking(move || sort(reader, &about, &wishes, leases, ticker));
    let streamed = stream
        .each(session.amplitude.scrubber(), async |piece| {
            // A worker that is gone says why when it is joined.
            let _ = pieces.send(Piece::Bytes(piece)).await;
            Ok::<(), Failure>(())
        })
        .await;
    if streamed.is_ok() {
        let _ = pieces.send(Piece::End).await;
    }
    drop(pieces);
    let sorted = worker.await.map_err(|_| Error::Worker)?;
    streamed.map_err(amplitude::Error::from)?;
    sorted.map_err(|failed| match failed {
        Sorting::File(source) => Error::File {
            cohort: cohort.name.clone(),
            source,
        },
        Sorting::State(error) => error.into(),
    })
}

enum Piece {
    Bytes(Bytes),
    End,
}

enum Sorting {
    File(FileError),
    State(state::Error),
}

/// A sort that is under way.
struct Pile<'a> {
    identify: Identify<'a>,
    sorter: Sorter,
    about: relation::About,
    /// Where the cells are that are kept.
    cells: Vec<usize>,
}

/// Sorts the file once for each wish, in one pass. Returns its rows too.
fn sort(
    pieces: Pieces,
    about: &relation::About,
    wishes: &[Wish],
    leases: Vec<Lease>,
    mut ticker: Ticker,
) -> Result<(u64, Sorted), Sorting> {
    let columns: BTreeSet<String> = wishes
        .iter()
        .flat_map(|wish| &wish.mapping.columns() | &wish.cells)
        .collect();
    let columns = columns.iter().map(String::as_str);
    let mut file = CohortFile::open(pieces, columns).map_err(Sorting::File)?;
    let mut piles: Vec<Result<Pile, FileError>> = wishes
        .iter()
        .zip(leases)
        .map(|(wish, lease)| {
            let identify = Identify::new(&wish.mapping, |name| file.property(name))
                .map_err(|name| FileError::NoProperty(name.to_owned()))?;
            let mut about = about.clone();
            let mut cells = vec![];
            for name in &wish.cells {
                match file.property(name) {
                    Some(column) => {
                        about.columns.push(name.clone());
                        cells.push(column);
                    }
                    None => about.missing.push(name.clone()),
                }
            }
            let directory = wish.path.parent().unwrap_or(Path::new("."));
            Ok(Pile {
                identify,
                sorter: Sorter::new(directory, lease),
                about,
                cells,
            })
        })
        .collect();
    let (mut rows, mut key, mut value) = (0, vec![], vec![]);
    while let Some(row) = file.next_row().map_err(Sorting::File)? {
        rows += 1;
        ticker.row(rows);
        for pile in piles.iter_mut().flatten() {
            let property = |column| row.property(column);
            match pile
                .identify
                .key(row.amplitude_text, row.user_id, property, &mut key)
            {
                Ok(()) => {
                    write_cells(&mut value, pile.cells.iter().map(|at| row.property(*at)));
                    pile.sorter
                        .push(&key, row.amplitude_id, &value)
                        .map_err(Sorting::State)?;
                }
                Err(Unnamed::NoIdentifier) => pile.about.no_identifier += 1,
                Err(Unnamed::BadIdentifier) => pile.about.bad_identifier += 1,
            }
        }
    }
    let mut sorted = vec![];
    for (pile, wish) in piles.into_iter().zip(wishes) {
        sorted.push(match pile {
            Ok(mut pile) => {
                pile.about.file_rows = rows;
                let written = relation::write(&wish.path, pile.sorter, pile.about);
                Ok(written.map_err(Sorting::State)?)
            }
            Err(lacking) => Err(lacking),
        });
    }
    Ok((rows, sorted))
}

/// Writes the cells of a row as a JSON array; an empty text is null, and no cells are nothing.
fn write_cells<'a>(into: &mut Vec<u8>, cells: impl ExactSizeIterator<Item = &'a str>) {
    into.clear();
    if cells.len() == 0 {
        return;
    }
    let cells: Vec<Option<&str>> = cells
        .map(|cell| Some(cell).filter(|cell| !cell.is_empty()))
        .collect();
    // Texts into memory: it cannot fail.
    let _ = serde_json::to_writer(into, &cells);
}

/// The pieces of a body as a reader; one that stops before its end is an error, not an end.
struct Pieces {
    receiver: mpsc::Receiver<Piece>,
    rest: Bytes,
    ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.rest = bytes,
                Some(Piece::End) => self.ended = true,
                None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}
