//! Public ids on the wire: a prefix, an underscore and 32 lower-case hexadecimal digits.

use engine::{EventKind, Id};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An id that names one kind of thing.
pub trait PublicId: Copy + FromStr<Err = String> + fmt::Display {
    /// What its text starts with.
    const PREFIX: &'static str;
    /// The kind of thing, for people.
    const THING: &'static str;
    /// From the number.
    fn new(id: Id) -> Self;
    /// The number.
    fn id(self) -> Id;
}

/// Reads the digits of an id: nothing but 32 lower-case hexadecimal ones, not all zero.
pub fn parse_digits(digits: &str) -> Option<Id> {
    let plain = digits.len() == 32
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if plain {
        Id::parse_digits(digits)
    } else {
        None
    }
}

fn parse<T: PublicId>(text: &str) -> Result<T, String> {
    let digits = text
        .strip_prefix(T::PREFIX)
        .and_then(|rest| rest.strip_prefix('_'));
    digits.and_then(parse_digits).map(T::new).ok_or_else(|| {
        format!(
            "the id of a {} is \"{}_\" and 32 lower-case hexadecimal digits, not all zero",
            T::THING,
            T::PREFIX
        )
    })
}

fn schema<T: PublicId>(example: u8) -> RefOr<Schema> {
    let digits = format!("01936b2f{example:02x}007000800000000000{example:04x}");
    let object = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(format!("The id of a {}.", T::THING)))
        .pattern(Some(format!("^{}_(?!0{{32}})[0-9a-f]{{32}}$", T::PREFIX)))
        .examples([format!("{}_{digits}", T::PREFIX)]);
    RefOr::T(Schema::Object(object.build()))
}

macro_rules! ids {
    ($($name:ident $prefix:literal $thing:literal $example:literal;)*) => {$(
        #[doc = concat!("The id of a ", $thing, ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Id);

        impl PublicId for $name {
            const PREFIX: &'static str = $prefix;
            const THING: &'static str = $thing;
            fn new(id: Id) -> Self { $name(id) }
            fn id(self) -> Id { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:032x}"), self.0.0)
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> { parse(text) }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> { schema::<$name>($example) }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> { Cow::Borrowed(stringify!($name)) }
        }
    )*};
}

ids! {
    TenantId "ten" "tenant" 1;
    PartyId "par" "party" 2;
    WalletId "wal" "wallet" 3;
    PaymentId "pay" "payment" 4;
    CaptureId "cap" "capture" 5;
    RefundId "rfd" "refund" 6;
    TopUpId "top" "top-up" 7;
    WithdrawalId "wdr" "withdrawal" 8;
    TransferId "trf" "transfer" 9;
    GroupId "grp" "group" 10;
    MandateId "man" "mandate" 11;
    DisputeId "dsp" "dispute" 12;
    CorrectionId "cor" "correction" 13;
    CommandId "cmd" "command" 14;
    KeyId "key" "key" 15;
    LawId "law" "law" 16;
    BriefId "brf" "brief" 17;
    SimulationId "sim" "simulation" 18;
    InvoiceId "inv" "invoice" 19;
    CreditNoteId "crn" "credit note" 20;
    PriceId "pri" "price" 21;
    ProductId "prd" "product" 22;
}

macro_rules! either {
    ($($(#[$doc:meta])* $name:ident $first:ident($one:ident) or $second:ident($other:ident) $words:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            #[doc = "The first."]
            $first($one),
            #[doc = "The other."]
            $second($other),
        }

        impl PublicId for $name {
            const PREFIX: &'static str = $one::PREFIX;
            const THING: &'static str = $one::THING;
            fn new(id: Id) -> Self { $name::$first($one(id)) }
            fn id(self) -> Id {
                match self {
                    $name::$first(id) => id.0,
                    $name::$second(id) => id.0,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $name::$first(id) => id.fmt(f),
                    $name::$second(id) => id.fmt(f),
                }
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                let prefix = text.split_once('_').map(|(prefix, _)| prefix);
                if prefix == Some($other::PREFIX) {
                    return parse(text).map($name::$second);
                }
                let first = parse(text).map($name::$first);
                let (thing, prefix) = ($other::THING, $other::PREFIX);
                first.map_err(|why| format!("{why}; or that of a {thing}, with \"{prefix}_\""))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let (one, other) = ($one::PREFIX, $other::PREFIX);
                let object = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($words))
                    .pattern(Some(format!("^({one}|{other})_(?!0{{32}})[0-9a-f]{{32}}$")))
                    .examples([format!("{one}_01936b2f040070008000000000000004")]);
                RefOr::T(Schema::Object(object.build()))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> { Cow::Borrowed(stringify!($name)) }
        }
    )*};
}

either! {
    /// What money was taken by, and can be given back: a payment, or a capture of one.
    PaidId Payment(PaymentId) or Capture(CaptureId) "The id of a payment, or of a capture of one.";
    /// What waits for its payer: a payment, or a transfer.
    StepUpId Payment(PaymentId) or Transfer(TransferId) "The id of a payment, or of a transfer.";
}

/// An id as it is written where an event of this kind made it: what `GET` takes. Of what is no thing by
/// itself, a command's.
pub fn written(kind: EventKind, id: Id) -> String {
    use EventKind as K;
    let prefix = match kind {
        K::Paid | K::Split | K::Authorized | K::StepUpAsked | K::Refused => PaymentId::PREFIX,
        K::StepUpExpired => PaymentId::PREFIX,
        K::Captured | K::CaptureRefused => CaptureId::PREFIX,
        K::Refunded | K::RefundRefused => RefundId::PREFIX,
        K::Transferred | K::TransferRefused => TransferId::PREFIX,
        K::TransferStepUpAsked | K::TransferStepUpExpired => TransferId::PREFIX,
        K::Grouped | K::GroupRefused => GroupId::PREFIX,
        K::PartyRegistered => PartyId::PREFIX,
        K::WalletOpened => WalletId::PREFIX,
        K::TopUpPending | K::TopUpRefused => TopUpId::PREFIX,
        K::WithdrawalRequested | K::WithdrawalRefused => WithdrawalId::PREFIX,
        K::MandateGranted => MandateId::PREFIX,
        K::DisputeOpened => DisputeId::PREFIX,
        K::CorrectionProposed => CorrectionId::PREFIX,
        _ => CommandId::PREFIX,
    };
    format!("{prefix}_{:032x}", id.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_only_as_it_is_written() {
        let text = "pay_0123456789ab7fffbfffffffffffffff";
        let id: PaymentId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        for bad in [
            "pay_01234567-89ab-7fff-bfff-ffffffffffff",
            "pay_0123456789AB7fffbfffffffffffffff",
            "wal_0123456789ab7fffbfffffffffffffff",
            "pay_00000000000000000000000000000000",
            "0123456789ab7fffbfffffffffffffff",
            "",
        ] {
            assert!(bad.parse::<PaymentId>().is_err(), "{bad}");
        }
    }
}
