//! What carries an [`Ask`] in JSON: the same object in every protocol.

use super::{Ask, Opening, SessionId, Voucher, atoms};
use crate::encoding;
use crate::sign::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// By its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "action",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Payload {
    Open {
        public_key: String,
        deposit: String,
        /// Unless the protocol has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<String>,
        created: u64,
        expires: u64,
        /// Over the opening.
        opening: String,
        session_id: String,
        cumulative_amount: String,
        signature: String,
    },
    Voucher {
        session_id: String,
        cumulative_amount: String,
        signature: String,
    },
    TopUp {
        session_id: String,
        deposit: String,
        signature: String,
    },
    Close {
        session_id: String,
        cumulative_amount: String,
        signature: String,
    },
}

impl Payload {
    /// Reads JSON.
    #[must_use]
    pub fn read(json: Value) -> Option<Payload> {
        serde_json::from_value(json).ok()
    }

    /// What it asks; none if a field is not in its one form. `nonce` is the protocol's own, which
    /// stands for any that was sent.
    #[must_use]
    pub fn ask(self, nonce: Option<&str>) -> Option<Ask> {
        match self {
            Payload::Open {
                public_key,
                deposit,
                nonce: sent,
                created,
                expires,
                opening,
                session_id,
                cumulative_amount,
                signature,
            } => Some(Ask::Open {
                signature: encoding::decode_exactly(&opening)?,
                voucher: voucher(&session_id, &cumulative_amount, &signature)?,
                opening: Opening {
                    key: PublicKey::read(&public_key)?,
                    deposit: atoms(&deposit)?,
                    nonce: nonce
                        .map(str::to_owned)
                        .or(sent)
                        .filter(|nonce| encoding::is_word(nonce, 16..=64))?,
                    created,
                    expires,
                },
            }),
            Payload::Voucher {
                session_id,
                cumulative_amount,
                signature,
            } => voucher(&session_id, &cumulative_amount, &signature).map(Ask::Serve),
            Payload::TopUp {
                session_id,
                deposit,
                signature,
            } => Some(Ask::TopUp {
                session: SessionId::read(&session_id)?,
                deposit: atoms(&deposit)?,
                signature: encoding::decode_exactly(&signature)?,
            }),
            Payload::Close {
                session_id,
                cumulative_amount,
                signature,
            } => voucher(&session_id, &cumulative_amount, &signature).map(Ask::Close),
        }
    }
}

fn voucher(session: &str, cumulative: &str, signature: &str) -> Option<Voucher> {
    Some(Voucher {
        session: SessionId::read(session)?,
        cumulative: atoms(cumulative)?,
        signature: encoding::decode_exactly(signature)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn open(nonce: &str) -> Value {
        json!({
            "action": "open",
            "publicKey": encoding::url(&[1; 32]),
            "deposit": "5",
            "nonce": nonce,
            "created": 1,
            "expires": 2,
            "opening": encoding::url(&[2; 64]),
            "sessionId": encoding::url(&[3; 32]),
            "cumulativeAmount": "4",
            "signature": encoding::url(&[4; 64]),
        })
    }

    #[test]
    fn a_field_has_one_form() {
        let good = "AAECAwQFBgcICQoLDA0ODw";
        let reads = |json: Value| {
            Payload::read(json)
                .and_then(|payload| payload.ask(None))
                .is_some()
        };
        assert!(reads(open(good)));
        for nonce in ["short", "AAECAwQFBgcICQoL\nA0ODw", &*"A".repeat(65)] {
            assert!(!reads(open(nonce)), "{nonce:?}");
        }
        for (field, value) in [
            ("deposit", json!(5)),
            ("deposit", json!("5.0")),
            ("cumulativeAmount", json!("+4")),
            ("sessionId", json!("AAAA")),
            ("signature", json!("")),
            ("publicKey", json!(null)),
            ("created", json!("1")),
            ("expires", json!(-1)),
            ("action", json!("steal")),
        ] {
            let mut json = open(good);
            json[field] = value;
            assert!(!reads(json.clone()), "{json}");
        }
        let own = Payload::read(open(good))
            .unwrap()
            .ask(Some("0123456789abcdef"));
        let Some(Ask::Open { opening, .. }) = own else {
            panic!()
        };
        assert_eq!(opening.nonce, "0123456789abcdef");
    }

    proptest! {
        #[test]
        fn nothing_panics(
            action in "(open|voucher|topUp|close)?",
            text in ".{0,50}",
            number in any::<i64>(),
        ) {
            let mut json = open(&text);
            json["action"] = action.into();
            json["created"] = number.into();
            json["sessionId"] = text.into();
            prop_assert!(Payload::read(json).and_then(|payload| payload.ask(None)).is_none());
        }
    }
}
