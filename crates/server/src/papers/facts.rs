//! What tax is in a payment, or in the platform's fee: what was decided of it, where tax rules were in
//! force; else, of a payment, the country of the tax account that was credited, and that country's
//! rate in the terms of the day.

use crate::app::App;
use crate::history;
use crate::problem::{Outcome, Problem};
use crate::types::Time;
use ::papers::Date;
use ::papers::facts::Treatment;
use engine::event::{Paid, Part};
use engine::records::{PartyNo, TenantNo, WalletNo};
use engine::taxes::TaxMove;
use engine::{EventKind, State, UtcMillis};
use ledger::AccountClass;
use money::{Ppm, allocate};
use std::collections::BTreeMap;
use store::PaperSupply;
use tax::reason::Reason;
use tax::{Role, Treatment as Decided};

/// What one seller supplied by a payment or capture, or what of it was given back.
#[derive(Clone, Debug)]
pub struct Taxed {
    /// What the whole was made of.
    pub paid: Paid,
    /// The party that sold.
    pub seller: PartyNo,
    /// Whether there are others in it, too.
    pub is_share: bool,
    /// What was decided of its tax; zero if no tax rules were in force.
    pub case: u32,
    /// Where the tax is owed that no rules decided.
    country: [u8; 2],
    /// The sale without its tax, and its tax, atoms.
    sale: (u64, u64),
    /// The fee without its tax, and its tax, atoms.
    fee: (u64, u64),
}

fn atoms(amount: i128) -> u64 {
    u64::try_from(amount.unsigned_abs()).unwrap_or(u64::MAX)
}

impl Taxed {
    /// Each supply in an item of an event: one of a payment to one, of a payment to several one for
    /// each seller and each decision. None if it is no payment, capture, refund or dispute.
    #[must_use]
    pub fn all(state: &State, part: &Part<'_>) -> Vec<Taxed> {
        let Some(paid) = part.paid() else {
            return Vec::new();
        };
        let mut moves: Vec<TaxMove> = part
            .tax_moves(|wallet| state.wallet(wallet).party)
            .collect();
        if moves.is_empty() {
            moves = by_terms(state, part, paid);
        }
        let accounts = part.postings.iter();
        let mut accounts = accounts.filter_map(|posting| state.book.get(posting.account));
        let credited = accounts.find(|account| account.class == AccountClass::Tax);
        let country = credited.map_or_else(
            || state.party(state.wallet(paid.payer).party).country.0,
            |account| account.sub.to_be_bytes(),
        );
        let mut all: Vec<Taxed> = Vec::with_capacity(moves.len());
        for moved in moves {
            let one = Taxed {
                paid: *paid,
                seller: moved.seller,
                is_share: false,
                case: moved.case,
                country,
                sale: (atoms(moved.net), atoms(moved.tax)),
                fee: (atoms(moved.fee), atoms(moved.fee_tax)),
            };
            let is_alike =
                |other: &&mut Taxed| (other.seller, other.case) == (one.seller, one.case);
            match all.iter_mut().find(is_alike) {
                Some(known) => known.add(&one),
                None => all.push(one),
            }
        }
        let is_share = all.len() > 1;
        all.iter_mut().for_each(|one| one.is_share = is_share);
        all
    }

    /// Makes one of two: of the same seller, by the same decision.
    pub fn add(&mut self, other: &Taxed) {
        for (sum, more) in [(&mut self.sale, other.sale), (&mut self.fee, other.fee)] {
            sum.0 = sum.0.saturating_add(more.0);
            sum.1 = sum.1.saturating_add(more.1);
        }
    }

    /// Net and tax of a supply in it, atoms.
    #[must_use]
    pub fn split(&self, supply: PaperSupply) -> (u64, u64) {
        match supply {
            PaperSupply::Sale => self.sale,
            PaperSupply::Fee => self.fee,
        }
    }
}

/// What has been given back of a payment: its tax and its fee, atoms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    tax: u64,
    fee: u64,
}

