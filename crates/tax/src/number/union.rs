//! VAT numbers of the member states (Directive 2006/112/EC art. 214, 215; formats: the Commission's
//! VIES pages; check digits: the national authorities').

use super::Checked;
use super::NumberError;
use super::digits::*;

pub(super) fn at(text: &str) -> Checked {
    part(
        text.starts_with('U'),
        "an Austrian number has a U before its eight digits",
    )?;
    let d: [u8; 8] = digits(&text[1..], "U and 8 digits")?;
    // Luhn's sum of the first seven, with 4 added.
    right((luhn(&d[..7]) + 4 + u32::from(d[7])).is_multiple_of(10))
}

pub(super) fn be(text: &str) -> Checked {
    let d: [u8; 10] = digits(text, "10 digits")?;
    part(d[0] < 2, "a Belgian number starts with 0 or 1")?;
    part(d[..8] != [0; 8], "the digits before the check are all zero")?;
    right(97 - value(&d[..8]) % 97 == value(&d[8..]))
}

pub(super) fn bg(text: &str) -> Checked {
    if text.len() == 9 {
        let d: [u8; 9] = digits(text, "9 or 10 digits")?;
        let mut check = weighted(&d[..8], &[1, 2, 3, 4, 5, 6, 7, 8]) % 11;
        if check == 10 {
            check = weighted(&d[..8], &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10;
        }
        return right(check == u32::from(d[8]));
    }
    let d: [u8; 10] = digits(text, "9 or 10 digits")?;
    let check = u32::from(d[9]);
    // A person's number (with the day of birth), a foreigner's, or another's.
    let (year, month, day) = (
        value(&d[..2]) as i32,
        value(&d[2..4]) as u32,
        value(&d[4..6]) as u32,
    );
    let (year, month) = match month {
        41.. => (2000 + year, month - 40),
        21.. => (1800 + year, month - 20),
        _ => (1900 + year, month),
    };
    let person = weighted(&d, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    let foreigner = weighted(&d, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10;
    let other = (11 - weighted(&d, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    right(person == check && is_day(year, month, day) || foreigner == check || other == check)
}

pub(super) fn cy(text: &str) -> Checked {
    let Some((check, number)) = text.as_bytes().split_last() else {
        return Err(NumberError::Empty);
    };
    part(
        check.is_ascii_uppercase(),
        "a Cypriot number ends with a letter",
    )?;
    let d: [u8; 8] = digits(&text[..number.len()], "8 digits and a letter")?;
    part(d[..2] != [1, 2], "a Cypriot number does not start with 12")?;
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let sum = d.iter().enumerate().map(|(at, digit)| match at % 2 {
        0 => ODD[usize::from(*digit)],
        _ => u32::from(*digit),
    });
    right(u32::from(check - b'A') == sum.sum::<u32>() % 26)
}

pub(super) fn cz(text: &str) -> Checked {
    const EXPECTED: &str = "8, 9 or 10 digits";
    const WEIGHTS: [u32; 7] = [8, 7, 6, 5, 4, 3, 2];
    all_digits(text)?;
    match text.len() {
        8 => {
            let d: [u8; 8] = digits(text, EXPECTED)?;
            part(
                d[0] != 9,
                "a Czech number of eight digits does not start with 9",
            )?;
            let check = 11 - weighted(&d[..7], &WEIGHTS) % 11;
            // 10 gives 0, 11 gives 1.
            right(check % 10 == u32::from(d[7]))
        }
        9 if text.starts_with('6') => {
            let d: [u8; 9] = digits(text, EXPECTED)?;
            let left = 11 - weighted(&d[1..8], &WEIGHTS) % 11;
            right((19 - left) % 10 == u32::from(d[8]))
        }
        9 | 10 => birth_number(text),
        _ => Err(length(text, EXPECTED)),
    }
}

/// The Czech and Slovak birth number: the day of birth, and from 1954 a check digit.
fn birth_number(text: &str) -> Checked {
    let d: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
    let year = value(&d[..2]) as i32;
    let month = (value(&d[2..4]) % 50) as u32;
    let month = if month > 20 { month - 20 } else { month };
    part(
        d.len() == 10 || !(54..80).contains(&year),
        "from 1954 it has ten digits",
    )?;
    let year = match (d.len(), year) {
        (9, 80..) => 1800 + year,
        (9, _) => 1900 + year,
        (_, 54..) => 1900 + year,
        _ => 2000 + year,
    };
    let day = value(&d[4..6]) as u32;
    part(
        is_day(year, month, day),
        "it holds a day of birth that is none",
    )?;
    if d.len() == 9 {
        return Ok(());
    }
    let check = value(&d[..9]) % 11;
    // Until 1985 a remainder of 10 was written as 0.
    let check = if year < 1985 { check % 10 } else { check };
    right(check == u64::from(d[9]))
}

pub(super) fn de(text: &str) -> Checked {
    let d: [u8; 9] = digits(text, "9 digits")?;
    part(d[0] != 0, "a German number does not start with 0")?;
    right(mod_11_10(&d))
}

pub(super) fn dk(text: &str) -> Checked {
    let d: [u8; 8] = digits(text, "8 digits")?;
    part(d[0] != 0, "a Danish number does not start with 0")?;
    right(weighted(&d, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

pub(super) fn ee(text: &str) -> Checked {
    let d: [u8; 9] = digits(text, "9 digits")?;
    right(weighted(&d, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10))
}

pub(super) fn es(text: &str) -> Checked {
    const EXPECTED: &str = "9 letters and digits";
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let bytes = <[u8; 9]>::try_from(text.as_bytes()).map_err(|_| length(text, EXPECTED))?;
    let (first, check) = (bytes[0], bytes[8]);
    let middle: [u8; 7] = digits(&text[1..8], EXPECTED)?;
    let letter = |number: u64| LETTERS[(number % 23) as usize] == check;
    let seven = value(&middle);
    match first {
        // A citizen, and a foreigner.
        b'0'..=b'9' => right(letter(u64::from(first - b'0') * 10_000_000 + seven)),
        b'X'..=b'Z' => right(letter(u64::from(first - b'X') * 10_000_000 + seven)),
        // Persons without either.
        b'K' | b'L' | b'M' => right(letter(seven)),
        // Everybody else: companies, associations, offices.
        b'A'..=b'H' | b'J' | b'N' | b'P'..=b'S' | b'U' | b'V' | b'W' => {
            let mut all = [0; 8];
            all[..7].copy_from_slice(&middle);
            let digit = (10 - luhn(&all)) % 10;
            let as_digit = check == b'0' + digit as u8;
            let as_letter = check == b"JABCDEFGHI"[digit as usize];
            right(match first {
                b'A' | b'B' | b'E' | b'H' => as_digit,
                b'P' | b'Q' | b'R' | b'S' | b'N' | b'W' => as_letter,
                _ => as_digit || as_letter,
            })
        }
        _ => part(false, "a Spanish number does not start with that letter"),
    }
}

pub(super) fn fi(text: &str) -> Checked {
    let d: [u8; 8] = digits(text, "8 digits")?;
    right(weighted(&d, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11))
}

pub(super) fn fr(text: &str) -> Checked {
    const EXPECTED: &str = "2 characters and 9 digits";
    let (key, siren) = text.split_at_checked(2).ok_or(length(text, EXPECTED))?;
    if text.len() != 11 {
        return Err(length(text, EXPECTED));
    }
    let d: [u8; 9] = digits(siren, EXPECTED)?;
    // Monaco's have no SIREN behind them.
    if d[..3] != [0, 0, 0] {
        right(luhn(&d) == 0)?;
    }
    let siren = value(&d);
    let key = key.as_bytes();
    if key.iter().all(u8::is_ascii_digit) {
        let key = value(&[key[0] - b'0', key[1] - b'0']);
        return right((siren * 100 + 12) % 97 == key);
    }
    const ALPHABET: &[u8; 34] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let place = |c: u8| ALPHABET.iter().position(|a| *a == c).map(|at| at as u64);
    let (Some(first), Some(second)) = (place(key[0]), place(key[1])) else {
        return part(false, "a French number's key has no I and no O");
    };
    let check = if key[0].is_ascii_digit() {
        first * 24 + second - 10
    } else {
        first * 34 + second - 100
    };
    right((siren + 1 + check / 11) % 11 == check % 11)
}

pub(super) fn gr(text: &str) -> Checked {
    let d: [u8; 9] = digits(text, "9 digits")?;
    let sum = weighted(&d[..8], &[256, 128, 64, 32, 16, 8, 4, 2]);
    right(sum % 11 % 10 == u32::from(d[8]))
}

pub(super) fn hr(text: &str) -> Checked {
    let d: [u8; 11] = digits(text, "11 digits")?;
    right(mod_11_10(&d))
}

pub(super) fn hu(text: &str) -> Checked {
    let d: [u8; 8] = digits(text, "8 digits")?;
    right(weighted(&d, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10))
}

pub(super) fn ie(text: &str) -> Checked {
    const EXPECTED: &str = "7 digits and 1 or 2 letters";
    let bytes = text.as_bytes();
    if bytes.len() != 8 && bytes.len() != 9 {
        return Err(length(text, EXPECTED));
    }
    let mut d = [0; 7];
    let second = bytes[1];
    if second.is_ascii_digit() {
        d = digits(&text[..7], EXPECTED)?;
    } else {
        // The older form: what is now the first five digits stood after a letter or sign.
        let signs = second.is_ascii_uppercase() || second == b'+' || second == b'*';
        part(
            signs && bytes.len() == 8,
            "an older Irish number has 8 characters",
        )?;
        d[1..6].copy_from_slice(&digits::<5>(&text[2..7], EXPECTED)?);
        d[6] = digits::<1>(&text[..1], EXPECTED)?[0];
    }
    const LETTERS: &[u8; 23] = b"WABCDEFGHIJKLMNOPQRSTUV";
    let extra = match bytes.get(8) {
        None => Some(0),
        Some(last) => LETTERS.iter().position(|letter| letter == last),
    };
    let Some(extra) = extra else {
        return part(false, "its last character is a letter from A to W");
    };
    let sum = weighted(&d, &[8, 7, 6, 5, 4, 3, 2]) + extra as u32 * 9;
    right(bytes[7] == LETTERS[(sum % 23) as usize])
}

pub(super) fn it(text: &str) -> Checked {
    let d: [u8; 11] = digits(text, "11 digits")?;
    part(
        d[..7] != [0; 7],
        "the digits before the office are all zero",
    )?;
    let office = value(&d[7..10]);
    let known = matches!(office, 1..=100 | 120 | 121 | 888 | 999);
    part(known, "digits 8 to 10 name no office")?;
    right(luhn(&d) == 0)
}

pub(super) fn lt(text: &str) -> Checked {
    const EXPECTED: &str = "9 or 12 digits";
    all_digits(text)?;
    if text.len() != 9 && text.len() != 12 {
        return Err(length(text, EXPECTED));
    }
    let d: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
    part(
        d[d.len() - 2] == 1,
        "the digit before the last is 1 in a Lithuanian number",
    )?;
    let sum = |shift: usize| {
        let digits = d[..d.len() - 1].iter().enumerate();
        digits
            .map(|(at, digit)| u32::from(*digit) * (1 + (at + shift) % 9) as u32)
            .sum::<u32>()
    };
    let mut check = sum(0) % 11;
    if check == 10 {
        check = sum(2) % 11 % 10;
    }
    right(check == u32::from(d[d.len() - 1]))
}

pub(super) fn lu(text: &str) -> Checked {
    let d: [u8; 8] = digits(text, "8 digits")?;
    right(value(&d[..6]) % 89 == value(&d[6..]))
}

pub(super) fn lv(text: &str) -> Checked {
    let d: [u8; 11] = digits(text, "11 digits")?;
    if d[0] > 3 {
        return right(weighted(&d, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3);
    }
    // A person's code: it starts with the day of birth, or, since 2017, with 32 and no day.
    if d[..2] != [3, 2] {
        let year = value(&d[4..6]) as i32 + 1800 + i32::from(d[6]) * 100;
        let day = is_day(year, value(&d[2..4]) as u32, value(&d[..2]) as u32);
        part(day, "it holds a day of birth that is none")?;
    }
    let check = 1 + weighted(&d, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    right(check % 11 % 10 == u32::from(d[10]))
}

pub(super) fn mt(text: &str) -> Checked {
    let d: [u8; 8] = digits(text, "8 digits")?;
    part(d[0] != 0, "a Maltese number does not start with 0")?;
    right(weighted(&d, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37))
}

pub(super) fn nl(text: &str) -> Checked {
    const EXPECTED: &str = "9 digits, B and 2 digits";
    if text.len() != 12 || !text.is_ascii() {
        return Err(length(text, EXPECTED));
    }
    part(
        text.as_bytes()[9] == b'B',
        "a Dutch number has a B after nine digits",
    )?;
    let d: [u8; 9] = digits(&text[..9], EXPECTED)?;
    let suffix: [u8; 2] = digits(&text[10..], EXPECTED)?;
    part(
        value(&d) > 0 && value(&suffix) > 0,
        "a part of it is all zeros",
    )?;
    // A company's holds its fiscal number; since 2020 a person's is checked as a whole.
    let sum = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    let fiscal = sum % 11 == u32::from(d[8]);
    right(fiscal || mod_97("NL".chars().chain(text.chars())) == 1)
}

pub(super) fn pl(text: &str) -> Checked {
    let d: [u8; 10] = digits(text, "10 digits")?;
    let check = weighted(&d[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
    right(check == u32::from(d[9]))
}

pub(super) fn pt(text: &str) -> Checked {
    let d: [u8; 9] = digits(text, "9 digits")?;
    part(d[0] != 0, "a Portuguese number does not start with 0")?;
    let check = (11 - weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10;
    right(check == u32::from(d[8]))
}

pub(super) fn ro(text: &str) -> Checked {
    all_digits(text)?;
    if !(2..=10).contains(&text.len()) {
        return Err(length(text, "2 to 10 digits"));
    }
    part(
        !text.starts_with('0'),
        "a Romanian number does not start with 0",
    )?;
    let d: [u8; 10] = digits(&format!("{text:0>10}"), "2 to 10 digits")?;
    let sum = weighted(&d[..9], &[7, 5, 3, 2, 1, 7, 5, 3, 2]);
    right(sum * 10 % 11 % 10 == u32::from(d[9]))
}

pub(super) fn se(text: &str) -> Checked {
    let d: [u8; 12] = digits(text, "12 digits")?;
    part(d[10..] == [0, 1], "a Swedish number ends with 01")?;
    right(luhn(&d[..10]) == 0)
}

pub(super) fn si(text: &str) -> Checked {
    let d: [u8; 8] = digits(text, "8 digits")?;
    part(d[0] != 0, "a Slovenian number does not start with 0")?;
    let check = 11 - weighted(&d[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11;
    // 10 gives 0; 11 is no number.
    right(check < 11 && check % 10 == u32::from(d[7]))
}

pub(super) fn sk(text: &str) -> Checked {
    let d: [u8; 10] = digits(text, "10 digits")?;
    let shape = d[0] != 0 && matches!(d[2], 2 | 3 | 4 | 7 | 8 | 9);
    part(
        shape,
        "a Slovak number does not start with 0, and its third digit is 2 to 4 or 7 to 9",
    )?;
    right(value(&d).is_multiple_of(11))
}
