//! What can go wrong with money, each with a stable code and a message that says what to do.
//!
//! Errors own no heap memory, so that refusing is as cheap as accepting.

use thiserror::Error;

/// Why an operation on money was refused. Whoever receives one may rely on nothing having changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// The text has no characters.
    #[error("the amount is empty; write a decimal number such as \"0.25\"")]
    Empty,
    /// A character that a plain decimal number does not have: a sign, an exponent, a space, a
    /// thousands separator, a digit outside ASCII, a second point.
    #[error(
        "unexpected character {found:?} at byte {position}; use only the digits 0-9 and one point"
    )]
    InvalidCharacter {
        /// Offset in bytes from the start of the text.
        position: usize,
        /// The character found there.
        found: char,
    },
    /// No digit before the point, or none after it.
    #[error(
        "a digit is missing at byte {position}; write \"0.5\" not \".5\", and \"1\" not \"1.\""
    )]
    MissingDigit {
        /// Offset in bytes at which a digit was expected.
        position: usize,
    },
    /// A number that starts with a zero it does not need, such as `00.5`.
    #[error("the number starts with an unneeded zero; write \"0.5\" not \"00.5\"")]
    LeadingZero,
    /// Minus zero.
    #[error("zero has no sign; write \"0\"")]
    NegativeZero,
    /// More digits after the point than the asset or the rate can hold, zeros included.
    #[error(
        "more than {max_decimals} digits after the point; shorten the number, it is never rounded"
    )]
    TooPrecise {
        /// The most digits that may follow the point.
        max_decimals: u8,
    },
    /// The number is greater than its type holds.
    #[error("the number is too large to hold; use a smaller one")]
    TooLarge,
    /// An intermediate or final result does not fit.
    #[error("the result is too large to hold; use smaller amounts or a smaller ratio")]
    Overflow,
    /// Not an asset code.
    #[error("not an asset code; use 2 to 8 characters A-Z and 0-9 that start with a letter")]
    InvalidAssetCode,
    /// More decimals than an asset may have.
    #[error("a scale of {found} decimals; use 0 to 9")]
    InvalidScale {
        /// The scale that was given.
        found: u8,
    },
    /// More than the whole.
    #[error("{found} parts per million; use 0 to 1000000")]
    InvalidPpm {
        /// The parts per million that were given.
        found: u32,
    },
    /// Not the name of a rounding.
    #[error("not a rounding; use \"half_even\", \"up\" or \"down\"")]
    UnknownRounding,
    /// There are not as many places for results as there are inputs.
    #[error("{inputs} parts but room for {outputs}; give slices of one length")]
    LengthMismatch {
        /// How many weights or parts were given.
        inputs: usize,
        /// How many results there was room for.
        outputs: usize,
    },
    /// Nobody to give the money to.
    #[error("every weight is zero; give at least one that is not")]
    NoWeight,
    /// A reversal of more than is left to reverse.
    #[error("{more} more after {so_far} exceeds the total {total}; reverse at most what is left")]
    ReversalExceedsTotal {
        /// Already reversed, in atoms.
        so_far: u64,
        /// Asked to be reversed now, in atoms.
        more: u64,
        /// The sum of the parts, in atoms.
        total: u128,
    },
    /// An exchange rate of zero.
    #[error("an exchange rate of zero; give a positive one")]
    ZeroRate,
    /// An exchange rate that is no ratio of two `u64`.
    #[error("the exchange rate does not fit a ratio of 64-bit integers; give fewer digits")]
    RateOutOfRange,
}

impl MoneyError {
    /// The stable name of the error, in snake case. It never changes once released.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "amount_empty",
            Self::InvalidCharacter { .. } => "amount_invalid_character",
            Self::MissingDigit { .. } => "amount_missing_digit",
            Self::LeadingZero => "amount_leading_zero",
            Self::NegativeZero => "amount_negative_zero",
            Self::TooPrecise { .. } => "amount_too_precise",
            Self::TooLarge => "amount_too_large",
            Self::Overflow => "amount_overflow",
            Self::InvalidAssetCode => "asset_code_invalid",
            Self::InvalidScale { .. } => "asset_scale_invalid",
            Self::InvalidPpm { .. } => "ppm_invalid",
            Self::UnknownRounding => "rounding_unknown",
            Self::LengthMismatch { .. } => "allocation_length_mismatch",
            Self::NoWeight => "allocation_no_weight",
            Self::ReversalExceedsTotal { .. } => "reversal_exceeds_total",
            Self::ZeroRate => "rate_zero",
            Self::RateOutOfRange => "rate_out_of_range",
        }
    }
}
