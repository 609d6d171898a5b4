//! From the payments to a paper.
//!
//! - Payments of one treatment, rate, category and product are one line: a thousand micropayments
//!   are a page.
//! - Each group (treatment and rate) is rounded once, from the exact sum of its atoms; its lines
//!   get their minor units by largest remainder. So lines sum to the group, groups to the total
//!   (BR-CO-10, BR-CO-13, BR-S-08), and no cent is lost to a thousand roundings.
//! - The tax is reckoned once for each group (BR-CO-17), as the country asks ([`TaxRule`]).
//! - What was paid is known to the atom. Where the groups' sums part from it, the rounding amount
//!   (BT-114) closes the gap, so nothing that was paid stays due (BR-CO-16).

use std::collections::BTreeMap;

use money::{Ppm, allocate};

use crate::facts::{
    Adjustment, Basis, Draft, Kind, Paid, Party, Supply, TaxCurrency, TaxRule, Treatment,
};
use crate::paper::{Adjusted, Group, Line, Paper, Remainder, TaxIn, TaxRemainder, Totals};
use crate::rounding::{Rounding, Unit};
use crate::{Minor, PaperError};

const MILLION: u128 = 1_000_000;

/// Makes the paper.
///
/// # Errors
/// What is missing or contradicts itself, as [`PaperError`] says.
pub fn compose(draft: Draft) -> Result<Paper, PaperError> {
    check(&draft)?;
    let unit = Unit::of(&draft.asset);
    let mut sums = Sums::default();
    for supply in &draft.supplies {
        sums.add(supply)?;
    }
    for adjustment in &draft.adjustments {
        sums.adjust(adjustment, unit)?;
    }
    let before = Before::of(&draft)?;
    let (mut lines, mut groups, mut remainders) = (Vec::new(), Vec::new(), Vec::new());
    let mut totals = Counted::default();
    for ((treatment, rate), sum) in &sums.groups {
        let reckoned = match &before {
            None => sum.reckon(*rate, unit, draft.tax_rule)?,
            Some(before) => before.further(&(*treatment, *rate), unit, draft.tax_rule)?,
        };
        let made = sum.lines(*treatment, *rate, reckoned.lines, unit, &draft)?;
        lines.extend(made);
        totals.lines += reckoned.lines;
        totals.allowances += sum.allowances;
        totals.charges += sum.charges;
        totals.tax += reckoned.tax;
        let key = (*treatment, *rate);
        remainders.push(sum.remainder(key, reckoned.tax, before.is_some(), unit)?);
        groups.push(Group {
            treatment: *treatment,
            rate: *rate,
            reason: sum.reason.clone(),
            net: unit.minor(reckoned.net)?,
            tax: unit.minor(reckoned.tax)?,
        });
    }
    let exact = sums.gross()?;
    let earlier = before
        .as_ref()
        .map_or(Ok(0), |before| before.earlier.gross())?;
    let totals = totals.close(&draft.paid, exact, earlier, unit)?;
    let stated = unit.in_atoms(totals.gross) + unit.in_atoms(totals.rounding);
    let remainder = Remainder {
        tax: remainders,
        gross: stated - signed(exact)?,
    };
    let tax_in = draft.tax_currency.as_ref();
    let tax_in = tax_in
        .map(|wanted| tax_in_other(wanted, unit.in_atoms(totals.tax)))
        .transpose()?;
    let dates = draft.supplies.iter().map(|supply| supply.date);
    let first = dates.clone().min().ok_or(PaperError::Empty)?;
    let last = dates.max().ok_or(PaperError::Empty)?;
    let adjustments = adjusted(&draft.adjustments, unit)?;
    Ok(Paper {
        kind: draft.kind,
        number: draft.number,
        issued: draft.issued,
        due_date: draft.due,
        period: (first, last),
        language: draft.language,
        asset: draft.asset,
        seller: draft.seller,
        buyer: draft.buyer,
        lines,
        adjustments,
        groups,
        totals,
        tax_in,
        remainder,
        buyer_reference: draft.buyer_reference,
        order: draft.order,
        note: draft.note,
        national: draft.national,
    })
}

