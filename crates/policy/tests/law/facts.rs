//! The packs against the facts they were taken from: no number or day may claim to be surer than the
//! facts are of it.
//!
//! The facts are read in place from `../shared/reference/regulation.md` and are no part of the project;
//! without them the comparison says so and proves nothing. They are tables of people's, a section a
//! jurisdiction: *fact, value, source, tag*. What of that form is read, and how, is below; a tag that
//! cannot be read fails the test, so that it does not quietly compare nothing.

use policy::{Authority, BUILTIN, Certainty, Date, Pack, Rule};
use std::collections::BTreeSet;
use std::path::Path;

/// A fact, as far as it was found in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fact {
    pack: String,
    /// What it says.
    text: String,
    /// Act, article, days.
    source: String,
    /// How it was found.
    certainty: Certainty,
    /// How its numbers were, if otherwise.
    of_numbers: Option<Certainty>,
    /// How one number was.
    of_number: Option<(u64, Certainty)>,
    /// How its days were.
    of_days: Option<Certainty>,
}

const SECTIONS: [(&str, &str); 8] = [
    ("European Union", "eu"),
    ("United Kingdom", "uk"),
    ("Korea", "kr"),
    ("United States", "us"),
    ("Japan", "jp"),
    ("Singapore", "sg"),
    ("India", "in"),
    // Whose is said by each row.
    ("Brazil, Kenya, Nigeria, Indonesia", ""),
];

/// `S` is read in an official text, `N` in somebody's account, `K` general knowledge; of what is mixed
/// nobody knows.
fn mark(word: &str) -> Option<Certainty> {
    match word {
        "S" => Some(Certainty::Official),
        "N" => Some(Certainty::Secondary),
        "K-H" | "K-M" | "K-L" | "mixed" => Some(Certainty::Unverified),
        _ => None,
    }
}

fn marks(tag: &str) -> Vec<Certainty> {
    let words = tag.split(|c: char| !(c.is_alphanumeric() || c == '-'));
    words.filter_map(mark).collect()
}

/// The surer of some.
fn surest(certainties: impl IntoIterator<Item = Certainty>) -> Option<Certainty> {
    certainties.into_iter().min_by_key(|c| *c as u8)
}

fn facts(text: &str) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut section = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let known = SECTIONS.iter().find(|(known, _)| *known == title.trim());
            section = known.map(|(_, pack)| *pack);
            continue;
        }
        let (Some(pack), Some(row)) = (section, line.strip_prefix('|')) else {
            continue;
        };
        let row = row.trim_end().trim_end_matches('|');
        let mut cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if cells[0] == "fact" || cells[0].starts_with("---") {
            continue;
        }
        let pack = match pack {
            "" => cells.remove(0).to_lowercase(),
            pack => pack.to_owned(),
        };
        let same = facts.last().map(|fact| fact.source.clone());
        facts.extend(of_row(&pack, &cells, same.as_deref()));
    }
    facts
}

