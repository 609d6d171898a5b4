//! A small town to test in: a node in a temporary folder, a tenant or two, and a way to ask.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use engine::command::{Command, Op};
use engine::ids::{ActorId, TenantId};
use engine::recents::Window;
use engine::records::{Mode, TenantNo};
use engine::{Id, UtcMillis};
use http_body_util::BodyExt;
use identity::{KeyRing, KeySpec, OsRandom, Scope, Scopes};
use node::{Answer, Clock, Fatal, Node, NodeOptions, SystemClock};
use serde_json::{Value, json};
use server::{App, Config};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::Store;
use tower::ServiceExt;

pub struct Town {
    pub router: Router,
    pub node: Node,
    pub keys: Arc<KeyRing>,
    pub store: Arc<Store>,
    /// The operator's admin key.
    pub admin: String,
    /// An admin key of another tenant.
    pub other: String,
    pub tenants: [u128; 2],
    modes: [Mode; 2],
    dir: tempfile::TempDir,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// A problem document of this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.is(status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["code"], code, "{}", self.text);
        assert_eq!(body["status"], status);
        for field in ["type", "title", "detail", "help"] {
            assert!(
                body[field].as_str().is_some_and(|words| !words.is_empty()),
                "{field}: {}",
                self.text
            );
        }
        assert!(self.headers.contains_key("x-request-id"));
        body
    }

    pub fn replayed(&self) -> bool {
        self.headers
            .get("idempotent-replayed")
            .is_some_and(|value| value == "true")
    }
}

/// The system's.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::default())
}

pub fn config() -> Config {
    Config::default()
}

impl Town {
    pub async fn new() -> Town {
        Town::with(config()).await
    }

    /// The operator's tenant is live, the other one a test.
    pub async fn with(config: Config) -> Town {
        Town::of(config, [Mode::Live, Mode::Test], clock()).await
    }

    /// The same by another clock.
    pub async fn on(config: Config, clock: Arc<dyn Clock>) -> Town {
        Town::of(config, [Mode::Live, Mode::Test], clock).await
    }

    /// With a queue of so many commands and questions.
    pub async fn short_of_room(queue_max: usize) -> Town {
        let options = NodeOptions {
            queue_max,
            ..NodeOptions::default()
        };
        Town::run(config(), [Mode::Live, Mode::Test], options).await
    }

    /// The operator's tenant and another, of these modes.
    pub async fn of(config: Config, modes: [Mode; 2], clock: Arc<dyn Clock>) -> Town {
        let options = NodeOptions {
            clock,
            ..NodeOptions::default()
        };
        Town::run(config, modes, options).await
    }

