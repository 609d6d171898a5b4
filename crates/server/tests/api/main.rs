//! The API from outside: the router on a real node, over every resource and every kind of refusal.
#![allow(clippy::unwrap_used)]

mod again;
mod agreements;
mod briefs;
mod busy;
mod clock;
mod errors;
mod export;
mod fuzz;
mod holds;
mod isolation;
mod keys;
mod laws;
mod ledger;
mod lives;
mod many;
mod openapi;
mod operator;
mod papers;
mod payments;
mod platform_papers;
mod policy;
mod prices;
mod rails;
mod returns;
mod simulations;
mod split_papers;
mod step_ups;
mod subscriptions;
mod taxes;
mod texts;
mod town;
mod under_law;
mod usage;
