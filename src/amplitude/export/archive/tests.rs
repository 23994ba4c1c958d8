//! Archives as they come and as they do not, made with the same crates by hand.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(vec![], Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zip(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(vec![]));
    for (at, (name, bytes)) in members.iter().enumerate() {
        let method = [CompressionMethod::Stored, CompressionMethod::Deflated][at % 2];
        let options = SimpleFileOptions::default().compression_method(method);
        if name.ends_with('/') {
            zip.add_directory(*name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn open(bytes: &[u8]) -> Result<Archive, Error> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Archive::open(file)
}

fn lines(bytes: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let mut found = vec![];
    open(bytes)?.each(|hour, line| {
        let line = String::from_utf8(line.to_vec()).unwrap();
        found.push((hour.to_string(), line));
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

fn sample() -> Vec<u8> {
    let mut twice = gzip(b"{\"n\":5}\n{\"n\"");
    twice.extend(gzip(b":6}\n"));
    zip(&[
        ("7/", vec![]),
        ("7/7_2024-03-02_10#0.json.gz", gzip(b"{\"n\":4}")),
        ("7/7_2024-03-02_9#10.json.gz", gzip(b"{\"n\":3}\r\n\n")),
        (
            "7/7_2024-03-02_9#2.json.gz",
            gzip(b"{\"n\":1}\n{\"n\":2}\n"),
        ),
        ("7/7_2024-03-02_11#0.json.gz", twice),
        ("7/7_2024-03-03_0#0.json.gz", gzip(b"")),
    ])
}

#[test]
fn members_come_by_hour_and_part_and_lines_without_their_ends() {
    let wanted = [
        ("20240302T09", "{\"n\":1}"),
        ("20240302T09", "{\"n\":2}"),
        ("20240302T09", "{\"n\":3}"),
        ("20240302T10", "{\"n\":4}"),
        ("20240302T11", "{\"n\":5}"),
        ("20240302T11", "{\"n\":6}"),
    ];
    let wanted = wanted.map(|(hour, line)| (hour.to_owned(), line.to_owned()));
    assert_eq!(lines(&sample()).unwrap(), wanted);
    let hours = open(&sample()).unwrap().hours();
    let hours: Vec<String> = hours.iter().map(Hour::to_string).collect();
    assert_eq!(
        hours,
        ["20240302T09", "20240302T10", "20240302T11", "20240303T00"]
    );
}

#[test]
fn a_cut_is_seen_wherever_it_is() {
    let whole = sample();
    for cut in (0..whole.len()).step_by(7) {
        assert!(lines(&whole[..cut]).is_err(), "cut at {cut} passed");
    }
    // A member whose own end is missing, in an archive that is whole.
    let short = gzip(&b"{\"n\":1}\n".repeat(100));
    for cut in 0..short.len() {
        let zip = zip(&[("7/7_2024-03-02_9#0.json.gz", short[..cut].to_vec())]);
        let found = lines(&zip);
        assert!(found.is_err(), "a member cut at {cut} passed");
    }
}

#[test]
fn an_error_of_who_takes_ends_the_reading() {
    let mut seen = 0;
    let error = open(&sample())
        .unwrap()
        .each(|_, _| {
            seen += 1;
            Err::<(), _>(damaged("enough"))
        })
        .unwrap_err();
    assert!(error.to_string().ends_with("enough"), "{error}");
    assert_eq!(seen, 1);
}

#[test]
fn a_name_that_tells_no_hour_is_an_error() {
    for name in [
        "7/7_2024-03-02_0_complete",
        "7/7_2024-03-02_24#0.json.gz",
        "7/7_2024-13-02_0#0.json.gz",
        "7/7_2024-03-02_0.json.gz",
        "7/7_20240302_0#0.json.gz",
        "7/7_2024-03-02_0#x.json.gz",
        "7/7_2024-03-02_+1#0.json.gz",
        "readme.txt",
    ] {
        assert_eq!(parse(name), None, "{name}");
        let error = open(&zip(&[(name, vec![])])).unwrap_err().to_string();
        assert!(error.contains("tells no hour"), "{error}");
    }
    let hour = Hour::parse("20240302T00").unwrap();
    assert_eq!(
        parse("374182/374182_2024-03-02_0#0.json.gz"),
        Some((hour, 0))
    );
    assert_eq!(parse("374182_2024-03-02_00#12.json.gz"), Some((hour, 12)));
}

#[test]
fn a_line_has_an_end() {
    let mut found = vec![];
    let zip = zip(&[("7/7_2024-03-02_9#0.json.gz", gzip(b"12345678\n123456789\n"))]);
    let error = open(&zip)
        .unwrap()
        .each_within(9, |_, line| {
            found.push(line.to_vec());
            Ok::<(), Error>(())
        })
        .unwrap_err();
    assert_eq!(found, [b"12345678"]);
    assert!(error.to_string().contains("9 bytes"), "{error}");
}
