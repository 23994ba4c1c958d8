//! How sure a share of a sample is: of a population of which some were drawn by chance and looked at, the least and the
//! most who can have a property. Exact, by the hypergeometric distribution; nothing is approximated by a normal one.

/// What each tail must hold: 95 % of all intervals hold the truth, or more.
const TAIL: f64 = 0.025;
/// Two tails that differ by less are equal: what is summed has errors far below it.
const EQUAL: f64 = 1e-9;
/// A term this small, beside the largest, adds nothing that counts.
const NOTHING: f64 = 1e-20;

/// Returns the least and the most of a population who have what `found` of a random `sample`, drawn without putting
/// back, had: the 95 % interval of Clopper and Pearson for a finite population. Who was looked at is certain, so a
/// census gives one number.
pub fn interval(population: u64, sample: u64, found: u64) -> (u64, u64) {
    let sample = sample.min(population);
    let found = found.min(sample);
    // What was seen itself: those who had it have it, and those who did not have it not.
    let (seen, possible) = (found, population - (sample - found));
    let enough = |tail: f64| tail >= TAIL * (1.0 - EQUAL);
    let most = |having| enough(tails(population, sample, found, having).0);
    let least = |having| enough(tails(population, sample, found, having).1);
    // As more have it, finding so few gets less likely and finding so many more likely.
    let most = last(seen, possible, most);
    let least = possible - last(0, possible - seen, |less| least(possible - less));
    (least, most)
}

/// The last number for which something holds that holds for the first and, where it ends, does not begin again.
fn last(mut holds: u64, mut end: u64, test: impl Fn(u64) -> bool) -> u64 {
    while holds < end {
        let middle = holds + (end - holds).div_ceil(2);
        if test(middle) {
            holds = middle;
        } else {
            end = middle - 1;
        }
    }
    holds
}

/// How likely a sample holds at most, and at least, so many where `having` of the population have it. Terms are summed
/// outwards from the likeliest, each from the one before, so no factorial is ever made.
fn tails(population: u64, sample: u64, found: u64, having: u64) -> (f64, f64) {
    let without = population - having;
    let (lowest, highest) = (sample.saturating_sub(without), sample.min(having));
    let product = u128::from(sample + 1) * u128::from(having + 1);
    let likeliest = (product / (u128::from(population) + 2)) as u64;
    let likeliest = likeliest.clamp(lowest, highest);
    // How much likelier `count + 1` is than `count`.
    let step = |count: u64| {
        let up = (having - count) as f64 * (sample - count) as f64;
        up / ((count + 1) as f64 * (without + count + 1 - sample) as f64)
    };
    let (mut at_most, mut at_least, mut all) = (0.0, 0.0, 0.0);
    let mut add = |count: u64, term: f64| {
        all += term;
        if count <= found {
            at_most += term;
        }
        if count >= found {
            at_least += term;
        }
    };
    add(likeliest, 1.0);
    let (mut count, mut term) = (likeliest, 1.0);
    while count < highest && term > NOTHING {
        term *= step(count);
        count += 1;
        add(count, term);
    }
    (count, term) = (likeliest, 1.0);
    while count > lowest && term > NOTHING {
        count -= 1;
        term /= step(count);
        add(count, term);
    }
    (at_most / all, at_least / all)
}

#[cfg(test)]
mod tests;
