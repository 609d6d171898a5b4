//! The books: who has what, what is open, and how value moves.

use crate::{Civil, Decided, Id, Meter, Moved, Sold, Standing, Use};
use std::collections::BTreeMap;

/// What a balance belongs to. Sources are numbers; the origin is the source that the value rests on
/// and that has not settled, 0 if it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Account {
    Wallet {
        wallet: u32,
        asset: u16,
        source: u8,
        origin: u8,
    },
    Owed {
        party: u32,
        asset: u16,
        origin: u8,
    },
    Fees {
        tenant: u32,
        asset: u16,
        origin: u8,
    },
    Tax {
        tenant: u32,
        asset: u16,
        country: [u8; 2],
        origin: u8,
    },
    SellerTax {
        party: u32,
        asset: u16,
        country: [u8; 2],
        origin: u8,
    },
    Rounding {
        tenant: u32,
        asset: u16,
        country: [u8; 2],
    },
    SellerRounding {
        party: u32,
        asset: u16,
        country: [u8; 2],
    },
    Clearing {
        tenant: u32,
        asset: u16,
        channel: u16,
    },
    Safeguarding {
        tenant: u32,
        asset: u16,
    },
    Suspense {
        tenant: u32,
        asset: u16,
        origin: u8,
    },
    Dispute {
        tenant: u32,
        asset: u16,
        origin: u8,
    },
}

pub(crate) const EARNED: u8 = 6;
pub(crate) const CREDIT: u8 = 9;

impl Account {
    /// What its value rests on, or 0.
    #[must_use]
    pub fn origin(&self) -> u8 {
        match *self {
            Account::Wallet { origin, .. }
            | Account::Owed { origin, .. }
            | Account::Fees { origin, .. }
            | Account::Tax { origin, .. }
            | Account::SellerTax { origin, .. }
            | Account::Suspense { origin, .. }
            | Account::Dispute { origin, .. } => origin,
            Account::Rounding { .. }
            | Account::SellerRounding { .. }
            | Account::Clearing { .. }
            | Account::Safeguarding { .. } => 0,
        }
    }

    /// What value taken from it rests on: of a credit line, on that.
    pub(crate) fn gives(&self) -> u8 {
        match *self {
            Account::Wallet { source: CREDIT, .. } => CREDIT,
            _ => self.origin(),
        }
    }

    /// The asset's number.
    #[must_use]
    pub fn asset(&self) -> u16 {
        match *self {
            Account::Wallet { asset, .. }
            | Account::Owed { asset, .. }
            | Account::Fees { asset, .. }
            | Account::Tax { asset, .. }
            | Account::SellerTax { asset, .. }
            | Account::Rounding { asset, .. }
            | Account::SellerRounding { asset, .. }
            | Account::Clearing { asset, .. }
            | Account::Safeguarding { asset, .. }
            | Account::Suspense { asset, .. }
            | Account::Dispute { asset, .. } => asset,
        }
    }
}

/// A balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Atoms.
    pub balance: i128,
    /// Of which set aside.
    pub held: i128,
    /// How far below zero it may go.
    pub credit: i128,
}

impl Balance {
    fn cap(atoms: i128) -> u64 {
        u64::try_from(atoms.max(0)).unwrap_or(u64::MAX)
    }
    pub(crate) fn spendable(&self) -> u64 {
        Self::cap(self.balance + self.credit - self.held)
    }
    pub(crate) fn own(&self) -> u64 {
        Self::cap(self.balance - self.held)
    }
}

/// A wallet.
#[derive(Clone, Debug)]
pub struct Wallet {
    /// Its public id.
    pub id: Id,
    /// Its tenant.
    pub tenant: u32,
    /// Its party's number.
    pub party: u32,
    /// Whether it can be used.
    pub standing: Standing,
    /// Its accounts in the order they were first needed.
    pub accounts: Vec<Account>,
}

/// A party.
#[derive(Clone, Debug)]
pub struct Party {
    /// Its public id.
    pub id: Id,
    /// Its tenant.
    pub tenant: u32,
    /// Its country.
    pub country: [u8; 2],
    /// How far verified.
    pub tier: u8,
    /// Whether it may act.
    pub standing: Standing,
    /// Spent by day.
    pub by_day: BTreeMap<u32, u128>,
    /// Spent by month.
    pub by_month: BTreeMap<u32, u128>,
    /// The accounts of what it owes, in the order they were first needed.
    pub debts: Vec<Account>,
}

