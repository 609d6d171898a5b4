//! What a run found: rows of named numbers, as a table and as JSON.

use crate::bench::machine::{Machine, Versions};
use crate::failure::Failure;
use serde_json::{Map, Value};
use std::fmt::Write;
use std::path::Path;

/// Always in a row of the JSON; `null` where it was not measured.
const ALWAYS: [&str; 6] = [
    "payments_per_second",
    "p50_us",
    "p99_us",
    "p999_us",
    "bytes_per_payment",
    "rss_bytes_per_wallet",
];

/// Numbers by name, in the order they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers(Vec<(&'static str, f64)>);

impl Numbers {
    /// With another.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: f64) -> Numbers {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
        self
    }

    /// With another, if there is one.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<f64>) -> Numbers {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The number of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// How many payments a second, for ratios; 0 if it was not measured.
    pub fn rate(&self) -> f64 {
        self.get("payments_per_second").unwrap_or(0.0)
    }
}

/// One row: the medians of its rounds.
#[derive(Clone, Debug)]
pub struct Row {
    name: String,
    numbers: Numbers,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Sheet {
    machine: Machine,
    versions: Versions,
    settings: Map<String, Value>,
    rows: Vec<(String, Vec<Numbers>)>,
}

impl Sheet {
    /// A run on this machine; `data` is where data are written.
    pub fn new(bench: &str, data: Option<&Path>) -> Sheet {
        let mut settings = Map::new();
        settings.insert("bench".to_owned(), bench.into());
        Sheet {
            machine: Machine::here(data),
            versions: Versions::here(),
            settings,
            rows: Vec::new(),
        }
    }

    /// States a setting.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// What one round of a row found.
    pub fn round(&mut self, name: &str, numbers: Numbers) {
        match self.rows.iter_mut().find(|(known, _)| known == name) {
            Some((_, rounds)) => rounds.push(numbers),
            None => self.rows.push((name.to_owned(), vec![numbers])),
        }
    }

    /// The rows, each number the median of its rounds. Ratios are medians of the rounds' ratios, so
    /// that what is compared was measured at one time.
    fn medians(&self) -> Vec<Row> {
        let row = |(name, rounds): &(String, Vec<Numbers>)| {
            let mut numbers = Numbers::default();
            for (key, _) in rounds.iter().flat_map(|round| &round.0) {
                if numbers.get(key).is_none() {
                    let found: Vec<f64> =
                        rounds.iter().filter_map(|round| round.get(key)).collect();
                    numbers = numbers.with(key, median(found));
                }
            }
            Row {
                name: name.clone(),
                numbers,
            }
        };
        self.rows.iter().map(row).collect()
    }

    /// A number of a row.
    #[cfg(test)]
    pub fn median(&self, row: &str, name: &str) -> Option<f64> {
        self.medians()
            .iter()
            .find(|found| found.name == row)?
            .numbers
            .get(name)
    }

