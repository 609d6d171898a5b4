//! The oracle: what the platform should do, written a second time and naively, to judge the first.
//!
//! It shares no code with the engine: plain numbers, ordered maps, its own rounding, calendar and
//! allocation; everything happens at once on one copy of the books. It is slow where that is
//! simpler, and knows nothing of batches, journals, snapshots or threads.
//!
//! Whoever drives it tells it every command in the order in which the platform considered them,
//! with the clock's time then ([`Oracle::ask`]), compares the verdicts, and tells it where in the
//! journal an answer stands ([`Oracle::placed`]). For development only: nothing that ships uses it.
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arithmetic;
mod books;
mod calendar;
mod command;
mod entries;
mod groups;
mod oracle;
mod prices;
mod settlements;
mod taxes;
mod terms;

pub use arithmetic::{instalment, largest_remainder, part_half_even, ratio_down, ratio_up};
pub use books::{
    Account, Balance, Books, Dispute, Hold, Mandate, Party, TopUp, Wallet, Withdrawal,
};
pub use calendar::{Civil, civil};
pub use command::{Command, Op, Rounding, Spend, Standing, Verdict3};
pub use oracle::{Answered, Done, Hint, Oracle, Pending, Place, Verdict};
pub use prices::{Band, Every, Item, Meter, Model, Price, Use};
pub use taxes::{Decided, Moved, Seller, Side, Sold, Supply, TaxRules};
pub use terms::{Limits, Terms};

/// A 128-bit identity, as the platform's.
pub type Id = u128;
