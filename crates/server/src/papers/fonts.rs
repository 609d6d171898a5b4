//! Fonts for PDFs: those that come along, and one of this machine for Korean and Japanese.

use ::papers::Language;
use ::papers::pdf::{FontFile, Fonts};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where systems keep fonts with Korean and Japanese characters: Debian and Ubuntu, Fedora, Arch,
/// Alpine, macOS.
const PLACES: &[&str] = &[
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf",
    "/System/Library/Fonts/AppleSDGothicNeo.ttc",
    "/System/Library/Fonts/ヒラギノ角ゴシック W3.ttc",
];

/// The fonts of each language, read when one is first asked for.
#[derive(Debug, Default)]
pub struct Shelf {
    own: Option<PathBuf>,
    read: Mutex<BTreeMap<&'static str, Arc<Fonts>>>,
}

impl Shelf {
    /// With a font that the operator named, before all others of the machine.
    pub fn new(own: Option<PathBuf>) -> Shelf {
        Shelf {
            own,
            read: Mutex::default(),
        }
    }

    /// The fonts for a language. Reads files: call it where that may block.
    pub fn of(&self, language: Language) -> Arc<Fonts> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let fonts = read.entry(language.as_str());
        Arc::clone(fonts.or_insert_with(|| Arc::new(self.find(language))))
    }

    fn find(&self, language: Language) -> Fonts {
        let mut fonts = Fonts::bundled();
        let own = self.own.as_deref().into_iter();
        let files = own.chain(PLACES.iter().map(Path::new));
        for path in files.filter(|path| path.is_file()) {
            match read(path, language) {
                Ok(regular) => {
                    let bold = path.to_string_lossy().replace("-Regular.", "-Bold.");
                    let bold = Path::new(&bold);
                    let bold = (bold != path).then(|| read(bold, language).ok()).flatten();
                    fonts = fonts.with(regular, bold);
                }
                Err(why) => tracing::warn!(path = %path.display(), %why, "font_unusable"),
            }
        }
        fonts
    }
}

/// The face of a file that is for this language, else its first.
fn read(path: &Path, language: Language) -> Result<FontFile, String> {
    let data = std::fs::read(path).map_err(|error| error.to_string())?;
    let wanted = match language {
        Language::Ko => " KR",
        _ => " JP",
    };
    let is_it =
        |index: &u32| FontFile::family(&data, *index).is_some_and(|family| family.contains(wanted));
    let index = (0..FontFile::faces(&data)).find(is_it).unwrap_or(0);
    FontFile::new(data.into(), index).map_err(|error| error.to_string())
}
