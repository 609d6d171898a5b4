//! The oracle's plain commands as the engine's.

use engine::command::{Carried, DisputeVerdict, Share, Spend, TaxRounding};
use engine::ids::{ActorId, MandateId, PartyId, PriceId, TenantId, WalletId};
use engine::prices::Item;
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, PartyNo, PriceNo, Standing, TenantNo};
use engine::taxes::{Facts, Profile, TaxSettings};
use engine::terms::{AssetFee, Country, Limits, ReferenceRate, Terms, Tier};
use engine::time::Zone;
use engine::{Command, Event, Id, Op, UtcMillis};
use ledger::{AssetNo, Source, SourceSet};
use money::{Asset, Atoms, Ppm, Rate};
use oracle::{Every, Op as Plain};
use policy::TierLimits;
use pricing::{Band, Model, Period, Price, Unit};
use risk::{Score, Thresholds};
use std::num::NonZeroU64;
use std::sync::Arc;
use tax::evidence;
use tax::parse::Builder;
use tax::supply::{Part, Pricing, Registration, Scheme};
use tax::{CountryRate, Date, RateTable, Rules, Supplier};

/// The command of a plain one; `carried` finds the event of an id.
pub fn command(plain: &oracle::Command, carried: &mut dyn FnMut(u128) -> Event) -> Command {
    Command {
        id: Id(plain.id),
        tenant: TenantNo(plain.tenant),
        actor: ActorId(Id::NONE),
        op: op(&plain.op, carried),
        besides: None,
    }
}

fn wallet(id: u128) -> WalletId {
    WalletId(Id(id))
}

fn source(no: u8) -> Source {
    Source::ALL[usize::from(no) - 1]
}

fn spend(plain: &oracle::Spend) -> Spend {
    Spend {
        payer: wallet(plain.payer),
        mandate: MandateId(Id(plain.mandate)),
        amount: Atoms(plain.amount),
        asset: AssetNo(plain.asset),
        risk: Score(plain.risk),
        confirmed: (plain.confirmed).into(),
        circumstances: Default::default(),
        tax: facts(plain.seen),
        item: plain.item.map_or(Item::NONE, |item| Item {
            price: PriceNo(item.price),
            unit: item.unit,
            quantity: item.quantity,
        }),
    }
}

/// The definition of a price; its units are called by their numbers.
fn price(plain: &oracle::Price) -> Price {
    let unit = |(at, (amount, per)): (usize, &(u64, u64))| Unit {
        name: at.to_string(),
        amount: Atoms(*amount),
        per: *per,
    };
    let band = |band: &oracle::Band| Band {
        up_to: band.up_to,
        amount: Atoms(band.amount),
        per: band.per,
        base: Atoms(band.base),
    };
    let model = match &plain.model {
        oracle::Model::Flat(amount) => Model::Flat {
            amount: Atoms(*amount),
        },
        oracle::Model::PerUnit(units) => Model::PerUnit {
            units: units.iter().enumerate().map(unit).collect(),
        },
        oracle::Model::Graduated(bands) => Model::Graduated {
            bands: bands.iter().map(band).collect(),
        },
    };
    Price {
        product: 0,
        asset: Asset::known(plain.asset)
            .expect("the town knows its assets")
            .code,
        tax_included: None,
        period: match plain.every {
            Every::Payment => Period::Payment,
            Every::Day => Period::Day,
            Every::Month => Period::Month,
            Every::Year => Period::Year,
            Every::Ever => Period::Ever,
        },
        free: plain.free,
        rate: pricing::Rate {
            base: Atoms::ZERO,
            model,
        },
        variants: Vec::new(),
        refund_restores_use: plain.restores,
    }
}

fn land(code: [u8; 2]) -> tax::Country {
    tax::Country::new(code).expect("the town knows its countries")
}

/// Two observations of one country.
fn facts(seen: Option<[u8; 2]>) -> Facts {
    let mut facts = Facts::default();
    for item in [evidence::Item::Ip, evidence::Item::Bank] {
        if let Some(seen) = seen {
            facts.evidence = facts.evidence.with(item, land(seen));
        }
    }
    facts
}

fn registration(place: &[u8; 2]) -> Registration {
    Registration {
        scheme: Scheme::National,
        country: land(*place),
        from: Date::MIN,
        until: Date::MAX,
    }
}

