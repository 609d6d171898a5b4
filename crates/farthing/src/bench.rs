//! `farthing bench`: how fast it is, measured so that anyone can repeat it.
//!
//! What it promises:
//! * a number is never printed without the machine, versions and settings it was measured with;
//! * what is compared is measured in turns within one run, so that a busy machine slows both;
//! * nothing is left out to be faster: fee, tax, limits, the memory of ids and the sync are on.
//!
//! Floats are for statistics only; no amount is one.

pub mod draw;
pub mod durable;
mod histogram;
mod law;
pub mod loopback;
pub mod machine;
mod postgres;
mod price;
pub mod recovery;
pub mod sheet;
mod sqlite;
pub mod step;
mod tax;
mod town;
pub mod usage;
mod wire;
