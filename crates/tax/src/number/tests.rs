use super::*;

fn told(text: &str) -> String {
    match check_prefixed(text) {
        Ok(number) => number.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn numbers_are_normalised() {
    for (text, expected) in [
        ("ATU13585627", "ATU13585627"),
        ("be 428 759 497", "BE0428759497"),
        (
            "DE 136,695 976",
            "character 7 is ',', where a letter or digit was expected",
        ),
        ("de136 695 976", "DE136695976"),
        ("EL 094259216", "EL094259216"),
        ("GR094259216", "EL094259216"),
        ("FR 40 303 265 045", "FR40303265045"),
        ("CHE-107.787.577 IVA", "CHE107787577MWST"),
        ("T7000012050002", "T7000012050002"),
        ("GB 980 7806 84", "GB980780684"),
        (
            "NL4495445B01",
            "it has 10 characters after the country; 9 digits, B and 2 digits were expected",
        ),
        (
            "DE136695978",
            "the check digit is wrong: a digit was mistyped",
        ),
        (
            "DE13669597X",
            "character 9 is 'X', where a digit was expected",
        ),
        (
            "123",
            "it does not start with a country, such as DE; name the country",
        ),
        ("  ", "no number was given"),
        ("DE", "no number was given"),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn a_country_may_be_named_instead_of_written() {
    for (country, text, expected) in [
        ("NO", "NO 995 525 828 MVA", Some("995525828MVA")),
        ("NO", "995525828", Some("995525828MVA")),
        ("AU", "83 914 571 673", Some("83914571673")),
        ("KR", "116-82-00276", Some("1168200276")),
        ("KR", "124-81-00998", Some("1248100998")),
        ("KR", "220-81-62517", Some("2208162517")),
        ("KR", "220-81-62518", None),
        ("NZ", "49091850", Some("49091850")),
        ("SG", "00192200M", Some("00192200M")),
        ("IN", "27AAPFU0939F1ZV", Some("27AAPFU0939F1ZV")),
        ("JP", "7000012050002", Some("T7000012050002")),
        ("DE", "136695976", Some("DE136695976")),
        ("US", "12-3456789", None),
    ] {
        let found = check(Country::literal(country), text);
        let said = found.as_ref().ok().map(TaxNumber::as_str);
        assert_eq!(said, expected, "{country} {text}: {found:?}");
    }
}

#[test]
fn no_text_whatever_breaks_a_check() {
    for country in countries() {
        for text in [
            "",
            "é",
            "0",
            "+*",
            "BBBBBBBBBBBBBBB",
            "000000000000000",
            "99999999999",
            "T1",
        ] {
            for length in 0..16 {
                let text: String = text.chars().cycle().take(length).collect();
                let _ = check(country, &text);
                let _ = check_prefixed(&format!("{country}{text}"));
            }
        }
    }
}
