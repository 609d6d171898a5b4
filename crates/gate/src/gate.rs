//! One request, from the door to the answer.
//!
//! 1. What is the gate's own is answered by it; everything else is the upstream's.
//! 2. The path gets its one spelling, the URL its one form; what is ambiguous is refused.
//! 3. A free request goes through. A priced one needs a payment for exactly this method, URL, body
//!    and price.
//! 4. The price is set aside, the upstream asked, and taken only if its answer is one that is paid
//!    for. `HEAD` needs a payment that would do, and takes nothing.

use crate::answer::{self, Body, problem, whole};
use crate::crawl;
use crate::delivery::{Delivery, Due};
use crate::error::GateError;
use crate::facilitator;
use crate::host::{authority_of, host_of, is_authority};
use crate::hygiene;
use crate::mpp;
use crate::offer::{Offer, Paying};
use crate::path::Target;
use crate::refuse::{Way, denied, required, uncrawled, unreadable};
use crate::registry::Registry;
use crate::retries::{Found, KEPT_BYTES_MAX, Kept, Retries, Turn};
use crate::sessions::{SessionOptions, Sessions, Snapshot};
use crate::sign;
use crate::tariff::Tariff;
use crate::teller::{Held, NotPaid, Taken, Teller};
use crate::upstream::{self, NoAnswer, Upstream};
use crate::wallets::{self, Throttle, WalletOptions};
use crate::x402;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;

mod in_session;

const OWN: &str = "/.well-known/farthing/";
/// How long a signature of a payer may be good.
const TIMEOUT_S: u64 = 60;
/// A client has so long to send the body of a priced request.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);
/// So many settlements of other sellers are remembered, for so long: a thousand a second.
const SETTLED_MAX: usize = 60_000;
const SETTLED_MS: u64 = 60_000;

/// What a gate is made of.
pub struct Made {
    pub teller: Teller,
    pub tariff: Tariff,
    pub upstream: Upstream,
    pub settings: Settings,
}

/// How a gate behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What clients call this site, such as `https://example.com`, if not what they say in `Host`.
    pub public_url: Option<String>,
    /// At most so much of a priced request's body is read.
    pub body_bytes_max: usize,
    pub wallets: WalletOptions,
    /// How sessions behave; none if they are not offered.
    pub sessions: Option<SessionOptions>,
    /// Whether it verifies and settles for other sellers of its ledger (`facilitator`).
    pub facilitates: bool,
    /// Where this gate is reached, such as `http://10.0.0.5:8403`: what other gates on the same
    /// ledger say of the sessions that it keeps. One address is one gate.
    pub address: String,
}

/// A gate.
pub struct Gate {
    teller: Teller,
    tariff: Tariff,
    upstream: Upstream,
    settings: Settings,
    binding: mpp::BindingKey,
    retries: Retries,
    /// What was answered to sellers that had payments made.
    settled: Retries,
    throttle: Throttle,
    sessions: Option<Sessions>,
}

impl Gate {
    /// # Errors
    /// [`GateError`]: a setting that cannot be right.
    pub fn new(parts: Made, registry: &Registry) -> Result<Gate, GateError> {
        let mut settings = parts.settings;
        if let Some(url) = &settings.public_url {
            let url = url.trim_end_matches('/').to_ascii_lowercase();
            let host = url.strip_prefix("https://").or(url.strip_prefix("http://"));
            if !host.is_some_and(is_authority) {
                return Err(GateError::Setting(format!(
                    "the public URL \"{url}\" must be http:// or https:// and a host, no more"
                )));
            }
            settings.public_url = Some(url);
        }
        let binding = registry.fact("challenge binding key", random)?;
        let sessions = settings
            .sessions
            .map(|options| Sessions::new(parts.teller.clone(), settings.address.clone(), options));
        Ok(Gate {
            sessions,
            teller: parts.teller,
            tariff: parts.tariff,
            upstream: parts.upstream,
            settings,
            binding: mpp::BindingKey::new(binding),
            retries: Retries::default(),
            settled: Retries::of(SETTLED_MAX, SETTLED_MS),
            throttle: Throttle::default(),
        })
    }

