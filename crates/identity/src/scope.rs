//! What a key may do.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

macro_rules! scopes {
    ($($name:ident $text:literal $does:literal;)+) => {
        /// One thing a key may do. The text is stable; the order is not, for
        /// scopes are stored by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Scope {
            $(#[doc = $does] $name,)+
        }

        impl Scope {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What it allows, in a line for the docs and the console.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $does),+ }
            }
        }
    };
}

scopes! {
    PaymentsWrite      "payments:write"      "Make, authorize, capture and void payments.";
    PaymentsRead       "payments:read"       "Read payments and their receipts.";
    WalletsWrite       "wallets:write"       "Open, freeze and close wallets.";
    WalletsRead        "wallets:read"        "Read wallets, balances and statements.";
    PartiesWrite       "parties:write"       "Register, change and erase parties.";
    PartiesRead        "parties:read"        "Read parties.";
    TopupsWrite        "topups:write"        "Bring money in.";
    WithdrawalsWrite   "withdrawals:write"   "Send money out.";
    RefundsWrite       "refunds:write"       "Refund payments.";
    DisputesWrite      "disputes:write"      "Open and decide disputes.";
    MandatesWrite      "mandates:write"      "Give and end mandates.";
    CorrectionsPropose "corrections:propose" "Propose a correction: the first of two keys.";
    CorrectionsApprove "corrections:approve" "Approve a correction: the second of two keys.";
    LawsPropose        "laws:propose"        "Propose packs and the operator's settings: the first of two keys.";
    LawsApprove        "laws:approve"        "Approve packs and the operator's settings: the second of two keys.";
    PolicyRead         "policy:read"         "Ask the packs: what they say, tiers, and checks of payments kept elsewhere.";
    SettingsWrite      "settings:write"      "Change settings, prices and rates.";
    SettingsRead       "settings:read"       "Read settings, prices, rates and packs.";
    LedgerRead         "ledger:read"         "Read accounts, entries and the trial balance.";
    KeysWrite          "keys:write"          "Make and revoke API keys.";
    KeysRead           "keys:read"           "List API keys.";
    StepUpsConfirm     "step_ups:confirm"    "Confirm that a payer has stepped up.";
    RegulatorRead      "regulator:read"      "Read as a regulator: every read is logged.";
    MetricsRead        "metrics:read"        "Read metrics.";
    Admin              "admin"               "All of these but `regulator:read`: it reads the same, unlogged.";
}

const _: () = assert!(Scope::ALL.len() <= 64, "Scopes is a u64");

impl Scope {
    /// Proposing a correction or a law, or approving one: never both by one person.
    pub const fn is_half(self) -> bool {
        self.other_half().is_some()
    }

    /// What the second person does.
    pub const fn other_half(self) -> Option<Self> {
        match self {
            Self::CorrectionsPropose => Some(Self::CorrectionsApprove),
            Self::CorrectionsApprove => Some(Self::CorrectionsPropose),
            Self::LawsPropose => Some(Self::LawsApprove),
            Self::LawsApprove => Some(Self::LawsPropose),
            _ => None,
        }
    }

    /// What an agent's key may have: nothing but paying. To read payments is to read all of the
    /// tenant's.
    pub const fn is_for_agents(self) -> bool {
        matches!(self, Self::PaymentsWrite)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == name)
            .ok_or_else(|| Error::UnknownScope {
                // It goes into an error message: keep what a person would recognise.
                name: name.chars().take(64).collect(),
            })
    }
}

/// A set of scopes. As text, names apart by spaces; in JSON, a list of names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u64);

impl Scopes {
    pub const NONE: Self = Self(0);

    pub const fn of(scopes: &[Scope]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < scopes.len() {
            bits |= bit(scopes[index]);
            index += 1;
        }
        Self(bits)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the scope itself was given.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// Whether both halves of what takes two people were given by name.
    pub fn has_both_halves(self) -> bool {
        self.iter()
            .filter_map(Scope::other_half)
            .any(|half| self.contains(half))
    }

    /// Whether a holder may do what needs this scope. `admin` may do all but
    /// read as a regulator, so that no such read escapes the log.
    pub const fn allows(self, needed: Scope) -> bool {
        self.contains(needed)
            || self.contains(Scope::Admin) && !matches!(needed, Scope::RegulatorRead)
    }

    /// Whether a holder may give these to another key: `admin` any, others
    /// none that they lack.
    pub const fn may_grant(self, given: Self) -> bool {
        self.contains(Scope::Admin) || given.0 & !self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .iter()
            .copied()
            .filter(move |&scope| self.contains(scope))
    }

    /// From names such as a JSON list's.
    ///
    /// Errors: [`Error::UnknownScope`], naming the first.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        names.into_iter().map(str::parse::<Scope>).collect()
    }
}

