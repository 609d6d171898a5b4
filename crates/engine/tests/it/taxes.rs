//! Tax rules in the step: where a payment is taxed, whose tax it is, what is counted, and that all
//! of it comes back.

use crate::town::*;
use engine::command::DisputeVerdict;
use engine::records::{PartyKind, PartyNo};
use engine::taxes::returns::{Reassessment, Returns};
use engine::taxes::{Case, Facts, Profile, TaxSettings};
use engine::terms::{Country as Land, Terms, Tier};
use engine::{Event, EventKind, Id, Op, Position, Spend, State, UtcMillis, apply, snapshot};
use ledger::{AccountClass, Source};
use money::Atoms;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tax::evidence::Item;
use tax::reason::Reason;
use tax::supply::{Checked, Part, Pricing, Registration, Scheme};
use tax::{Category, Charge, Country, Date, Rules, Supplier, Treatment};

pub const EURO: u64 = 1_000_000_000;

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn at(text: &str) -> UtcMillis {
    UtcMillis(u64::try_from(day(text).0).unwrap() * DAY + 12 * HOUR)
}

fn built_in() -> Arc<Rules> {
    static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
    RULES
        .get_or_init(|| Arc::new(tax::rates::built_in().unwrap()))
        .clone()
}

/// A supplier with registrations: `DE`, or `oss IE`.
fn supplier(home: &str, registrations: &[&str]) -> Supplier {
    let registration = |text: &&str| {
        let (scheme, land) = match text.split_once(' ') {
            Some(("oss", land)) => (Scheme::OssUnion, land),
            _ => (Scheme::National, *text),
        };
        Registration {
            scheme,
            country: country(land),
            from: Date::MIN,
            until: Date::MAX,
        }
    };
    Supplier {
        registrations: registrations.iter().map(registration).collect(),
        ..Supplier::of(country(home))
    }
}

/// What a payment says of its payer: `bank=DE ip=DE`.
pub fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    for pair in text.split_whitespace() {
        let (name, land) = pair.split_once('=').unwrap();
        match name {
            "category" => facts.category = land.parse().unwrap(),
            _ => {
                let item = Item::ALL.into_iter().find(|i| i.as_str() == name).unwrap();
                facts.evidence = facts.evidence.with(item, country(land));
            }
        }
    }
    facts
}

pub fn sells(party: &str, home: &str, registrations: &[&str]) -> Op {
    let profile = Profile {
        supplier: Some(supplier(home, registrations)),
        buyer: Some((country(home), Checked::Confirmed)),
    };
    Op::SetTaxpayer {
        party: par(party),
        profile: Box::new(profile),
    }
}

fn buys(party: &str, number: &str, checked: Checked) -> Op {
    let profile = Profile {
        supplier: None,
        buyer: Some((country(number), checked)),
    };
    Op::SetTaxpayer {
        party: par(party),
        profile: Box::new(profile),
    }
}

/// The rules that come with Farthing, for an operator of a country.
#[derive(Clone)]
pub struct Europe {
    pub rules: Arc<Rules>,
    pub settings: TaxSettings,
}

impl Europe {
    pub fn of(home: &str) -> Europe {
        let part = Part {
            payment_only: true,
            ..Part::default()
        };
        Europe {
            rules: built_in(),
            settings: TaxSettings {
                operator: supplier(home, &[]),
                part,
                pricing: Pricing::Inclusive,
                format_is_enough: false,
            },
        }
    }

    pub fn put(&self, town: &mut Town) {
        town.run(Op::SetTax {
            rules: Some(self.rules.clone()),
            settings: Some(Box::new(self.settings.clone())),
        });
    }
}

/// A town of a day under the rules of Europe, its shop a seller of `home`.
pub fn town(date: &str, home: &str, registrations: &[&str], fee: u32) -> Town {
    let terms = Terms {
        fee_share: ppm(fee),
        ..Terms::default()
    };
    let mut town = Town::at(at(date), terms);
    town.audits = false;
    Europe::of("DE").put(&mut town);
    town.run(sells("shop", home, registrations));
    town
}

