//! A lean HTTP/1.1 client: one request a connection at a time, written ahead, the answer read as far
//! as needed to know its status and its end. It shares the cores with the server it measures, so
//! what it does not do is time for the server.

use crate::bench::draw::Pattern;
use crate::bench::histogram::Histogram;
use crate::bench::town::Town;
use crate::failure::Failure;
use engine::UtcMillis;
use std::cell::RefCell;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

const DIGITS: usize = 32;

/// A payment's request, but for its three ids.
#[derive(Clone, Debug)]
struct Request {
    bytes: Vec<u8>,
    ids_at: [usize; 3],
}

impl Request {
    fn new(address: SocketAddr, key: &str) -> Request {
        let zeros = "0".repeat(DIGITS);
        let body = format!(
            r#"{{"id":"pay_{zeros}","payer":"wal_{zeros}","payee":"wal_{zeros}","amount":{{"amount":"0.0025","asset":"USD"}}}}"#
        );
        let head = format!(
            "POST /v1/payments HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut from = 0;
        let ids_at = ["pay_", "wal_", "wal_"].map(|prefix| {
            let found = body[from..].find(prefix).map_or(0, |found| from + found);
            from = found + prefix.len();
            head.len() + from
        });
        Request {
            bytes: (head + &body).into_bytes(),
            ids_at,
        }
    }

    /// Writes the ids in.
    fn fill(&mut self, ids: [u128; 3]) {
        for (at, id) in self.ids_at.into_iter().zip(ids) {
            let mut place = &mut self.bytes[at..at + DIGITS];
            // 32 digits fit into 32 places.
            let _ = write!(place, "{id:032x}");
        }
    }
}

/// Where an answer ends, and its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    end: usize,
}

/// Reads an answer's head; `None` while it is not all there.
fn head(bytes: &[u8]) -> Option<Result<Head, &'static str>> {
    let length = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let digits = |digits: &[u8]| {
        std::str::from_utf8(digits)
            .ok()?
            .trim()
            .parse::<usize>()
            .ok()
    };
    let read = || {
        let status = digits(bytes.get(9..12)?)?;
        let mut content = 0;
        for line in bytes[..length].split(|byte| *byte == b'\n').skip(1) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            if name.eq_ignore_ascii_case(b"content-length") {
                content = digits(value)?;
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                return None;
            }
        }
        Some(Head {
            status: u16::try_from(status).ok()?,
            end: length + 4 + content,
        })
    };
    Some(read().ok_or("an answer that this client cannot read"))
}

struct Connection {
    stream: TcpStream,
    request: Request,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr, key: &str) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| lost(&error))?;
        stream.set_nodelay(true).map_err(|error| lost(&error))?;
        let request = Request::new(address, key);
        Ok(Connection {
            stream,
            request,
            answer: Vec::with_capacity(8_192),
        })
    }

    /// Asks once and reads the whole answer.
    async fn ask(&mut self) -> Result<(), Failure> {
        self.stream
            .write_all(&self.request.bytes)
            .await
            .map_err(|error| lost(&error))?;
        self.answer.clear();
        let mut known = None;
        loop {
            let read = self
                .stream
                .read_buf(&mut self.answer)
                .await
                .map_err(|error| lost(&error))?;
            if read == 0 {
                return Err(Failure::said("the server closed a connection"));
            }
            if known.is_none() {
                known = head(&self.answer).transpose().map_err(Failure::said)?;
            }
            let Some(Head { status, end }) = known else {
                continue;
            };
            if self.answer.len() >= end {
                if status != 201 {
                    let answer = String::from_utf8_lossy(&self.answer);
                    return Err(Failure::said(format!(
                        "a payment was answered with {answer}"
                    )));
                }
                return Ok(());
            }
        }
    }
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::said(format!("a connection to the server: {error}"))
}

/// What a closed loop found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub payments: u64,
    pub took: Duration,
    pub each: Histogram,
}

/// So many connections that each ask, wait for the answer and ask again; on a thread of their own,
/// which is this one. Each asks a few times before the clock is looked at.
pub fn closed_loop(
    (address, key): (SocketAddr, &str),
    connections: usize,
    time: Duration,
    town: Town,
) -> Result<(Found, Town), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::said(format!("the client's runtime could not start: {error}")))?;
    let town = Rc::new(RefCell::new(town));
    let shared = Rc::clone(&town);
    let found = LocalSet::new().block_on(&runtime, async move {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            let mut connection = Connection::open(address, key).await?;
            for _ in 0..3 {
                prepare(&mut connection, &shared);
                connection.ask().await?;
            }
            open.push(connection);
        }
        let start = Instant::now();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|connection| {
                tokio::task::spawn_local(ask_until(connection, start + time, Rc::clone(&shared)))
            })
            .collect();
        let mut found = Found::default();
        for task in tasks {
            let (payments, each) = task
                .await
                .map_err(|error| Failure::said(format!("a connection: {error}")))??;
            found.payments += payments;
            found.each.add(&each);
        }
        found.took = start.elapsed();
        Ok::<Found, Failure>(found)
    })?;
    drop(runtime);
    let town = Rc::try_unwrap(town).map_err(|_| Failure::said("a connection is still open"))?;
    Ok((found, town.into_inner()))
}

fn prepare(connection: &mut Connection, town: &RefCell<Town>) {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = UtcMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let mut town = town.borrow_mut();
    let (payer, payee) = town.pair(Pattern::Uniform);
    connection
        .request
        .fill([town.fresh_id(now).0, payer.0.0, payee.0.0]);
}

async fn ask_until(
    mut connection: Connection,
    end: Instant,
    town: Rc<RefCell<Town>>,
) -> Result<(u64, Histogram), Failure> {
    let (mut payments, mut each) = (0, Histogram::default());
    loop {
        prepare(&mut connection, &town);
        let start = Instant::now();
        connection.ask().await?;
        let answered = Instant::now();
        each.record(answered - start);
        payments += 1;
        if answered >= end {
            return Ok((payments, each));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_its_length_and_bears_its_ids() {
        let mut request = Request::new("127.0.0.1:80".parse().unwrap(), "fk_test_x");
        request.fill([1, 2, u128::MAX]);
        let text = String::from_utf8(request.bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["id"], "pay_00000000000000000000000000000001");
        assert_eq!(body["payer"], "wal_00000000000000000000000000000002");
        assert_eq!(body["payee"], "wal_ffffffffffffffffffffffffffffffff");
    }

    #[test]
    fn an_answers_end_is_found_only_when_its_head_is_there() {
        let answer =
            b"HTTP/1.1 201 Created\r\ndate: now: and then\r\nContent-Length: 5\r\n\r\nhello";
        for cut in 0..answer.len() - 5 {
            assert_eq!(head(&answer[..cut]), None);
        }
        assert_eq!(
            head(answer),
            Some(Ok(Head {
                status: 201,
                end: answer.len()
            }))
        );
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert!(head(chunked).unwrap().is_err());
    }
}
