//! The site behind the gate: requests go there with the path in its one spelling, bodies stream,
//! and a connection may become another protocol.

use crate::answer::{Body, BodyError};
use crate::error::GateError;
use crate::path::Target;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::uri::Authority;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::time::Duration;
use tokio::net::TcpStream;

/// Why the upstream gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It cannot be reached, or broke off.
    Unreachable,
    /// It took too long.
    TooLate,
}

/// A pool of connections to one upstream.
pub struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Body>,
    timeout: Duration,
    connect_timeout: Duration,
}

impl Upstream {
    /// Reads `http://host:port`.
    ///
    /// # Errors
    /// `gate_setting`: it is no such URL.
    pub fn new(
        url: &str,
        timeout: Duration,
        connect_timeout: Duration,
    ) -> Result<Upstream, GateError> {
        let wrong = |why: &str| GateError::Setting(format!("the upstream \"{url}\" {why}"));
        let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong(
                "must begin with http://: the gate speaks plainly to its upstream",
            ));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("must be a host and a port alone, without a path"));
        }
        let authority = uri
            .authority()
            .cloned()
            .ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("must not name a user"));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_timeout));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Upstream {
            authority,
            client,
            timeout,
            connect_timeout,
        })
    }

    /// Asks for a target; `request`'s headers are passed on as they are.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask(
        &self,
        mut request: Request<Body>,
        target: &Target,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let uri = format!("http://{}{}", self.authority, target.path_and_query());
        *request.uri_mut() = uri.parse().map_err(|_| NoAnswer::Unreachable)?;
        *request.version_mut() = Version::HTTP_11;
        match tokio::time::timeout(self.timeout, self.client.request(request)).await {
            Ok(Ok(mut response)) => {
                // What the site speaks is between it and the gate.
                *response.version_mut() = Version::HTTP_11;
                Ok(response)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "upstream_unreachable");
                Err(NoAnswer::Unreachable)
            }
            Err(_) => {
                tracing::warn!("upstream_too_late");
                Err(NoAnswer::TooLate)
            }
        }
    }

    /// Whether somebody listens there.
    pub async fn is_well(&self) -> bool {
        let port = self.authority.port_u16().unwrap_or(80);
        let host = self.authority.host().trim_matches(['[', ']']);
        let connect = TcpStream::connect((host, port));
        matches!(
            tokio::time::timeout(self.connect_timeout, connect).await,
            Ok(Ok(_))
        )
    }
}

/// Joins the client's connection to the upstream's once both have changed their protocol.
pub fn join(client: OnUpgrade, response: &mut Response<Incoming>) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let upstream = hyper::upgrade::on(response);
    tokio::spawn(async move {
        let joined = async {
            let (client, upstream) = tokio::try_join!(client, upstream)?;
            let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
            tokio::io::copy_bidirectional(&mut client, &mut upstream).await?;
            Ok::<(), BodyError>(())
        };
        if let Err(error) = joined.await {
            tracing::debug!(%error, "upgraded_connection_broke");
        }
    });
}

/// A body passed on as it comes.
pub fn streaming(body: Incoming) -> Body {
    body.map_err(|error| Box::new(error) as BodyError)
        .boxed_unsync()
}