/// A new payer of a country, with money.
pub fn payer(town: &mut Town, name: &str, land: &str, kind: PartyKind) {
    let land: [u8; 2] = land.as_bytes().try_into().unwrap();
    town.run(Op::RegisterParty {
        party: par(name),
        kind,
        country: Land(land),
        tier: Tier(1),
        particulars: Default::default(),
    });
    let (wallet, party) = (wal(name), par(name));
    town.run(Op::OpenWallet { wallet, party });
    let topup = town.id_of(top_up_in(name, EUR, Source::Card, 100_000 * EURO, false));
    town.settle_top_up(topup);
}

pub fn paying(payer: &str, amount: u64, said: &str) -> Spend {
    let mut spend = spend(payer, amount);
    (spend.asset, spend.tax) = (EUR, facts(said));
    spend
}

fn case_of(town: &Town, payment: Id) -> &Case {
    let paid = town.paid(payment);
    town.state.tax_case(paid.case).unwrap()
}

/// What was decided, in a line.
fn said(town: &Town, payment: Id) -> String {
    let sale = case_of(town, payment).sale;
    let place = sale.place.map_or("-".to_owned(), |place| place.to_string());
    format!("{} {place} {}", sale.treatment.as_str(), sale.rate.get())
}

fn shared(name: &str) -> Option<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("FARTHING_SHARED_DATA").map_or(beside, PathBuf::from);
    let path = data.join("vat").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    text
}

#[test]
fn a_service_to_a_consumer_bears_the_rate_of_every_member_state_on_the_day() {
    let Some(table) = shared("eu_standard_vat_by_date.csv") else {
        return;
    };
    for date in ["2020-07-15", "2026-11-23"] {
        let mut theirs = std::collections::BTreeMap::new();
        for line in table.lines().skip(1) {
            let fields: Vec<_> = line.split(',').collect();
            if day(fields[1]) <= day(date) {
                let percent: f64 = fields[2].parse().unwrap();
                let rate = (percent * 10_000.0).round() as u64;
                theirs.insert(country(fields[0]), rate);
            }
        }
        assert_eq!(theirs.len(), 27);
        let mut t = town(date, "IE", &["oss IE"], 0);
        for (land, rate) in theirs {
            let name = format!("consumer of {land}");
            payer(&mut t, &name, &land.to_string(), PartyKind::Person);
            let gross = 119 * EURO / 100;
            let spend = paying(&name, gross, &format!("ip={land}"));
            let id = t.id_of(pay_with(spend, "shop"));
            assert_eq!(said(&t, id), format!("taxed {land} {rate}"), "{date}");
            let paid = t.paid(id);
            // Rounded half to even: twice the exact tax is within an atom of twice what is posted.
            let (exact, whole) = (gross * rate, 1_000_000 + rate);
            assert!((paid.tax * whole).abs_diff(exact) * 2 <= whole);
            // It stands in the seller's account of that country.
            let party = t.state.party_no(TENANT, par("shop")).unwrap();
            let mut accounts = t.state.taxpayer_of(TENANT, party).unwrap().accounts();
            let sub = u16::from_be_bytes(land.code());
            let account = accounts.find(|(key, _)| key.sub() == sub).unwrap().1;
            assert_eq!(t.state.book.account(account).balance, i128::from(paid.tax));
        }
    }
}

