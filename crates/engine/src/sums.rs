//! Running sums of balances, by tenant, asset and class of account.
//!
//! What this promises: the sums are those of a scan of all accounts after every event, at the cost
//! of one addition a posting, so that asking for a trial balance never stops the payments for as
//! long as a scan takes. They are derived: no digest or snapshot holds them, and [`State`] says
//! with [`State::sums_agree`] whether they are right.

use crate::records::TenantNo;
use crate::state::State;
use ledger::{Account, AccountClass, AssetNo, Book, Posting};

/// Of the accounts of one class in one asset of one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Of their balances, atoms.
    pub balance: i128,
    /// How many there are.
    pub accounts: u64,
}

type Classes = [Sum; AccountClass::ALL.len()];

/// All of them: by tenant, then asset, then class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(Vec<Vec<Classes>>);

impl Sums {
    /// The sums of a tenant, where there is an account, by asset and class.
    pub fn of(&self, tenant: TenantNo) -> impl Iterator<Item = (AssetNo, AccountClass, Sum)> {
        let assets = self.0.get(tenant.0 as usize).into_iter().flatten();
        let each = (0u16..).map(AssetNo).zip(assets);
        each.flat_map(|(asset, classes)| {
            let each = AccountClass::ALL.into_iter().zip(*classes);
            each.filter(|(_, sum)| sum.accounts > 0)
                .map(move |(class, sum)| (asset, class, sum))
        })
    }

    /// An account was opened, or found with what is in it.
    pub(crate) fn opened(&mut self, tenant: TenantNo, account: &Account) {
        let (tenant, asset) = (tenant.0 as usize, usize::from(account.asset.0));
        if self.0.len() <= tenant {
            self.0.resize(tenant + 1, Vec::new());
        }
        if self.0[tenant].len() <= asset {
            self.0[tenant].resize(asset + 1, Classes::default());
        }
        let sum = &mut self.0[tenant][asset][account.class as usize];
        sum.accounts += 1;
        sum.balance += account.balance;
    }

    /// An event's postings were made, to accounts that were opened before.
    #[inline]
    pub(crate) fn posted(&mut self, tenant: TenantNo, postings: &[Posting], book: &Book) {
        let Some(assets) = self.0.get_mut(tenant.0 as usize) else {
            return;
        };
        for posting in postings {
            let account = book.account(posting.account);
            if let Some(classes) = assets.get_mut(usize::from(account.asset.0)) {
                classes[account.class as usize].balance += posting.amount;
            }
        }
    }
}

impl State {
    /// Whose an account is; `None` for one that no event could have made.
    #[must_use]
    pub fn tenant_of(&self, account: &Account) -> Option<TenantNo> {
        let owner = account.owner as usize;
        let tenant = match account.class {
            AccountClass::Wallet => self.wallets.get(owner)?.tenant,
            AccountClass::Receivable | AccountClass::SellerTax | AccountClass::SellerRounding => {
                self.parties.get(owner)?.tenant
            }
            _ => TenantNo(account.owner),
        };
        self.tenant(tenant).map(|_| tenant)
    }

    /// The sums of a scan of all accounts; `None` if one of them is nobody's.
    pub(crate) fn scan(&self) -> Option<Sums> {
        let mut sums = Sums::default();
        for (_, account) in self.book.iter() {
            sums.opened(self.tenant_of(account)?, account);
        }
        Some(sums)
    }

    /// Whether the running sums are those of a scan of all accounts.
    #[must_use]
    pub fn sums_agree(&self) -> bool {
        self.scan().as_ref() == Some(&self.sums)
    }
}
