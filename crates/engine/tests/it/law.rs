//! Payments under a law.

mod again;
mod around;
mod backfill;
mod cash;
pub mod codes;
mod commerce;
pub mod land;
mod life;
mod naive;
mod places;
