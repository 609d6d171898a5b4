//! One feed over HTTP: asked for politely, answered within bounds, led nowhere it should not go.
//!
//! - The name is resolved once, every address it has must be public, and the connection goes to one
//!   of those: a name that answers otherwise a moment later gains nothing.
//! - A redirect is followed to `https://` or to the same host and port, never from `https://` to
//!   `http://`, and its target is looked at as the first address was.
//! - Time bounds the whole, from the name to the last byte; size bounds what comes in and what it
//!   unpacks to.

use crate::address::is_public;
use crate::error::FeedError;
use crate::url;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, pki_types::ServerName};

const AGENT: &str = concat!("farthing/", env!("CARGO_PKG_VERSION"), " (reads feeds)");
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/rdf+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1";
const VALIDATOR_BYTES: usize = 500;

/// How far a fetch may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the name to the last byte.
    pub total: Duration,
    /// The largest answer, as it comes and as it unpacks to.
    pub bytes_max: usize,
    /// How often it may be led elsewhere.
    pub redirects_max: u32,
    /// Whether addresses that are not public may be asked, such as a mirror of one's own.
    pub private: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // Some supervisors' servers take half a minute to begin.
            total: Duration::from_secs(45),
            bytes_max: 4 * 1024 * 1024,
            redirects_max: 5,
            private: false,
        }
    }
}

/// What a server gave last time, to ask whether anything is new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

/// What a fetch gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing is new.
    Unchanged,
    /// The feed.
    Body {
        /// As it came, unpacked.
        bytes: Vec<u8>,
        /// The `charset` of its `Content-Type`.
        charset: Option<String>,
        /// To ask with next time.
        validators: Validators,
        /// Where it came from in the end.
        url: String,
    },
}

/// Fetches feeds.
#[derive(Clone)]
pub struct Fetcher {
    limits: Limits,
    tls: TlsConnector,
}

impl Fetcher {
    /// With Mozilla's roots of trust.
    #[must_use]
    pub fn new(limits: Limits) -> Fetcher {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Fetcher::trusting(limits, roots)
    }

    fn trusting(limits: Limits, roots: RootCertStore) -> Fetcher {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3");
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Fetcher {
            limits,
            tls: TlsConnector::from(Arc::new(config)),
        }
    }

