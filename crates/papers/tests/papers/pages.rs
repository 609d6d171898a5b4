//! Papers as pages.

use std::path::Path;

use papers::pdf::{FontFile, Fonts};
use papers::{Language, PaperError, compose};

use crate::documents;

/// Where Debian keeps Noto Sans CJK; another machine names its own.
const CJK: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";

/// How many page objects a file has.
fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.matches("/Type /Page\n").count()
}

#[test]
fn every_paper_has_its_pages_or_names_the_character_that_no_font_has() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("papers-pdf");
    std::fs::create_dir_all(&folder).unwrap();
    let bundled = Fonts::bundled();
    let cjk = std::fs::read(std::env::var("FARTHING_FONT").unwrap_or_else(|_| CJK.to_owned()));
    for draft in documents::all() {
        let paper = compose(draft).unwrap();
        let html = papers::html::paper(&paper);
        assert!(html.contains(&paper.number) && html.ends_with("</html>\n"));
        std::fs::write(folder.join(format!("{}.html", paper.number)), html).unwrap();
        let file = folder.join(format!("{}.pdf", paper.number));
        let is_east_asian = matches!(paper.language, Language::Ja | Language::Ko);
        let written = papers::pdf::write(&paper, &bundled);
        if !is_east_asian {
            let pdf = written.unwrap();
            assert_eq!(
                papers::pdf::write(&paper, &bundled).unwrap(),
                pdf,
                "same bytes"
            );
            let lines = paper.lines.len();
            assert!(
                pages(&pdf) > usize::from(lines > 30),
                "{}: {lines} lines",
                paper.number
            );
            std::fs::write(file, pdf).unwrap();
            continue;
        }
        assert!(
            matches!(written, Err(PaperError::NoGlyph(_))),
            "{written:?}"
        );
        let Ok(data) = &cjk else {
            println!("skipped: no font for {}", paper.language);
            continue;
        };
        let index = u32::from(paper.language == Language::Ko);
        let font = FontFile::new(data.as_slice().into(), index).unwrap();
        let fonts = Fonts::bundled().with(font, None);
        let pdf = papers::pdf::write(&paper, &fonts).unwrap();
        assert!(
            pdf.len() < 300_000,
            "only the glyphs that are used: {}",
            pdf.len()
        );
        std::fs::write(file, pdf).unwrap();
    }
}

#[test]
fn a_file_that_is_no_font_is_refused() {
    let font = FontFile::new(b"no font".as_slice().into(), 0);
    assert!(matches!(font, Err(PaperError::BadFont(_))));
}
