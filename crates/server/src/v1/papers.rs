//! Papers: receipts of payments, statements of wallets, invoices and credit notes.

mod credit_notes;
mod gather;
mod invoices;
mod issue;
mod receipts;
mod rounding;
mod statements;
mod view;

pub(crate) use rounding::keep_posting;

use crate::guard::Routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    let routes = credit_notes::routes(invoices::routes(routes));
    statements::routes(receipts::routes(routes))
}
