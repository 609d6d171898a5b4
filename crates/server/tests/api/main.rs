//! The API from outside: the router on a real node, over every resource and every kind of refusal.
#![allow(clippy::unwrap_used)]

mod again;
mod errors;
mod fuzz;
mod isolation;
mod money_moves;
mod openapi;
mod town;