const fn bit(scope: Scope) -> u64 {
    1 << scope as u64
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

/// Names apart by spaces, commas or both.
impl FromStr for Scopes {
    type Err = Error;

    fn from_str(list: &str) -> Result<Self, Error> {
        let apart = |c: char| c == ',' || c.is_whitespace();
        Self::from_names(list.split(apart).filter(|name| !name.is_empty()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::as_str))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Self::from_names(names.iter().map(String::as_str)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scope_names_are_distinct_and_read_back() {
        for &scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().unwrap(), scope);
        }
        assert_eq!(
            Scope::ALL
                .iter()
                .copied()
                .collect::<Scopes>()
                .iter()
                .count(),
            25
        );
    }

    #[test]
    fn a_list_is_read_however_it_is_parted_and_an_unknown_scope_is_named() {
        let both = Scopes::of(&[Scope::PaymentsRead, Scope::KeysRead]);
        let rows = [
            ("payments:read keys:read", Ok(both)),
            (" keys:read,payments:read, keys:read\n", Ok(both)),
            ("", Ok(Scopes::NONE)),
            (" , ", Ok(Scopes::NONE)),
            ("payments:read pay:read", Err("\"pay:read\" is not a scope")),
            ("Admin", Err("\"Admin\" is not a scope")),
        ];
        for (text, expected) in rows {
            let read = text.parse::<Scopes>().map_err(|error| error.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{text:?}");
        }
        assert_eq!(both.to_string(), "payments:read keys:read");
    }

    #[test]
    fn admin_may_do_all_but_read_as_a_regulator() {
        let admin = Scopes::of(&[Scope::Admin]);
        let reader = Scopes::of(&[Scope::PaymentsRead]);
        for &scope in Scope::ALL {
            assert_eq!(
                admin.allows(scope),
                scope != Scope::RegulatorRead,
                "{scope}"
            );
            assert_eq!(
                reader.allows(scope),
                scope == Scope::PaymentsRead,
                "{scope}"
            );
            assert!(!Scopes::NONE.allows(scope));
        }
        assert!(Scopes::of(&[Scope::RegulatorRead]).allows(Scope::RegulatorRead));
    }

    #[test]
    fn nobody_gives_away_what_they_lack() {
        let of = Scopes::of;
        let rows = [
            (
                of(&[Scope::Admin]),
                of(&[Scope::Admin, Scope::RegulatorRead]),
                true,
            ),
            (of(&[Scope::KeysWrite]), of(&[Scope::KeysWrite]), true),
            (of(&[Scope::KeysWrite]), Scopes::NONE, true),
            (
                of(&[Scope::KeysWrite]),
                of(&[Scope::KeysWrite, Scope::Admin]),
                false,
            ),
            (of(&[Scope::KeysWrite]), of(&[Scope::PaymentsRead]), false),
        ];
        for (holder, given, expected) in rows {
            assert_eq!(holder.may_grant(given), expected, "{holder:?} {given:?}");
        }
    }

    #[test]
    fn json_is_a_list_of_names() {
        let scopes = Scopes::of(&[Scope::TopupsWrite, Scope::StepUpsConfirm]);
        let json = serde_json::to_string(&scopes).unwrap();
        assert_eq!(json, r#"["topups:write","step_ups:confirm"]"#);
        assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), scopes);
        let error = serde_json::from_str::<Scopes>(r#"["all"]"#).unwrap_err();
        assert!(error.to_string().contains("\"all\""), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = text.parse::<Scopes>();
        }

        #[test]
        fn any_set_is_read_back_from_its_text(
            chosen in proptest::sample::subsequence(Scope::ALL, 0..=Scope::ALL.len()),
        ) {
            let scopes: Scopes = chosen.into_iter().collect();
            prop_assert_eq!(scopes.to_string().parse::<Scopes>().unwrap(), scopes);
        }
    }
}
