//! Tax numbers, valid and broken, compared with PyPI's `python-stdnum` run as a process of its own.
//!
//! It is installed into a virtual environment of the target folder when `python3` and `pip` are
//! there; else the test says so and passes. It is a checker, never a dependency.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tax::number;

/// Reads `CC number` lines, and answers each with 1 or 0.
const CHECKER: &str = r#"
import sys
from stdnum import eu, get_cc_module
import stdnum.eu.vat, stdnum.gb.vat, stdnum.ch.vat, stdnum.ch.uid, stdnum.no.mva, stdnum.no.orgnr
import stdnum.kr.brn, stdnum.jp.cn, stdnum.au.abn, stdnum.nz.ird, stdnum.sg.uen, stdnum.in_.gstin
others = {
    "GB": stdnum.gb.vat, "XI": stdnum.gb.vat, "CH": stdnum.ch.uid, "NO": stdnum.no.orgnr,
    "KR": stdnum.kr.brn, "JP": stdnum.jp.cn, "AU": stdnum.au.abn, "NZ": stdnum.nz.ird,
    "SG": stdnum.sg.uen, "IN": stdnum.in_.gstin,
}
for line in sys.stdin:
    country, number = line.split()
    if country in others:
        if country == "CH":
            number = "CHE" + number
        print(int(others[country].is_valid(number)))
    else:
        print(int(stdnum.eu.vat.is_valid(("EL" if country == "GR" else country) + number)))
"#;

/// The shapes of each country's numbers: 9 is any digit, A any letter, the rest stands for itself.
const SHAPES: &[(&str, &[&str])] = &[
    ("AT", &["U99999999"]),
    ("BE", &["0999999999", "1999999999"]),
    ("BG", &["999999999", "9999999999", "7501999999"]),
    ("CY", &["99999999A", "10000999A"]),
    (
        "CZ",
        &[
            "99999999",
            "699999999",
            "7101999999",
            "530101999",
            "8551019999",
            "0521019999",
        ],
    ),
    ("DE", &["999999999"]),
    ("DK", &["99999999"]),
    ("EE", &["999999999"]),
    (
        "ES",
        &[
            "A9999999A",
            "A99999999",
            "99999999A",
            "X9999999A",
            "Z9999999A",
            "K9999999A",
            "B99999999",
        ],
    ),
    ("FI", &["99999999"]),
    (
        "FR",
        &[
            "99999999999",
            "A9999999999",
            "9A999999999",
            "AA999999999",
            "99000099999",
        ],
    ),
    ("GR", &["999999999", "099999999"]),
    ("HR", &["99999999999"]),
    ("HU", &["99999999"]),
    ("IE", &["9999999A", "9999999AA", "9A99999A", "9+99999A"]),
    ("IT", &["99999990019", "99999999999", "99999991209"]),
    ("LT", &["999999919", "999999999919", "999999999"]),
    ("LU", &["99999999"]),
    (
        "LV",
        &["99999999999", "40099999999", "01018519999", "16117519997"],
    ),
    ("MT", &["99999999"]),
    ("NL", &["999999999B99"]),
    ("PL", &["9999999999"]),
    ("PT", &["999999999"]),
    ("RO", &["9999999999", "99999999", "999999", "99"]),
    ("SE", &["999999999901", "999999999999"]),
    ("SI", &["99999999"]),
    ("SK", &["9999999999", "2029999999"]),
    ("GB", &["999999999", "999999999999", "GD999", "HA999"]),
    ("XI", &["999999999"]),
    ("CH", &["999999999"]),
    ("NO", &["999999999"]),
    ("KR", &["9999999999", "1019999999"]),
    ("JP", &["9999999999999"]),
    ("AU", &["99999999999"]),
    ("NZ", &["99999999", "199999999", "999999999"]),
    (
        "SG",
        &["99999999A", "199999999A", "T99LL9999A", "S99FC9999A"],
    ),
    (
        "IN",
        &["27AAPFU9999F1ZA", "07AAACA9999A1Z9", "99AAACA9999A1ZA"],
    ),
];

/// A small generator of its own, so that every run asks the same.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn of(&mut self, alphabet: &[u8]) -> char {
        char::from(alphabet[self.below(alphabet.len() as u64) as usize])
    }

    fn shaped(&mut self, shape: &str) -> String {
        let drawn = shape.chars().map(|c| match c {
            '9' => self.of(b"0123456789"),
            'A' => self.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            other => other,
        });
        drawn.collect()
    }

    /// With one character changed for another of its kind.
    fn broken(&mut self, number: &str) -> String {
        let at = self.below(number.len() as u64) as usize;
        let changed = number.char_indices().map(|(place, c)| match c {
            _ if place != at => c,
            '0'..='9' => self.of(b"0123456789"),
            _ => self.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        });
        changed.collect()
    }
}

