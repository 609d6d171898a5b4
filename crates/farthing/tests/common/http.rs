//! The smallest HTTP/1.1 client that tests of a server need: one connection, one request at a time.
//! Every failure of the connection is an error; nothing is tried again behind the test's back.
// Each test uses its part of it.
#![allow(dead_code)]

use serde_json::Value;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes: a server that hangs fails the test instead of hanging it.
const ANSWER_MAX: Duration = Duration::from_secs(30);

pub struct Http {
    stream: BufReader<TcpStream>,
    address: String,
    key: String,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body in JSON; what is none is null.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }
}

impl Http {
    /// Connects; without a key when it is empty.
    pub fn connect(address: &str, key: &str) -> io::Result<Http> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Http {
            stream: BufReader::new(stream),
            address: address.to_owned(),
            key: key.to_owned(),
        })
    }

    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.send("GET", path, &[], &[])
    }

    pub fn delete(&mut self, path: &str) -> io::Result<Reply> {
        self.send("DELETE", path, &[], &[])
    }

    /// Posts JSON under an idempotency key.
    pub fn post(&mut self, path: &str, key: &str, body: &Value) -> io::Result<Reply> {
        self.tell("POST", path, key, body)
    }

    /// Puts JSON under an idempotency key.
    pub fn put(&mut self, path: &str, key: &str, body: &Value) -> io::Result<Reply> {
        self.tell("PUT", path, key, body)
    }

    fn tell(&mut self, method: &str, path: &str, key: &str, body: &Value) -> io::Result<Reply> {
        let headers = [
            ("Idempotency-Key", key),
            ("Content-Type", "application/json"),
        ];
        self.send(method, path, &headers, body.to_string().as_bytes())
    }

    /// Sends anything at all.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if !self.key.is_empty() {
            request += &format!("Authorization: Bearer {}\r\n", self.key);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if method != "GET" {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.stream.get_mut().write_all(&bytes)?;
        self.read()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn read(&mut self) -> io::Result<Reply> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {first:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply {
            status,
            headers,
            bytes: Vec::new(),
        };
        if reply.header("transfer-encoding") == Some("chunked") {
            while let size @ 1.. = self.chunk()? {
                self.body(size, &mut reply.bytes)?;
                self.line()?;
            }
            self.line()?;
        } else if status != 204 {
            let length = reply.header("content-length").unwrap_or("0");
            let length = length.parse().map_err(io::Error::other)?;
            self.body(length, &mut reply.bytes)?;
        }
        Ok(reply)
    }

    fn chunk(&mut self) -> io::Result<usize> {
        usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)
    }

    fn body(&mut self, length: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let start = bytes.len();
        bytes.resize(start + length, 0);
        self.stream.read_exact(&mut bytes[start..])
    }
}
