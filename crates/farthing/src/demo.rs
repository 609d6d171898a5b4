//! The demonstration: a simulated town that pays through the real HTTP API.
//!
//! - [`client`] is one connection to the API; what has no answer is asked again with the same key.
//! - [`stage`] registers the people, opens and tops up their wallets.
//! - [`play`] does what they do and adds up what became of it.
//! - [`screen`] shows how far they are; [`closing`] says what came of it and what to try next.
//!
//! It reaches the node only as any client would. Nothing in it happened, and all of it says so.

pub mod client;
pub mod closing;
pub mod play;
pub mod screen;
pub mod stage;
