//! Crawlers that say what they would pay.

use crate::stage::{PRICE, Stage, Ways, now};
use base64::{Engine, prelude::*};
use ed25519_dalek::{Signer, SigningKey};
use engine::records::Mode;
use gate::Secret;
use sha2::{Digest, Sha256};

const AGENT: &str = "\"https://crawler.example\"";
const SEED: u8 = 1;

/// What a crawler signs, and what it sends.
struct Crawl<'a> {
    authority: String,
    covers: &'a [&'a str],
    price: (&'a str, &'a str),
    created: u64,
    lasts: u64,
    tag: &'a str,
    seed: u8,
}

impl Crawl<'_> {
    fn at(stage: &Stage) -> Crawl<'static> {
        Crawl {
            authority: stage.gate.to_string(),
            covers: &["@authority", "signature-agent", "crawler-max-price"],
            price: ("crawler-max-price", "USD 0.01"),
            created: now().seconds,
            lasts: 60,
            tag: "web-bot-auth",
            seed: SEED,
        }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let key = SigningKey::from_bytes(&[self.seed; 32]);
        let x = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let keyid = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(jwk));
        let covers = self.covers.iter().map(|name| format!("\"{name}\""));
        let input = format!(
            "({});created={};expires={};keyid=\"{keyid}\";alg=\"ed25519\";tag=\"{}\"",
            covers.collect::<Vec<_>>().join(" "),
            self.created,
            self.created + self.lasts,
            self.tag,
        );
        let mut text = String::new();
        for name in self.covers {
            let value = match *name {
                "@authority" => &self.authority,
                "@method" => "GET",
                "@path" => "/articles/a",
                "signature-agent" => AGENT,
                _ => self.price.1,
            };
            text += &format!("\"{name}\": {value}\n");
        }
        text += &format!("\"@signature-params\": {input}");
        let signature = BASE64_STANDARD.encode(key.sign(text.as_bytes()).to_bytes());
        let name = match self.price.0 {
            "crawler-exact-price" => "crawler-exact-price",
            _ => "crawler-max-price",
        };
        vec![
            (name, self.price.1.to_owned()),
            ("signature-agent", AGENT.to_owned()),
            ("signature-input", format!("sig1={input}")),
            ("signature", format!("sig1=:{signature}:")),
        ]
    }
}

