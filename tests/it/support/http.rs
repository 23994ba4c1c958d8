//! A small HTTP client for loopback, one request a connection, and a small server: nothing shared with the program's own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// Asks once; the answer's status and body. HTTP/1.0, so that no answer comes in chunks.
pub(crate) fn ask(authority: &str, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    ask_as("none", authority, method, path, body)
}

/// Asks once with a key.
pub(crate) fn ask_as(
    key: &str,
    authority: &str,
    method: &str,
    path: &str,
    body: &[u8],
) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let kind = match body.first() {
        Some(b'{' | b'[') => "application/json",
        _ => "text/csv",
    };
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    parse(&answer)
}

fn parse(answer: &[u8]) -> (u16, Vec<u8>) {
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

/// Serves until the process ends: what is answered to each path and JSON body. Answers its address.
pub(crate) fn serve(
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some((path, body)) = question(&mut stream) {
                    let (status, body) = answer(&path, &body);
                    let body = body.to_string();
                    let length = body.len();
                    let text =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
                    if stream.get_mut().write_all(text.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// Reads one request's path and body; none at the end of the connection.
fn question(stream: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if path.is_empty() {
            path.push_str(line.split(' ').nth(1)?);
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((path, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Writes a value as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let write = |byte| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(write).collect()
}

#[test]
fn an_answer_is_taken_apart() {
    assert_eq!(
        parse(b"HTTP/1.0 404 Not Found\r\na: b\r\n\r\n{}"),
        (404, b"{}".to_vec())
    );
    assert_eq!(segment("a b/\u{e9}"), "a%20b%2F%C3%A9");
}

#[test]
fn a_question_reaches_a_server_and_its_answer_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = vec![0; 4096];
        let mut length = 0;
        while !question[..length].ends_with(b"{}") {
            length += stream.read(&mut question[length..]).unwrap();
        }
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nwell").unwrap();
        String::from_utf8_lossy(&question[..length]).into_owned()
    });
    assert_eq!(
        ask(&authority, "POST", "/x", b"{}"),
        (200, b"well".to_vec())
    );
    let question = server.join().unwrap();
    assert!(question.starts_with("POST /x HTTP/1.0\r\n"), "{question}");
    assert!(
        question.contains("Content-Type: application/json\r\nContent-Length: 2\r\n"),
        "{question}"
    );
}

/// Serves until the process ends: the whole answer to each path, head included. Answers its address.
pub(crate) fn serve_whole(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            if let Some((path, _)) = question(&mut stream) {
                let text = answer(&path);
                // Who hung up needs no answer.
                let _ = stream.get_mut().write_all(text.as_bytes());
            }
        }
    });
    url
}
