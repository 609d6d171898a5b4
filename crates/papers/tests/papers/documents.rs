//! Fifty-odd papers, as different as they come: sellers and buyers of many countries, every
//! treatment, several rates, foreign currency, rounding, discounts, many lines, corrections.

use money::{Asset, Atoms, Ppm, Rate, Rounding as Exact};
use papers::facts::{
    Adjustment, Contact, Endpoint, Kind, National, Paid, Party, Reference, Supply, TaxCurrency,
    TaxRule, Treatment,
};
use papers::{Date, Draft, Language};

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn ppm(tenths_of_percent: u32) -> Ppm {
    Ppm::new(tenths_of_percent * 1_000).unwrap()
}

pub fn asset(code: &str) -> Asset {
    Asset::known(code).unwrap()
}

/// Country, name, street, city, postcode, tax number, register, endpoint.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const PARTIES: &[Row] = &[
    ("DE", "Zeitung am Fluss GmbH", "Uferstraße 12", "Köln", "50667", "DE136695976", "HRB 86891", "9930:DE136695976"),
    ("FR", "Éditions de l'Été SARL", "7 rue de la Paix", "Paris", "75002", "FR40303265045", "303265045", "9957:FR40303265045"),
    ("AT", "Donau Medien AG", "Ring 1", "Wien", "1010", "ATU13585627", "FN 71396w", "9914:ATU13585627"),
    ("IE", "Liffey Streams Ltd", "4 Quay Street", "Dublin", "D01 F5P2", "IE6433435F", "400000", "9935:IE6433435F"),
    ("ES", "Música Ñandú S.L.", "Calle Mayor 3", "Madrid", "28013", "ESB58378431", "B58378431", "9920:ESB58378431"),
    ("PL", "Wydawnictwo Łódź sp. z o.o.", "Piotrkowska 5", "Łódź", "90-001", "PL8567346215", "0000123456", "9945:PL8567346215"),
    ("BE", "Scheldekrant NV", "Kaai 9", "Antwerpen", "2000", "BE0403019261", "0403019261", "0208:0403019261"),
    ("FI", "Järvi Media Oy", "Rantatie 2", "Helsinki", "00100", "FI20774740", "20774740", "0216:003720774740"),
    ("PT", "Edições Tejo Lda", "Rua Augusta 1", "Lisboa", "1100-048", "PT501964843", "501964843", "9946:PT501964843"),
    ("CZ", "Vltava s.r.o.", "Nábřeží 8", "Praha", "110 00", "CZ25123891", "25123891", "9929:CZ25123891"),
    ("GB", "Thames Reader Ltd", "1 Bridge Row", "London", "SE1 9SG", "GB980780684", "07598000", "9932:GB980780684"),
    ("CH", "Limmat Verlag AG", "Limmatquai 4", "Zürich", "8001", "CHE107787577MWST", "CHE-107.787.577", "0183:CHE107787577"),
    ("JP", "墨田出版株式会社", "吾妻橋1-1", "東京都墨田区", "130-0001", "T7000012050002", "7000012050002", "0221:T7000012050002"),
    ("KR", "한강미디어 주식회사", "여의대로 1", "서울특별시", "07320", "1168119948", "1101110000001", ""),
    ("US", "Hudson Data Inc.", "5 Pier Ave", "New York", "10004", "", "DE-5521", "0088:4012345000009"),
];

pub fn party(country: &str) -> Party {
    let row = PARTIES.iter().find(|row| row.0 == country).unwrap();
    let (_, name, street, city, postcode, tax, register, endpoint) = *row;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Party {
        id: format!("par_{}", country.to_lowercase()),
        name: name.to_owned(),
        street: some(street),
        city: some(city),
        postcode: some(postcode),
        country: country.to_owned(),
        tax_number: some(tax),
        registration: some(register),
        endpoint: endpoint.split_once(':').map(|(scheme, id)| Endpoint {
            scheme: scheme.to_owned(),
            id: id.to_owned(),
        }),
        contact: Some(Contact {
            name: Some("Accounts".to_owned()),
            phone: Some("+49 221 5550100".to_owned()),
            email: Some("accounts@example.com".to_owned()),
        }),
    }
}

pub fn consumer(country: &str) -> Party {
    Party {
        id: "par_consumer".to_owned(),
        name: "R. Example".to_owned(),
        country: country.to_owned(),
        ..Party::default()
    }
}

