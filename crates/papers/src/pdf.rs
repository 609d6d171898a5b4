//! A paper as PDF pages, with its fonts within: A4, in the paper's language.
//!
//! The same paper and fonts give the same bytes: the file has no date but the paper's own.

mod font;
mod sheet;

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::facts::{Kind, Party};
use crate::paper::{Line, Paper};
use crate::words::Word;
use crate::{PaperError, shown};
use font::Weight;
use sheet::{BODY, LEFT, RIGHT, SMALL, STRONG, Sheet, Style};

pub use font::{FontFile, Fonts};

/// Right edges of the table's columns, and the left of the first two.
const ITEM: f32 = LEFT + 30.0;
const QUANTITY: f32 = RIGHT - 216.0;
const PRICE: f32 = RIGHT - 128.0;
const RATE: f32 = RIGHT - 78.0;

/// Writes the paper as PDF.
///
/// # Errors
/// [`PaperError::NoGlyph`] if the fonts lack a character of it: nothing is left out silently.
pub fn write(paper: &Paper, fonts: &Fonts) -> Result<Vec<u8>, PaperError> {
    let mut sheet = Sheet::new(fonts)?;
    let title = shown::title(paper);
    head(&mut sheet, paper, title)?;
    lines(&mut sheet, paper)?;
    totals(&mut sheet, paper)?;
    taxes(&mut sheet, paper)?;
    notes(&mut sheet, paper)?;
    let title = format!("{title} {}", paper.number);
    let page = format!("{title} · {}", Word::Page.say(paper.language));
    sheet.foot(&shown::foot(paper), &page)?;
    sheet.finish(&title, &paper.seller.name, paper.language.as_str())
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>, PaperError> {
    let failed = |error: std::io::Error| PaperError::NotWritten(error.to_string());
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).map_err(failed)?;
    encoder.finish().map_err(failed)
}

fn head(sheet: &mut Sheet<'_>, paper: &Paper, title: &str) -> Result<(), PaperError> {
    let large = Style {
        size: 19.0,
        weight: Weight::Bold,
        ..BODY
    };
    let top = sheet.y;
    // A long title takes as many lines as it needs, beside the seller.
    for line in sheet.wrap(title, 250.0, large)? {
        let y = sheet.y;
        sheet.text_right(RIGHT, y, &line, large)?;
        sheet.y += large.leading();
    }
    let after_title = sheet.y;
    sheet.y = top;
    party(sheet, &paper.seller, LEFT, 220.0)?;
    sheet.y = sheet.y.max(after_title) + 22.0;
    let top = sheet.y;
    let is_addressed = paper.kind != Kind::SimplifiedInvoice || !paper.buyer.name.is_empty();
    if is_addressed {
        let label = Word::Buyer.say(paper.language);
        sheet.text(LEFT, top, label, SMALL)?;
        sheet.y += SMALL.leading() + 1.0;
        party(sheet, &paper.buyer, LEFT, 220.0)?;
        if let Some(number) = &paper.buyer.tax_number {
            let label = Word::TaxNumber.say(paper.language);
            let text = format!("{label}: {number}");
            for line in sheet.wrap(&text, 220.0, SMALL)? {
                let y = sheet.y;
                sheet.text(LEFT, y, &line, SMALL)?;
                sheet.y += SMALL.leading();
            }
        }
    }
    let after_buyer = sheet.y;
    sheet.y = top;
    for (label, value) in shown::facts(paper) {
        pair(sheet, label, &value)?;
    }
    sheet.y = sheet.y.max(after_buyer) + 20.0;
    Ok(())
}

/// A label and its value, in the column at the right.
fn pair(sheet: &mut Sheet<'_>, label: &str, value: &str) -> Result<(), PaperError> {
    const FROM: f32 = LEFT + 250.0;
    const VALUE: f32 = FROM + 100.0;
    let label = sheet.wrap(label, VALUE - FROM - 6.0, SMALL)?;
    let value = sheet.wrap(value, RIGHT - VALUE, BODY)?;
    let rows = label.len().max(value.len());
    for at in 0..rows {
        let y = sheet.y;
        if let Some(label) = label.get(at) {
            sheet.text(FROM, y + 1.2, label, SMALL)?;
        }
        if let Some(value) = value.get(at) {
            sheet.text(VALUE, y, value, BODY)?;
        }
        sheet.y += BODY.leading();
    }
    Ok(())
}

fn party(sheet: &mut Sheet<'_>, party: &Party, x: f32, width: f32) -> Result<(), PaperError> {
    for (at, text) in shown::address(party).iter().enumerate() {
        let style = if at == 0 { STRONG } else { BODY };
        for line in sheet.wrap(text, width, style)? {
            let y = sheet.y;
            sheet.text(x, y, &line, style)?;
            sheet.y += style.leading();
        }
    }
    Ok(())
}

fn table_head(sheet: &mut Sheet<'_>, paper: &Paper) -> Result<(), PaperError> {
    let say = |word: Word| word.say(paper.language);
    let y = sheet.y;
    let style = Style {
        size: 8.0,
        ..STRONG
    };
    sheet.band(LEFT, RIGHT, y, 18.0);
    sheet.text(LEFT + 4.0, y + 3.5, "#", style)?;
    sheet.text(ITEM, y + 3.5, say(Word::Item), style)?;
    sheet.text_right(QUANTITY, y + 3.5, say(Word::Quantity), style)?;
    sheet.text_right(PRICE, y + 3.5, say(Word::UnitPrice), style)?;
    sheet.text_right(RATE, y + 3.5, say(Word::Rate), style)?;
    sheet.text_right(RIGHT - 4.0, y + 3.5, say(Word::Net), style)?;
    sheet.y += 23.0;
    Ok(())
}

