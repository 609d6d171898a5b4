//! Papers of payments: what payments, parties and fonts tell them, and in which form they go out.

mod facts;
mod fonts;
mod form;
mod parties;

pub use facts::{Given, TaxFacts, Taxed, day, tax_of};
pub use fonts::Shelf;
pub use form::{Form, answer, language, wanted};
pub use parties::{PartyFacts, Who, cash_receipt, parties, party};

use crate::codes::{self, Known};
use crate::problem::Problem;
use ::papers::PaperError;

/// What a paper that cannot be made says.
pub fn refused(error: &PaperError) -> Box<Problem> {
    let known = codes::OWN.iter().find(|known| known.code == error.code());
    let known: Known = known.copied().unwrap_or(codes::INTERNAL);
    Problem::new(known, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_code() {
        let problem = refused(&PaperError::OutOfScopeMixed);
        assert_eq!(
            (problem.status, &*problem.code),
            (422, "out_of_scope_mixed")
        );
        assert_eq!(refused(&PaperError::NoGlyph('語')).code, "no_glyph");
    }
}
