//! Files as Braze's Currents writes them to storage (braze.md 17, 18, Appendix A): made up, repeatably, in Avro and in the
//! documented places. It must not be used by what serves.

mod catalogue;
mod dice;
mod events;
mod fields;
mod files;
mod people;

use std::path::PathBuf;

use jiff::Timestamp;

use self::{dice::Dice, events::Maker, files::Place};
use super::Error;

pub use self::people::external_ids;

const HOUR: i64 = 3600;
/// One event in so many is written twice: delivery is at least once.
const REPEATED: u64 = 50;

/// What to make.
#[derive(Clone, Debug)]
pub struct Making {
    /// Where to.
    pub out: PathBuf,
    /// How many events.
    pub events: u64,
    /// The same number makes the same files.
    pub seed: u64,
    /// Over how many hours.
    pub hours: u32,
    /// The hour that this is in is the first without events.
    pub until: Timestamp,
    /// External ids of people; none: made up.
    pub people: Vec<String>,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Events, each counted once.
    pub events: u64,
    /// How many of them are in a second file.
    pub repeated: u64,
    /// Files.
    pub files: u64,
}

/// Makes the files, hour by hour.
pub fn make(making: &Making) -> Result<Made, Error> {
    let types = fields::types()?;
    let maker = Maker::new(making.seed, &making.people);
    let last = making.until.as_second().div_euclid(HOUR);
    let hours = u64::from(making.hours.max(1));
    let mut made = Made::default();
    let mut late: Vec<Vec<_>> = types.iter().map(|_| Vec::new()).collect();
    for number in 0..hours {
        let hour = last - (hours - number).cast_signed();
        let before = making.events * number / hours;
        let count = making.events * (number + 1) / hours - before;
        let mut due = std::mem::replace(&mut late, types.iter().map(|_| Vec::new()).collect());
        for place in 0..count {
            let mut dice = Dice::of(&[making.seed, hour as u64, place]);
            // Each type is there once before any is there by chance.
            let first = (before + place) as usize;
            let which = if first < types.len() {
                first
            } else {
                dice.below(types.len() as u64) as usize
            };
            let event = maker.event(&types[which], hour * HOUR, &mut dice);
            made.events += 1;
            if dice.below(REPEATED) == 0 {
                made.repeated += 1;
                late[which].push(event.clone());
            }
            due[which].push(event);
        }
        let mut write = |events: &[Vec<_>], part: u64| -> Result<(), Error> {
            for (which, events) in events
                .iter()
                .enumerate()
                .filter(|(_, events)| !events.is_empty())
            {
                let place = Place {
                    seed: making.seed,
                    hour,
                    which: which as u64,
                    part,
                };
                files::write(&making.out, &types[which], place, events)?;
                made.files += 1;
            }
            Ok(())
        };
        write(&due, 0)?;
        if number + 1 == hours {
            write(&late, 1)?;
        }
    }
    Ok(made)
}
