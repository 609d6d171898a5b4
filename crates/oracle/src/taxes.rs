//! Tax by rules, written a second time: one rate a country, whoever sells from abroad beyond a
//! turnover, everybody a consumer. Nothing is remembered of what was decided but by payments.

use crate::books::{EARNED, Moves};
use crate::oracle::{Done, Oracle, Rule, done, reject};
use crate::{Account, Id, Rounding, part_half_even, ratio_up};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Two letters; `ZZ` is not known.
type Land = [u8; 2];
const UNKNOWN: Land = *b"ZZ";

/// A tenant's tax rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxRules {
    /// Where the operator is.
    pub home: Land,
    /// The rate of each country, parts per million of the net price, and the turnover in a year with
    /// its consumers, in atoms of asset 0, from which sellers from abroad owe it; none if always.
    pub countries: BTreeMap<Land, (u32, Option<u64>)>,
    /// Whether the platform supplies in its own name.
    pub platform_supplies: bool,
}

/// A seller's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// Where it is.
    pub home: Land,
    /// Where else it is registered.
    pub registered: Vec<Land>,
}

/// Whose turnover, with whose consumers, in which year and asset; the operator's has no party.
pub type Sold = (u32, Option<u32>, Land, u32, u16);

/// The tax of a sale or of a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The party that owes it; the operator, if none.
    pub owner: Option<u32>,
    /// Where.
    pub place: Land,
    /// Parts per million of the net price.
    pub ppm: u32,
    /// With whose consumers it counts as turnover, and in which year.
    pub counts: Option<(Land, u32)>,
}

/// What was decided of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Of the sale.
    pub sale: Side,
    /// Of the platform's fee.
    pub fee: Side,
}

/// What turnover moves by, without tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How it was decided.
    pub decided: Decided,
    /// In what.
    pub asset: u16,
    /// Of the sale.
    pub net: i128,
    /// Of the fee.
    pub fee: i128,
}

/// What one payee sold: all of a payment, or under tax rules its share of one to several.
#[derive(Clone, Copy, Debug)]
pub struct Supply {
    /// What tax rules decided, if any were in force.
    pub decided: Option<Decided>,
    /// All included.
    pub gross: u64,
    /// The tax in it.
    pub tax: u64,
    /// The fee in it, with its tax.
    pub fee: u64,
    /// The tax in the fee.
    pub fee_tax: u64,
}

impl Supply {
    pub(crate) fn moved(&self, asset: u16) -> Option<Moved> {
        Some(Moved {
            decided: self.decided?,
            asset,
            net: i128::from(self.gross - self.tax),
            fee: i128::from(self.fee - self.fee_tax),
        })
    }

    /// What comes to its payee.
    pub(crate) fn rest(&self) -> u64 {
        self.gross - self.tax - self.fee
    }
}

/// What is given away in one go: what is due, and then to whom how much.
pub(crate) type Given = (Dues, Vec<(u32, u64)>);

/// Tax, its country and owner, and fee with the tax in it: what is taken out of a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dues {
    pub tax: u64,
    pub place: Land,
    pub owner: Option<u32>,
    pub fee: u64,
    pub fee_tax: u64,
    pub fee_place: Land,
}

/// The tax contained in a gross amount.
pub(crate) fn tax_in(gross: u64, ppm: u32) -> u64 {
    part_half_even(gross, u64::from(ppm), 1_000_000 + u64::from(ppm))
}

impl Dues {
    pub(crate) fn new(supply: &Supply, terms: Option<(Land, u32)>) -> Dues {
        let decided = supply.decided.as_ref();
        let (tax, fee, fee_tax) = (supply.tax, supply.fee, supply.fee_tax);
        Dues {
            tax,
            place: decided.map_or(terms.map_or([0; 2], |(land, _)| land), |d| d.sale.place),
            owner: decided.and_then(|d| d.sale.owner),
            fee,
            fee_tax,
            fee_place: decided.map_or([0; 2], |d| d.fee.place),
        }
    }
}

impl Oracle {
    pub(crate) fn set_tax(&mut self, rules: Option<&TaxRules>) -> Rule<Done> {
        let tenant = &mut self.tenants[self.tenant as usize];
        if rules.is_none() && tenant.tax.is_none() {
            return reject("malformed");
        }
        tenant.tax = rules.map(|rules| Rc::new(rules.clone()));
        Ok(done("tax.set"))
    }

    pub(crate) fn set_seller(&mut self, party: Id, seller: &Seller) -> Rule<Done> {
        let party = self.party(party)?;
        self.sellers.insert(party, seller.clone());
        Ok(done("taxpayer.set"))
    }

