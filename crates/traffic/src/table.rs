//! Plain tables for a terminal: text to the left, numbers to the right, points beneath each other.
//!
//! Nothing from a log reaches the terminal unwashed: control and direction characters become `?`.

/// Numbers align right.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A title over a header and rows, indented by two; `note` follows, such as what was left out.
pub(crate) fn render(
    out: &mut String,
    title: &str,
    columns: &[(&str, Align)],
    rows: &[Vec<String>],
    note: Option<String>,
) {
    out.push('\n');
    out.push_str(title);
    out.push('\n');
    if rows.is_empty() {
        out.push_str("  (none)\n");
        return;
    }
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, (name, _))| {
            let cells = rows.iter().map(|row| width(&row[at]));
            cells.chain([width(name)]).max().unwrap_or(0)
        })
        .collect();
    let header: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let mut line = String::from(" ");
        for ((cell, width_max), (_, align)) in row.iter().zip(&widths).zip(columns) {
            let pad = " ".repeat(width_max - width(cell));
            line.push(' ');
            match align {
                Align::Left => line.extend([cell.as_str(), &pad]),
                Align::Right => line.extend([pad.as_str(), cell]),
            }
            line.push(' ');
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if let Some(note) = note {
        out.push_str("  ");
        out.push_str(&note);
        out.push('\n');
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Harmless, and no longer than `width_max`.
pub(crate) fn clip(text: &str, width_max: usize) -> String {
    let safe = |letter: char| {
        let directs = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if letter.is_control() || directs {
            '?'
        } else {
            letter
        }
    };
    if width(text) <= width_max {
        return text.chars().map(safe).collect();
    }
    let mut clipped: String = text
        .chars()
        .take(width_max.saturating_sub(1))
        .map(safe)
        .collect();
    clipped.push('…');
    clipped
}

/// `1234567` as `1,234,567`, whatever follows a point left alone.
pub(crate) fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, part) = match digits.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (digits, None),
    };
    let mut text = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(part) = part {
        text.push('.');
        text.push_str(part);
    }
    text
}

pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// The same number of decimals (two at least) for every amount of a column.
pub(crate) fn same_decimals(amounts: &[String]) -> Vec<String> {
    let decimals = |amount: &String| amount.split_once('.').map_or(0, |(_, part)| part.len());
    let most = amounts.iter().map(decimals).max().unwrap_or(0).max(2);
    let pad = |amount: &String| {
        let point = if amount.contains('.') { "" } else { "." };
        let zeros = "0".repeat(most - decimals(amount));
        grouped(&format!("{amount}{point}{zeros}"))
    };
    amounts.iter().map(pad).collect()
}

/// `412` as `41.2 %`.
pub(crate) fn percent(per_mille: u64) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        for (number, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.8901", "-1,234,567.8901"),
        ] {
            assert_eq!(grouped(number), expected);
        }
        let amounts = ["1", "0.0005", "1234.5"].map(str::to_owned);
        assert_eq!(same_decimals(&amounts), ["1.0000", "0.0005", "1,234.5000"]);
        assert_eq!(same_decimals(&["7".to_owned()]), ["7.00"]);
        assert_eq!(
            (percent(1000), percent(5)),
            ("100.0 %".to_owned(), "0.5 %".to_owned())
        );
    }

    #[test]
    fn a_log_cannot_command_the_terminal() {
        assert_eq!(clip("/a\u{1b}[2J\u{202e}b", 20), "/a?[2J?b");
        assert_eq!(clip("/abcdef", 4), "/ab…");
        assert_eq!(clip("éé", 2), "éé");
    }
}