    /// The sessions that this gate keeps, if it offers any. They serve nothing before they have
    /// begun, which [`crate::serve`] sees to.
    pub(crate) fn sessions(&self) -> Option<&Sessions> {
        self.sessions.as_ref()
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Incoming>, client: IpAddr) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        if parts.method == Method::CONNECT || parts.uri.path() == "*" {
            return problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This method has no meaning here.",
            );
        }
        let Some(host) = host_of(&parts.uri, &parts.headers) else {
            return problem(
                StatusCode::BAD_REQUEST,
                "host_invalid",
                "Send one Host, the same as in the request's target.",
            );
        };
        let target = match Target::read(parts.uri.path(), parts.uri.query()) {
            Ok(target) => target,
            Err(error) => {
                let words = format!("{error}. Write the path in its plain form.");
                return problem(StatusCode::BAD_REQUEST, "path_ambiguous", &words);
            }
        };
        let origin = match &self.settings.public_url {
            Some(url) => url.clone(),
            None => format!("http://{}", host.strip_suffix(":80").unwrap_or(&host)),
        };
        if let Some(what) = target.path.strip_prefix(OWN) {
            return self.own(what, &parts, body, &origin).await;
        }
        let Ok(host) = HeaderValue::from_str(&host) else {
            return problem(StatusCode::BAD_REQUEST, "host_invalid", "Send one Host.");
        };
        let price = self
            .tariff
            .price(parts.method.as_str(), &target, &parts.headers);
        // Who brings a payment is not given anything for free: it may be to close a session.
        let pays = hygiene::pays(&parts.headers);
        let price = price.filter(|_| pays || !self.tariff.take_free(client, self.teller.now().0));
        let mut visit = Visit {
            gate: self,
            client,
            host,
            target,
            asked: parts.headers.clone(),
            method: parts.method.clone(),
        };
        let Some(amount) = price else {
            let on_upgrade = hygiene::upgrade(&parts.headers)
                .is_some()
                .then(|| parts.extensions.remove())
                .flatten();
            let sent = visit
                .ask(parts, upstream::streaming(body), on_upgrade)
                .await;
            return match sent {
                Ok(response) => response.map(upstream::streaming),
                Err(no) => no_answer(no),
            };
        };
        let body = Limited::new(body, self.settings.body_bytes_max).collect();
        let body = match tokio::time::timeout(BODY_TIME, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Err(_) => return body_too_late(),
            Ok(Err(_)) => {
                return problem(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    "The body of a priced request is bound to its payment, and this one is too \
                     large or broke off.",
                );
            }
        };
        let url = format!("{origin}{}", visit.target.path_and_query());
        let digest = sign::content_digest(&body);
        let offer = Offer {
            network: self.teller.network(),
            request: sign::request_hash(visit.method.as_str(), &url, digest.as_deref()),
            authority: authority_of(&origin).to_owned(),
            url,
            digest,
            amount,
            asset: self.teller.asset(),
            pay_to: self.teller.seller(),
            timeout_s: TIMEOUT_S,
        };
        visit.priced(parts, body, &offer).await
    }

    async fn own(&self, what: &str, asked: &Parts, body: Incoming, origin: &str) -> Response<Body> {
        const REGISTRATION_BYTES_MAX: usize = 4096;
        let headers = &asked.headers;
        match (asked.method.as_str(), what) {
            ("GET" | "HEAD", "health") => {
                let (node, upstream) = tokio::join!(self.teller.is_well(), self.upstream.is_well());
                let status = if node && upstream {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                answer::json(status, &json!({ "node": node, "upstream": upstream }))
            }
            ("GET" | "HEAD", "supported") => {
                let kind = |scheme: &str| {
                    json!({
                        "x402Version": 2,
                        "scheme": scheme,
                        "network": self.teller.network(),
                        "extra": { "version": "1", "scale": self.teller.asset().scale.get() },
                    })
                };
                let mut kinds = vec![kind(x402::EXACT)];
                kinds.extend((self.lasts_s() > 0).then(|| kind(x402::BATCH)));
                let supported = json!({
                    "kinds": kinds,
                    "extensions": ["payment-identifier"],
                    "signers": {},
                });
                answer::json(StatusCode::OK, &supported)
            }
            ("POST", "wallets") => {
                let body = Limited::new(body, REGISTRATION_BYTES_MAX).collect().await;
                let body = body.map(|body| body.to_bytes()).unwrap_or_default();
                let options = self.settings.wallets;
                wallets::register(&self.teller, options, &self.throttle, origin, &body).await
            }
            ("POST", "verify") if self.settings.facilitates => {
                facilitator::verify(&self.teller, body).await
            }
            ("POST", "settle") if self.settings.facilitates => {
                facilitator::settle((&self.teller, &self.settled), headers, body).await
            }
            _ => problem(
                StatusCode::NOT_FOUND,
                "not_found",
                "The gate has health, supported and wallets here, and for other sellers verify \
                 and settle, if its operator allows it.",
            ),
        }
    }

    /// What is asked, in every protocol, with the page for people; and how the client's session
    /// stands, if it has one.
    pub(crate) fn ask_for_payment(
        &self,
        offer: &Offer,
        headers: &HeaderMap,
        error: &str,
        session: Option<&Snapshot>,
        mut response: Response<Body>,
    ) -> Response<Body> {
        if answer::wants_page(headers) && response.status() == StatusCode::PAYMENT_REQUIRED {
            response = answer::page(offer, "This page has a price.");
        }
        let own = response.headers_mut();
        let lasts_s = self.lasts_s();
        let about = (lasts_s, session);
        answer::put(own, x402::REQUIRED, &x402::required(offer, error, about));
        if self.takes_crawls() {
            answer::put(own, crawl::PRICE, &crawl::price(offer));
        }
        match random() {
            Ok(random) => {
                let (binding, now_s) = (&self.binding, self.now_s());
                let challenge = mpp::challenge(offer, binding, now_s, random);
                answer::put(own, "www-authenticate", &mpp::header(&challenge));
                if lasts_s > 0 {
                    let challenge = mpp::session_request(offer, binding, now_s, random, about);
                    answer::put(own, "www-authenticate", &mpp::header(&challenge));
                }
            }
            Err(error) => tracing::error!(code = error.code(), %error, "challenge_not_made"),
        }
        response
    }

    /// Whether crawlers may pay. Their signatures name a site and nothing of its ledger: with live
    /// money the site's name must be the operator's word, not the client's.
    fn takes_crawls(&self) -> bool {
        self.settings.public_url.is_some() || self.teller.is_test()
    }

    /// How long a session lasts; zero if none is offered now.
    fn lasts_s(&self) -> u64 {
        self.sessions.as_ref().map_or(0, Sessions::lasts_s)
    }

    fn now_s(&self) -> u64 {
        self.teller.now().0 / 1000
    }
}

