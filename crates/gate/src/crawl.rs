//! Pay-per-crawl: a crawler that signs its requests by Web Bot Auth says in a header what it would
//! pay, and the signature over that header pays (`docs/protocols/pay-per-crawl.md`).
//!
//! - Whose signature it is says the key's thumbprint, of a key that spends a wallet here. Nobody is
//!   asked who a crawler is, and no key is fetched.
//! - One signature pays once. What it covers must be what this request has.
//! - A crawler pays the price, never what it would pay at most.

use crate::encoding;
use crate::error::GateError;
use crate::fields::elements;
use crate::offer::Offer;
use crate::sign::PublicKey;
use crate::teller::{Claim, NotPaid, Teller};
use hyper::{HeaderMap, Method, StatusCode};
use money::Atoms;
use std::collections::BTreeMap;

/// On a 402: the price.
pub const PRICE: &str = "crawler-price";
/// On an answer: what was taken.
pub const CHARGED: &str = "crawler-charged";
/// On an answer: what is wrong.
pub const ERROR: &str = "crawler-error";
/// With a request: the price, exactly.
pub const EXACT: &str = "crawler-exact-price";
/// With a request: the most that is paid.
pub const MAX: &str = "crawler-max-price";
pub const INPUT: &str = "signature-input";
pub const SIGNATURE: &str = "signature";
const AGENT: &str = "signature-agent";
const TAG: &str = "web-bot-auth";

/// A signature may be good for so long.
const LASTS_MAX_S: u64 = 600;
/// The two clocks may differ by this much.
const SKEW_S: u64 = 30;

/// Why a crawler is not served, in Cloudflare's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    InvalidSignature,
    StrongAuthRequired,
    InvalidCrawlerPriceValue,
    ConflictingPriceHeaders,
    MissingCrawlerPrice,
    InvalidCrawlerExactPrice,
    InvalidCrawlerMaxPrice,
    CrawlerForbidden,
    PaymentFailed,
    /// The gate knows no name of its own that a signature could be for.
    NotTaken,
    /// Nobody knows: 503.
    Unavailable,
}

impl Wrong {
    /// The value of `crawler-error`, the answer's status, and what helps.
    #[must_use]
    pub fn told(self) -> (&'static str, StatusCode, &'static str) {
        let (bad, asks, no) = (
            StatusCode::BAD_REQUEST,
            StatusCode::PAYMENT_REQUIRED,
            StatusCode::FORBIDDEN,
        );
        match self {
            Wrong::InvalidSignature => (
                "InvalidSignature",
                bad,
                "The signature is not good for this request. Sign @authority, signature-agent and \
                 the price header, for ten minutes at most, once for each request.",
            ),
            Wrong::StrongAuthRequired => (
                "StrongAuthRequired",
                bad,
                "Sign the request by Web Bot Auth.",
            ),
            Wrong::InvalidCrawlerPriceValue => (
                "InvalidCrawlerPriceValue",
                bad,
                "A price is a currency, a space and a decimal number.",
            ),
            Wrong::ConflictingPriceHeaders => (
                "ConflictingPriceHeaders",
                bad,
                "Send crawler-exact-price or crawler-max-price, once.",
            ),
            Wrong::MissingCrawlerPrice => (
                "MissingCrawlerPrice",
                asks,
                "Say what you would pay, and sign it.",
            ),
            Wrong::InvalidCrawlerExactPrice => (
                "InvalidCrawlerExactPrice",
                asks,
                "The price is another one.",
            ),
            Wrong::InvalidCrawlerMaxPrice => (
                "InvalidCrawlerMaxPrice",
                asks,
                "The price is more than that.",
            ),
            Wrong::CrawlerForbidden => (
                "CrawlerForbidden",
                no,
                "The key of this signature spends no wallet here.",
            ),
            Wrong::PaymentFailed => ("PaymentFailed", no, "The payment was not taken."),
            Wrong::NotTaken => (
                "PaymentFailed",
                bad,
                "This gate takes no signed price: it was not told its public URL, so a signature \
                 for another site would pay here. Pay by x402 or MPP.",
            ),
            Wrong::Unavailable => (
                "PaymentFailed",
                StatusCode::SERVICE_UNAVAILABLE,
                "Payments cannot be taken now.",
            ),
        }
    }
}

impl From<GateError> for Wrong {
    fn from(error: GateError) -> Wrong {
        tracing::error!(code = error.code(), %error, "key_unreadable");
        Wrong::Unavailable
    }
}

