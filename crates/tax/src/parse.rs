//! Reads rates written as TOML, and says of what is wrong the file, the line and the key.
//!
//! Text in, rules out: no file is opened here. Numbers are written as text (`percent = "25.5"`), for
//! a float would not be the number that the act names.

mod schema;

use crate::category::Category;
use crate::date::Date;
use crate::place::{Country, Place};
use crate::rules::*;
use core::fmt::Display;
use money::{Asset, Ppm, Rounding};
use schema::{CountryFile, Group, Said, Sourced, Step, ThresholdText, UnionFile};
use thiserror::Error;
use toml::Spanned;
use toml::value::Datetime;

/// What is wrong with rates that were read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}, line {line}, {key}: {what}")]
pub struct RatesError {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The key of that line.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

impl RatesError {
    /// The stable name of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "tax_rates_invalid"
    }
}

/// Collects files into rules.
#[derive(Debug, Default)]
pub struct Builder {
    rules: Rules,
}

impl Builder {
    /// Adds the file of a country.
    ///
    /// # Errors
    /// [`RatesError`] names the file, the line and the key.
    pub fn country(&mut self, file: &str, text: &str) -> Result<(), RatesError> {
        let at = At { file, text };
        let parsed: CountryFile = at.toml()?;
        let country: Country = at.parsed(&parsed.country)?;
        if self.rules.country(country).is_some() {
            return Err(at.wrong(&parsed.country, "this country has a file already"));
        }
        let rules = self.facts(&at, country, &parsed.facts)?;
        let place = self
            .rules
            .countries
            .partition_point(|c| c.country < country);
        self.rules.countries.insert(place, rules);
        for group in &parsed.rate {
            self.group(&at, country, group)?;
        }
        for threshold in &parsed.threshold {
            self.threshold(&at, country, threshold)?;
        }
        Ok(())
    }

    /// Adds the file of the Union.
    ///
    /// # Errors
    /// [`RatesError`] names the file, the line and the key.
    pub fn union(&mut self, file: &str, text: &str) -> Result<(), RatesError> {
        let at = At { file, text };
        let parsed: UnionFile = at.toml()?;
        let rules = self.facts(&at, Country::EU, &parsed.facts)?;
        self.rules.union = Some(rules);
        for member in &parsed.member {
            let until = member.until.as_ref().map(|day| at.day(day)).transpose()?;
            let country = at.parsed(&member.country)?;
            let from = at.day(&member.from)?;
            let until = until.unwrap_or(Date::MAX);
            self.rules.members.push(Member {
                country,
                from,
                until,
            });
        }
        for threshold in &parsed.threshold {
            self.threshold(&at, Country::EU, threshold)?;
        }
        self.rules.single_item = Some(self.threshold_of(&at, Country::EU, &parsed.single_item)?);
        Ok(())
    }

    /// The rules, in their order.
    ///
    /// # Errors
    /// [`RatesError`] if two rates of one place and category start on one day.
    pub fn build(mut self) -> Result<Rules, RatesError> {
        let rules = &mut self.rules;
        rules.rates.sort_by_key(|r| (r.place, r.category, r.from));
        rules.thresholds.sort_by_key(|t| t.counter);
        let same = |pair: &&[Rate]| {
            let [a, b] = pair else { return false };
            (a.place, a.category, a.from) == (b.place, b.category, b.from)
        };
        if let Some([twice, _]) = rules.rates.windows(2).find(same) {
            return Err(RatesError {
                file: twice.place.to_string(),
                line: 1,
                key: twice.category.to_string(),
                what: format!("two rates start on {}", twice.from),
            });
        }
        Ok(self.rules)
    }

    fn facts(
        &mut self,
        at: &At<'_>,
        country: Country,
        said: &Said,
    ) -> Result<CountryRules, RatesError> {
        let rounding = match &said.rounding {
            None => None,
            Some(said) => {
                let mode = at.parsed::<Rounding>(&said.mode)?;
                let source = self.source(at, &said.source)?;
                Some((
                    RoundingRule {
                        once: said.once,
                        mode,
                    },
                    source,
                ))
            }
        };
        let abroad = match &said.abroad {
            None => None,
            Some(said) => Some(Abroad {
                from: at.day(&said.from)?,
                business: said.business,
                source: self.source(at, &said.source)?,
            }),
        };
        let platforms = match &said.platforms {
            None => None,
            Some(said) => Some(Platforms {
                from: at.day(&said.from)?,
                rule: said.rule,
                source: self.source(at, &said.source)?,
            }),
        };
        Ok(CountryRules {
            country,
            name: said.name.clone(),
            tax: said.tax.clone(),
            currency: AssetText(at.asset(&said.currency)?.code),
            rounding,
            abroad,
            platforms,
        })
    }

    fn group(&mut self, at: &At<'_>, country: Country, group: &Group) -> Result<(), RatesError> {
        let mut place = Place::country(country);
        if let Some(region) = &group.region {
            let text = format!("{country}-{}", region.as_ref());
            place = text.parse().map_err(|error| at.wrong(region, error))?;
        }
        if group.category.as_ref().is_empty() {
            return Err(at.wrong(&group.category, "no category is named"));
        }
        let source = self.source(at, &group.source)?;
        for category in group.category.as_ref() {
            let category: Category = at.parsed(category)?;
            let mut last = Date::MIN;
            for step in &group.steps {
                let from = at.day(&step.from)?;
                if from <= last {
                    return Err(at.wrong(&step.from, "not after the day before it"));
                }
                last = from;
                let charge = charge(at, step)?;
                self.rules.rates.push(Rate {
                    place,
                    category,
                    from,
                    charge,
                    source,
                });
            }
        }
        Ok(())
    }

