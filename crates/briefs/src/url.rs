//! Addresses of feeds and of what they link to: http and https only, and where a relative one leads.

use crate::error::FeedError;
use hyper::Uri;

/// Reads an absolute address without a user.
///
/// # Errors
/// [`FeedError::Url`].
pub fn absolute(text: &str) -> Result<Uri, FeedError> {
    let wrong = || FeedError::Url(text.chars().take(200).collect());
    let text = text.split('#').next().unwrap_or(text).trim();
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().ok_or_else(wrong)?;
    if !known || authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(wrong());
    }
    Ok(uri)
}

/// Where a reference leads from a base.
///
/// # Errors
/// [`FeedError::Url`].
pub fn resolve(base: &Uri, reference: &str) -> Result<Uri, FeedError> {
    let reference = reference.trim();
    let scheme = base.scheme_str().unwrap_or("https");
    let authority = base.authority().map_or("", |a| a.as_str());
    let has_scheme = reference
        .split_once(':')
        .is_some_and(|(scheme, _)| !scheme.is_empty() && !scheme.contains(['/', '?', '#']));
    if has_scheme {
        return absolute(reference);
    }
    if let Some(rest) = reference.strip_prefix("//") {
        return absolute(&format!("{scheme}://{rest}"));
    }
    if reference.starts_with('/') {
        return absolute(&format!("{scheme}://{authority}{reference}"));
    }
    let path = base.path();
    if reference.is_empty() || reference.starts_with(['?', '#']) {
        return absolute(&format!("{scheme}://{authority}{path}{reference}"));
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    absolute(&format!("{scheme}://{authority}{folder}/{reference}"))
}

/// Whether both name the same host and port.
pub fn same_host(a: &Uri, b: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    host(a) == host(b) && port(a) == port(b)
}

/// The port an address means.
pub fn port(uri: &Uri) -> u16 {
    let usual = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    uri.port_u16().unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_other_schemes_are_none() {
        let base = absolute("https://a.example/news/feed.xml?x=1").unwrap();
        let rows = [
            ("https://b.example/x", Some("https://b.example/x")),
            ("http://b.example", Some("http://b.example/")),
            ("//b.example/x", Some("https://b.example/x")),
            ("/x?y=1#z", Some("https://a.example/x?y=1")),
            ("item/1", Some("https://a.example/news/item/1")),
            ("?id=4", Some("https://a.example/news/feed.xml?id=4")),
            (" /x ", Some("https://a.example/x")),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("ftp://b.example/", None),
            ("https://user@b.example/", None),
            ("https://", None),
        ];
        for (reference, expected) in rows {
            let found = resolve(&base, reference).ok().map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{reference}");
        }
        let other = absolute("https://A.example:443/").unwrap();
        assert!(same_host(&base, &other));
        assert!(!same_host(&base, &absolute("http://a.example/").unwrap()));
    }
}