impl Given {
    /// Shares out among a payment's sellers what was given back next, where no tax rules did: by what
    /// each had, nested, so that instalments come to the whole for each of them.
    pub fn share(&mut self, paid: &[&Taxed], back: &mut [&mut Taxed]) {
        let sum = |of: fn(&Taxed) -> u64| back.iter().map(|one| of(one)).sum::<u64>();
        let (tax, fee) = (sum(|one| one.sale.1), sum(|one| one.fee.0));
        let shared = |of: fn(&Taxed) -> u64, so_far: u64, more: u64| {
            let parts: Vec<u64> = paid.iter().map(|one| of(one)).collect();
            let mut shares = vec![0; parts.len()];
            let shared = money::reversal_shares(&parts, so_far, more, &mut shares);
            shared.ok().map(|()| shares)
        };
        let shares =
            shared(|one| one.sale.1, self.tax, tax).zip(shared(|one| one.fee.0, self.fee, fee));
        self.tax = self.tax.saturating_add(tax);
        self.fee = self.fee.saturating_add(fee);
        let is_by_terms = |one: &Taxed| one.is_share && one.case == 0;
        // Of so little that one of them gave back nothing, nobody's share is found by what he had.
        let is_all = paid.len() == back.len() && back.iter().all(|one| is_by_terms(one));
        let Some((taxes, fees)) = shares.filter(|_| is_all) else {
            return;
        };
        for ((paid, tax), fee) in paid.iter().zip(taxes).zip(fees) {
            if let Some(one) = back.iter_mut().find(|one| one.seller == paid.seller) {
                let rest = one.sale.0.saturating_sub(one.fee.0);
                one.sale = (rest.saturating_add(fee), tax);
                one.fee.0 = fee;
            }
        }
    }
}

/// The same where no tax rules decided it, from the postings: of several sellers each has tax and fee
/// by what it was paid, or has given back.
fn by_terms(state: &State, part: &Part<'_>, paid: &Paid) -> Vec<TaxMove> {
    use EventKind::{Captured, Paid as One, Split};
    let is_sale = matches!(part.kind, One | Split | Captured);
    let (mut tax, mut fee) = (0_u64, 0_u64);
    let mut rests: Vec<(PartyNo, u64)> = Vec::new();
    for posting in part.postings.iter().filter(|p| (p.amount > 0) == is_sale) {
        let Some(account) = state.book.get(posting.account) else {
            continue;
        };
        let amount = atoms(posting.amount);
        let seller = match account.class {
            AccountClass::Tax => {
                tax = tax.saturating_add(amount);
                continue;
            }
            AccountClass::Fees => {
                fee = fee.saturating_add(amount);
                continue;
            }
            AccountClass::Wallet => state.wallet(WalletNo(account.owner)).party,
            // It paid, or made, a debt.
            AccountClass::Receivable => PartyNo(account.owner),
            _ => continue,
        };
        match rests.iter_mut().find(|(known, _)| *known == seller) {
            Some((_, rest)) => *rest = rest.saturating_add(amount),
            None => rests.push((seller, amount)),
        }
    }
    if rests.is_empty() {
        rests.push((state.wallet(paid.payee).party, 0));
    }
    let mut weights: Vec<u64> = rests.iter().map(|(_, rest)| *rest).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let shared = |whole: u64| {
        let mut shares = vec![0; weights.len()];
        // Fails on no weights and on none but zeros only.
        let _ = allocate(whole, &weights, &mut shares);
        shares
    };
    let shares = rests.into_iter().zip(shared(tax)).zip(shared(fee));
    let moved = |(((seller, rest), tax), fee): ((_, u64), u64)| TaxMove {
        case: 0,
        seller,
        asset: paid.asset,
        net: i128::from(rest) + i128::from(fee),
        tax: i128::from(tax),
        fee: i128::from(fee),
        fee_tax: 0,
        of: paid.of,
    };
    shares.map(moved).collect()
}

/// What the law did with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxFacts {
    /// Where it is taxed.
    pub country: Option<String>,
    /// At which rate.
    pub rate: Ppm,
    /// As what.
    pub treatment: Treatment,
    /// Its category in the tax.
    pub category: &'static str,
    /// Why nothing is charged.
    pub reason: Option<String>,
    /// Whether the platform, and not who was paid, supplies: then its paper is the platform's.
    pub is_platforms: bool,
    /// The case it was decided by; zero if no tax rules were in force.
    pub case: u32,
}

