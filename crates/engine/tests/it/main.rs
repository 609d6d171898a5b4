//! The step, tested from outside: tables, scenarios, properties, an oracle and a golden journal.
//! One binary, because linking costs more than running.
#![allow(clippy::unwrap_used)]

mod besides;
mod codes;
mod confirmations;
mod dice;
mod golden;
mod groups;
mod law;
mod limits;
mod money_back;
mod oracle;
mod oracle_runs;
mod payments;
mod prices;
mod prices_back;
mod properties;
mod repeats;
mod rounding;
mod simulations;
mod subscriptions;
mod tax_cases;
mod tax_splits;
mod taxes;
mod town;
mod unsettled;