/// The facts of a row: one, or one for each of its tags.
fn of_row(pack: &str, cells: &[&str], same: Option<&str>) -> Vec<Fact> {
    let [said @ .., source, tag] = cells else {
        panic!("a row of {pack} has too few cells: {cells:?}");
    };
    let (said, source) = (
        said.join(" : "),
        match (*source, same) {
            ("same", Some(same)) => same,
            (source, _) => source,
        },
    );
    let fact = |text: &str, source: &str, certainty| Fact {
        pack: pack.to_owned(),
        text: text.to_owned(),
        source: source.to_owned(),
        certainty,
        of_numbers: None,
        of_number: None,
        of_days: None,
    };
    let found = marks(tag);
    let whole = |certainty| fact(&said, source, certainty);
    match found[..] {
        // Each part of the text has its own, and its own source.
        [] if tag.is_empty() => {
            let of_part = |part: &str| Some(fact(part, part, *marks(part).last()?));
            said.split(';').filter_map(of_part).collect()
        }
        [certainty] => vec![whole(certainty)],
        [certainty, other] => {
            let one = whole(certainty);
            if tag.contains("figures") || tag.contains("numbers") {
                let of_numbers = Some(other);
                return vec![Fact { of_numbers, ..one }];
            }
            if tag.contains("(date ") {
                let of_days = Some(other);
                return vec![Fact { of_days, ..one }];
            }
            if tag.contains("(article ") {
                return vec![one];
            }
            if tag.contains(':') {
                let number = *numbers(tag).first().expect("the number it is about");
                let of_number = Some((number, other));
                return vec![Fact { of_number, ..one }];
            }
            if tag.contains(" / ") {
                let in_two = |text: &str| {
                    let at = ["; ", " / ", ", "].iter();
                    at.map(|at| text.split(*at).map(str::to_owned).collect::<Vec<_>>())
                        .find(|parts| parts.len() == 2)
                };
                let value = cells[cells.len() - 3];
                let parts = in_two(value).expect("a part for each tag");
                let sources = in_two(source).unwrap_or_else(|| vec![source.to_owned(); 2]);
                let parts = parts.iter().zip(&sources).zip(found);
                return parts
                    .map(|((text, source), certainty)| fact(text, source, certainty))
                    .collect();
            }
            // Which is whose it does not say.
            assert!(tag.contains(", "), "a tag of {pack}: {tag}");
            surest(found).map(whole).into_iter().collect()
        }
        _ => panic!("a tag of {pack} that nobody reads: {cells:?}"),
    }
}

/// A text without its days.
fn without_days(text: &str) -> String {
    let of_day = |word: &str| days(word).iter().any(|day| day.contains('-'));
    let words = text.split_whitespace().filter(|word| !of_day(word));
    words.collect::<Vec<_>>().join(" ")
}

/// Days, months and years, as far as they are given: `2019-09-14`, `2020-06`, `2026`.
fn days(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.' || c == '/'));
    fn of(word: &str) -> Option<&str> {
        let word = word.split("..").next()?.trim_end_matches('.');
        let parts: Vec<&str> = word.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let is_day = matches!(lengths[..], [4] | [4, 2] | [4, 2, 2]);
        let digits = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
        (is_day && word.starts_with("20") && parts.iter().all(digits)).then_some(word)
    }
    words.filter_map(of).map(str::to_owned).collect()
}

/// Whole numbers: `1,20,000`, `3 bn`, and small ones in words.
fn numbers(text: &str) -> Vec<u64> {
    let text = without_days(text);
    let mut found = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let times = match words
            .peek()
            .map(|next| next.trim_end_matches([',', ';', ')']))
        {
            Some("m") => 1_000_000,
            Some("bn") => 1_000_000_000,
            _ => 1,
        };
        match word.trim_end_matches([':', ',', ';']) {
            "one" => found.push(1),
            "two" => found.push(2),
            _ => {
                let parts = word.split(|c: char| !(c.is_ascii_digit() || c == ',' || c == '.'));
                let parts = parts.map(|part| part.trim_matches([',', '.']).replace(',', ""));
                found.extend(parts.filter_map(|part| Some(part.parse::<u64>().ok()? * times)));
            }
        }
    }
    found
}

/// What names a place in a law: `16`, `12(1)(a)`, `3(l)`, `1010.100(ff)(4)`.
fn articles(text: &str) -> BTreeSet<String> {
    let text = without_days(text).replace('–', "-");
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '§'));
    let words = words.map(|word| word.trim_matches(['.', ':']));
    let of = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    words.filter(of).map(str::to_owned).collect()
}

/// What names a law: a number of three digits or more, or a word of capitals.
fn acts(text: &str) -> BTreeSet<String> {
    let text = without_days(text);
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let of = |word: &&str| {
        let is_number = word.len() >= 3 && word.bytes().all(|b| b.is_ascii_digit());
        let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
        is_number || capitals >= 3
    };
    words.filter(of).map(str::to_owned).collect()
}

