//! Base64 as the protocols use it, bounded before it is decoded.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, general_purpose::URL_SAFE_NO_PAD};

/// Clients disagree on padding, so both are read.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD_LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Base64 with padding: what x402's headers are.
#[must_use]
pub fn standard(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Base64url without padding: keys, nonces, signatures, and the `Payment` scheme.
#[must_use]
pub fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Either alphabet, padded or not.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let engine = if text.bytes().any(|byte| matches!(byte, b'-' | b'_')) {
        &URL_LENIENT
    } else {
        &STANDARD_LENIENT
    };
    engine.decode(text).ok()
}

/// Base64url, padded or not: the `Payment` scheme's only alphabet.
#[must_use]
pub fn decode_url(text: &str) -> Option<Vec<u8>> {
    URL_LENIENT.decode(text).ok()
}

/// Exactly `N` bytes of base64url without padding. One spelling each: what is signed as text must
/// not have a second form.
#[must_use]
pub fn decode_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Whether a text is letters, digits, hyphens and underscores, so many of them.
#[must_use]
pub fn is_word(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    length.contains(&text.len()) && text.bytes().all(is_in)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_alphabets_are_read() {
        for text in ["-_8", "-_8=", "+/8=", "+/8"] {
            assert_eq!(decode(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        assert_eq!(decode("no spaces here"), None);
        assert_eq!(decode_exactly::<2>("-_8="), None);
        assert_eq!(decode_exactly::<2>("-_8"), Some([0xfb, 0xff]));
        // The last two bits are not used and must be zero.
        assert_eq!(decode_exactly::<2>("-_9"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,80}") {
            let _ = (decode(&text), decode_exactly::<32>(&text));
        }

        #[test]
        fn bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&standard(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(decode(&url(&bytes)), Some(bytes));
        }
    }
}
