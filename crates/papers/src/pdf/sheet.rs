//! Pages that fill from the top: text, lines, and what stands at the foot of each.
//!
//! Lengths are in points; `y` counts from the top down, as one reads.

use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::deflate;
use super::font::{Faces, Fonts, Weight, resource};
use crate::PaperError;

pub const WIDTH: f32 = 595.276;
pub const HEIGHT: f32 = 841.89;
pub const LEFT: f32 = 56.0;
pub const RIGHT: f32 = WIDTH - 56.0;
pub const TOP: f32 = 52.0;
/// What is below belongs to the foot.
pub const BOTTOM: f32 = HEIGHT - 78.0;

/// How text looks.
#[derive(Clone, Copy)]
pub struct Style {
    pub size: f32,
    pub weight: Weight,
    /// 0 is black, 1 is white.
    pub gray: f32,
}

pub const BODY: Style = Style {
    size: 9.0,
    weight: Weight::Regular,
    gray: 0.0,
};
pub const STRONG: Style = Style {
    weight: Weight::Bold,
    ..BODY
};
pub const SMALL: Style = Style {
    size: 7.5,
    gray: 0.35,
    ..BODY
};

impl Style {
    /// From one line to the next.
    pub fn leading(self) -> f32 {
        self.size * 1.4
    }
}

pub struct Sheet<'a> {
    faces: Faces<'a>,
    pages: Vec<Content>,
    /// Where the next thing goes on the last page.
    pub y: f32,
}

impl<'a> Sheet<'a> {
    pub fn new(fonts: &'a Fonts) -> Result<Sheet<'a>, PaperError> {
        Ok(Sheet {
            faces: fonts.faces()?,
            pages: vec![Content::new()],
            y: TOP,
        })
    }

    pub fn turn(&mut self) {
        self.pages.push(Content::new());
        self.y = TOP;
    }

    /// Whether so much still fits on the page.
    pub fn has_room(&self, height: f32) -> bool {
        self.y + height <= BOTTOM
    }

    fn page(&mut self) -> &mut Content {
        if self.pages.is_empty() {
            self.pages.push(Content::new());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    pub fn width(&self, text: &str, style: Style) -> Result<f32, PaperError> {
        Ok(self.faces.width(text, style.weight)? * style.size / 1000.0)
    }

    /// Text whose line begins at `y`, from `x` on.
    pub fn text(&mut self, x: f32, y: f32, text: &str, style: Style) -> Result<(), PaperError> {
        let page = self.pages.len() - 1;
        self.text_on(page, x, y, text, style)
    }

    fn text_on(
        &mut self,
        page: usize,
        x: f32,
        y: f32,
        text: &str,
        style: Style,
    ) -> Result<(), PaperError> {
        let glyphs = self.faces.set(text, style.weight)?;
        let content = &mut self.pages[page];
        let mut x = x;
        // The base line is where the letters stand, not where their line begins.
        let y = HEIGHT - y - style.size;
        content.begin_text();
        content.set_fill_gray(style.gray);
        for run in glyphs.chunk_by(|one, next| one.face == next.face) {
            let name = resource(run[0].face);
            content.set_font(Name(name.as_bytes()), style.size);
            content.set_text_matrix([1.0, 0.0, 0.0, 1.0, x, y]);
            let bytes: Vec<u8> = run
                .iter()
                .flat_map(|glyph| glyph.id.to_be_bytes())
                .collect();
            content.show(Str(&bytes));
            x += run.iter().map(|glyph| glyph.width).sum::<f32>() * style.size / 1000.0;
        }
        content.end_text();
        Ok(())
    }

    /// Text that ends at `x`.
    pub fn text_right(
        &mut self,
        x: f32,
        y: f32,
        text: &str,
        style: Style,
    ) -> Result<(), PaperError> {
        let width = self.width(text, style)?;
        self.text(x - width, y, text, style)
    }

    /// The lines of a text that is to be no wider than so much. Breaks at spaces, between characters
    /// of East Asian scripts, and within a word only where it does not fit a line of its own.
    pub fn wrap(&self, text: &str, width: f32, style: Style) -> Result<Vec<String>, PaperError> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for piece in pieces(paragraph) {
                let longer = format!("{line}{piece}");
                if self.width(longer.trim_end(), style)? <= width {
                    line = longer;
                    continue;
                }
                if !line.trim().is_empty() {
                    lines.push(line.trim_end().to_owned());
                }
                line = String::new();
                for c in piece.chars() {
                    let longer = format!("{line}{c}");
                    if !line.is_empty() && self.width(longer.trim_end(), style)? > width {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.push(c);
                }
            }
            lines.push(line.trim_end().to_owned());
        }
        Ok(lines)
    }

    /// A line from left to right.
    pub fn rule(&mut self, from: f32, to: f32, y: f32, thickness: f32) {
        let content = self.page();
        content.set_fill_gray(0.0);
        content.rect(from, HEIGHT - y, to - from, thickness);
        content.fill_nonzero();
    }

    /// A shaded band.
    pub fn band(&mut self, from: f32, to: f32, y: f32, height: f32) {
        let content = self.page();
        content.set_fill_gray(0.93);
        content.rect(from, HEIGHT - y - height, to - from, height);
        content.fill_nonzero();
    }

    /// Puts a foot on every page: lines at the left, and `Page 1 / 3` at the right.
    pub fn foot(&mut self, lines: &[String], page_word: &str) -> Result<(), PaperError> {
        let count = self.pages.len();
        for page in 0..count {
            let top = BOTTOM + 18.0;
            let content = &mut self.pages[page];
            content.set_fill_gray(0.6);
            content.rect(LEFT, HEIGHT - top, RIGHT - LEFT, 0.4);
            content.fill_nonzero();
            for (at, line) in lines.iter().take(3).enumerate() {
                // At most three, so the number is small.
                let y = top + 4.0 + at as f32 * SMALL.leading();
                self.text_on(page, LEFT, y, line, SMALL)?;
            }
            let number = format!("{page_word} {} / {count}", page + 1);
            let width = self.width(&number, SMALL)?;
            self.text_on(page, RIGHT - width, top + 4.0, &number, SMALL)?;
        }
        Ok(())
    }

    /// The file.
    pub fn finish(self, title: &str, author: &str, language: &str) -> Result<Vec<u8>, PaperError> {
        let mut pdf = Pdf::new();
        let mut last = 0;
        let mut next = move || {
            last += 1;
            Ref::new(last)
        };
        let (catalog, tree, info) = (next(), next(), next());
        let fonts = self.faces.write(&mut pdf, &mut next)?;
        let mut kids = Vec::new();
        for content in self.pages {
            let (page, stream) = (next(), next());
            kids.push(page);
            let mut written = pdf.page(page);
            written.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT));
            written.parent(tree).contents(stream);
            let mut resources = written.resources();
            let mut named = resources.fonts();
            for (name, place) in &fonts {
                named.pair(Name(name.as_bytes()), *place);
            }
            named.finish();
            resources.finish();
            written.finish();
            let packed = deflate(content.finish().as_slice())?;
            pdf.stream(stream, &packed).filter(Filter::FlateDecode);
        }
        let count = i32::try_from(kids.len()).map_err(|_| PaperError::TooLarge)?;
        pdf.pages(tree).kids(kids).count(count);
        pdf.catalog(catalog)
            .pages(tree)
            .lang(TextStr(language))
            .viewer_preferences()
            .display_doc_title(true);
        pdf.document_info(info)
            .title(TextStr(title))
            .author(TextStr(author))
            .producer(TextStr("Farthing"));
        Ok(pdf.finish())
    }
}

