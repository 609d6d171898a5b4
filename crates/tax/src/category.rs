//! What is supplied, as far as tax tells things apart.

use crate::place::NotRead;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// What is supplied. Where a country names no rate for a category, its standard rate holds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Category {
    /// A service supplied by electronic means that is nothing below: streaming on demand, software,
    /// an API call, an article behind a price (Directive 2006/112/EC Annex II).
    #[default]
    Standard,
    /// A book supplied electronically (Annex III point 6).
    EBook,
    /// A newspaper or periodical supplied electronically (Annex III point 6).
    EPublication,
    /// Radio and television to a programme schedule (Impl. Reg. 282/2011 art. 6b).
    Broadcast,
    /// Telecommunications (Directive 2006/112/EC art. 24(2)).
    Telecom,
    /// Carriage of passengers: taxed where it takes place (art. 48).
    Transport,
    /// Betting, lotteries and other games of chance (art. 135(1)(i)).
    Gambling,
    /// A gift to a charity for nothing in return: no supply at all (art. 2(1)).
    Charity,
    /// Tuition (art. 132(1)(i), (j)).
    Education,
    /// Payments, transfers and credit (art. 135(1)(b), (d)).
    Financial,
}

/// How many categories there are.
pub(crate) const CATEGORIES: usize = Category::ALL.len();

impl Category {
    /// All of them, in the order of their numbers.
    pub const ALL: [Category; 10] = [
        Category::Standard,
        Category::EBook,
        Category::EPublication,
        Category::Broadcast,
        Category::Telecom,
        Category::Transport,
        Category::Gambling,
        Category::Charity,
        Category::Education,
        Category::Financial,
    ];

    /// Its name in data and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::Standard => "standard",
            Category::EBook => "e_book",
            Category::EPublication => "e_publication",
            Category::Broadcast => "broadcast",
            Category::Telecom => "telecom",
            Category::Transport => "transport",
            Category::Gambling => "gambling",
            Category::Charity => "charity",
            Category::Education => "education",
            Category::Financial => "financial",
        }
    }

    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Category {
    type Err = NotRead;

    fn from_str(text: &str) -> Result<Self, NotRead> {
        let found = Category::ALL.iter().find(|c| c.as_str() == text);
        found.copied().ok_or(NotRead {
            expected: "standard, e_book, e_publication, broadcast, telecom, transport, gambling, \
                       charity, education or financial",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_has_one_name_everywhere() {
        for (number, category) in Category::ALL.into_iter().enumerate() {
            assert_eq!(category.index(), number);
            assert_eq!(category.as_str().parse(), Ok(category));
            let json = serde_json::to_string(&category).unwrap();
            assert_eq!(json, format!("\"{category}\""));
        }
    }
}