    fn threshold(
        &mut self,
        at: &At<'_>,
        country: Country,
        said: &ThresholdText,
    ) -> Result<(), RatesError> {
        let threshold = self.threshold_of(at, country, said)?;
        if self.rules.thresholds.len() == 32 {
            return Err(at.wrong(&said.amount, "more than 32 thresholds"));
        }
        self.rules.thresholds.push(threshold);
        Ok(())
    }

    fn threshold_of(
        &mut self,
        at: &At<'_>,
        country: Country,
        said: &ThresholdText,
    ) -> Result<Threshold, RatesError> {
        let asset = at.asset(&said.asset)?;
        let amount = said.amount.as_ref();
        let atoms = asset.parse(amount).map_err(|e| at.wrong(&said.amount, e))?;
        Ok(Threshold {
            counter: Counter {
                country,
                scope: said.scope,
            },
            asset: AssetText(asset.code),
            atoms: atoms.get(),
            over: said.over,
            from: at.day(&said.from)?,
            source: self.source(at, &said.source)?,
        })
    }

    fn source(&mut self, at: &At<'_>, said: &Sourced) -> Result<SourceId, RatesError> {
        for text in [&said.act, &said.link] {
            if text.as_ref().trim().is_empty() {
                return Err(at.wrong(text, "a number without a source is no number"));
            }
        }
        let source = Source {
            act: said.act.as_ref().clone(),
            link: said.link.as_ref().clone(),
            certainty: said.certainty,
            checked: at.day(&said.checked)?,
        };
        let sources = &mut self.rules.sources;
        let found = sources.iter().position(|known| *known == source);
        let index = found.unwrap_or_else(|| {
            sources.push(source);
            sources.len() - 1
        });
        u16::try_from(index)
            .map(SourceId)
            .map_err(|_| at.wrong(&said.act, "more than 65,536 sources"))
    }
}

fn charge(at: &At<'_>, step: &Step) -> Result<Charge, RatesError> {
    let Some(percent) = &step.percent else {
        return match step.is.as_ref().map(Spanned::as_ref).map(String::as_str) {
            Some("zero") => Ok(Charge::Zero),
            Some("exempt") => Ok(Charge::Exempt),
            Some("out_of_scope") => Ok(Charge::OutOfScope),
            _ => Err(at.wrong(
                &step.from,
                "a percent, or is = \"zero\", \"exempt\" or \"out_of_scope\", was expected",
            )),
        };
    };
    let ppm = ppm(percent.as_ref()).ok_or_else(|| {
        at.wrong(
            percent,
            "a percentage such as \"19\" or \"9.975\" was expected",
        )
    })?;
    match step.is.as_ref().map(Spanned::as_ref).map(String::as_str) {
        None if ppm == Ppm::ZERO => Err(at.wrong(percent, "write is = \"zero\" or \"exempt\"")),
        None => Ok(Charge::Taxed(ppm)),
        Some("shown") => Ok(Charge::Shown(ppm)),
        Some(_) => Err(at.wrong(percent, "a percent goes with is = \"shown\" only")),
    }
}

/// `25.5` as parts per million: at most four digits after the point.
fn ppm(percent: &str) -> Option<Ppm> {
    let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > 3 || part.len() > 4 {
        return None;
    }
    let part = format!("{part:0<4}");
    let ppm = whole.parse::<u32>().ok()? * 10_000 + part.parse::<u32>().ok()?;
    Ppm::new(ppm).ok()
}

/// A file being read, to say where something is.
struct At<'a> {
    file: &'a str,
    text: &'a str,
}

impl At<'_> {
    fn toml<T: serde::de::DeserializeOwned>(&self) -> Result<T, RatesError> {
        toml::from_str(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, error.message())
        })
    }

    fn wrong<T>(&self, value: &Spanned<T>, what: impl Display) -> RatesError {
        self.error(value.span().start, what)
    }

    fn error(&self, at: usize, what: impl Display) -> RatesError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        // The place is a key's own, or a value's: then the nearest `key =` before it.
        let rest = self.text.get(at..).unwrap_or("");
        let name_len = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, after) = rest.split_at(name_len.unwrap_or(rest.len()));
        let upto = before.get(start..).unwrap_or("");
        let key = match upto.rfind('=') {
            _ if !name.is_empty() && after.trim_start().starts_with('=') => name,
            Some(sign) => &upto[..sign],
            None => self.text[start..].split(['=', '\n']).next().unwrap_or(""),
        };
        let key = key.rsplit([',', '{']).next().unwrap_or(key).trim();
        RatesError {
            file: self.file.to_owned(),
            line,
            key: key.to_owned(),
            what: what.to_string(),
        }
    }

    fn parsed<T: core::str::FromStr<Err: Display>>(
        &self,
        value: &Spanned<String>,
    ) -> Result<T, RatesError> {
        value
            .as_ref()
            .parse()
            .map_err(|error| self.wrong(value, error))
    }

    fn asset(&self, value: &Spanned<String>) -> Result<Asset, RatesError> {
        Asset::known(value.as_ref()).ok_or_else(|| self.wrong(value, "no such asset"))
    }

    fn day(&self, value: &Spanned<Datetime>) -> Result<Date, RatesError> {
        let day = value.as_ref();
        let date = match (day.date, day.time) {
            (Some(date), None) => Date::new(i32::from(date.year), date.month, date.day),
            _ => None,
        };
        date.ok_or_else(|| self.wrong(value, "a day such as 2020-07-15 was expected"))
    }
}

#[cfg(test)]
mod tests;
