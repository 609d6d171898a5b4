//! The catalogue and its meters: prices by number with every version, and what payers have used.
//!
//! - A price's number is given when it is first set and never reused; its versions are kept for ever.
//!   At an instant the newest version stands that has begun.
//! - A unit has its number for good: a version may add units behind those there were or leave out the
//!   last, and none takes another's place.
//! - A payment names a price, a unit and a quantity ([`Item`]); what it was priced by stands in its event
//!   ([`Priced`]), and what is refunded is of what was paid then, whatever the price is since.
//! - A meter is of one payer and one price: what is used in the period, the fraction of an atom left
//!   over, and what is due because something was given back. Where it matters to a price it moves with the payment ([`Metered`]), by the same event.

use crate::catalogue::{Dated, Listed};
use crate::ids::{Id, PriceId};
use crate::records::{PartyKind, PartyNo, PriceNo, TenantNo};
use crate::state::State;
use crate::time::{Civil, UtcMillis, Zone};
use crate::view::View;
use ledger::AssetNo;
use pricing::{Context, Kind, NotQuoted, Period, Price, Quote, SoFar, Version};
use serde::{Deserialize, Serialize};

/// What is bought, by its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which price.
    pub price: PriceNo,
    /// Of which of its units, from 0.
    pub unit: u16,
    /// How many.
    pub quantity: u64,
}

impl Item {
    /// Nothing: the payment says its amount itself.
    pub const NONE: Item = Item {
        price: PriceNo::NONE,
        unit: 0,
        quantity: 0,
    };

    /// Whether there is one.
    #[must_use]
    #[inline]
    pub fn is_some(&self) -> bool {
        self.price != PriceNo::NONE
    }
}

impl Default for Item {
    fn default() -> Item {
        Item::NONE
    }
}

/// A new version of a price, as it is journaled. Grows at its end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSet {
    /// The price; its next number if it is not known.
    pub price: PriceId,
    /// In what it is paid.
    pub asset: AssetNo,
    /// The version.
    pub version: Version,
}

/// A price with all its versions.
pub type PriceRecord = Listed<PriceId, Version>;

impl Dated for Version {
    #[inline]
    fn from(&self) -> UtcMillis {
        UtcMillis(self.from)
    }
}

impl PriceRecord {
    /// Whether each unit of a definition has the number that it had in all versions: what is asked for by
    /// its name is then never another, whichever version comes to hold.
    pub(crate) fn keeps_units(&self, definition: &Price) -> bool {
        let names = definition.unit_names();
        let is_same = |(was, is): (&str, &&str)| was.is_empty() || is.is_empty() || was == *is;
        let mut versions = self.versions.iter();
        versions.all(|of| of.price.unit_names().into_iter().zip(&names).all(is_same))
    }
}

/// What a payment was priced by. Changes nothing by itself. Grows at its end only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priced {
    /// What was bought.
    pub item: Item,
    /// The version of the price.
    pub version: u32,
    /// Which variant of it, from 1; 0 is its own rate.
    pub variant: u16,
    /// How much of the quantity was free.
    pub free: u64,
    /// The most that the payer agreed to pay, atoms; zero if that was not said.
    pub limit: u64,
    /// What it cost, atoms: without tax where that came on top.
    pub amount: u64,
}

/// What a payer has used of a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// What use is added up in.
    pub every: Period,
    /// Which of those.
    pub period: u32,
    /// Used in it, left over and due.
    pub so_far: SoFar,
}

/// A meter has moved to this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metered {
    /// Whose use.
    pub party: PartyNo,
    /// Of which price.
    pub price: PriceNo,
    /// The meter since.
    pub meter: Meter,
}

impl Meter {
    /// The meter as it is in the period of a moment: never an earlier one than it has counted in.
    #[must_use]
    pub fn turned(self, every: Period, civil: Civil) -> Meter {
        let now = every.number(civil.day.0, civil.month.0);
        if self.every == every && self.period >= now {
            return self;
        }
        Meter {
            every,
            period: now,
            so_far: self.so_far.carried_over(),
        }
    }
}

/// A quote, and the meter after it if it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// What it costs.
    pub quote: Quote,
    /// The version of the price.
    pub version: u32,
    /// Whether the price contains its tax, if it says so.
    pub tax_included: Option<bool>,
    /// What the payer's meter comes to.
    pub meter: Option<Meter>,
}

