//! What a payment says of itself for tax, what a supplier is, and what was decided, on the wire.

use super::ReassessedPosting;
use crate::problem::{Outcome, Problem};
use crate::types::CountryText;
use engine::records::{PartyNo, TenantNo};
use engine::taxes::{Case, Facts, TaxInForce};
use engine::{Code, State};
use ledger::{AccountClass, AccountNo, AssetNo, Source};
use money::Ppm;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tax::evidence::{Item, Via};
use tax::supply::{Event, Pricing, Registration, Scheme};
use tax::{Category, Country, Date, Outcome as TaxOutcome, Place, Role, Supplier, Treatment};
use utoipa::ToSchema;

/// Parts per million as a percentage, without a float.
#[must_use]
pub fn percent(ppm: u32) -> String {
    let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What was done, in a line.
pub(super) fn treated((place, rate, treatment): (Option<Place>, Ppm, Treatment)) -> String {
    let place = place.map_or("nowhere".to_owned(), |place| place.to_string());
    format!("{} {place} {}", treatment.as_str(), percent(rate.get()))
}

fn malformed(field: &str, words: impl Into<String>) -> Box<Problem> {
    Problem::of(Code::Malformed, words.into()).at(field)
}

fn known(country: CountryText, field: &str) -> Outcome<Country> {
    let found = engine::taxes::country(country.0);
    found.ok_or_else(|| malformed(field, "a country that is known"))
}

/// What was observed of where the payer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceGiven {
    /// The country of the billing address; the payer's registered country, if not given.
    pub billing_address: Option<CountryText>,
    /// The country of the IP address, or of another geolocation.
    pub ip: Option<CountryText>,
    /// The country of the bank or of the card's issuer.
    pub bank: Option<CountryText>,
    /// The country of the SIM card.
    pub sim: Option<CountryText>,
    /// The country of the fixed land line.
    pub landline: Option<CountryText>,
    /// The country that other commercially relevant information tells.
    pub other: Option<CountryText>,
}

/// What a payment says of itself for tax; what is not given is ordinary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FactsGiven {
    /// What is supplied: `standard`, `e_book`, `e_publication`, `broadcast`, `telecom`, `transport`,
    /// `gambling`, `charity`, `education` or `financial`.
    #[schema(value_type = Option<String>, examples("e_book"))]
    pub category: Option<Category>,
    /// What was observed of where the payer is.
    pub evidence: EvidenceGiven,
    /// The region of the billing address, two letters, where its country taxes by region.
    #[schema(examples("QC"))]
    pub region: Option<String>,
    /// `mobile` or `landline`: the payer is where that is from; `internet`, if not given.
    pub via: Option<ViaGiven>,
    /// The country of a place where the payer has to be: a hot spot, a kiosk.
    pub site: Option<CountryText>,
    /// `inclusive` or `exclusive`; as the tenant's settings have it, if not given.
    #[schema(value_type = Option<String>, examples("inclusive"))]
    pub pricing: Option<Pricing>,
    /// `supplied`, or a voucher's: `single_purpose_sold`, `single_purpose_drawn`,
    /// `multi_purpose_sold`, `multi_purpose_used`.
    #[schema(value_type = Option<String>, examples("supplied"))]
    pub event: Option<Event>,
    /// Where it is carried out, if that decides: carriage.
    pub performed_in: Option<CountryText>,
}

/// How the service reaches the payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViaGiven {
    /// Some way that tells nothing.
    Internet,
    /// Through a fixed land line.
    Landline,
    /// Through a mobile network.
    Mobile,
}

impl FactsGiven {
    /// As the engine has them. `field` is where they stand.
    ///
    /// # Errors
    /// `malformed`, naming the field.
    pub fn read(&self, field: &str) -> Outcome<Facts> {
        let mut facts = Facts {
            category: self.category.unwrap_or_default(),
            event: self.event.unwrap_or_default(),
            pricing: self.pricing,
            ..Facts::default()
        };
        let given = &self.evidence;
        for (item, said) in [
            (Item::BillingAddress, given.billing_address),
            (Item::Ip, given.ip),
            (Item::Bank, given.bank),
            (Item::Sim, given.sim),
            (Item::Landline, given.landline),
            (Item::Other, given.other),
        ] {
            if let Some(said) = said {
                let at = format!("{field}.evidence.{}", item.as_str());
                facts.evidence = facts.evidence.with(item, known(said, &at)?);
            }
        }
        if let Some(region) = &self.region {
            let letters: Option<[u8; 2]> = region.as_bytes().try_into().ok();
            let letters = letters.filter(|two| two.iter().all(u8::is_ascii_uppercase));
            let at = format!("{field}.region");
            facts.evidence.region = letters.ok_or_else(|| malformed(&at, "two capital letters"))?;
        }
        facts.evidence.via = match (self.via, self.site) {
            (None | Some(ViaGiven::Internet), Some(site)) => {
                Via::Site(known(site, &format!("{field}.site"))?)
            }
            (Some(_), Some(_)) => {
                return Err(malformed(
                    &format!("{field}.site"),
                    "give `via` or `site`, not both",
                ));
            }
            (Some(ViaGiven::Landline), None) => Via::Landline,
            (Some(ViaGiven::Mobile), None) => Via::Mobile,
            (None | Some(ViaGiven::Internet), None) => Via::Internet,
        };
        if let Some(place) = self.performed_in {
            facts.performed_in = Some(known(place, &format!("{field}.performed_in"))?);
        }
        Ok(facts)
    }
}

