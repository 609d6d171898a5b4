//! What each supplier owes for a period, by rate and place, with the payments behind each figure.
//!
//! Follows the journal event by event and holds no rule: what was decided stands in the events and
//! their cases. What the ledger's tax accounts moved by is counted beside it, so that both can be
//! compared to the atom ([`Returns::agrees`]).

use super::{Case, TaxMove, date};
use crate::event::{Event, EventKind, Part};
use crate::ids::Id;
use crate::records::{PartyNo, TenantNo};
use crate::state::State;
use core::ops::Range;
use ledger::{AccountClass, AssetNo};
use money::Ppm;
use std::collections::BTreeMap;
use tax::supply::Scheme;
use tax::{Category, Country, Date, Outcome, Place, Treatment};

/// What figures are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure {
    /// Who declares it: a party, or [`PartyNo::NONE`] for the operator.
    pub supplier: PartyNo,
    /// Under which scheme (its name) and where; none where it is not registered.
    pub registration: Option<(&'static str, Country)>,
    /// Where the supply is taxed.
    pub place: Option<Place>,
    /// The platform's fee, or a sale.
    pub is_fee: bool,
    /// What was supplied.
    pub category: Category,
    /// What was done about tax, by its name.
    pub treatment: &'static str,
    /// The rate, parts per million.
    pub rate: u32,
    /// In what.
    pub asset: AssetNo,
}

/// What they come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Without tax, less what was given back, atoms.
    pub net: i128,
    /// The tax, less what was given back, atoms.
    pub tax: i128,
    /// Payments and captures, refunds and disputes, and what papers rounded: their ids, in order.
    pub behind: Vec<Id>,
    /// How many want a look: evidence that contradicts, numbers not confirmed.
    pub to_review: u64,
}

/// A tax account, by whose it is, where, and in what.
pub type TaxAccount = (PartyNo, [u8; 2], AssetNo);

/// Returns of a tenant for a period.
#[derive(Clone, Debug)]
pub struct Returns {
    tenant: TenantNo,
    days: Range<Date>,
    /// The figures, in order.
    pub figures: BTreeMap<Figure, Sum>,
    /// What the tax accounts moved by in the period.
    pub posted: BTreeMap<TaxAccount, i128>,
    /// Of that, what no tax rule decided: corrections, and payments before there were rules.
    pub besides: BTreeMap<TaxAccount, i128>,
    declared: BTreeMap<TaxAccount, i128>,
}

/// The name of a scheme.
#[must_use]
pub const fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::National => "national",
        Scheme::OssUnion => "oss_union",
        Scheme::OssNonUnion => "oss_non_union",
        Scheme::Ioss => "ioss",
    }
}

impl Returns {
    /// Nothing yet: of a tenant's civil days, from the first until before the last.
    #[must_use]
    pub fn new(tenant: TenantNo, days: Range<Date>) -> Returns {
        Returns {
            tenant,
            days,
            figures: BTreeMap::new(),
            posted: BTreeMap::new(),
            besides: BTreeMap::new(),
            declared: BTreeMap::new(),
        }
    }

    /// Takes in an event that `state` has folded.
    pub fn note(&mut self, state: &State, event: &Event) {
        // Without postings it may be from before there was a tenant.
        if event.tenant == self.tenant && !event.postings.is_empty() {
            let terms = &state.tenants[self.tenant.0 as usize].terms;
            self.note_on(state, event, date(terms.zone.civil(event.at).day));
        }
    }

    /// The same of an event of that civil day, by any state since: what it is asked about wallets,
    /// accounts and cases never changes.
    pub fn note_on(&mut self, state: &State, event: &Event, day: Date) {
        let is_ours = event.tenant == self.tenant && !event.postings.is_empty();
        if !is_ours || !self.days.contains(&day) {
            return;
        }
        for part in event.parts() {
            self.note_part(state, &part);
        }
    }

