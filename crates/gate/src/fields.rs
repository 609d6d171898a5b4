//! Header fields that are lists.

/// What commas part outside of quotes, trimmed; nothing of what is empty (RFC 9110, 5.6.1).
pub fn elements(text: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let elements = text.split(move |letter| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match letter {
            _ if was_escaped => {}
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            ',' => return !is_quoted,
            _ => {}
        }
        false
    });
    elements.map(str::trim).filter(|one| !one.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_part_nothing() {
        let parts: Vec<_> = elements(r#"a, "b,\",c" ,, d="e,f""#).collect();
        assert_eq!(parts, ["a", r#""b,\",c""#, r#"d="e,f""#]);
    }
}
