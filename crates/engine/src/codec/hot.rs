//! The commonest payment in a fixed layout: one payer account, one payee account, perhaps tax and
//! fee, counted in a day and a month or not at all. Little-endian, no padding.

use super::tail::{self, Tail};
use super::{COUNTED, PRICED, TAXED};
use crate::event::{Effect, Event, EventKind, Paid};
use crate::ids::Id;
use crate::prices::{Item, Meter, Metered, Priced};
use crate::records::{MEASURE_DAY, MEASURE_MONTH, PartyNo, PriceNo, TenantNo, WalletNo};
use crate::terms::Tier;
use crate::time::UtcMillis;
use ledger::{AccountNo, AssetNo, Posting};
use pricing::{Period, SoFar};

/// Bytes of a payment.
pub(super) const SIZE: usize = 116;

/// A flag: it is counted in a day and a month.
const MEASURED: u16 = 1;
/// From this bit on the flags hold the payer's tier.
const TIER_SHIFT: u16 = 8;

struct Layout {
    id: u128,
    gross: u64,
    tax: u64,
    fee: u64,
    day_before: u64,
    month_before: u64,
    measured: u64,
    tenant: u32,
    payer: u32,
    payee: u32,
    payer_account: u32,
    payee_account: u32,
    tax_account: u32,
    fee_account: u32,
    party: u32,
    terms: u32,
    law: u32,
    day: u32,
    month: u32,
    asset: u16,
    flags: u16,
}

macro_rules! fields {
    ($act:ident) => {
        $act!(
            id,
            gross,
            tax,
            fee,
            day_before,
            month_before,
            measured,
            tenant,
            payer,
            payee,
            payer_account,
            payee_account,
            tax_account,
            fee_account,
            party,
            terms,
            law,
            day,
            month,
            asset,
            flags
        )
    };
}

impl Layout {
    fn to_bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let mut at = 0;
        macro_rules! put {
            ($($field:ident),*) => {$(
                let part = self.$field.to_le_bytes();
                bytes[at..at + part.len()].copy_from_slice(&part);
                at += part.len();
            )*};
        }
        fields!(put);
        debug_assert_eq!(at, SIZE);
        bytes
    }

    fn from_bytes(bytes: &[u8; SIZE]) -> Layout {
        let mut at = 0;
        fn take<const N: usize>(bytes: &[u8; SIZE], at: &mut usize) -> [u8; N] {
            let mut part = [0; N];
            part.copy_from_slice(&bytes[*at..*at + N]);
            *at += N;
            part
        }
        macro_rules! get {
            ($($field:ident),*) => {
                Layout { $($field: FromLe::from_le(take(bytes, &mut at)),)* }
            };
        }
        fields!(get)
    }
}

trait FromLe<const N: usize> {
    fn from_le(bytes: [u8; N]) -> Self;
}
macro_rules! from_le {
    ($($ty:ty = $n:literal),*) => {$(
        impl FromLe<$n> for $ty {
            fn from_le(bytes: [u8; $n]) -> Self { <$ty>::from_le_bytes(bytes) }
        }
    )*};
}
from_le!(u128 = 16, u64 = 8, u32 = 4, u16 = 2);

fn posting(account: u32, amount: i128) -> Posting {
    Posting {
        account: AccountNo(account),
        amount,
    }
}

