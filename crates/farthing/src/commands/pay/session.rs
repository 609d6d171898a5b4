//! Several requests, paid for in one session: opened at the first that has a price, topped up when
//! it runs short, closed at the end, also when something goes wrong.

use super::{Asked, Shown, UNKNOWN_KEY, header, json, most, now, show};
use crate::failure::Failure;
use gate::Secret;
use gate::payer::{OpenSession, SessionOffer};
use hyper::HeaderMap;
use money::{Asset, AssetCode, Atoms, Scale};
use serde_json::Value;
use std::collections::HashMap;

/// A request is sent again so often at most: after a correction, a top-up, another price.
const TRIES: u32 = 8;
/// A wallet with too little is asked for a quarter, so often at most.
const QUARTERS_MAX: u32 = 3;

/// Who pays, and how much at most.
pub(super) struct Purse<'a> {
    pub secret: Secret,
    /// For one request, in units.
    pub max: &'a str,
    /// For all of them, in units; none means `max` for each.
    pub budget: Option<&'a str>,
    pub requests: u64,
}

#[derive(Clone, Copy)]
struct Limits {
    asset: Asset,
    max: u64,
    budget: u64,
}

/// A payer on its way through its requests.
pub(super) struct Buyer<'a> {
    purse: Purse<'a>,
    session: Option<OpenSession>,
    limits: Option<Limits>,
    /// What each path cost last.
    prices: HashMap<String, u64>,
    /// What was paid in sessions that are over, at most.
    before: u64,
    done: u64,
    is_open: bool,
    is_registered: bool,
    /// How often the wallet had too little for a deposit.
    quarters: u32,
}

