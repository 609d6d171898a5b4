//! The public name of a key: `key_` and a UUIDv7. Not a secret.

use std::fmt;
use std::str::FromStr;

use store::{Random, RandomFailed};

const PREFIX: &str = "key_";

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u128);

impl KeyId {
    /// A version 7 UUID of this time: newer keys have higher ids.
    pub(crate) fn generate(now_ms: i64, random: &mut dyn Random) -> Result<Self, RandomFailed> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        // RFC 9562 section 5.7: 48 bits of time, version, 12 random, variant, 62 random.
        bytes[..6].copy_from_slice(&now_ms.max(0).to_be_bytes()[2..]);
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:032x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `key_` and 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's id is \"key_\" and 32 hexadecimal digits")]
pub struct NotAKeyId;

impl FromStr for KeyId {
    type Err = NotAKeyId;

    fn from_str(text: &str) -> Result<Self, NotAKeyId> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotAKeyId)?;
        // `from_str_radix` alone would take a sign and fewer digits.
        if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAKeyId);
        }
        u128::from_str_radix(digits, 16)
            .map(Self)
            .map_err(|_| NotAKeyId)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::OsRandom;

    use super::*;

    #[test]
    fn ids_are_version_7_uuids_that_sort_by_time() {
        let mut last = KeyId(0);
        for now_ms in [-5, 1, 1_800_000_000_000, 1_800_000_000_001] {
            let id = KeyId::generate(now_ms, &mut OsRandom).unwrap();
            assert!(id > last);
            assert_eq!(id.0 >> 80, now_ms.max(0) as u128);
            assert_eq!(id.0 >> 76 & 0xf, 7, "version");
            assert_eq!(id.0 >> 62 & 0b11, 0b10, "variant");
            last = id;
        }
    }

    proptest! {
        #[test]
        fn text_and_id_round_trip(id: u128) {
            prop_assert_eq!(KeyId(id).to_string().parse(), Ok(KeyId(id)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*", digits in "[0-9a-fA-F+-]{30,34}") {
            let _ = text.parse::<KeyId>();
            if let Ok(id) = format!("key_{digits}").parse::<KeyId>() {
                prop_assert_eq!(id.to_string(), format!("key_{}", digits.to_lowercase()));
            }
        }
    }
}
