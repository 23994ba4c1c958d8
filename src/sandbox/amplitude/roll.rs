//! The people of a cohort file: read, and written anew with some more and some less. It must not hold a file in memory.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead, Write},
};

use super::csv::{Records, field};

/// What a file without a header is taken for.
const HEADER: [&str; 2] = ["amplitude_id", "user_id"];

/// A person as a file names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Amplitude's own number.
    pub(crate) amplitude_id: u64,
    /// Empty for somebody anonymous.
    pub(crate) user_id: String,
}

/// Hands over the ids of each row, as text.
pub(crate) fn each(
    input: impl BufRead,
    mut take: impl FnMut(&str, &str) -> io::Result<()>,
) -> io::Result<()> {
    let mut records = Records::new(input);
    let Some(header) = records.next()? else {
        return Ok(());
    };
    let places = places(&header.map(<[u8]>::to_vec).collect::<Vec<_>>());
    while let Some(row) = records.next()? {
        let fields: Vec<&[u8]> = row.collect();
        let [amplitude, user] = ids(&fields, places);
        take(amplitude, user)?;
    }
    Ok(())
}

/// Who is to be in a cohort and who is not.
#[derive(Debug, Default)]
pub(crate) struct Change {
    wanted: HashMap<u64, (Member, bool)>,
    /// In the file somebody may stand under another number.
    users: HashMap<String, u64>,
    /// Whether those stay who are not named.
    others: bool,
    present: HashSet<u64>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edited {
    /// Rows now.
    pub(crate) rows: u64,
    /// Whether anybody came or left.
    pub(crate) changed: bool,
}

impl Change {
    /// Starts with nobody named; says what happens to those who stay so.
    pub(crate) fn new(others: bool) -> Self {
        Self {
            others,
            ..Self::default()
        }
    }

    /// Names somebody who is to be in, or not; what is said last counts.
    pub(crate) fn say(&mut self, member: Member, belongs: bool) {
        let number = member.amplitude_id;
        if !member.user_id.is_empty() {
            self.users.insert(member.user_id.clone(), number);
        }
        self.wanted.insert(number, (member, belongs));
    }

    /// Returns how many are named.
    pub(crate) fn len(&self) -> usize {
        self.wanted.len()
    }

    fn keep(&mut self, amplitude: &str, user: &str) -> bool {
        let number = self.users.get(user).copied();
        let number = number.or_else(|| amplitude.parse().ok());
        let named = number.and_then(|number| self.wanted.get(&number));
        let Some((member, belongs)) = named else {
            return self.others;
        };
        self.present.insert(member.amplitude_id);
        *belongs
    }

    fn missing(&self) -> Vec<&Member> {
        let missing = |(number, (_, belongs)): &(&u64, &(Member, bool))| {
            *belongs && !self.present.contains(number)
        };
        let mut missing: Vec<&Member> = self
            .wanted
            .iter()
            .filter(missing)
            .map(|(_, (member, _))| member)
            .collect();
        missing.sort_by_key(|member| member.amplitude_id);
        missing
    }
}

/// Copies the rows that stay, every column of them, hands over who leaves, and adds people, who have no properties.
pub(crate) fn edit(
    input: impl BufRead,
    change: &mut Change,
    mut leaves: impl FnMut(&str, &str) -> io::Result<()>,
    out: &mut impl Write,
) -> io::Result<Edited> {
    let mut records = Records::new(input);
    let header = records
        .next()?
        .map(|header| header.map(<[u8]>::to_vec).collect::<Vec<_>>());
    let header = header.unwrap_or_else(|| HEADER.map(|name| name.as_bytes().to_vec()).to_vec());
    let places = places(&header);
    row(out, header.iter().map(Vec::as_slice))?;
    let mut edited = Edited {
        rows: 0,
        changed: false,
    };
    while let Some(fields) = records.next()? {
        let fields: Vec<&[u8]> = fields.collect();
        let [amplitude, user] = ids(&fields, places);
        if change.keep(amplitude, user) {
            row(out, fields.into_iter())?;
            edited.rows += 1;
        } else {
            leaves(amplitude, user)?;
            edited.changed = true;
        }
    }
    for member in change.missing() {
        let number = member.amplitude_id.to_string();
        let value = |place: usize| match places.iter().position(|known| *known == Some(place)) {
            Some(0) => number.as_bytes(),
            Some(_) => member.user_id.as_bytes(),
            None => b"",
        };
        row(out, (0..header.len()).map(value))?;
        edited.rows += 1;
        edited.changed = true;
    }
    Ok(edited)
}

fn places(header: &[Vec<u8>]) -> [Option<usize>; 2] {
    HEADER.map(|name| header.iter().position(|known| known == name.as_bytes()))
}

fn ids<'a>(fields: &[&'a [u8]], places: [Option<usize>; 2]) -> [&'a str; 2] {
    places.map(|place| {
        let field = place.and_then(|place| fields.get(place)).copied();
        std::str::from_utf8(field.unwrap_or_default()).unwrap_or_default()
    })
}

fn row<'a>(out: &mut impl Write, fields: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    for (place, value) in fields.enumerate() {
        field(out, place, "", value)?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_columns_and_adds_people() {
        let file = "user_id,tier,amplitude_id\nann,gold,1\n\"b,b\",,2\ndee,,9\n";
        let member = |amplitude_id, user: &str| Member {
            amplitude_id,
            user_id: user.to_owned(),
        };
        let made = |file: &str, change: &mut Change| {
            let (mut out, mut left) = (Vec::new(), Vec::new());
            let edited = edit(
                file.as_bytes(),
                change,
                |_, user| {
                    left.push(user.to_owned());
                    Ok(())
                },
                &mut out,
            );
            (edited.unwrap(), String::from_utf8(out).unwrap(), left)
        };
        let mut change = Change::new(true);
        for (member, belongs) in [
            (member(1, "ann"), true),
            (member(1, "ann"), false),
            (member(3, "cy"), true),
            (member(8, "dee"), true),
        ] {
            change.say(member, belongs);
        }
        let (edited, text, left) = made(file, &mut change);
        assert_eq!((edited.rows, edited.changed), (3, true));
        let wanted = "\"user_id\",\"tier\",\"amplitude_id\"\n\"b,b\",\"\",\"2\"\n\"dee\",\"\",\"9\"\n\"cy\",\"\",\"3\"\n";
        assert_eq!((text.as_str(), left), (wanted, vec!["ann".to_owned()]));
        let mut seen = Vec::new();
        each(text.as_bytes(), |amplitude, user| {
            seen.push(format!("{amplitude}={user}"));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, ["2=b,b", "9=dee", "3=cy"]);
        let mut change = Change::new(false);
        change.say(member(2, "b,b"), true);
        assert_eq!(made(&text, &mut change).0.rows, 1);
        let mut change = Change::new(true);
        change.say(member(3, "cy"), true);
        let (edited, text, _) = made("", &mut change);
        assert_eq!(
            (edited.rows, text.as_str()),
            (1, "\"amplitude_id\",\"user_id\"\n\"3\",\"cy\"\n")
        );
        assert!(!made(&text, &mut change).0.changed);
    }
}