/// An authorization.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Hold {
    pub payer: u32,
    pub payee: u32,
    pub asset: u16,
    pub legs: Vec<(Account, u64)>,
    pub authorized: u64,
    pub captured: u64,
    pub tax_taken: u64,
    pub fee_taken: u64,
    pub expires: u64,
    pub fee_ppm: u32,
    pub fee_minimum: u64,
    pub tax: Option<([u8; 2], u32)>,
    /// What tax rules decided, if any were in force.
    pub decided: Option<Decided>,
    /// Room in the limits, if there were any.
    pub room: Option<u64>,
    /// The day and month it counts in.
    pub when: Civil,
    pub mandate: Id,
    /// The day it counts in for the mandate.
    pub mandate_day: u32,
    /// The use it was for.
    pub used: Option<Use>,
}

/// What an agent may spend.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Mandate {
    pub payer: u32,
    pub agent: u32,
    pub asset: u16,
    pub per_payment: Option<u64>,
    pub per_day: Option<u64>,
    pub payees: Vec<u32>,
    pub expires: u64,
    pub revoked: bool,
    /// The last day it counts in.
    pub day: u32,
    pub by_day: BTreeMap<u32, u128>,
}

/// Money in.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct TopUp {
    pub wallet: u32,
    pub asset: u16,
    pub amount: u64,
    pub source: u8,
    pub channel: u16,
    pub spendable: bool,
}

/// Money out.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Withdrawal {
    pub wallet: u32,
    pub asset: u16,
    pub amount: u64,
    pub legs: Vec<(Account, u64)>,
    pub channel: u16,
    pub sent: bool,
}

/// A payment called into question.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Dispute {
    pub payment: Id,
    pub payee: u32,
    pub asset: u16,
    pub amount: u64,
    /// What was taken from where.
    pub taken: Vec<(Account, u64)>,
    /// What is owed instead, by the account it had been paid to, if to one.
    pub owed: Vec<(Option<Account>, u64)>,
    pub to: Vec<(Account, u64)>,
    /// What it took out of turnover.
    pub moved: Vec<Moved>,
}

/// Value that could not be taken back and is not booked as a debt yet.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Missing {
    pub party: u32,
    pub asset: u16,
    pub origin: u8,
    pub amount: u64,
}

/// All of it. Things are keyed by tenant and id. A group works on a copy.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Books {
    pub accounts: BTreeMap<Account, Balance>,
    pub wallets: Vec<Wallet>,
    pub parties: Vec<Party>,
    pub holds: BTreeMap<(u32, Id), Hold>,
    pub mandates: BTreeMap<(u32, Id), Mandate>,
    pub reversed: BTreeMap<(u32, Id), u64>,
    pub turnover: BTreeMap<Sold, i128>,
    /// By party and price.
    pub meters: BTreeMap<(u32, u32), Meter>,
    /// Of the command under way.
    pub missing: Vec<Missing>,
}

/// How one entry moved value, leg by leg.
pub(crate) type Moves = Vec<(Account, i128)>;

impl Books {
    pub(crate) fn balance(&self, account: &Account) -> Balance {
        self.accounts.get(account).copied().unwrap_or_default()
    }

    /// Makes an account known to its wallet.
    pub(crate) fn open(&mut self, account: Account) -> &mut Balance {
        if let Account::Wallet { wallet, .. } = account
            && !self.accounts.contains_key(&account)
        {
            self.wallets[wallet as usize].accounts.push(account);
        }
        if let Account::Owed { party, .. } = account
            && !self.accounts.contains_key(&account)
        {
            self.parties[party as usize].debts.push(account);
        }
        self.accounts.entry(account).or_default()
    }

    pub(crate) fn post(&mut self, moves: &mut Moves, account: Account, amount: i128) {
        if amount != 0 {
            self.open(account).balance += amount;
            moves.push((account, amount));
        }
    }