#[test]
fn consumers_and_businesses_each_as_their_law_has_it() {
    for (date, home, registrations, who, said_of, expected) in [
        (
            "2020-07-15",
            "DE",
            vec![],
            "DE",
            "bank=DE category=e_book",
            "taxed DE 50000",
        ),
        (
            "2021-01-15",
            "DE",
            vec![],
            "DE",
            "bank=DE category=e_book",
            "taxed DE 70000",
        ),
        (
            "2026-11-23",
            "FR",
            vec![],
            "FR",
            "bank=FR category=e_book",
            "taxed FR 55000",
        ),
        (
            "2026-11-23",
            "DE",
            vec!["CH"],
            "CH",
            "bank=CH",
            "taxed CH 81000",
        ),
        (
            "2026-11-23",
            "DE",
            vec!["KR"],
            "KR",
            "bank=KR",
            "taxed KR 100000",
        ),
        (
            "2026-11-23",
            "DE",
            vec!["JP"],
            "JP",
            "bank=JP",
            "taxed JP 100000",
        ),
        (
            "2026-11-23",
            "DE",
            vec![],
            "DE",
            "bank=DE category=charity",
            "out_of_scope - 0",
        ),
        (
            "2026-11-23",
            "DE",
            vec![],
            "DE",
            "bank=DE category=gambling",
            "exempt DE 0",
        ),
    ] {
        let mut t = town(date, home, &registrations, 0);
        payer(&mut t, "somebody", who, PartyKind::Person);
        let spend = paying("somebody", 119 * EURO, said_of);
        let id = t.id_of(pay_with(spend, "shop"));
        assert_eq!(said(&t, id), expected, "{date} {who} {said_of}");
    }
    // A German business buys from France: it accounts for the tax, if its number is confirmed.
    for (checked, expected) in [
        (Checked::Confirmed, "reverse_charge DE 0"),
        (Checked::Format, "taxed DE 190000"),
    ] {
        let mut t = town("2026-11-23", "FR", &["oss FR"], 0);
        payer(&mut t, "gmbh", "DE", PartyKind::Business);
        t.run(buys("gmbh", "DE", checked));
        let id = t.id_of(pay_with(paying("gmbh", 119 * EURO, "bank=DE"), "shop"));
        assert_eq!(said(&t, id), expected);
    }
}

#[test]
fn evidence_that_contradicts_is_flagged_and_kept() {
    let mut t = town("2026-11-23", "NL", &["oss NL"], 0);
    payer(&mut t, "traveller", "DE", PartyKind::Person);
    let id = t.id_of(pay_with(paying("traveller", EURO, "bank=DE ip=FR"), "shop"));
    assert_eq!(said(&t, id), "taxed DE 190000");
    let case = case_of(&t, id);
    assert!(case.sale.reasons.has(Reason::EvidenceConflicts));
    assert!(case.sale.reasons.needs_review());
    assert_eq!(case.sale.conflict.iter().collect::<Vec<_>>(), [Item::Ip]);
    assert_eq!(
        case.question.facts.evidence.get(Item::Ip),
        Some(country("FR"))
    );
    // The event that made the case says it, whatever the state forgets.
    let keeps = |e: &engine::Effect| matches!(e, engine::Effect::TaxCase(kept) if **kept == *case);
    assert!(t.events[&id].effects.iter().any(keeps));
    // One item of a third party is enough for a small seller only.
    payer(&mut t, "unknown", "ZZ", PartyKind::Person);
    let one = t.id_of(pay_with(paying("unknown", EURO, "sim=DE"), "shop"));
    assert!(case_of(&t, one).sale.reasons.has(Reason::OneThirdParty));
    let much = t.id_of(pay_with(
        paying("traveller", 99_999 * EURO, "bank=DE"),
        "shop",
    ));
    assert_eq!(t.paid(much).gross, 99_999 * EURO);
    payer(&mut t, "another", "AT", PartyKind::Person);
    t.run(pay_with(
        paying("another", 40_000 * EURO, "bank=AT"),
        "shop",
    ));
    let one = t.id_of(pay_with(paying("unknown", EURO, "sim=DE"), "shop"));
    assert!(case_of(&t, one).sale.reasons.has(Reason::NotProven));
}