/// The payment's bytes and their tag ([`COUNTED`] too if nothing stands behind them), if it has the common shape. Over `tail` what stands behind them: of
/// its tax the case, how much of the fee is tax and, if any is, its account; what it was priced by; then
/// what it moves in the law's measures.
#[inline]
pub(super) fn encode(event: &Event, tail: &mut Tail) -> Option<([u8; SIZE], u8)> {
    if event.kind != EventKind::Paid {
        return None;
    }
    let (paid, mut measures) = event.effects.split_first()?;
    let Effect::Paid(paid) = paid else {
        return None;
    };
    let mut priced = None;
    if let [.., Effect::Priced(_) | Effect::Metered(_)] = measures {
        (measures, priced) = priced_of(measures)?;
    }
    let mut fee_tax = 0;
    if let Some((
        &Effect::FeeTax {
            case,
            asset,
            amount,
        },
        rest,
    )) = measures.split_first()
    {
        let is_its = case == paid.case && asset == paid.asset && amount > 0 && amount <= paid.fee;
        if !is_its || case == 0 {
            return None;
        }
        (measures, fee_tax) = (rest, amount);
    }
    let mut layout = Layout {
        id: event.id.0,
        gross: paid.gross,
        tax: paid.tax,
        fee: paid.fee,
        day_before: 0,
        month_before: 0,
        measured: 0,
        tenant: event.tenant.0,
        payer: paid.payer.0,
        payee: paid.payee.0,
        payer_account: 0,
        payee_account: 0,
        tax_account: 0,
        fee_account: 0,
        party: 0,
        terms: paid.terms,
        law: paid.law,
        day: 0,
        month: 0,
        asset: paid.asset.0,
        flags: u16::from(paid.tier.0) << TIER_SHIFT,
    };
    if paid.of != Id::NONE {
        return None;
    }
    let moves = match *measures {
        [
            Effect::Measured {
                party,
                measure: MEASURE_DAY,
                period: day,
                delta,
                before,
            },
            Effect::Measured {
                party: party_too,
                measure: MEASURE_MONTH,
                period: month,
                delta: delta_too,
                before: month_before,
            },
            ref moves @ ..,
        ] if party == party_too && delta == delta_too => {
            layout.party = party.0;
            layout.measured = u64::try_from(delta).ok()?;
            (layout.day, layout.month) = (day, month);
            layout.day_before = u64::try_from(before).ok()?;
            layout.month_before = u64::try_from(month_before).ok()?;
            layout.flags |= MEASURED;
            moves
        }
        ref moves => {
            if let Some(Effect::Moved(moved)) = moves.first() {
                layout.party = moved.party.0;
            }
            moves
        }
    };
    let mut postings = event.postings.iter();
    let mut next = |amount: i128, account: &mut u32| {
        if amount == 0 {
            return Some(());
        }
        let posting = postings.next()?;
        *account = posting.account.0;
        (posting.amount == amount).then_some(())
    };
    next(-i128::from(paid.gross), &mut layout.payer_account)?;
    next(i128::from(paid.tax), &mut layout.tax_account)?;
    next(i128::from(paid.fee - fee_tax), &mut layout.fee_account)?;
    let mut fee_tax_account = 0;
    next(i128::from(fee_tax), &mut fee_tax_account)?;
    let net = paid.gross.checked_sub(paid.tax)?.checked_sub(paid.fee)?;
    next(i128::from(net), &mut layout.payee_account)?;
    if postings.next().is_some() {
        return None;
    }
    tail.clear();
    if paid.case > 0 {
        let case = u64::from(paid.case);
        match fee_tax {
            0 => tail.put_each([case, 0])?,
            _ => tail.put_each([case, fee_tax, u64::from(fee_tax_account)])?,
        }
    }
    let tag = match (priced, paid.case) {
        (None, 0) => COUNTED,
        (None, _) => TAXED,
        (Some(priced), case) => {
            put_priced(tail, (case, paid.gross), priced)?;
            PRICED
        }
    };
    tail.encode(PartyNo(layout.party), moves)?;
    Some((layout.to_bytes(), tag))
}

/// Flags of what it was priced by: a meter moved, by [`Metered`]; it cost another amount than was paid;
/// something is due.
const IS_METERED: u64 = 1;
const COSTS_OTHER: u64 = 2;
const IS_DUE: u64 = 4;

/// What it was priced by and how its payer's meter moved stand last.
type PricedBy<'e> = (&'e Priced, Option<&'e Metered>);

#[inline(never)]
fn priced_of(effects: &[Effect]) -> Option<(&[Effect], Option<PricedBy<'_>>)> {
    match effects {
        [rest @ .., Effect::Priced(priced)] => Some((rest, Some((priced, None)))),
        [rest @ .., Effect::Priced(priced), Effect::Metered(metered)] => {
            Some((rest, Some((priced, Some(metered)))))
        }
        _ => None,
    }
}

#[inline(never)]
fn put_priced(
    tail: &mut Tail,
    (case, gross): (u32, u64),
    (priced, metered): PricedBy<'_>,
) -> Option<()> {
    let item = priced.item;
    let unit = u64::from(item.unit) << 16 | u64::from(priced.variant);
    let (price, version) = (u64::from(item.price.0), u64::from(priced.version));
    // What it cost is nearly always what was paid, and nothing is due of a meter.
    let costs_other = priced.amount != gross;
    let due = metered.map_or(0, |metered| metered.meter.so_far.due);
    let mut flags = u64::from(metered.is_some()) * IS_METERED;
    flags |= u64::from(costs_other) * COSTS_OTHER;
    flags |= u64::from(due != 0) * IS_DUE;
    match case {
        0 => tail.put_each([0, price, version, unit])?,
        _ => tail.put_each([price, version, unit])?,
    }
    tail.put_each([item.quantity, priced.free, priced.limit, flags])?;
    if costs_other {
        tail.put_each([priced.amount])?;
    }
    let Some(metered) = metered else {
        return Some(());
    };
    if metered.price != item.price {
        return None;
    }
    let (meter, so_far) = (metered.meter, metered.meter.so_far);
    let party = u64::from(metered.party.0);
    tail.put_each([party, meter.every as u64, u64::from(meter.period)])?;
    tail.put_each([so_far.used, so_far.remainder, so_far.denominator])?;
    if due != 0 {
        // The lowest bit says that it is below zero.
        let size = due.unsigned_abs().checked_mul(2)?;
        tail.put_each([size | u64::from(due < 0)])?;
    }
    Some(())
}