/// A registration of a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationText {
    /// `national`, `oss_union`, `oss_non_union` or `ioss`.
    #[schema(value_type = String, examples("oss_union"))]
    pub scheme: Scheme,
    /// Where.
    pub country: CountryText,
    /// From this day; ever, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples("2026-01-01"))]
    pub from: Option<String>,
    /// Until before this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples("2027-01-01"))]
    pub until: Option<String>,
}

/// A supplier: the operator, or a seller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupplierText {
    /// Where it is established.
    pub country: CountryText,
    /// Whether it is established in another member state too.
    #[serde(default)]
    pub elsewhere_in_union: bool,
    /// Whether it is a small enterprise, exempt at home.
    #[serde(default)]
    pub small_enterprise: bool,
    /// Its registrations, beyond the one at home.
    #[serde(default)]
    #[schema(max_items = 128)]
    pub registrations: Vec<RegistrationText>,
}

impl SupplierText {
    /// As it is in State.
    pub fn of(supplier: &Supplier) -> SupplierText {
        let day = |day: Date, none: Date| (day != none).then(|| day.to_string());
        let registrations = supplier.registrations.iter().map(|r| RegistrationText {
            scheme: r.scheme,
            country: CountryText(engine::terms::Country(r.country.code())),
            from: day(r.from, Date::MIN),
            until: day(r.until, Date::MAX),
        });
        SupplierText {
            country: CountryText(engine::terms::Country(supplier.country.code())),
            elsewhere_in_union: supplier.elsewhere_in_union,
            small_enterprise: supplier.small_enterprise,
            registrations: registrations.collect(),
        }
    }

    /// As the engine has it.
    ///
    /// # Errors
    /// `malformed`, naming the field.
    pub fn read(&self, field: &str) -> Outcome<Supplier> {
        let day = |text: &Option<String>, none: Date, name: &str| match text {
            None => Ok(none),
            Some(text) => text.parse::<Date>().map_err(|error| {
                malformed(&format!("{field}.registrations.{name}"), error.to_string())
            }),
        };
        let mut registrations = Vec::new();
        for given in &self.registrations {
            registrations.push(Registration {
                scheme: given.scheme,
                country: known(given.country, &format!("{field}.registrations.country"))?,
                from: day(&given.from, Date::MIN, "from")?,
                until: day(&given.until, Date::MAX, "until")?,
            });
        }
        Ok(Supplier {
            country: known(self.country, &format!("{field}.country"))?,
            elsewhere_in_union: self.elsewhere_in_union,
            small_enterprise: self.small_enterprise,
            registrations,
        })
    }
}

/// What was decided of a payment's tax.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TaxDecided)]
pub struct Decided {
    /// The version of the tenant's tax rules.
    pub rules_version: u32,
    /// The sale.
    pub sale: Part,
    /// The platform's fee, its own supply to the seller.
    pub fee: Part,
    /// What was observed of where the payer is, by kind; kept whether or not it agrees.
    pub evidence: BTreeMap<&'static str, String>,
    /// Which of it contradicts the place.
    pub conflict: Vec<&'static str>,
}

/// What was decided of one supply.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TaxDecidedPart)]
pub struct Part {
    /// `taxed`, `zero_rated`, `exempt`, `reverse_charge`, `out_of_scope` or `shown_only`.
    pub treatment: &'static str,
    /// What is supplied.
    pub category: &'static str,
    /// Where it is taxed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub place: Option<String>,
    /// The rate, percent.
    pub percent: String,
    /// Who supplies in the law's eyes, and owes the tax: `seller` or `operator`.
    pub supplier: &'static str,
    /// The registration it is declared under: `oss_union:IE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub registration: Option<String>,
    /// How tax is rounded there: `half_even`, `up` or `down`.
    pub rounding: String,
    /// The act and article of the rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub act: Option<String>,
    /// Why, each with its article.
    pub reasons: Vec<ReasonText>,
}