/// What must be there before anything is summed, in the order of the errors.
fn check(draft: &Draft) -> Result<(), PaperError> {
    if draft.supplies.is_empty() {
        return Err(PaperError::Empty);
    }
    named("seller", &draft.seller)?;
    if draft.kind != Kind::SimplifiedInvoice {
        named("buyer", &draft.buyer)?;
    }
    if let Kind::CreditNote { original, .. } = &draft.kind
        && original.number.is_empty()
    {
        return Err(PaperError::NoOriginal);
    }
    if let Some(number) = &draft.national.qualified_issuer {
        crate::national::qualified(number)?;
    }
    if let Some(wanted) = &draft.tax_currency
        && wanted.asset.code == draft.asset.code
    {
        return Err(PaperError::SameTaxCurrency);
    }
    let mut has_out_of_scope = false;
    let mut has_other = false;
    for supply in &draft.supplies {
        let is_free = supply.rate == Ppm::ZERO && supply.tax.is_zero();
        if supply.treatment != Treatment::Taxed && !is_free {
            return Err(PaperError::TaxWithoutReason(supply.payment.clone()));
        }
        has_out_of_scope |= supply.treatment == Treatment::OutOfScope;
        has_other |= supply.treatment != Treatment::OutOfScope;
        let number = &draft.seller.tax_number;
        match supply.treatment {
            Treatment::Taxed if number.is_none() && supply.rate != Ppm::ZERO => {
                return Err(PaperError::SellerNumberMissing("tax"));
            }
            Treatment::ReverseCharge if number.is_none() => {
                return Err(PaperError::SellerNumberMissing("a reverse charge"));
            }
            Treatment::ReverseCharge if draft.buyer.tax_number.is_none() => {
                return Err(PaperError::BuyerNumberMissing);
            }
            _ => {}
        }
    }
    if has_out_of_scope && has_other {
        return Err(PaperError::OutOfScopeMixed);
    }
    Ok(())
}

fn named(who: &'static str, party: &Party) -> Result<(), PaperError> {
    if party.name.trim().is_empty() {
        return Err(PaperError::PartyIncomplete(who, "name"));
    }
    if party.country.len() != 2 {
        return Err(PaperError::PartyIncomplete(who, "country"));
    }
    Ok(())
}

fn signed(atoms: u128) -> Result<i128, PaperError> {
    i128::try_from(atoms).map_err(|_| PaperError::TooLarge)
}

/// The tax in the other currency, rounded once.
fn tax_in_other(wanted: &TaxCurrency, tax: i128) -> Result<TaxIn, PaperError> {
    let unit = Unit::of(&wanted.asset);
    let atoms = u128::try_from(tax).map_err(|_| PaperError::TooLarge)?;
    let num = atoms.checked_mul(u128::from(wanted.rate.num));
    let den = u128::from(wanted.rate.den.get()).checked_mul(u128::from(unit.atoms()));
    let (Some(num), Some(den)) = (num, den) else {
        return Err(PaperError::TooLarge);
    };
    Ok(TaxIn {
        asset: wanted.asset,
        tax: unit.minor(Rounding::HalfUp.divide(num, den))?,
        shown: wanted.shown.clone(),
    })
}

fn adjusted(adjustments: &[Adjustment], unit: Unit) -> Result<Vec<Adjusted>, PaperError> {
    let adjusted = adjustments.iter().map(|adjustment| {
        Ok(Adjusted {
            is_charge: adjustment.is_charge,
            reason: adjustment.reason.clone(),
            net: unit.round(u128::from(adjustment.net.get()), Rounding::HalfUp)?,
            treatment: adjustment.treatment,
            rate: adjustment.rate,
        })
    });
    adjusted.collect()
}

/// Sums of a whole paper, in atoms unless said otherwise.
#[derive(Default)]
struct Sums {
    groups: BTreeMap<(Treatment, Ppm), Sum>,
}

/// Sums of one group.
#[derive(Default)]
struct Sum {
    net: u128,
    tax: u128,
    /// Minor units.
    allowances: u128,
    /// Minor units.
    charges: u128,
    /// Atoms that adjustments take off net and tax together, less those that they add.
    gross_adjusted: i128,
    /// The same of the tax alone.
    tax_adjusted: i128,
    payments: u64,
    adjustments: u64,
    reason: Option<String>,
    products: BTreeMap<(String, String), Product>,
}

#[derive(Default)]
struct Product {
    quantity: u64,
    payments: u64,
    net: u64,
    /// Net atoms and quantity of the first: the unit price, while all agree with it.
    first: Option<(u64, u64)>,
    is_varied: bool,
}

