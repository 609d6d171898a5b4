//! What stands before every handler: who calls, whether the key may, how often, what it was.
//!
//! A route is registered with the scope it needs, so that the check, the OpenAPI document and the
//! reader of the code see the same one.

use crate::app::App;
use crate::codes;
use crate::extract::{Caller, excerpt};
use crate::language::spoken;
use crate::metrics::RouteStats;
use crate::problem::{Outcome, Problem};
use crate::types::words::Mode;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use identity::{AuthError, Scope, bearer};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

/// The name of the security scheme.
pub const SCHEME: &str = "api_key";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// One route as the guard knows it.
#[derive(Debug)]
pub struct Route {
    /// Any of these is enough; with none the route is open to all.
    pub scopes: Vec<Scope>,
    /// What it has seen.
    pub stats: Arc<RouteStats>,
}

/// The routes, each with its guard.
pub struct Routes {
    app: App,
    policy: HeaderValue,
    router: OpenApiRouter<App>,
}

impl Routes {
    /// None yet.
    pub fn new(app: &App, router: OpenApiRouter<App>) -> Routes {
        let policy = HeaderValue::try_from(app.limiter.policy());
        let policy = policy.unwrap_or_else(|_| HeaderValue::from_static("\"key\""));
        Routes {
            app: app.clone(),
            policy,
            router,
        }
    }

    /// A route that needs a scope.
    #[must_use]
    pub fn needs(self, scope: Scope, routes: UtoipaMethodRouter<App>) -> Routes {
        self.add(vec![scope], routes)
    }

    /// A route that regulators may read too.
    #[must_use]
    pub fn needs_or_regulator(self, scope: Scope, routes: UtoipaMethodRouter<App>) -> Routes {
        self.add(vec![scope, Scope::RegulatorRead], routes)
    }

    /// A route that an agent's key may read too, of its own: the handler says whose that is.
    #[must_use]
    pub fn needs_or_agent(self, scope: Scope, routes: UtoipaMethodRouter<App>) -> Routes {
        let scopes = vec![
            scope,
            Scope::RegulatorRead,
            Scope::PaymentsRead,
            Scope::PaymentsWrite,
        ];
        self.add(scopes, routes)
    }

    /// A route for which any of some scopes is enough.
    #[must_use]
    pub fn needs_any(self, scopes: &[Scope], routes: UtoipaMethodRouter<App>) -> Routes {
        self.add(scopes.to_vec(), routes)
    }

    /// A route that keys with another scope may use too, and regulators.
    #[must_use]
    pub fn needs_either_or_regulator(
        self,
        [scope, other]: [Scope; 2],
        routes: UtoipaMethodRouter<App>,
    ) -> Routes {
        self.add(vec![scope, other, Scope::RegulatorRead], routes)
    }

    /// A route that is open to all.
    #[must_use]
    pub fn open(self, routes: UtoipaMethodRouter<App>) -> Routes {
        self.add(Vec::new(), routes)
    }

    fn add(
        mut self,
        scopes: Vec<Scope>,
        (schemas, mut paths, methods): UtoipaMethodRouter<App>,
    ) -> Routes {
        let mut name = String::new();
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                name = format!("{method} {path}");
                let needs = scopes
                    .iter()
                    .map(|scope| SecurityRequirement::new(SCHEME, [scope.as_str()]));
                operation.security = (!scopes.is_empty()).then(|| needs.collect());
                let tag = path
                    .strip_prefix("/v1/")
                    .and_then(|rest| rest.split('/').next())
                    .unwrap_or("server");
                operation.tags = Some(vec![tag.to_owned()]);
            }
        }
        let route = Route {
            scopes,
            stats: self.app.metrics.route(name),
        };
        let guard = Guard {
            app: self.app.clone(),
            policy: self.policy.clone(),
            route: Arc::new(route),
        };
        let guarded = (schemas, paths, methods)
            .map(|methods| methods.route_layer(from_fn_with_state(guard, stand_guard)));
        self.router = self.router.routes(guarded);
        self
    }

    /// All of them.
    pub fn finish(self) -> OpenApiRouter<App> {
        self.router
    }
}

