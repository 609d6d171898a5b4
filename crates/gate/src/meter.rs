//! What a session has promised, used and had reported. Pure: no clock, no ledger, no signature.
//!
//! - `reported ≤ spent ≤ accepted ≤ deposit`, all since the session was opened.
//! - `accepted` is the highest voucher. A request is let in if what of it is neither spent nor
//!   reserved covers the price: a voucher that was used up pays for nothing, and one whose request
//!   came to nothing pays for the next.
//! - What was served and is not reported is at most one per cent of the deposit, or the requests
//!   that were under way at once if these cost more: that is what a crash may cost the seller.

/// What was served and not reported is at most this share of the deposit.
const BOUND_SHARE: u64 = 100;

/// Why a voucher does not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Short {
    /// The session is over, or about to be.
    Ended,
    /// More than is set aside.
    AboveDeposit,
    /// Less than a voucher before it.
    Lower,
    /// It does not cover the price.
    TooLittle,
}

/// What to do with a request whose voucher covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Serve it; the price is reserved.
    Admitted,
    /// Report first, then ask again: too much would be at stake otherwise.
    ReportFirst,
}

/// Of one session; amounts in atoms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    deposit: u64,
    accepted: u64,
    spent: u64,
    reserved: u64,
    reported: u64,
    ended: bool,
}

impl Meter {
    /// A session of which so much was captured before.
    #[must_use]
    pub fn new(deposit: u64, captured: u64) -> Meter {
        Meter {
            deposit,
            accepted: captured,
            spent: captured,
            reserved: 0,
            reported: captured,
            ended: false,
        }
    }

    #[must_use]
    pub fn deposit(&self) -> u64 {
        self.deposit
    }

