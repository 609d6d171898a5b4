//! The book: all accounts, and the only way their balances change.

use crate::{Account, AccountNo, AssetNo};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One leg of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account it moves.
    pub account: AccountNo,
    /// Atoms; a credit is positive.
    pub amount: i128,
}

/// Why an entry cannot be posted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// An entry's postings do not sum to zero in an asset.
    #[error(
        "the entry is out of balance by {by} atoms of asset {asset:?}: its postings must sum to zero"
    )]
    Unbalanced {
        /// The asset out of balance.
        asset: AssetNo,
        /// By how many atoms.
        by: i128,
    },
    /// A posting names an account that does not exist.
    #[error("there is no account {0:?}")]
    NoAccount(AccountNo),
    /// A balance would leave the range of 128-bit integers.
    #[error("account {0:?} would overflow")]
    Overflow(AccountNo),
}

/// All accounts of a shard, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    accounts: Vec<Account>,
}

impl Book {
    /// The account of this number; numbers come from events, so it exists.
    #[must_use]
    #[inline]
    pub fn account(&self, no: AccountNo) -> &Account {
        &self.accounts[no.0 as usize]
    }

    /// The same, to change.
    #[inline]
    pub fn account_mut(&mut self, no: AccountNo) -> &mut Account {
        &mut self.accounts[no.0 as usize]
    }

    /// The account of this number, if there is one.
    #[must_use]
    #[inline]
    pub fn get(&self, no: AccountNo) -> Option<&Account> {
        self.accounts.get(no.0 as usize)
    }

    /// How many accounts there are; the next one opened gets this number.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether no account was opened yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Makes room for so many more accounts.
    pub fn reserve(&mut self, accounts: usize) {
        self.accounts.reserve(accounts);
    }

    /// Opens the next account and returns its number.
    pub fn open(&mut self, account: Account) -> AccountNo {
        let no = AccountNo(
            u32::try_from(self.accounts.len()).expect("fewer than 2^32 accounts a shard"),
        );
        self.accounts.push(account);
        no
    }

    /// Every account with its number, in order.
    pub fn iter(&self) -> impl Iterator<Item = (AccountNo, &Account)> {
        (0u32..).map(AccountNo).zip(&self.accounts)
    }

    /// The sum of all balances of each asset, in atoms, ordered by asset. All are zero.
    #[must_use]
    pub fn trial_balance(&self) -> Vec<(AssetNo, i128)> {
        let mut sums: Vec<(AssetNo, i128)> = Vec::new();
        for account in &self.accounts {
            match sums.iter_mut().find(|(asset, _)| *asset == account.asset) {
                Some((_, sum)) => *sum += account.balance,
                None => sums.push((account.asset, account.balance)),
            }
        }
        sums.sort_unstable_by_key(|(asset, _)| *asset);
        sums
    }

    /// Whether the postings sum to zero in every asset.
    ///
    /// # Errors
    /// [`LedgerError::NoAccount`] or [`LedgerError::Unbalanced`], naming the first found.
    pub fn check_entry(
        postings: &[Posting],
        mut asset_of: impl FnMut(AccountNo) -> Option<AssetNo>,
    ) -> Result<(), LedgerError> {
        let mut sums: [(AssetNo, i128); 4] = [(AssetNo(0), 0); 4];
        let mut used = 0;
        for posting in postings {
            let asset = asset_of(posting.account).ok_or(LedgerError::NoAccount(posting.account))?;
            match sums[..used].iter().position(|(a, _)| *a == asset) {
                Some(at) => sums[at].1 += posting.amount,
                None if used < sums.len() => {
                    sums[used] = (asset, posting.amount);
                    used += 1;
                }
                None => return Self::check_many(postings, asset_of),
            }
        }
        match sums[..used].iter().find(|(_, sum)| *sum != 0) {
            Some(&(asset, by)) => Err(LedgerError::Unbalanced { asset, by }),
            None => Ok(()),
        }
    }

    fn check_many(
        postings: &[Posting],
        mut asset_of: impl FnMut(AccountNo) -> Option<AssetNo>,
    ) -> Result<(), LedgerError> {
        let mut sums = std::collections::BTreeMap::<AssetNo, i128>::new();
        for posting in postings {
            let asset = asset_of(posting.account).ok_or(LedgerError::NoAccount(posting.account))?;
            *sums.entry(asset).or_default() += posting.amount;
        }
        match sums.into_iter().find(|(_, sum)| *sum != 0) {
            Some((asset, by)) => Err(LedgerError::Unbalanced { asset, by }),
            None => Ok(()),
        }
    }
}

impl Account {
    /// Adds a posting's amount to the balance.
    ///
    /// # Panics
    /// When the balance would leave 128 bits: no sum of 64-bit amounts reaches that.
    #[inline]
    pub fn post(&mut self, amount: i128) {
        self.balance = self
            .balance
            .checked_add(amount)
            .expect("a balance stays within 128 bits because amounts are 64-bit");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountClass, Source};

    fn account(asset: u16) -> Account {
        Account {
            balance: 0,
            held: 0,
            credit_limit: 0,
            owner: 0,
            next: AccountNo::NONE,
            sub: 0,
            asset: AssetNo(asset),
            class: AccountClass::Wallet,
            source: Some(Source::Card),
            origin: None,
        }
    }

    fn entry(legs: &[(u32, i128)]) -> Vec<Posting> {
        legs.iter()
            .map(|&(no, amount)| Posting {
                account: AccountNo(no),
                amount,
            })
            .collect()
    }

    #[test]
    fn an_entry_balances_in_each_asset() {
        // account n is in asset n/2
        let asset_of = |no: AccountNo| (no.0 < 20).then_some(AssetNo(no.0 as u16 / 2));
        let check = |legs: &[(u32, i128)]| Book::check_entry(&entry(legs), asset_of);
        assert_eq!(check(&[(0, -5), (1, 5)]), Ok(()));
        assert_eq!(
            check(&[(0, -5), (1, 4)]),
            Err(LedgerError::Unbalanced {
                asset: AssetNo(0),
                by: -1
            })
        );
        assert_eq!(
            check(&[(0, -5), (2, 5)]),
            Err(LedgerError::Unbalanced {
                asset: AssetNo(0),
                by: -5
            })
        );
        assert_eq!(
            check(&[(0, -5), (99, 5)]),
            Err(LedgerError::NoAccount(AccountNo(99)))
        );
        let many: Vec<(u32, i128)> = (0..20)
            .map(|n| (n, if n % 2 == 0 { -7 } else { 7 }))
            .collect();
        assert_eq!(check(&many), Ok(()));
        let mut off = many;
        off[19].1 = 8;
        assert_eq!(
            check(&off),
            Err(LedgerError::Unbalanced {
                asset: AssetNo(9),
                by: 1
            })
        );
    }

    #[test]
    fn what_is_held_cannot_be_spent_and_credit_cannot_be_reclaimed() {
        let mut a = account(0);
        a.post(100);
        a.held = 30;
        a.credit_limit = 10;
        assert_eq!((a.available(), a.reclaimable()), (80, 70));
        a.post(-75);
        assert_eq!((a.available(), a.reclaimable()), (5, 0));
    }
}
