//! What check digits are made of.

use super::NumberError;

pub(super) fn length(text: &str, expected: &'static str) -> NumberError {
    let found = text.chars().count();
    NumberError::Length { found, expected }
}

/// The digits of a text of that many, said in words for the error.
pub(super) fn digits<const N: usize>(
    text: &str,
    expected: &'static str,
) -> Result<[u8; N], NumberError> {
    let bytes = <[u8; N]>::try_from(text.as_bytes()).map_err(|_| length(text, expected))?;
    all_digits(text)?;
    Ok(bytes.map(|byte| byte - b'0'))
}

pub(super) fn all_digits(text: &str) -> Result<(), NumberError> {
    match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        None => Ok(()),
        Some((at, found)) => Err(NumberError::Character {
            found,
            place: at + 1,
            expected: "a digit",
        }),
    }
}

/// The text as a number; asks for digits, at most 19.
pub(super) fn value(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(*digit))
}

/// The sum of digits by their weights.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    let products = digits.iter().zip(weights);
    products
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

pub(super) fn right(is_right: bool) -> Result<(), NumberError> {
    if is_right {
        Ok(())
    } else {
        Err(NumberError::CheckDigit)
    }
}

pub(super) fn part(is_right: bool, what: &'static str) -> Result<(), NumberError> {
    if is_right {
        Ok(())
    } else {
        Err(NumberError::Part { what })
    }
}

/// Luhn's sum, modulo 10: zero if the last digit is the check digit.
pub(super) fn luhn(digits: &[u8]) -> u32 {
    let sum = digits.iter().rev().enumerate().map(|(at, digit)| {
        let digit = u32::from(*digit);
        match (at % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        }
    });
    sum.sum::<u32>() % 10
}

/// ISO/IEC 7064 MOD 11,10: whether the last digit is the check digit.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((check, rest)) = digits.split_last() else {
        return false;
    };
    let mut product = 10;
    for digit in rest {
        let sum = (product + u32::from(*digit)) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    (product + u32::from(*check)) % 10 == 1
}

/// ISO/IEC 7064 MOD 97-10 over letters (A is 10) and digits.
pub(super) fn mod_97(text: impl Iterator<Item = char>) -> u32 {
    text.filter_map(|c| c.to_digit(36)).fold(0, |rest, value| {
        let shift = if value > 9 { 100 } else { 10 };
        (rest * shift + value) % 97
    })
}

/// Whether a day is one of the calendar.
pub(super) fn is_day(year: i32, month: u32, day: u32) -> bool {
    let month_day = u8::try_from(month).ok().zip(u8::try_from(day).ok());
    month_day.is_some_and(|(month, day)| crate::Date::new(year, month, day).is_some())
}
