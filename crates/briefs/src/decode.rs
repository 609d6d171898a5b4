//! From bytes to text, by the encoding the answer, the bytes or the XML declaration names.

use encoding_rs::{Encoding, UTF_8};

/// Decodes: a byte order mark first, then the `charset` of the `Content-Type`, then the XML
/// declaration, then UTF-8. What is no character is replaced.
pub fn text(bytes: &[u8], charset: Option<&str>) -> String {
    let named = charset
        .and_then(|label| Encoding::for_label(label.trim_matches(['"', '\'', ' ']).as_bytes()))
        .or_else(|| declared(bytes))
        .unwrap_or(UTF_8);
    // Takes the byte order mark into account, which stands above everything.
    let (text, _, _) = named.decode(bytes);
    text.into_owned()
}

/// The encoding of an XML declaration, which is in ASCII in every encoding that is no UTF-16.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(200)];
    let head = String::from_utf8_lossy(head);
    let declaration = head
        .trim_start()
        .strip_prefix("<?xml")?
        .split("?>")
        .next()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Encoding::for_label(value[1..].split(quote).next()?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_encoding_is_used() {
        let (korean, _, _) = encoding_rs::EUC_KR.encode("<a>전자금융</a>");
        let declared = [b"<?xml version='1.0' encoding=\"EUC-KR\"?>", &korean[..]].concat();
        assert!(text(&declared, None).contains("전자금융"));
        assert!(text(&korean, Some("euc-kr")).contains("전자금융"));
        assert!(text(&korean, Some("\"ks_c_5601-1987\"")).contains("전자금융"));
        assert!(text(b"\xef\xbb\xbf<a>\xc3\xa9</a>", Some("iso-8859-1")).contains('é'));
        assert!(text(b"<a>\xe9</a>", Some("latin1")).contains('é'));
        assert!(text(b"<a>\xe9</a>", Some("no such thing")).contains('\u{fffd}'));
        assert!(text(b"\xff\xfe<\x00a\x00", None).contains("<a"));
        assert_eq!(text(b"", None), "");
    }
}
