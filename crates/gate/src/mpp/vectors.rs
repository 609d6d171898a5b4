//! The scheme's vectors that others publish (lightninglabs/aperture, `mpp/testdata/vectors.json`),
//! read from where `FARTHING_MPP_VECTORS` says.
//!
//! Not for us: canonical JSON of any shape, for the gate writes one shape only, and receipts, which
//! are a payer's to read.

use super::{BindingKey, Challenge, Credential, challenges};
use crate::encoding;
use crate::hygiene::is_payment;
use serde_json::{Value, json};

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

/// The challenge, without what no credential gives back.
fn told(challenge: &Value) -> Value {
    let mut told = challenge.clone();
    told.as_object_mut().unwrap().remove("description");
    told
}

#[test]
fn published_vectors_hold() {
    let Some(path) = std::env::var_os("FARTHING_MPP_VECTORS") else {
        println!("skipped: FARTHING_MPP_VECTORS names no file");
        return;
    };
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows = |name: &str| vectors[name].as_array().unwrap().iter();
    for row in rows("base64url") {
        let expected = (row["error"] != true).then(|| hex(text(row, "decodedHex")));
        let encoded = text(row, "encoded");
        assert_eq!(encoding::decode_url(encoded), expected, "{row}");
        if row["canonical"] == true {
            assert_eq!(encoding::url(&expected.unwrap()), encoded);
        }
    }
    for row in rows("challengeHeaders") {
        let expected = row.get("parsed").unwrap_or(&row["params"]);
        assert_eq!(
            json!(challenges(text(row, "header"))),
            json!([told(expected)]),
            "{row}"
        );
    }
    for row in rows("challengeLists") {
        let expected: Vec<_> = row["challenges"]
            .as_array()
            .map_or(Vec::new(), |list| list.iter().map(told).collect());
        assert_eq!(
            json!(challenges(text(row, "header"))),
            json!(expected),
            "{row}"
        );
    }
    // HMAC fills a shorter key up with zeros.
    let mut key = hex(text(&vectors, "hmacSecretHex"));
    key.resize(32, 0);
    let binding = BindingKey::new(key.try_into().unwrap());
    for row in rows("challengeIds") {
        let challenge: Challenge = serde_json::from_value(row["params"].clone()).unwrap();
        let id = hmac::Mac::finalize(binding.mac(&challenge)).into_bytes();
        assert_eq!(encoding::url(&id), challenge.id, "{row}");
    }
    for row in rows("credentials") {
        let header = text(row, "header").as_bytes();
        let token = is_payment(header).then(|| header["payment".len()..].trim_ascii());
        let read = token.and_then(Credential::read);
        assert_eq!(read.is_none(), row["error"] == true, "{row}");
        if let Some((credential, _)) = read {
            let expected: Value = serde_json::from_str(text(row, "credentialJson")).unwrap();
            assert_eq!(json!(credential.challenge), told(&expected["challenge"]));
            assert_eq!(credential.payload, expected["payload"]);
        }
    }
}