    /// The highest voucher.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// What was served.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Whether a request is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.reserved > 0
    }

    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// What was served and not reported.
    #[must_use]
    pub fn unreported(&self) -> u64 {
        self.spent - self.reported
    }

    /// What the next voucher must say at least, for a request of this price.
    #[must_use]
    pub fn required(&self, price: u64) -> u64 {
        let needed = self.spent.saturating_add(self.reserved);
        needed.saturating_add(price).max(self.accepted)
    }

    fn bound(&self) -> u64 {
        self.deposit / BOUND_SHARE
    }

    /// Lets a request in, or says why not. The voucher's signature was checked before.
    ///
    /// # Errors
    /// [`Short`]; nothing has changed then.
    pub fn admit(&mut self, cumulative: u64, price: u64) -> Result<Entry, Short> {
        if self.ended {
            return Err(Short::Ended);
        }
        if cumulative > self.deposit {
            return Err(Short::AboveDeposit);
        }
        if cumulative < self.accepted {
            return Err(Short::Lower);
        }
        if cumulative < self.required(price) {
            return Err(Short::TooLittle);
        }
        let at_stake = u128::from(self.unreported()) + u128::from(self.reserved);
        if self.unreported() > 0 && at_stake + u128::from(price) > u128::from(self.bound()) {
            return Ok(Entry::ReportFirst);
        }
        self.accepted = cumulative;
        self.reserved += price;
        Ok(Entry::Admitted)
    }

    /// A request that was let in has been served. Whether it is time to report. Nothing is spent
    /// beyond the highest voucher, even if another gate took its part of it meanwhile.
    pub fn serve(&mut self, price: u64) -> bool {
        self.reserved -= price;
        self.spent = self.spent.saturating_add(price).min(self.accepted);
        self.unreported().saturating_mul(2) >= self.bound()
    }

    /// A request that was let in came to nothing.
    pub fn release(&mut self, price: u64) {
        self.reserved -= price;
    }

    /// The ledger has captured so much in all. More than was served here was served elsewhere.
    pub fn report(&mut self, captured: u64) {
        self.reported = self.reported.max(captured);
        self.spent = self.spent.max(self.reported);
        self.accepted = self.accepted.max(self.spent);
    }

    /// So much is set aside now, in all.
    pub fn raise(&mut self, deposit: u64) {
        self.deposit = self.deposit.max(deposit);
    }

    /// Lets nothing more in. What is under way goes on.
    pub fn end(&mut self) {
        self.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_voucher_pays_by_what_it_adds() {
        use Entry::{Admitted, ReportFirst};
        let used = |accepted, spent| Meter {
            accepted,
            spent,
            reported: spent,
            ..Meter::new(1_000, 0)
        };
        let ended = Meter {
            ended: true,
            ..used(0, 0)
        };
        let busy = Meter {
            reserved: 10,
            ..used(10, 0)
        };
        let unreported = |reported| Meter {
            reported,
            ..used(20, 20)
        };
        for (what, meter, cumulative, expected) in [
            ("the first", used(0, 0), 5, Ok(Admitted)),
            ("the next", used(5, 5), 10, Ok(Admitted)),
            ("too little more", used(5, 5), 9, Err(Short::TooLittle)),
            ("again", used(5, 5), 5, Err(Short::TooLittle)),
            (
                "again, after nothing was served",
                used(5, 0),
                5,
                Ok(Admitted),
            ),
            ("a lower one", used(10, 5), 9, Err(Short::Lower)),
            ("all of it", used(0, 0), 1_000, Ok(Admitted)),
            (
                "beyond the deposit",
                used(0, 0),
                1_001,
                Err(Short::AboveDeposit),
            ),
            (
                "the largest number",
                used(0, 0),
                u64::MAX,
                Err(Short::AboveDeposit),
            ),
            (
                "what another request has",
                busy.clone(),
                10,
                Err(Short::TooLittle),
            ),
            ("beside another request", busy, 15, Ok(Admitted)),
            ("after the end", ended, 5, Err(Short::Ended)),
            (
                "with one per cent at stake",
                unreported(15),
                25,
                Ok(Admitted),
            ),
            ("with more at stake", unreported(14), 25, Ok(ReportFirst)),
        ] {
            let mut after = meter.clone();
            assert_eq!(after.admit(cumulative, 5), expected, "{what}");
            if expected != Ok(Admitted) {
                assert_eq!(after, meter, "{what}: nothing changes");
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Ask { more: u64, price: u64 },
        Serve,
        Release,
        Report,
        TopUp(u64),
        Elsewhere(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0u64..40, 0u64..30).prop_map(|(more, price)| Step::Ask { more, price }),
            3 => Just(Step::Serve),
            1 => Just(Step::Release),
            2 => Just(Step::Report),
            1 => (0u64..500).prop_map(Step::TopUp),
            1 => (0u64..30).prop_map(Step::Elsewhere),
        ]
    }

    proptest! {
        #[test]
        fn what_is_owed_is_promised_and_what_is_at_stake_is_bounded(
            deposit in 0u64..5_000,
            steps in prop::collection::vec(step(), 0..200),
        ) {
            let mut meter = Meter::new(deposit, 0);
            let (mut under_way, mut signed, mut served) = (Vec::new(), 0u64, 0u64);
            let mut elsewhere = false;
            for step in steps {
                match step {
                    Step::Ask { more, price } => {
                        let cumulative = meter.accepted + more;
                        match meter.admit(cumulative, price) {
                            Ok(Entry::Admitted) => {
                                signed = signed.max(cumulative);
                                under_way.push(price);
                            }
                            Ok(Entry::ReportFirst) => {
                                meter.report(meter.spent);
                                prop_assert_eq!(
                                    meter.admit(cumulative, price), Ok(Entry::Admitted)
                                );
                                signed = signed.max(cumulative);
                                under_way.push(price);
                            }
                            Err(_) => {}
                        }
                    }
                    Step::Serve => if let Some(price) = under_way.pop() {
                        meter.serve(price);
                        served += price;
                    },
                    Step::Release => if let Some(price) = under_way.pop() {
                        meter.release(price);
                    },
                    Step::Report => meter.report(meter.spent),
                    Step::TopUp(more) => meter.raise(meter.deposit + more),
                    // What another gate took, it took by a voucher.
                    Step::Elsewhere(more) => {
                        let captured = (meter.reported + more).min(meter.deposit);
                        signed = signed.max(captured);
                        meter.report(captured);
                        elsewhere |= captured > served;
                    }
                }
                let in_order = meter.reported <= meter.spent
                    && meter.spent <= meter.accepted
                    && meter.accepted <= meter.deposit;
                prop_assert!(in_order, "{:?}", meter);
                prop_assert!(meter.spent <= signed);
                prop_assert!(elsewhere || meter.spent == served);
                let under_way: u64 = under_way.iter().sum();
                prop_assert_eq!(meter.reserved, under_way);
                prop_assert_eq!(meter.is_busy(), under_way > 0);
            }
        }

        #[test]
        fn one_request_after_another_leaves_one_per_cent_or_one_price_at_stake(
            prices in prop::collection::vec(1u64..300, 1..60),
            reports in prop::collection::vec(any::<bool>(), 60),
        ) {
            let mut meter = Meter::new(20_000, 0);
            for (price, report) in prices.iter().zip(reports) {
                let cumulative = meter.required(*price);
                if meter.admit(cumulative, *price) == Ok(Entry::ReportFirst) {
                    meter.report(meter.spent);
                    prop_assert_eq!(meter.admit(cumulative, *price), Ok(Entry::Admitted));
                }
                meter.serve(*price);
                prop_assert!(meter.unreported() <= 200.max(*price));
                if report {
                    meter.report(meter.spent);
                }
            }
        }
    }
}