    /// The tax account comes to what a paper states; what that differs by stands beside it.
    pub(crate) fn round_tax(&mut self, rounding: &Rounding) -> Rule<Done> {
        if rounding.paper == 0 {
            return reject("malformed");
        }
        if usize::from(rounding.asset) >= self.assets.len() {
            return reject("not_found");
        }
        if rounding.amount == 0 {
            return reject("malformed");
        }
        let seller = self.party(rounding.seller)?;
        let payment = self.payments.get(&(self.tenant, rounding.payment));
        let supplies = payment.map_or(&[][..], |payment| &payment.supplies);
        let supply = supplies.get(rounding.share % supplies.len().max(1));
        let decided = supply.and_then(|supply| supply.decided);
        let side = decided.map(|decided| {
            if rounding.is_fee {
                decided.fee
            } else {
                decided.sale
            }
        });
        let (tenant, asset, origin) = (self.tenant, rounding.asset, 0);
        let country = side.map_or(rounding.country, |side| side.place);
        let is_sellers = side.is_some_and(|side| side.owner.is_some());
        let (tax, left) = match is_sellers {
            true => (
                Account::SellerTax {
                    party: seller,
                    asset,
                    country,
                    origin,
                },
                Account::SellerRounding {
                    party: seller,
                    asset,
                    country,
                },
            ),
            false => (
                Account::Tax {
                    tenant,
                    asset,
                    country,
                    origin,
                },
                Account::Rounding {
                    tenant,
                    asset,
                    country,
                },
            ),
        };
        let (mut moves, amount) = (Moves::new(), i128::from(rounding.amount));
        self.books.post(&mut moves, tax, amount);
        self.books.post(&mut moves, left, -amount);
        Ok(done("tax.rounded"))
    }

    /// What is decided of a payment of so much, by the rules in force.
    pub(crate) fn decided(
        &self,
        payer: u32,
        payee: u32,
        seen: Option<Land>,
        price: (u64, u16),
    ) -> Option<Decided> {
        let rules = self.tenants[self.tenant as usize].tax.clone()?;
        let land = |party: u32| {
            let land = self.books.parties[party as usize].country;
            (land != UNKNOWN).then_some(land)
        };
        let seller = self.sellers.get(&payee);
        let home = seller.map_or(land(payee).unwrap_or(rules.home), |seller| seller.home);
        // Two observations of one country outweigh where the payer is registered.
        let customer = seen.or(land(payer)).unwrap_or(home);
        let is_platforms = rules.platform_supplies && rules.countries.contains_key(&customer);
        let sale = match is_platforms {
            true => self.side(&rules, (None, rules.home, &[]), customer, price),
            false => {
                let registered = seller.map_or(&[][..], |seller| &seller.registered);
                self.side(&rules, (Some(payee), home, registered), customer, price)
            }
        };
        let customer = land(payee).unwrap_or(rules.home);
        let fee = self.side(&rules, (None, rules.home, &[]), customer, price);
        Some(Decided { sale, fee })
    }

    fn side(
        &self,
        rules: &TaxRules,
        (owner, home, registered): (Option<u32>, Land, &[Land]),
        customer: Land,
        price: (u64, u16),
    ) -> Side {
        let mut side = Side {
            owner,
            place: customer,
            ppm: 0,
            counts: None,
        };
        let Some((ppm, beyond)) = rules.countries.get(&customer) else {
            return side;
        };
        if customer == home {
            side.ppm = *ppm;
            return side;
        }
        let year = self.civil.month / 12;
        side.counts = beyond.map(|_| (customer, year));
        let owes = registered.contains(&customer)
            || beyond.is_none_or(|limit| self.is_beyond(limit, owner, (customer, year), price));
        side.ppm = if owes { *ppm } else { 0 };
        side
    }

    /// Whether a turnover is passed, last year or with this price. What cannot be converted is.
    fn is_beyond(
        &self,
        limit: u64,
        owner: Option<u32>,
        (land, year): (Land, u32),
        (price, asset): (u64, u16),
    ) -> bool {
        let rates = &self.terms().rates;
        let in_first = |atoms: u64, asset: u16| -> Option<u128> {
            let converted = match asset {
                0 => u128::from(atoms),
                other => {
                    let (num, den) = rates.get(&(other, 0))?;
                    ratio_up(atoms, *num, *den)
                }
            };
            (converted <= u128::from(u64::MAX)).then_some(converted)
        };
        let so_far = |year: u32| -> Option<u128> {
            let mut sum = 0;
            for ((tenant, whose, with, when, asset), net) in &self.books.turnover {
                // What comes to nothing needs no rate.
                let is_it = (*tenant, *whose, *with, *when) == (self.tenant, owner, land, year);
                if is_it && *net > 0 {
                    sum += in_first(u64::try_from(*net).ok()?, *asset)?;
                }
            }
            Some(sum)
        };
        let limit = u128::from(limit);
        let (Some(now), Some(before)) = (so_far(year), so_far(year - 1)) else {
            return true;
        };
        let with_this = in_first(price, asset).map(|price| now + price);
        now > limit || before > limit || with_this.is_none_or(|sum| sum > limit)
    }