/// The rules as the files that a tenant would give.
fn tax_rules(plain: &oracle::TaxRules) -> Rules {
    let mut builder = Builder::default();
    let source = "source = { act = \"An act\", link = \"https://example.org\", \
                  certainty = \"official\", checked = 2026-11-23 }";
    for (code, (ppm, beyond)) in &plain.countries {
        let code = String::from_utf8_lossy(code);
        let rule = match plain.platform_supplies {
            true => "presumed",
            false => "seller",
        };
        let mut text = format!(
            "country = \"{code}\"\n[facts]\nname = \"{code}\"\ntax = \"VAT\"\n\
             currency = \"EUR\"\n[facts.abroad]\nfrom = 2010-01-01\nbusiness = \"charged\"\n\
             {source}\n[facts.platforms]\nfrom = 2010-01-01\nrule = \"{rule}\"\n{source}\n\
             [[rate]]\ncategory = [\"standard\"]\n{source}\n\
             steps = [{{ from = 2016-01-01, percent = \"{}.{:04}\" }}]\n",
            ppm / 10_000,
            ppm % 10_000,
        );
        if let Some(atoms) = beyond {
            text += &format!(
                "[[threshold]]\nscope = \"country\"\namount = \"{}.{:09}\"\nasset = \"USD\"\n\
                 over = \"calendar_year\"\nfrom = 2010-01-01\n{source}\n",
                atoms / 1_000_000_000,
                atoms % 1_000_000_000,
            );
        }
        builder
            .country(&code, &text)
            .expect("what the town writes can be read");
    }
    builder.build().expect("and is whole")
}

fn tax_settings(plain: &oracle::TaxRules) -> TaxSettings {
    TaxSettings {
        operator: Supplier::of(land(plain.home)),
        part: Part {
            payment_only: !plain.platform_supplies,
            authorises_charge: true,
            ..Part::default()
        },
        pricing: Pricing::Inclusive,
        format_is_enough: false,
    }
}

fn standing(plain: oracle::Standing) -> Standing {
    match plain {
        oracle::Standing::Active => Standing::Active,
        oracle::Standing::Frozen => Standing::Frozen,
        oracle::Standing::Closed => Standing::Closed,
    }
}

fn ppm(parts: u32) -> Ppm {
    Ppm::new(parts).expect("the town makes no more than the whole")
}

fn terms(plain: &oracle::Terms) -> Terms {
    let tiers = |rows: &[[Option<u64>; 3]; 5]| {
        rows.map(|[per_payment, per_day, per_month]| TierLimits {
            per_payment,
            per_day,
            per_month,
        })
    };
    let rate = |(num, den): (u64, u64)| {
        let den = NonZeroU64::new(den).expect("the town makes no rate by zero");
        Rate::new(num, den).expect("nor a rate of zero")
    };
    let withdrawable: Vec<Source> = plain.withdrawable.iter().map(|s| source(*s)).collect();
    Terms {
        fee_share: ppm(plain.fee_ppm),
        fee_minimums: plain
            .fee_minimum
            .iter()
            .map(|(asset, minimum)| AssetFee {
                asset: AssetNo(*asset),
                minimum: Atoms(*minimum),
            })
            .collect(),
        fee_refundable: plain.fee_refundable,
        tax: RateTable::new(plain.tax_ppm.iter().map(|(country, parts)| CountryRate {
            country: *country,
            rate: ppm(*parts),
        })),
        limits: plain.limits.as_ref().map(|limits| Limits {
            asset: AssetNo(limits.asset),
            tiers: tiers(&limits.tiers),
        }),
        refund_restores_room: plain.refund_restores_room,
        reference_rates: plain
            .rates
            .iter()
            .map(|((base, quote), ratio)| ReferenceRate {
                base: AssetNo(*base),
                quote: AssetNo(*quote),
                rate: rate(*ratio),
            })
            .collect(),
        risk: Thresholds {
            step_up_at: plain.step_up_at.map(Score),
            deny_at: plain.deny_at.map(Score),
        },
        funding_order: plain.funding_order.iter().map(|s| source(*s)).collect(),
        withdrawable: SourceSet::of(&withdrawable),
        hold_ms_max: plain.hold_ms_max,
        hold_ms_default: plain.hold_ms_default,
        agent_risk: Score(0),
        step_up_ms: plain.step_up_ms,
        refusals_per_second: plain.refusals_per_second,
        zone: Zone {
            name: "Nowhere".to_owned(),
            first_offset_s: plain.offset_s,
            transitions: plain
                .offset_then
                .iter()
                .map(|(from, offset)| (UtcMillis(*from), *offset))
                .collect(),
        },
    }
}

