//! The variables that are read. One that is misspelt would be ignored in silence, and the setting with it.

use crate::config::{OPTIONS, variable_name};

/// Those that are no option of the configuration.
const OTHERS: [&str; 6] = [
    "FARTHING_API_KEY",
    "FARTHING_CONFIG",
    "FARTHING_KEY",
    "FARTHING_LOG_JSON",
    "FARTHING_LOG_LEVEL",
    "FARTHING_URL",
];

/// What an orchestrator sets by itself for a service that is called `farthing`.
const FOREIGN: [&str; 2] = ["FARTHING_PORT", "FARTHING_SERVICE_"];

/// What the project's own tests are told: they run this command with it.
const OF_TESTS: [&str; 5] = [
    "FARTHING_ACCESS_LOG_DIR",
    "FARTHING_CRASHES",
    "FARTHING_MPP_PYTHON",
    "FARTHING_SEED",
    "FARTHING_SHARED_DATA",
];

/// Refuses a variable of ours that nothing reads.
///
/// # Errors
/// Names it, and the nearest that is read.
pub fn require_known() -> Result<(), String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let wrong = names.filter_map(|name| wrong(&name)).next();
    wrong.map_or(Ok(()), Err)
}

fn wrong(name: &str) -> Option<String> {
    if OF_TESTS.contains(&name) {
        return None;
    }
    if !name.starts_with("FARTHING_") || FOREIGN.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    let options = OPTIONS.iter().map(|option| variable_name(option));
    let known: Vec<String> = options.chain(OTHERS.map(str::to_owned)).collect();
    if known.iter().any(|known| known == name) {
        return None;
    }
    let nearest = known.iter().min_by_key(|known| distance(known, name))?;
    Some(format!(
        "nothing reads the variable {name}; the nearest that is read is {nearest}"
    ))
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = before + usize::from(from != *to);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_told_from_known_and_foreign_ones() {
        for fine in [
            "HOME",
            "FARTHING_DATA",
            "FARTHING_QUEUE_MAX",
            "FARTHING_LOG_LEVEL",
            "FARTHING_URL",
            "FARTHING_SERVICE_HOST",
            "FARTHING_PORT_8402_TCP",
        ] {
            assert_eq!(wrong(fine), None);
        }
        let words = wrong("FARTHING_QUEU_MAX").unwrap();
        assert!(words.ends_with("is FARTHING_QUEUE_MAX"), "{words}");
    }
}
