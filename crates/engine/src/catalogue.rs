//! What the catalogue lists: prices and plans, each with every version it had.

use crate::records::TenantNo;
use crate::time::UtcMillis;
use ledger::AssetNo;
use serde::{Deserialize, Serialize};

/// A version of something listed.
pub trait Dated {
    /// From when it holds.
    fn from(&self) -> UtcMillis;
}

/// A price or a plan with all its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<I, V> {
    /// Whose.
    pub tenant: TenantNo,
    /// Its public id.
    pub id: I,
    /// In what it is paid.
    pub asset: AssetNo,
    /// It can be used no more.
    pub archived: bool,
    /// Its versions, by number from 1.
    pub versions: Vec<V>,
}

impl<I, V: Dated> Listed<I, V> {
    /// The version that holds at an instant: the newest that has begun.
    #[must_use]
    #[inline]
    pub fn at(&self, now: UtcMillis) -> Option<&V> {
        let has_begun = |version: &&V| version.from() <= now;
        self.versions.iter().rev().find(has_begun)
    }

    /// A version by its number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&V> {
        self.versions.get(number.checked_sub(1)? as usize)
    }
}
