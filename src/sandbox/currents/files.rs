//! Where a file of Currents is, and how it is written. It must not know what an event says.

use std::{fs, io, path::Path};

use apache_avro::{Codec, DeflateSettings, Writer, types::Value};
use jiff::{Timestamp, tz::TimeZone};

use super::{HOUR, dice::Dice, fields::Type};
use crate::sandbox::{Error, world};

/// What tells a file from the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Decides the integration.
    pub(super) seed: u64,
    /// When its events were queued, in hours.
    pub(super) hour: i64,
    /// The number of its type.
    pub(super) which: u64,
    /// Of several files of a type and hour.
    pub(super) part: u64,
}

const CLUSTER: &str = "prod-01";

/// Writes a file of one type and hour.
pub(super) fn write(out: &Path, of: &Type, place: Place, events: &[Value]) -> Result<(), Error> {
    let integration = Dice::of(&[place.seed]).hex(24);
    let base = format!("dataexport.{CLUSTER}.S3.integration.{integration}");
    let start = Timestamp::from_second(place.hour * HOUR).unwrap_or_default();
    let date = start
        .to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d-%H")
        .to_string();
    let schema = 100 + place.which;
    // An offset grows with the time, and so does the name.
    let offset = place.hour as u64 * 10_000 + place.part * 5000 + place.which;
    let partition = (place.which + place.part) % 8;
    let dir = out.join(format!(
        "{base}/event_type={}/date={date}/{schema}/{CLUSTER}",
        of.name
    ));
    fs::create_dir_all(&dir).map_err(Error::file(&dir))?;
    let path = dir.join(format!("{base}+{partition}+{offset:010}.avro"));
    let bytes = encode(of, place, events).map_err(io::Error::other);
    let bytes = bytes.map_err(Error::file(&path))?;
    world::swap(&path, |out| io::Write::write_all(out, &bytes))
}

fn encode(of: &Type, place: Place, events: &[Value]) -> Result<Vec<u8>, apache_avro::Error> {
    let Place {
        seed,
        hour,
        which,
        part,
    } = place;
    let mut dice = Dice::of(&[seed, hour as u64, which, part]);
    let mut marker = [0; 16];
    marker[..8].copy_from_slice(&dice.next().to_le_bytes());
    marker[8..].copy_from_slice(&dice.next().to_le_bytes());
    let mut writer = Writer::builder()
        .schema(&of.schema)
        .writer(head(&of.written, marker))
        .codec(Codec::Deflate(DeflateSettings::default()))
        .marker(marker)
        .has_header(true)
        .build()?;
    for event in events {
        // Made by the same table as the schema: looking again would take half the time.
        writer.unvalidated_append_value_ref(event)?;
    }
    writer.into_inner()
}

/// The head of a container file. The crate's own has its two entries in an order of chance.
fn head(schema: &str, marker: [u8; 16]) -> Vec<u8> {
    let mut head = b"Obj\x01".to_vec();
    long(&mut head, 2);
    for text in ["avro.schema", schema, "avro.codec", "deflate"] {
        long(&mut head, text.len());
        head.extend_from_slice(text.as_bytes());
    }
    long(&mut head, 0);
    head.extend_from_slice(&marker);
    head
}

/// A number that is not negative, in Avro's zigzag of seven bits a byte.
fn long(bytes: &mut Vec<u8>, number: usize) {
    let mut left = number << 1;
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
}
