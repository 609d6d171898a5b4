//! Fonts: which glyph a character has, how wide it is, and the part of a font that goes into a file.
//!
//! Text is set glyph by glyph, without shaping: right for Latin, Greek, Cyrillic, Han, kana and
//! Hangul. Scripts that need shaping (Arabic, Devanagari, Thai, …) have no glyph in the fonts that
//! come with this, and are refused rather than set wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Filter, Finish, Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;
use ttf_parser::GlyphId;

use super::deflate;
use crate::PaperError;

/// A font file, and which of its faces.
#[derive(Clone, Debug)]
pub struct FontFile {
    data: Arc<[u8]>,
    index: u32,
}

impl FontFile {
    /// A face of an OpenType file or collection.
    ///
    /// # Errors
    /// [`PaperError::BadFont`] if it cannot be read or forbids embedding.
    pub fn new(data: Arc<[u8]>, index: u32) -> Result<FontFile, PaperError> {
        let face = parse(&data, index)?;
        if face.permissions() == Some(ttf_parser::Permissions::Restricted) {
            let words = "its licence bits forbid embedding";
            return Err(PaperError::BadFont(words.to_owned()));
        }
        Ok(FontFile { data, index })
    }

    /// How many faces a file has.
    #[must_use]
    pub fn faces(data: &[u8]) -> u32 {
        ttf_parser::fonts_in_collection(data).unwrap_or(1)
    }

    /// What a face of a file calls its family, in English where it does.
    #[must_use]
    pub fn family(data: &[u8], index: u32) -> Option<String> {
        let face = parse(data, index).ok()?;
        let names = face.names().into_iter();
        let mut names = names.filter(|name| name.name_id == ttf_parser::name_id::FAMILY);
        names.find_map(|name| name.to_string())
    }
}

fn parse(data: &[u8], index: u32) -> Result<ttf_parser::Face<'_>, PaperError> {
    ttf_parser::Face::parse(data, index).map_err(|error| PaperError::BadFont(error.to_string()))
}

/// How heavy text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

/// Fonts to set a paper in, the first that has a character first.
#[derive(Clone, Debug)]
pub struct Fonts {
    regular: Vec<FontFile>,
    bold: Vec<FontFile>,
}

impl Fonts {
    /// Those that come with this: Noto Sans for Latin, Greek and Cyrillic.
    #[must_use]
    pub fn bundled() -> Fonts {
        let file = |data: &[u8]| FontFile {
            data: data.into(),
            index: 0,
        };
        Fonts {
            regular: vec![file(include_bytes!("../../fonts/NotoSans-Regular.ttf"))],
            bold: vec![file(include_bytes!("../../fonts/NotoSans-Bold.ttf"))],
        }
    }

    /// With one more, for what the others have not. Without a bold face the regular one serves.
    #[must_use]
    pub fn with(mut self, regular: FontFile, bold: Option<FontFile>) -> Fonts {
        self.bold.push(bold.unwrap_or_else(|| regular.clone()));
        self.regular.push(regular);
        self
    }

    /// The first character of a text that none of them has.
    #[must_use]
    pub fn missing(&self, text: &str) -> Option<char> {
        let faces: Vec<_> = self
            .regular
            .iter()
            .filter_map(|file| parse(&file.data, file.index).ok())
            .collect();
        let has = |c: &char| faces.iter().any(|face| face.glyph_index(*c).is_some());
        text.chars().find(|c| !c.is_whitespace() && !has(c))
    }

    pub(super) fn faces(&self) -> Result<Faces<'_>, PaperError> {
        let mut faces = Vec::new();
        for file in self.regular.iter().chain(&self.bold) {
            faces.push(Face::new(file)?);
        }
        let count = self.regular.len();
        Ok(Faces {
            regular: (0..count).collect(),
            bold: (count..faces.len()).collect(),
            faces,
        })
    }
}

/// A glyph, as it is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glyph {
    /// Which face.
    pub face: usize,
    /// Its number in the part of the face that goes into the file.
    pub id: u16,
    /// Thousandths of the size.
    pub width: f32,
}

/// The faces of one file, and what of them is used.
pub(super) struct Faces<'a> {
    faces: Vec<Face<'a>>,
    regular: Vec<usize>,
    bold: Vec<usize>,
}

struct Face<'a> {
    file: &'a FontFile,
    parsed: ttf_parser::Face<'a>,
    remapper: GlyphRemapper,
    /// What is used: number in the file, width, character.
    used: BTreeMap<u16, (f32, char)>,
}