/// One request on its way through.
struct Visit<'a> {
    gate: &'a Gate,
    client: IpAddr,
    host: HeaderValue,
    target: Target,
    asked: HeaderMap,
    method: Method,
}

impl Visit<'_> {
    async fn ask(
        &mut self,
        mut parts: Parts,
        body: Body,
        on_upgrade: Option<hyper::upgrade::OnUpgrade>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let is_https = self
            .gate
            .settings
            .public_url
            .as_ref()
            .is_some_and(|url| url.starts_with("https:"));
        let scheme = if is_https { "https" } else { "http" };
        if on_upgrade.is_none() {
            parts.headers.remove(hyper::header::UPGRADE);
        }
        parts.extensions.clear();
        hygiene::request(&mut parts.headers, self.client, &self.host, scheme);
        let request = Request::from_parts(parts, body);
        let mut response = self.gate.upstream.ask(request, &self.target).await?;
        let switched = hygiene::upgrade(response.headers());
        hygiene::response(response.headers_mut());
        if let (Some(client), Some(protocol)) = (on_upgrade, switched)
            && response.status() == StatusCode::SWITCHING_PROTOCOLS
        {
            upstream::join(client, &mut response);
            let headers = response.headers_mut();
            headers.insert("connection", HeaderValue::from_static("upgrade"));
            headers.insert("upgrade", protocol);
        }
        Ok(response)
    }

    async fn priced(&mut self, mut parts: Parts, body: Bytes, offer: &Offer) -> Response<Body> {
        let gate = self.gate;
        let (way, claim) = match self.claim(offer) {
            Ok(Some((way, Paying::Charge(claim)))) => (way, claim),
            Ok(Some((way, Paying::Session(ask)))) => {
                let Some(sessions) = gate.sessions.as_ref() else {
                    return self.invalid(offer, "method-unsupported");
                };
                let what = (sessions, way, ask);
                return self.in_session((parts, body), offer, what).await;
            }
            Ok(None) => return required(gate, offer, &self.asked),
            Err(response) => return *response,
        };
        let on_upgrade = hygiene::upgrade(&parts.headers)
            .is_some()
            .then(|| parts.extensions.remove())
            .flatten();
        if self.method == Method::HEAD {
            return match self.ask(parts, whole(body), on_upgrade).await {
                Ok(mut response) => {
                    hygiene::paid(response.headers_mut());
                    response.map(upstream::streaming)
                }
                Err(no) => no_answer(no),
            };
        }
        let turn = match &claim.identifier {
            None => None,
            Some(id) => {
                let now_ms = gate.teller.now().0;
                match gate.retries.find(claim.key, id, claim.digest, now_ms) {
                    Found::New(turn) => Some(turn),
                    Found::Again(kept) => return again(*kept),
                    Found::Conflict(why) => {
                        return problem(StatusCode::CONFLICT, "payment_identifier_used", why);
                    }
                    Found::Full => return unavailable(),
                }
            }
        };
        let held = match gate.teller.hold(&claim, offer.amount, offer.pay_to).await {
            Ok(held) => held,
            Err(why) => return denied(gate, offer, &self.asked, way, why),
        };
        let response = match self.ask(parts, whole(body), on_upgrade).await {
            Ok(response) => response,
            // What is held is dropped, and so voided.
            Err(no) => return no_answer(no),
        };
        let (method, status) = (self.method.as_str(), response.status());
        if !gate
            .tariff
            .is_charged(method, &self.target, &self.asked, status)
        {
            drop(held);
            let mut response = response.map(upstream::streaming);
            hygiene::paid(response.headers_mut());
            return response;
        }
        self.deliver(response, offer, way, held, turn).await
    }

    /// Takes the money and hands the answer over.
    async fn deliver(
        &self,
        response: Response<Incoming>,
        offer: &Offer,
        way: Way,
        held: Held,
        turn: Option<Turn>,
    ) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        hygiene::paid(&mut head.headers);
        let payer = held.payer().to_string();
        // An answer that is to be kept is read before it is paid for.
        let is_small = body
            .size_hint()
            .upper()
            .is_some_and(|bytes| bytes <= KEPT_BYTES_MAX);
        let (body, whole_body) = match turn.filter(|_| is_small) {
            None => (Some(body), None),
            Some(turn) => match body.collect().await {
                Ok(collected) => (None, Some((turn, collected.to_bytes()))),
                Err(_) => return no_answer(NoAnswer::Unreachable),
            },
        };
        let taken: Taken = match held.take().await {
            Ok(taken) => taken,
            Err(NotPaid::Unavailable) => return unknown(),
            Err(why) => return denied(self.gate, offer, &self.asked, way, why),
        };
        let payment = taken.payment();
        match way {
            Way::X402 => {
                let paid = x402::paid(offer, &payer, &payment);
                answer::put(&mut head.headers, x402::RESPONSE, &paid);
            }
            Way::Mpp if head.status.is_success() => {
                let receipt = mpp::receipt(&payment, self.gate.now_s());
                answer::put(&mut head.headers, mpp::RECEIPT, &receipt);
            }
            Way::Mpp => {}
            Way::Crawl => answer::put(&mut head.headers, crawl::CHARGED, &crawl::price(offer)),
        }
        match (body, whole_body) {
            (Some(body), _) => {
                Response::from_parts(head, Delivery::new(body, taken).boxed_unsync())
            }
            (None, kept) => {
                taken.keep();
                let bytes = kept.map_or_else(Bytes::new, |(turn, body)| {
                    turn.keep(Kept {
                        status: head.status,
                        headers: head.headers.clone(),
                        body: body.clone(),
                    });
                    body
                });
                Response::from_parts(head, whole(bytes))
            }
        }
    }

    /// The payment that came with the request, if one did.
    fn claim(&self, offer: &Offer) -> Result<Option<(Way, Paying)>, Box<Response<Body>>> {
        let gate = self.gate;
        let now_s = gate.now_s();
        let mut x402 = self.asked.get_all(x402::SIGNATURE).iter();
        let is_payment = |value: &&HeaderValue| hygiene::is_payment(value.as_bytes());
        let mut mpp = self.asked.get_all(AUTHORIZATION).iter().filter(is_payment);
        let refused = |wrong| Box::new(uncrawled(gate, offer, &self.asked, wrong));
        match (x402.next(), mpp.next()) {
            (None, None) => {
                if !gate.takes_crawls() {
                    let pays = crawl::pays(&self.asked);
                    return if pays {
                        Err(refused(crawl::Wrong::NotTaken))
                    } else {
                        Ok(None)
                    };
                }
                let known = (&gate.teller, now_s);
                let crawled = crawl::read(&self.asked, &self.method, offer, known);
                let claim = crawled.map_err(refused)?;
                Ok(claim.map(|claim| (Way::Crawl, Paying::Charge(claim))))
            }
            _ if crawl::pays(&self.asked) => Err(several()),
            (Some(header), None) if x402.next().is_none() => {
                match x402::read(header.as_bytes(), offer, (now_s, gate.lasts_s())) {
                    Ok(paying) => Ok(Some((Way::X402, paying))),
                    Err(wrong) => Err(Box::new(unreadable(gate, offer, &self.asked, wrong))),
                }
            }
            (None, Some(header)) if mpp.next().is_none() => {
                let token = header.as_bytes()["payment".len()..].trim_ascii();
                match mpp::read(token, offer, &gate.binding, now_s) {
                    Ok(paying) => Ok(Some((Way::Mpp, paying))),
                    Err(kind) => Err(Box::new(self.invalid(offer, kind))),
                }
            }
            _ => Err(several()),
        }
    }
}

