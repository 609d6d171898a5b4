//! Whether a command presented again is the one its id was answered for.
//!
//! It compares everything that the answer says; a refusal says all that was asked by its hash.

mod refusal;

use crate::command::{Command, DisputeVerdict, Op, Share, Spend, TaxRounding};
use crate::content;
use crate::event::{Effect, Event, EventKind as K, Paid, Part};
use crate::ids::{Id, WalletId};
use crate::prices::Item;
use crate::records::{Hold, PartyNo, WalletNo};
use crate::state::State;
use crate::step::price;
use crate::step::tax::sub;
use ::tax::supply::Pricing;
use ledger::{Account, AccountClass};
use money::Atoms;
use std::collections::BTreeMap;
use std::sync::Arc;

type Field = &'static str;

/// The first field in which a command differs from what the event answered, as the API names it;
/// `None` if it is the same command.
#[must_use]
pub fn difference(state: &State, command: &Command, event: &Event) -> Option<Field> {
    let whole = Part {
        id: event.id,
        kind: event.kind,
        postings: &event.postings,
        effects: &event.effects,
    };
    let part = match event.part(command.id) {
        Some(part) => part,
        None if event.id == command.id => whole, // a group
        None => return Some("id"),
    };
    let asked = Asked {
        state,
        command,
        part,
    };
    if part.kind.is_refusal() || part.kind.is_step_up_expired() {
        return asked.differs_from_refusal().or_else(|| asked.other_text());
    }
    asked.differs(event).or_else(|| asked.other_text())
}

/// The first row that does not hold.
fn first(rows: &[(Field, bool)]) -> Option<Field> {
    rows.iter().find(|(_, same)| !same).map(|(field, _)| *field)
}

struct Asked<'a> {
    state: &'a State,
    command: &'a Command,
    part: Part<'a>,
}

