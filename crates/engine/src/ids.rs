//! Public identities: type-prefixed UUIDs.
//!
//! A version 7 UUID carries its time; any other (an opaque idempotency key, hashed) is remembered
//! by when it arrived. Ids are scoped by tenant: two tenants may use the same one.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A 128-bit identity. Zero is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// The prefix names another kind of thing.
    #[error("\"{given}\" should start with \"{expected}\"")]
    Prefix {
        /// What such an id starts with.
        expected: &'static str,
        /// What was given.
        given: String,
    },
    /// The part after the prefix is not a UUID.
    #[error("\"{0}\" is not an id: after the prefix stand 32 hexadecimal digits, not all zero")]
    Digits(String),
}

impl Id {
    /// No id.
    pub const NONE: Id = Id(0);

    /// A version 7 UUID of this time (milliseconds since 1970) and 74 bits of `random`.
    #[must_use]
    pub fn timed(time_ms: u64, random: u128) -> Id {
        let time = u128::from(time_ms & 0xffff_ffff_ffff) << 80;
        let high = ((random >> 64) & 0xfff) << 64;
        let low = random & 0x3fff_ffff_ffff_ffff;
        Id(time | (7 << 76) | high | (0b10 << 62) | low)
    }

    /// A version 8 UUID of a hash: the identity of a key that carries no time.
    #[must_use]
    pub fn opaque(hash: u128) -> Id {
        Id((hash & !(0xf << 76) & !(0b11 << 62)) | (8 << 76) | (0b10 << 62))
    }

    /// A UUID of no version that there is, 15: the identity of what happens by itself. No command may
    /// come under it, so nobody takes it first.
    #[must_use]
    pub fn by_itself(hash: u128) -> Id {
        Id((hash & !(0b11 << 62)) | (0xf << 76) | (0b10 << 62))
    }

    /// Whether it is of what happened by itself: see [`Id::by_itself`].
    #[must_use]
    #[inline]
    pub fn is_by_itself(self) -> bool {
        (self.0 >> 76) & 0xf == 0xf
    }

    /// The milliseconds since 1970 that a version 7 UUID carries.
    #[must_use]
    #[inline]
    pub fn time_ms(self) -> Option<u64> {
        ((self.0 >> 76) & 0xf == 7).then_some((self.0 >> 80) as u64)
    }

    /// Whether this is an id at all.
    #[must_use]
    #[inline]
    pub fn is_some(self) -> bool {
        self.0 != 0
    }

    /// The text with a prefix such as `pay`.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> String {
        format!("{prefix}_{:032x}", self.0)
    }

    /// Reads `prefix_` and 32 hexadecimal digits (hyphens as in a UUID allowed).
    ///
    /// # Errors
    /// [`IdError`], saying which part is wrong.
    pub fn parse(prefix: &'static str, text: &str) -> Result<Id, IdError> {
        let digits = text
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or_else(|| IdError::Prefix {
                expected: prefix,
                given: excerpt(text),
            })?;
        Self::parse_digits(digits).ok_or_else(|| IdError::Digits(excerpt(text)))
    }

    /// Reads the 32 hexadecimal digits of a UUID, with or without its hyphens.
    #[must_use]
    pub fn parse_digits(digits: &str) -> Option<Id> {
        let hyphenated = digits.len() == 36;
        if !hyphenated && digits.len() != 32 {
            return None;
        }
        let mut value = 0u128;
        for (at, byte) in digits.bytes().enumerate() {
            if hyphenated && matches!(at, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            value = (value << 4) | u128::from(char::from(byte).to_digit(16)?);
        }
        (value != 0).then_some(Id(value))
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&format_args!("{:032x}", self.0))
        } else {
            self.0.to_be_bytes().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Id::parse_digits(&text).ok_or_else(|| serde::de::Error::custom("not an id"))
        } else {
            <[u8; 16]>::deserialize(deserializer).map(|b| Id(u128::from_be_bytes(b)))
        }
    }
}

macro_rules! prefixed {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Id);

        impl $name {
            /// What its text starts with.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:032x}"), self.0.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Id::parse($prefix, text).map($name)
            }
        }
    )*};
}

prefixed! {
    /// An operator's isolated space.
    TenantId = "ten";
    /// A person, business or software agent.
    PartyId = "par";
    /// What a party sees as one balance per asset.
    WalletId = "wal";
    /// A payment: payer to payee, once.
    PaymentId = "pay";
    /// One capture of an authorized payment.
    CaptureId = "cap";
    /// A refund of a payment or capture.
    RefundId = "rfd";
    /// Money in.
    TopUpId = "top";
    /// Money out.
    WithdrawalId = "wdr";
    /// Value passed on, source kept.
    TransferId = "trf";
    /// Several commands, all or nothing.
    GroupId = "grp";
    /// What a payer allows an agent in advance.
    MandateId = "man";
    /// A payment called into question.
    DisputeId = "dsp";
    /// An entry made by two keys.
    CorrectionId = "cor";
    /// What something costs.
    PriceId = "pri";
    /// What is paid again and again.
    PlanId = "pln";
    /// Any other command.
    CommandId = "cmd";
    /// Who gave a command: a key.
    ActorId = "key";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_timed_id_is_a_version_7_uuid_that_carries_its_time() {
        let id = Id::timed(0x0123_4567_89ab, u128::MAX);
        assert_eq!(id.time_ms(), Some(0x0123_4567_89ab));
        assert_eq!(format!("{id:?}"), "0123456789ab7fffbfffffffffffffff");
        assert_eq!(Id::opaque(u128::MAX).time_ms(), None);
        assert_eq!(
            format!("{:?}", Id::opaque(0)),
            "00000000000080008000000000000000"
        );
        let alone = Id::by_itself(0);
        assert_eq!(format!("{alone:?}"), "000000000000f0008000000000000000");
        assert!(alone.is_by_itself() && alone.time_ms().is_none());
        assert!(!Id::opaque(u128::MAX).is_by_itself() && !id.is_by_itself());
    }

    #[test]
    fn ids_are_read_with_their_prefix_only() {
        let text = "pay_0123456789ab7fffbfffffffffffffff";
        let id: PaymentId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!("pay_01234567-89ab-7fff-bfff-ffffffffffff".parse(), Ok(id));
        for bad in [
            "",
            "pay",
            "pay_",
            "wal_0123456789ab7fffbfffffffffffffff",
            "pay_0",
            "pay_é",
            "pay_00000000000000000000000000000000",
            "pay_0123456789ab7fffbffffffffffffffg",
            "PAY_0123456789ab7fffbfffffffffffffff",
            "pay_+123456789ab7fffbfffffffffffffff",
        ] {
            assert!(bad.parse::<PaymentId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_an_error(text in "\\PC*") {
            let _ = text.parse::<PaymentId>();
            let _ = format!("pay_{text}").parse::<PaymentId>();
        }

        #[test]
        fn ids_round_trip(value in 1u128..) {
            let id = PaymentId(Id(value));
            prop_assert_eq!(id.to_string().parse::<PaymentId>(), Ok(id));
        }
    }
}