fn take_priced(bytes: &mut &[u8], gross: u64, effects: &mut Vec<Effect>) -> Option<()> {
    let mut take = || tail::take_one(bytes);
    let price = PriceNo(u32::try_from(take()?).ok()?);
    let version = u32::try_from(take()?).ok()?;
    let unit = u32::try_from(take()?).ok()?;
    let item = Item {
        price,
        // Two numbers in one.
        unit: (unit >> 16) as u16,
        quantity: take()?,
    };
    let (free, limit, flags) = (take()?, take()?, take()?);
    let amount = match flags & COSTS_OTHER {
        0 => gross,
        _ => take()?,
    };
    effects.push(Effect::Priced(Priced {
        item,
        version,
        variant: unit as u16,
        free,
        limit,
        amount,
    }));
    if flags & IS_METERED == 0 {
        return Some(());
    }
    let party = PartyNo(u32::try_from(take()?).ok()?);
    let every = usize::try_from(take()?).ok()?;
    let meter = Meter {
        every: *Period::ALL.get(every)?,
        period: u32::try_from(take()?).ok()?,
        so_far: SoFar {
            used: take()?,
            remainder: take()?,
            denominator: take()?,
            due: match flags & IS_DUE {
                0 => 0,
                _ => {
                    let due = take()?;
                    let size = (due >> 1) as i64;
                    if due & 1 == 0 { size } else { -size }
                }
            },
        },
    };
    effects.push(Effect::Metered(Metered {
        party,
        price,
        meter,
    }));
    Some(())
}

