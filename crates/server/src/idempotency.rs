//! Which id a request has: from its body, from its `Idempotency-Key`, or a fresh one.

use crate::codes;
use crate::problem::{Outcome, Problem};
use crate::types::ids::{PublicId, parse_digits};
use axum::http::HeaderMap;
use engine::{Id, UtcMillis};

/// The header.
pub const HEADER: &str = "idempotency-key";
const KEY_MAX: usize = 255;

/// The key of a request's header, if it has one.
///
/// # Errors
/// [`codes::BAD_HEADER`] when it is not 1 to 255 visible ASCII characters, or is there twice.
pub fn key(headers: &HeaderMap) -> Outcome<Option<&str>> {
    let mut all = headers.get_all(HEADER).iter();
    let Some(value) = all.next() else {
        return Ok(None);
    };
    let text = value.to_str().ok().map(str::trim).map(|text| {
        // The IETF draft makes it a structured string, in quotes; most clients send it bare.
        text.strip_prefix('"')
            .and_then(|t| t.strip_suffix('"'))
            .unwrap_or(text)
    });
    match text {
        Some(text)
            if all.next().is_none()
                && (1..=KEY_MAX).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(Some(text))
        }
        _ => {
            let words = "Idempotency-Key is one value of 1 to 255 visible ASCII characters; a UUIDv7 is best";
            Err(Problem::new(codes::BAD_HEADER, words).at("Idempotency-Key"))
        }
    }
}

/// The id a key stands for: a public id or UUIDv7 is itself, anything else is hashed under its
/// tenant, so that two tenants' keys never meet.
pub fn id_of<T: PublicId>(key: &str, tenant: u128) -> Id {
    let public = key
        .strip_prefix(T::PREFIX)
        .and_then(|rest| rest.strip_prefix('_'));
    if let Some(id) = public.and_then(parse_digits) {
        return id;
    }
    if let Some(id) = Id::parse_digits(key).filter(|id| id.time_ms().is_some()) {
        return id;
    }
    let hash_key = blake3::derive_key(
        "farthing 2026 idempotency key of a tenant",
        &tenant.to_be_bytes(),
    );
    let hash = blake3::keyed_hash(&hash_key, key.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    Id::opaque(u128::from_be_bytes(half))
}

/// A version 7 UUID of now.
///
/// # Errors
/// [`codes::INTERNAL`] when the system gives no random bytes.
pub fn fresh(now: UtcMillis) -> Outcome<Id> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Problem::internal(&error))?;
    Ok(Id::timed(now.0, u128::from_le_bytes(bytes)))
}

/// The id of a request.
///
/// # Errors
/// [`codes::ID_MISMATCH`] when body and header disagree; those of [`key`] and [`fresh`].
pub fn id<T: PublicId>(
    headers: &HeaderMap,
    body: Option<T>,
    tenant: u128,
    now: UtcMillis,
) -> Outcome<T> {
    let from_key = key(headers)?.map(|key| T::new(id_of::<T>(key, tenant)));
    match (from_key, body) {
        (Some(from_key), Some(body)) if from_key.id() != body.id() => {
            let words = format!("the body says {body}, the Idempotency-Key {from_key}");
            Err(Problem::new(codes::ID_MISMATCH, words).at("id"))
        }
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Ok(T::new(fresh(now)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ids::PaymentId;

    #[test]
    fn a_key_is_an_id_or_is_hashed_under_its_tenant() {
        let uuid = "01936b2f-0000-7000-8000-000000000001";
        let plain = "01936b2f000070008000000000000001";
        let same = id_of::<PaymentId>(&format!("pay_{plain}"), 1);
        assert_eq!(id_of::<PaymentId>(uuid, 1), same);
        assert_eq!(id_of::<PaymentId>(plain, 2), same);
        let opaque = id_of::<PaymentId>("order-17", 1);
        assert_eq!(opaque.time_ms(), None);
        assert_eq!(opaque, id_of::<PaymentId>("order-17", 1));
        assert_ne!(opaque, id_of::<PaymentId>("order-17", 2));
        assert_ne!(opaque, id_of::<PaymentId>("order-18", 1));
        let v4 = "01936b2f-0000-4000-8000-000000000001";
        assert_eq!(
            id_of::<PaymentId>(v4, 1).time_ms(),
            None,
            "a random UUID carries no time"
        );
    }

    #[test]
    fn body_and_key_must_agree() {
        let pay = "pay_01936b2f000070008000000000000001";
        let body: PaymentId = pay.parse().unwrap();
        let with =
            |value: &str| HeaderMap::from_iter([(HEADER.parse().unwrap(), value.parse().unwrap())]);
        let now = UtcMillis(1);
        assert_eq!(id(&with(pay), Some(body), 1, now).unwrap(), body);
        assert_eq!(
            id::<PaymentId>(&with(&format!("\"{pay}\"")), None, 1, now).unwrap(),
            body
        );
        assert_eq!(id(&HeaderMap::new(), Some(body), 1, now).unwrap(), body);
        assert_eq!(
            id(&with("x"), Some(body), 1, now).unwrap_err().code,
            "id_mismatch"
        );
        assert!(
            id::<PaymentId>(&HeaderMap::new(), None, 1, now)
                .unwrap()
                .0
                .time_ms()
                .is_some()
        );
        for bad in ["", " ", "a b", "\"\""] {
            assert_eq!(
                id::<PaymentId>(&with(bad), None, 1, now).unwrap_err().code,
                "bad_header",
                "{bad:?}"
            );
        }
    }
}