/// The operations of a path that are in use here.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", item.get.as_mut()),
        ("POST", item.post.as_mut()),
        ("PUT", item.put.as_mut()),
        ("PATCH", item.patch.as_mut()),
        ("DELETE", item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

#[derive(Clone)]
struct Guard {
    app: App,
    policy: HeaderValue,
    route: Arc<Route>,
}

async fn stand_guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(request.headers());
    let mut response = match guard.route.scopes.as_slice() {
        [] => survive(next.run(request)).await,
        scopes => match admit(&guard, scopes, &mut request, started).await {
            Ok(room) => {
                let mut response = survive(next.run(request)).await;
                let headers = response.headers_mut();
                headers.insert(RATE_LIMIT, room);
                headers.insert(RATE_LIMIT_POLICY, guard.policy.clone());
                response
            }
            Err(problem) => problem.into_response(),
        },
    };
    let status = response.status().as_u16();
    guard.route.stats.note(status, started.elapsed());
    if status >= 500 {
        tracing::warn!(request = ?request_id, status, "http_failed");
    }
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}

/// A handler's panic is a failure of ours like any other: its caller is told, and so is the log.
async fn survive(handling: impl Future<Output = Response>) -> Response {
    let mut handling = pin!(handling);
    poll_fn(|context| {
        // What panicked is not polled again, and what it held is dropped with it.
        let polled = catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<&str>()
                .map(|words| (*words).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            let problem = Problem::internal(&format!("a handler panicked: {words}"));
            Poll::Ready(problem.into_response())
        })
    })
    .await
}

/// Lets a request in: its caller is put into it. Returns what `RateLimit` says.
async fn admit(
    guard: &Guard,
    scopes: &[Scope],
    request: &mut Request,
    now: Instant,
) -> Outcome<HeaderValue> {
    let app = &guard.app;
    let presented = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(HeaderValue::to_str);
    let presented = presented
        .transpose()
        .map_err(|_| refused(&AuthError::Malformed))?;
    let key = bearer(presented).and_then(|token| app.keys.authenticate(token, app.now_ms()));
    let key = key.map_err(|error| refused(&error))?;
    let room = app.limiter.take(key.id, now);
    let header = HeaderValue::try_from(format!("\"key\";r={};t={}", room.left, room.wait_s));
    let header = header.map_err(|error| Problem::internal(&error))?;
    if !room.allowed {
        let mut problem = Problem::new(
            codes::RATE_LIMITED,
            "this key's requests are used up for now",
        );
        problem.retry_after_s = Some(u64::from(room.wait_s));
        return Err(problem);
    }
    if !scopes.iter().any(|scope| key.allows(*scope)) {
        return Err(refused(&AuthError::ScopeMissing { needed: scopes[0] }));
    }
    // What a regulator may ask for by another method is a look at the books too.
    let is_look = *request.method() == Method::GET || scopes.contains(&Scope::RegulatorRead);
    if key.is_regulator() && is_look {
        // The request's body is not to be shared across the wait.
        let (path, query) = (request.uri().path(), request.uri().query().map(mask));
        let access = store::Access {
            tenant: key.tenant,
            key_id: key.id.0,
            at_ms: app.now_ms(),
            path: path.chars().take(500).collect(),
            query: query.unwrap_or_default(),
        };
        log_access(app, access).await?;
    }
    let (tenant, mode) = app.tenant(key.tenant).await?;
    if Mode::from(mode) != Mode::from(key.mode) {
        // No key is made so; one that is so anyway must open nothing.
        tracing::error!(key = %key.id, "key_of_another_mode");
        return Err(refused(&AuthError::Unknown));
    }
    // A language that cannot be read is an error only where words are asked for.
    let lang = spoken(request.uri(), request.headers()).unwrap_or(policy::Lang::En);
    let caller = Caller { key, tenant, lang };
    request.extensions_mut().insert(caller);
    Ok(header)
}