    /// Counts what several sold, or did not after all.
    pub(crate) fn count_all(&mut self, supplies: &[Supply], asset: u16, sign: i128) {
        for moved in supplies.iter().filter_map(|supply| supply.moved(asset)) {
            self.count(&moved, sign);
        }
    }

    /// Counts what was sold, or given back.
    pub(crate) fn count(&mut self, moved: &Moved, sign: i128) {
        let tenant = self.tenant;
        let sides = [
            (moved.decided.sale, moved.net),
            (moved.decided.fee, moved.fee),
        ];
        for (side, net) in sides {
            if let Some((land, year)) = side.counts {
                let sold = (tenant, side.owner, land, year, moved.asset);
                *self.books.turnover.entry(sold).or_default() += sign * net;
            }
        }
    }

    /// Value goes from the payer's accounts to tax and fee, then to the payees, one after the other,
    /// each atom resting on what it rested on.
    pub(crate) fn move_payment(
        &mut self,
        moves: &mut Moves,
        asset: u16,
        legs: &[(Account, u64)],
        given: &[Given],
    ) {
        for (account, amount) in legs {
            self.books.post(moves, *account, -i128::from(*amount));
        }
        let mut purse = legs.to_vec();
        for (dues, payees) in given {
            self.give(moves, asset, &mut purse, *dues, payees);
        }
    }

    fn give(
        &mut self,
        moves: &mut Moves,
        asset: u16,
        purse: &mut [(Account, u64)],
        dues: Dues,
        payees: &[(u32, u64)],
    ) {
        let tenant = self.tenant;
        let operators = |country: Land, origin: u8| Account::Tax {
            tenant,
            asset,
            country,
            origin,
        };
        for (origin, part) in by_origin(&take_from(purse, dues.tax)) {
            let country = dues.place;
            let due = match dues.owner {
                None => operators(country, origin),
                Some(party) => Account::SellerTax {
                    party,
                    asset,
                    country,
                    origin,
                },
            };
            self.books.post(moves, due, i128::from(part));
        }
        for (origin, part) in by_origin(&take_from(purse, dues.fee - dues.fee_tax)) {
            let due = Account::Fees {
                tenant,
                asset,
                origin,
            };
            self.books.post(moves, due, i128::from(part));
        }
        for (origin, part) in by_origin(&take_from(purse, dues.fee_tax)) {
            let due = operators(dues.fee_place, origin);
            self.books.post(moves, due, i128::from(part));
        }
        for (payee, amount) in payees {
            for (origin, part) in by_origin(&take_from(purse, *amount)) {
                self.books
                    .credit(moves, *payee, asset, (EARNED, origin), part);
            }
        }
    }
}

/// What a leg of a payment was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Tax,
    Fee,
    FeeTax,
    Rest,
}

/// Of which supply each leg was, and what: each gave tax, fee, its tax and the rest, in this order.
pub(crate) fn roles(legs: &[(Account, u64)], supplies: &[Supply]) -> Vec<(usize, What)> {
    let mut given = Vec::new();
    for (at, supply) in supplies.iter().enumerate() {
        given.push((at, What::Tax, supply.tax));
        given.push((at, What::Fee, supply.fee - supply.fee_tax));
        given.push((at, What::FeeTax, supply.fee_tax));
        given.push((at, What::Rest, supply.rest()));
    }
    given.retain(|(.., amount)| *amount > 0);
    given.reverse();
    let mut roles = Vec::new();
    for (_, amount) in legs {
        let last = given.last_mut().expect("legs are no more than was given");
        last.2 -= amount;
        roles.push((last.0, last.1));
        if last.2 == 0 {
            given.pop();
        }
    }
    roles
}

/// What legs rest on: neighbours that rest on the same are one.
fn by_origin(legs: &[(Account, u64)]) -> Vec<(u8, u64)> {
    let mut parts: Vec<(u8, u64)> = Vec::new();
    for (account, amount) in legs {
        match parts.last_mut() {
            Some((origin, sum)) if *origin == account.gives() => *sum += amount,
            _ => parts.push((account.gives(), *amount)),
        }
    }
    parts
}

/// Takes an amount out of legs, in their order.
pub(crate) fn take_from(legs: &mut [(Account, u64)], amount: u64) -> Vec<(Account, u64)> {
    let mut rest = amount;
    let mut taken = Vec::new();
    for (account, left) in legs {
        let part = (*left).min(rest);
        if part > 0 {
            *left -= part;
            rest -= part;
            taken.push((*account, part));
        }
    }
    taken
}
