//! The gate from outside: a real node, a real site, a real client, on loopback.
#![allow(clippy::unwrap_used)]

mod attacks;
mod clients;
mod conformance;
mod crashes;
mod crawl;
mod facilitator;
mod paying;
mod proxy;
mod sessions;
mod stage;
