//! What can be wrong with packs.

use thiserror::Error;

/// Why packs could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// A pack's text is not what the format says.
    #[error("{file}:{line}: {}{words}", if key.is_empty() { String::new() } else { format!("`{key}`: ") })]
    Malformed {
        /// The pack's file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong with it.
        words: String,
    },
    /// Two packs claim the same country.
    #[error("{country} is in the territory of both {first} and {second}")]
    TerritoryTwice {
        /// The country.
        country: String,
        /// One pack.
        first: String,
        /// The other.
        second: String,
    },
    /// A setting names a rule that is not there or does not leave the choice.
    #[error("\"{rule}\" is not a rule that leaves this to the operator")]
    NotTheOperators {
        /// Pack and rule, as `eu/sca.low-value`.
        rule: String,
    },
    /// A rule names a segment that the operator does not have.
    #[error("rule {rule} names the segment \"{segment}\", which the operator does not have")]
    NoSuchSegment {
        /// Pack and rule.
        rule: String,
        /// The name.
        segment: String,
    },
    /// More than the dense tables hold.
    #[error("{what}: more than {most}")]
    TooMany {
        /// What there is too much of.
        what: String,
        /// The most there may be.
        most: usize,
    },
}

impl PolicyError {
    /// The stable name of the error, in snake case. It never changes once released.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            PolicyError::Malformed { .. } => "pack_malformed",
            PolicyError::TerritoryTwice { .. } => "pack_territory_twice",
            PolicyError::NotTheOperators { .. } => "pack_not_the_operators",
            PolicyError::NoSuchSegment { .. } => "pack_no_such_segment",
            PolicyError::TooMany { .. } => "pack_too_many",
        }
    }
}