/// The payment of these bytes and what stands behind them, over `out`.
#[inline]
pub(super) fn decode(
    bytes: &[u8; SIZE],
    mut moves: &[u8],
    tag: u8,
    time: UtcMillis,
    out: &mut Event,
) -> Option<()> {
    let l = Layout::from_bytes(bytes);
    out.begin(time, TenantNo(l.tenant), EventKind::Paid, Id(l.id));
    let net = l.gross.checked_sub(l.tax)?.checked_sub(l.fee)?;
    let (mut case, mut fee_tax, mut fee_tax_account) = (0, 0, 0);
    if tag == TAXED || tag == PRICED {
        case = u32::try_from(tail::take_one(&mut moves)?).ok()?;
        if case > 0 {
            fee_tax = tail::take_one(&mut moves)?;
        }
        if fee_tax > 0 {
            fee_tax_account = u32::try_from(tail::take_one(&mut moves)?).ok()?;
        }
    }
    let mut priced = Vec::new();
    if tag == PRICED {
        take_priced(&mut moves, l.gross, &mut priced)?;
    }
    for (account, amount) in [
        (l.payer_account, -i128::from(l.gross)),
        (l.tax_account, i128::from(l.tax)),
        (l.fee_account, i128::from(l.fee.checked_sub(fee_tax)?)),
        (fee_tax_account, i128::from(fee_tax)),
        (l.payee_account, i128::from(net)),
    ] {
        if amount != 0 {
            out.postings.push(posting(account, amount));
        }
    }
    out.effects.push(Effect::Paid(Paid {
        payer: WalletNo(l.payer),
        payee: WalletNo(l.payee),
        asset: AssetNo(l.asset),
        gross: l.gross,
        tax: l.tax,
        fee: l.fee,
        terms: l.terms,
        of: Id::NONE,
        tier: Tier(l.flags.to_le_bytes()[1]),
        law: l.law,
        case,
    }));
    if fee_tax > 0 {
        let (asset, amount) = (AssetNo(l.asset), fee_tax);
        out.effects.push(Effect::FeeTax {
            case,
            asset,
            amount,
        });
    }
    if l.flags & MEASURED != 0 {
        let (party, delta) = (PartyNo(l.party), i128::from(l.measured));
        for (measure, period, before) in [
            (MEASURE_DAY, l.day, l.day_before),
            (MEASURE_MONTH, l.month, l.month_before),
        ] {
            let before = u128::from(before);
            out.effects.push(Effect::Measured {
                party,
                measure,
                period,
                delta,
                before,
            });
        }
    }
    tail::decode(PartyNo(l.party), moves, &mut out.effects)?;
    out.effects.append(&mut priced);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn priced() -> impl Strategy<Value = Vec<Effect>> {
        let numbers = [any::<u32>(); 4];
        let small = || 0u64..1 << 56;
        let counts = [small(), small(), small(), small()];
        (0usize..3, numbers, any::<(u16, u16)>(), counts, 0usize..5).prop_map(
            |(len, [price, version, party, period], (unit, variant), [a, b, c, d], every)| {
                let (price, quantity) = (PriceNo(price), a);
                let item = Item {
                    price,
                    unit,
                    quantity,
                };
                let (free, limit) = (b, c);
                let priced = Priced {
                    item,
                    version,
                    variant,
                    free,
                    limit,
                    amount: 2001 + d % 2,
                };
                let so_far = SoFar {
                    used: b,
                    remainder: c,
                    denominator: d,
                    due: (d % 5) as i64 - 2,
                };
                let every = Period::ALL[every];
                let meter = Meter {
                    every,
                    period,
                    so_far,
                };
                let party = PartyNo(party);
                let both = [
                    Effect::Priced(priced),
                    Effect::Metered(Metered {
                        party,
                        price,
                        meter,
                    }),
                ];
                both[..len].to_vec()
            },
        )
    }

    prop_compose! {
        fn payment()(
            id in 1u128.., gross in 1u64.., cut in 0u64..1000, tax in 0u64..1000, fee in 0u64..1000,
            measured in any::<bool>(), before in any::<u64>(), numbers in any::<[u32; 8]>(),
            tier in any::<u8>(), law in any::<u32>(), moves in 0u16..5, case in 0u32..3,
            fee_tax in 0u64..3, priced in priced(),
        ) -> Event {
            let gross = gross.max(2001);
            let (tax, fee) = (tax.min(cut), fee);
            let mut event = Event::empty();
            event.begin(UtcMillis(5), TenantNo(numbers[0]), EventKind::Paid, Id(id));
            event.effects.push(Effect::Paid(Paid {
                payer: WalletNo(numbers[1]), payee: WalletNo(numbers[2]), asset: AssetNo(3), gross, tax,
                fee, terms: numbers[3], of: Id::NONE, tier: Tier(tier), law, case,
            }));
            let fee_tax = if case > 0 { fee_tax.min(fee) } else { 0 };
            if fee_tax > 0 {
                let (asset, amount) = (AssetNo(3), fee_tax);
                event.effects.push(Effect::FeeTax { case, asset, amount });
            }
            let net = gross - tax - fee;
            for (account, amount) in [
                (numbers[4], -i128::from(gross)), (numbers[5], i128::from(tax)),
                (numbers[6], i128::from(fee - fee_tax)), (numbers[0], i128::from(fee_tax)),
                (numbers[7], i128::from(net)),
            ] {
                if amount != 0 { event.postings.push(posting(account, amount)); }
            }
            if measured {
                for measure in [MEASURE_DAY, MEASURE_MONTH] {
                    event.effects.push(Effect::Measured {
                        party: PartyNo(9), measure, period: 7, delta: 4, before: u128::from(before),
                    });
                }
            }
            for n in 0..moves {
                crate::law::push(&mut event.effects, crate::law::Measured {
                    party: PartyNo(numbers[0] % 2), measure: crate::law::MEASURE_FIRST + n, period: 7,
                    delta: i128::from(gross), before: u128::from(before),
                });
            }
            event.effects.extend(priced);
            for effect in &mut event.effects {
                if let Effect::Priced(priced) = effect && priced.free % 2 == 0 {
                    priced.amount = gross;
                }
            }
            event
        }
    }

    proptest! {
        #[test]
        fn the_common_payment_round_trips(event in payment()) {
            let mut moves = Tail::default();
            let (bytes, tag) = encode(&event, &mut moves).expect("the common shape");
            let mut back = Event::empty();
            decode(&bytes, moves.bytes(), tag, event.at, &mut back).unwrap();
            prop_assert_eq!(back, event);
        }
    }

    #[test]
    fn any_other_shape_is_left_to_the_general_layout() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let event = payment().new_tree(&mut runner).unwrap().current();
        let mut two_sources = event.clone();
        two_sources.postings.push(posting(1, 0));
        let mut other_kind = event.clone();
        other_kind.kind = EventKind::Transferred;
        let mut more_effects = event.clone();
        more_effects.effects.push(Effect::About { thing: Id(1) });
        let mut huge = event;
        let is_measure = |e: &&mut Effect| matches!(e, Effect::Measured { .. });
        if let Some(Effect::Measured { before, .. }) = huge.effects.iter_mut().find(is_measure) {
            *before = u128::MAX;
        } else {
            huge.effects.push(Effect::About { thing: Id(1) });
        }
        for other in [two_sources, other_kind, more_effects, huge] {
            assert!(encode(&other, &mut Tail::default()).is_none());
        }
    }
    use proptest::strategy::{Strategy, ValueTree};
}
