//! Cohort files: counted, and cut to the columns that were asked for (amplitude.md 4.6). It must not hold one in memory.

use std::io::{self, BufRead, Write};

use csv_core::{ReadRecordResult, Reader};

/// Which property columns a download has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Ids only.
    Ids,
    /// Every property.
    All,
    /// These properties.
    Only(Vec<String>),
}

/// How the file is dressed: what real files are said to do, each behind a switch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dress {
    /// A TAB before every header and every text.
    pub(crate) tab: bool,
    /// `gp:` before property headers.
    pub(crate) gp: bool,
}

/// These come in every file; the rest are properties.
const IDS: [&str; 3] = ["amplitude_id", "user_id", "group_value"];

/// Counts the rows, the header aside.
pub(crate) fn count(input: impl BufRead) -> io::Result<u64> {
    let mut records = Records::new(input);
    let mut rows = 0;
    while records.next()?.is_some() {
        rows += 1;
    }
    Ok(u64::saturating_sub(rows, 1))
}

/// Writes the file with these columns, every field quoted, LF at the ends of lines.
pub(crate) fn cut(
    input: impl BufRead,
    columns: &Columns,
    dress: Dress,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut records = Records::new(input);
    let Some(header) = records.next()? else {
        return out.write_all(b"\"amplitude_id\",\"user_id\"\n");
    };
    let names: Vec<String> = header
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let kept: Vec<usize> = (0..names.len())
        .filter(|column| wanted(&names[*column], columns))
        .collect();
    for (place, column) in kept.iter().enumerate() {
        let name = &names[*column];
        let property = dress.gp && !IDS.contains(&name.as_str());
        let prefix = match (dress.tab, property) {
            (true, true) => "\tgp:",
            (true, false) => "\t",
            (false, true) => "gp:",
            (false, false) => "",
        };
        field(out, place, prefix, name.as_bytes())?;
    }
    out.write_all(b"\n")?;
    let numeric = names.iter().position(|name| name == "amplitude_id");
    while let Some(row) = records.next()? {
        let fields: Vec<&[u8]> = row.collect();
        for (place, column) in kept.iter().enumerate() {
            let value = fields.get(*column).copied().unwrap_or_default();
            let tab = dress.tab && !value.is_empty() && Some(*column) != numeric;
            field(out, place, if tab { "\t" } else { "" }, value)?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn wanted(name: &str, columns: &Columns) -> bool {
    let bare = |text: &str| text.strip_prefix("gp:").unwrap_or(text).to_owned();
    IDS.contains(&name)
        || match columns {
            Columns::Ids => false,
            Columns::All => true,
            Columns::Only(keys) => keys.iter().any(|key| bare(key) == bare(name)),
        }
}

/// Writes a field in quotes.
pub(super) fn field(
    out: &mut impl Write,
    place: usize,
    prefix: &str,
    value: &[u8],
) -> io::Result<()> {
    out.write_all(if place == 0 { b"\"" } else { b",\"" })?;
    out.write_all(prefix.as_bytes())?;
    for (part, text) in value.split(|byte| *byte == b'"').enumerate() {
        if part > 0 {
            out.write_all(b"\"\"")?;
        }
        out.write_all(text)?;
    }
    out.write_all(b"\"")
}

/// Records one after another, in one buffer.
pub(super) struct Records<R> {
    input: R,
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: BufRead> Records<R> {
    /// Reads from the start.
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            reader: Reader::new(),
            text: vec![0; 1 << 12],
            ends: vec![0; 64],
        }
    }

    /// Returns the next record's fields. An empty slice tells csv-core that the input is over: `fill_buf` is empty
    /// only then.
    pub(super) fn next(&mut self) -> io::Result<Option<impl Iterator<Item = &[u8]>>> {
        let (mut written, mut fields) = (0, 0);
        loop {
            let input = self.input.fill_buf()?;
            let (result, read, wrote, ended) =
                self.reader
                    .read_record(input, &mut self.text[written..], &mut self.ends[fields..]);
            self.input.consume(read);
            written += wrote;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => break,
            }
        }
        let text = &self.text;
        let mut start = 0;
        Ok(Some(self.ends[..fields].iter().map(move |end| {
            let field = &text[start..*end];
            start = *end;
            field
        })))
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const FILE: &str = "\"amplitude_id\",\"user_id\",\"tier\",\"note\"\n\"1\",\"u1\",\"gold\",\"say \"\"hi\"\", all\"\n2,,,\n";

    fn made(columns: &Columns, dress: Dress) -> String {
        // One byte at a time: every boundary is a chunk boundary once.
        let mut out = Vec::new();
        cut(
            BufReader::with_capacity(1, FILE.as_bytes()),
            columns,
            dress,
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cuts_to_what_was_asked() {
        let plain = Dress::default();
        assert_eq!(
            made(&Columns::Ids, plain),
            "\"amplitude_id\",\"user_id\"\n\"1\",\"u1\"\n\"2\",\"\"\n"
        );
        let some = Columns::Only(vec!["gp:note".to_owned(), "unheard".to_owned()]);
        assert!(
            made(&some, plain).ends_with("\"1\",\"u1\",\"say \"\"hi\"\", all\"\n\"2\",\"\",\"\"\n")
        );
        let all = made(
            &Columns::All,
            Dress {
                tab: true,
                gp: true,
            },
        );
        assert!(all.starts_with("\"\tamplitude_id\",\"\tuser_id\",\"\tgp:tier\",\"\tgp:note\"\n\"1\",\"\tu1\",\"\tgold\""));
        assert_eq!(count(FILE.as_bytes()).unwrap(), 2);
        assert_eq!(count(&b""[..]).unwrap(), 0);
    }
}
