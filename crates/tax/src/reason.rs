//! Why tax was decided as it was: a set of reasons, each with its article.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $flag:literal, $words:literal;)+) => {
        /// A reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// All of them, in the order of their numbers, which never change.
            pub const ALL: &[Reason] = &[$(Reason::$name,)+];

            /// Its name in data and API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $text,)+ }
            }

            /// What it says, with the article.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Reason::$name => $words,)+ }
            }

            /// Whether somebody should look at it.
            #[must_use]
            pub const fn needs_review(self) -> bool {
                match self { $(Reason::$name => $flag,)+ }
            }
        }
    };
}

reasons! {
    /// Taxed where the supplier is, who is where the customer is.
    Domestic, "domestic", false, "supplier and customer are of one country";
    /// Taxed where the customer is.
    CustomersCountry, "customers_country", false,
        "digital services to consumers are taxed where they are (Directive 2006/112/EC art. 58)";
    /// Taxed where the business is.
    BusinessCountry, "business_country", false,
        "services to a business are taxed where it is established (Directive 2006/112/EC art. 44)";
    /// Taxed where the supplier is: the threshold is not passed.
    BelowCrossBorder, "below_cross_border", false,
        "cross-border supplies to consumers are below EUR 10,000, so taxed where the supplier is \
         (Directive 2006/112/EC art. 59c)";
    /// This supply passes the threshold.
    CrossedNow, "crossed_now", true, "this supply passes a threshold: it is taxed as those after it";
    /// The threshold was passed before.
    AboveCrossBorder, "above_cross_border", false,
        "cross-border supplies to consumers are above EUR 10,000 (Directive 2006/112/EC art. 59c)";
    /// The supplier chose taxation where customers are.
    ChoseDestination, "chose_destination", false,
        "the supplier chose taxation where customers are (Directive 2006/112/EC art. 59c(3))";
    /// The customer accounts for the tax.
    ReverseCharge, "reverse_charge", false,
        "the business accounts for the tax (Directive 2006/112/EC art. 196, or that country's rule)";
    /// A business's number was not confirmed by the authority.
    NumberNotConfirmed, "number_not_confirmed", true,
        "the tax number's format is right, and nobody asked the authority (Impl. Reg. 282/2011 art. 18)";
    /// The number and the evidence name different countries.
    NumberAndEvidenceDiffer, "number_and_evidence_differ", true,
        "the tax number and the evidence name different countries";
    /// Two items agree.
    TwoItems, "two_items", false, "two items of evidence agree (Impl. Reg. 282/2011 art. 24b(d), 24f)";
    /// One item of a third party.
    OneThirdParty, "one_third_party", false,
        "one item of a third party, below EUR 100,000 (Impl. Reg. 282/2011 art. 24b)";
    /// A presumption.
    Presumed, "presumed", false,
        "where the service is received settles it (Impl. Reg. 282/2011 art. 24a, 24b(a), (b))";
    /// Too little evidence.
    NotProven, "not_proven", true, "there is too little evidence of where the customer is";
    /// No evidence.
    NoEvidence, "no_evidence", true,
        "nothing was observed of where the customer is: held to be where the supplier is";
    /// Evidence contradicts itself.
    EvidenceConflicts, "evidence_conflicts", true, "evidence contradicts itself, and is kept";
    /// The platform is the supplier.
    PlatformSupplies, "platform_supplies", false,
        "the platform is held to supply in its own name (Impl. Reg. 282/2011 art. 9a, or that \
         country's rule); the seller supplies it to the platform";
    /// The platform shows that it is not.
    SellerNamed, "seller_named", false,
        "the seller is named throughout, and the platform only stands between (Impl. Reg. 282/2011 \
         art. 9a(1))";
    /// The platform only processes the payment.
    PaymentOnly, "payment_only", false,
        "the platform only processes the payment (Impl. Reg. 282/2011 art. 9a(3))";
    /// Nothing is owed to that country from abroad yet.
    BelowForeign, "below_foreign", false,
        "turnover is below that country's threshold for sellers from abroad";
    /// The law asks nothing of sellers from abroad.
    NothingFromAbroad, "nothing_from_abroad", false,
        "that country asked nothing of sellers from abroad on that day";
    /// No rates are known.
    NoRates, "no_rates", true, "no rates of that country are known here";
    /// The supplier should be registered there.
    NotRegistered, "not_registered", true,
        "tax is owed there, and the supplier is not registered for it";
    /// The reference rate for a threshold is missing.
    NoReferenceRate, "no_reference_rate", true,
        "without a reference rate the threshold counts as passed";
    /// Taxed when the voucher was sold.
    TaxedWhenSold, "taxed_when_sold", false,
        "taxed when the voucher was sold (Directive 2006/112/EC art. 30b(1))";
    /// Taxed when it will be used.
    TaxedWhenUsed, "taxed_when_used", false,
        "taxed when it is used (Directive 2006/112/EC art. 30b(2))";
    /// A gift.
    NoConsideration, "no_consideration", false,
        "a gift for nothing in return is no supply (Directive 2006/112/EC art. 2(1))";
    /// Carriage.
    WhereCarried, "where_carried", false,
        "carriage is taxed where it takes place (Directive 2006/112/EC art. 48)";
    /// The supplier's country.
    SuppliersCountry, "suppliers_country", false,
        "services to consumers are taxed where the supplier is (Directive 2006/112/EC art. 45)";
    /// A small enterprise.
    SmallEnterprise, "small_enterprise", false,
        "the supplier is a small enterprise (Directive 2006/112/EC art. 284)";
    /// Sold outside the Union.
    OutsideUnion, "outside_union", false,
        "the customer is outside the Union, and so is the supply (Directive 2006/112/EC art. 44, 58)";
    /// The category has no rate of its own.
    StandardRate, "standard_rate", false, "no rate of that category's own is known: the standard one holds";
}

/// A set of reasons.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reasons(u32);

const _: () = assert!(Reason::ALL.len() <= 32, "a bit each");

impl Reasons {
    /// With one more.
    #[inline]
    pub fn add(&mut self, reason: Reason) {
        self.0 |= 1 << reason as u8;
    }

    /// Whether one is in it.
    #[must_use]
    #[inline]
    pub const fn has(self, reason: Reason) -> bool {
        self.0 >> reason as u8 & 1 == 1
    }

    /// Those in it, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.iter().copied().filter(move |r| self.has(*r))
    }

    /// Whether somebody should look.
    #[must_use]
    pub fn needs_review(self) -> bool {
        self.iter().any(Reason::needs_review)
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Reason::as_str))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_a_set_in_order() {
        let mut reasons = Reasons::default();
        reasons.add(Reason::StandardRate);
        reasons.add(Reason::Domestic);
        reasons.add(Reason::Domestic);
        let names: Vec<_> = reasons.iter().map(Reason::as_str).collect();
        assert_eq!(names, ["domestic", "standard_rate"]);
        assert!(!reasons.needs_review());
        reasons.add(Reason::EvidenceConflicts);
        assert!(reasons.needs_review());
    }
}