    async fn run(config: Config, modes: [Mode; 2], options: NodeOptions) -> Town {
        let dir = tempfile::tempdir().unwrap();
        let options = NodeOptions {
            fatal: Fatal::Call(Arc::new(|why| panic!("{why}"))),
            ..options
        };
        let node = Node::open(dir.path(), options).unwrap();
        let now = node.now();
        let store = Arc::new(Store::open(dir.path(), now.0 as i64).unwrap());
        let keys = Arc::new(KeyRing::new(Arc::clone(&store)));
        let tenants = [fresh_id(now), fresh_id(now)].map(|id| id.0);
        let eur = money::Asset::known("EUR").unwrap();
        let jpy = money::Asset::known("JPY").unwrap();
        let mut ops = vec![
            Op::SetShard {
                window: Window::default(),
            },
            Op::RegisterAsset { asset: eur },
            Op::RegisterAsset { asset: jpy },
        ];
        ops.extend([0, 1].map(|at| Op::OpenTenant {
            tenant: TenantId(Id(tenants[at])),
            mode: modes[at],
        }));
        for op in ops {
            let command = Command {
                id: fresh_id(now),
                tenant: TenantNo(0),
                actor: ActorId::default(),
                op,
                besides: None,
            };
            let answer = node.submit(command).await.unwrap();
            assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
        }
        let all = Scopes::of(&[Scope::Admin]);
        let app = App::new(node.clone(), Arc::clone(&store), Arc::clone(&keys), config);
        let [admin, other] = [0, 1].map(|at| key(&keys, tenants[at], modes[at], all, now));
        Town {
            router: server::router(app),
            node,
            keys,
            store,
            admin,
            other,
            tenants,
            modes,
            dir,
        }
    }

    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub fn key(&self, scopes: &[Scope]) -> String {
        key(
            &self.keys,
            self.tenants[0],
            self.modes[0],
            Scopes::of(scopes),
            self.node.now(),
        )
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let is_text = parts
            .headers
            .get("content-type")
            .is_none_or(|kind| kind != "application/pdf");
        let text = match is_text {
            true => String::from_utf8(bytes.to_vec()).unwrap(),
            false => String::from_utf8_lossy(&bytes).into_owned(),
        };
        Reply {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    pub async fn ask(
        &self,
        key: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(
            request
                .body(body.map_or_else(Body::empty, |text| Body::from(text.to_owned())))
                .unwrap(),
        )
        .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask(&self.admin, "GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask(&self.admin, "POST", path, &[], Some(&body.to_string()))
            .await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.ask(&self.admin, "PUT", path, &[], Some(&body.to_string()))
            .await
    }

    /// Asks under an idempotency key.
    pub async fn keyed(&self, method: &str, path: &str, key: &str, body: &Value) -> Reply {
        let key = [("idempotency-key", key)];
        self.ask(&self.admin, method, path, &key, Some(&body.to_string()))
            .await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.ask(&self.admin, "PATCH", path, &[], Some(&body.to_string()))
            .await
    }

    /// A list's path that waits for everything done so far.
    pub async fn caught_up(&self, path: &str) -> String {
        let seq = self.get("/ready").await.is(200)["seq"].as_u64().unwrap();
        format!(
            "{path}{}min_seq={seq}",
            if path.contains('?') { '&' } else { '?' }
        )
    }

    /// A wallet of a new party, with settled money from a card.
    pub async fn wallet(&self, euros: &str) -> String {
        let party = self
            .post("/v1/parties", json!({"kind": "person", "country": "FR"}))
            .await
            .is(201);
        let wallet = self
            .post("/v1/wallets", json!({"party": party["id"]}))
            .await
            .is(201);
        let wallet = wallet["id"].as_str().unwrap().to_owned();
        if euros != "0" {
            let topup = self.post(
                "/v1/topups",
                json!({"wallet": wallet, "amount": eur(euros), "source": "card"}),
            );
            let topup = topup.await.is(201);
            let path = format!("/v1/topups/{}/settle", topup["id"].as_str().unwrap());
            self.post(&path, json!({})).await.is(200);
        }
        wallet
    }

    /// What a wallet has in euros.
    pub async fn balance(&self, wallet: &str) -> String {
        let wallet = self.get(&format!("/v1/wallets/{wallet}")).await.is(200);
        wallet["balances"][0]["balance"]
            .as_str()
            .unwrap_or("0")
            .to_owned()
    }
}

fn key(keys: &KeyRing, tenant: u128, mode: Mode, scopes: Scopes, now: UtcMillis) -> String {
    let spec = KeySpec {
        tenant,
        mode: match mode {
            Mode::Test => identity::Mode::Test,
            Mode::Live => identity::Mode::Live,
        },
        scopes,
        label: "test".into(),
        expires_at_ms: None,
        line: None,
        agent: None,
    };
    keys.create(spec, now.0 as i64, &mut OsRandom)
        .unwrap()
        .secret
        .expose()
        .to_owned()
}

/// Never the same twice in a test.
pub fn fresh_id(now: UtcMillis) -> Id {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Id::timed(now.0, u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub fn id(town: &Town, prefix: &str) -> String {
    fresh_id(town.node.now()).with_prefix(prefix)
}

pub fn eur(amount: &str) -> Value {
    json!({"amount": amount, "asset": "EUR"})
}

pub fn payment(payer: &str, payee: &str, amount: &str) -> Value {
    json!({"payer": payer, "payee": payee, "amount": eur(amount)})
}

/// A text of an answer.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
