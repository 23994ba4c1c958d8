//! Somebody between the program and the sandbox who answers `/users/track` in words of their own: mode 1 refuses with a page,
//! mode 2 lets the request through and answers with an error that names nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

pub(super) fn proxy(upstream: &str, mode: Arc<AtomicU8>) -> String {
    let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (upstream, mode) = (upstream.clone(), mode.clone());
            std::thread::spawn(move || {
                one(stream.unwrap(), &upstream, mode.load(Ordering::SeqCst));
            });
        }
    });
    url
}

fn one(stream: TcpStream, upstream: &str, mode: u8) {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        if !line.to_lowercase().starts_with("connection:") {
            head += &line;
        }
    }
    head += "Connection: close\r\n\r\n";
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let track = head.contains("/users/track");
    let fixed = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    if track && mode == 1 {
        let answer = fixed("400", "<html>Bad Request</html>");
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
        return;
    }
    let mut up = TcpStream::connect(upstream).unwrap();
    up.write_all(head.as_bytes()).unwrap();
    up.write_all(&body).unwrap();
    let mut answer = vec![];
    up.read_to_end(&mut answer).unwrap();
    if track && mode == 2 {
        answer = fixed(
            "201",
            r#"{"message":"success","events_processed":4,"errors":["a minor error"]}"#,
        )
        .into_bytes();
    }
    stream.get_mut().write_all(&answer).unwrap();
}
