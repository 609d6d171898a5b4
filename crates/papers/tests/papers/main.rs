//! Papers as whole documents.
#![allow(clippy::unwrap_used)]

mod documents;
mod pages;
mod rules;
mod sums;