#[test]
fn the_day_the_cross_border_threshold_is_crossed() {
    let mut t = town("2026-11-23", "IE", &[], 0);
    payer(&mut t, "hans", "DE", PartyKind::Person);
    let sell = |t: &mut Town, euros: u64| {
        let id = t.id_of(pay_with(paying("hans", euros * EURO, "bank=DE"), "shop"));
        (id, said(t, id))
    };
    // 9,840 gross at 23 % is 8,000 without tax.
    assert_eq!(sell(&mut t, 9_840).1, "taxed IE 230000");
    let (last, below) = sell(&mut t, 2_460); // exactly 10,000 by now
    assert_eq!(below, "taxed IE 230000");
    let (crossing, crossed) = sell(&mut t, 1);
    assert_eq!(crossed, "taxed DE 190000");
    assert!(case_of(&t, crossing).sale.reasons.has(Reason::CrossedNow));
    let (after, _) = sell(&mut t, 1);
    assert!(
        case_of(&t, after)
            .sale
            .reasons
            .has(Reason::AboveCrossBorder)
    );
    // The counter is restored from the journal and from a snapshot.
    let party = t.state.party_no(TENANT, par("shop")).unwrap();
    let counted = t.state.taxpayer_of(TENANT, party).unwrap().clone();
    let replayed = replay(&t.rows, 7);
    assert_eq!(replayed.taxpayer_of(TENANT, party), Some(&counted));
    let bytes = snapshot::encode(&t.state);
    let restored = snapshot::decode(&bytes, 8).unwrap();
    assert_eq!(restored.taxpayer_of(TENANT, party), Some(&counted));
    assert_eq!(snapshot::digest(&restored), snapshot::digest(&t.state));
    let mut from_snapshot = t.clone();
    from_snapshot.state = restored;
    assert_eq!(sell(&mut from_snapshot, 1).1, "taxed DE 190000");
    // Refunds give turnover back: below the threshold again.
    for (id, euros) in [(last, 2_460), (crossing, 1), (after, 1)] {
        let refund = t.refund(id, euros * EURO);
        t.run(refund);
    }
    assert_eq!(sell(&mut t, 100).1, "taxed IE 230000");
    // Passed in a year, it is passed in the next from its first day; the year after it is not.
    sell(&mut t, 3_000);
    t.now = at("2027-01-02");
    assert_eq!(sell(&mut t, 1).1, "taxed DE 190000");
    t.now = at("2029-01-02");
    assert_eq!(sell(&mut t, 1).1, "taxed IE 230000");
}

/// Folds rows from nothing.
fn replay(rows: &[Vec<u8>], random: u128) -> State {
    let mut state = State::new(random);
    each_event(rows, |event, at| apply(&mut state, event, at));
    state
}

pub fn each_event(rows: &[Vec<u8>], mut then: impl FnMut(&Event, Position)) {
    let mut event = Event::empty();
    for (seq, row) in (1..).zip(rows) {
        let mut reader = engine::codec::RowReader::new(engine::codec::FORMAT, row).unwrap();
        while reader.next_event(&mut event).unwrap() {
            then(&event, Position { seq, index: 0 });
        }
    }
}

#[test]
fn the_supplier_of_record_decides_whose_tax_account_it_is() {
    let mut europe = Europe::of("DE");
    let mut t = town("2026-11-23", "IE", &["oss IE"], 100_000);
    payer(&mut t, "marie", "FR", PartyKind::Person);
    let sale = |t: &mut Town| t.id_of(pay_with(paying("marie", 120 * EURO, "ip=FR"), "shop"));
    let id = sale(&mut t);
    let shop = t.state.party_no(TENANT, par("shop")).unwrap();
    let class_of = |t: &Town, id: Id, at: usize| {
        let posting = t.events[&id].postings[at];
        let account = t.state.book.account(posting.account);
        (account.class, account.owner, posting.amount)
    };
    assert_eq!(
        class_of(&t, id, 1),
        (AccountClass::SellerTax, shop.0, i128::from(20 * EURO))
    );
    // The operator sets the terms and takes the charge: it supplies in its own name.
    europe.settings.operator = supplier("DE", &["oss DE"]);
    europe.settings.part = Part {
        authorises_charge: true,
        sets_terms: true,
        ..Part::default()
    };
    europe.put(&mut t);
    let id = sale(&mut t);
    assert_eq!(
        class_of(&t, id, 1),
        (AccountClass::Tax, 0, i128::from(20 * EURO))
    );
    assert!(case_of(&t, id).sale.reasons.has(Reason::PlatformSupplies));
    // Its fee to an Irish business with a number: the business accounts for the tax.
    assert_eq!(case_of(&t, id).fee.treatment, Treatment::ReverseCharge);
    // To a seller at home it bears the operator's own tax, inside the fee.
    t.run(sells("shop", "DE", &["oss DE"]));
    let id = sale(&mut t);
    let fee_tax = t.events[&id].part(id).unwrap().fee_tax();
    assert_eq!(t.paid(id).fee, 12 * EURO);
    assert_eq!(fee_tax, 1_915_966_387); // 12 × 19 / 119
    assert_eq!(
        class_of(&t, id, 3),
        (AccountClass::Tax, 0, i128::from(fee_tax))
    );
    // The plain payment keeps its fixed layout, a few bytes longer.
    sale(&mut t);
    let row = t.rows.last().unwrap();
    assert!(row.len() <= 12 + 1 + 116 + 10, "{}", row.len());
}

