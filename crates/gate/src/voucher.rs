//! What a payer signs in a session: to open it, to pay in it, to put more into it, to close it
//! (`docs/protocols/sessions.md`). The same for every protocol that carries it.
//!
//! - A session is named by the hash of the text that opened it: its network, payee, asset, key and
//!   first deposit. No voucher fits two sessions.
//! - A voucher says how much may be taken of the session *in all*. The highest is worth all of
//!   them; the sum of them means nothing.
//! - A voucher is for one request, or for closing: who sees it cannot use it for anything else.

use crate::encoding;
use crate::sign::PublicKey;
use sha2::{Digest, Sha256};

mod payload;

pub use payload::Payload;

/// The name of a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub [u8; 32]);

impl SessionId {
    /// Reads base64url without padding.
    #[must_use]
    pub fn read(text: &str) -> Option<SessionId> {
        encoding::decode_exactly(text).map(SessionId)
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&encoding::url(&self.0))
    }
}

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// Where a session is: under every signature, and always the verifier's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub network: &'a str,
    /// The payee's wallet.
    pub pay_to: &'a str,
    /// The asset's code.
    pub asset: &'a str,
}

/// A payer's wish for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub key: PublicKey,
    /// What is set aside, atoms.
    pub deposit: u64,
    /// 16 to 64 characters of base64url, used once.
    pub nonce: String,
    /// Seconds since 1970.
    pub created: u64,
    /// Until when the session may be opened; seconds since 1970.
    pub expires: u64,
}

impl Opening {
    /// What is signed.
    #[must_use]
    pub fn text(&self, place: Place<'_>) -> String {
        format!(
            "farthing-session-v1\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
            place.network,
            place.pay_to,
            place.asset,
            self.deposit,
            self.key,
            self.nonce,
            self.created,
            self.expires,
        )
    }

    /// The name of what it opens.
    #[must_use]
    pub fn session(&self, place: Place<'_>) -> SessionId {
        SessionId(Sha256::digest(self.text(place).as_bytes()).into())
    }
}

/// What a voucher is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// One request, by its hash.
    Request(&'a str),
    /// The end of the session.
    Close,
}

/// A signed promise: so much of a session in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    pub session: SessionId,
    /// Atoms, since the session was opened.
    pub cumulative: u64,
    pub signature: [u8; 64],
}

impl Voucher {
    /// Whether a key signed it, for this purpose.
    #[must_use]
    pub fn is_by(&self, key: &PublicKey, place: Place<'_>, purpose: Purpose<'_>) -> bool {
        let text = voucher_text(place, self.session, self.cumulative, purpose);
        key.signed(&text, &self.signature)
    }
}

/// What a payer signs to pay in a session, or to close it.
#[must_use]
pub fn voucher_text(
    place: Place<'_>,
    session: SessionId,
    cumulative: u64,
    purpose: Purpose<'_>,
) -> String {
    let purpose = match purpose {
        Purpose::Request(hash) => hash,
        Purpose::Close => "close",
    };
    format!(
        "farthing-voucher-v1\n{}\n{session}\n{}\n{}\n{cumulative}\n{purpose}",
        place.network, place.pay_to, place.asset,
    )
}

/// What a payer signs so that `deposit` atoms are set aside for a session in all.
#[must_use]
pub fn deposit_text(place: Place<'_>, session: SessionId, deposit: u64) -> String {
    format!(
        "farthing-deposit-v1\n{}\n{session}\n{}\n{}\n{deposit}",
        place.network, place.pay_to, place.asset,
    )
}

/// What a client wants of a session, read but not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Open one, and be served.
    Open {
        opening: Opening,
        signature: [u8; 64],
        voucher: Voucher,
    },
    /// Be served.
    Serve(Voucher),
    /// Have this much set aside in all.
    TopUp {
        session: SessionId,
        deposit: u64,
        signature: [u8; 64],
    },
    /// End it.
    Close(Voucher),
}