/// A payment of a price with the tax within, split to the atom.
pub fn supply(product: &str, gross: &str, asset: &Asset, rate: Ppm, day: u8) -> Supply {
    let gross = asset.parse(gross).unwrap();
    let tax = rate.included_in(gross, Exact::HalfEven);
    Supply {
        payment: format!("pay_{product}_{day}"),
        date: Date::new(2026, 3, day).unwrap(),
        product: product.to_owned(),
        category: "standard".to_owned(),
        quantity: 1,
        net: Atoms(gross.get() - tax.get()),
        tax,
        rate,
        treatment: Treatment::Taxed,
        reason: None,
    }
}

/// A payment on which nothing is charged.
pub fn free(product: &str, net: &str, asset: &Asset, treatment: Treatment, day: u8) -> Supply {
    let reason = match treatment {
        Treatment::Taxed | Treatment::ZeroRated => None,
        Treatment::Exempt => Some("Directive 2006/112/EC art. 132(1)(i)"),
        Treatment::ReverseCharge => Some("Directive 2006/112/EC art. 196"),
        Treatment::Export => Some("Directive 2006/112/EC art. 146"),
        Treatment::OutOfScope => Some("Directive 2006/112/EC art. 44"),
    };
    Supply {
        treatment,
        reason: reason.map(str::to_owned),
        ..supply(product, net, asset, Ppm::ZERO, day)
    }
}

pub fn draft(
    number: &str,
    seller: &str,
    buyer: Party,
    asset: Asset,
    supplies: Vec<Supply>,
) -> Draft {
    let is_business = buyer.endpoint.is_some();
    Draft {
        kind: Kind::Invoice,
        number: number.to_owned(),
        issued: date("2026-04-01"),
        due: None,
        language: Language::En,
        asset,
        seller: party(seller),
        buyer,
        supplies,
        credited: Vec::new(),
        adjustments: Vec::new(),
        paid: Paid::InFull,
        tax_rule: TaxRule::of(seller),
        tax_currency: None,
        buyer_reference: is_business.then(|| "cost centre 7".to_owned()),
        order: None,
        note: None,
        national: National::default(),
    }
}

fn credited(number: &str, invoice: Draft) -> Draft {
    Draft {
        kind: Kind::CreditNote {
            original: Reference {
                number: invoice.number.clone(),
                issued: invoice.issued,
            },
            reason: "Article could not be opened".to_owned(),
        },
        number: number.to_owned(),
        issued: date("2026-04-15"),
        ..invoice
    }
}

/// A thousand payments of a fraction of a cent, of several products and rates.
pub fn micropayments(asset: &Asset, rates: &[(&str, Ppm)], count: usize) -> Vec<Supply> {
    let payment = |at: usize| {
        let (product, rate) = rates[at % rates.len()];
        // 0.0025 and up, with nine decimals that divide nothing evenly.
        let atoms = 2_500_000 + (at as u64 * 7_919_317) % 9_000_000;
        let gross = asset.format(Atoms(atoms));
        supply(product, &gross, asset, rate, 1 + (at % 31) as u8)
    };
    (0..count).map(payment).collect()
}

fn allowance(reason: &str, net: &str, asset: &Asset, rate: Ppm, is_charge: bool) -> Adjustment {
    let net = asset.parse(net).unwrap();
    Adjustment {
        is_charge,
        reason: reason.to_owned(),
        net,
        tax: rate.of(net, Exact::HalfEven),
        rate,
        treatment: Treatment::Taxed,
    }
}

fn tax_in(asset: &str, paper: &str, rate: &str, shown: &str) -> TaxCurrency {
    let asset = self::asset(asset);
    TaxCurrency {
        asset,
        rate: Rate::from_decimal(rate, &self::asset(paper), &asset).unwrap(),
        shown: shown.to_owned(),
    }
}

