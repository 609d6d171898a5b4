//! The read model beside the replayed state, at the row it has reached.

use crate::failure::Failure;
use engine::State;
use std::path::Path;
use store::read::ReadModel;

/// What the read model says.
pub struct Projected {
    /// The journal's row it has reached.
    pub seq: u64,
    balances: Vec<(u32, String)>,
}

impl Projected {
    /// Reads a folder's read model, if it keeps one.
    pub fn open(dir: &Path) -> Result<Option<Projected>, Failure> {
        if !dir.join("read.db").exists() {
            return Ok(None);
        }
        let now = jiff::Timestamp::now().as_millisecond();
        let (seq, balances) = ReadModel::open(dir, now)?.balances()?;
        Ok(Some(Projected { seq, balances }))
    }

    /// How many accounts were compared with the state after the same row, and how many differ.
    pub fn compare(&self, state: &State) -> (u64, u64) {
        let said = self.balances.iter();
        let agrees = |(no, balance): &&(u32, String)| {
            let account = state.book.get(ledger::AccountNo(*no));
            account.is_some_and(|account| account.balance.to_string() == *balance)
        };
        let agreeing = said.filter(agrees).count();
        let all = state.book.len().max(self.balances.len());
        (all as u64, (all - agreeing) as u64)
    }
}
