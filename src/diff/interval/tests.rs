//! Intervals against whole numbers, against chance, and at their ends.

use super::*;

/// Numbers as if by chance, the same for a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(word ^ (word >> 31)) * u128::from(end)) >> 64) as u64
    }
}

/// Rows of Pascal's triangle.
fn triangle(rows: usize) -> Vec<Vec<u128>> {
    let mut triangle = vec![vec![1_u128]];
    for row in 1..=rows {
        let before = &triangle[row - 1];
        let inner = before.windows(2).map(|pair| pair[0] + pair[1]);
        triangle.push([1].into_iter().chain(inner).chain([1]).collect());
    }
    triangle
}

/// The same by trying every number of people, in whole numbers.
fn by_trying(triangle: &[Vec<u128>], population: usize, sample: usize, found: usize) -> Vec<usize> {
    let choose = |of: usize, some: usize| triangle[of].get(some).copied().unwrap_or(0);
    let all = choose(population, sample);
    let ways = |having: usize, count: usize| {
        choose(having, count) * choose(population - having, sample - count)
    };
    let holds = |having: &usize| {
        let at_most: u128 = (0..=found).map(|count| ways(*having, count)).sum();
        let at_least: u128 = (found..=sample).map(|count| ways(*having, count)).sum();
        at_most * 40 >= all && at_least * 40 >= all
    };
    (0..=population).filter(holds).collect()
}

#[test]
fn every_small_population_is_as_trying_all_of_it_says() {
    let triangle = triangle(60);
    for population in (0..=24).chain([39, 40, 41, 60]) {
        for sample in 0..=population {
            for found in 0..=sample {
                let tried = by_trying(&triangle, population, sample, found);
                let (least, most) = interval(population as u64, sample as u64, found as u64);
                let expected: Vec<usize> = (least as usize..=most as usize).collect();
                assert_eq!(expected, tried, "{found} of {sample} of {population}");
            }
        }
    }
}

#[test]
fn nobody_everybody_and_a_census() {
    assert_eq!(interval(0, 0, 0), (0, 0));
    assert_eq!(interval(1000, 0, 0), (0, 1000));
    assert_eq!(interval(1000, 1000, 37), (37, 37));
    assert_eq!(interval(1_000_000, 600, 0).0, 0);
    assert_eq!(interval(1_000_000, 600, 600).1, 1_000_000);
    // The well-known rule: of nobody in 600, up to 3.7 in 600 have it.
    let most = interval(1_000_000, 600, 0).1;
    assert!((6_000..6_250).contains(&most), "{most}");
    // More than can be is taken for all there is.
    assert_eq!(interval(10, 20, 30), (10, 10));
}

#[test]
fn what_was_seen_is_certain_and_more_found_is_never_fewer() {
    for (population, sample) in [(500, 40), (500, 460), (20_000, 600), (3, 2)] {
        let mut before = (0, 0);
        for found in 0..=sample {
            let (least, most) = interval(population, sample, found);
            assert!(found <= least && least <= most && most <= population - (sample - found));
            let estimate = (population * found) as f64 / sample as f64;
            assert!(least as f64 <= estimate.ceil() && estimate.floor() <= most as f64);
            assert!(before.0 <= least && before.1 <= most);
            before = (least, most);
            // Whoever has it not is counted as well from the other side.
            let (without, others) = interval(population, sample, sample - found);
            assert_eq!((population - others, population - without), (least, most));
        }
    }
}

#[test]
fn a_larger_sample_of_the_same_share_says_more() {
    let width = |sample: u64| {
        let (least, most) = interval(1_000_000, sample, sample / 20);
        most - least
    };
    let widths: Vec<u64> = [200, 1_000, 10_000, 100_000, 1_000_000].map(width).into();
    assert!(
        widths.is_sorted_by(|wide, narrow| wide > narrow),
        "{widths:?}"
    );
}

#[test]
fn ninety_five_of_a_hundred_intervals_hold_the_truth() {
    const POPULATION: u64 = 20_000;
    const DRAWS: u64 = 1_500;
    for (having, sample) in [
        (0, 400),
        (20, 400),
        (600, 600),
        (10_000, 400),
        (19_400, 600),
    ] {
        let mut intervals = std::collections::BTreeMap::new();
        let mut held = 0;
        for seed in 0..DRAWS {
            let mut random = Chance(seed << 32);
            let mut found = 0;
            for drawn in 0..sample {
                let has = random.below(POPULATION - drawn) < having - found;
                found += u64::from(has);
            }
            let interval = intervals
                .entry(found)
                .or_insert_with(|| interval(POPULATION, sample, found));
            held += u64::from((interval.0..=interval.1).contains(&having));
        }
        // Three standard deviations of 1,500 draws.
        let least = DRAWS as f64 * 0.95 - 3.0 * (DRAWS as f64 * 0.95 * 0.05).sqrt();
        assert!(held as f64 >= least, "{held} of {DRAWS} at {having}");
    }
}

#[test]
fn ten_million_people_take_no_time() {
    // Were a term summed for each of a population or a sample, this would not end.
    for found in (0..10_000).step_by(100) {
        let (least, most) = interval(10_000_000, 10_000, found);
        let share = found as f64 / 1e4;
        let wide = 2.6 * (share * (1.0 - share) / 1e4).sqrt() * 1e7 + 5_000.0;
        let near = |bound: u64| (bound as f64 - share * 1e7).abs() < wide;
        assert!(near(least) && near(most), "{found}: {least} to {most}");
    }
    let (least, most) = interval(10_000_000, 9_999_000, 17);
    assert!((17..=19).contains(&most) && least == 17);
}
