//! One connection to the API: requests one after another, each POST under an idempotency key.
//!
//! What got no answer, or "come back", is asked again with the same key: that is what keys are for.

use crate::failure::Failure;
use engine::Id;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How often one request is asked before it is given up.
const TRIES_MAX: u32 = 20;
const WAIT_FIRST: Duration = Duration::from_millis(10);
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Where the API is and what opens it.
#[derive(Clone)]
pub struct Door {
    address: SocketAddr,
    host: Arc<str>,
    bearer: Arc<str>,
}

impl Door {
    pub fn new(address: SocketAddr, key: &str) -> Door {
        Door {
            address,
            host: address.to_string().into(),
            bearer: format!("Bearer {key}").into(),
        }
    }

    pub fn client(&self) -> Client {
        Client {
            door: self.clone(),
            sender: None,
        }
    }
}

/// A connection, opened when it is needed.
pub struct Client {
    door: Door,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What the API said.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    /// The stable code of a problem document.
    pub fn code(&self) -> &str {
        self.text("code")
    }

    /// A text of the body; empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    /// The body of a request that had to succeed.
    pub fn must(self, what: &str) -> Result<Value, Failure> {
        if self.status < 300 {
            return Ok(self.body);
        }
        let (code, detail) = (self.code(), self.text("detail"));
        Err(Failure::said(format!(
            "{what}: {} {code} {detail}",
            self.status
        )))
    }
}

impl Client {
    pub async fn get(&mut self, path: &str) -> Result<Reply, Failure> {
        self.ask(Method::GET, path, None, Bytes::new()).await
    }

    pub async fn post(&mut self, path: &str, id: Id, body: &Value) -> Result<Reply, Failure> {
        self.ask(Method::POST, path, Some(id), body.to_string().into())
            .await
    }

    pub async fn put(&mut self, path: &str, id: Id, body: &Value) -> Result<Reply, Failure> {
        self.ask(Method::PUT, path, Some(id), body.to_string().into())
            .await
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        id: Option<Id>,
        body: Bytes,
    ) -> Result<Reply, Failure> {
        let mut wait = WAIT_FIRST;
        let mut why = String::new();
        for _ in 0..TRIES_MAX {
            match self.once(&method, path, id, body.clone()).await {
                Ok(reply) if !matches!(reply.status, 429 | 503) => return Ok(reply),
                Ok(reply) => why = format!("{} {}", reply.status, reply.code()),
                Err(error) => {
                    self.sender = None;
                    why = error;
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
        Err(Failure::said(format!(
            "{method} {path}: no answer after {TRIES_MAX} tries: {why}"
        )))
    }

    async fn once(
        &mut self,
        method: &Method,
        path: &str,
        id: Option<Id>,
        body: Bytes,
    ) -> Result<Reply, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &*self.door.host)
            .header(AUTHORIZATION, &*self.door.bearer);
        if let Some(id) = id {
            request = request
                .header("Idempotency-Key", format!("{:032x}", id.0))
                .header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let sender = match &mut self.sender {
            Some(sender) if !sender.is_closed() => sender,
            empty => empty.insert(connect(self.door.address).await?),
        };
        sender.ready().await.map_err(|error| error.to_string())?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let bytes = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|error| format!("not JSON: {error}"))?
        };
        Ok(Reply { status, body })
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| error.to_string())?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // It ends with its sender; what went wrong is told to the request it went wrong for.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}
