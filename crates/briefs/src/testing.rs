//! A server for the tests: it answers each path with the bytes it was given, and remembers what it
//! was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// What is answered at a path.
#[derive(Clone)]
pub enum Answer {
    /// These bytes, head and all.
    Raw(Vec<u8>),
    /// Nothing, with the connection open.
    Silence,
    /// A head, then a body without end.
    Endless,
}

pub struct Served {
    pub address: SocketAddr,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Served {
    pub fn start() -> Served {
        Served::with(None)
    }

    pub fn start_tls() -> (Served, RootCertStore) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
        let read = |name: &str| CertificateDer::from_pem_file(format!("{folder}/{name}")).unwrap();
        let key = PrivateKeyDer::from_pem_file(format!("{folder}/localhost.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![read("localhost.pem")], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(read("ca.pem")).unwrap();
        (Served::with(Some(Arc::new(config))), roots)
    }

    fn with(tls: Option<Arc<ServerConfig>>) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let served = Served {
            address: listener.local_addr().unwrap(),
            answers: Arc::default(),
            asked: Arc::default(),
        };
        let (answers, asked) = (served.answers.clone(), served.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked, tls) = (answers.clone(), asked.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    None => answer(stream, &answers, &asked),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        answer(StreamOwned::new(connection, stream), &answers, &asked);
                    }
                });
            }
        });
        served
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn at(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// A 200 with a head's further lines and a body.
    pub fn feed(&self, path: &str, head: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.at(path, Answer::Raw([head.as_bytes(), body].concat()));
    }

    pub fn status(&self, path: &str, status: &str, head: &str) {
        let text = format!("HTTP/1.1 {status}\r\n{head}Content-Length: 0\r\n\r\n");
        self.at(path, Answer::Raw(text.into_bytes()));
    }

    /// The heads of the requests there were.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer<S: Read + Write>(
    stream: S,
    answers: &Mutex<BTreeMap<String, Answer>>,
    asked: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(read) if read > 0 && line != "\r\n" => head.push_str(&line),
            Ok(read) if read > 0 => break,
            _ => return,
        }
    }
    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
    asked.lock().unwrap().push(head);
    let found = answers.lock().unwrap().get(&path).cloned();
    let not_found = || Answer::Raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    let stream = reader.get_mut();
    match found.unwrap_or_else(not_found) {
        Answer::Raw(bytes) => {
            let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
        }
        // Until the client goes away.
        Answer::Silence => {
            let _ = stream.read(&mut [0]);
        }
        Answer::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n<rss>");
            while stream.write_all(&[b' '; 65_536]).is_ok() {}
        }
    }
}