/// What the rules decided of one, or the country that the terms' rate is of.
enum Told {
    Decided(TaxFacts),
    Country([u8; 2]),
}

/// The tax of a supply in each, in their order.
///
/// # Errors
/// The node or the read model does not answer.
pub async fn tax_of(
    app: &App,
    tenant: TenantNo,
    all: &[Taxed],
    supply: PaperSupply,
) -> Outcome<Vec<TaxFacts>> {
    let cases: Vec<(u32, [u8; 2])> = all.iter().map(|one| (one.case, one.country)).collect();
    let told = app.query(move |state| {
        let told = |(no, country): (u32, [u8; 2])| match (state.tax_case(no), supply) {
            (Some(case), PaperSupply::Sale) => {
                Told::Decided(decided(no, &case.sale, &case.sale_act))
            }
            (Some(case), PaperSupply::Fee) => Told::Decided(decided(no, &case.fee, &case.fee_act)),
            (None, PaperSupply::Fee) => Told::Decided(undecided_fee()),
            (None, PaperSupply::Sale) => Told::Country(country),
        };
        cases.into_iter().map(told).collect::<Vec<_>>()
    });
    let told = told.await?;
    let mut terms = BTreeMap::new();
    let mut facts = Vec::with_capacity(all.len());
    for (taxed, told) in all.iter().zip(told) {
        let country = match told {
            Told::Decided(decided) => {
                facts.push(decided);
                continue;
            }
            Told::Country(country) => country,
        };
        let version = taxed.paid.terms;
        if let std::collections::btree_map::Entry::Vacant(vacant) = terms.entry(version) {
            let found = history::terms_of(app, tenant, version).await?;
            let (_, found) = found.ok_or_else(|| {
                let words = format!("the history has not version {version} of the terms");
                Problem::internal(&words)
            })?;
            vacant.insert(found.tax);
        }
        let rate = terms.get(&version).and_then(|rates| rates.rate(country));
        facts.push(of(country, rate));
    }
    Ok(facts)
}

fn decided(case: u32, sale: &tax::Outcome, act: &str) -> TaxFacts {
    let treatment = match sale.treatment {
        Decided::Taxed => Treatment::Taxed,
        Decided::ZeroRated => Treatment::ZeroRated,
        Decided::Exempt => Treatment::Exempt,
        Decided::ReverseCharge => Treatment::ReverseCharge,
        // What is shown and not collected is no tax of this supplier's.
        Decided::OutOfScope | Decided::ShownOnly => Treatment::OutOfScope,
    };
    let act = Some(act).filter(|act| !act.is_empty());
    let why = sale.reasons.iter().filter(|reason| is_told(*reason));
    let words = act.into_iter().chain(why.map(|reason| reason.words()));
    let reason = words.collect::<Vec<_>>().join("; ");
    TaxFacts {
        country: sale.place.map(|place| place.to_string()),
        rate: match treatment {
            Treatment::Taxed => sale.rate,
            _ => Ppm::ZERO,
        },
        category: sale.category.as_str(),
        reason: (treatment.needs_reason() && !reason.is_empty()).then_some(reason),
        treatment,
        is_platforms: sale.supplier == Role::Platform,
        case,
    }
}

/// Whether a reason says why nothing is charged, which the buyer reads. How the place was found, and
/// what is to be looked at again, is the supplier's own affair.
fn is_told(reason: Reason) -> bool {
    use Reason::{
        BelowForeign, BusinessCountry, NoConsideration, NothingFromAbroad, OutsideUnion,
        ReverseCharge, SmallEnterprise, TaxedWhenSold, TaxedWhenUsed, WhereCarried,
    };
    matches!(
        reason,
        BelowForeign
            | BusinessCountry
            | NoConsideration
            | NothingFromAbroad
            | OutsideUnion
            | ReverseCharge
            | SmallEnterprise
            | TaxedWhenSold
            | TaxedWhenUsed
            | WhereCarried
    )
}

/// The terms know no tax in a fee.
fn undecided_fee() -> TaxFacts {
    TaxFacts {
        country: None,
        rate: Ppm::ZERO,
        treatment: Treatment::OutOfScope,
        category: "",
        reason: Some("no tax rules were in force when the fee was taken".to_owned()),
        is_platforms: true,
        case: 0,
    }
}