/// The answer's status, `crawler-error`, and `crawler-charged`.
async fn ask(stage: &Stage, path: &str, headers: &[(&str, String)]) -> (u16, String, String) {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let answer = stage.get(path, &headers).await;
    let told = |name: &str| {
        let value = answer.headers.get(name);
        value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    if answer.status == 402 {
        assert_eq!(told("crawler-price"), "USD 0.005");
    }
    (
        answer.status.as_u16(),
        told("crawler-error"),
        told("crawler-charged"),
    )
}

fn refused(status: u16, error: &str) -> (u16, String, String) {
    (status, error.to_owned(), String::new())
}

#[tokio::test]
async fn a_crawler_pays_the_price_once_for_each_signature() {
    let stage = Stage::set().await;
    let payer = stage.payer(SEED).await;
    assert_eq!(ask(&stage, "/articles/a", &[]).await, refused(402, ""));
    let crawl = Crawl::at(&stage).headers();
    let charged = (200, String::new(), "USD 0.005".to_owned());
    assert_eq!(ask(&stage, "/articles/a", &crawl).await, charged);
    let replayed = refused(400, "InvalidSignature");
    assert_eq!(ask(&stage, "/articles/a", &crawl).await, replayed);
    let exact = Crawl {
        covers: &[
            "@authority",
            "@path",
            "signature-agent",
            "crawler-exact-price",
        ],
        price: ("crawler-exact-price", "USD 0.005"),
        ..Crawl::at(&stage)
    };
    // What it covers beyond what is needed is checked too.
    let exact = exact.headers();
    assert_eq!(ask(&stage, "/articles/b", &exact).await, replayed);
    assert_eq!(ask(&stage, "/articles/a", &exact).await, charged);
    let failing = Crawl {
        lasts: 61,
        ..Crawl::at(&stage)
    };
    let failed = refused(500, "");
    assert_eq!(
        ask(&stage, "/articles/500", &failing.headers()).await,
        failed
    );
    stage.spent(&payer, 2 * PRICE).await;
}

#[tokio::test]
async fn a_crawl_that_is_not_right_is_refused_by_name() {
    let stage = Stage::set().await;
    let payer = stage.payer(SEED).await;
    let at = || Crawl::at(&stage);
    const MAX: &str = "crawler-max-price";
    let (max, exact) = (MAX, "crawler-exact-price");
    let exactly = ["@authority", "signature-agent", "crawler-exact-price"];
    let invalid = (400, "InvalidSignature");
    let rows: Vec<(Crawl<'_>, (u16, &str))> = vec![
        (
            Crawl {
                price: (max, "USD 0.004"),
                ..at()
            },
            (402, "InvalidCrawlerMaxPrice"),
        ),
        (
            Crawl {
                price: (max, "EUR 1"),
                ..at()
            },
            (402, "InvalidCrawlerMaxPrice"),
        ),
        (
            Crawl {
                price: (exact, "USD 0.006"),
                covers: &exactly,
                ..at()
            },
            (402, "InvalidCrawlerExactPrice"),
        ),
        (
            Crawl {
                price: (max, "0.01"),
                ..at()
            },
            (400, "InvalidCrawlerPriceValue"),
        ),
        (
            Crawl {
                price: (max, "USD -1"),
                ..at()
            },
            (400, "InvalidCrawlerPriceValue"),
        ),
        (
            Crawl {
                price: (max, "USD 0.01 "),
                tag: "else",
                ..at()
            },
            (400, "StrongAuthRequired"),
        ),
        (
            Crawl {
                authority: "other.example".into(),
                ..at()
            },
            invalid,
        ),
        (
            Crawl {
                covers: &["@authority", "signature-agent"],
                ..at()
            },
            invalid,
        ),
        (
            Crawl {
                covers: &["signature-agent", MAX],
                ..at()
            },
            invalid,
        ),
        (
            Crawl {
                covers: &["@authority", MAX],
                ..at()
            },
            invalid,
        ),
        (
            Crawl {
                covers: &["@authority", "@status", "signature-agent", MAX],
                ..at()
            },
            invalid,
        ),
        (
            Crawl {
                created: now().seconds - 61,
                ..at()
            },
            invalid,
        ),
        (
            Crawl {
                created: now().seconds + 40,
                ..at()
            },
            invalid,
        ),
        (Crawl { lasts: 601, ..at() }, invalid),
        (Crawl { seed: 9, ..at() }, (403, "CrawlerForbidden")),
    ];
    for (index, (crawl, (status, error))) in rows.iter().enumerate() {
        let told = ask(&stage, "/articles/a", &crawl.headers()).await;
        assert_eq!(told, refused(*status, error), "row {index}");
    }
    // Headers that are not what was signed, or not there.
    let good = at().headers();
    let mut dearer = good.clone();
    dearer[0].1 = "USD 0.02".to_owned();
    assert_eq!(
        ask(&stage, "/articles/a", &dearer).await,
        refused(400, "InvalidSignature")
    );
    let mut both = good.clone();
    both.push((exact, "USD 0.005".to_owned()));
    assert_eq!(
        ask(&stage, "/articles/a", &both).await,
        refused(400, "ConflictingPriceHeaders")
    );
    let unsigned = &good[..1];
    assert_eq!(
        ask(&stage, "/articles/a", unsigned).await,
        refused(400, "StrongAuthRequired")
    );
    let unpriced = &good[1..];
    assert_eq!(
        ask(&stage, "/articles/a", unpriced).await,
        refused(402, "MissingCrawlerPrice")
    );
    stage.spent(&payer, 0).await;
    // Half a dollar is more than it has.
    let dear = Crawl {
        price: (max, "USD 1"),
        ..at()
    };
    assert_eq!(
        ask(&stage, "/dear/a", &dear.headers()).await,
        refused(403, "PaymentFailed")
    );
    // One whose key was taken away.
    stage.revoke(&Secret::new(&[SEED; 32]).public());
    assert_eq!(
        ask(&stage, "/articles/a", &good).await,
        refused(403, "CrawlerForbidden")
    );
    // Whoever does not have it learns no more of it.
    assert_eq!(
        ask(&stage, "/articles/a", &dearer).await,
        refused(403, "CrawlerForbidden")
    );
}

#[tokio::test]
async fn a_gate_that_takes_its_name_from_clients_takes_no_crawls_of_live_money() {
    let stage = Stage::set_in(Ways {
        mode: Mode::Live,
        ..Ways::default()
    })
    .await;
    let asked = stage.get("/articles/a", &[]).await;
    assert_eq!(asked.status, 402);
    assert_eq!(asked.text("crawler-price"), "");
    let crawl = Crawl::at(&stage).headers();
    let none = refused(400, "PaymentFailed");
    assert_eq!(ask(&stage, "/articles/a", &crawl).await, none);
}
