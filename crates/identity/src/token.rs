//! The text of an API key, and the hash that is kept of it.
//!
//! ```text
//! fk_live_ 0QqzmJx3…(22) _ kR7…(43) Zb0…(6)
//! mode     key id          secret   check
//! ```
//! All in base62. The id says which row to look at. The secret is 43 digits
//! drawn evenly, 256 bits. The check tells a mistyped or truncated key from an
//! unknown one without a look-up, and lets scanners find leaked keys.
//!
//! The hash is keyed BLAKE3 over everything before the check. A slow hash
//! (argon2) protects secrets people choose, by making each guess dear; 2^256
//! random secrets cannot be guessed at any speed, and a slow hash on every
//! request would only be a way to stop the server. The check is further
//! output of the same hash and says nothing about its first 32 bytes.

use std::fmt;

use store::{Mode, Random, RandomFailed};
use zeroize::Zeroizing;

use crate::error::AuthError;
use crate::key_id::KeyId;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HASH_DOMAIN: &[u8; 32] = b"farthing API key, hash version 1";

const PREFIX_LEN: usize = 8;
const ID_LEN: usize = 22;
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;
const ID_END: usize = PREFIX_LEN + ID_LEN;
const SECRET_END: usize = ID_END + 1 + SECRET_LEN;
const LEN: usize = SECRET_END + CHECK_LEN;

/// A key in the clear: shown once, wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// To show it to its owner. Never log this.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a caller presented: a claim until its hash is compared.
pub(crate) struct Presented {
    pub id: KeyId,
    /// Compares in constant time.
    pub hash: blake3::Hash,
}

pub(crate) fn issue(
    mode: Mode,
    id: KeyId,
    random: &mut dyn Random,
) -> Result<(Secret, blake3::Hash), RandomFailed> {
    // The capacity is the whole length: growing would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(LEN));
    text.push_str(prefix(mode));
    push_number(&mut text, id.0, ID_LEN);
    text.push('_');
    let mut bytes = Zeroizing::new([0; 64]);
    while text.len() < SECRET_END {
        random.fill(&mut *bytes)?;
        for &byte in bytes.iter() {
            // 248 = 4 × 62: bytes above would make the first digits likelier.
            if byte < 248 && text.len() < SECRET_END {
                text.push(digit(u128::from(byte)));
            }
        }
    }
    let (hash, check) = digest(&text);
    push_number(&mut text, u128::from(check), CHECK_LEN);
    Ok((Secret(text), hash))
}

pub(crate) fn parse(text: &str) -> Result<Presented, AuthError> {
    if text.is_empty() {
        return Err(AuthError::Missing);
    }
    if text.len() != LEN || !text.is_ascii() {
        return Err(AuthError::Malformed);
    }
    let known_prefix = Mode::ALL
        .into_iter()
        .any(|mode| text.starts_with(prefix(mode)));
    let parted = text.as_bytes()[ID_END] == b'_';
    let id = number(&text[PREFIX_LEN..ID_END]);
    let given_check = number(&text[SECRET_END..]);
    let (Some(id), Some(given_check), true, true) = (id, given_check, known_prefix, parted) else {
        return Err(AuthError::Malformed);
    };
    let (hash, check) = digest(&text[..SECRET_END]);
    if given_check != u128::from(check) {
        return Err(AuthError::Malformed);
    }
    Ok(Presented {
        id: KeyId(id),
        hash,
    })
}

/// The token of an `Authorization: Bearer …` header's value (RFC 6750).
///
/// Errors: [`AuthError::Missing`] without a header or with nothing in it,
/// [`AuthError::Malformed`] for any other scheme.
pub fn bearer(header: Option<&str>) -> Result<&str, AuthError> {
    let header = header.map_or("", str::trim);
    if header.is_empty() {
        return Err(AuthError::Missing);
    }
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::Malformed);
    }
    match token.trim_start() {
        "" => Err(AuthError::Missing),
        token => Ok(token),
    }
}

fn prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "fk_test_",
        Mode::Live => "fk_live_",
    }
}

