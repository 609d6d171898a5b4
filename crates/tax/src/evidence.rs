//! Where a customer is, from what was observed of him.
//!
//! Two items that do not contradict each other decide (Impl. Reg. 282/2011 art. 24b(d), 24f). What
//! contradicts them is kept, never dropped: an auditor asks for it.

use crate::place::{Country, Place};
use serde::{Deserialize, Serialize};

/// A kind of evidence, in the order of Impl. Reg. 282/2011 art. 24f.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Item {
    /// (a) The billing address.
    BillingAddress,
    /// (b) The device's IP address, or another geolocation.
    Ip,
    /// (c) The bank's country, or the billing address the bank holds.
    Bank,
    /// (d) The country code of the SIM card.
    Sim,
    /// (e) The fixed land line through which the service is supplied.
    Landline,
    /// (f) Other commercially relevant information.
    Other,
}

impl Item {
    /// All of them, in order.
    pub const ALL: [Item; 6] = [
        Item::BillingAddress,
        Item::Ip,
        Item::Bank,
        Item::Sim,
        Item::Landline,
        Item::Other,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Item::BillingAddress => "billing_address",
            Item::Ip => "ip",
            Item::Bank => "bank",
            Item::Sim => "sim",
            Item::Landline => "landline",
            Item::Other => "other",
        }
    }
}

/// A set of items, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Items(pub u8);

impl Items {
    /// Those that come from somebody other than supplier and customer, unless told otherwise: bank,
    /// SIM and land line.
    pub const THIRD_PARTY: Items = Items(1 << 2 | 1 << 3 | 1 << 4);

    /// Whether an item is in it.
    #[must_use]
    #[inline]
    pub const fn has(self, item: Item) -> bool {
        self.0 >> item as u8 & 1 == 1
    }

    /// With an item.
    #[must_use]
    #[inline]
    pub const fn with(self, item: Item) -> Items {
        Items(self.0 | 1 << item as u8)
    }

    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = Item> {
        Item::ALL.into_iter().filter(move |item| self.has(*item))
    }
}

/// How the service reaches the customer. Some ways settle where he is (Impl. Reg. 282/2011 art. 24a,
/// 24b(a), (b)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Some other way.
    #[default]
    Internet,
    /// Through his fixed land line: he is where it is (art. 24b(a)).
    Landline,
    /// Through a mobile network: he is where its SIM card is from (art. 24b(b)).
    Mobile,
    /// At a place where he has to be, such as a wi-fi hot spot or a kiosk (art. 24a).
    Site(Country),
}

/// What was observed of a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    countries: [Option<Country>; 6],
    /// The region of the billing address, where its country taxes by region; zeros for none.
    pub region: [u8; 2],
    /// Which items come from a third party, beyond [`Items::THIRD_PARTY`].
    pub third_party: Items,
    /// How the service reaches him.
    pub via: Via,
}

/// Where a customer is held to be, and how well that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where.
    pub place: Place,
    /// How it is shown.
    pub proof: Proof,
    /// Items that say so.
    pub agree: Items,
    /// Items that say otherwise.
    pub conflict: Items,
}

/// How well a place is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A presumption holds (art. 24a, 24b(a), (b)).
    Presumed,
    /// Two items agree (art. 24b(d)).
    TwoItems,
    /// One item of a third party, and turnover is below the threshold (art. 24b, second paragraph).
    OneThirdParty,
    /// Too little: the best item was taken.
    NotProven,
}

impl Evidence {
    /// With one more item.
    #[must_use]
    #[inline]
    pub const fn with(mut self, item: Item, country: Country) -> Evidence {
        self.countries[item as usize] = Some(country);
        self
    }

    /// What an item says.
    #[must_use]
    #[inline]
    pub const fn get(&self, item: Item) -> Option<Country> {
        self.countries[item as usize]
    }

