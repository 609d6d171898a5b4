//! Payments under a law.

pub mod codes;
pub mod land;
mod life;
mod places;
