//! RSS 2.0, RSS 1.0 (RDF) and Atom, as they are in the wild: read by the local names of elements,
//! without a DTD, without expanding anything, bounded in items and in text.

use crate::error::FeedError;
use crate::{date, plain, url};
use hyper::Uri;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The most items that are taken of one feed, in its order: newest first by custom.
const ITEMS_MAX: usize = 500;
/// The most bytes of one text that are looked at.
const TEXT_MAX: usize = 64 * 1024;
/// Elements in elements.
const DEPTH_MAX: usize = 200;
const TITLE_CHARS: usize = 300;
const SUMMARY_CHARS: usize = 1_000;
const LINK_BYTES: usize = 2_000;
const KEY_BYTES: usize = 2_000;

/// One thing a supervisor published, in plain words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// What tells it from the feed's others: its id, else its link, else its title and time.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Where it is to be read; http or https.
    pub link: Option<String>,
    /// What it says, in brief.
    pub summary: String,
    /// When it was published, in milliseconds since 1970.
    pub published_ms: Option<i64>,
}

/// What was read of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Its items, in its order, each key once.
    pub items: Vec<Item>,
    /// Where its XML breaks: what stands before is there all the same.
    pub broken: Option<FeedError>,
}

/// Reads a feed that came from `base` with the `charset` its `Content-Type` named.
///
/// # Errors
/// [`FeedError::NotAFeed`]: there is no feed in it.
pub fn parse(bytes: &[u8], charset: Option<&str>, base: &str) -> Result<Parsed, FeedError> {
    let base = url::absolute(base)?;
    let text = crate::decode::text(bytes, charset);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().allow_dangling_amp = true;
    let mut fold = Fold {
        base,
        depth: 0,
        is_feed: false,
        raw: None,
        parsed: Parsed::default(),
    };
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let broken = |words: String| FeedError::Xml {
            line: line_of(&text, at),
            words: plain::plain(&words, 200),
        };
        match reader.read_event() {
            Ok(Event::Eof) if fold.depth > 0 => {
                fold.parsed.broken = Some(broken("it ends in the middle".into()));
                break;
            }
            Ok(Event::Eof) => break,
            Ok(event) => {
                fold.event(&event)?;
                if fold.depth > DEPTH_MAX {
                    fold.parsed.broken = Some(broken("elements are nested too deeply".into()));
                    break;
                }
                if fold.parsed.items.len() == ITEMS_MAX {
                    break;
                }
            }
            Err(error) if fold.is_feed => {
                fold.parsed.broken = Some(broken(error.to_string()));
                break;
            }
            Err(_) => return Err(FeedError::NotAFeed),
        }
    }
    if fold.is_feed {
        Ok(fold.parsed)
    } else {
        Err(FeedError::NotAFeed)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = &text.as_bytes()[..at.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// An item as it is being read.
#[derive(Default)]
struct Raw {
    /// How deep its element is.
    depth: usize,
    id: String,
    about: String,
    link: String,
    title: String,
    summary: String,
    content: String,
    published: String,
    updated: String,
    /// The text that is open, and how deep its element is.
    open: Option<(Field, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Link,
    Title,
    Summary,
    Content,
    Published,
    Updated,
}

impl Field {
    fn of(name: &str) -> Option<Field> {
        Some(match name {
            "guid" | "id" => Field::Id,
            "link" => Field::Link,
            "title" => Field::Title,
            "description" | "summary" => Field::Summary,
            "content" | "encoded" => Field::Content,
            "pubDate" | "published" | "date" | "issued" => Field::Published,
            "updated" | "modified" => Field::Updated,
            _ => return None,
        })
    }
}

struct Fold {
    base: Uri,
    depth: usize,
    is_feed: bool,
    raw: Option<Raw>,
    parsed: Parsed,
}

impl Fold {
    fn event(&mut self, event: &Event<'_>) -> Result<(), FeedError> {
        match event {
            Event::Start(start) => {
                self.depth += 1;
                self.open(start, false)?;
            }
            Event::Empty(start) => {
                self.depth += 1;
                self.open(start, true)?;
                self.close();
            }
            Event::End(_) => self.close(),
            Event::Text(text) => self.text(text),
            Event::CData(text) => self.text(text),
            Event::GeneralRef(name) => {
                // Resolved with the rest of the text's references, XML's and HTML's alike; those of
                // markup become markup now, for what they escape is HTML.
                match &**name {
                    "lt" => self.text("<"),
                    "gt" => self.text(">"),
                    "amp" => self.text("&"),
                    "quot" => self.text("\""),
                    "apos" => self.text("'"),
                    other => self.text(&format!("&{other};")),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, start: &BytesStart<'_>, is_empty: bool) -> Result<(), FeedError> {
        let name = start.name();
        let Some(name) = ours(name.0) else {
            self.part();
            return Ok(());
        };
        if self.depth == 1 {
            if !matches!(name, "rss" | "RDF" | "feed") {
                return Err(FeedError::NotAFeed);
            }
            self.is_feed = true;
        }
        let depth = self.depth;
        let Some(raw) = &mut self.raw else {
            if matches!(name, "item" | "entry") && depth > 1 {
                self.raw = Some(Raw {
                    depth,
                    about: attribute(start, "about").unwrap_or_default(),
                    ..Raw::default()
                });
            }
            return Ok(());
        };
        if raw.open.is_some() {
            self.part();
            return Ok(());
        }
        if depth != raw.depth + 1 {
            return Ok(());
        }
        if name == "link" {
            let relation = attribute(start, "rel").unwrap_or_else(|| "alternate".into());
            if let Some(link) = attribute(start, "href") {
                if relation == "alternate" && raw.link.trim().is_empty() {
                    raw.link = link;
                }
                return Ok(());
            }
        }
        if !is_empty {
            raw.open = Field::of(name).map(|field| (field, depth));
        }
        Ok(())
    }

    /// Markup within a text parts its words.
    fn part(&mut self) {
        if self.raw.as_ref().is_some_and(|raw| raw.open.is_some()) {
            self.text(" ");
        }
    }

    fn text(&mut self, text: &str) {
        let Some(raw) = &mut self.raw else { return };
        let Some((field, _)) = raw.open else { return };
        let into = match field {
            Field::Id => &mut raw.id,
            Field::Link => &mut raw.link,
            Field::Title => &mut raw.title,
            Field::Summary => &mut raw.summary,
            Field::Content => &mut raw.content,
            Field::Published => &mut raw.published,
            Field::Updated => &mut raw.updated,
        };
        let room = TEXT_MAX.saturating_sub(into.len());
        into.push_str(&text[..text.floor_char_boundary(room)]);
    }

    fn close(&mut self) {
        let depth = self.depth;
        self.depth = depth.saturating_sub(1);
        let Some(raw) = &mut self.raw else { return };
        if raw.open.is_some_and(|(_, at)| at == depth) {
            raw.open = None;
        }
        if raw.depth == depth {
            if let Some(item) = self.raw.take().and_then(|raw| raw.item(&self.base)) {
                let known = self.parsed.items.iter().any(|one| one.key == item.key);
                if !known {
                    self.parsed.items.push(item);
                }
            }
        } else {
            self.part();
        }
    }
}

impl Raw {
    fn item(self, base: &Uri) -> Option<Item> {
        let filled = |texts: [&String; 2]| {
            let text = texts.into_iter().find(|text| !text.trim().is_empty());
            text.cloned().unwrap_or_default()
        };
        let title = plain::plain(&self.title, TITLE_CHARS);
        let summary = plain::plain(&filled([&self.summary, &self.content]), SUMMARY_CHARS);
        let published = filled([&self.published, &self.updated]);
        let permanent = [&self.link, &self.about, &self.id];
        let link = permanent.into_iter().find_map(|link| {
            let link = plain::plain(link, LINK_BYTES);
            let absolute = link.starts_with('/') || link.contains("//");
            let usable = !link.is_empty() && (absolute || std::ptr::eq(permanent[0], &self.link));
            let found = usable.then(|| url::resolve(base, &link).ok()).flatten()?;
            Some(found.to_string()).filter(|link| link.len() <= LINK_BYTES)
        });
        let given = [&self.id, &self.about, &self.link]
            .into_iter()
            .map(|key| key.trim())
            .find(|key| !key.is_empty());
        let key = match given {
            Some(key) => key[..key.floor_char_boundary(KEY_BYTES)].to_owned(),
            None if title.is_empty() => return None,
            None => format!("{title}\n{}", published.trim()),
        };
        let title = match (title.is_empty(), summary.is_empty()) {
            (false, _) => title,
            (true, false) => plain::plain(&summary, TITLE_CHARS / 3),
            (true, true) => link.clone()?,
        };
        Some(Item {
            key,
            title,
            link,
            summary,
            published_ms: date::read(&published),
        })
    }
}

/// The local name of an element that is a feed's own, and of no extension that has a title or a link
/// for something else, such as `media:title`.
fn ours(name: &str) -> Option<&str> {
    match name.split_once(':') {
        None => Some(name),
        Some((prefix, local)) => {
            let known = ["rdf", "rss", "atom", "a10", "dc", "dcterms", "content"];
            known.contains(&prefix).then_some(local)
        }
    }
}

fn attribute(start: &BytesStart<'_>, local: &str) -> Option<String> {
    let attributes = start.html_attributes();
    let found = attributes
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == local)?;
    let value: &str = &found.value;
    Some(plain::plain(value, LINK_BYTES))
}

#[cfg(test)]
mod tests;