impl Sums {
    fn add(&mut self, supply: &Supply) -> Result<(), PaperError> {
        let key = (supply.treatment, supply.rate);
        let sum = self.groups.entry(key).or_default();
        sum.net += u128::from(supply.net.get());
        sum.tax += u128::from(supply.tax.get());
        sum.payments += 1;
        if sum.reason.is_none() {
            sum.reason.clone_from(&supply.reason);
        }
        let product = (supply.category.clone(), supply.product.clone());
        let product = sum.products.entry(product).or_default();
        product.payments += 1;
        product.quantity = product
            .quantity
            .checked_add(supply.quantity.max(1))
            .ok_or(PaperError::TooLarge)?;
        let net = product.net.checked_add(supply.net.get());
        product.net = net.ok_or(PaperError::TooLarge)?;
        let this = (supply.net.get(), supply.quantity.max(1));
        let first = *product.first.get_or_insert(this);
        // Cross-multiplied: prices are compared as the ratios that they are.
        product.is_varied |=
            u128::from(this.0) * u128::from(first.1) != u128::from(first.0) * u128::from(this.1);
        Ok(())
    }

    fn adjust(&mut self, adjustment: &Adjustment, unit: Unit) -> Result<(), PaperError> {
        let key = (adjustment.treatment, adjustment.rate);
        // An allowance on what is not on the paper has nothing to reduce.
        let sum = self.groups.get_mut(&key);
        let sum = sum.ok_or(PaperError::AllowanceExceeds)?;
        let units =
            Rounding::HalfUp.divide(u128::from(adjustment.net.get()), u128::from(unit.atoms()));
        let gross = i128::from(adjustment.net.get()) + i128::from(adjustment.tax.get());
        let tax = i128::from(adjustment.tax.get());
        let sign = if adjustment.is_charge { -1 } else { 1 };
        sum.gross_adjusted += sign * gross;
        sum.tax_adjusted += sign * tax;
        sum.adjustments += 1;
        if adjustment.is_charge {
            sum.charges += units;
        } else {
            sum.allowances += units;
        }
        Ok(())
    }

    /// Atoms paid for all of it, tax within.
    fn gross(&self) -> Result<u128, PaperError> {
        let mut all = 0_u128;
        for sum in self.groups.values() {
            let gross = sum.gross()?;
            all = all.checked_add(gross).ok_or(PaperError::TooLarge)?;
        }
        Ok(all)
    }
}

/// What earlier credit notes of the same invoice credited, and that with what this one does.
struct Before {
    earlier: Sums,
    all: Sums,
}

impl Before {
    fn of(draft: &Draft) -> Result<Option<Before>, PaperError> {
        if draft.credited.is_empty() {
            return Ok(None);
        }
        let (mut earlier, mut all) = (Sums::default(), Sums::default());
        for supply in &draft.credited {
            earlier.add(supply)?;
            all.add(supply)?;
        }
        for supply in &draft.supplies {
            all.add(supply)?;
        }
        Ok(Some(Before { earlier, all }))
    }

    /// A group's further part: of all, less of what was credited earlier. Rounding never makes it
    /// less than nothing, for more atoms never round to less.
    fn further(
        &self,
        key: &(Treatment, Ppm),
        unit: Unit,
        rule: TaxRule,
    ) -> Result<Reckoned, PaperError> {
        let reckon = |sums: &Sums| match sums.groups.get(key) {
            Some(sum) => sum.reckon(key.1, unit, rule),
            None => Ok(Reckoned::default()),
        };
        let (all, earlier) = (reckon(&self.all)?, reckon(&self.earlier)?);
        Ok(Reckoned {
            lines: all.lines.saturating_sub(earlier.lines),
            net: all.net.saturating_sub(earlier.net),
            tax: all.tax.saturating_sub(earlier.tax),
        })
    }
}

/// A group in minor units.
#[derive(Default)]
struct Reckoned {
    /// Its lines, before adjustments.
    lines: u128,
    /// After adjustments.
    net: u128,
    tax: u128,
}

impl Sum {
    /// Atoms with tax, after adjustments.
    fn gross(&self) -> Result<u128, PaperError> {
        let left = signed(self.net + self.tax)? - self.gross_adjusted;
        u128::try_from(left).map_err(|_| PaperError::AllowanceExceeds)
    }

    /// Atoms of tax that were posted, after adjustments.
    fn posted(&self) -> Result<u128, PaperError> {
        let left = signed(self.tax)? - self.tax_adjusted;
        u128::try_from(left).map_err(|_| PaperError::AllowanceExceeds)
    }

    /// The group's tax beside what was posted. Rounding the net and the tax parts them by less than
    /// two minor units, and each adjustment and payment by its own rounding; what is more is no
    /// rounding, and the facts contradict themselves.
    fn remainder(
        &self,
        (treatment, rate): (Treatment, Ppm),
        tax: u128,
        is_further: bool,
        unit: Unit,
    ) -> Result<TaxRemainder, PaperError> {
        let posted = self.posted()?;
        let stated = tax * u128::from(unit.atoms());
        let adjustment = signed(stated)? - signed(posted)?;
        // What earlier ones left over comes with it.
        let papers = if is_further { 2 } else { 1 };
        let most = u128::from(2 * papers + self.adjustments) * u128::from(unit.atoms());
        if adjustment.unsigned_abs() > most + u128::from(self.payments) {
            return Err(PaperError::TaxDoesNotFit(rate.get()));
        }
        Ok(TaxRemainder {
            treatment,
            rate,
            posted,
            stated,
            adjustment,
        })
    }