/// A reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TaxReason)]
pub struct ReasonText {
    /// Its stable name.
    pub code: &'static str,
    /// What it says.
    pub words: &'static str,
    /// Whether somebody should look.
    pub to_review: bool,
}

impl Decided {
    /// A case as it is told.
    #[must_use]
    pub fn of(case: &Case) -> Decided {
        let part = |outcome: &TaxOutcome, act: &str, supplier| Part {
            treatment: outcome.treatment.as_str(),
            category: outcome.category.as_str(),
            place: outcome.place.map(|place| place.to_string()),
            percent: percent(outcome.rate.get()),
            supplier,
            registration: outcome.registration.map(|(scheme, country)| {
                let scheme = engine::taxes::returns::scheme_name(scheme);
                format!("{scheme}:{country}")
            }),
            rounding: outcome.rounding.mode.to_string(),
            act: (!act.is_empty()).then(|| act.to_owned()),
            reasons: outcome.reasons.iter().map(ReasonText::of).collect(),
        };
        let supplier = match case.sale.supplier {
            Role::Seller => "seller",
            Role::Platform => "operator",
        };
        let evidence = case.question.evidence();
        let said = Item::ALL.into_iter().filter_map(|item| {
            let country = evidence.get(item)?;
            Some((item.as_str(), country.to_string()))
        });
        Decided {
            rules_version: case.question.rules,
            sale: part(&case.sale, &case.sale_act, supplier),
            fee: part(&case.fee, &case.fee_act, "operator"),
            evidence: said.collect(),
            conflict: case.sale.conflict.iter().map(Item::as_str).collect(),
        }
    }
}

impl ReasonText {
    fn of(reason: tax::Reason) -> ReasonText {
        ReasonText {
            code: reason.as_str(),
            words: reason.words(),
            to_review: reason.needs_review(),
        }
    }
}

/// The postings that bring tax accounts to what they should be: from the seller's income, or the
/// operator's fees. Where a tax account is not open yet nothing is posted to it; the first payment
/// there opens it.
pub(super) fn correction(
    state: &State,
    tenant: TenantNo,
    sums: &BTreeMap<(PartyNo, [u8; 2], AssetNo), i128>,
) -> Vec<ReassessedPosting> {
    let mut postings = Vec::new();
    for ((whose, country, asset), amount) in sums {
        let sub = u16::from_be_bytes(*country);
        let is_tax = |class, owner| {
            move |a: &ledger::Account| {
                (a.class, a.owner, a.sub, a.asset, a.origin) == (class, owner, sub, *asset, None)
            }
        };
        let (tax, other) = if *whose == PartyNo::NONE {
            let fees = |a: &ledger::Account| {
                (a.class, a.owner, a.asset, a.origin)
                    == (AccountClass::Fees, tenant.0, *asset, None)
            };
            (
                find(state, is_tax(AccountClass::Tax, tenant.0)),
                find(state, fees),
            )
        } else {
            let tax = find(state, is_tax(AccountClass::SellerTax, whose.0));
            let earned = |a: &ledger::Account| {
                a.class == AccountClass::Wallet
                    && state.wallets[a.owner as usize].party == *whose
                    && (a.asset, a.source, a.origin) == (*asset, Some(Source::Earned), None)
            };
            (tax, find(state, earned))
        };
        let code = String::from_utf8_lossy(country);
        if let (Some(tax), Some(other)) = (tax, other) {
            let unit = state.assets[usize::from(asset.0)];
            for (account, atoms, what) in [
                (tax, *amount, format!("tax of {code}")),
                (other, -amount, format!("who owes the tax of {code}")),
            ] {
                postings.push(ReassessedPosting {
                    account: account.0,
                    amount: unit.format_signed(atoms),
                    what,
                });
            }
        }
    }
    postings
}

fn find(state: &State, is_it: impl Fn(&ledger::Account) -> bool) -> Option<AccountNo> {
    let mut accounts = state.book.iter();
    accounts
        .find(|(_, account)| is_it(account))
        .map(|(no, _)| no)
}

/// The rules in force in a line or two.
#[must_use]
pub fn hash_text(rules: &TaxInForce) -> String {
    rules
        .hash
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
