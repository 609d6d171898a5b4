//! What the gate itself says: problem documents (RFC 9457), and the page a person sees on a 402.

use crate::offer::Offer;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

/// What went wrong while a body was passed on.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A body of any kind.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is all there.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// An answer of the gate's own: never stored, never taken for something else.
fn own(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// JSON.
#[must_use]
pub fn json(status: StatusCode, body: &Value) -> Response<Body> {
    own(status, "application/json", body.to_string())
}

/// A problem of a type, with a member of its own if it has one.
#[must_use]
pub fn problem_with(
    status: StatusCode,
    kind: &str,
    (code, detail): (&str, &str),
    member: Option<(&str, &str)>,
) -> Response<Body> {
    let mut body = json!({
        "type": kind,
        "title": status.canonical_reason().unwrap_or("Problem"),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    if let Some((name, value)) = member {
        body[name] = value.into();
    }
    own(status, "application/problem+json", body.to_string())
}

/// A problem that has no type of its own.
#[must_use]
pub fn problem(status: StatusCode, code: &str, detail: &str) -> Response<Body> {
    problem_with(status, "about:blank", (code, detail), None)
}

/// A problem of the `Payment` scheme.
#[must_use]
pub fn payment_problem(status: StatusCode, kind: &str, code: &str, detail: &str) -> Response<Body> {
    let kind = format!("https://paymentauth.org/problems/{kind}");
    problem_with(status, &kind, (code, detail), None)
}

/// Whether the client would rather see a page.
#[must_use]
pub fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            range
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim() == "text/html")
        })
}

/// The 402 for people: the number first, the reason under it, the next step. No script, nothing
/// from elsewhere, any colour scheme.
#[must_use]
pub fn page(offer: &Offer, detail: &str) -> Response<Body> {
    let (price, url) = (escape(&offer.price()), escape(&offer.url));
    let (host, detail) = (escape(&offer.authority), escape(detail));
    let page = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{price} to read this page</title>
<style>
:root {{ color-scheme: light dark; font: 1.125rem/1.5 system-ui, sans-serif; }}
body {{ max-width: 36rem; margin: 12vh auto; padding: 0 1.25rem; }}
h1 {{ font-size: 2.5rem; line-height: 1.1; margin: 0 0 .5rem; }}
pre {{ overflow-x: auto; padding: .75rem 1rem; border: 1px solid GrayText; border-radius: .5rem; }}
pre:focus-visible {{ outline: 3px solid Highlight; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<h1>{price}</h1>
<p>{detail} The price is for this page of <strong>{host}</strong>, once.</p>
<h2>Pay and read it</h2>
<p>With the Farthing command, from a wallet of this site:</p>
<pre tabindex="0" role="region" aria-label="Command"><code>farthing pay '{url}'</code></pre>
<p>Programs pay by themselves: this answer carries the price in its headers, for x402 and for the
Payment scheme of HTTP.</p>
</main>
</body>
</html>
"#
    );
    let mut response = own(
        StatusCode::PAYMENT_REQUIRED,
        "text/html; charset=utf-8",
        page,
    );
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    );
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // Also of the shell: the URL stands in quotes of a command to copy.
            '\'' => safe.push_str("%27"),
            other => safe.push(other),
        }
    }
    safe
}

/// Puts a value made of visible ASCII into the headers; any other is left out and logged.
pub fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.append(HeaderName::from_static(name), value);
        }
        Err(_) => tracing::error!(name, "header_unwritable"),
    }
}