    /// Gets a feed, or learns that nothing in it is new.
    ///
    /// # Errors
    /// [`FeedError`]: what stood in the way.
    pub async fn fetch(&self, url: &str, known: &Validators) -> Result<Fetched, FeedError> {
        let until = Instant::now() + self.limits.total;
        let fetching = self.follow(url::absolute(url)?, known);
        match timeout_at(until, fetching).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FeedError::TooLate(self.limits.total.as_secs())),
        }
    }

    async fn follow(&self, first: Uri, known: &Validators) -> Result<Fetched, FeedError> {
        let mut uri = first;
        for _ in 0..=self.limits.redirects_max {
            let response = self.ask(&uri, known).await?;
            match response.status().as_u16() {
                200 => return self.body(response, &uri).await,
                304 if *known != Validators::default() => return Ok(Fetched::Unchanged),
                301 | 302 | 303 | 307 | 308 => {
                    let to = text(response.headers(), &header::LOCATION);
                    uri = led_to(&uri, &to.unwrap_or_default())?;
                }
                status => return Err(FeedError::Status(status)),
            }
        }
        Err(FeedError::Redirects(self.limits.redirects_max))
    }

    async fn ask(&self, uri: &Uri, known: &Validators) -> Result<Response<Incoming>, FeedError> {
        let host = uri.host().unwrap_or_default();
        let stream = self.connect(host, url::port(uri)).await?;
        let request = request(uri, known)?;
        if uri.scheme_str() == Some("http") {
            return exchange(stream, request).await;
        }
        let insecure = || FeedError::Insecure(host.to_owned());
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| insecure())?;
        let secure = self.tls.connect(name, stream).await;
        exchange(secure.map_err(|_| insecure())?, request).await
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, FeedError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => tokio::net::lookup_host((bare, port))
                .await
                .map_err(|_| FeedError::Unknown(host.to_owned()))?
                .collect(),
        };
        if found.is_empty() {
            return Err(FeedError::Unknown(host.to_owned()));
        }
        if !self.limits.private && found.iter().any(|address| !is_public(address.ip())) {
            return Err(FeedError::Private(host.to_owned()));
        }
        for address in found {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Ok(stream);
            }
        }
        Err(FeedError::Unreachable(host.to_owned()))
    }

    async fn body(&self, response: Response<Incoming>, from: &Uri) -> Result<Fetched, FeedError> {
        let max = self.limits.bytes_max;
        let headers = response.headers();
        let packed = text(headers, &header::CONTENT_ENCODING).map(|how| how.to_ascii_lowercase());
        let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
        let validators = Validators {
            etag: text(headers, &header::ETAG).filter(|etag| etag.len() <= VALIDATOR_BYTES),
            last_modified: text(headers, &header::LAST_MODIFIED)
                .filter(|time| time.len() <= VALIDATOR_BYTES),
        };
        let collected = Limited::new(response.into_body(), max).collect().await;
        let bytes = collected.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                FeedError::TooLarge(max)
            } else {
                FeedError::Broken
            }
        })?;
        let bytes = bytes.to_bytes();
        let bytes = match packed.as_deref() {
            None | Some("" | "identity") => bytes.to_vec(),
            Some("gzip" | "x-gzip") => unpack(&bytes, max)?,
            Some(_) => return Err(FeedError::Broken),
        };
        Ok(Fetched::Body {
            bytes,
            charset: charset(&kind),
            validators,
            url: from.to_string(),
        })
    }
}

/// Where a redirect leads, if it may be followed.
fn led_to(from: &Uri, location: &str) -> Result<Uri, FeedError> {
    let refused = || FeedError::Redirect(location.chars().take(200).collect());
    let to = url::resolve(from, location).map_err(|_| refused())?;
    let is_secure = to.scheme_str() == Some("https");
    let stays = url::same_host(from, &to) && from.scheme_str() == to.scheme_str();
    if is_secure || stays {
        Ok(to)
    } else {
        Err(refused())
    }
}

fn request(uri: &Uri, known: &Validators) -> Result<Request<Empty<Bytes>>, FeedError> {
    let wrong = || FeedError::Url(uri.to_string());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().ok_or_else(wrong)?.as_str();
    let mut request = Request::get(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, AGENT)
        .header(header::ACCEPT, ACCEPT)
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    if let Some(etag) = &known.etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    if let Some(time) = &known.last_modified {
        request = request.header(header::IF_MODIFIED_SINCE, time);
    }
    request.body(Empty::new()).map_err(|_| wrong())
}

async fn exchange<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
) -> Result<Response<Incoming>, FeedError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| FeedError::Broken)?;
    // Ends with the response's body, which ends with its deadline.
    tokio::spawn(connection);
    let response = sender.send_request(request).await;
    response.map_err(|_| FeedError::Broken)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(value.to_str().ok()?.trim().to_owned())
}

fn charset(kind: &str) -> Option<String> {
    let parameters = kind.split(';').skip(1);
    let mut pairs = parameters.filter_map(|pair| pair.split_once('='));
    let (_, label) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(label.trim().to_owned())
}

/// Servers pack what was asked for unpacked.
fn unpack(bytes: &[u8], max: usize) -> Result<Vec<u8>, FeedError> {
    let mut unpacked = Vec::new();
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(bytes)
        .take(bound)
        .read_to_end(&mut unpacked);
    read.map_err(|_| FeedError::Broken)?;
    if unpacked.len() > max {
        return Err(FeedError::TooLarge(max));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests;
