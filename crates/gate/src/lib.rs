//! The 402 gate: a reverse proxy that puts a price on any HTTP site and takes payments for it by
//! open protocols, on Farthing's own ledger.
//!
//! What it promises:
//!
//! - A payment is good for one method, URL, body and price, once. What pays for one request pays
//!   for no other.
//! - Nobody is charged for an answer they were not given: the price is set aside before the
//!   upstream is asked, and taken only when its answer is one that is paid for.
//! - What is priced is what is served: a path has one spelling here, and the upstream gets that.
//! - A payer of a session never pays more than the last voucher it signed; a seller never loses
//!   more by a crash than what was served and not reported (see `meter`).
//! - A paid answer is marked for no cache.
//!
//! Entry points: [`Gate::handle`] for a request's whole way, [`serve`] for a listener, [`Teller`]
//! for the ledger's side, [`payer`] for the other side. It knows nothing of API keys, of people, or
//! of rails other than the ledger.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod crawl;
mod delivery;
mod encoding;
mod error;
mod facilitator;
mod fields;
mod gate;
mod host;
mod hygiene;
mod leases;
mod listen;
mod meter;
mod mpp;
mod offer;
mod path;
pub mod payer;
mod refuse;
mod registry;
mod retries;
mod sessions;
mod sign;
mod tariff;
mod teller;
mod upstream;
mod voucher;
mod wallets;
mod x402;

pub use error::GateError;
pub use gate::{Gate, Made, Settings};
pub use listen::serve;
pub use path::{PathError, Target};
pub use registry::{KeyRecord, Registry};
pub use sessions::SessionOptions;
pub use sign::{PublicKey, Secret, request_hash};
pub use tariff::Tariff;
pub use teller::{Teller, TellerOptions, network};
pub use upstream::Upstream;
pub use voucher::SessionId;
pub use wallets::WalletOptions;