    /// As three words: different evidence has different ones. Of the last, only the lower 16 bits are
    /// used.
    #[must_use]
    #[inline]
    pub fn words(&self) -> [u64; 3] {
        let said = |at: usize| self.countries[at].map_or(0, |c| u64::from(c.number()));
        let (via, site) = match self.via {
            Via::Internet => (0, 0),
            Via::Landline => (1, 0),
            Via::Mobile => (2, 0),
            Via::Site(country) => (3, u64::from(country.number())),
        };
        let region = u64::from(u16::from_be_bytes(self.region));
        let how = region << 16 | u64::from(self.third_party.0) << 8 | via;
        [
            said(0) | said(1) << 16 | said(2) << 32 | said(3) << 48,
            said(4) | said(5) << 16 | how << 32,
            site,
        ]
    }

    fn saying(&self, country: Country) -> (Items, Items) {
        let (mut agree, mut conflict) = (Items::default(), Items::default());
        for item in Item::ALL {
            match self.get(item) {
                Some(said) if said == country => agree = agree.with(item),
                Some(_) => conflict = conflict.with(item),
                None => {}
            }
        }
        (agree, conflict)
    }

    /// Where the customer is. `one_is_enough` when the supplier's turnover is below the threshold of
    /// art. 24b. None when nothing was observed.
    ///
    /// The country that most items name is taken; of equals, the one named by the item that tells most
    /// of where somebody lives: bank, then billing address, SIM, land line, other, and IP last.
    #[must_use]
    pub fn locate(&self, one_is_enough: bool) -> Option<Located> {
        let presumed = match self.via {
            Via::Internet => None,
            Via::Landline => self.get(Item::Landline),
            Via::Mobile => self.get(Item::Sim),
            Via::Site(country) => Some(country),
        };
        if let Some(country) = presumed {
            return Some(self.located(country, Proof::Presumed));
        }
        // Nearly always, everything that was observed says the same.
        if let Some(found) = self.unanimous(one_is_enough) {
            return Some(found);
        }
        const BY_WEIGHT: [Item; 6] = [
            Item::Bank,
            Item::BillingAddress,
            Item::Sim,
            Item::Landline,
            Item::Other,
            Item::Ip,
        ];
        let mut best: Option<(u32, Country)> = None;
        for country in BY_WEIGHT.into_iter().filter_map(|item| self.get(item)) {
            let votes = self.saying(country).0.0.count_ones();
            if best.is_none_or(|(most, _)| votes > most) {
                best = Some((votes, country));
            }
        }
        let (votes, country) = best?;
        let mut found = self.located(country, Proof::TwoItems);
        if votes < 2 {
            let third_party = Items::THIRD_PARTY.0 | self.third_party.0;
            let shown = found.agree.0 & third_party != 0 && found.conflict.0 == 0;
            found.proof = if one_is_enough && shown {
                Proof::OneThirdParty
            } else {
                Proof::NotProven
            };
        }
        Some(found)
    }

    #[inline]
    fn unanimous(&self, one_is_enough: bool) -> Option<Located> {
        let (mut said, mut agree) = (None, 0);
        for (at, country) in self.countries.iter().enumerate() {
            let Some(country) = country else { continue };
            if said.is_some_and(|said| said != *country) {
                return None;
            }
            (said, agree) = (Some(*country), agree | 1 << at);
        }
        let country = said?;
        let agree = Items(agree);
        let proof = if agree.0.count_ones() > 1 {
            Proof::TwoItems
        } else if one_is_enough && agree.0 & (Items::THIRD_PARTY.0 | self.third_party.0) != 0 {
            Proof::OneThirdParty
        } else {
            Proof::NotProven
        };
        let billed = agree.has(Item::BillingAddress);
        let region = if billed { self.region } else { [0; 2] };
        Some(Located {
            place: Place { country, region },
            proof,
            agree,
            conflict: Items::default(),
        })
    }

