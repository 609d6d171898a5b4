//! The one host that a request names: it is part of what a payment is bound to.

use hyper::header::HOST;
use hyper::{HeaderMap, Uri};

const HOST_MAX_BYTES: usize = 255;

/// In lower case; `None` if there is none, there are several, or it is no host.
pub fn host_of(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let header = match (hosts.next(), hosts.next()) {
        (header, None) => header.map(|value| value.to_str().map(str::to_ascii_lowercase)),
        _ => return None,
    };
    let header = header.transpose().ok()?;
    let target = uri.authority().map(|a| a.as_str().to_ascii_lowercase());
    let host = match (header, target) {
        (Some(header), Some(target)) => (header == target).then_some(header)?,
        (header, target) => header.or(target)?,
    };
    is_authority(&host).then_some(host)
}

/// Whether a text is a host with or without a port, and nothing that could end a line, a quoted
/// string or a URL's authority.
pub fn is_authority(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= HOST_MAX_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

/// The host and port of `scheme://host:port`.
pub fn authority_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_one_host() {
        for (uri, hosts, expected) in [
            ("/a", &["Site.Example:80"][..], Some("site.example:80")),
            ("/a", &["[::1]:8403"], Some("[::1]:8403")),
            ("http://site.example/a", &[], Some("site.example")),
            (
                "http://Site.example/a",
                &["site.example"],
                Some("site.example"),
            ),
            ("http://other.example/a", &["site.example"], None),
            ("/a", &[], None),
            ("/a", &[""], None),
            ("/a", &["a.example", "b.example"], None),
            ("/a", &["a.example", "a.example"], None),
            ("/a", &["user@a.example"], None),
            ("/a", &["a.example/b"], None),
            ("/a", &["a.example\"x"], None),
            ("/a", &["a.example, b.example"], None),
        ] {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, host.parse().unwrap());
            }
            let uri = uri.parse().unwrap();
            assert_eq!(
                host_of(&uri, &headers).as_deref(),
                expected,
                "{uri} {hosts:?}"
            );
        }
    }
}
