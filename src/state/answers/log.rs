//! Logs of answers as files: what they hold of whom, and a log without somebody. It knows no cohort and no question.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use super::{Frames, MAGIC, files, free, sum};
use crate::{model::Key, state::Error};

/// A log that nobody writes while this is held.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    _lock: File,
}

impl Log {
    /// Takes all logs of a cache; an error where somebody writes one.
    pub fn all(cache: &Path) -> Result<Vec<Self>, Error> {
        let mut logs = vec![];
        for path in files::list(&cache.join("answers"))? {
            if files::is_half_written(&path) {
                continue;
            }
            let Some(lock) = free(&path)? else {
                return Err(Error::Busy { path });
            };
            logs.push(Self { path, _lock: lock });
        }
        Ok(logs)
    }

    /// Tells who is in it. Returns whether it could be read to its end: behind a tear may stand anybody.
    pub fn each(&self, mut tell: impl FnMut(&Key)) -> Result<bool, Error> {
        let mut frames = Frames::open(&self.path)?;
        while let Some(frame) = frames.advance()? {
            if let Ok(key) = Key::from_bytes(frame.key) {
                tell(&key);
            }
        }
        let length = std::fs::metadata(&self.path).map_err(Error::io(&self.path))?;
        Ok(frames.whole == length.len())
    }

    /// Writes it anew without some people, and without what cannot be read, and removes it. Between the two both are there,
    /// and say the same of everybody else.
    pub fn without(self, gone: impl Fn(&Key) -> bool) -> Result<(), Error> {
        let mut frames = Frames::open(&self.path)?;
        let mut other = None;
        while let Some(frame) = frames.advance()? {
            if Key::from_bytes(frame.key).is_ok_and(|key| gone(&key)) {
                continue;
            }
            let payload = &frames.payload;
            let (path, file) = match &mut other {
                Some(other) => other,
                none => none.insert(self.another()?),
            };
            let head = [
                (payload.len() as u32).to_le_bytes(),
                sum(payload).to_le_bytes(),
            ]
            .concat();
            let written = file.write_all(&head).and_then(|()| file.write_all(payload));
            written.map_err(Error::io(path))?;
        }
        if let Some((path, mut file)) = other {
            let synced = file.flush().and_then(|()| file.get_ref().sync_data());
            synced.map_err(Error::io(&path))?;
            files::sync_directory(&path)?;
        }
        files::remove(&self.path)
    }

    /// Begins the same log under a number that none has.
    fn another(&self) -> Result<(PathBuf, BufWriter<File>), Error> {
        let mut number = 0;
        loop {
            let path = self.path.with_extension(number.to_string());
            number += 1;
            if path.exists() {
                continue;
            }
            let Some(file) = free(&path)? else {
                continue;
            };
            // Somebody may have been faster, and written it.
            if file.metadata().map_err(Error::io(&path))?.len() == 0 {
                let mut file = BufWriter::with_capacity(1 << 16, file);
                file.write_all(MAGIC).map_err(Error::io(&path))?;
                return Ok((path, file));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::answers::{Answers, tests::lease};

    #[test]
    fn a_log_without_somebody_says_the_same_of_everybody_else() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path();
        let key = |number: u32| Key::external(&format!("person-{number}")).unwrap();
        let mut answers = Answers::open(cache, "c", Some(1), "question").unwrap();
        for number in 0..50 {
            let cells = (number % 7 != 0).then(|| format!("[{number}]"));
            answers
                .push(&key(number), i64::from(number), cells.as_deref())
                .unwrap();
        }
        assert!(
            matches!(Log::all(cache), Err(Error::Busy { .. })),
            "it is written"
        );
        drop(answers);
        // A kill left half an answer about somebody.
        let [path] = &files::list(&cache.join("answers")).unwrap()[..] else {
            panic!("one log");
        };
        let mut torn = std::fs::read(path).unwrap();
        torn.extend_from_slice(b"\x40\0\0\0torn person-13");
        std::fs::write(path, torn).unwrap();

        let mut logs = Log::all(cache).unwrap();
        let mut told = 0;
        assert!(!logs[0].each(|_| told += 1).unwrap());
        assert_eq!(told, 50);
        let log = logs.pop().unwrap();
        log.without(|one| *one == key(13)).unwrap();

        for path in files::list(&cache.join("answers")).unwrap() {
            let bytes = std::fs::read(path).unwrap();
            assert!(!bytes.windows(9).any(|window| window == b"person-13"));
        }
        let answers = Answers::open(cache, "c", Some(1), "question").unwrap();
        let kept = answers.sorted(lease(1 << 20), |_| true).unwrap();
        let mut kept: Vec<_> = kept.asked().map(Result::unwrap).collect();
        kept.sort_by_key(|(_, at)| *at);
        let numbers: Vec<u32> = (0..50).filter(|number| *number != 13).collect();
        assert_eq!(kept.len(), numbers.len());
        for ((member, at), number) in kept.into_iter().zip(numbers) {
            assert_eq!((member.key, at), (key(number), i64::from(number)));
            let cells = if number % 7 == 0 {
                String::new()
            } else {
                format!("[{number}]")
            };
            assert_eq!(*member.value, cells);
        }
        drop(answers);

        // One that held nobody else goes as a whole.
        for log in Log::all(cache).unwrap() {
            log.without(|_| true).unwrap();
        }
        assert_eq!(files::list(&cache.join("answers")).unwrap().len(), 0);
    }
}
