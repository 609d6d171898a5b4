//! Tax numbers of countries outside the Union.

use super::Checked;
use super::digits::*;

/// United Kingdom, and Northern Ireland's `XI`: HMRC's VAT numbers modulo 97 and 97-55; government
/// departments and health authorities.
pub(super) fn gb(text: &str) -> Checked {
    const EXPECTED: &str = "9 or 12 digits, or GD or HA and 3 digits";
    if let Some(office) = text.strip_prefix("GD") {
        let d: [u8; 3] = digits(office, EXPECTED)?;
        return part(value(&d) < 500, "a department's number is below 500");
    }
    if let Some(office) = text.strip_prefix("HA") {
        let d: [u8; 3] = digits(office, EXPECTED)?;
        return part(
            value(&d) >= 500,
            "a health authority's number is 500 or above",
        );
    }
    all_digits(text)?;
    if text.len() != 9 && text.len() != 12 {
        return Err(length(text, EXPECTED));
    }
    let d: [u8; 9] = digits(&text[..9], EXPECTED)?;
    part(value(&d) > 0, "it is all zeros")?;
    let sum = weighted(&d, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97;
    // 42 is the remainder of 97-55; 55 is not in HMRC's words, but others accept it, and to refuse a
    // number that exists is worse than to ask the authority about one that does not.
    right(sum == 0 || matches!(sum, 42 | 55) && value(&d[..3]) >= 100)
}

/// Switzerland: the UID, modulo 11.
pub(super) fn ch(text: &str) -> Checked {
    let d: [u8; 9] = digits(text, "9 digits after CHE")?;
    let check = (11 - weighted(&d[..8], &[5, 4, 3, 2, 7, 6, 5, 4]) % 11) % 11;
    right(check == u32::from(d[8]))
}

/// Norway: the organisation number, modulo 11.
pub(super) fn no(text: &str) -> Checked {
    let d: [u8; 9] = digits(text, "9 digits")?;
    let check = (11 - weighted(&d[..8], &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    right(check == u32::from(d[8]))
}

/// South Korea: the business registration number.
pub(super) fn kr(text: &str) -> Checked {
    let d: [u8; 10] = digits(text, "10 digits")?;
    part(value(&d[..3]) >= 101, "the office's number is 101 or above")?;
    part(d[3..5] != [0, 0], "digits 4 and 5 are not both zero")?;
    part(d[5..9] != [0; 4], "digits 6 to 9 are not all zero")?;
    let sum = weighted(&d[..9], &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + u32::from(d[8]) * 5 / 10;
    right((10 - sum % 10) % 10 == u32::from(d[9]))
}

/// Japan: T and thirteen digits, of which the first is the check digit (Order on corporate numbers,
/// modulo 9).
pub(super) fn jp(text: &str) -> Checked {
    let d: [u8; 13] = digits(text, "T and 13 digits")?;
    let sum = weighted(&d[1..], &[2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
    right(9 - sum % 9 == u32::from(d[0]))
}

/// Australia: the ABN, modulo 89 after one is taken from the first digit.
pub(super) fn au(text: &str) -> Checked {
    let mut d: [u8; 11] = digits(text, "11 digits")?;
    part(d[0] != 0, "an ABN does not start with 0")?;
    d[0] -= 1;
    right(weighted(&d, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]).is_multiple_of(89))
}

/// New Zealand: the IRD number, which is the GST number; modulo 11 with a second set of weights.
pub(super) fn nz(text: &str) -> Checked {
    const EXPECTED: &str = "8 or 9 digits";
    all_digits(text)?;
    if text.len() != 8 && text.len() != 9 {
        return Err(length(text, EXPECTED));
    }
    let d: [u8; 9] = digits(&format!("{text:0>9}"), EXPECTED)?;
    let number = value(&d);
    part(
        number > 10_000_000 && number < 150_000_000,
        "the number is not among those given out, 10,000,000 to 150,000,000",
    )?;
    let check = |weights| (11 - weighted(&d[..8], weights) % 11) % 11;
    let mut found = check(&[3, 2, 7, 6, 5, 4, 3, 2]);
    if found == 10 {
        found = check(&[7, 4, 3, 2, 5, 2, 7, 6]);
    }
    right(found == u32::from(d[8]))
}

/// Singapore: the UEN, which is the GST number of most; or a GST number of its own, `M…`, whose check
/// letter IRAS does not publish the rule of.
pub(super) fn sg(text: &str) -> Checked {
    const EXPECTED: &str = "a UEN of 9 or 10 characters";
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'M') && bytes.len() == 10 {
        let shape = bytes[1].is_ascii_alphanumeric() && bytes[9].is_ascii_uppercase();
        part(
            shape,
            "a GST number is M, a letter or digit, 7 digits and a letter",
        )?;
        return digits::<7>(&text[2..9], EXPECTED).map(|_| ());
    }
    let letter = |letters: &[u8; 11], at: u32| Some(&letters[at as usize]) == bytes.last();
    match bytes.len() {
        // A business.
        9 => {
            let d: [u8; 8] = digits(&text[..8], "8 digits and a letter")?;
            let sum = weighted(&d, &[10, 4, 9, 3, 8, 2, 7, 1]);
            right(letter(b"XMKECAWLJDB", sum % 11))
        }
        // A local company; its first four digits are a year.
        10 if bytes[0].is_ascii_digit() => {
            let d: [u8; 9] = digits(&text[..9], "9 digits and a letter")?;
            let sum = weighted(&d, &[10, 8, 6, 4, 9, 7, 5, 3, 1]);
            right(letter(b"ZKCMDNERGWH", sum % 11))
        }
        // Everybody else: a century, the year, the kind, a number.
        10 => {
            part(
                matches!(bytes[0], b'R' | b'S' | b'T'),
                "it starts with R, S, T, M or a digit",
            )?;
            digits::<2>(&text[1..3], EXPECTED)?;
            part(
                bytes[3..5].iter().all(u8::is_ascii_uppercase),
                "its kind is two letters",
            )?;
            digits::<4>(&text[5..9], EXPECTED)?;
            const ALPHABET: &[u8; 33] = b"ABCDEFGHJKLMNPQRSTUVWX0123456789\0";
            let place = |c: &u8| ALPHABET.iter().position(|a| a == c);
            let places: Option<Vec<u8>> =
                bytes.iter().map(|c| place(c).map(|at| at as u8)).collect();
            let Some(places) = places else {
                return part(false, "its kind is no kind of entity");
            };
            let sum = weighted(&places[..9], &[4, 3, 5, 3, 10, 2, 2, 5, 7]);
            right((sum + 11 - 5) % 11 == u32::from(places[9]))
        }
        _ => Err(length(text, EXPECTED)),
    }
}

/// India: the GSTIN: state, PAN, registration, Z, and a check character modulo 36 (CGST Rules 2017
/// rule 10).
pub(super) fn india(text: &str) -> Checked {
    const EXPECTED: &str = "15 letters and digits";
    let bytes = text.as_bytes();
    if bytes.len() != 15 {
        return Err(length(text, EXPECTED));
    }
    let state: [u8; 2] = digits(&text[..2], EXPECTED)?;
    part(
        matches!(value(&state), 1..=38 | 97 | 99),
        "the first two digits name no state",
    )?;
    let pan = &bytes[2..12];
    let letters = pan[..5].iter().all(u8::is_ascii_uppercase) && pan[9].is_ascii_uppercase();
    let shape = letters && pan[5..9].iter().all(u8::is_ascii_digit);
    part(
        shape && b"ABCFGHJKLPT".contains(&pan[3]),
        "characters 3 to 12 are no PAN",
    )?;
    part(pan[5..9] != *b"0000", "the PAN's digits are all zero")?;
    let registration = bytes[12] != b'0' && bytes[12].is_ascii_alphanumeric();
    part(
        registration && bytes[13] == b'Z',
        "characters 13 and 14 are a registration and Z",
    )?;
    let places = text.chars().filter_map(|c| c.to_digit(36));
    let sum = places.enumerate().take(14).map(|(at, place)| {
        let product = place * (1 + at as u32 % 2);
        product / 36 + product % 36
    });
    let check = (36 - sum.sum::<u32>() % 36) % 36;
    right(text.chars().nth(14).and_then(|c| c.to_digit(36)) == Some(check))
}
