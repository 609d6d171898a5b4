//! Closed sets of words on the wire, each the engine's own by the same name.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $engine:path { $($word:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs)]
        pub enum $name { $($word),* }

        impl From<$name> for $engine {
            fn from(word: $name) -> $engine {
                match word { $($name::$word => <$engine>::$word),* }
            }
        }

        impl From<$engine> for $name {
            fn from(word: $engine) -> $name {
                match word { $(<$engine>::$word => $name::$word),* }
            }
        }
    )*};
}

words! {
    /// What a party is.
    PartyKind = engine::records::PartyKind { Person, Business, Agent }
    /// Whether a party or wallet can be used.
    Standing = engine::records::Standing { Active, Frozen, Closed }
    /// Whether a tenant's money is real.
    Mode = engine::records::Mode { Test, Live }
    /// Where value came from.
    Source = ledger::Source { Card, Bank, Carrier, Crypto, Cash, Earned, Promo, Grant, Credit }
    /// What an account is for.
    AccountClass = ledger::AccountClass {
        Wallet, Receivable, Fees, Tax, Clearing, Safeguarding, Suspense, Rewards, FxPosition, Dispute,
        SellerTax, Rounding, SellerRounding
    }
    /// How a dispute ended.
    DisputeVerdict = engine::command::DisputeVerdict { PayeeWins, PayerWins, ChannelTook }
}

impl From<identity::Mode> for Mode {
    fn from(mode: identity::Mode) -> Mode {
        match mode {
            identity::Mode::Test => Mode::Test,
            identity::Mode::Live => Mode::Live,
        }
    }
}

impl From<Mode> for identity::Mode {
    fn from(mode: Mode) -> identity::Mode {
        match mode {
            Mode::Test => identity::Mode::Test,
            Mode::Live => identity::Mode::Live,
        }
    }
}