fn of(country: [u8; 2], rate: Option<Ppm>) -> TaxFacts {
    let name = String::from_utf8_lossy(&country).into_owned();
    let (treatment, reason) = match rate {
        Some(Ppm::ZERO) => (Treatment::ZeroRated, None),
        Some(_) => (Treatment::Taxed, None),
        None => {
            let reason = format!("the seller's terms name no rate for {name}");
            (Treatment::OutOfScope, Some(reason))
        }
    };
    TaxFacts {
        country: Some(name).filter(|name| name != "ZZ"),
        rate: rate.unwrap_or(Ppm::ZERO),
        category: "",
        treatment,
        reason,
        is_platforms: false,
        case: 0,
    }
}

/// The day of an instant, in UTC.
///
/// # Errors
/// It is beyond the year 9999.
pub fn day(at: UtcMillis) -> Outcome<Date> {
    let text = Time(at).to_string();
    let day = text.get(..10).unwrap_or_default().parse();
    day.map_err(|error| super::refused(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Id;
    use engine::terms::Tier;
    use ledger::AssetNo;

    /// A seller's share of a payment that no rules decided: what was left to it, its tax, its fee.
    fn share(seller: u32, (rest, tax, fee): (u64, u64, u64)) -> Taxed {
        Taxed {
            paid: Paid {
                payer: WalletNo(0),
                payee: WalletNo(1),
                asset: AssetNo(0),
                gross: 0,
                tax: 0,
                fee: 0,
                terms: 0,
                of: Id::NONE,
                tier: Tier(0),
                law: 0,
                case: 0,
            },
            seller: PartyNo(seller),
            is_share: true,
            case: 0,
            country: *b"DE",
            sale: (rest + fee, tax),
            fee: (fee, 0),
        }
    }

    #[test]
    fn what_is_given_back_in_parts_comes_to_each_sellers_whole() {
        let had = [(1_000, (70, 11, 3)), (2, (33, 5, 2)), (7, (97, 16, 4))];
        let paid: Vec<Taxed> = had.map(|(seller, parts)| share(seller, parts)).to_vec();
        let paid: Vec<&Taxed> = paid.iter().collect();
        // The tax and the fee that each refund gives back; what each says by itself adds up wrong.
        let refunds = [(1, 0), (2, 1), (7, 2), (9, 3), (13, 3)];
        let (mut given, mut sums) = (Given::default(), [(0, 0); 3]);
        for (tax, fee) in refunds {
            let mut back: Vec<Taxed> = had
                .map(|(seller, (rest, ..))| share(seller, (rest, 0, 0)))
                .to_vec();
            back[0] = share(had[0].0, (had[0].1.0, tax, fee));
            given.share(&paid, &mut back.iter_mut().collect::<Vec<_>>());
            for ((sum, one), (_, (rest, ..))) in sums.iter_mut().zip(&back).zip(had) {
                assert_eq!(one.sale.0, rest + one.fee.0, "net bears the fee");
                *sum = (sum.0 + one.sale.1, sum.1 + one.fee.0);
            }
        }
        assert_eq!(sums, had.map(|(_, (_, tax, fee))| (tax, fee)));
        // A refund that reaches some of them only is left as the postings say.
        let mut one = share(2, (5, 1, 0));
        given.share(&paid, &mut [&mut one]);
        assert_eq!((one.sale, one.fee), ((5, 1), (0, 0)));
    }

    #[test]
    fn no_rate_no_tax_and_a_rate_of_nothing_differ() {
        let table = [
            (Some(190_000), Treatment::Taxed),
            (Some(0), Treatment::ZeroRated),
            (None, Treatment::OutOfScope),
        ];
        for (ppm, treatment) in table {
            let facts = of(*b"DE", ppm.map(|ppm| Ppm::new(ppm).unwrap()));
            assert_eq!(facts.treatment, treatment);
            assert_eq!(facts.reason.is_some(), treatment == Treatment::OutOfScope);
        }
        assert_eq!(
            day(UtcMillis(1_772_323_200_000)).unwrap().to_string(),
            "2026-03-01"
        );
    }
}
