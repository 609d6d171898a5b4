//! Configuration of `serve`: flags over environment over a file over defaults.
//!
//! `farthing.default.toml` documents every option and is the file's only reference. Nothing here
//! reaches a decision: what a payment is decided by is journaled.

use crate::failure::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// The documented defaults.
pub const DEFAULT: &str = include_str!("farthing.default.toml");

/// Calls a macro with the name of every option.
macro_rules! options {
    ($with:ident) => {
        $with!(
            data,
            listen,
            shard,
            queue_max,
            queue_weight_max,
            snapshot_every,
            projection,
            id_window_minutes,
            id_window_entries,
            clock_ahead_hours_max,
            body_bytes_max,
            requests_per_second,
            requests_burst,
            connections_max,
            header_seconds_max,
            metrics_open,
            feeds,
            briefs_every_hours,
            feeds_private,
            font
        )
    };
}

macro_rules! names {
    ($($field:ident),*) => { &[$(stringify!($field)),*] };
}

/// The name of every option.
pub const OPTIONS: &[&str] = options!(names);

/// Every option.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    pub listen: String,
    pub shard: u32,
    pub queue_max: usize,
    pub queue_weight_max: usize,
    pub snapshot_every: u64,
    pub projection: bool,
    pub id_window_minutes: u64,
    pub id_window_entries: u64,
    pub clock_ahead_hours_max: u64,
    pub body_bytes_max: usize,
    pub requests_per_second: u32,
    pub requests_burst: u32,
    pub connections_max: usize,
    pub header_seconds_max: u64,
    pub metrics_open: bool,
    pub feeds: String,
    pub briefs_every_hours: u32,
    pub feeds_private: bool,
    pub font: String,
}

/// The options a file may set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<String>,
    shard: Option<u32>,
    queue_max: Option<usize>,
    queue_weight_max: Option<usize>,
    snapshot_every: Option<u64>,
    projection: Option<bool>,
    id_window_minutes: Option<u64>,
    id_window_entries: Option<u64>,
    clock_ahead_hours_max: Option<u64>,
    body_bytes_max: Option<usize>,
    requests_per_second: Option<u32>,
    requests_burst: Option<u32>,
    connections_max: Option<usize>,
    header_seconds_max: Option<u64>,
    metrics_open: Option<bool>,
    feeds: Option<String>,
    briefs_every_hours: Option<u32>,
    feeds_private: Option<bool>,
    font: Option<String>,
}

impl Config {
    /// The defaults, overlaid by a file if one is named.
    ///
    /// # Errors
    /// A file that cannot be read, has an unknown option or a value of the wrong kind: with its line.
    pub fn load(path: Option<&Path>) -> Result<Config, Failure> {
        let file = match path {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))?;
                parse(&text).map_err(|e| Failure::said(format!("{}: {e}", path.display())))?
            }
            None => File::default(),
        };
        let mut config: Config =
            toml::from_str(DEFAULT).expect("the defaults are a constant that a test parses");
        macro_rules! overlay {
            ($($field:ident),*) => {$(
                if let Some(value) = file.$field {
                    config.$field = value;
                }
                if let Some(value) = variable(stringify!($field))? {
                    config.$field = value;
                }
            )*};
        }
        options!(overlay);
        config.check()?;
        Ok(config)
    }
}

impl Config {
    /// Refuses what no node can run with.
    ///
    /// # Errors
    /// Names the option.
    pub fn check(&self) -> Result<(), Failure> {
        let at_least_one = [
            ("queue_max", self.queue_max as u64),
            ("queue_weight_max", self.queue_weight_max as u64),
            ("id_window_minutes", self.id_window_minutes),
            ("id_window_entries", self.id_window_entries),
            ("body_bytes_max", self.body_bytes_max as u64),
            ("requests_per_second", u64::from(self.requests_per_second)),
            ("requests_burst", u64::from(self.requests_burst)),
            ("connections_max", self.connections_max as u64),
            ("header_seconds_max", self.header_seconds_max),
        ];
        if !self.font.is_empty() && !Path::new(&self.font).is_file() {
            return Err(Failure::said(format!(
                "font: {} is no file: name an OpenType font, or leave it empty",
                self.font
            )));
        }
        match at_least_one.iter().find(|(_, value)| *value == 0) {
            None => Ok(()),
            Some((name, _)) => Err(Failure::said(format!(
                "{name} is 0, and nothing would be served: give 1 or more; `farthing serve \
                 --print-config` says what it is for"
            ))),
        }
    }
}

/// The variable of an option.
pub fn variable_name(option: &str) -> String {
    format!("FARTHING_{}", option.to_ascii_uppercase())
}

/// The value of an option's variable, if it is set: as in a file, text without its quotes.
fn variable<T: DeserializeOwned>(option: &str) -> Result<Option<T>, Failure> {
    let name = variable_name(option);
    let Some(value) = std::env::var_os(&name) else {
        return Ok(None);
    };
    let read = value.to_str().map(|text| value_of(text));
    read.flatten().map(Some).ok_or_else(|| {
        Failure::said(format!(
            "{name}: {value:?} is not what {option} takes; `farthing serve --print-config` shows it"
        ))
    })
}

fn value_of<T: DeserializeOwned>(text: &str) -> Option<T> {
    let plain: Option<toml::Value> = text.parse().ok();
    let quoted = || toml::Value::String(text.to_owned());
    let read = plain.and_then(|value| value.try_into().ok());
    read.or_else(|| quoted().try_into().ok())
}

fn parse(text: &str) -> Result<File, toml::de::Error> {
    toml::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_every_option() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8402");
        parse(DEFAULT).unwrap();
    }

    #[test]
    fn an_unknown_option_or_wrong_value_names_its_line() {
        let error = parse("listen = \"x\"\nlistne = 1\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 2") && error.contains("listne"),
            "{error}"
        );
        let error = parse("queue_max = \"many\"").unwrap_err().to_string();
        assert!(
            error.contains("queue_max") && error.contains("line 1"),
            "{error}"
        );
    }

    #[test]
    fn what_no_node_can_run_with_is_named() {
        let mut config = Config::load(None).unwrap();
        config.check().unwrap();
        config.queue_max = 0;
        let words = config.check().unwrap_err().words();
        assert!(words.starts_with("queue_max is 0"), "{words}");
    }

    #[test]
    fn a_variable_reads_as_the_file_does() {
        assert_eq!(value_of::<usize>("17"), Some(17));
        assert_eq!(value_of::<usize>("abc"), None);
        assert_eq!(value_of::<bool>("true"), Some(true));
        assert_eq!(
            value_of::<String>("127.0.0.1:1"),
            Some("127.0.0.1:1".into())
        );
        assert_eq!(value_of::<PathBuf>("/srv/x"), Some(PathBuf::from("/srv/x")));
        assert_eq!(value_of::<PathBuf>("17"), Some(PathBuf::from("17")));
    }

    #[test]
    fn any_text_is_a_configuration_or_an_error() {
        let mut seed = 7u64;
        for _ in 0..2_000 {
            let text: String = (0..40)
                .map(|_| {
                    seed = seed
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    char::from(b"listen = \"1\n[]{}#data_.:"[(seed >> 33) as usize % 24])
                })
                .collect();
            let _ = parse(&text);
        }
    }
}
