//! A supply: who sells what to whom, and how it is paid.

use crate::category::Category;
use crate::date::Date;
use crate::evidence::Evidence;
use crate::place::Country;
use crate::rules::Counter;
use money::AssetCode;
use serde::{Deserialize, Serialize};

/// A scheme under which tax is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// In a country itself, in full or under its simplified scheme for sellers from abroad (UK, CH,
    /// NO VOEC, KR, JP, AU, NZ, SG OVR, IN OIDAR, …).
    National,
    /// The Union scheme of the one-stop shop, in the member state of establishment (Directive
    /// 2006/112/EC art. 369a ff.). To be in it is to choose taxation where customers are (art. 59c(3)).
    OssUnion,
    /// The non-Union scheme, in a member state chosen (art. 358a ff.).
    OssNonUnion,
    /// The import scheme (art. 369l ff.): for goods, so that no service here is declared under it.
    Ioss,
}

/// A supplier's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Under what.
    pub scheme: Scheme,
    /// Where.
    pub country: Country,
    /// From this day.
    pub from: Date,
    /// Until before this day.
    pub until: Date,
}

impl Registration {
    #[inline]
    pub(crate) fn holds(&self, scheme: Scheme, date: Date) -> bool {
        self.scheme == scheme && self.from <= date && date < self.until
    }
}

/// Who supplies: what the state holds of a seller or an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    /// Where it is established.
    pub country: Country,
    /// Whether it is established in another member state too: the threshold of art. 59c is for those
    /// established in one.
    pub elsewhere_in_union: bool,
    /// Whether it is a small enterprise exempt at home (Directive 2006/112/EC art. 284; UStG § 19).
    pub small_enterprise: bool,
    /// Its registrations, beyond the one at home.
    pub registrations: Vec<Registration>,
}

impl Supplier {
    /// A supplier of a country, without further registrations.
    #[must_use]
    pub const fn of(country: Country) -> Supplier {
        Supplier {
            country,
            elsewhere_in_union: false,
            small_enterprise: false,
            registrations: Vec::new(),
        }
    }
}

/// What a platform does in a supply, which decides whose it is (Impl. Reg. 282/2011 art. 9a).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// It only processes the payment (art. 9a(3)).
    pub payment_only: bool,
    /// It authorises the charge to the customer.
    pub authorises_charge: bool,
    /// It authorises the delivery.
    pub authorises_delivery: bool,
    /// It sets the general terms.
    pub sets_terms: bool,
    /// Contracts, invoices and receipts name the seller as the supplier.
    pub names_seller: bool,
    /// The authority of the customer's country designated it.
    pub designated: bool,
}

/// A platform between seller and buyer.
#[derive(Clone, Copy, Debug)]
pub struct Platform<'a> {
    /// Who it is.
    pub supplier: &'a Supplier,
    /// What it does.
    pub part: Part,
}

/// How far a buyer's tax number was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checked {
    /// Format and check digit: [`crate::number::check`].
    Format,
    /// The authority confirmed it (VIES; Impl. Reg. 282/2011 art. 18(1)(a)).
    Confirmed,
}

/// Who buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Buyer {
    /// Somebody who gave no tax number: held to be a consumer (Impl. Reg. 282/2011 art. 18(2)).
    Consumer,
    /// A business with a tax number.
    Business {
        /// The country of its number.
        country: Country,
        /// How far the number was checked.
        checked: Checked,
    },
}

/// What is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The supply itself.
    #[default]
    Supplied,
    /// A voucher whose place and tax are known is sold: that is the supply (Directive 2006/112/EC
    /// art. 30a(2), 30b(1), 65).
    SinglePurposeSold,
    /// Such a voucher is drawn on: taxed before, and never again (art. 30b(1)).
    SinglePurposeDrawn,
    /// Another voucher, or a wallet's balance, is sold: no supply yet (art. 30b(2)).
    MultiPurposeSold,
    /// It is used: that is the supply (art. 30b(2), 73a).
    MultiPurposeUsed,
}

/// Whether a price contains its tax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pricing {
    /// It does.
    #[default]
    Inclusive,
    /// It comes on top.
    Exclusive,
}

/// A supply.
#[derive(Clone, Copy, Debug)]
pub struct Supply<'a> {
    /// What.
    pub category: Category,
    /// Who sells.
    pub seller: &'a Supplier,
    /// Who stands between.
    pub platform: Option<Platform<'a>>,
    /// Who buys.
    pub buyer: Buyer,
    /// Where the buyer is.
    pub evidence: Evidence,
    /// Where it is carried out, if that decides: carriage (art. 48).
    pub performed_in: Option<Country>,
    /// What is paid for.
    pub event: Event,
    /// Whether the price contains tax.
    pub pricing: Pricing,
}

impl<'a> Supply<'a> {
    /// A supply from a seller straight to a consumer, its price containing tax.
    #[must_use]
    pub const fn to_consumer(
        category: Category,
        seller: &'a Supplier,
        evidence: Evidence,
    ) -> Supply<'a> {
        Supply {
            category,
            seller,
            platform: None,
            buyer: Buyer::Consumer,
            evidence,
            performed_in: None,
            event: Event::Supplied,
            pricing: Pricing::Inclusive,
        }
    }

    /// The platform's fee: its own supply to the seller, with its own treatment.
    #[must_use]
    pub const fn fee(platform: &'a Supplier, seller: Buyer, evidence: Evidence) -> Supply<'a> {
        let mut fee = Supply::to_consumer(Category::Standard, platform, evidence);
        fee.buyer = seller;
        fee
    }
}

/// Who supplies in the law's eyes: whose tax account is credited, and who invoices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The seller.
    Seller,
    /// The platform.
    Platform,
}

/// Over which time turnover is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// A calendar year.
    Year(i32),
    /// The twelve months that end with a day.
    TwelveMonthsTo(Date),
}

/// A supplier's turnover, counted by whoever holds the state. All values are without tax.
pub trait Turnover {
    /// What the counter of the seller, or of the platform, says before this supply, in atoms of the
    /// threshold's asset.
    fn so_far(&self, whose: Role, counter: Counter, window: Window) -> u128;

    /// This supply's price in an asset, by the journaled reference rate rounded up; none without a
    /// rate, and then the threshold counts as passed.
    fn price_in(&self, asset: AssetCode) -> Option<u64>;
}