    /// Prints it: a table, or a list of rows as JSON.
    ///
    /// # Errors
    /// The JSON could not be written.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            let text = serde_json::to_string_pretty(&self.json()?).map_err(not_json)?;
            outln!("{text}");
        } else {
            out!("{}", self.text());
        }
        Ok(())
    }

    /// Each row with all that is needed to understand it alone.
    fn json(&self) -> Result<Value, Failure> {
        let machine = serde_json::to_value(&self.machine).map_err(not_json)?;
        let versions = serde_json::to_value(&self.versions).map_err(not_json)?;
        let row = |row: Row| {
            let mut object = Map::new();
            object.insert("name".to_owned(), row.name.into());
            for name in ALWAYS {
                object.insert(name.to_owned(), Value::Null);
            }
            for (name, value) in row.numbers.0 {
                object.insert(name.to_owned(), number(value));
            }
            object.insert("settings".to_owned(), self.settings.clone().into());
            object.insert("versions".to_owned(), versions.clone());
            object.insert("machine".to_owned(), machine.clone());
            Value::from(object)
        };
        Ok(self
            .medians()
            .into_iter()
            .map(row)
            .collect::<Vec<Value>>()
            .into())
    }

    /// A head that says where and how, then the table, then notes.
    fn text(&self) -> String {
        let Machine {
            cpu,
            cores,
            memory_bytes,
            system,
            file_system,
            huge_pages,
            load_before,
        } = &self.machine;
        let pages = if *huge_pages {
            "huge pages"
        } else {
            "small pages"
        };
        let gib = memory_bytes >> 30;
        let disk = file_system
            .as_ref()
            .map_or(String::new(), |kind| format!(", data on {kind}"));
        let Versions {
            farthing,
            sqlite,
            row_format,
            profile,
        } = &self.versions;
        let settings: Vec<String> = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name} {}", plain(value)))
            .collect();
        let mut text = format!(
            "machine   {cores} × {cpu}, {gib} GiB, {system}{disk}, {pages}, load before {load_before}\n\
             versions  farthing {farthing} ({profile}), SQLite {sqlite}, row format {row_format}\n\
             settings  {}\n\n",
            settings.join(", "),
        );
        let rows = self.medians();
        let mut names: Vec<&'static str> = Vec::new();
        for (name, _) in rows.iter().flat_map(|row| &row.numbers.0) {
            if !names.contains(name) {
                names.push(name);
            }
        }
        let first = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        for names in names.chunks(7) {
            let _ = write!(text, "{:first$}", "");
            for name in names {
                let _ = write!(text, "  {:>width$}", heading(name), width = width(name));
            }
            text.push('\n');
            for row in &rows {
                if names.iter().all(|name| row.numbers.get(name).is_none()) {
                    continue;
                }
                let _ = write!(text, "{:first$}", row.name);
                for name in names {
                    let shown = row.numbers.get(name).map_or("–".to_owned(), shown);
                    let _ = write!(text, "  {shown:>width$}", width = width(name));
                }
                text.push('\n');
            }
            text.push('\n');
        }
        text
    }
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::said(format!("the rows could not be written: {error}"))
}

/// A number of the JSON: whole where that loses nothing that was measured.
fn number(value: f64) -> Value {
    if value.abs() >= 1_000.0 {
        Value::from(value.round() as i64)
    } else {
        Value::from((value * 1_000.0).round() / 1_000.0)
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("/"),
        Value::Number(number) => number
            .as_u64()
            .map_or_else(|| number.to_string(), thousands),
        other => other.to_string(),
    }
}

fn heading(name: &str) -> String {
    name.replace("payments_per_second", "payments/s")
        .replace("_per_", "/")
        .replace('_', " ")
}

fn width(name: &str) -> usize {
    heading(name).chars().count().max(9)
}

fn shown(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        let whole = thousands(value.abs().round() as u64);
        if value < 0.0 {
            format!("-{whole}")
        } else {
            whole
        }
    } else if value.abs() >= 100.0 || value == value.trunc() {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle one; of an even number, the mean of the middle two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new("engine", None);
        sheet.set("wallets", 1_000_000);
        for rate in [1_000_000.0, 3_000_000.0, 2_000_000.0] {
            sheet.round(
                "uniform",
                Numbers::default().with("payments_per_second", rate),
            );
        }
        sheet.round(
            "hot",
            Numbers::default()
                .with("payments_per_second", 5e5)
                .with("p50_us", 1.25),
        );
        sheet
    }

    #[test]
    fn json_is_a_list_of_rows_that_each_stand_alone() {
        let json = sheet().json().unwrap();
        let rows = json.as_array().unwrap();
        assert_eq!(rows.len(), 2);
        for row in rows {
            for name in ["name", "machine", "versions", "settings"]
                .iter()
                .chain(&ALWAYS)
            {
                assert!(row.get(name).is_some(), "{name} in {row}");
            }
        }
        assert_eq!(rows[0]["payments_per_second"], 2_000_000);
        assert_eq!(rows[0]["p50_us"], Value::Null);
        assert_eq!(rows[1]["p50_us"], 1.25);
        assert_eq!(rows[1]["settings"]["wallets"], 1_000_000);
    }

    #[test]
    fn the_table_says_what_was_not_measured_with_a_dash() {
        let text = sheet().text();
        let row = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .unwrap()
                .to_owned()
        };
        assert!(row("uniform").contains("2,000,000") && row("uniform").contains('–'));
        assert!(row("hot").contains("1.25"));
        assert!(text.contains("wallets 1,000,000"));
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
