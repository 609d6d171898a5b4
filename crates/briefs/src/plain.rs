//! Plain words out of what feeds call text: HTML or not, with what no list should show left out.

/// Tags go, references become their characters, white space becomes one space, and what is longer
/// than `max` characters is cut.
pub fn plain(text: &str, max: usize) -> String {
    let mut words = String::new();
    let mut count = 0;
    let mut rest = text;
    let mut gap = false;
    while let Some(c) = rest.chars().next() {
        let (mut take, mut resolved) = (c.len_utf8(), Some(c));
        if c == '<' && begins_tag(rest) {
            // A tag parts words; `<br>` and `</p>` mostly do.
            (take, resolved) = (end_of_tag(rest), Some(' '));
        } else if c == '&'
            && let Some((found, length)) = reference(rest)
        {
            (take, resolved) = (length, found);
        }
        rest = &rest[take..];
        let Some(c) = resolved else { continue };
        if c.is_whitespace() || c == '\u{a0}' {
            gap = !words.is_empty();
        } else if !hidden(c) {
            if count + usize::from(gap) >= max {
                words.push('…');
                return words;
            }
            if gap {
                words.push(' ');
                count += 1;
                gap = false;
            }
            words.push(c);
            count += 1;
        }
    }
    words
}

fn begins_tag(text: &str) -> bool {
    let next = text[1..].chars().next();
    next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
}

/// What a tag takes; an open end takes all.
fn end_of_tag(text: &str) -> usize {
    if let Some(comment) = text.strip_prefix("<!--") {
        return comment.find("-->").map_or(text.len(), |at| at + 7);
    }
    for skipped in ["script", "style"] {
        let named = text[1..].get(..skipped.len());
        if named.is_some_and(|name| name.eq_ignore_ascii_case(skipped)) {
            let lower = text.to_ascii_lowercase();
            let end = lower.find(&format!("</{skipped}"));
            let end = end.and_then(|at| lower[at..].find('>').map(|more| at + more + 1));
            return end.unwrap_or(text.len());
        }
    }
    text.find('>').map_or(text.len(), |at| at + 1)
}

/// The character that a reference stands for, and how long it is; `None` inside is one that is left
/// out.
fn reference(text: &str) -> Option<(Option<char>, usize)> {
    let end = text.bytes().take(12).position(|b| b == b';')?;
    let name = &text[1..end];
    let number = name
        .strip_prefix('#')
        .and_then(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        });
    if let Some(number) = number {
        return Some((char::from_u32(number), end + 1));
    }
    let named = quick_xml::escape::resolve_html5_entity(name)?;
    Some((named.chars().next(), end + 1))
}

/// Control characters, and those that turn or hide the text around them.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_what_is_left() {
        let rows = [
            ("  a \n b\t", "a b"),
            ("<p>One</p><p>two</p>", "One two"),
            ("1 < 2 &amp; 3&nbsp;&gt;&#32;2 &#xAC00;", "1 < 2 & 3 > 2 가"),
            ("a<script>alert('<b>')</script>b", "a b"),
            ("a<!-- <b> -->b", "a b"),
            ("a<b", "a"),
            ("&nosuch; &#0; &", "&nosuch; &"),
            ("\u{202e}abc\u{0}", "abc"),
            ("R&D", "R&D"),
        ];
        for (text, expected) in rows {
            assert_eq!(plain(text, 100), expected, "{text}");
        }
        assert_eq!(plain("가나다라", 3), "가나다…");
        assert_eq!(plain("ab cd", 3), "ab…");
        assert_eq!(plain("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn any_text_becomes_words_of_no_more_than_was_allowed(text in ".*", max in 0usize..40) {
            let words = plain(&text, max);
            prop_assert!(words.chars().count() <= max + 1);
            prop_assert!(!words.chars().any(char::is_control));
        }
    }
}
