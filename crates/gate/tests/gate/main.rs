//! The gate from outside: a real node, a real site, a real client, on loopback.
#![allow(clippy::unwrap_used)]

mod attacks;
mod paying;
mod proxy;
mod stage;
