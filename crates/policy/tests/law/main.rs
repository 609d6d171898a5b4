//! Table tests of the shipped packs, a file a jurisdiction, and what holds for every rule.
#![allow(clippy::unwrap_used)]

mod africa;
mod asia;
mod brazil;
mod eu;
mod every_rule;
mod facts;
mod korea;
mod naive;
mod names;
mod rest;
mod uk;
mod us;
mod words;
mod world;
