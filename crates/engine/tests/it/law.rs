//! Payments under a law.

mod again;
mod backfill;
mod cash;
pub mod codes;
pub mod land;
mod life;
mod places;
