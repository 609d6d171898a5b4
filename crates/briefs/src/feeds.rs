//! The list of feeds: data, so that an address that moves is a line in a file.

use policy::{Certainty, Date, Dimension};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The list that comes with the program.
pub const BUILTIN: &str = include_str!("../../../packs/feeds.toml");

/// One supervisor's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its name here.
    pub id: String,
    /// The pack whose law it is about.
    pub pack: String,
    /// Who publishes it.
    pub authority: String,
    /// What is in it.
    pub title: String,
    /// Where it is.
    pub url: String,
    /// Its language, as a tag such as `ko`.
    pub language: String,
    /// How sure it is that it is there and the right one.
    pub certainty: Certainty,
    /// When somebody last looked.
    pub checked: Date,
}

/// Why a list of feeds cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {words}")]
pub struct FeedsError {
    /// The file.
    pub file: String,
    /// What is wrong, and where.
    pub words: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    feed: Vec<Entry>,
    /// Authorities that publish none, said so that nobody looks for it twice.
    #[serde(default)]
    #[allow(dead_code)]
    without_feed: Vec<Without>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    pack: String,
    authority: String,
    title: String,
    url: String,
    language: String,
    certainty: String,
    checked: toml::value::Datetime,
    #[allow(dead_code)]
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Without {
    authority: String,
    pack: String,
    checked: toml::value::Datetime,
    note: String,
}

/// The feeds that come with the program.
///
/// # Errors
/// Never in a released program: a test reads them.
pub fn builtin_feeds() -> Result<Vec<Feed>, FeedsError> {
    feeds("packs/feeds.toml", BUILTIN)
}

/// Reads a list of feeds. `file` is only named in errors.
///
/// # Errors
/// [`FeedsError`] with the line, or the feed and what is wrong with it.
pub fn feeds(file: &str, text: &str) -> Result<Vec<Feed>, FeedsError> {
    let wrong = |words: String| FeedsError {
        file: file.to_owned(),
        words,
    };
    let read: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut ids = BTreeSet::new();
    let mut feeds = Vec::new();
    for entry in read.feed {
        let of = |words: String| wrong(format!("feed \"{}\": {words}", entry.id));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if entry.id.is_empty() || entry.id.len() > 60 || !entry.id.chars().all(plain) {
            return Err(of("an id is 1 to 60 of a-z, 0-9 and -".into()));
        }
        if entry.id == crate::REVIEW || !ids.insert(entry.id.clone()) {
            return Err(of("the id is taken".into()));
        }
        crate::url::absolute(&entry.url).map_err(|error| of(error.to_string()))?;
        let certainty = Certainty::of_word(&entry.certainty)
            .ok_or_else(|| of(format!("certainty is {}", Certainty::WORDS.join(", "))))?;
        let day = entry.checked.date.and_then(|day| {
            Date::of(
                u32::from(day.year),
                u32::from(day.month),
                u32::from(day.day),
            )
        });
        let checked = day.ok_or_else(|| of("checked is a day".into()))?;
        feeds.push(Feed {
            id: entry.id,
            pack: entry.pack,
            authority: entry.authority,
            title: entry.title,
            url: entry.url,
            language: entry.language,
            certainty,
            checked,
        });
    }
    Ok(feeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_that_comes_along_is_read_and_names_packs_that_there_are() {
        let feeds = builtin_feeds().unwrap();
        assert!(feeds.len() > 10);
        for feed in &feeds {
            let known = policy::BUILTIN.iter().any(|pack| pack.id == feed.pack);
            assert!(known, "{}: no pack {}", feed.id, feed.pack);
        }
    }

    #[test]
    fn what_is_wrong_in_a_list_is_named() {
        let feed = |id: &str, url: &str, certainty: &str| {
            format!(
                "[[feed]]\nid = \"{id}\"\npack = \"kr\"\nauthority = \"A\"\ntitle = \"T\"\nurl = \"{url}\"\n\
                 language = \"ko\"\ncertainty = \"{certainty}\"\nchecked = 2026-11-23\n"
            )
        };
        let good = feed("a", "https://a.example/", "official");
        assert_eq!(feeds("f", &good).unwrap().len(), 1);
        let rows = [
            (format!("{good}{good}"), "taken"),
            (feed("review", "https://a.example/", "official"), "taken"),
            (feed("A", "https://a.example/", "official"), "an id is"),
            (
                feed("a", "file:///etc/passwd", "official"),
                "not an address",
            ),
            (feed("a", "https://a.example/", "sure"), "certainty is"),
            (format!("{good}more = 1\n"), "more"),
        ];
        for (text, expected) in rows {
            let error = feeds("f", &text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