/// `12` has `12(1)(a)` in it.
fn is_in(one: &str, other: &str) -> bool {
    let within = |whole: &str, part: &str| {
        part.strip_prefix(whole)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('('))
    };
    within(one, other) || within(other, one)
}

/// What a pack says of a number or a day.
struct Claim {
    field: &'static str,
    value: String,
}

impl Claim {
    fn is_day(&self) -> bool {
        matches!(self.field, "from" | "until")
    }

    /// Whether a fact says it too.
    fn is_said_by(&self, fact: &Fact) -> bool {
        if self.is_day() {
            let day: Date = self.value.parse().unwrap();
            // The last day of what is said to hold until then.
            let last = Date(day.0 - u32::from(self.field == "until")).to_string();
            // A year alone may be a law's name.
            let since = fact.source.find("from ").unwrap_or(fact.source.len());
            let of_source = days(&fact.source)
                .into_iter()
                .filter(|day| day.contains('-'));
            let said = days(&fact.text).into_iter().chain(of_source);
            let mut said = said.chain(days(&fact.source[since..]));
            return said.any(|said| self.value.starts_with(&said) || last.starts_with(&said));
        }
        let digits = self.value.split([' ', '%']).next().unwrap();
        let number: u64 = digits.parse().unwrap();
        let said = numbers(&fact.text);
        let months = self.field == "years" && fact.text.contains("months");
        // Fewer than thirty are twenty-nine at most.
        let below = format!("< {}", number + 1);
        let is_below = self.field == "count" && fact.text.contains(&below);
        said.contains(&number) || months && said.contains(&(number * 12)) || is_below
    }

    /// How sure a fact is of it.
    fn certainty_in(&self, fact: &Fact) -> Certainty {
        if self.is_day() {
            return fact.of_days.unwrap_or(fact.certainty);
        }
        match fact.of_number {
            Some((number, certainty)) if self.value.starts_with(&format!("{number} ")) => certainty,
            _ => fact.of_numbers.unwrap_or(fact.certainty),
        }
    }
}

/// Every number and day of a rule.
fn claims(rule: &Rule) -> Vec<Claim> {
    let day = |field, day: Option<Date>| Some((field, day?.to_string()));
    let days = [day("from", rule.from), day("until", rule.until)];
    let all = rule.numbers().into_iter().chain(days.into_iter().flatten());
    all.map(|(field, value)| Claim { field, value }).collect()
}

/// What the facts say that a rule is about: those of its article, else those of its act, else those
/// that name neither; of these, those that say most of its numbers and days.
struct About<'f> {
    tiers: [Vec<&'f Fact>; 3],
    claims: Vec<Claim>,
}