    fn note_part(&mut self, state: &State, part: &Part<'_>) {
        let moves = part.tax_moves(|wallet| state.wallet(wallet).party);
        let moves: Vec<TaxMove> = moves.collect();
        for posting in part.postings {
            let account = state.book.account(posting.account);
            let whose = match account.class {
                AccountClass::Tax => PartyNo::NONE,
                AccountClass::SellerTax => PartyNo(account.owner),
                _ => continue,
            };
            let key = (whose, account.sub.to_be_bytes(), account.asset);
            *self.posted.entry(key).or_default() += posting.amount;
            if moves.is_empty() {
                *self.besides.entry(key).or_default() += posting.amount;
            }
        }
        for moved in &moves {
            self.note_move(state, part, moved);
        }
    }

    fn note_move(&mut self, state: &State, part: &Part<'_>, moved: &TaxMove) {
        let Some(case) = state.tax_case(moved.case) else {
            return;
        };
        let sale = (case.supplier(moved.seller), &case.sale, false);
        let fee = (PartyNo::NONE, &case.fee, true);
        let amounts = [(moved.net, moved.tax), (moved.fee, moved.fee_tax)];
        for ((supplier, outcome, is_fee), (net, tax)) in [sale, fee].into_iter().zip(amounts) {
            if (net, tax) == (0, 0) {
                continue;
            }
            let figure = figure(supplier, outcome, is_fee, moved.asset);
            let sum = self.figures.entry(figure).or_default();
            sum.net += net;
            sum.tax += tax;
            // Shares of a split may be alike.
            if sum.behind.last() != Some(&part.id) {
                sum.behind.push(part.id);
                sum.to_review += u64::from(outcome.reasons.needs_review());
            }
            if let Some(place) = outcome.place.filter(|_| tax != 0) {
                let key = (supplier, place.country.code(), moved.asset);
                *self.declared.entry(key).or_default() += tax;
            }
        }
    }

    /// Whether the figures are what the tax accounts moved by, to the atom; what differs.
    ///
    /// # Errors
    /// The accounts that differ, with what was posted and what was declared.
    pub fn agrees(&self) -> Result<(), Vec<(TaxAccount, i128, i128)>> {
        let sum_of = |of: &BTreeMap<TaxAccount, i128>, key| of.get(key).copied().unwrap_or(0);
        let keys = self.posted.keys().chain(self.declared.keys());
        let mut wrong: Vec<_> = keys
            .map(|key| {
                let declared = sum_of(&self.declared, key) + sum_of(&self.besides, key);
                (*key, sum_of(&self.posted, key), declared)
            })
            .filter(|(_, posted, declared)| posted != declared)
            .collect();
        wrong.sort_unstable();
        wrong.dedup();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

fn figure(supplier: PartyNo, outcome: &Outcome, is_fee: bool, asset: AssetNo) -> Figure {
    let registration = outcome.registration;
    Figure {
        supplier,
        registration: registration.map(|(scheme, country)| (scheme_name(scheme), country)),
        place: outcome.place,
        is_fee,
        category: outcome.category,
        treatment: outcome.treatment.as_str(),
        rate: outcome.rate.get(),
        asset,
    }
}

/// What a payment's tax would be under the rules in force: what a reassessment corrects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassessed {
    /// Which payment or capture.
    pub payment: Id,
    /// Its case.
    pub case: u32,
    /// The rate it was made at, and where.
    pub was: (Option<Place>, Ppm, Treatment),
    /// The rate it should have had, and where.
    pub is: (Option<Place>, Ppm, Treatment),
    /// Which act says so; empty if none.
    pub act: String,
    /// Who owed the tax.
    pub supplier_was: PartyNo,
    /// Who owes it now.
    pub supplier: PartyNo,
    /// In what.
    pub asset: AssetNo,
    /// The tax posted for it, less what was given back, atoms.
    pub tax_was: u64,
    /// The tax that its gross amount contains, less what was given back, atoms.
    pub tax: u64,
}

/// Looks at payments again under the rules in force.
///
/// The answer given then is kept where turnover decided it: what a threshold had counted on that day
/// is not told by the state of today.
#[derive(Clone, Debug, Default)]
pub struct Reassessment {
    /// By payment, seller and case, in order: its move, summed with its refunds and disputes. A split
    /// has several.
    sums: BTreeMap<(Id, PartyNo, u32), (TaxMove, Date)>,
}

impl Reassessment {
    /// Takes in an event that `state` has folded. Payments count by their own day; what came back
    /// later lowers them.
    pub fn note(&mut self, state: &State, event: &Event, days: &Range<Date>) {
        if let Some(tenant) = state.tenant(event.tenant) {
            let day = date(tenant.terms.zone.civil(event.at).day);
            self.note_on(state, event, days, day);
        }
    }