impl<'a> Buyer<'a> {
    pub(super) fn new(purse: Purse<'a>) -> Buyer<'a> {
        Buyer {
            purse,
            session: None,
            limits: None,
            prices: HashMap::new(),
            before: 0,
            done: 0,
            is_open: false,
            is_registered: false,
            quarters: 0,
        }
    }

    /// Fetches the pages of one site so often, and closes the session.
    pub(super) async fn buy(
        mut self,
        pages: &[Asked],
        count: u32,
        include: bool,
    ) -> Result<(), Failure> {
        let bought = self.buy_all(pages, count, include).await;
        let closed = match pages.first() {
            Some(first) => self.close(first).await,
            None => Ok(()),
        };
        bought.and(closed)
    }

    async fn buy_all(&mut self, pages: &[Asked], count: u32, include: bool) -> Result<(), Failure> {
        for _ in 0..count {
            for asked in pages {
                self.buy_one(asked, include).await?;
                self.done += 1;
            }
        }
        Ok(())
    }

    async fn buy_one(&mut self, asked: &Asked, include: bool) -> Result<(), Failure> {
        let mut payment = match self.prices.get(&asked.path).copied() {
            Some(price) => Some(self.sign(asked, price).await?),
            None => None,
        };
        for _ in 0..TRIES {
            let headers = payment.iter().map(|payment| ("authorization", &**payment));
            let response = asked.send(headers).await?;
            let status = response.status().as_u16();
            if !(status == 402 || status == 410 && payment.is_some()) {
                if let (Some(session), Some(receipt)) = (
                    self.session.as_mut(),
                    header(response.headers(), "payment-receipt"),
                ) {
                    session.receive(receipt);
                    self.is_open = true;
                }
                return show(response, Shown::InSession, include).await;
            }
            let (head, body) = response.into_parts();
            if payment.is_some() {
                self.refused(asked, &head.headers, &json(body).await)
                    .await?;
            }
            payment = Some(self.answer(asked, &head.headers).await?);
        }
        Err(Failure::said(format!(
            "{}{}: the gate does not take the payment",
            asked.origin(),
            asked.path
        )))
    }

    /// Makes ready for another try, if one may help.
    async fn refused(
        &mut self,
        asked: &Asked,
        headers: &HeaderMap,
        problem: &Value,
    ) -> Result<(), Failure> {
        if !self.is_open {
            // It was to be opened, and was not.
            self.session = None;
        }
        match problem["code"].as_str().unwrap_or_default() {
            UNKNOWN_KEY if !self.is_registered => {
                self.is_registered = true;
                asked.register(headers, &self.purse.secret).await
            }
            "session_not_found" => {
                // It was closed meanwhile; what was signed may have been taken.
                self.give_up();
                Ok(())
            }
            "insufficient_funds" if !self.is_open && self.quarters < QUARTERS_MAX => {
                self.quarters += 1;
                Ok(())
            }
            "voucher_above_deposit" | "voucher_lower" | "voucher_too_small" => Ok(()),
            code => {
                let detail = problem["detail"].as_str().unwrap_or_default();
                Err(Failure::said(format!(
                    "{}{}: {code}: {detail}",
                    asked.origin(),
                    asked.path
                )))
            }
        }
    }

    /// What pays for a request that was answered by what it costs.
    async fn answer(&mut self, asked: &Asked, headers: &HeaderMap) -> Result<String, Failure> {
        let values = headers.get_all("www-authenticate").iter();
        let values = values.filter_map(|value| value.to_str().ok());
        let url = format!("{}{}", asked.origin(), asked.path);
        let digest = asked.digest();
        let offer = SessionOffer::read(values, asked.made(&url, digest.as_deref()))
            .map_err(|why| Failure::said(format!("no session is offered: {why}")))?;
        let (price, scale) = offer.price();
        let limits = self.limits_in(offer.asset(), scale)?;
        if price > limits.max {
            return Err(Failure::said(format!(
                "the price is {} {}, more than {}; allow more with --max",
                limits.asset.format(Atoms(price)),
                limits.asset.code,
                self.purse.max
            )));
        }
        self.prices.insert(asked.path.clone(), price);
        if let Some(session) = self
            .session
            .as_mut()
            .filter(|session| session.can_pay(&offer))
        {
            session.correct(&offer);
            return self.sign(asked, price).await;
        }
        self.give_up();
        let budget = limits.budget.saturating_sub(self.before);
        if price > budget {
            return Err(self.beyond(price));
        }
        // As much as the rest of the requests would cost at this price.
        let rest = self.purse.requests.saturating_sub(self.done).max(1);
        let deposit = price.saturating_mul(rest).min(budget) >> (2 * self.quarters);
        let deposit = deposit.max(price);
        let (session, payment) = offer.open(&self.purse.secret, now()?, deposit);
        self.session = Some(session);
        Ok(payment)
    }

    /// A voucher for a request of a price that is known, after a top-up if that is needed.
    async fn sign(&mut self, asked: &Asked, price: u64) -> Result<String, Failure> {
        let (Some(session), Some(limits)) = (self.session.as_mut(), self.limits.as_ref()) else {
            return Err(Failure::said("there is no session to pay in"));
        };
        let needed = session.needed(price);
        let budget = limits.budget.saturating_sub(self.before);
        if needed > budget {
            return Err(self.beyond(needed));
        }
        if needed > session.deposit() {
            let twice = session.deposit().saturating_mul(2).max(needed).min(budget);
            for deposit in [twice, needed] {
                let payment = session.top_up(&self.purse.secret, deposit);
                let response = asked.send([("authorization", &*payment)]).await?;
                let receipt = header(response.headers(), "payment-receipt");
                session.receive(receipt.unwrap_or_default());
                // Of what did not work, the answer to the voucher says why.
                if response.status() != 402 {
                    break;
                }
            }
        }
        let url = format!("{}{}", asked.origin(), asked.path);
        let digest = asked.digest();
        let made = asked.made(&url, digest.as_deref());
        Ok(session.pay(&self.purse.secret, made, price))
    }

    fn beyond(&self, atoms: u64) -> Failure {
        let words = self.limits.as_ref().map_or_else(String::new, |limits| {
            let all = self.before.saturating_add(atoms);
            let (all, asset) = (Atoms(all), limits.asset);
            let budget = asset.format(Atoms(limits.budget));
            format!(
                "this would come to {} {} in all, more than {budget}; allow more with --budget",
                asset.format(all),
                asset.code
            )
        });
        Failure::said(words)
    }

    fn limits_in(&mut self, code: &str, scale: u8) -> Result<Limits, Failure> {
        let unreadable = || Failure::said("the price cannot be read");
        let asset = Asset {
            code: AssetCode::new(code).map_err(|_| unreadable())?,
            scale: Scale::new(scale).map_err(|_| unreadable())?,
        };
        if self
            .limits
            .as_ref()
            .is_some_and(|limits| limits.asset != asset)
        {
            return Err(Failure::said(
                "the site asks for several assets; fetch what costs each by itself",
            ));
        }
        let max = most(asset, "--max", self.purse.max)?;
        let budget = match self.purse.budget {
            Some(budget) => most(asset, "--budget", budget)?,
            None => max.saturating_mul(self.purse.requests),
        };
        Ok(*self.limits.insert(Limits { asset, max, budget }))
    }

    /// The session is over, or another is needed: what was signed counts as paid.
    fn give_up(&mut self) {
        self.is_open = false;
        if let Some(session) = self.session.take() {
            self.before = self.before.saturating_add(session.signed());
        }
    }

    async fn close(&mut self, asked: &Asked) -> Result<(), Failure> {
        let (Some(mut session), Some(limits)) = (self.session.take(), self.limits.as_ref()) else {
            return Ok(());
        };
        let payment = session.close(&self.purse.secret);
        let response = asked.send([("authorization", &*payment)]).await?;
        let receipt = header(response.headers(), "payment-receipt").unwrap_or_default();
        session.receive(receipt);
        if response.status() != 204 {
            return Err(Failure::said(format!(
                "the session was not closed: the answer was {}; it closes by itself, and takes {} \
                 {} at most",
                response.status(),
                limits.asset.format(Atoms(session.signed())),
                limits.asset.code
            )));
        }
        let receipt = gate::payer::receipt(receipt).unwrap_or_default();
        let requests = if self.done == 1 {
            "request"
        } else {
            "requests"
        };
        eprintln!(
            "paid {} {} for {} {requests} in a session: {}",
            limits.asset.format(Atoms(session.spent())),
            limits.asset.code,
            self.done,
            receipt["reference"].as_str().unwrap_or_default()
        );
        Ok(())
    }
}