    fn located(&self, country: Country, proof: Proof) -> Located {
        let (agree, conflict) = self.saying(country);
        let billed = self.get(Item::BillingAddress) == Some(country);
        let region = if billed { self.region } else { [0; 2] };
        Located {
            place: Place { country, region },
            proof,
            agree,
            conflict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(text: &str) -> Evidence {
        let mut evidence = Evidence::default();
        for pair in text.split_whitespace() {
            let (name, country) = pair.split_once('=').unwrap();
            let country = country.parse().unwrap();
            evidence = match name {
                "via_mobile" => Evidence {
                    via: Via::Mobile,
                    ..evidence
                },
                "via_landline" => Evidence {
                    via: Via::Landline,
                    ..evidence
                },
                "site" => Evidence {
                    via: Via::Site(country),
                    ..evidence
                },
                _ => {
                    let item = Item::ALL.into_iter().find(|i| i.as_str() == name);
                    evidence.with(item.unwrap(), country)
                }
            };
        }
        evidence
    }

    #[test]
    fn where_a_customer_is() {
        for (observed, one_is_enough, expected) in [
            ("", false, "nothing"),
            ("billing_address=DE ip=DE", false, "DE TwoItems -"),
            ("billing_address=DE ip=FR", false, "DE NotProven ip"),
            (
                "billing_address=DE ip=FR bank=FR",
                false,
                "FR TwoItems billing_address",
            ),
            (
                "billing_address=DE ip=FR sim=FR bank=DE",
                false,
                "DE TwoItems ip sim",
            ),
            ("bank=DE ip=FR", true, "DE NotProven ip"),
            ("sim=SE", false, "SE NotProven -"),
            ("sim=SE", true, "SE OneThirdParty -"),
            ("bank=SE", true, "SE OneThirdParty -"),
            ("ip=SE", true, "SE NotProven -"),
            ("billing_address=SE", true, "SE NotProven -"),
            ("sim=SE ip=DE via_mobile=SE", false, "SE Presumed ip"),
            (
                "landline=IT sim=SE via_landline=IT",
                false,
                "IT Presumed sim",
            ),
            (
                "billing_address=DE ip=AT site=AT",
                false,
                "AT Presumed billing_address",
            ),
            ("ip=DE via_mobile=SE", false, "DE NotProven -"),
        ] {
            let found = evidence(observed).locate(one_is_enough);
            let said = found.map_or("nothing".to_owned(), |found| {
                let names: Vec<_> = found.conflict.iter().map(Item::as_str).collect();
                let conflict = names.join(" ");
                let conflict = if conflict.is_empty() { "-" } else { &conflict };
                format!("{} {:?} {conflict}", found.place, found.proof)
            });
            assert_eq!(said, expected, "{observed}");
        }
    }

    #[test]
    fn different_evidence_has_different_words() {
        let all = [
            "",
            "billing_address=DE",
            "ip=DE",
            "bank=DE",
            "sim=DE",
            "landline=DE",
            "other=DE",
            "other=ED",
            "via_mobile=DE",
            "via_landline=DE",
            "site=DE",
            "site=FR",
        ];
        let mut all: Vec<_> = all.into_iter().map(evidence).collect();
        let mut with = |change: &dyn Fn(&mut Evidence)| {
            let mut other = Evidence::default();
            change(&mut other);
            all.push(other);
        };
        with(&|e| e.region = *b"QC");
        with(&|e| e.region = *b"CQ");
        with(&|e| e.third_party = Items(1));
        with(&|e| e.third_party = Items(2));
        for (at, one) in all.iter().enumerate() {
            for other in &all[..at] {
                assert_ne!(one.words(), other.words(), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_region_counts_where_its_country_does() {
        let mut observed = evidence("billing_address=CA bank=CA");
        observed.region = *b"QC";
        assert_eq!(observed.locate(false).unwrap().place.to_string(), "CA-QC");
        let mut elsewhere = evidence("billing_address=CA bank=US ip=US");
        elsewhere.region = *b"QC";
        assert_eq!(elsewhere.locate(false).unwrap().place.to_string(), "US");
    }
}
