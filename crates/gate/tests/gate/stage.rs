//! A node, a site, a gate before it and a client, on loopback.

use engine::Id;
use engine::command::{Command, Op};
use engine::ids::{ActorId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Mode, TenantNo};
use gate::payer::{self, Now, Ours};
use gate::{
    Gate, GateError, Made, PublicKey, Registry, Secret, SessionOptions, Settings, Tariff, Teller,
    TellerOptions, Upstream, WalletOptions,
};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use money::{Asset, Atoms};
use node::{Answer, Node, NodeOptions};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Of USD, which has nine decimals: what an article costs, and what a new wallet is given.
pub const PRICE: i128 = 5_000_000;
pub const GIFT: i128 = 20_000_000;

const PRICES: &str = r#"
asset = "USD"
[free]
methods_other_than = ["GET", "POST"]
statuses_other_than = ["200", "404"]
paths = ["/free/**"]
[[price]]
path = "/articles/**"
amount = "0.005"
[[price]]
path = "/dear/**"
amount = "0.5"
"#;

type SiteBody = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

/// What the site behind the gate saw and does.
#[derive(Default)]
pub struct Site {
    pub asked: AtomicU64,
    pub let_go: Notify,
}

/// A gate on its own, and what asks it to stop.
struct Serving {
    task: JoinHandle<Result<(), GateError>>,
    stop: Arc<Notify>,
}

pub struct Stage {
    pub gate: SocketAddr,
    pub node: Node,
    pub site: Arc<Site>,
    pub teller: Teller,
    pub registry: Arc<Registry>,
    tenant: TenantId,
    upstream: SocketAddr,
    serving: Serving,
    _dir: tempfile::TempDir,
}

/// How a gate of the stage differs from the usual.
pub struct Ways<'a> {
    pub prices: &'a str,
    pub timeout: Duration,
    pub sessions: SessionOptions,
    /// What it says other gates to call it.
    pub name: &'a str,
    pub mode: Mode,
}

impl Default for Ways<'_> {
    fn default() -> Self {
        Ways {
            prices: PRICES,
            timeout: Duration::from_secs(20),
            sessions: SessionOptions::default(),
            name: "http://first.example",
            mode: Mode::Test,
        }
    }
}

pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn text(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What `PAYMENT-RESPONSE` says went wrong.
    pub fn reason(&self) -> String {
        let receipt = payer::receipt(self.text("payment-response")).unwrap_or_default();
        receipt["errorReason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

pub fn fresh() -> Id {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let n = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    Id::timed(now, n * 0x9e37_79b9_7f4a_7c15)
}

pub fn now() -> Now {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let random = fresh().0.to_be_bytes();
    Now { seconds, random }
}

impl Stage {
    pub async fn set() -> Stage {
        Self::set_in(Ways::default()).await
    }

    pub async fn set_with(prices: &str, timeout: Duration) -> Stage {
        let ways = Ways {
            prices,
            timeout,
            ..Ways::default()
        };
        Self::set_in(ways).await
    }

    pub async fn set_in(ways: Ways<'_>) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let options = NodeOptions {
            snapshot_every: 0,
            ..NodeOptions::default()
        };
        let node = Node::open(dir.path(), options).unwrap();
        let tenant = TenantId(fresh());
        let asset = Asset::known("USD").unwrap();
        let window = Window::default();
        for op in [
            Op::SetShard { window },
            Op::RegisterAsset { asset },
            Op::OpenTenant {
                tenant,
                mode: ways.mode,
            },
        ] {
            let answer = node.submit(command(op)).await.unwrap();
            assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
        }
        let registry = Arc::new(Registry::open(dir.path()).unwrap());
        let (to_open, keys) = (node.clone(), registry.clone());
        let mode = ways.mode;
        let teller = tokio::task::spawn_blocking(move || {
            let options = TellerOptions {
                mode,
                asset,
                seller: None,
                hold_ms: 60_000,
            };
            Teller::open(to_open, keys, &options).unwrap()
        });
        let teller = teller.await.unwrap();
        let site = Arc::new(Site::default());
        let upstream = open_site(site.clone()).await;
        let (gate, serving) = open_gate(&teller, &registry, upstream, &ways).await;
        Stage {
            gate,
            node,
            site,
            teller,
            registry,
            tenant,
            upstream,
            serving,
            _dir: dir,
        }
    }

    /// The gate dies, with whatever it was doing.
    pub fn kill(&self) {
        self.serving.task.abort();
    }

    /// The gate is asked to stop, and does.
    pub async fn stop(&mut self) {
        self.serving.stop.notify_one();
        (&mut self.serving.task).await.unwrap().unwrap();
    }

    /// Another gate on the same ledger, or the same again. Requests go to it from now on.
    pub async fn open_another(&mut self, ways: Ways<'_>) -> SocketAddr {
        let opened = open_gate(&self.teller, &self.registry, self.upstream, &ways).await;
        let before = self.gate;
        (self.gate, self.serving) = opened;
        before
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gate)
    }

    /// A key with a wallet.
    pub async fn payer(&self, seed: u8) -> Secret {
        let secret = Secret::new(&[seed; 32]);
        let origin = self.url("");
        let body = payer::registration(&self.teller.network(), &origin, &secret, now().seconds);
        let path = "/.well-known/farthing/wallets";
        let answer = self.send("POST", path, &[], &body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        secret
    }

    pub fn wallet(&self, secret: &Secret) -> WalletId {
        self.wallet_of(&secret.public())
    }

    fn wallet_of(&self, key: &PublicKey) -> WalletId {
        self.registry.wallet_of(self.tenant, key).unwrap().unwrap()
    }

    pub fn revoke(&self, key: &PublicKey) {
        assert!(self.registry.revoke(self.tenant, key, 1).unwrap());
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answered {
        self.send("GET", path, headers, "").await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answered {
        let stream = TcpStream::connect(self.gate).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", self.gate.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes());
        connection.abort();
        Answered {
            status: head.status,
            headers: head.headers,
            body: body.unwrap_or_else(|_| Bytes::from_static(b"(broken off)")),
        }
    }

    /// The header that pays for a request.
    pub async fn sign(&self, secret: &Secret, method: &str, path: &str) -> String {
        self.offer(method, path)
            .await
            .pay(secret, now(), None)
            .unwrap()
    }

    pub async fn offer(&self, method: &str, path: &str) -> Ours {
        let asked = self.send(method, path, &[], "").await;
        assert_eq!(asked.status, 402, "{method} {path}");
        let url = self.url(path);
        let (method, url) = (method, url.as_str());
        let made = payer::Made {
            method,
            url,
            digest: None,
        };
        Ours::read(asked.text("payment-required"), made).unwrap()
    }

    /// What a wallet has, and what of it is held.
    pub async fn funds(&self, wallet: WalletId) -> (i128, u128) {
        let read = move |state: &engine::State| {
            let no = state.wallet_no(TenantNo(0), wallet).unwrap();
            let accounts = state.accounts_of(no);
            accounts.fold((0, 0), |sum: (i128, u128), (_, a)| {
                (sum.0 + a.balance, sum.1 + a.held)
            })
        };
        self.node.query(read).await.unwrap()
    }

    /// Waits until nothing is held and the payer has spent so much.
    pub async fn spent(&self, payer: &Secret, expected: i128) {
        self.spent_by(&payer.public(), expected).await;
    }

    pub async fn spent_by(&self, payer: &PublicKey, expected: i128) {
        let (payer, seller) = (self.wallet_of(payer), self.teller.seller());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (balance, held) = self.funds(payer).await;
            let (earned, _) = self.funds(seller).await;
            if (GIFT - balance, held, earned) == (expected, 0, expected) {
                return;
            }
            let told = format!("spent {}, held {held}, earned {earned}", GIFT - balance);
            assert!(Instant::now() < deadline, "{told}, expected {expected}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn command(op: Op) -> Command {
    Command {
        id: fresh(),
        tenant: TenantNo(0),
        actor: ActorId(Id::NONE),
        op,
        besides: None,
    }
}

async fn open_gate(
    teller: &Teller,
    registry: &Arc<Registry>,
    upstream: SocketAddr,
    ways: &Ways<'_>,
) -> (SocketAddr, Serving) {
    let url = format!("http://{upstream}");
    let made = Made {
        teller: teller.clone(),
        tariff: Tariff::parse(ways.prices.as_bytes()).unwrap(),
        upstream: Upstream::new(&url, ways.timeout, Duration::from_secs(5)).unwrap(),
        settings: Settings {
            public_url: None,
            body_bytes_max: 1 << 16,
            wallets: WalletOptions {
                open: true,
                gift: Some(Atoms(GIFT as u64)),
            },
            sessions: Some(ways.sessions),
            facilitates: true,
            address: ways.name.to_owned(),
        },
    };
    let gate = Arc::new(Gate::new(made, registry).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let stopped = async move { stopped.notified().await };
    let task = tokio::spawn(gate::serve(listener, gate, stopped));
    (address, Serving { task, stop })
}

async fn open_site(site: Arc<Site>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let site = site.clone();
            let service = service_fn(move |request| {
                let site = site.clone();
                async move { Ok::<_, Infallible>(site.answer(request).await) }
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                let stream = TokioIo::new(stream);
                let _ = builder
                    .serve_connection_with_upgrades(stream, service)
                    .await;
            });
        }
    });
    address
}

fn text(words: impl Into<Bytes>) -> SiteBody {
    Full::new(words.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

impl Site {
    async fn answer(&self, mut request: Request<Incoming>) -> Response<SiteBody> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let last = request
            .uri()
            .path()
            .rsplit('/')
            .next()
            .unwrap_or("")
            .to_owned();
        let mut response = Response::new(text("hello"));
        response
            .headers_mut()
            .insert("cache-control", "public, max-age=60".parse().unwrap());
        match last.as_str() {
            "500" => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            "301" => *response.status_mut() = StatusCode::MOVED_PERMANENTLY,
            "206" => *response.status_mut() = StatusCode::PARTIAL_CONTENT,
            "204" => {
                *response.status_mut() = StatusCode::NO_CONTENT;
                *response.body_mut() = text("");
            }
            "slow" => {
                self.let_go.notified().await;
            }
            "broken" => {
                let half = Ok(Frame::data(Bytes::from_static(b"half")));
                let broken = Err(std::io::Error::other("broken"));
                let parts = [Some(half), None, Some(broken)];
                *response.body_mut() = StreamBody::new(Steps(parts.into())).boxed_unsync();
            }
            "head" => {
                let head = serde_json::json!({
                    "method": request.method().as_str(),
                    "target": request.uri().to_string(),
                    "headers": request
                        .headers()
                        .iter()
                        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
                        .collect::<serde_json::Map<_, _>>(),
                });
                *response.body_mut() = text(head.to_string());
            }
            "echo" => {
                let body = request.body_mut().collect().await.unwrap().to_bytes();
                *response.body_mut() = text(body);
            }
            "socket" => {
                let on_upgrade = hyper::upgrade::on(&mut request);
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                let headers = response.headers_mut();
                headers.insert("connection", "upgrade".parse().unwrap());
                headers.insert("upgrade", "mirror".parse().unwrap());
                *response.body_mut() = text("");
                tokio::spawn(async move {
                    let stream = TokioIo::new(on_upgrade.await.unwrap());
                    let (mut read, mut write) = tokio::io::split(stream);
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
            _ => {}
        }
        response
    }
}

/// A stream of what is in a queue; where nothing is, it lets what it gave be sent first.
struct Steps(std::collections::VecDeque<Option<Result<Frame<Bytes>, std::io::Error>>>);

impl futures_core::Stream for Steps {
    type Item = Result<Frame<Bytes>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        match self.0.pop_front() {
            Some(None) => {
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            }
            part => std::task::Poll::Ready(part.flatten()),
        }
    }
}
