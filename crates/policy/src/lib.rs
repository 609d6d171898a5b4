//! Law as data: packs of rules with their sources, checked, compared, compiled and evaluated.
//!
//! - A [`Pack`] is a jurisdiction: a readable file ([`Pack::parse`]; [`builtin_packs`] are those that
//!   come along). Number, dates, act and article stand in one [`Rule`].
//! - [`review`] finds what cannot be meant; [`diff`] says in words what an edition changes.
//! - [`compile`] makes a [`Ruleset`] of packs and an operator's [`Settings`]: dense tables, small
//!   enough to be journaled and held in a state.
//! - [`Ruleset::check`] answers one payment: [`Verdict`], the [`Move`]s of what is counted, and the
//!   trace; [`Ruleset::forbids`] and [`Ruleset::redemption`] answer without an amount.
//! - [`explain`] puts a verdict into words for those who may see each rule; [`Pack::gains`] says what
//!   verifying gains.
//!
//! What holds everywhere here: integers only; the same input gives the same output; nothing is read
//! but what is passed in. It knows nothing of wallets, the ledger, a clock or a zone database.
#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod builtin;
mod civil;
mod compile;
mod country;
mod diff;
pub mod dimension;
mod error;
mod evaluate;
mod explain;
mod facts;
pub mod format;
mod lang;
mod left;
mod live;
mod pack;
mod parse;
mod program;
mod review;
mod rule;
mod ruleset;
mod tier_limits;
mod tiers;
mod vocabulary;
mod window;
mod within;
pub mod words;

pub use builtin::{BUILTIN, Builtin, builtin_packs};
pub use civil::{Civil, Date};
pub use compile::{Counter, Settings, compile};
pub use country::Country;
pub use diff::{Change, diff};
pub use dimension::{Dimension, Set};
pub use error::PolicyError;
pub use explain::{
    Context, DECLINED, Explanation, Line, Remedy, Subject, explain, explain_line, reason, rule_of,
};
pub use facts::{
    Counters, Elapsed, Facts, Leg, Moments, Move, Moves, Outcome, PartyFacts, RuleAsset, RuleNo,
    Traced, Verdict,
};
pub use lang::{Lang, Words};
pub use left::Left;
pub use pack::{LocalTier, Pack, Territory, needs_in_general};
pub use program::Alike;
pub use review::{Finding, Level, review};
pub use rule::{
    After, Amount, Applies, Authority, Bites, Cap, Choice, Consequence, Countries, Duty, Exemption,
    Kind, Measure, Per, Redeemable, Rule, Starts,
};
pub use ruleset::{Measured, RULES_MAX, Ruleset, SEGMENTS_MAX};
pub use tier_limits::{Exceeded, LimitKind, TierLimits, Used};
pub use tiers::Gain;
pub use vocabulary::{
    Age, Audience, Certainty, Channel, Evidence, Flag, Funds, GiveBack, PartyKind, Payment,
    Presence, Product, Role, Screening, Side, Status, StepUp, Technology, Tier, Topic,
};
pub use window::{Hours, Window};