fn is_east_asian(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}')
}

/// What is not broken: words with the spaces after them, and single East Asian characters, which
/// take closing punctuation along.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut last = ' ';
    let mut begins = true;
    for c in text.chars() {
        let closes = matches!(c, '、' | '。' | '）' | '」' | '：' | ')' | ',' | '.' | ' ');
        let breaks = begins || (last == ' ' && c != ' ') || is_east_asian(c) || is_east_asian(last);
        match pieces.last_mut() {
            Some(piece) if !breaks || (closes && !begins) => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
        (last, begins) = (c, false);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_words_and_part_east_asian_characters() {
        assert_eq!(pieces("two words"), ["two ", "words"]);
        assert_eq!(pieces("適格請求、書"), ["適", "格", "請", "求、", "書"]);
        assert_eq!(pieces(""), Vec::<String>::new());
    }

    #[test]
    fn wrapped_lines_are_no_wider_than_asked_and_lose_no_letter() {
        let fonts = Fonts::bundled();
        let sheet = Sheet::new(&fonts).unwrap();
        let text = "A long description of what was bought, and Donaudampfschifffahrtsgesellschaft";
        for width in [60.0, 90.0, 300.0] {
            let lines = sheet.wrap(text, width, BODY).unwrap();
            for line in &lines {
                assert!(sheet.width(line, BODY).unwrap() <= width, "{line}");
            }
            let bare = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            assert_eq!(bare(&lines.concat()), bare(text));
        }
    }
}
