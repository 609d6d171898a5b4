//! Asking a running server over HTTP, for commands that do.

use super::serve::runtime;
use crate::failure::Failure;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use tokio::net::TcpStream;

/// Which server, and with which key.
#[derive(Args)]
pub struct Server {
    /// Where the server listens; http:// only
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FARTHING_URL",
        default_value = "http://127.0.0.1:8402"
    )]
    server: String,
    /// A file with the API key; else the variable FARTHING_API_KEY
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<std::path::PathBuf>,
}

impl Server {
    fn key(&self) -> Result<String, Failure> {
        let key = match &self.key_file {
            Some(path) => std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))?,
            None => std::env::var("FARTHING_API_KEY").map_err(|_| {
                Failure::said("an API key is needed: set FARTHING_API_KEY or give --key-file FILE")
            })?,
        };
        Ok(key.trim().to_owned())
    }

    /// The body of the answer, if it is one of success.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        accept: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> Result<Vec<u8>, Failure> {
        let authority = self.server.strip_prefix("http://");
        let authority = authority.map(|rest| rest.trim_end_matches('/'));
        let authority = authority.filter(|rest| !rest.is_empty() && !rest.contains('/'));
        let authority = authority.ok_or_else(|| {
            let words = "is not http://HOST:PORT; reach a server behind TLS through a tunnel";
            Failure::said(format!("--server {}: {words}", self.server))
        })?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", authority)
            .header("accept", accept)
            .header("authorization", format!("Bearer {}", self.key()?));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let failed =
            |error: &dyn std::fmt::Display| Failure::said(format!("{}: {error}", self.server));
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| failed(&error))?;
        let (status, bytes) = runtime()?.block_on(async {
            let stream = TcpStream::connect(authority).await;
            let stream = stream.map_err(|error| failed(&error))?;
            let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = connected.map_err(|error| failed(&error))?;
            // It ends with the answer, which is read to its end.
            tokio::spawn(connection);
            let answer = sender.send_request(request).await;
            let (head, body) = answer.map_err(|error| failed(&error))?.into_parts();
            let bytes = body.collect().await.map_err(|error| failed(&error))?;
            Ok::<_, Failure>((head.status, bytes.to_bytes().to_vec()))
        })?;
        if status.is_success() {
            return Ok(bytes);
        }
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |field: &str| problem[field].as_str().unwrap_or_default();
        Err(Failure::said(format!(
            "{} {}: {}. {}",
            status.as_u16(),
            text("code"),
            text("detail"),
            text("help")
        )))
    }
}

/// Writes what was answered to a file, or to standard output.
pub fn deliver(bytes: &[u8], out: Option<&Path>) -> Result<(), Failure> {
    match out {
        Some(path) => {
            std::fs::write(path, bytes).map_err(|error| Failure::file(path, &error))?;
            eprintln!("{} bytes in {}", bytes.len(), path.display());
            Ok(())
        }
        None => {
            let mut stdout = std::io::stdout().lock();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            let written = written.or_else(crate::out::quiet);
            written.map_err(|error| Failure::said(format!("standard output: {error}")))
        }
    }
}