/// What an item costs a payer at a moment, by a version of its price.
#[inline(always)] // Its answer is large, and read at once.
pub(crate) fn quote<V: View>(
    view: &V,
    version: &Version,
    item: Item,
    payer: PartyNo,
    (zone, now, civil): (&Zone, UtcMillis, Civil),
) -> Result<Quoted, NotQuoted> {
    let context = match version.price.variants.is_empty() {
        true => Context::ANY,
        false => context(view, payer, (zone, now, civil)),
    };
    let (mut meter, mut so_far) = (None, SoFar::default());
    if version.is_metered() {
        let known = view.meter(payer, item.price).unwrap_or_default();
        let turned = known.turned(version.price.period, civil);
        (meter, so_far) = (Some(turned), turned.so_far);
    }
    let quote = version.quote(item.unit, item.quantity, so_far, &context)?;
    if let Some(meter) = &mut meter {
        meter.so_far = quote.after;
    }
    Ok(Quoted {
        quote,
        version: version.number,
        tax_included: version.price.tax_included,
        meter,
    })
}

fn context<V: View>(
    view: &V,
    payer: PartyNo,
    (zone, now, civil): (&Zone, UtcMillis, Civil),
) -> Context {
    let party = view.party(payer);
    Context {
        // Below a day's minutes.
        minute: (zone.moment(now).second / 60) as u16,
        weekday: Context::weekday_of(civil.day.0),
        country: party.country.0,
        tier: party.tier.0,
        kind: match party.kind {
            PartyKind::Person => Kind::Person,
            PartyKind::Business => Kind::Business,
            PartyKind::Agent => Kind::Agent,
        },
        tag: party.particulars.segment,
    }
}

impl State {
    /// The number of a price.
    #[must_use]
    pub fn price_no(&self, tenant: TenantNo, id: PriceId) -> Option<PriceNo> {
        self.price_nos.get(&(tenant, id.0)).copied()
    }

    /// A price by its number.
    #[must_use]
    #[inline]
    pub fn price(&self, no: PriceNo) -> Option<&PriceRecord> {
        self.prices.get(no.0 as usize)
    }

    /// What an item would cost a payer now, by the version that holds; none if there is none.
    #[must_use]
    pub fn quote(
        &self,
        item: Item,
        payer: PartyNo,
        now: UtcMillis,
    ) -> Option<Result<Quoted, NotQuoted>> {
        let record = self.price(item.price)?;
        let zone = &self.tenant(record.tenant)?.terms.zone;
        let version = record.at(now)?;
        Some(quote(
            self,
            version,
            item,
            payer,
            (zone, now, zone.civil(now)),
        ))
    }

    pub(crate) fn set_price(&mut self, tenant: TenantNo, set: &PriceSet) {
        let next = PriceNo(u32::try_from(self.prices.len()).expect("fewer than 2^32 prices"));
        let key: (TenantNo, Id) = (tenant, set.price.0);
        let no = *self.price_nos.entry(key).or_insert(next);
        if no == next {
            self.prices.push(PriceRecord {
                tenant,
                id: set.price,
                asset: set.asset,
                archived: false,
                versions: Vec::new(),
            });
        }
        self.prices[no.0 as usize]
            .versions
            .push(set.version.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Day, Month};

    #[test]
    fn a_meter_turns_with_its_period_and_keeps_what_is_left_over() {
        let so_far = SoFar {
            used: 7,
            remainder: 2,
            denominator: 3,
            due: 0,
        };
        let civil = |day, month| Civil {
            day: Day(day),
            month: Month(month),
        };
        let meter = Meter {
            every: Period::Month,
            period: 600,
            so_far,
        };
        for (every, at, period, used) in [
            (Period::Month, civil(18_300, 600), 600, 7),
            (Period::Month, civil(18_330, 601), 601, 0),
            // The zone moved west.
            (Period::Month, civil(18_299, 599), 600, 7),
            (Period::Day, civil(18_300, 600), 18_300, 0),
            (Period::Ever, civil(18_300, 600), 0, 0),
        ] {
            let turned = meter.turned(every, at);
            assert_eq!((turned.every, turned.period), (every, period));
            assert_eq!(turned.so_far, SoFar { used, ..so_far });
        }
    }
}