    /// Income of a wallet. Its party's debts come first: free income pays any, other only what rests
    /// on the same. A closed wallet's goes to suspense.
    pub(crate) fn credit(
        &mut self,
        moves: &mut Moves,
        wallet: u32,
        asset: u16,
        (source, origin): (u8, u8),
        amount: u64,
    ) {
        let Wallet {
            party,
            tenant,
            standing,
            ..
        } = self.wallets[wallet as usize];
        let mut rest = amount;
        for (debt, owed) in self.debts(party, asset) {
            if origin == 0 || origin == debt.origin() {
                let paid = owed.min(rest);
                self.post(moves, debt, i128::from(paid));
                rest -= paid;
            }
        }
        for missing in &mut self.missing {
            let same = (missing.party, missing.asset) == (party, asset);
            if same && (origin == 0 || origin == missing.origin) {
                let paid = missing.amount.min(rest);
                missing.amount -= paid;
                rest -= paid;
            }
        }
        let to = match standing {
            Standing::Closed => Account::Suspense {
                tenant,
                asset,
                origin,
            },
            _ => Account::Wallet {
                wallet,
                asset,
                source,
                origin,
            },
        };
        self.post(moves, to, i128::from(rest));
    }

    /// What a party owes in an asset, oldest account first.
    pub(crate) fn debts(&self, party: u32, asset: u16) -> Vec<(Account, u64)> {
        let debts = self.parties[party as usize].debts.iter();
        let debts = debts.filter(|debt| debt.asset() == asset);
        debts
            .map(|debt| (*debt, Balance::cap(-self.balance(debt).balance)))
            .collect()
    }

    /// Takes value back from a wallet, one account first, then the others: of what is not free only
    /// what rests on the same as the claim. Returns what is missing.
    pub(crate) fn reclaim(
        &mut self,
        moves: &mut Moves,
        wallet: u32,
        asset: u16,
        first: Option<Account>,
        claim: u8,
        amount: u64,
    ) -> u64 {
        let others = self.wallets[wallet as usize].accounts.iter().copied();
        let others = others.filter(|a| a.asset() == asset && Some(*a) != first);
        let order: Vec<Account> = first.into_iter().chain(others).collect();
        let mut rest = amount;
        for account in order {
            if account.origin() != 0 && account.origin() != claim {
                continue;
            }
            let part = self.balance(&account).own().min(rest);
            self.post(moves, account, -i128::from(part));
            rest -= part;
        }
        rest
    }

    pub(crate) fn owe(&mut self, party: u32, asset: u16, origin: u8, amount: u64) {
        self.missing.push(Missing {
            party,
            asset,
            origin,
            amount,
        });
    }

    /// Whose an account is.
    pub(crate) fn tenant_of(&self, account: &Account) -> u32 {
        match *account {
            Account::Wallet { wallet, .. } => self.wallets[wallet as usize].tenant,
            Account::Owed { party, .. }
            | Account::SellerTax { party, .. }
            | Account::SellerRounding { party, .. } => self.parties[party as usize].tenant,
            Account::Fees { tenant, .. }
            | Account::Tax { tenant, .. }
            | Account::Rounding { tenant, .. }
            | Account::Clearing { tenant, .. }
            | Account::Safeguarding { tenant, .. }
            | Account::Suspense { tenant, .. }
            | Account::Dispute { tenant, .. } => tenant,
        }
    }

    /// From which accounts an amount can be taken: sources in this order, each as far as it goes.
    /// Otherwise whether the wallet has so much from any source.
    pub(crate) fn plan(
        &self,
        wallet: u32,
        asset: u16,
        amount: u64,
        order: &[u8],
        usable: impl Fn(u8, u8) -> bool,
    ) -> Result<Vec<(Account, u64)>, bool> {
        let mut legs = Vec::new();
        let mut rest = amount;
        let accounts = || {
            let all = self.wallets[wallet as usize].accounts.iter();
            all.filter_map(|account| match *account {
                Account::Wallet {
                    asset: a,
                    source,
                    origin,
                    ..
                } if a == asset => {
                    Some((*account, source, origin, self.balance(account).spendable()))
                }
                _ => None,
            })
        };
        for wanted in order {
            for (account, source, origin, spendable) in accounts() {
                let part = spendable.min(rest);
                if source == *wanted && usable(source, origin) && part > 0 {
                    legs.push((account, part));
                    rest -= part;
                }
            }
        }
        if rest == 0 {
            return Ok(legs);
        }
        let all: u128 = accounts()
            .map(|(.., spendable)| u128::from(spendable))
            .sum();
        Err(all >= u128::from(amount))
    }
}