    fn reckon(&self, rate: Ppm, unit: Unit, rule: TaxRule) -> Result<Reckoned, PaperError> {
        let per_unit = u128::from(unit.atoms());
        let ppm = u128::from(rate.get());
        match rule.basis {
            Basis::Net => {
                let lines = Rounding::HalfUp.divide(self.net, per_unit);
                let net = (lines + self.charges)
                    .checked_sub(self.allowances)
                    .ok_or(PaperError::AllowanceExceeds)?;
                let exact = net.checked_mul(ppm).ok_or(PaperError::TooLarge)?;
                let tax = rule.rounding.divide(exact, MILLION);
                Ok(Reckoned { lines, net, tax })
            }
            Basis::Gross => {
                let gross = Rounding::HalfUp.divide(self.gross()?, per_unit);
                let exact = gross.checked_mul(ppm).ok_or(PaperError::TooLarge)?;
                let tax = rule.rounding.divide(exact, MILLION + ppm);
                // At most the gross amount, whichever way it was rounded.
                let net = gross - tax.min(gross);
                let lines = (net + self.allowances)
                    .checked_sub(self.charges)
                    .ok_or(PaperError::AllowanceExceeds)?;
                Ok(Reckoned { lines, net, tax })
            }
        }
    }

    /// The group's lines, which sum to `total` minor units.
    fn lines(
        &self,
        treatment: Treatment,
        rate: Ppm,
        total: u128,
        unit: Unit,
        draft: &Draft,
    ) -> Result<Vec<Line>, PaperError> {
        let weights: Vec<u64> = self.products.values().map(|product| product.net).collect();
        let mut parts = vec![0; weights.len()];
        let total = u64::try_from(total).map_err(|_| PaperError::TooLarge)?;
        if total > 0 {
            allocate(total, &weights, &mut parts).map_err(|_| PaperError::TooLarge)?;
        }
        let lines = self.products.iter().zip(parts);
        let lines = lines.map(|(((category, name), product), part)| {
            Ok(Line {
                product: name.clone(),
                category: category.clone(),
                quantity: product.quantity,
                payments: product.payments,
                treatment,
                rate,
                net: unit.minor(u128::from(part))?,
                unit_price: product.unit_price(draft),
            })
        });
        lines.collect()
    }
}

impl Product {
    /// The exact price of one, where all have the same and it can be written down.
    fn unit_price(&self, draft: &Draft) -> Option<String> {
        let (net, quantity) = self.first.filter(|_| !self.is_varied)?;
        (net % quantity == 0).then(|| draft.asset.format(money::Atoms(net / quantity)))
    }
}

/// Totals in minor units, while they are counted.
#[derive(Default)]
struct Counted {
    lines: u128,
    allowances: u128,
    charges: u128,
    tax: u128,
}

impl Counted {
    /// `exact` atoms were paid for it, besides those of earlier papers that it goes on from.
    fn close(
        self,
        paid: &Paid,
        exact: u128,
        earlier: u128,
        unit: Unit,
    ) -> Result<Totals, PaperError> {
        let net = (self.lines + self.charges)
            .checked_sub(self.allowances)
            .ok_or(PaperError::AllowanceExceeds)?;
        let gross = unit.minor(net + self.tax)?;
        let (paid, rounding) = match paid {
            Paid::Nothing => (0, 0),
            Paid::Part(atoms) => {
                let part = unit.round(u128::from(atoms.get()), Rounding::HalfUp)?;
                (part.units(), 0)
            }
            Paid::InFull => {
                let round = |atoms| unit.round(atoms, Rounding::HalfUp);
                let exact = exact.checked_add(earlier).ok_or(PaperError::TooLarge)?;
                let all = round(exact)?.units() - round(earlier)?.units();
                (all, all - gross.units())
            }
        };
        let minor = |units| Minor::new(units, unit.digits());
        Ok(Totals {
            lines: unit.minor(self.lines)?,
            allowances: unit.minor(self.allowances)?,
            charges: unit.minor(self.charges)?,
            net: unit.minor(net)?,
            tax: unit.minor(self.tax)?,
            gross,
            paid: minor(paid),
            rounding: minor(rounding),
            due: minor(gross.units() - paid + rounding),
        })
    }
}
