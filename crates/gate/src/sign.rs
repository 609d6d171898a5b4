//! What a payer signs: the words `docs/protocols/x402-farthing.md` gives, checked against the
//! request that came.
//!
//! - One text, one line a field, no field with a line break in it: two payments never share a text.
//! - The request (method, URL with its query, body) is in it by a hash, the price in full.
//! - Signatures are Ed25519, verified strictly: no small-order keys, no second form.

use crate::encoding;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// How a body is named in a request that has none.
const NO_BODY: &str = "-";

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Reads base64url without padding.
    #[must_use]
    pub fn read(text: &str) -> Option<PublicKey> {
        encoding::decode_exactly(text).map(PublicKey)
    }

    /// Whether the signature over the text is by this key.
    #[must_use]
    pub fn signed(&self, text: &str, signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(text.as_bytes(), &Signature::from_bytes(signature))
                .is_ok()
        })
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&encoding::url(&self.0))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The digest of a body as RFC 9530 writes it; none of an empty one.
#[must_use]
pub fn content_digest(body: &[u8]) -> Option<String> {
    (!body.is_empty()).then(|| format!("sha-256=:{}:", encoding::standard(&Sha256::digest(body))))
}

/// A request in 43 characters.
#[must_use]
pub fn request_hash(method: &str, url: &str, digest: Option<&str>) -> String {
    let digest = digest.unwrap_or(NO_BODY);
    let text = format!("farthing-request-v1\n{method}\n{url}\n{digest}");
    encoding::url(&Sha256::digest(text.as_bytes()))
}

/// What is paid, for what, to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// On which network.
    pub network: &'a str,
    /// The hash of the request.
    pub request: &'a str,
    /// In atoms.
    pub amount: u64,
    /// The asset's code.
    pub asset: &'a str,
    /// The payee's wallet.
    pub pay_to: &'a str,
}

/// By whom and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof<'a> {
    /// The payer's key.
    pub key: PublicKey,
    /// 16 to 64 characters of base64url, used once.
    pub nonce: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    /// Seconds since 1970.
    pub expires: u64,
}

/// The text that x402's `exact` signs on this network.
#[must_use]
pub fn exact_text(terms: &Terms<'_>, proof: &Proof<'_>) -> String {
    format!(
        "farthing-exact-v1\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
        terms.network,
        terms.request,
        terms.amount,
        terms.asset,
        terms.pay_to,
        proof.key,
        proof.nonce,
        proof.created,
        proof.expires,
    )
}

/// The text that registers a key with a gate.
#[must_use]
pub fn wallet_text(network: &str, origin: &str, key: &PublicKey, created: u64) -> String {
    format!("farthing-wallet-v1\n{network}\n{origin}\n{key}\n{created}")
}

/// A payer's secret key.
pub struct Secret(SigningKey);

impl Secret {
    /// Of 32 secret bytes.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Secret {
        Secret(SigningKey::from_bytes(seed))
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a text.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        encoding::url(&self.0.sign(text.as_bytes()).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms<'static> = Terms {
        network: "farthing:01",
        request: "r",
        amount: 5,
        asset: "USD",
        pay_to: "wal_1",
    };

    fn proof(key: PublicKey) -> Proof<'static> {
        Proof {
            key,
            nonce: "n",
            created: 1,
            expires: 2,
        }
    }

    #[test]
    fn every_field_is_under_the_signature() {
        let secret = Secret::new(&[7; 32]);
        let key = secret.public();
        let signature = secret.sign(&exact_text(&TERMS, &proof(key)));
        let signature = encoding::decode_exactly(&signature).unwrap();
        assert!(key.signed(&exact_text(&TERMS, &proof(key)), &signature));
        let other = Secret::new(&[8; 32]).public();
        assert!(!other.signed(&exact_text(&TERMS, &proof(key)), &signature));
        let changed = [
            Terms {
                network: "farthing:02",
                ..TERMS
            },
            Terms {
                request: "s",
                ..TERMS
            },
            Terms { amount: 4, ..TERMS },
            Terms {
                asset: "EUR",
                ..TERMS
            },
            Terms {
                pay_to: "wal_2",
                ..TERMS
            },
        ];
        for terms in changed {
            assert!(
                !key.signed(&exact_text(&terms, &proof(key)), &signature),
                "{terms:?}"
            );
        }
        let proofs = [
            Proof {
                key: other,
                ..proof(key)
            },
            Proof {
                nonce: "m",
                ..proof(key)
            },
            Proof {
                created: 0,
                ..proof(key)
            },
            Proof {
                expires: 3,
                ..proof(key)
            },
        ];
        for proof in proofs {
            assert!(
                !key.signed(&exact_text(&TERMS, &proof), &signature),
                "{proof:?}"
            );
        }
    }

    #[test]
    fn a_request_is_its_method_url_and_body() {
        let base = request_hash("GET", "http://a/b?c", None);
        let digest = content_digest(b"x");
        for other in [
            request_hash("POST", "http://a/b?c", None),
            request_hash("GET", "http://a/b?d", None),
            request_hash("GET", "http://a/b", None),
            request_hash("GET", "https://a/b?c", None),
            request_hash("GET", "http://a/b?c", digest.as_deref()),
        ] {
            assert_ne!(other, base);
        }
        assert_eq!(content_digest(b""), None);
        assert_eq!(
            content_digest(b"hello").unwrap(),
            "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"
        );
    }

    /// The vector that the specification prints.
    #[test]
    fn the_specification_gives_this_signature() {
        let secret = Secret::new(&[1; 32]);
        let key = secret.public();
        let request = request_hash("GET", "http://127.0.0.1:8403/articles/a?x=1", None);
        let terms = Terms {
            network: "farthing:0192f0c1a2b37c4d8e5f60718293a4b5",
            request: &request,
            amount: 5_000_000,
            asset: "USD",
            pay_to: "wal_0192f0c1a2b37c4d8e5f60718293a4b6",
        };
        let proof = Proof {
            key,
            nonce: "AAECAwQFBgcICQoLDA0ODw",
            created: 1_790_000_000,
            expires: 1_790_000_060,
        };
        let spec = include_str!("../../../docs/protocols/x402-farthing.md");
        for part in [
            request.clone(),
            key.to_string(),
            secret.sign(&exact_text(&terms, &proof)),
        ] {
            assert!(spec.contains(&part), "the document should have {part}");
        }
    }
}
