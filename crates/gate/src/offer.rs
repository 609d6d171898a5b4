//! What the gate asks for one request, and with what it is paid.

use crate::teller::Claim;
use crate::voucher::Ask;
use engine::ids::WalletId;
use money::{Asset, Atoms};

/// A price for one request, with what binds a payment to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// `farthing:` and the tenant's 32 digits.
    pub network: String,
    /// The whole URL, as the client must have asked for it.
    pub url: String,
    /// The host and port, for people and realms.
    pub authority: String,
    /// The hash of method, URL and body.
    pub request: String,
    /// The body's digest, if there is a body.
    pub digest: Option<String>,
    /// The price.
    pub amount: Atoms,
    /// Of what.
    pub asset: Asset,
    /// To whom.
    pub pay_to: WalletId,
    /// How long a signature may be good.
    pub timeout_s: u64,
}

impl Offer {
    /// The price for people.
    #[must_use]
    pub fn price(&self) -> String {
        format!("{} {}", self.asset.format(self.amount), self.asset.code)
    }
}

/// What came with a request to pay for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paying {
    /// A checked promise for this request alone.
    Charge(Claim),
    /// Something of a session, of which nothing has been checked yet.
    Session(Ask),
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::sign::request_hash;
    use engine::Id;

    pub fn offer() -> Offer {
        let url = "http://site.example/a?b".to_owned();
        Offer {
            network: "farthing:0192f0c1a2b37c4d8e5f60718293a4b5".to_owned(),
            request: request_hash("GET", &url, None),
            url,
            authority: "site.example".to_owned(),
            digest: None,
            amount: Atoms(5_000_000),
            asset: Asset::known("USD").unwrap(),
            pay_to: WalletId(Id(7)),
            timeout_s: 60,
        }
    }
}