    /// The same of an event of that civil day, by any state since. Nothing from before the days need
    /// be noted; what came after them does.
    pub fn note_on(&mut self, state: &State, event: &Event, days: &Range<Date>, day: Date) {
        for part in event.parts() {
            // What a paper rounded is no payment, and is not assessed.
            if part.kind == EventKind::TaxRounded {
                continue;
            }
            for moved in part.tax_moves(|wallet| state.wallet(wallet).party) {
                let thing = if moved.net < 0 || part.paid().is_none() {
                    moved.of
                } else {
                    part.id
                };
                let key = (thing, moved.seller, moved.case);
                // Its own shares may be alike, and are counted on the day of the first.
                if let Some((sum, _)) = self.sums.get_mut(&key) {
                    sum.net += moved.net;
                    sum.tax += moved.tax;
                } else if days.contains(&day) {
                    self.sums.insert(key, (moved, day));
                }
            }
        }
    }

    /// The same in pieces of so many payments at most.
    pub fn pieces(self, payments: usize) -> impl Iterator<Item = Reassessment> {
        let mut left = self.sums.into_iter();
        core::iter::from_fn(move || {
            let sums: BTreeMap<_, _> = left.by_ref().take(payments).collect();
            (!sums.is_empty()).then_some(Reassessment { sums })
        })
    }

    /// What differs under the rules in force in `state`, payment by payment.
    #[must_use]
    pub fn found(&self, state: &State, tenant: TenantNo) -> Vec<Reassessed> {
        let rules = state
            .tenant(tenant)
            .and_then(|tenant| tenant.tax.as_deref());
        let Some(rules) = rules else {
            return Vec::new();
        };
        let mut found = Vec::new();
        // Many payments have one case and day.
        let mut again: BTreeMap<(u32, PartyNo, Date), Option<Case>> = BTreeMap::new();
        for ((payment, ..), (moved, day)) in &self.sums {
            let Some(case) = state
                .tax_case(moved.case)
                .filter(|_| moved.net + moved.tax > 0)
            else {
                continue;
            };
            if !case.sale_is_steady || case.question.tenant != tenant {
                continue;
            }
            let key = (moved.case, moved.seller, *day);
            let new = again.entry(key).or_insert_with(|| {
                let new = rules.again(state, case, moved.seller, *day);
                new.sale_is_steady.then_some(new)
            });
            let Some(new) = new else { continue };
            let gross = u64::try_from(moved.net + moved.tax).unwrap_or(u64::MAX);
            let mode = new.sale.rounding.mode;
            let tax_was = u64::try_from(moved.tax).unwrap_or(0);
            let what = |o: &Outcome| (o.place, o.rate, o.treatment);
            let (supplier_was, supplier) =
                (case.supplier(moved.seller), new.supplier(moved.seller));
            if (what(&case.sale), supplier_was) == (what(&new.sale), supplier) {
                continue;
            }
            found.push(Reassessed {
                payment: *payment,
                case: moved.case,
                was: what(&case.sale),
                is: what(&new.sale),
                act: new.sale_act.clone(),
                supplier_was,
                supplier,
                asset: moved.asset,
                tax_was,
                tax: new.sale.rate.included_in(money::Atoms(gross), mode).0,
            });
        }
        found
    }
}
