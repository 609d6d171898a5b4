//! The oracle's plain commands as the engine's.

use engine::command::{Carried, DisputeVerdict, Share, Spend};
use engine::ids::{ActorId, MandateId, PartyId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, Standing, TenantNo};
use engine::terms::{AssetFee, Country, Limits, ReferenceRate, Terms, Tier};
use engine::time::Zone;
use engine::{Command, Event, Id, Op, UtcMillis};
use ledger::{AssetNo, Source, SourceSet};
use money::{Asset, Atoms, Ppm, Rate};
use oracle::Op as Plain;
use policy::TierLimits;
use risk::{Score, Thresholds};
use std::num::NonZeroU64;
use tax::{CountryRate, RateTable};

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
        tax: Default::default(),
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
