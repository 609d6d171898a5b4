//! Elements with text in them, written one after another.

use core::fmt::Display;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::{Minor, PaperError};

pub struct Xml {
    writer: Writer<Vec<u8>>,
    currency: String,
}

fn failed(error: impl Display) -> PaperError {
    PaperError::NotWritten(error.to_string())
}

/// Text without the characters that XML 1.0 cannot hold.
fn clean(text: &str) -> String {
    let is_allowed = |c: &char| {
        !c.is_control() && !matches!(*c, '\u{fffe}' | '\u{ffff}') || matches!(*c, '\n' | '\t')
    };
    text.chars().filter(is_allowed).collect()
}

impl Xml {
    pub fn new(currency: &str) -> Result<Xml, PaperError> {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        writer
            .write_event(Event::Decl(declaration))
            .map_err(failed)?;
        Ok(Xml {
            writer,
            currency: currency.to_owned(),
        })
    }

    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> Result<(), PaperError> {
        let mut start = BytesStart::new(name);
        for attribute in attributes {
            start.push_attribute(*attribute);
        }
        self.writer.write_event(Event::Start(start)).map_err(failed)
    }

    pub fn close(&mut self, name: &str) -> Result<(), PaperError> {
        let end = BytesEnd::new(name);
        self.writer.write_event(Event::End(end)).map_err(failed)
    }

    /// An element with others in it.
    pub fn within(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut Xml) -> Result<(), PaperError>,
    ) -> Result<(), PaperError> {
        self.open(name, &[])?;
        fill(self)?;
        self.close(name)
    }

    pub fn with(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        text: impl Display,
    ) -> Result<(), PaperError> {
        self.open(name, attributes)?;
        let text = clean(&text.to_string());
        let text = Event::Text(BytesText::new(text.trim()));
        self.writer.write_event(text).map_err(failed)?;
        self.close(name)
    }

    pub fn text(&mut self, name: &str, text: impl Display) -> Result<(), PaperError> {
        self.with(name, &[], text)
    }

    /// An amount in the paper's currency.
    pub fn amount(&mut self, name: &str, amount: Minor) -> Result<(), PaperError> {
        let currency = self.currency.clone();
        self.amount_in(name, amount, &currency)
    }

    pub fn amount_in(
        &mut self,
        name: &str,
        amount: Minor,
        currency: &str,
    ) -> Result<(), PaperError> {
        self.with(name, &[("currencyID", currency)], amount)
    }

    pub fn property(&mut self, name: &str, value: impl Display) -> Result<(), PaperError> {
        self.within("cac:AdditionalItemProperty", |xml| {
            xml.text("cbc:Name", name)?;
            xml.text("cbc:Value", value)
        })
    }

    pub fn finish(self) -> Vec<u8> {
        let mut bytes = self.writer.into_inner();
        bytes.push(b'\n');
        bytes
    }
}