/// A regulator's read is written down before it is answered.
async fn log_access(app: &App, access: store::Access) -> Outcome<()> {
    let logged = app
        .blocking(move |app| app.store.log_access(&access))
        .await?;
    logged.map(|_| ()).map_err(|error| Problem::store(&error))
}

/// A query without what may be free text: only values made of what ids, dates and numbers are.
fn mask(query: &str) -> String {
    let plain = |value: &str| {
        value.len() <= 64
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(&b))
    };
    let pairs = query
        .split('&')
        .take(20)
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if plain(value) => format!("{}={value}", excerpt(name)),
            Some((name, _)) => format!("{}=*", excerpt(name)),
            None => excerpt(pair),
        });
    pairs.collect::<Vec<_>>().join("&")
}

fn refused(error: &AuthError) -> Box<Problem> {
    let known = match error {
        AuthError::Missing => codes::AUTH_MISSING,
        AuthError::Malformed => codes::AUTH_MALFORMED,
        AuthError::Unknown => codes::AUTH_UNKNOWN,
        AuthError::Revoked => codes::AUTH_REVOKED,
        AuthError::Expired => codes::AUTH_EXPIRED,
        AuthError::ScopeMissing { .. } => codes::SCOPE_MISSING,
        AuthError::Unavailable(_) => codes::AUTH_UNAVAILABLE,
    };
    let mut problem = Problem::new(known, error.to_string());
    if known.status == 503 {
        problem.retry_after_s = Some(1);
    }
    problem
}

/// The caller's own id for the request, if it is fit for a log; else a fresh one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let fit = |value: &&HeaderValue| {
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    if let Some(given) = headers.get(REQUEST_ID).filter(fit) {
        return given.clone();
    }
    let start = START.get_or_init(|| {
        let mut bytes = [0; 8];
        // Without random bytes the ids of two runs may meet, which a log survives.
        let _ = getrandom::fill(&mut bytes);
        u64::from_le_bytes(bytes)
    });
    let text = format!(
        "req_{start:016x}{:08x}",
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("req_0"))
}

/// Nothing at this path.
pub async fn no_such_path(request: Request) -> Response {
    let words = format!("nothing is at {}", excerpt(request.uri().path()));
    outside(&request, Problem::new(codes::NO_SUCH_PATH, words))
}

/// The path, but not the method.
pub async fn method_not_allowed(request: Request) -> Response {
    let words = format!(
        "the path does not take {}",
        excerpt(request.method().as_str())
    );
    outside(&request, Problem::new(codes::METHOD_NOT_ALLOWED, words))
}

fn outside(request: &Request, problem: Box<Problem>) -> Response {
    let mut response = problem.into_response();
    response
        .headers_mut()
        .insert(REQUEST_ID, request_id(request.headers()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered() {
        for soon in [true, false] {
            let response = survive(async move {
                if !soon {
                    tokio::task::yield_now().await;
                }
                panic!("for the test");
            });
            let response = response.await;
            assert_eq!(response.status().as_u16(), 500);
            let kind = &response.headers()[header::CONTENT_TYPE];
            assert_eq!(kind, crate::problem::PROBLEM_JSON);
        }
        let whole = survive(async { Response::default() }).await;
        assert_eq!(whole.status().as_u16(), 200);
    }

    #[test]
    fn what_may_be_free_text_is_masked_in_the_access_log() {
        assert_eq!(mask("payer=wal_01&limit=5"), "payer=wal_01&limit=5");
        assert_eq!(
            mask("reference=Jane%20Doe&from=2026-01-01T00:00:00Z"),
            "reference=*&from=2026-01-01T00:00:00Z"
        );
        assert_eq!(mask("reference=Jane Doe&x"), "reference=*&x");
    }
}