fn is_valid(country: &str, number: &str) -> bool {
    number::check(country.parse().unwrap(), number).is_ok()
}

/// Numbers of every country: as they come, valid ones among them, and those broken.
fn numbers() -> Vec<(&'static str, String)> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut all = Vec::new();
    for (country, shapes) in SHAPES {
        for shape in *shapes {
            let (mut valid, mut drawn) = (0, 0);
            while drawn < 200 || (valid < 25 && drawn < 20_000) {
                let number = random.shaped(shape);
                drawn += 1;
                let is_valid = is_valid(country, &number);
                if is_valid {
                    valid += 1;
                    all.push((*country, random.broken(&number)));
                }
                if is_valid || drawn <= 200 {
                    all.push((*country, number));
                }
            }
        }
    }
    all
}

#[test]
fn valid_and_broken_numbers_of_every_state_agree_with_python_stdnum() {
    let Some(python) = checker() else {
        return;
    };
    let all = numbers();
    let lines: String = all
        .iter()
        .map(|(country, number)| format!("{country} {number}\n"))
        .collect();
    let mut child = Command::new(python)
        .args(["-c", CHECKER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<bool> = answers.lines().map(|line| line == "1").collect();
    assert_eq!(answers.len(), all.len());

    let mut wrong = Vec::new();
    for ((country, number), theirs) in all.iter().zip(&answers) {
        let ours = is_valid(country, number);
        if ours != *theirs && !may_differ(country, number, ours) {
            wrong.push(format!("{country} {number}: here {ours}, there {theirs}"));
        }
    }
    let valid = answers.iter().filter(|valid| **valid).count();
    println!("{} numbers compared, {valid} of them valid", all.len());
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(valid >= 1_000 && all.len() - valid >= 1_000);
    for (country, _) in SHAPES {
        let of_country = all
            .iter()
            .zip(&answers)
            .filter(|((c, _), valid)| c == country && **valid);
        assert!(
            of_country.count() >= 20,
            "{country} has too few valid numbers"
        );
    }
    let known: Vec<String> = number::countries().map(|c| c.to_string()).collect();
    assert!(
        known
            .iter()
            .all(|c| SHAPES.iter().any(|(shape, _)| shape == c))
    );
}

/// Where the other implementation asks less, or more.
fn may_differ(country: &str, number: &str, ours: bool) -> bool {
    let first = number.as_bytes()[0];
    match (country, ours) {
        // It does not compute Korea's check digit.
        ("KR", false) => true,
        // It takes 98 and 99 for 1 and 2.
        ("BE", false) => &number[8..] > "97",
        // It takes either kind of control character of every kind of entity.
        ("ES", false) => b"ABEHNPQRSW".contains(&first),
        // It takes months that no year has, and the check digit of before 1985 after it; and Czech
        // birth numbers for Slovak tax numbers.
        ("CZ", false) => number.len() > 8 && first != b'6',
        ("SK", false) => true,
        // It does not know Ladakh, other territory and the centre.
        ("IN", true) => matches!(&number[..2], "38" | "97" | "99"),
        // It has a clock, and refuses years to come.
        ("SG", true) => matches!(first, b'S' | b'T') && &number[1..3] > "25" || first == b'2',
        _ => false,
    }
}

/// A Python with `python-stdnum`, or none, said aloud.
fn checker() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stdnum-venv");
    let python = venv.join("bin").join("python");
    let has_it = |python: &Path| {
        let tried = Command::new(python)
            .args(["-c", "import stdnum.eu.vat"])
            .output();
        tried.is_ok_and(|output| output.status.success())
    };
    if has_it(&python) {
        return Some(python);
    }
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&venv)
        .output();
    let installed = made
        .ok()
        .filter(|output| output.status.success())
        .and_then(|_| {
            let arguments = ["-m", "pip", "install", "--quiet", "python-stdnum==2.2"];
            Command::new(&python).args(arguments).output().ok()
        });
    if installed.is_some_and(|output| output.status.success()) && has_it(&python) {
        return Some(python);
    }
    println!("skipped: python3 with pip, and python-stdnum from PyPI, could not be had");
    None
}
