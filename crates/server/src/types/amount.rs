//! Amounts on the wire: decimal strings with their asset, never numbers.

use money::{Asset, AssetCode, Atoms, MoneyError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Digits before the point: enough for the largest amount of the assets with the fewest decimals.
const WHOLE_DIGITS_MAX: usize = 20;
const TEXT_MAX: usize = WHOLE_DIGITS_MAX + 1 + 9;

/// The code of an asset on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssetText(pub AssetCode);

impl PartialSchema for AssetText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "The code of an asset: a currency, a stablecoin, points.",
            ))
            .pattern(Some("^[A-Z][A-Z0-9]{1,7}$"))
            .examples(["EUR"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for AssetText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("AssetCode")
    }
}

/// A positive decimal number as text; its digits are checked here, its range with the asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal(pub String);

impl Decimal {
    /// The atoms of an asset.
    ///
    /// # Errors
    /// [`MoneyError::TooPrecise`], [`MoneyError::TooLarge`].
    pub fn atoms(&self, asset: &Asset) -> Result<Atoms, MoneyError> {
        asset.parse(&self.0)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Whether the text is a plain decimal number of so many digits at most.
pub(crate) fn is_decimal(text: &str, whole_max: usize, decimals_max: usize) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |t: &str, max: usize| {
        !t.is_empty() && t.len() <= max && t.bytes().all(|b| b.is_ascii_digit())
    };
    digits(whole, whole_max)
        && digits(part, decimals_max)
        && (whole == "0" || !whole.starts_with('0'))
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_decimal(&text, WHOLE_DIGITS_MAX, 9) {
            Ok(Decimal(text))
        } else {
            Err(serde::de::Error::custom(
                "an amount is a decimal number in a string, such as \"0.0025\": digits and at most one point, \
                 at most 9 decimals, no sign, no exponent, no unneeded zero in front",
            ))
        }
    }
}

impl PartialSchema for Decimal {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A decimal number in units of its asset. More decimals than the asset has are an error, \
                 never a rounding.",
            ))
            .pattern(Some(format!("^(0|[1-9][0-9]{{0,{}}})(\\.[0-9]{{1,9}})?$", WHOLE_DIGITS_MAX - 1)))
            .min_length(Some(1))
            .max_length(Some(TEXT_MAX))
            .examples(["0.0025"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Decimal {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Decimal")
    }
}

/// A decimal number that may be negative, in answers and corrections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Signed(pub String);

impl<'de> Deserialize<'de> for Signed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_decimal(text.strip_prefix('-').unwrap_or(&text), WHOLE_DIGITS_MAX, 9) {
            Ok(Signed(text))
        } else {
            Err(serde::de::Error::custom(
                "a decimal number in a string, such as \"-0.0025\"",
            ))
        }
    }
}

impl PartialSchema for Signed {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A decimal number in units of its asset that may be negative.",
            ))
            .pattern(Some("^-?(0|[1-9][0-9]{0,38})(\\.[0-9]{1,9})?$"))
            .max_length(Some(50))
            .examples(["-0.0025"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Signed {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SignedDecimal")
    }
}

/// How much of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// How much.
    pub amount: Decimal,
    /// Of what.
    pub asset: AssetText,
}

impl Amount {
    /// Atoms as they are shown.
    pub fn of(asset: &Asset, atoms: u64) -> Amount {
        Amount {
            amount: Decimal(asset.format(Atoms(atoms))),
            asset: AssetText(asset.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_a_plain_one() {
        let read = |text: &str| serde_json::from_value::<Decimal>(serde_json::json!(text));
        for good in [
            "0",
            "0.0",
            "12",
            "0.000000001",
            "12.50",
            "18446744073709551615",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".5",
            "1.",
            "00.5",
            "01",
            "-1",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "0.0000000001",
            "1.2.3",
            "٣",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(
            serde_json::from_value::<Decimal>(serde_json::json!(1)).is_err(),
            "never a number"
        );
    }
}