fn digest(text: &str) -> (blake3::Hash, u32) {
    let mut out = [0; 36];
    let mut hasher = blake3::Hasher::new_keyed(HASH_DOMAIN);
    hasher.update(text.as_bytes());
    hasher.finalize_xof().fill(&mut out);
    let mut hash = [0; 32];
    let mut check = [0; 4];
    hash.copy_from_slice(&out[..32]);
    check.copy_from_slice(&out[32..]);
    (hash.into(), u32::from_be_bytes(check))
}

fn digit(value: u128) -> char {
    char::from(DIGITS[(value % 62) as usize])
}

fn push_number(text: &mut String, mut value: u128, len: usize) {
    let mut digits = ['0'; ID_LEN];
    for place in digits[..len].iter_mut().rev() {
        *place = digit(value);
        value /= 62;
    }
    text.extend(&digits[..len]);
}

fn number(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        value.checked_mul(62)?.checked_add(u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::OsRandom;

    use super::*;

    fn code<T>(result: Result<T, AuthError>) -> &'static str {
        result.map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn a_key_reads_back_and_no_part_of_it_can_be_changed() {
        for mode in Mode::ALL {
            let id = KeyId(u128::MAX - 5);
            let (secret, hash) = issue(mode, id, &mut OsRandom).unwrap();
            let text = secret.expose();
            assert_eq!(text.len(), LEN);
            assert!(text.starts_with(&format!("fk_{}_", mode.as_str())));
            let presented = parse(text).unwrap();
            assert_eq!((presented.id, presented.hash), (id, hash));
            for at in 0..LEN {
                let mut altered = text.to_owned().into_bytes();
                altered[at] = if altered[at] == b'x' { b'y' } else { b'x' };
                let altered = String::from_utf8(altered).unwrap();
                assert_eq!(code(parse(&altered)), "auth_malformed", "{at}");
                assert!(parse(&text[..at]).is_err());
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let (secret, _) = issue(Mode::Live, KeyId(1), &mut OsRandom).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    /// The format is a promise: a released key must work for ever. Computed
    /// apart, with Python's blake3.
    #[test]
    fn the_hash_of_a_key_never_changes() {
        struct Fixed;
        impl Random for Fixed {
            fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailed> {
                for (index, byte) in out.iter_mut().enumerate() {
                    *byte = (index * 5) as u8;
                }
                Ok(())
            }
        }
        let (secret, hash) = issue(Mode::Test, KeyId(7), &mut Fixed).unwrap();
        assert_eq!(
            secret.expose(),
            "fk_test_0000000000000000000007_05AFKPUZejoty38DINSXchmrw16BGLQVafkpuz49EJO1FQibD"
        );
        assert_eq!(
            hash.to_hex().as_str(),
            "d6f1fe3d871a59390b7abf7f888e271a518cb29df79e2d93b95ce9ef5843efa6"
        );
    }

    #[test]
    fn the_bearer_token_is_found_or_the_reason_told() {
        let rows = [
            (None, Err("auth_missing")),
            (Some(""), Err("auth_missing")),
            (Some("  "), Err("auth_missing")),
            (Some("Bearer"), Err("auth_missing")),
            (Some("Bearer  "), Err("auth_missing")),
            (Some("Basic Zm9v"), Err("auth_malformed")),
            (Some("fk_test_x"), Err("auth_malformed")),
            (Some("Bearer x"), Ok("x")),
            (Some(" bEARER   x "), Ok("x")),
        ];
        for (header, expected) in rows {
            let found = bearer(header).map_err(|error| error.code());
            assert_eq!(found, expected, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            prop_assert!(parse(&text).is_err());
            let _ = bearer(Some(&text));
        }

        #[test]
        fn text_that_looks_like_a_key_is_refused(
            text in "fk_(test|live)_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}",
            at in 0..LEN,
            other in any::<char>(),
        ) {
            prop_assert_eq!(code(parse(&text)), "auth_malformed");
            let mut chars: Vec<char> = text.chars().collect();
            chars[at] = other;
            let _ = parse(&chars.into_iter().collect::<String>());
        }

        #[test]
        fn numbers_round_trip(value: u128) {
            let mut text = String::new();
            push_number(&mut text, value, ID_LEN);
            prop_assert_eq!(number(&text), Some(value));
        }
    }
}