fn lines(sheet: &mut Sheet<'_>, paper: &Paper) -> Result<(), PaperError> {
    table_head(sheet, paper)?;
    for (at, line) in paper.lines.iter().enumerate() {
        let name = sheet.wrap(&shown::item(paper, line), QUANTITY - ITEM - 62.0, BODY)?;
        let below = detail(paper, line);
        let below_height = if below.is_some() {
            SMALL.leading()
        } else {
            0.0
        };
        // At most a few lines, so the number is small.
        let height = name.len() as f32 * BODY.leading() + below_height + 4.0;
        if !sheet.has_room(height) {
            sheet.turn();
            table_head(sheet, paper)?;
        }
        let y = sheet.y;
        let language = paper.language;
        sheet.text(LEFT + 4.0, y, &(at + 1).to_string(), BODY)?;
        let quantity = language.number(&line.quantity.to_string());
        sheet.text_right(QUANTITY, y, &quantity, BODY)?;
        sheet.text_right(PRICE, y, &shown::unit_price(paper, line), BODY)?;
        sheet.text_right(
            RATE,
            y,
            &shown::rate(paper, line.treatment, line.rate),
            BODY,
        )?;
        let net = language.number(&line.net.to_string());
        sheet.text_right(RIGHT - 4.0, y, &net, BODY)?;
        for text in name {
            let y = sheet.y;
            sheet.text(ITEM, y, &text, BODY)?;
            sheet.y += BODY.leading();
        }
        if let Some(below) = below {
            let y = sheet.y;
            sheet.text(ITEM, y - 1.0, &below, SMALL)?;
        }
        sheet.y += below_height + 4.0;
    }
    let y = sheet.y;
    sheet.rule(LEFT, RIGHT, y, 0.6);
    sheet.y += 8.0;
    Ok(())
}

/// What stands small under an item that sums several payments.
fn detail(paper: &Paper, line: &Line) -> Option<String> {
    let count = paper.language.number(&line.payments.to_string());
    (line.payments > 1).then(|| format!("{}: {count}", Word::Payments.say(paper.language)))
}

fn totals(sheet: &mut Sheet<'_>, paper: &Paper) -> Result<(), PaperError> {
    let rows = shown::totals(paper);
    // The sums stand together; fewer than twenty of them, so the number is small.
    let height = rows.len() as f32 * (BODY.leading() + 3.0) + 12.0;
    if !sheet.has_room(height) {
        sheet.turn();
    }
    let from = LEFT + 210.0;
    for row in rows {
        let style = if row.is_strong { STRONG } else { BODY };
        if row.is_strong {
            sheet.y += 3.0;
            let y = sheet.y;
            sheet.rule(from, RIGHT, y - 2.0, 0.4);
        }
        let amount = paper.language.amount(row.amount, &paper.asset);
        let labels = sheet.wrap(&row.label, RIGHT - from - 100.0, style)?;
        for (at, label) in labels.iter().enumerate() {
            let y = sheet.y;
            sheet.text(from, y, label, style)?;
            if at == 0 {
                sheet.text_right(RIGHT - 4.0, y, &amount, style)?;
            }
            sheet.y += style.leading();
        }
        sheet.y += 2.0;
    }
    sheet.y += 14.0;
    Ok(())
}

/// The tax by treatment and rate, and why nothing is charged.
fn taxes(sheet: &mut Sheet<'_>, paper: &Paper) -> Result<(), PaperError> {
    let say = |word: Word| word.say(paper.language);
    let head = Style {
        size: 8.0,
        ..STRONG
    };
    let columns = [LEFT + 250.0, LEFT + 360.0, RIGHT - 4.0];
    let mut is_headed = false;
    for group in &paper.groups {
        let name = shown::group(paper, group);
        let lines = sheet.wrap(&name, columns[0] - LEFT - 84.0, BODY)?;
        let height = lines.len() as f32 * BODY.leading() + 2.0;
        if !sheet.has_room(height + if is_headed { 0.0 } else { 40.0 }) {
            sheet.turn();
            is_headed = false;
        }
        if !is_headed {
            let y = sheet.y;
            sheet.band(LEFT, RIGHT, y, 18.0);
            sheet.text(LEFT + 4.0, y + 3.5, say(Word::TaxSummary), head)?;
            for (x, word) in columns.into_iter().zip([Word::Net, Word::Tax, Word::Gross]) {
                sheet.text_right(x, y + 3.5, say(word), head)?;
            }
            sheet.y += 23.0;
            is_headed = true;
        }
        let y = sheet.y;
        let amounts = [group.net, group.tax, shown::gross(group)];
        for (x, amount) in columns.into_iter().zip(amounts) {
            let amount = paper.language.number(&amount.to_string());
            sheet.text_right(x, y, &amount, BODY)?;
        }
        for line in lines {
            let y = sheet.y;
            sheet.text(LEFT + 4.0, y, &line, BODY)?;
            sheet.y += BODY.leading();
        }
        sheet.y += 2.0;
    }
    sheet.y += 12.0;
    Ok(())
}

fn notes(sheet: &mut Sheet<'_>, paper: &Paper) -> Result<(), PaperError> {
    for note in shown::notes(paper) {
        for line in sheet.wrap(&note, RIGHT - LEFT, BODY)? {
            if !sheet.has_room(BODY.leading()) {
                sheet.turn();
            }
            let y = sheet.y;
            sheet.text(LEFT, y, &line, BODY)?;
            sheet.y += BODY.leading();
        }
        sheet.y += 3.0;
    }
    Ok(())
}