impl Asked<'_> {
    /// Another text, or one where there was none; which of its fields, the shell can tell. A group
    /// has none of its own.
    fn other_text(&self) -> Option<Field> {
        let grouped = matches!(self.command.op, Op::Group { .. });
        (!grouped && self.command.text() != self.part.text()).then_some("text")
    }

    fn wallet(&self, id: WalletId) -> WalletNo {
        let found = self.state.wallet_no(self.command.tenant, id);
        found.unwrap_or(WalletNo::NONE)
    }

    fn about(&self, field: Field, thing: Id) -> (Field, bool) {
        let same = |e: &Effect| matches!(e, Effect::About { thing: t } if *t == thing);
        (field, self.part.effects.iter().any(same))
    }

    fn has(&self, is_it: impl Fn(&Effect) -> bool) -> bool {
        self.part.effects.iter().any(is_it)
    }

    fn account(&self, no: ledger::AccountNo) -> Option<&Account> {
        self.state.book.get(no)
    }

    /// Whether it posted this rounding. Whose payments it was of tells their case; without one the tax is
    /// the operator's of that country.
    fn rounds(&self, asked: &TaxRounding) -> bool {
        let Some(posting) = self.part.postings.first() else {
            return false;
        };
        let account = self.account(posting.account);
        let account = account.map(|account| (account.asset, account.sub));
        let by_case = self.part.effects.iter().find_map(|effect| match effect {
            Effect::Taxed(moved) => Some((moved.case, moved.seller, moved.fee_tax != 0)),
            _ => None,
        });
        let seller = self.state.party_no(self.command.tenant, asked.seller);
        posting.amount == i128::from(asked.amount)
            && account.is_some_and(|(asset, _)| asset == asked.asset)
            && match by_case {
                Some(case) => Some(case) == seller.map(|no| (asked.case, no, asked.is_fee)),
                None => asked.case == 0 && account.map(|(_, sub)| sub) == Some(sub(asked.country)),
            }
    }

    /// The spending side of a payment that was made or waits.
    fn spend(&self, kinds: &[K], spend: &Spend, payee: WalletId) -> Option<Field> {
        let (payer, payee) = (self.wallet(spend.payer), self.wallet(payee));
        let mandate = self.part.effects.iter().find_map(|effect| match effect {
            Effect::MandateUsed { mandate, .. } => Some(*mandate),
            _ => None,
        });
        let asked = self.part.asked().map(|asked| asked.circumstances);
        let same = asked.unwrap_or_default() == spend.circumstances;
        let circumstances = ("circumstances", same);
        let priced = self.part.priced();
        let same_item = priced.map_or(Item::NONE, |priced| priced.item) == spend.item;
        let amount = |asked: u64| {
            let asked = priced.map_or(asked, |priced| priced.limit);
            ("amount", asked == spend.amount.0)
        };
        let rows = self.part.effects.iter().find_map(|effect| match effect {
            Effect::Paid(p) => Some([
                ("payer", p.payer == payer),
                ("payee", p.payee == payee),
                ("asset", p.asset == spend.asset),
                ("price", same_item),
                amount(self.asked_amount(p.case, p.gross, p.tax)),
                ("tax", self.same_facts(p.case, spend)),
                ("mandate", mandate.unwrap_or(Id::NONE) == spend.mandate.0),
                circumstances,
            ]),
            Effect::HoldOpened(h) => Some([
                ("payer", h.payer == payer),
                ("payee", h.payee == payee),
                ("asset", h.asset == spend.asset),
                ("price", same_item),
                amount(self.asked_of_hold(h)),
                ("tax", self.same_facts(h.case, spend)),
                ("mandate", h.mandate == spend.mandate),
                circumstances,
            ]),
            Effect::PendingOpened(p) => Some([
                ("payer", self.wallet(p.payer) == payer),
                ("payee", self.wallet(p.payee) == payee),
                ("asset", p.asset == spend.asset),
                ("price", p.item.unwrap_or_default() == spend.item),
                ("amount", p.amount == spend.amount),
                ("tax", true), // in the content
                ("id", content::of(&self.command.op) == p.content),
                ("circumstances", true), // in the content
            ]),
            _ => None,
        });
        match rows {
            Some(rows) if kinds.contains(&self.part.kind) => first(&rows),
            _ => Some("id"),
        }
    }

    /// What was asked, of what was paid: without the tax that came on top.
    fn asked_amount(&self, case: u32, gross: u64, tax: u64) -> u64 {
        let case = self.state.tax_case(case);
        if case.is_none_or(|case| case.pricing == Pricing::Inclusive) {
            gross
        } else {
            gross - tax
        }
    }

    /// The same of an authorization, whose tax is that of all of it.
    fn asked_of_hold(&self, hold: &Hold) -> u64 {
        let case = self.state.tax_case(hold.case);
        let tax = case.map_or(0, |case| {
            let rate = case.sale.rate;
            let whole = Atoms(hold.authorized);
            rate.included_in(whole, case.sale.rounding.mode).0
        });
        self.asked_amount(hold.case, hold.authorized, tax)
    }

    /// Whether it says the same of itself for tax. Without rules in force it was not asked.
    fn same_facts(&self, case: u32, spend: &Spend) -> bool {
        let case = self.state.tax_case(case);
        let version = self.part.priced().and_then(|priced| {
            let record = self.state.price(priced.item.price)?;
            record.version(priced.version)
        });
        let own = version.and_then(|version| version.price.tax_included);
        case.is_none_or(|case| case.question.facts == price::facts(spend, own))
    }

    /// What payees of these weights came to have of a split; none if it was another.
    fn parts_of(&self, paid: &Paid, weights: &[u64]) -> Option<Vec<u64>> {
        let shares = self.part.effects.iter().filter_map(|effect| match effect {
            Effect::Taxed(share) => Some(share),
            _ => None,
        });
        let mut parts = vec![0; weights.len()];
        if shares.clone().next().is_none() {
            let net = paid.gross - paid.tax - paid.fee;
            money::allocate(net, weights, &mut parts).ok()?;
            return Some(parts);
        }
        // What was asked was shared out, and each share taxed by itself.
        let asked = self.asked_amount(paid.case, paid.gross, paid.tax);
        money::allocate(asked, weights, &mut parts).ok()?;
        let with_share = parts.iter_mut().filter(|part| **part > 0);
        let mut unpaid = asked;
        for (part, share) in with_share.zip(shares) {
            let atoms = |amount| u64::try_from(amount).unwrap_or(0);
            let gross = atoms(share.net + share.tax);
            if self.asked_amount(share.case, gross, atoms(share.tax)) != *part {
                return None;
            }
            unpaid -= *part;
            *part = atoms(share.net - share.fee - share.fee_tax);
        }
        (unpaid == 0).then_some(parts)
    }

    /// Whether a split's postings are what these payees and weights come to.
    fn same_shares(&self, payees: &[Share]) -> bool {
        let Some(paid) = self.part.paid() else {
            return true; // It waits, and its content was compared.
        };
        let weights: Vec<u64> = payees.iter().map(|p| p.weight).collect();
        let Some(parts) = self.parts_of(paid, &weights) else {
            return false;
        };
        // What paid a debt is known by its party only, so wallets come first and debts explain the
        // rest.
        let mut unpaid = BTreeMap::<WalletNo, i128>::new();
        for (share, part) in payees.iter().zip(parts) {
            *unpaid.entry(self.wallet(share.payee)).or_default() += i128::from(part);
        }
        let mut debts = BTreeMap::<PartyNo, i128>::new();
        for posting in self.part.postings.iter().filter(|p| p.amount > 0) {
            let account = self.account(posting.account);
            match account.map(|a| (a.class, a.owner)) {
                Some((AccountClass::Wallet, no)) => match unpaid.get_mut(&WalletNo(no)) {
                    Some(rest) => *rest -= posting.amount,
                    None => return false,
                },
                Some((AccountClass::Receivable, no)) => {
                    *debts.entry(PartyNo(no)).or_default() += posting.amount;
                }
                _ => {}
            }
        }
        for (wallet, rest) in &unpaid {
            let Some(wallet) = self.state.wallets.get(wallet.0 as usize) else {
                return false;
            };
            *debts.entry(wallet.party).or_default() -= rest;
        }
        unpaid.values().all(|rest| *rest >= 0) && debts.values().all(|rest| *rest == 0)
    }

    /// Whether a capture said it was the last; unknown if nothing was left to release.
    fn was_last(&self, amount: u64) -> Option<bool> {
        if !self.has(|e| matches!(e, Effect::HoldClosed { .. })) {
            return Some(false);
        }
        let taken = self.part.effects.iter().map(|effect| match effect {
            Effect::HoldTaken { amount, .. } => u128::from(*amount),
            _ => 0,
        });
        (taken.sum::<u128>() > u128::from(amount)).then_some(true)
    }

    fn differs(&self, event: &Event) -> Option<Field> {
        let part = &self.part;
        let of = |kinds: &[K], rows: &[(Field, bool)]| {
            if kinds.contains(&part.kind) {
                first(rows)
            } else {
                Some("id")
            }
        };
        let paid = |amount: u64| ("amount", part.paid().is_some_and(|p| p.gross == amount));
        match &self.command.op {
            Op::Pay { spend, payee } => self.spend(&[K::Paid, K::StepUpAsked], spend, *payee),
            Op::Transfer { spend, payee } => {
                // Once what waited was of one kind.
                let kinds = [K::Transferred, K::TransferStepUpAsked, K::StepUpAsked];
                self.spend(&kinds, spend, *payee)
            }
            Op::Authorize {
                spend,
                payee,
                expires,
            } => {
                let differs = self.spend(&[K::Authorized, K::StepUpAsked], spend, *payee);
                let other = |e: &Effect| match e {
                    Effect::HoldOpened(h) => expires.is_some_and(|at| at != h.expires),
                    _ => false,
                };
                differs.or_else(|| first(&[("expires_at", !self.has(other))]))
            }
            Op::Split { spend, payees } => {
                let Some(first_payee) = payees.first() else {
                    return Some("payees");
                };
                let kinds = [K::Split, K::StepUpAsked];
                let differs = self.spend(&kinds, spend, first_payee.payee);
                differs.or_else(|| first(&[("payees", self.same_shares(payees))]))
            }
            Op::Capture {
                payment,
                amount,
                asset,
                last,
            } => {
                let same = part.paid().is_some_and(|p| p.of == *payment);
                let in_it = |asset| part.paid().is_some_and(|p| p.asset == asset);
                let was_last = self.was_last(amount.0).unwrap_or(*last);
                let rows = [
                    ("payment", same),
                    ("asset", asset.is_none_or(in_it)),
                    paid(amount.0),
                    ("last", was_last == *last),
                ];
                of(&[K::Captured], &rows)
            }
            Op::Refund {
                payment, amount, ..
            } => {
                let same = part.paid().is_some_and(|p| p.of == *payment);
                of(&[K::Refunded], &[("payment", same), paid(amount.0)])
            }
            Op::OpenDispute {
                payment, amount, ..
            } => of(
                &[K::DisputeOpened],
                &[self.about("payment", *payment), paid(amount.0)],
            ),
            Op::Void { payment } => of(&[K::Voided], &[self.about("payment", *payment)]),
            Op::Group { items } => {
                if part.kind != K::Grouped {
                    return Some("id");
                }
                self.items_differ(items, event)
            }
            Op::TopUp {
                wallet,
                asset,
                amount,
                source,
                channel,
                spendable,
            } => {
                let opened = part.effects.iter().find_map(|effect| match effect {
                    Effect::TopUpOpened(topup) => Some(topup),
                    _ => None,
                });
                let Some(topup) = opened else {
                    return Some("id");
                };
                let rows = [
                    ("wallet", topup.wallet == self.wallet(*wallet)),
                    ("asset", topup.asset == *asset),
                    ("amount", topup.amount == amount.0),
                    ("source", topup.source == *source),
                    ("channel", topup.channel == *channel),
                    ("spendable", topup.spendable == *spendable),
                ];
                of(&[K::TopUpPending], &rows)
            }
            Op::Withdraw {
                wallet,
                asset,
                amount,
                channel,
            } => {
                let opened = part.effects.iter().find_map(|effect| match effect {
                    Effect::WithdrawalOpened(withdrawal) => Some(withdrawal),
                    _ => None,
                });
                let Some(w) = opened else {
                    return Some("id");
                };
                let sum = w.legs.iter().map(|leg| leg.amount).sum::<u64>();
                let rows = [
                    ("wallet", w.wallet == self.wallet(*wallet)),
                    ("asset", w.asset == *asset),
                    ("amount", sum == amount.0),
                    ("channel", w.channel == *channel),
                ];
                of(&[K::WithdrawalRequested], &rows)
            }
            Op::SettleTopUp { topup } => of(&[K::TopUpSettled], &[self.about("topup", *topup)]),
            Op::ReverseTopUp { topup, amount, .. } => {
                let same =
                    |e: &Effect| matches!(e, Effect::Reversed { amount: a, .. } if *a == amount.0);
                let rows = [self.about("topup", *topup), ("amount", self.has(same))];
                of(&[K::TopUpReversed], &rows)
            }
            Op::SettleEarned {
                wallet,
                asset,
                origin,
                amount,
            } => {
                let rows = part.effects.iter().find_map(|effect| match *effect {
                    Effect::Released {
                        wallet: w,
                        asset: a,
                        origin: o,
                        amount: atoms,
                    } => Some([
                        ("wallet", w == self.wallet(*wallet)),
                        ("asset", a == *asset),
                        ("origin", o == *origin),
                        ("amount", atoms == amount.0),
                    ]),
                    _ => None,
                });
                rows.map_or(Some("id"), |rows| of(&[K::EarnedSettled], &rows))
            }
            Op::SendWithdrawal { withdrawal } => of(
                &[K::WithdrawalSent],
                &[self.about("withdrawal", *withdrawal)],
            ),
            Op::SettleWithdrawal { withdrawal } => of(
                &[K::WithdrawalSettled],
                &[self.about("withdrawal", *withdrawal)],
            ),
            Op::ReturnWithdrawal { withdrawal } => of(
                &[K::WithdrawalReturned],
                &[self.about("withdrawal", *withdrawal)],
            ),
            Op::ResolveDispute { dispute, verdict } => {
                let to_channel = part.postings.iter().any(|p| {
                    let class = self.account(p.account).map(|a| a.class);
                    class == Some(AccountClass::Clearing)
                });
                let then = match (part.kind, to_channel) {
                    (K::DisputeWon, _) => DisputeVerdict::PayeeWins,
                    (_, true) => DisputeVerdict::ChannelTook,
                    (_, false) => DisputeVerdict::PayerWins,
                };
                let rows = [
                    self.about("dispute", *dispute),
                    ("verdict", then == *verdict),
                ];
                of(&[K::DisputeWon, K::DisputeLost], &rows)
            }
            Op::RevokeMandate { mandate } => {
                of(&[K::MandateRevoked], &[self.about("mandate", mandate.0)])
            }
            Op::GrantMandate {
                payer,
                agent,
                asset,
                per_payment,
                per_day,
                payees,
                expires,
            } => {
                let granted = part.effects.iter().find_map(|effect| match effect {
                    Effect::MandateGranted(mandate) => Some(mandate),
                    _ => None,
                });
                let Some(m) = granted else {
                    return Some("id");
                };
                let agent = self.state.party_no(self.command.tenant, *agent);
                let payees = payees.iter().map(|id| self.wallet(*id));
                let rows = [
                    ("payer", m.payer == self.wallet(*payer)),
                    ("agent", Some(m.agent) == agent),
                    ("asset", m.asset == *asset),
                    ("per_payment", m.per_payment == *per_payment),
                    ("per_day", m.per_day == *per_day),
                    ("payees", payees.eq(m.payees.iter().copied())),
                    ("expires_at", m.expires == *expires),
                ];
                of(&[K::MandateGranted], &rows)
            }
            Op::ProposeCorrection { postings, reason } => {
                let proposed = part.effects.iter().find_map(|effect| match effect {
                    Effect::CorrectionProposed(correction) => Some(correction),
                    _ => None,
                });
                let Some(c) = proposed else {
                    return Some("id");
                };
                let rows = [
                    ("postings", c.postings == *postings),
                    ("reason", c.reason == *reason),
                ];
                of(&[K::CorrectionProposed], &rows)
            }
            Op::ApproveCorrection { correction } => of(
                &[K::CorrectionMade],
                &[self.about("correction", *correction)],
            ),
            Op::RejectCorrection { correction } => of(
                &[K::CorrectionRejected],
                &[self.about("correction", *correction)],
            ),
            Op::ProposeLaw { law } => {
                let proposed = part.effects.iter().find_map(|effect| match effect {
                    Effect::LawProposed(proposal) => Some(proposal),
                    _ => None,
                });
                let Some(p) = proposed else {
                    return Some("id");
                };
                let text = |text: &Arc<str>| p.packs.iter().any(|kept| kept.text == *text);
                let rows = [
                    (
                        "packs",
                        p.packs.len() == law.packs.len() && law.packs.iter().all(text),
                    ),
                    ("removed", p.removed == law.removed),
                    ("settings", p.settings == law.settings),
                    ("zones", p.zones == law.zones),
                ];
                of(&[K::LawProposed], &rows)
            }
            Op::ApproveLaw {
                proposal,
                effective,
            } => {
                let at = part.effects.iter().find_map(|effect| match effect {
                    Effect::LawApproved { effective, .. } => Some(*effective),
                    _ => None,
                });
                // At or before the time of the approval is at once.
                let same = at.is_some_and(|at| at == (*effective).max(event.at));
                let rows = [self.about("proposal", *proposal), ("effective", same)];
                of(&[K::LawApproved], &rows)
            }
            Op::RejectLaw { proposal } => {
                of(&[K::LawRejected], &[self.about("proposal", *proposal)])
            }
            Op::SetShard { window } => {
                let same = self.has(|e| matches!(e, Effect::ShardSet { window: w } if w == window));
                of(&[K::ShardSet], &[("window", same)])
            }
            Op::RegisterAsset { asset } => {
                let same =
                    self.has(|e| matches!(e, Effect::AssetRegistered { asset: a } if a == asset));
                of(&[K::AssetRegistered], &[("asset", same)])
            }
            Op::OpenTenant { tenant, mode } => {
                let (tenant, mode) = (*tenant, *mode);
                let opened = Effect::TenantOpened { tenant, mode };
                of(
                    &[K::TenantOpened],
                    &[("tenant", self.has(|e| *e == opened))],
                )
            }
            Op::SetTerms { terms } => {
                let same = self.has(|e| matches!(e, Effect::TermsSet(t) if t == terms));
                of(&[K::TermsSet], &[("terms", same)])
            }
            Op::SetTax { rules, settings } => {
                let same = self.has(|e| match e {
                    Effect::TaxSet(set) => {
                        set.rules == *rules && set.settings.as_ref() == settings.as_deref()
                    }
                    _ => false,
                });
                of(&[K::TaxSet], &[("rules", same)])
            }
            Op::SetTaxpayer { party, profile } => {
                let asked = self.state.party_no(self.command.tenant, *party);
                let same = self.has(|e| match e {
                    Effect::TaxpayerSet { party, profile: p } => {
                        Some(*party) == asked && p == profile
                    }
                    _ => false,
                });
                of(&[K::TaxpayerSet], &[("party", same)])
            }
            Op::SetPrice {
                price,
                from,
                definition,
            } => {
                let set = part.effects.iter().find_map(|effect| match effect {
                    Effect::PriceSet(set) => Some(set),
                    _ => None,
                });
                let Some(set) = set else {
                    return Some("id");
                };
                let from = from.unwrap_or(event.at).max(event.at);
                let rows = [
                    ("price", set.price == *price),
                    ("from", set.version.from == from.0),
                    ("definition", set.version.price == **definition),
                ];
                of(&[K::PriceSet], &rows)
            }
            Op::ArchivePrice { price } => {
                let asked = self.state.price_no(self.command.tenant, *price);
                let same = self
                    .has(|e| matches!(e, Effect::PriceArchived { price } if Some(*price) == asked));
                of(&[K::PriceArchived], &[("price", same)])
            }
            Op::RoundTax { paper, rounding } => {
                let about = self.has(|e| matches!(e, Effect::About { thing } if thing == paper));
                let same = self.rounds(rounding);
                of(&[K::TaxRounded], &[("paper", about), ("rounding", same)])
            }
            Op::RegisterParty {
                party,
                kind,
                country,
                tier,
                particulars,
            } => {
                let registered = Effect::PartyRegistered {
                    particulars: *particulars,
                    party: *party,
                    kind: *kind,
                    country: *country,
                    tier: *tier,
                };
                let same = self.has(|e| *e == registered);
                of(&[K::PartyRegistered], &[("party", same)])
            }
            Op::ChangeParty {
                party,
                country,
                tier,
                standing,
                particulars,
            } => {
                let asked = self.state.party_no(self.command.tenant, *party);
                let rows = part.effects.iter().find_map(|effect| match effect {
                    Effect::PartyChanged {
                        party,
                        country: c,
                        tier: t,
                        standing: s,
                        particulars: p,
                    } => Some([
                        ("party", Some(*party) == asked),
                        ("particulars", particulars.is_none_or(|asked| asked == *p)),
                        ("country", country.is_none_or(|country| country == *c)),
                        ("tier", tier.is_none_or(|tier| tier == *t)),
                        ("standing", standing.is_none_or(|standing| standing == *s)),
                    ]),
                    _ => None,
                });
                rows.map_or(Some("id"), |rows| of(&[K::PartyChanged], &rows))
            }
            Op::OpenWallet { wallet, party } => {
                let asked = self.state.party_no(self.command.tenant, *party);
                let rows = part.effects.iter().find_map(|effect| match effect {
                    Effect::WalletOpened { wallet: w, party } => {
                        Some([("wallet", w == wallet), ("party", Some(*party) == asked)])
                    }
                    _ => None,
                });
                rows.map_or(Some("id"), |rows| of(&[K::WalletOpened], &rows))
            }
            Op::ChangeWallet { wallet, standing } => {
                let asked = self.wallet(*wallet);
                let rows = part.effects.iter().find_map(|effect| match effect {
                    Effect::WalletChanged {
                        wallet,
                        standing: s,
                    } => Some([("wallet", *wallet == asked), ("standing", s == standing)]),
                    _ => None,
                });
                rows.map_or(Some("id"), |rows| of(&[K::WalletChanged], &rows))
            }
            Op::SetCredit {
                wallet,
                asset,
                limit,
            } => {
                let set = part.effects.iter().find_map(|effect| match effect {
                    Effect::CreditSet { account, limit } => Some((self.account(*account)?, *limit)),
                    _ => None,
                });
                let Some((account, was)) = set else {
                    return Some("id");
                };
                let rows = [
                    ("wallet", account.owner == self.wallet(*wallet).0),
                    ("asset", account.asset == *asset),
                    ("limit", was == limit.0),
                ];
                of(&[K::CreditSet], &rows)
            }
            // The node's own carry no id.
            Op::Expire { .. }
            | Op::CountRefusals { .. }
            | Op::Backfill { .. }
            | Op::RecordSnapshot { .. } => Some("id"),
        }
    }

    fn items_differ(&self, items: &[(Id, Op)], event: &Event) -> Option<Field> {
        if !event
            .parts()
            .map(|part| part.id)
            .eq(items.iter().map(|(id, _)| *id))
        {
            return Some("items");
        }
        let differs = |(id, op): &(Id, Op)| {
            let item = Command {
                id: *id,
                op: op.clone(),
                tenant: self.command.tenant,
                actor: self.command.actor,
                besides: self.command.besides.clone(),
            };
            difference(self.state, &item, event).is_some()
        };
        first(&[("items", !items.iter().any(differs))])
    }
}