/// An amount of atoms as JSON carries it: a decimal integer, in its one form.
#[must_use]
pub fn atoms(text: &str) -> Option<u64> {
    let atoms: u64 = text.parse().ok()?;
    (atoms.to_string() == text).then_some(atoms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{Secret, request_hash};

    const PLACE: Place<'static> = Place {
        network: "farthing:0192f0c1a2b37c4d8e5f60718293a4b5",
        pay_to: "wal_0192f0c1a2b37c4d8e5f60718293a4b6",
        asset: "USD",
    };

    fn opening() -> Opening {
        Opening {
            key: Secret::new(&[1; 32]).public(),
            deposit: 1_000_000_000,
            nonce: "AAECAwQFBgcICQoLDA0ODw".into(),
            created: 1_790_000_000,
            expires: 1_790_000_060,
        }
    }

    fn voucher(purpose: Purpose<'_>) -> Voucher {
        let session = opening().session(PLACE);
        let text = voucher_text(PLACE, session, 5_000_000, purpose);
        let signature = Secret::new(&[1; 32]).sign(&text);
        Voucher {
            session,
            cumulative: 5_000_000,
            signature: encoding::decode_exactly(&signature).unwrap(),
        }
    }

    #[test]
    fn a_voucher_is_bound_to_all_that_it_is_for() {
        let key = opening().key;
        let good = voucher(Purpose::Request("r"));
        assert!(good.is_by(&key, PLACE, Purpose::Request("r")));
        assert!(!good.is_by(&key, PLACE, Purpose::Request("s")));
        assert!(!good.is_by(&key, PLACE, Purpose::Close));
        assert!(!good.is_by(
            &Secret::new(&[2; 32]).public(),
            PLACE,
            Purpose::Request("r")
        ));
        let places = [
            Place {
                network: "farthing:1",
                ..PLACE
            },
            Place {
                pay_to: "wal_1",
                ..PLACE
            },
            Place {
                asset: "EUR",
                ..PLACE
            },
        ];
        for place in places {
            assert!(!good.is_by(&key, place, Purpose::Request("r")), "{place:?}");
            assert_ne!(opening().session(place), opening().session(PLACE));
        }
        let more = Voucher {
            cumulative: 5_000_001,
            ..good.clone()
        };
        let elsewhere = Voucher {
            session: SessionId([0; 32]),
            ..good
        };
        for other in [more, elsewhere] {
            assert!(!other.is_by(&key, PLACE, Purpose::Request("r")));
        }
    }

    #[test]
    fn every_opening_is_a_session_of_its_own() {
        type Change = fn(&mut Opening);
        let changes: [Change; 5] = [
            |o| o.key = Secret::new(&[2; 32]).public(),
            |o| o.deposit += 1,
            |o| o.nonce.push('A'),
            |o| o.created += 1,
            |o| o.expires += 1,
        ];
        for change in changes {
            let mut other = opening();
            change(&mut other);
            assert_ne!(other.session(PLACE), opening().session(PLACE), "{other:?}");
        }
    }

    #[test]
    fn an_amount_has_one_form() {
        for (text, expected) in [
            ("0", Some(0)),
            ("25", Some(25)),
            ("025", None),
            ("+25", None),
            ("-1", None),
            ("", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
        ] {
            assert_eq!(atoms(text), expected, "{text}");
        }
    }

    /// The vector that the specification prints.
    #[test]
    fn the_specification_gives_these_signatures() {
        let secret = Secret::new(&[1; 32]);
        let opening = opening();
        let session = opening.session(PLACE);
        let request = request_hash("GET", "http://127.0.0.1:8403/articles/a?x=1", None);
        let paid = voucher_text(PLACE, session, 5_000_000, Purpose::Request(&request));
        let close = voucher_text(PLACE, session, 5_000_000, Purpose::Close);
        let spec = include_str!("../../../docs/protocols/sessions.md");
        for part in [
            session.to_string(),
            secret.sign(&opening.text(PLACE)),
            secret.sign(&paid),
            secret.sign(&close),
            secret.sign(&deposit_text(PLACE, session, 2_000_000_000)),
        ] {
            assert!(spec.contains(&part), "the document should have {part}");
        }
    }
}