impl<'f> About<'f> {
    fn new(rule: &Rule, facts: &[&'f Fact]) -> About<'f> {
        let (act, article) = match &rule.authority {
            Some(Authority::Law { act, article, .. }) => (act.as_str(), article.as_str()),
            _ => ("", ""),
        };
        let (article, act) = (articles(article), acts(&format!("{act} {article}")));
        let tier = |fact: &Fact| {
            let mut said = articles(&fact.source).into_iter();
            let is_article = said.any(|s| article.iter().any(|article| is_in(article, &s)));
            let of_none = articles(&fact.source).is_empty();
            match (is_article, acts(&fact.source).is_disjoint(&act)) {
                (true, _) => Some(0),
                (false, false) => Some(1),
                (false, true) => of_none.then_some(2),
            }
        };
        let of = |n| {
            facts
                .iter()
                .copied()
                .filter(|f| tier(f) == Some(n))
                .collect()
        };
        About {
            tiers: [of(0), of(1), of(2)],
            claims: claims(rule),
        }
    }

    fn score(&self, fact: &Fact) -> usize {
        let said = self.claims.iter().filter(|claim| claim.is_said_by(fact));
        said.count()
    }

    /// How sure the facts are of a number or day. What none says, nobody has looked up.
    fn certainty(&self, claim: &Claim) -> Certainty {
        let found = self.tiers.iter().find_map(|facts| {
            let said = facts.iter().filter(|fact| claim.is_said_by(fact));
            let most = said.clone().map(|fact| self.score(fact)).max()?;
            let best = said.filter(|fact| self.score(fact) == most);
            surest(best.map(|fact| claim.certainty_in(fact)))
        });
        found.unwrap_or(Certainty::Unverified)
    }

    /// How sure they are of a rule that has none.
    fn of_rule(&self) -> Certainty {
        let found = self.tiers[..2].iter().find(|facts| !facts.is_empty());
        let found = found.and_then(|facts| surest(facts.iter().map(|fact| fact.certainty)));
        found.unwrap_or(Certainty::Unverified)
    }
}

/// Rules without a number, of what has neither act nor article yet: how the facts have them.
const NAMELESS: [(&str, Certainty); 1] = [("eu/psr.coming", Certainty::Secondary)];

/// What a pack claims to be surer of than the facts are, and how much was compared.
fn too_sure(pack: &Pack, facts: &[Fact]) -> (Vec<String>, usize) {
    let facts: Vec<&Fact> = facts.iter().filter(|fact| fact.pack == pack.id).collect();
    let (mut found, mut compared) = (Vec::new(), 0);
    let mut compare = |what: String, claimed: Certainty, may: Certainty| {
        compared += 1;
        if (claimed as u8) < (may as u8) {
            found.push(format!("{what}: {claimed:?}, the facts {may:?}"));
        }
    };
    for rule in &pack.rules {
        let (about, id) = (About::new(rule, &facts), format!("{}/{}", pack.id, rule.id));
        for claim in &about.claims {
            let what = format!("{id} {} = {}", claim.field, claim.value);
            compare(what, rule.certainty_of(claim.field), about.certainty(claim));
        }
        // The operator's own terms are their own text.
        let is_law = matches!(rule.authority, Some(Authority::Law { .. }));
        if about.claims.is_empty() && is_law {
            let nameless = NAMELESS.iter().find(|(known, _)| *known == id);
            let may = nameless.map_or_else(|| about.of_rule(), |(_, may)| *may);
            compare(id, rule.certainty, may);
        }
    }
    (found, compared)
}

#[test]
fn no_number_claims_to_be_surer_than_the_facts_are_of_it() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/regulation.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!(
            "the facts are not beside the project ({}): nothing is compared",
            path.display()
        );
        return;
    };
    let facts = facts(&text);
    let mut wrong = Vec::new();
    for builtin in BUILTIN {
        let pack = Pack::parse(builtin.id, builtin.text).unwrap();
        let known = facts.iter().any(|fact| fact.pack == pack.id);
        // The rest of the world's numbers are the operator's own.
        assert!(known || pack.rest_of_world, "no facts of {}", pack.id);
        if known {
            let (found, compared) = too_sure(&pack, &facts);
            assert!(compared > 0);
            wrong.extend(found);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const FACTS: &str = "
## Korea
| Prepaid cap | anonymous ₩500,000; named ₩2,000,000 | EFTA art. 23; 2008-07 | N (article K-M) |
|---|---|---|---|
| Carrier billing | ₩1,000,000 a month | 2020-06 | N |
| Records | ≤ 5 years; small ones: 1 year | EFTA art. 22, Decree art. 12 | S / K-M |
| Limits | ≤ ₩30 and ≤ ₩3 bn | Big Act art. 16; 2019-09-14 | S (30: K-H) |
| Diligence | ₩77 | Big Act art. 17; 2021-01-01 | S (date K-H) |
| Value | ₩88; in 24 months | Big Act art. 18; 2022-02-02 | S regime, K-M numbers |
| More of it | ₩99 | same | K-H |
| Evidence | two of some (art. 24f S); one if ≤ ₩66 (24b(d), K-H) | | |

## Tax rates
| Nobody's | ₩1 | - | S |
";

#[test]
fn facts_are_read_as_they_are_tagged() {
    use Certainty::{Official as S, Secondary as N, Unverified as K};
    // Article, field and value of a rule, and how sure the facts are of it.
    let rows = [
        ("EFTA", "art. 23", "most = \"500000 KRW\"", "most", N),
        ("EFTA", "art. 23", "most = \"500001 KRW\"", "most", K),
        (
            "EFTA",
            "art. 23",
            "most = \"500000 KRW\"\nfrom = 2008-07-01",
            "from",
            N,
        ),
        (
            "EFTA",
            "art. 23",
            "most = \"500000 KRW\"\nfrom = 2008-08-01",
            "from",
            K,
        ),
        (
            "-",
            "-",
            "most = \"1000000 KRW\"\nfrom = 2020-06-01",
            "most",
            N,
        ),
        ("EFTA", "art. 22", "years = 5", "years", S),
        ("EFTA", "Decree art. 12", "years = 1", "years", K),
        ("Big Act", "art. 16(1)", "most = \"30 KRW\"", "most", K),
        ("Big Act", "art. 16", "most = \"3000000000 KRW\"", "most", S),
        (
            "Big Act",
            "art. 17",
            "most = \"77 KRW\"\nfrom = 2021-01-01",
            "most",
            S,
        ),
        (
            "Big Act",
            "art. 17",
            "most = \"77 KRW\"\nfrom = 2021-01-01",
            "from",
            K,
        ),
        (
            "Big Act",
            "art. 18",
            "most = \"88 KRW\"\nfrom = 2022-02-02",
            "most",
            K,
        ),
        (
            "Big Act",
            "art. 18",
            "most = \"88 KRW\"\nfrom = 2022-02-02",
            "from",
            S,
        ),
        (
            "Big Act",
            "art. 18",
            "most = \"99 KRW\"\nfrom = 2022-02-02",
            "from",
            K,
        ),
        ("Big Act", "art. 18", "years = 2", "years", K),
        ("Some", "art. 24f", "count = 2", "count", S),
        ("Some", "art. 24b(d)", "most = \"66 KRW\"", "most", K),
        ("Some", "art. 24b(e)", "most = \"66 KRW\"", "most", K),
        ("Tax", "-", "most = \"1 KRW\"", "most", K),
    ];
    let facts = facts(FACTS);
    for (act, article, numbers, field, expected) in rows {
        let text = format!(
            "[pack]\nid = \"kr\"\ntitle = {{ en = \"A\", ko = \"가\" }}\nversion = \"1\"\nasset = \"KRW\"\n\
             checked = 2026-11-20\nreview_days = 120\n[territories]\nKR = \"Asia/Seoul\"\n\
             [[rule]]\nid = \"rule\"\ntitle = {{ en = \"A\", ko = \"가\" }}\nkind = \"duty\"\n\
             topic = \"retention\"\n{numbers}\n\
             source = {{ act = \"{act}\", article = \"{article}\" }}\ncertainty = \"official\"\n"
        );
        let pack = Pack::parse("kr", &text).unwrap();
        let (found, _) = too_sure(&pack, &facts);
        let of_field = format!("kr/rule {field} ");
        let found: Vec<_> = found.iter().filter(|f| f.starts_with(&of_field)).collect();
        let said: Vec<_> = found
            .iter()
            .map(|f| f.ends_with(&format!("{expected:?}")))
            .collect();
        let is_found = if expected == S { vec![] } else { vec![true] };
        assert_eq!(said, is_found, "{act} {article} {numbers}: {found:?}");
    }
}
