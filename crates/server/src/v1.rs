//! Version 1 of the API: a file a resource, each with its paths, its handlers and what they say.

mod assets;
mod briefs;
mod clock;
mod common;
mod corrections;
mod disputes;
mod events;
mod explanations;
mod groups;
mod keys;
pub(crate) mod laws;
mod ledger;
mod mandates;
pub mod owed;
mod packs;
pub(crate) mod papers;
mod parties;
mod payments;
mod plans;
mod policy;
pub(crate) mod prices;
mod simulations;
mod stands;
mod step_ups;
mod subscriptions;
mod taxes;
mod tenants;
pub(crate) mod terms;
mod tiers;
mod topups;
mod transfers;
mod usage;
mod wallets;
mod withdrawals;

pub use events::KindText;

use crate::guard::Routes;

/// Registers all of it.
pub fn routes(routes: Routes) -> Routes {
    let routes = terms::routes(tenants::routes(assets::routes(clock::routes(routes))));
    let routes = wallets::routes(parties::routes(routes));
    let routes = withdrawals::routes(topups::routes(routes));
    let routes = groups::routes(transfers::routes(payments::routes(routes)));
    let routes = corrections::routes(disputes::routes(mandates::routes(routes)));
    let routes = laws::routes(tiers::routes(packs::routes(policy::routes(routes))));
    let routes = step_ups::routes(explanations::routes(routes));
    let routes = taxes::routes(simulations::routes(briefs::routes(routes)));
    let routes = usage::routes(prices::routes(papers::routes(routes)));
    let routes = subscriptions::routes(routes);
    keys::routes(ledger::routes(events::routes(routes)))
}