#[test]
fn a_price_without_its_tax_grows_by_it() {
    let mut t = town("2026-11-23", "DE", &[], 0);
    payer(&mut t, "hans", "DE", PartyKind::Person);
    let mut spend = paying("hans", 100 * EURO, "bank=DE");
    spend.tax.pricing = Some(Pricing::Exclusive);
    let id = t.id_of(pay_with(spend, "shop"));
    assert_eq!((t.paid(id).gross, t.paid(id).tax), (119 * EURO, 19 * EURO));
    t.check_as(id, pay_with(spend, "shop"), Expect::Known);
    let held = t.id_of(Op::Authorize {
        spend,
        payee: wal("shop"),
        expires: None,
    });
    let capture = t.id_of(capture_last(held, 119 * EURO));
    assert_eq!(t.paid(capture).tax, 19 * EURO);
    // Said otherwise, it is another payment.
    spend.tax.category = Category::EBook;
    let again = t.command(id, pay_with(spend, "shop"));
    let differs = engine::repeat::difference(&t.state, &again, &t.events[&id]);
    assert_eq!(differs, Some("tax"));
}

#[test]
fn without_rules_the_terms_rate_is_the_simple_way_and_facts_change_nothing() {
    let mut t = Town::with(Terms {
        tax: tax_of(&[(b"DE", 190_000)]),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 1_000);
    let mut spend = spend("alice", 119);
    spend.tax = facts("bank=FR category=e_book");
    let id = t.id_of(pay_with(spend, "shop"));
    assert_eq!((t.paid(id).tax, t.paid(id).case), (19, 0));
    // Rules, and put out of force again.
    Europe::of("DE").put(&mut t);
    let (rules, settings) = (None, None);
    t.run(Op::SetTax { rules, settings });
    let id = t.id_of(pay_with(spend, "shop"));
    assert_eq!((t.paid(id).tax, t.paid(id).case), (19, 0));
}

#[test]
fn a_corrected_rate_changes_nothing_of_the_past_and_is_found_by_a_reassessment() {
    let mut t = town("2026-11-23", "DE", &[], 0);
    payer(&mut t, "hans", "DE", PartyKind::Person);
    let spend = paying("hans", 119 * EURO, "bank=DE");
    let id = t.id_of(pay_with(spend, "shop"));
    let held = t.id_of(Op::Authorize {
        spend,
        payee: wal("shop"),
        expires: None,
    });
    // The rate had been typed in wrong: it was 16 %.
    let mut rules = (*built_in()).clone();
    for rate in &mut rules.rates {
        if rate.place == country("DE").into() && rate.category == Category::Standard {
            rate.charge = Charge::Taxed(ppm(160_000));
        }
    }
    Europe {
        rules: Arc::new(rules),
        ..Europe::of("DE")
    }
    .put(&mut t);
    let new = t.id_of(pay_with(paying("hans", 116 * EURO, "bank=DE"), "shop"));
    assert_eq!(t.paid(new).tax, 16 * EURO);
    // Captures and refunds keep the rate of their payment.
    let captured = t.id_of(capture_last(held, 119 * EURO));
    assert_eq!(t.paid(captured).tax, 19 * EURO);
    let refund = t.refund(id, 59_500_000_000);
    let refunded = t.run(refund);
    let paid = refunded.part(refunded.id).unwrap().paid().copied().unwrap();
    assert_eq!(paid.tax, 9_500_000_000);

    let mut reassessment = Reassessment::default();
    let mut state = State::new(3);
    let days = day("2026-11-01")..day("2026-12-01");
    each_event(&t.rows, |event, at| {
        apply(&mut state, event, at);
        reassessment.note(&state, event, &days);
    });
    let found = reassessment.found(&state, TENANT);
    let told: Vec<_> = found
        .iter()
        .map(|f| (f.payment, f.tax_was, f.tax))
        .collect();
    let at_16 = |gross: u64| {
        ppm(160_000)
            .included_in(Atoms(gross), money::Rounding::HalfEven)
            .0
    };
    let half = (id, 9_500_000_000, at_16(59_500_000_000));
    let whole = (captured, 19 * EURO, at_16(119 * EURO));
    assert_eq!(told.len(), 2, "{found:?}");
    assert!(told.contains(&half) && told.contains(&whole), "{told:?}");
    assert!(found.iter().all(|f| f.act.contains("UStG")));
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Deed {
    Pay {
        payer: usize,
        gross: u64,
        exclusive: bool,
    },
    Hold {
        payer: usize,
        gross: u64,
        part: u64,
    },
    Split {
        payer: usize,
        gross: u64,
        weights: [u64; 3],
    },
    Refund {
        which: usize,
        part: u64,
    },
    Dispute {
        which: usize,
        part: u64,
        verdict: u8,
    },
    Rate {
        rate: u32,
    },
    Part {
        platform: bool,
    },
    Days {
        days: u64,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let (payer, gross, part) = (0..5usize, 1..1_000 * EURO, 1..=1_000u64);
    prop_oneof![
        6 => (payer.clone(), gross.clone(), any::<bool>())
            .prop_map(|(payer, gross, exclusive)| Deed::Pay { payer, gross, exclusive }),
        2 => (payer, gross, part.clone())
            .prop_map(|(payer, gross, part)| Deed::Hold { payer, gross, part }),
        3 => (0..5usize, 1..1_000 * EURO, any::<[u8; 3]>()).prop_map(|(payer, gross, weights)| {
            Deed::Split { payer, gross, weights: weights.map(u64::from) }
        }),
        3 => (any::<usize>(), part.clone()).prop_map(|(which, part)| Deed::Refund { which, part }),
        2 => (any::<usize>(), part, 0..3u8)
            .prop_map(|(which, part, verdict)| Deed::Dispute { which, part, verdict }),
        1 => (10_000..300_000u32).prop_map(|rate| Deed::Rate { rate }),
        1 => any::<bool>().prop_map(|platform| Deed::Part { platform }),
        1 => (1..40u64).prop_map(|days| Deed::Days { days }),
    ]
}

const PAYERS: [(&str, &str); 5] = [
    ("hans", "DE"),
    ("marie", "FR"),
    ("urs", "CH"),
    ("yuki", "JP"),
    ("nobody", "ZZ"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Net and tax are gross; a return equals the ledger; what is wholly refunded leaves nothing.
    #[test]
    fn returns_equal_the_ledger_whatever_happens(
        deeds in proptest::collection::vec(deed(), 1..40),
        refundable: bool,
    ) {
        let mut t = town("2026-10-05", "IE", &["JP"], 37_000);
        t.set_terms(Terms { fee_share: ppm(37_000), fee_refundable: refundable, ..Terms::default() });
        let mut europe = Europe::of("DE");
        for (name, land) in PAYERS {
            payer(&mut t, name, land, PartyKind::Person);
        }
        t.run(sells("stall", "DE", &["oss DE", "CH"]));
        payer(&mut t, "atelier", "FR", PartyKind::Business);
        let mut payments: Vec<Id> = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Pay { payer, gross, exclusive } => {
                    let (name, land) = PAYERS[payer];
                    let mut spend = paying(name, gross, "");
                    if land != "ZZ" {
                        spend.tax = facts(&format!("ip={land}"));
                    }
                    spend.tax.pricing = exclusive.then_some(Pricing::Exclusive);
                    if let (id, Answer::Done(event)) = t.try_run(pay_with(spend, "shop"))
                        && event.kind == EventKind::Paid
                    {
                        let paid = t.paid(id);
                        if exclusive {
                            prop_assert_eq!(paid.gross - paid.tax, gross);
                        } else {
                            prop_assert_eq!(paid.gross, gross);
                        }
                        payments.push(id);
                    }
                }
                Deed::Hold { payer, gross, part } => {
                    let spend = paying(PAYERS[payer].0, gross, "");
                    let (payee, expires) = (wal("shop"), None);
                    let (held, answer) = t.try_run(Op::Authorize { spend, payee, expires });
                    let Answer::Done(event) = answer else { continue };
                    if event.kind != EventKind::Authorized {
                        continue;
                    }
                    let first = (gross / 1_000 * part).max(1);
                    for amount in [first, gross - first] {
                        if amount > 0 {
                            payments.push(t.id_of(capture(held, amount)));
                        }
                    }
                }
                Deed::Split { payer, gross, weights } => {
                    let (name, land) = PAYERS[payer];
                    let named = [("shop", weights[0]), ("stall", weights[1]), ("atelier", weights[2])];
                    let mut op = split(name, &named, gross);
                    if let Op::Split { spend, .. } = &mut op {
                        spend.asset = EUR;
                        if land != "ZZ" {
                            spend.tax = facts(&format!("ip={land}"));
                        }
                    }
                    if let (id, Answer::Done(event)) = t.try_run(op)
                        && event.kind == EventKind::Split
                    {
                        prop_assert_eq!(t.paid(id).gross, gross);
                        payments.push(id);
                    }
                }
                Deed::Refund { which, part } => {
                    if let Some(id) = payments.get(which % payments.len().max(1)).copied() {
                        let amount = (t.paid(id).gross / 1_000 * part).max(1);
                        let refund = t.refund(id, amount);
                        t.try_run(refund);
                    }
                }
                Deed::Dispute { which, part, verdict } => {
                    if let Some(id) = payments.get(which % payments.len().max(1)).copied() {
                        let amount = (t.paid(id).gross / 1_000 * part).max(1);
                        let dispute = t.dispute(id, amount);
                        let (dispute, answer) = t.try_run(dispute);
                        let is_open = matches!(
                            answer, Answer::Done(e) if e.kind == EventKind::DisputeOpened
                        );
                        let verdict = match verdict {
                            0 => DisputeVerdict::PayeeWins,
                            1 => DisputeVerdict::PayerWins,
                            _ => continue,
                        };
                        if is_open {
                            t.run(Op::ResolveDispute { dispute, verdict });
                        }
                    }
                }
                Deed::Rate { rate } => {
                    let mut rules = (*built_in()).clone();
                    for known in &mut rules.rates {
                        if let Charge::Taxed(_) = known.charge {
                            known.charge = Charge::Taxed(ppm(rate));
                        }
                    }
                    europe.rules = Arc::new(rules);
                    europe.put(&mut t);
                }
                Deed::Part { platform } => {
                    europe.settings.part = Part { payment_only: !platform, ..Part::default() };
                    europe.put(&mut t);
                }
                Deed::Days { days } => t.later(days * DAY),
            }
        }
        t.audit();
        let mut returns = Returns::new(TENANT, Date::MIN..Date::MAX);
        let mut state = State::new(5);
        each_event(&t.rows, |event, at| {
            apply(&mut state, event, at);
            returns.note(&state, event);
        });
        prop_assert_eq!(snapshot::digest(&state), snapshot::digest(&t.state));
        prop_assert_eq!(returns.agrees(), Ok(()));
        // And what the accounts hold is what they moved by.
        let mut held = std::collections::BTreeMap::new();
        for (_, a) in state.book.iter() {
            let whose = match a.class {
                AccountClass::Tax => PartyNo::NONE,
                AccountClass::SellerTax => PartyNo(a.owner),
                _ => continue,
            };
            *held.entry((whose, a.sub.to_be_bytes(), a.asset)).or_insert(0) += a.balance;
        }
        let mut posted = returns.posted.clone();
        posted.retain(|_, sum| *sum != 0);
        held.retain(|_, sum: &mut i128| *sum != 0);
        prop_assert_eq!(held, posted);
        // Everything given back, in two parts: nothing is left of tax or turnover.
        for id in payments {
            for parts in [2, 1] {
                let gross = t.paid(id).gross;
                let key = (TENANT, id);
                let rest = gross - t.state.reversed.get(&key).copied().unwrap_or(0);
                if rest > 0 {
                    let refund = t.refund(id, (rest / parts).max(1));
                    t.run(refund);
                }
            }
        }
        let disputed = t.state.disputes.is_empty();
        if refundable && disputed {
            for (_, a) in t.state.book.iter() {
                if matches!(a.class, AccountClass::Tax | AccountClass::SellerTax) {
                    prop_assert_eq!(a.balance, 0);
                }
            }
            for taxpayer in &t.state.taxpayers {
                prop_assert_eq!(taxpayer.turnover().next(), None, "{:?}", taxpayer);
            }
        }
    }
}