impl<'a> Face<'a> {
    fn new(file: &'a FontFile) -> Result<Face<'a>, PaperError> {
        Ok(Face {
            file,
            parsed: parse(&file.data, file.index)?,
            remapper: GlyphRemapper::new(),
            used: BTreeMap::new(),
        })
    }

    fn per_thousand(&self, units: f32) -> f32 {
        units * 1000.0 / f32::from(self.parsed.units_per_em().max(1))
    }

    fn width(&self, glyph: GlyphId) -> f32 {
        let units = self.parsed.glyph_hor_advance(glyph).unwrap_or(0);
        self.per_thousand(f32::from(units))
    }
}

impl Faces<'_> {
    /// The face and glyph of a character.
    fn find(&self, c: char, weight: Weight) -> Result<(usize, GlyphId), PaperError> {
        // What looks alike, where a font has not the character itself.
        let same = match c {
            '\u{a0}' | '\u{202f}' | '\n' | '\t' => ' ',
            '\u{2011}' => '-',
            '\u{2212}' => '\u{2013}',
            '※' => '*',
            other => other,
        };
        let faces = match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        };
        let found = faces.iter().find_map(|at| {
            let face = &self.faces[*at];
            let glyph = face.parsed.glyph_index(c);
            let glyph = glyph.or_else(|| face.parsed.glyph_index(same))?;
            Some((*at, glyph))
        });
        found.ok_or(PaperError::NoGlyph(c))
    }

    /// How wide a text is, in thousandths of its size.
    pub fn width(&self, text: &str, weight: Weight) -> Result<f32, PaperError> {
        let mut width = 0.0;
        for c in text.chars() {
            let (face, glyph) = self.find(c, weight)?;
            width += self.faces[face].width(glyph);
        }
        Ok(width)
    }

    /// The glyphs of a text; from here on they are used.
    pub fn set(&mut self, text: &str, weight: Weight) -> Result<Vec<Glyph>, PaperError> {
        let mut glyphs = Vec::new();
        for c in text.chars() {
            let (at, glyph) = self.find(c, weight)?;
            let face = &mut self.faces[at];
            let (id, width) = (face.remapper.remap(glyph.0), face.width(glyph));
            face.used.entry(id).or_insert((width, c));
            glyphs.push(Glyph {
                face: at,
                id,
                width,
            });
        }
        Ok(glyphs)
    }

    /// Writes what is used of each face, and returns each one's name and place.
    pub fn write(
        &self,
        pdf: &mut Pdf,
        mut next: impl FnMut() -> Ref,
    ) -> Result<Vec<(String, Ref)>, PaperError> {
        let mut written = Vec::new();
        for (at, face) in self.faces.iter().enumerate() {
            if !face.used.is_empty() {
                let refs = [(); 5].map(|()| next());
                face.write(pdf, at, refs)?;
                written.push((resource(at), refs[0]));
            }
        }
        Ok(written)
    }
}

/// What a page calls a face.
pub(super) fn resource(face: usize) -> String {
    format!("F{face}")
}

impl Face<'_> {
    fn write(&self, pdf: &mut Pdf, at: usize, refs: [Ref; 5]) -> Result<(), PaperError> {
        let [font, descendant, descriptor, data, unicode] = refs;
        let subset = subsetter::subset(&self.file.data, self.file.index, &self.remapper)
            .map_err(|error| PaperError::BadFont(error.to_string()))?;
        // Of a font with PostScript outlines only these go into a file.
        let outlines = ttf_parser::RawFace::parse(&subset, 0)
            .ok()
            .and_then(|raw| raw.table(ttf_parser::Tag::from_bytes(b"CFF ")));
        let is_cff = outlines.is_some();
        let bytes = outlines.unwrap_or(&subset);
        // Six letters before the name say that it is a part; they differ from face to face.
        let letter = char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
        let name = format!("PAPER{letter}+Face{at}");
        let info = SystemInfo {
            registry: Str(b"Adobe"),
            ordering: Str(b"Identity"),
            supplement: 0,
        };
        pdf.type0_font(font)
            .base_font(Name(name.as_bytes()))
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(descendant)
            .to_unicode(unicode);
        let mut cid = pdf.cid_font(descendant);
        cid.subtype(match is_cff {
            true => CidFontType::Type0,
            false => CidFontType::Type2,
        });
        cid.base_font(Name(name.as_bytes()));
        cid.system_info(info).font_descriptor(descriptor);
        cid.default_width(0.0);
        if !is_cff {
            cid.cid_to_gid_map_predefined(Name(b"Identity"));
        }
        let mut widths = cid.widths();
        for (id, (width, _)) in &self.used {
            widths.consecutive(*id, [*width]);
        }
        widths.finish();
        cid.finish();
        let parsed = &self.parsed;
        let bounds = parsed.global_bounding_box();
        let scale = |units: i16| self.per_thousand(f32::from(units));
        let mut written = pdf.font_descriptor(descriptor);
        written
            .name(Name(name.as_bytes()))
            .flags(FontFlags::NON_SYMBOLIC)
            .bbox(Rect::new(
                scale(bounds.x_min),
                scale(bounds.y_min),
                scale(bounds.x_max),
                scale(bounds.y_max),
            ))
            .italic_angle(0.0)
            .ascent(scale(parsed.ascender()))
            .descent(scale(parsed.descender()))
            .cap_height(scale(parsed.capital_height().unwrap_or(parsed.ascender())))
            .stem_v(80.0);
        match is_cff {
            true => written.font_file3(data),
            false => written.font_file2(data),
        };
        written.finish();
        let packed = deflate(bytes)?;
        let mut stream = pdf.stream(data, &packed);
        stream.filter(Filter::FlateDecode);
        if is_cff {
            stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
        } else {
            let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
            stream.pair(Name(b"Length1"), length);
        }
        stream.finish();
        let mut map = UnicodeCmap::new(Name(b"Unicode"), info);
        for (id, (_, c)) in &self.used {
            map.pair(*id, *c);
        }
        let packed = deflate(map.finish().as_slice())?;
        pdf.cmap(unicode, &packed).filter(Filter::FlateDecode);
        Ok(())
    }
}
