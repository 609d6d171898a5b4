//! `WWW-Authenticate` with challenges of the scheme: several in a line, among those of other schemes
//! (RFC 9110, 11.6.1).

use super::Challenge;
use crate::fields::elements;
use std::collections::BTreeMap;

/// The value for one challenge.
#[must_use]
pub fn header(challenge: &Challenge) -> String {
    let mut header = format!(
        "Payment id=\"{}\", realm=\"{}\", method=\"{}\", intent=\"{}\", request=\"{}\"",
        challenge.id, challenge.realm, challenge.method, challenge.intent, challenge.request,
    );
    let optional = [
        ("expires", &challenge.expires),
        ("digest", &challenge.digest),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            header.push_str(&format!(", {name}=\"{value}\""));
        }
    }
    header
}

/// The whole challenges of the scheme in a value. Of a parameter that comes twice the first counts.
#[must_use]
pub fn challenges(value: &str) -> Vec<Challenge> {
    let mut offers: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for element in elements(value) {
        let (word, rest) = word(element);
        let (name, value) = match rest.strip_prefix('=') {
            Some(value) => (word, value),
            // Two words, or one: a scheme begins.
            None => {
                offers.push((word.to_ascii_lowercase(), BTreeMap::new()));
                let (name, rest) = self::word(rest);
                let Some(value) = rest.strip_prefix('=') else {
                    continue;
                };
                (name, value)
            }
        };
        if let (Some((_, parameters)), Some(value)) = (offers.last_mut(), unquoted(value.trim())) {
            let name = name.to_ascii_lowercase();
            parameters.entry(name).or_insert(value);
        }
    }
    let ours = offers.into_iter().filter(|(scheme, _)| scheme == "payment");
    ours.filter_map(|(_, mut parameters)| {
        let mut take = |name: &str| parameters.remove(name);
        Some(Challenge {
            id: take("id")?,
            realm: take("realm")?,
            method: take("method")?,
            intent: take("intent")?,
            request: take("request")?,
            expires: take("expires"),
            digest: take("digest"),
            opaque: take("opaque"),
        })
    })
    .collect()
}

/// A token, and what follows it after white space.
fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t', '=']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_start())
}

/// A token, or a whole quoted text.
fn unquoted(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else {
        return Some(value.to_owned());
    };
    let mut text = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => return letters.next().is_none().then_some(text),
            '\\' => text.push(letters.next()?),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_found_among_others() {
        let rest = "realm=\"r\", method=m, intent = \"charge\", request=\"cQ\"";
        for (value, expected) in [
            (format!("Payment id=\"a\", {rest}"), &["a"][..]),
            (format!("payment ID=a, {rest}"), &["a"]),
            (
                format!("Payment id=\"a\", {rest}, Payment id=\"b\", {rest}"),
                &["a", "b"],
            ),
            (
                format!("Basic realm=\"x\", Payment id=\"a\", {rest},, Digest id=\"b\", {rest}"),
                &["a"],
            ),
            (format!("Negotiate, Payment id=\"a\", {rest}"), &["a"]),
            (
                format!("Payment id=\"Payment id=\\\"b\\\", x\", {rest}"),
                &["Payment id=\"b\", x"],
            ),
            (format!("Payment id=a, id=b, {rest}"), &["a"]),
            (format!("Payment id=\"a, {rest}"), &[]),
            ("Payment id=\"a\"".to_owned(), &[]),
            (String::new(), &[]),
        ] {
            let ids: Vec<_> = challenges(&value).into_iter().map(|one| one.id).collect();
            assert_eq!(ids, expected, "{value}");
        }
    }
}
