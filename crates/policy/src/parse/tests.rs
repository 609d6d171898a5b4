use super::*;
use crate::vocabulary::{Certainty, Funds};

const HEAD: &str = r#"[pack]
id = "xx"
title = { en = "Test", ko = "시험" }
version = "1"
asset = "EUR"
checked = 2026-11-20

[territories]
DE = "Europe/Berlin"
"#;

const RULE: &str = r#"
[[rule]]
id = "spend.daily"
title = { en = "Daily limit", ko = "1일 한도" }
kind = "limit"
applies = { payment = ["spend"], tier = ["anonymous"] }
except = { funds = ["carrier"] }
most = "150 EUR"
window = "day"
gives_back = ["void"]
starts = "empty"
from = 2027-07-10
source = { act = "Act", article = "art. 1" }
certainty = "secondary"
"#;

fn parse(text: &str) -> Result<Pack, String> {
    Pack::parse("xx.toml", text).map_err(|error| error.to_string())
}

#[test]
fn a_rule_is_read_with_its_defaults() {
    let pack = parse(&format!("{HEAD}{RULE}")).unwrap();
    let rule = &pack.rules[0];
    assert_eq!((rule.line, rule.certainty), (11, Certainty::Secondary));
    assert_eq!(rule.from.unwrap().to_string(), "2027-07-10");
    assert_eq!(rule.checked.to_string(), "2026-11-20");
    assert!(!rule.applies.funds.has(Funds::Carrier) && rule.applies.funds.has(Funds::Card));
    assert_eq!(rule.applies.side, Side::Payer);
    assert_eq!(rule.numbers(), [("most", "150 EUR".to_owned())]);
    assert!(!rule.is_in_force("2027-07-09".parse().unwrap()));
    assert!(rule.is_in_force("2027-07-10".parse().unwrap()));
}

#[test]
fn what_is_wrong_is_named_by_file_line_and_key() {
    let rows = [
        (
            "most = \"150 EUR\"",
            "mst = \"150 EUR\"",
            "xx.toml:17: `mst`: unknown field",
        ),
        (
            "most = \"150 EUR\"",
            "most = \"150\"",
            "xx.toml:17: `most`: \"150\" is not an amount",
        ),
        (
            "most = \"150 EUR\"",
            "most = \"150 ABC\"",
            "xx.toml:17: `most`: \"ABC\" is not a known",
        ),
        (
            "most = \"150 EUR\"",
            "most = 150",
            "xx.toml:17: `most`: invalid type",
        ),
        (
            "most = \"150 EUR\"",
            "topic = \"tax\"",
            "xx.toml:17: `topic`: a rule of the kind",
        ),
        (
            "most = \"150 EUR\"\n",
            "",
            "xx.toml:11: `most`: exactly one of most, count",
        ),
        (
            "\"anonymous\"",
            "\"nobody\"",
            "xx.toml:15: `tier`: unknown variant",
        ),
        (
            "\"carrier\"",
            "\"carier\"",
            "xx.toml:16: `funds`: unknown variant",
        ),
        (
            "window = \"day\"",
            "window = \"daily\"",
            "xx.toml:18: `window`: \"daily\" is not",
        ),
        ("starts = \"empty\"\n", "", "xx.toml:11: `starts`: missing"),
        (
            "kind = \"limit\"",
            "kind = \"cap\"",
            "xx.toml:14: `kind`: \"cap\" is not a kind",
        ),
        ("2027-07-10", "2027-02-30", "xx.toml:21: "),
        (
            "from = 2027-07-10",
            "until = 2026-01-01\nfrom = 2027-07-10",
            "xx.toml:21: `until`",
        ),
        ("DE = ", "UK = ", "xx.toml:9: `UK`: \"UK\" is not a country"),
        (
            "Europe/Berlin",
            "Berlin",
            "xx.toml:9: `DE`: \"Berlin\" is not the name",
        ),
        ("asset = \"EUR\"", "asset = \"EURO\"", "xx.toml:5: `asset`"),
        (
            "id = \"spend.daily\"",
            "id = \"Spend daily\"",
            "xx.toml:12: `id`: only a-z",
        ),
        (
            "certainty = \"secondary\"",
            "certainty = \"secondary\"\nterms = { whose = { en = \"us\", ko = \"us\" } }",
            "xx.toml:24: `terms`: either",
        ),
        (
            "certainty = \"secondary\"",
            "certainty_of = { count = \"official\" }\ncertainty = \"secondary\"",
            "xx.toml:23: `certainty_of`: `count` is not a number",
        ),
        (
            "starts = \"empty\"",
            "starts = \"empty\"\nthen = \"verify\"",
            "xx.toml:11: `needs`",
        ),
        (
            "payment = [\"spend\"]",
            "payer_country = [\"UK\"]",
            "xx.toml:15: `payer_country`",
        ),
    ];
    for (from, to, expected) in rows {
        let text = format!("{HEAD}{RULE}");
        assert!(text.contains(from), "{from}");
        let error = parse(&text.replace(from, to)).expect_err(to);
        assert!(error.starts_with(expected), "{to}: {error}");
    }
}
