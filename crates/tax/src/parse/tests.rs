use super::*;

const GOOD: &str = r#"
country = "EL"

[facts]
name = "Greece"
tax = "FPA"
currency = "EUR"

[[rate]]
category = ["standard", "telecom"]
source = { act = "Law 2859/2000 art. 21", link = "x", certainty = "secondary", checked = 2026-11-23 }
steps = [
    { from = 2016-01-01, percent = "23" },
    { from = 2016-06-01, percent = "24" },
]

[[rate]]
category = ["education"]
source = { act = "art. 22", link = "x", certainty = "unverified", checked = 2026-11-23 }
steps = [{ from = 2016-01-01, is = "exempt" }]
"#;

fn check(text: &str) -> Result<Rules, String> {
    let mut builder = Builder::default();
    builder
        .country("gr.toml", text)
        .map_err(|e| e.to_string())?;
    builder.build().map_err(|e| e.to_string())
}

#[test]
fn a_file_becomes_dated_rates_with_their_source() {
    let rules = check(GOOD).unwrap();
    assert_eq!(rules.rates.len(), 5);
    assert_eq!(rules.sources.len(), 2);
    let greece = Place::country(Country::literal("GR"));
    for (category, day, expected) in [
        (Category::Standard, "2015-12-31", None),
        (Category::Standard, "2016-05-31", Some(230_000)),
        (Category::Standard, "2016-06-01", Some(240_000)),
        (Category::Telecom, "2016-06-01", Some(240_000)),
        (Category::EBook, "2016-06-01", Some(240_000)),
        (Category::Education, "2016-06-01", Some(0)),
    ] {
        let found = rules.rate_on(greece, category, day.parse().unwrap());
        let rate = found.map(|id| rules.rate(id).unwrap().charge.rate().get());
        assert_eq!(rate, expected, "{category} {day}");
    }
}

#[test]
fn what_is_wrong_is_told_by_file_line_and_key() {
    for (from, to, expected) in [
        (
            "\"EL\"",
            "\"Greece\"",
            "gr.toml, line 2, country: a country of two",
        ),
        (
            "\"EUR\"",
            "\"DRACHMA\"",
            "gr.toml, line 7, currency: no such asset",
        ),
        (
            "\"telecom\"",
            "\"phone\"",
            "gr.toml, line 10, category: standard, e_book",
        ),
        (
            "\"23\"",
            "\"23,5\"",
            "gr.toml, line 13, percent: a percentage",
        ),
        ("\"23\"", "\"0\"", "gr.toml, line 13, percent: write is"),
        (
            "\"23\"",
            "\"100.5\"",
            "gr.toml, line 13, percent: a percentage",
        ),
        ("\"23\"", "23", "gr.toml, line 13, percent: invalid type"),
        (
            "2016-06-01",
            "2016-01-01",
            "gr.toml, line 14, from: not after",
        ),
        ("2016-06-01", "\"June\"", "gr.toml, line 14, from: "),
        (
            "2016-06-01",
            "12:00:00",
            "gr.toml, line 14, from: a day such as",
        ),
        (
            "percent = \"24\"",
            "rate = \"24\"",
            "gr.toml, line 14, rate: unknown field",
        ),
        (
            "act = \"art. 22\", ",
            "",
            "gr.toml, line 19, source: missing field `act`",
        ),
        (
            "act = \"art. 22\"",
            "act = \" \"",
            "gr.toml, line 19, act: a number without a source",
        ),
        (
            "\"unverified\"",
            "\"sure\"",
            "gr.toml, line 19, certainty: unknown variant",
        ),
        (
            "\"exempt\"",
            "\"free\"",
            "gr.toml, line 20, from: a percent, or",
        ),
        (
            "[\"education\"]",
            "[]",
            "gr.toml, line 18, category: no category",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = check(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(error.starts_with(expected), "{from} -> {to}: {error}");
    }
}

#[test]
fn two_rates_on_one_day_are_refused() {
    let twice = GOOD.replace("\"education\"", "\"standard\"");
    let error = check(&twice).unwrap_err();
    assert!(error.contains("two rates start on 2016-01-01"), "{error}");
}

#[test]
fn percentages_are_exact() {
    for (text, expected) in [
        ("19", Some(190_000)),
        ("25.5", Some(255_000)),
        ("9.975", Some(99_750)),
        ("0.0001", Some(1)),
        ("100", Some(1_000_000)),
        ("0.00001", None),
        ("1e1", None),
        (".5", None),
        ("5.", None),
        ("", None),
        ("-1", None),
    ] {
        assert_eq!(ppm(text).map(Ppm::get), expected, "{text}");
    }
}