/// Whether a crawler says what it would pay.
#[must_use]
pub fn pays(headers: &HeaderMap) -> bool {
    headers.contains_key(EXACT) || headers.contains_key(MAX)
}

/// A price as these headers have it.
#[must_use]
pub fn price(offer: &Offer) -> String {
    format!("{} {}", offer.asset.code, offer.asset.format(offer.amount))
}

/// What a crawler pays for a request; nothing if it is none.
///
/// # Errors
/// [`Wrong`].
pub fn read(
    headers: &HeaderMap,
    method: &Method,
    offer: &Offer,
    (teller, now_s): (&Teller, u64),
) -> Result<Option<Claim>, Wrong> {
    let is_signed = signed(headers).is_some();
    if !pays(headers) {
        return if is_signed {
            Err(Wrong::MissingCrawlerPrice)
        } else {
            Ok(None)
        };
    }
    let said = [EXACT, MAX].map(|name| headers.get_all(name).iter().collect::<Vec<_>>());
    let (name, value) = match said.each_ref().map(Vec::as_slice) {
        [[exact], []] => (EXACT, exact),
        [[], [max]] => (MAX, max),
        _ => return Err(Wrong::ConflictingPriceHeaders),
    };
    let amount = value
        .to_str()
        .ok()
        .and_then(|value| said_price(value, offer));
    let amount = amount.ok_or(Wrong::InvalidCrawlerPriceValue)?;
    let (label, input) = signed(headers).ok_or(Wrong::StrongAuthRequired)?;
    let invalid = Wrong::InvalidSignature;
    let input = Input::read(input).ok_or(invalid)?;
    let is_fresh = input.created <= now_s.saturating_add(SKEW_S)
        && input.expires > now_s
        && (input.expires.checked_sub(input.created)).is_some_and(|lasts| lasts <= LASTS_MAX_S);
    let needed = ["@authority", AGENT, name];
    if !is_fresh || !needed.iter().all(|name| input.covers.contains(name)) {
        return Err(invalid);
    }
    let text = input.text(headers, method, offer).ok_or(invalid)?;
    let signature = signature(headers, label).ok_or(invalid)?;
    let keyid = encoding::decode_exactly::<32>(input.keyid).ok_or(invalid)?;
    let forbidden = Wrong::CrawlerForbidden;
    let key = teller.registry().key_of(&keyid)?.ok_or(forbidden)?;
    if !key.signed(&text, &signature) {
        // A key that is another tenant's, or was revoked, is told of like one that nobody has.
        return Err(match teller.wallet_of(&key) {
            Err(NotPaid::UnknownKey) => forbidden,
            _ => invalid,
        });
    }
    match amount {
        Some(amount) if name == EXACT && amount == offer.amount => {}
        Some(amount) if name == MAX && amount >= offer.amount => {}
        _ if name == EXACT => return Err(Wrong::InvalidCrawlerExactPrice),
        _ => return Err(Wrong::InvalidCrawlerMaxPrice),
    }
    Ok(Some(Claim {
        key,
        id: Claim::id_of([&key.0, &signature], input.created),
        identifier: None,
        digest: *blake3::hash(&signature).as_bytes(),
    }))
}

/// A key's id: the thumbprint of RFC 7638 and RFC 8037.
#[must_use]
pub fn thumbprint(key: &PublicKey) -> [u8; 32] {
    use sha2::Digest;
    let jwk = format!("{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{key}\"}}");
    sha2::Sha256::digest(jwk.as_bytes()).into()
}

/// The amount that is said, if it is in the price's currency; none if it cannot be read.
fn said_price(value: &str, offer: &Offer) -> Option<Option<Atoms>> {
    let (code, amount) = value.split_once(' ')?;
    let is_code = (2..=8).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    let amount = offer.asset.parse(amount).ok().filter(|_| is_code)?;
    Some((code == offer.asset.code.as_str()).then_some(amount))
}

/// One member of a dictionary in a field, by its value.
fn members<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values
        .flat_map(elements)
        .filter_map(|one| one.split_once('='))
}

/// The label and input of the signature that is for this.
fn signed(headers: &HeaderMap) -> Option<(&str, &str)> {
    let tag = format!(";tag=\"{TAG}\"");
    members(headers, INPUT).find(|(_, input)| input.contains(&tag))
}

