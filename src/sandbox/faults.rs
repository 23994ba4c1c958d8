//! What goes wrong on purpose: which request, how, repeatably. It must not answer anything itself.

use std::{collections::HashMap, str::FromStr};

use super::Error;

/// A fault specification: `WHAT:PROBABILITY[@PATH]`, comma-separated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(Vec<Fault>);

#[derive(Clone, Debug, PartialEq)]
struct Fault {
    what: What,
    probability: f64,
    path: Option<String>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// 401 in the service's shape: the key is not known; not processed.
    Unknown,
    /// 403 in the service's shape: the key may not; not processed.
    Forbidden,
    /// 429 in the service's shape; not processed.
    TooMany,
    /// 423, of a partner's endpoint only; not processed.
    Locked,
    /// 500; not processed.
    Internal,
    /// 503; not processed.
    Unavailable,
    /// Closed without an answer; not processed.
    Drop,
    /// Processed; the answer is lost.
    DropAfter,
    /// Processed, after seconds.
    Slow,
    /// 200 with a body nobody promised; not processed.
    Garbage,
}

impl What {
    /// Tells whether the request is processed all the same.
    pub(crate) fn processes(self) -> bool {
        matches!(self, Self::DropAfter | Self::Slow)
    }
}

impl FromStr for Faults {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split(',').map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(fault)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn fault(text: &str) -> Result<Fault, Error> {
    let wrong = |why: &str| {
        Error::Faults(format!(
            "`{text}`: {why} (written WHAT:PROBABILITY[@PATH], as in `429:0.1@/users/track`)"
        ))
    };
    let (what, rest) = text
        .split_once(':')
        .ok_or_else(|| wrong("no probability"))?;
    let (probability, path) = match rest.split_once('@') {
        Some((probability, path)) => (probability, Some(path)),
        None => (rest, None),
    };
    if path.is_some_and(|path| !path.starts_with('/')) {
        return Err(wrong("a path starts with `/`"));
    }
    let what = match what {
        "401" => What::Unknown,
        "403" => What::Forbidden,
        "429" => What::TooMany,
        "423" => What::Locked,
        "500" => What::Internal,
        "503" => What::Unavailable,
        "drop" => What::Drop,
        "drop_after" => What::DropAfter,
        "slow" => What::Slow,
        "garbage" => What::Garbage,
        _ => {
            return Err(wrong(
                "it is one of 401, 403, 423, 429, 500, 503, drop, drop_after, slow, garbage",
            ));
        }
    };
    let probability: f64 = probability
        .parse()
        .map_err(|_| wrong("the probability is not a number"))?;
    if !(0.0..=1.0).contains(&probability) {
        return Err(wrong("a probability is between 0 and 1"));
    }
    Ok(Fault {
        what,
        probability,
        path: path.map(|path| path.trim_end_matches('/').to_owned()),
    })
}

impl Fault {
    /// Tells whether the fault is meant for this path; `@/users` means everything below it too. Only a partner's
    /// endpoint ever answers 423 (braze.md 4).
    fn meets(&self, path: &str, template: &str) -> bool {
        let under = |path: &str, root: &str| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let known = self.what != What::Locked || under(template, "/partners");
        let root = self.path.as_deref();
        known && root.is_none_or(|root| under(path, root) || under(template, root))
    }
}

/// Draws the fate of each request. The n-th request of a route has the same fate in every run of one seed,
/// whatever the other routes do meanwhile.
#[derive(Debug)]
pub(crate) struct Draws {
    faults: Faults,
    seed: u64,
    drawn: HashMap<String, u64>,
}

impl Draws {
    /// Starts a sequence of fates.
    pub(crate) fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            seed,
            drawn: HashMap::new(),
        }
    }

    /// Replaces the specification and starts again.
    pub(crate) fn replace(&mut self, faults: Faults) {
        self.faults = faults;
        self.drawn.clear();
    }

    /// Returns what goes wrong with the next request of this route, if anything.
    pub(crate) fn next(&mut self, route: &str, template: &str, path: &str) -> Option<What> {
        if self.faults.0.is_empty() {
            return None;
        }
        let count = self.drawn.entry(route.to_owned()).or_default();
        *count += 1;
        let mut draw = uniform(self.seed, route, *count);
        for fault in self
            .faults
            .0
            .iter()
            .filter(|fault| fault.meets(path, template))
        {
            if draw < fault.probability {
                return Some(fault.what);
            }
            draw -= fault.probability;
        }
        None
    }
}

/// Returns a number in 0..1 that depends on nothing else: FNV-1a of the route, then splitmix64.
fn uniform(seed: u64, route: &str, count: u64) -> f64 {
    let mut state = route.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    for word in [seed, count] {
        state = state.wrapping_add(word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_specification() {
        let faults: Faults = "429:0.1, drop_after:0.05@/users/track".parse().unwrap();
        assert_eq!(faults.0.len(), 2);
        assert!(faults.0[1].meets("/users/track", "/users/track"));
        assert!(!faults.0[1].meets("/users/tracker", "/users/tracker"));
        assert_eq!("".parse::<Faults>().unwrap(), Faults::default());
        for wrong in ["429", "430:0.1", "429:2", "429:x", "429:0.1@users"] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn fates_repeat_and_follow_their_probability() {
        let spec: Faults = "429:0.1,drop:0.2@/a".parse().unwrap();
        let run = |seed| {
            let mut draws = Draws::new(spec.clone(), seed);
            (0..10_000)
                .map(|_| draws.next("GET /a", "/a", "/a"))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let count = |what| run(7).into_iter().filter(|drawn| *drawn == what).count();
        assert!((900..1100).contains(&count(Some(What::TooMany))));
        assert!((1850..2150).contains(&count(Some(What::Drop))));
    }
}
