//! What the town asks of tax: rules, what is said of sellers, what papers round.

use super::{LANDS, Town};
use oracle::{Id, Op, Rounding, Seller, TaxRules};

impl Town {
    /// Other tax rules, seldom none.
    pub(super) fn tax(&mut self) -> Op {
        let d = &mut self.dice;
        let mut countries = std::collections::BTreeMap::new();
        for land in LANDS {
            if d.chance(700) {
                let rate = d.pick(&[1, 70_000, 190_000, 255_000, 1_000_000]);
                let most = d.pick(&[20_000_000, 5_000_000_000]);
                let beyond = d.chance(500).then(|| d.below(most));
                countries.insert(land, (rate, beyond));
            }
        }
        let rules = TaxRules {
            home: d.pick(&LANDS),
            countries,
            platform_supplies: d.chance(300),
        };
        let rules = (d.chance(900) && !rules.countries.is_empty()).then(|| Box::new(rules));
        Op::SetTax { rules }
    }

    /// What is said of a seller.
    pub(super) fn seller(&mut self, tenant: u32) -> Op {
        let parties = self.parties[tenant as usize].clone();
        let party = match self.dice.chance(300) {
            // Who is paid most.
            true => parties[0],
            false => self.dice.pick(&parties),
        };
        let mut registered = LANDS.to_vec();
        registered.retain(|_| self.dice.chance(300));
        let home = self.dice.pick(&LANDS);
        Op::SetSeller {
            party,
            seller: Seller { home, registered },
        }
    }

    /// What a paper rounded, mostly of something that was paid. Repeated it could be of another decision
    /// by then, so it names a payment only with a time, and is asked once.
    pub(super) fn rounding(&mut self, tenant: u32) -> Op {
        let is_timed = |id: Id| engine::Id(id).time_ms().is_some();
        let payment = self.dice.recent(&self.payments, 200);
        let payment = payment.filter(|(of, id, _)| *of == tenant && is_timed(*id));
        let size = 1 + self.dice.below(10_000_000) as i64;
        Op::RoundTax(Rounding {
            paper: u128::from(self.dice.below(200)),
            payment: payment.map_or(0, |(_, id, _)| id),
            share: self.dice.below(6) as usize,
            seller: match self.dice.below(100) {
                0 => 5,
                _ => self.dice.pick(&self.parties[tenant as usize]),
            },
            is_fee: self.dice.chance(400),
            country: self.dice.pick(&LANDS),
            asset: self.asset(),
            amount: match self.dice.below(50) {
                0 => 0,
                throw if throw % 2 == 0 => size,
                _ => -size,
            },
        })
    }
}