fn signature(headers: &HeaderMap, label: &str) -> Option<[u8; 64]> {
    let mut found = members(headers, SIGNATURE).filter(|(one, _)| *one == label);
    let (_, value) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let value = value.strip_prefix(':')?.strip_suffix(':')?;
    encoding::decode(value)?.try_into().ok()
}

/// What a signature covers (RFC 9421, 2.3).
struct Input<'a> {
    raw: &'a str,
    covers: Vec<&'a str>,
    created: u64,
    expires: u64,
    keyid: &'a str,
}

impl<'a> Input<'a> {
    fn read(raw: &'a str) -> Option<Input<'a>> {
        let (covers, parameters) = raw.strip_prefix('(')?.split_once(')')?;
        // A component with a parameter, or a text with a space in it, is none that is known here.
        let covers: Option<Vec<_>> = covers
            .split(' ')
            .filter(|c| !c.is_empty())
            .map(quoted)
            .collect();
        let mut named = BTreeMap::new();
        for parameter in parameters.split(';').skip(1) {
            let (name, value) = parameter.split_once('=')?;
            if named.insert(name, value).is_some() {
                return None;
            }
        }
        let is_ours = named.get("tag").copied().and_then(quoted) == Some(TAG)
            && (named.get("alg")).is_none_or(|alg| quoted(alg) == Some("ed25519"));
        is_ours.then_some(Input {
            raw,
            covers: covers?,
            created: named.get("created")?.parse().ok()?,
            expires: named.get("expires")?.parse().ok()?,
            keyid: quoted(named.get("keyid")?)?,
        })
    }

    /// The text that is signed; none if it covers what is not known here, or is not there.
    fn text(&self, headers: &HeaderMap, method: &Method, offer: &Offer) -> Option<String> {
        let mut text = String::new();
        for (index, name) in self.covers.iter().enumerate() {
            if self.covers[..index].contains(name) {
                return None;
            }
            let path_at = offer.url.find("://").map_or(0, |at| at + 3) + offer.authority.len();
            let (path, query) = match offer.url[path_at..].split_once('?') {
                Some((path, query)) => (path, format!("?{query}")),
                None => (&offer.url[path_at..], "?".to_owned()),
            };
            let value = match *name {
                "@authority" => offer.authority.clone(),
                "@method" => method.as_str().to_owned(),
                "@target-uri" => offer.url.clone(),
                "@path" => path.to_owned(),
                "@query" => query,
                name if name.starts_with('@') => return None,
                name => {
                    let values = headers.get_all(name).into_iter();
                    let values: Result<Vec<_>, _> = values.map(|one| one.to_str()).collect();
                    let values: Vec<_> = values.ok()?.into_iter().map(str::trim).collect();
                    if values.is_empty() {
                        return None;
                    }
                    values.join(", ")
                }
            };
            text.push_str(&format!("\"{name}\": {value}\n"));
        }
        text.push_str(&format!("\"@signature-params\": {}", self.raw));
        Some(text)
    }
}

fn quoted(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains(['"', '\\'])).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::testing::offer;
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn a_thumbprint_is_that_of_the_draft() {
        // The key of RFC 9421, B.1.4, whose thumbprint the draft's examples carry.
        let key = PublicKey::read("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs").unwrap();
        let expected = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";
        assert_eq!(encoding::url(&thumbprint(&key)), expected);
    }

    #[test]
    fn a_price_is_a_code_and_a_decimal() {
        let half_cent = Some(Some(Atoms(5_000_000)));
        for (value, expected) in [
            ("USD 0.005", half_cent),
            ("EUR 0.005", Some(None)),
            ("USD 0.0000000001", None),
            ("USD", None),
            ("0.005", None),
            ("USD  1", None),
            ("USD +1", None),
            ("US-D 1", None),
        ] {
            assert_eq!(said_price(value, &offer()), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(
            input in r#"(sig1=)?\(("[a-z@-]{0,10}" ?){0,4}\)?(;(created|expires|keyid|tag)=("[a-z-]{0,12}"|[0-9]{1,22})){0,5}"#,
            other in "[ -~]{0,60}",
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(MAX, HeaderValue::from_static("USD 1"));
            headers.insert(SIGNATURE, HeaderValue::from_str(&other).unwrap());
            for value in [&input, &other] {
                headers.insert(INPUT, HeaderValue::from_str(value).unwrap());
                let _ = signed(&headers);
                let _ = signature(&headers, "sig1");
                if let Some(input) = Input::read(value) {
                    let _ = input.text(&headers, &Method::GET, &offer());
                }
            }
        }
    }
}