impl Visit<'_> {
    /// A credential of the `Payment` scheme that is no good before anybody asked the ledger.
    fn invalid(&self, offer: &Offer, kind: mpp::Problem) -> Response<Body> {
        let status = match kind {
            "method-unsupported" => StatusCode::BAD_REQUEST,
            _ => StatusCode::PAYMENT_REQUIRED,
        };
        let words = "The credential does not pay for this request. Answer the challenge that \
                     comes with this.";
        let response = answer::payment_problem(status, kind, "payment_not_valid", words);
        (self.gate).ask_for_payment(offer, &self.asked, kind, None, response)
    }
}

fn several() -> Box<Response<Body>> {
    Box::new(problem(
        StatusCode::BAD_REQUEST,
        "payments_several",
        "Send one payment, by one protocol.",
    ))
}

pub(crate) fn again(kept: Kept) -> Response<Body> {
    let mut response = Response::new(whole(kept.body));
    *response.status_mut() = kept.status;
    *response.headers_mut() = kept.headers;
    response
}

fn no_answer(why: NoAnswer) -> Response<Body> {
    let (status, code) = match why {
        NoAnswer::Unreachable => (StatusCode::BAD_GATEWAY, "upstream_unreachable"),
        NoAnswer::TooLate => (StatusCode::GATEWAY_TIMEOUT, "upstream_too_late"),
    };
    problem(
        status,
        code,
        "The site behind the gate gave no answer. Nothing was charged.",
    )
}

pub(crate) fn body_too_late() -> Response<Body> {
    problem(
        StatusCode::REQUEST_TIMEOUT,
        "body_too_late",
        "The body of this request took too long to come.",
    )
}

pub(crate) fn unavailable() -> Response<Body> {
    not_now("Payments cannot be taken now. Try again with the same payment.")
}

/// Nobody knows whether the ledger took it. The same payment does not pay again either way.
pub(crate) fn unknown() -> Response<Body> {
    not_now("Whether this payment was made is not known now. Look before you pay again.")
}

fn not_now(words: &str) -> Response<Body> {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", words);
    answer::put(response.headers_mut(), "retry-after", "1");
    response
}

fn random<const N: usize>() -> Result<[u8; N], GateError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| GateError::Random(error.to_string()))?;
    Ok(bytes)
}
