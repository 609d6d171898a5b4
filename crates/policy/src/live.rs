//! Which rules of which packs look at a payment: the conjunction of a word for each dimension.

use crate::dimension::Set;
use crate::facts::{Facts, Moments, PartyFacts, RuleNo};
use crate::ruleset::{NONE, Place, Ruleset, Table, at};
use crate::vocabulary::{Channel, Flag, Payment, Presence, Product, Screening, Technology};

/// The rules of one pack that look at a payment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Live {
    /// Which table.
    pub number: u8,
    /// Zones of payer and payee.
    pub zones: [u8; 2],
    /// In force, and accept everything.
    pub binds: u64,
    /// Count it, whatever the party's kind, age and segment, and unless its tier is above the rule.
    pub counts: u64,
    /// Accept everything but flags and hours, by role alone.
    pub reached: u64,
}

/// Payer's, payee's and operator's.
const PACKS: usize = 3;

/// The rules of every pack that is there, once a pack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lives {
    list: [Live; PACKS],
    len: usize,
}

impl Lives {
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &Live> {
        self.list[..self.len].iter()
    }
}

/// What decides which rules look at a payment, apart from rules and moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    parties: [PartyFacts; 2],
    payment: Payment,
    channel: Channel,
    product: Product,
    presence: Presence,
    technology: Technology,
    screening: Screening,
    asks: [bool; 2],
    funds: u16,
    flags: Set<Flag>,
}

impl Kind {
    #[inline]
    fn of(facts: &Facts<'_>) -> Kind {
        let funds = facts.legs.iter().map(|leg| 1 << leg.funds as u32);
        Kind {
            parties: [facts.payer, facts.payee],
            payment: facts.payment,
            channel: facts.channel,
            product: facts.product,
            presence: facts.presence,
            technology: facts.technology,
            screening: facts.screening,
            asks: [facts.asks_payer, facts.asks_payee],
            funds: funds.fold(0, |all, one: u16| all | one),
            flags: facts.flags,
        }
    }
}

/// The rules that looked at the last payment, for the next of the same kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recall {
    /// Of which ruleset and moment.
    of: Option<(u32, u32, u64)>,
    last: Option<Box<Last>>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    kind: Kind,
    lives: Lives,
}

impl Recall {
    #[inline]
    pub fn begin(&mut self, of: (u32, u32, u64)) {
        if self.of != Some(of) {
            (self.of, self.last) = (Some(of), None);
        }
    }
}

impl Ruleset {
    /// [`Ruleset::lives`], remembered from the payment before if that was of the same kind.
    #[inline]
    pub(crate) fn recalled(
        &self,
        facts: &Facts<'_>,
        now: Moments<'_>,
        recall: &mut Recall,
    ) -> Lives {
        if recall.of.is_none() {
            return self.lives(facts, now);
        }
        let kind = Kind::of(facts);
        match &recall.last {
            Some(last) if last.kind == kind => last.lives,
            _ => {
                let lives = self.lives(facts, now);
                recall.last = Some(Box::new(Last { kind, lives }));
                lives
            }
        }
    }

    /// The rules that look at a payment, of each pack that is there by payer, payee or operator.
    pub(crate) fn lives(&self, facts: &Facts<'_>, now: Moments<'_>) -> Lives {
        let payer = self.place(facts.payer.country);
        let payee = self.place(facts.payee.country);
        let places = [payer, payee, self.operator];
        let mut lives = Lives::default();
        for (first, place) in places.iter().enumerate() {
            let number = place.table;
            if number == NONE || places[..first].iter().any(|p| p.table == number) {
                continue;
            }
            let table = &self.tables[usize::from(number)];
            lives.list[lives.len] = live(number, table, facts, now, places);
            lives.len += 1;
        }
        lives
    }
}