/// All of them, each with what it is for.
pub fn all() -> Vec<Draft> {
    let eur = asset("EUR");
    let mut all = Vec::new();
    let mut push = |draft: Draft| all.push(draft);
    // One article, taxed at home, in each country that sells here.
    for (at, (seller, rate)) in [
        ("DE", 190),
        ("FR", 200),
        ("AT", 200),
        ("IE", 230),
        ("ES", 210),
        ("PL", 230),
        ("BE", 210),
        ("FI", 255),
        ("PT", 230),
        ("CZ", 210),
    ]
    .into_iter()
    .enumerate()
    {
        let supplies = vec![supply("Article", "1.19", &eur, ppm(rate), 5)];
        push(draft(
            &format!("HOME-{at}"),
            seller,
            party(seller),
            eur,
            supplies,
        ));
        let supplies = micropayments(&eur, &[("Articles", ppm(rate))], 40);
        push(draft(
            &format!("CONSUMER-{at}"),
            seller,
            consumer(seller),
            eur,
            supplies,
        ));
    }
    // Reverse charge between member states, and corrected.
    for (at, (seller, buyer)) in [
        ("DE", "FR"),
        ("FR", "DE"),
        ("IE", "AT"),
        ("ES", "BE"),
        ("AT", "PL"),
    ]
    .into_iter()
    .enumerate()
    {
        let supplies = vec![
            free(
                "Data calls",
                "12.345678901",
                &eur,
                Treatment::ReverseCharge,
                2,
            ),
            free(
                "Data calls",
                "0.000000001",
                &eur,
                Treatment::ReverseCharge,
                9,
            ),
            free("Archive", "99.99", &eur, Treatment::ReverseCharge, 30),
        ];
        let invoice = draft(&format!("RC-{at}"), seller, party(buyer), eur, supplies);
        push(invoice.clone());
        push(credited(&format!("RC-{at}-C"), invoice));
    }
    // Nothing is charged, for each other reason.
    for (at, treatment) in [Treatment::ZeroRated, Treatment::Exempt, Treatment::Export]
        .into_iter()
        .enumerate()
    {
        let supplies = vec![free("Lesson", "25", &eur, treatment, 4)];
        let invoice = draft(&format!("FREE-{at}"), "DE", party("US"), eur, supplies);
        push(invoice.clone());
        push(credited(&format!("FREE-{at}-C"), invoice));
    }
    let outside = |number: &str, seller: &str, currency: &str| {
        let supplies = vec![free(
            "API calls",
            "7.5",
            &asset(currency),
            Treatment::OutOfScope,
            4,
        )];
        draft(number, seller, party("US"), asset(currency), supplies)
    };
    push(outside("OUT-1", "DE", "EUR"));
    push(outside("OUT-2", "FR", "USD"));
    push(credited("OUT-1-C", outside("OUT-1", "DE", "EUR")));
    // Several rates and treatments on one paper.
    let mixed = || {
        let mut supplies = micropayments(&eur, &[("Stream", ppm(190)), ("E-book", ppm(70))], 100);
        supplies.push(free("Course", "49.9", &eur, Treatment::Exempt, 12));
        supplies.push(free(
            "Donation article",
            "1",
            &eur,
            Treatment::ZeroRated,
            13,
        ));
        supplies
    };
    push(draft("MIX-1", "DE", party("DE"), eur, mixed()));
    push(credited(
        "MIX-1-C",
        draft("MIX-1", "DE", party("DE"), eur, mixed()),
    ));
    let french = [
        ("Vidéo", ppm(200)),
        ("Livre", ppm(55)),
        ("Presse", ppm(21)),
        ("Spectacle", ppm(100)),
    ];
    push(Draft {
        language: Language::Fr,
        ..draft(
            "MIX-2",
            "FR",
            party("FR"),
            eur,
            micropayments(&eur, &french, 333),
        )
    });
    // A month of a thousand micropayments, and of ten thousand.
    let german = [
        ("Artikel", ppm(190)),
        ("Hörbuch & mehr <1>", ppm(190)),
        ("E-Book", ppm(70)),
    ];
    for (number, count) in [("MONTH-1", 1_000), ("MONTH-2", 10_000)] {
        push(Draft {
            language: Language::De,
            ..draft(
                number,
                "DE",
                party("DE"),
                eur,
                micropayments(&eur, &german, count),
            )
        });
    }
    // Rounding each rate parts the sums from what was paid: the rounding amount closes the gap.
    let rates = [
        ("A", ppm(190)),
        ("B", ppm(70)),
        ("C", ppm(55)),
        ("D", ppm(21)),
    ];
    for (number, count) in [("ROUND-1", 4), ("ROUND-2", 13), ("ROUND-3", 29)] {
        push(draft(
            number,
            "AT",
            party("AT"),
            eur,
            micropayments(&eur, &rates, count),
        ));
    }
    // A paper of less than a cent.
    push(draft(
        "DUST-1",
        "FR",
        party("FR"),
        eur,
        vec![supply("Line", "0.0025", &eur, ppm(200), 1)],
    ));
    // Discounts and charges on the whole, paid in part, not at all.
    let discounted = Draft {
        adjustments: vec![
            allowance("Loyalty", "1.50", &eur, ppm(190), false),
            allowance("Priority", "0.333333333", &eur, ppm(190), true),
        ],
        ..draft(
            "DISC-1",
            "DE",
            party("DE"),
            eur,
            vec![supply("Pass", "23.8", &eur, ppm(190), 1)],
        )
    };
    push(discounted.clone());
    push(credited("DISC-1-C", discounted));
    push(Draft {
        paid: Paid::Nothing,
        due: Some(date("2026-04-30")),
        order: Some("PO 4711".to_owned()),
        ..draft(
            "TAB-1",
            "IE",
            party("IE"),
            eur,
            micropayments(&eur, &[("Calls", ppm(230))], 500),
        )
    });
    push(Draft {
        paid: Paid::Part(eur.parse("0.5").unwrap()),
        due: Some(date("2026-04-30")),
        ..draft(
            "TAB-2",
            "PT",
            party("PT"),
            eur,
            micropayments(&eur, &[("Calls", ppm(230))], 500),
        )
    });
    // Foreign currency, the tax in the office's.
    let usd = asset("USD");
    push(Draft {
        tax_currency: Some(tax_in(
            "EUR",
            "USD",
            "0.9123",
            "1 USD = 0.9123 EUR, ECB 2026-03-31",
        )),
        ..draft(
            "FX-1",
            "DE",
            party("DE"),
            usd,
            micropayments(&usd, &[("Calls", ppm(190))], 77),
        )
    });
    let gbp = asset("GBP");
    push(Draft {
        tax_currency: Some(tax_in(
            "EUR",
            "GBP",
            "1.15",
            "1 GBP = 1.15 EUR, ECB 2026-03-31",
        )),
        ..draft(
            "FX-2",
            "IE",
            party("IE"),
            gbp,
            vec![supply("Film", "4.99", &gbp, ppm(230), 3)],
        )
    });
    push(draft(
        "CZK-1",
        "CZ",
        party("CZ"),
        asset("CZK"),
        vec![supply("Kniha", "199", &asset("CZK"), ppm(120), 3)],
    ));
    // Beyond the Union.
    let chf = asset("CHF");
    let swiss = vec![
        supply("Artikel", "2.2", &chf, ppm(81), 3),
        supply("Buch", "9.9", &chf, ppm(26), 3),
    ];
    push(Draft {
        language: Language::De,
        ..draft("CH-1", "CH", party("CH"), chf, swiss)
    });
    push(draft(
        "GB-1",
        "GB",
        party("GB"),
        gbp,
        vec![supply("Film", "4.99", &gbp, ppm(200), 3)],
    ));
    let jpy = asset("JPY");
    let japanese = [("動画", ppm(100)), ("新聞", ppm(80))];
    push(Draft {
        language: Language::Ja,
        national: National {
            qualified_issuer: Some("T7000012050002".to_owned()),
            cash_receipt: None,
        },
        ..draft(
            "JP-1",
            "JP",
            party("JP"),
            jpy,
            micropayments(&jpy, &japanese, 1_000),
        )
    });
    let krw = asset("KRW");
    push(Draft {
        language: Language::Ko,
        ..draft(
            "KR-1",
            "KR",
            consumer("KR"),
            krw,
            micropayments(&krw, &[("기사", ppm(100))], 3_000),
        )
    });
    // Many lines.
    let names: Vec<String> = (1..=180).map(|at| format!("Title {at:03}")).collect();
    let many = names.iter().enumerate().map(|(at, name)| {
        let price = format!("{}.{:02}", 1 + at % 9, at % 100);
        supply(
            name,
            &price,
            &eur,
            ppm(if at % 3 == 0 { 70 } else { 190 }),
            1 + (at % 28) as u8,
        )
    });
    push(draft("MANY-1", "DE", party("DE"), eur, many.collect()));
    // Words that XML does not take as they are.
    push(Draft {
        note: Some("\"Quoted\" & <tagged>, 50 % off — thank you".to_owned()),
        ..draft(
            "TEXT-1",
            "ES",
            party("ES"),
            eur,
            vec![supply("Canción & <más>", "0.99", &eur, ppm(210), 3)],
        )
    });
    all
}