/// By which case a share of a payment was decided; 0 if by none.
fn case_of(event: &Event, payment: Id, share: usize) -> u32 {
    use engine::EventKind::{Captured, Paid, Split};
    let part = event.part(payment);
    let part = part.filter(|part| matches!(part.kind, Paid | Captured | Split));
    let moves = part.map(|part| part.tax_moves(|_| PartyNo::NONE).collect::<Vec<_>>());
    let moves = moves.unwrap_or_default();
    moves
        .get(share % moves.len().max(1))
        .map_or(0, |moved| moved.case)
}

fn op(plain: &Plain, carried: &mut dyn FnMut(u128) -> Event) -> Op {
    let mut carry = |id: u128| Carried::from(carried(id));
    match plain {
        Plain::Pay { spend: s, payee } => Op::Pay {
            spend: spend(s),
            payee: wallet(*payee),
        },
        Plain::Authorize {
            spend: s,
            payee,
            expires,
        } => Op::Authorize {
            spend: spend(s),
            payee: wallet(*payee),
            expires: expires.map(UtcMillis),
        },
        Plain::Transfer { spend: s, payee } => Op::Transfer {
            spend: spend(s),
            payee: wallet(*payee),
        },
        Plain::Split { spend: s, payees } => Op::Split {
            spend: spend(s),
            payees: payees
                .iter()
                .map(|(payee, weight)| Share {
                    payee: wallet(*payee),
                    weight: *weight,
                })
                .collect(),
        },
        Plain::Capture {
            payment,
            amount,
            last,
        } => Op::Capture {
            payment: Id(*payment),
            amount: Atoms(*amount),
            asset: None,
            last: *last,
        },
        Plain::Void { payment } => Op::Void {
            payment: Id(*payment),
        },
        Plain::Refund {
            payment,
            amount,
            carried,
        } => Op::Refund {
            payment: Id(*payment),
            amount: Atoms(*amount),
            carried: carry(*carried),
        },
        Plain::Group { items } => Op::Group {
            items: items
                .iter()
                .map(|(id, item)| (Id(*id), op(item, carried)))
                .collect(),
        },
        Plain::SetShard {
            window_ms,
            entries_max,
        } => Op::SetShard {
            window: Window {
                window_ms: *window_ms,
                entries_max: *entries_max,
            },
        },
        Plain::RegisterAsset { code } => Op::RegisterAsset {
            asset: Asset::known(code).expect("the town knows its assets"),
        },
        Plain::OpenTenant { tenant } => Op::OpenTenant {
            tenant: TenantId(Id(*tenant)),
            mode: Mode::Test,
        },
        Plain::SetTerms { terms: t } => Op::SetTerms {
            terms: Box::new(terms(t)),
        },
        Plain::SetTax { rules } => Op::SetTax {
            rules: rules.as_deref().map(|rules| Arc::new(tax_rules(rules))),
            settings: rules.as_deref().map(|rules| Box::new(tax_settings(rules))),
        },
        Plain::SetSeller { party, seller } => Op::SetTaxpayer {
            party: PartyId(Id(*party)),
            profile: Box::new(Profile {
                supplier: Some(Supplier {
                    registrations: seller.registered.iter().map(registration).collect(),
                    ..Supplier::of(land(seller.home))
                }),
                buyer: None,
            }),
        },
        Plain::SetPrice {
            price: id,
            from,
            definition,
        } => Op::SetPrice {
            price: PriceId(Id(*id)),
            from: from.map(UtcMillis),
            definition: Box::new(price(definition)),
        },
        Plain::ArchivePrice { price } => Op::ArchivePrice {
            price: PriceId(Id(*price)),
        },
        Plain::RoundTax(rounding) => Op::RoundTax {
            paper: Id(rounding.paper),
            rounding: TaxRounding {
                case: match rounding.payment {
                    0 => 0,
                    payment => case_of(&carried(payment), Id(payment), rounding.share),
                },
                seller: PartyId(Id(rounding.seller)),
                is_fee: rounding.is_fee,
                country: Country(rounding.country),
                asset: AssetNo(rounding.asset),
                amount: rounding.amount,
            },
        },
        Plain::RegisterParty {
            party,
            country,
            tier,
        } => Op::RegisterParty {
            party: PartyId(Id(*party)),
            kind: PartyKind::Person,
            country: Country(*country),
            tier: Tier(*tier),
            particulars: Default::default(),
        },
        Plain::ChangeParty {
            party,
            country,
            tier,
            standing: s,
        } => Op::ChangeParty {
            party: PartyId(Id(*party)),
            country: country.map(Country),
            tier: tier.map(Tier),
            standing: s.map(standing),
            particulars: None,
        },
        Plain::OpenWallet { wallet: w, party } => Op::OpenWallet {
            wallet: wallet(*w),
            party: PartyId(Id(*party)),
        },
        Plain::ChangeWallet {
            wallet: w,
            standing: s,
        } => Op::ChangeWallet {
            wallet: wallet(*w),
            standing: standing(*s),
        },
        Plain::SetCredit {
            wallet: w,
            asset,
            limit,
        } => Op::SetCredit {
            wallet: wallet(*w),
            asset: AssetNo(*asset),
            limit: Atoms(*limit),
        },
        Plain::TopUp {
            wallet: w,
            asset,
            amount,
            source: s,
            channel,
            spendable,
        } => Op::TopUp {
            wallet: wallet(*w),
            asset: AssetNo(*asset),
            amount: Atoms(*amount),
            source: source(*s),
            channel: Channel(*channel),
            spendable: *spendable,
        },
        Plain::SettleTopUp { topup } => Op::SettleTopUp { topup: Id(*topup) },
        Plain::ReverseTopUp {
            topup,
            amount,
            carried,
        } => Op::ReverseTopUp {
            topup: Id(*topup),
            amount: Atoms(*amount),
            carried: carried.map(carry),
        },
        Plain::SettleEarned {
            wallet: w,
            asset,
            origin,
            amount,
        } => Op::SettleEarned {
            wallet: wallet(*w),
            asset: AssetNo(*asset),
            origin: source(*origin),
            amount: Atoms(*amount),
        },
        Plain::Withdraw {
            wallet: w,
            asset,
            amount,
            channel,
        } => Op::Withdraw {
            wallet: wallet(*w),
            asset: AssetNo(*asset),
            amount: Atoms(*amount),
            channel: Channel(*channel),
        },
        Plain::SendWithdrawal { withdrawal } => Op::SendWithdrawal {
            withdrawal: Id(*withdrawal),
        },
        Plain::SettleWithdrawal { withdrawal } => Op::SettleWithdrawal {
            withdrawal: Id(*withdrawal),
        },
        Plain::ReturnWithdrawal { withdrawal } => Op::ReturnWithdrawal {
            withdrawal: Id(*withdrawal),
        },
        Plain::GrantMandate {
            payer,
            agent,
            asset,
            per_payment,
            per_day,
            payees,
            expires,
        } => Op::GrantMandate {
            payer: wallet(*payer),
            agent: PartyId(Id(*agent)),
            asset: AssetNo(*asset),
            per_payment: per_payment.map(Atoms),
            per_day: per_day.map(Atoms),
            payees: payees.iter().map(|p| wallet(*p)).collect(),
            expires: UtcMillis(*expires),
        },
        Plain::RevokeMandate { mandate } => Op::RevokeMandate {
            mandate: MandateId(Id(*mandate)),
        },
        Plain::OpenDispute {
            payment,
            amount,
            carried,
        } => Op::OpenDispute {
            payment: Id(*payment),
            amount: Atoms(*amount),
            carried: carry(*carried),
        },
        Plain::ResolveDispute { dispute, verdict } => Op::ResolveDispute {
            dispute: Id(*dispute),
            verdict: match verdict {
                oracle::Verdict3::PayeeWins => DisputeVerdict::PayeeWins,
                oracle::Verdict3::PayerWins => DisputeVerdict::PayerWins,
                oracle::Verdict3::ChannelTook => DisputeVerdict::ChannelTook,
            },
        },
    }
}