/// Finds the rules of a pack that look at a payment.
#[inline]
fn live(
    number: u8,
    table: &Table,
    facts: &Facts<'_>,
    now: Moments<'_>,
    places: [Place; PACKS],
) -> Live {
    let here = places.map(|place| place.table == number);
    let roles = usize::from(here[0]) | usize::from(here[1]) << 1 | usize::from(here[2]) << 2;
    // A party's own zone if it is in the territory, else the operator's, else the other party's.
    let zone = |order: [usize; 3]| {
        let by = order.into_iter().find(|role| here[*role]).unwrap_or(2);
        places[by].zone
    };
    let zones = [zone([0, 2, 1]), zone([1, 2, 0])];
    let at = |side: usize| now[usize::from(zones[side])];
    let Ok(w) = <&[u64; at::WORDS]>::try_from(table.words.as_slice()) else {
        // Never compiled so; a table that no rule of this program wrote stands for nothing.
        return Live {
            number,
            ..Live::default()
        };
    };
    let (payer, payee) = (&facts.payer, &facts.payee);
    let mut sides = 0;
    if facts.asks_payer {
        sides |= table.of_payer;
    }
    if facts.asks_payee {
        sides |= table.of_payee;
    }
    let reached = w[at::REACH + roles] & sides;
    let mut funds = 0;
    for leg in facts.legs {
        funds |= w[at::FUNDS + leg.funds as usize];
    }
    let mut general = reached
        & funds
        & w[at::PAYMENT + facts.payment as usize]
        & w[at::CHANNEL + facts.channel as usize]
        & w[at::PRODUCT + facts.product as usize]
        & w[at::PRESENCE + facts.presence as usize]
        & w[at::TECHNOLOGY + facts.technology as usize]
        & w[at::SCREENING + facts.screening as usize]
        & w[at::PAYER_CLASS + table.class(payer.country, here[0])]
        & w[at::PAYEE_CLASS + table.class(payee.country, here[1])];
    let mut flags = facts.flags;
    if payer.country != payee.country {
        flags.insert(Flag::CrossBorder);
    }
    let flags = flags.bits();
    let special = if flags == 0 {
        general &= !table.flagged;
        table.hourly
    } else {
        table.special
    };
    for bit in bits(general & special) {
        let line = &table.lines[bit as usize];
        let (needed, barred) = (u32::from(line.flags), u32::from(line.flags_not));
        let holds = flags & needed == needed
            && flags & barred == 0
            && line.hours.has(at(line.side as usize));
        if !holds {
            general &= !(1 << bit);
        }
    }
    let (mut binds, mut counts) = table.on(at(0).day);
    if zones[0] != zones[1] {
        let other = table.on(at(1).day);
        binds = binds & table.of_payer | other.0 & table.of_payee;
        counts = counts & table.of_payer | other.1 & table.of_payee;
    }
    let subject = w[at::PAYER_TIER + payer.tier as usize]
        & w[at::PAYER_KIND + payer.kind as usize]
        & w[at::PAYER_AGE + payer.age as usize]
        & w[at::PAYER_SEGMENT + usize::from(payer.segment & 15)]
        & w[at::PAYEE_TIER + payee.tier as usize]
        & w[at::PAYEE_KIND + payee.kind as usize]
        & w[at::PAYEE_AGE + payee.age as usize]
        & w[at::PAYEE_SEGMENT + usize::from(payee.segment & 15)];
    Live {
        number,
        zones,
        binds: general & subject & binds,
        counts: general
            & counts
            & w[at::PAYER_RISES + payer.tier as usize]
            & w[at::PAYEE_RISES + payee.tier as usize],
        reached: reached & binds,
    }
}

#[inline]
pub(crate) fn rule_no(table: u8, line: u32) -> RuleNo {
    RuleNo {
        table,
        // At most 64 rules a table.
        line: line as u8,
    }
}

/// The positions of the bits that are set, lowest first.
#[inline]
pub(crate) fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros();
        word &= word - 1;
        Some(bit)
    })
}
