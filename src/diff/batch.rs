//! How objects are cut into requests: by count and by bytes. The plan counts with it, the apply sends with it.

/// Braze takes 4 MB a request (API limits page); what frames the objects needs a little of it.
const MAX_BYTES: usize = 4_000_000 - 1024;

/// Says when a request is full.
#[derive(Clone, Debug)]
pub struct Counter {
    most: usize,
    objects: usize,
    bytes: usize,
    full: u64,
}

impl Counter {
    /// Counts for requests of at most so many objects.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            objects: 0,
            bytes: 0,
            full: 0,
        }
    }

    /// Takes an object of so many bytes; true where it begins another request.
    pub fn take(&mut self, bytes: usize) -> bool {
        let bytes = bytes + 1;
        let full =
            self.objects == self.most || (self.objects > 0 && self.bytes + bytes > MAX_BYTES);
        if full {
            self.full += 1;
            (self.objects, self.bytes) = (0, 0);
        }
        self.objects += 1;
        self.bytes += bytes;
        full
    }

    /// Returns how many requests there were.
    pub fn finish(self) -> u64 {
        self.full + u64::from(self.objects > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_bytes_cut() {
        let requests = |objects: usize, bytes| {
            let mut counter = Counter::new(75);
            (0..objects).for_each(|_| {
                counter.take(bytes);
            });
            counter.finish()
        };
        assert_eq!(
            [
                requests(0, 10),
                requests(75, 10),
                requests(76, 10),
                requests(225, 10)
            ],
            [0, 1, 2, 3]
        );
        assert_eq!(requests(75, 100_000), 2);
        assert_eq!(requests(2, 5_000_000), 2);
    }
}
