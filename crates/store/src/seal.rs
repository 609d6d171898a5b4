//! Text encrypted under a person's key.
//!
//! AES-256-GCM. Each record has a key of its own, derived from its subject's
//! key, its ids and the hash of its text: so random 12-byte nonces need only be
//! unique among sealings of the same text, however many billions of records a
//! subject has. The ids are authenticated too: a body moved to another row does
//! not open.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use crate::details::TextHash;
use crate::error::Error;
use crate::random::{Random, RandomFailed};

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const HEAD: usize = 1 + NONCE;
const TAG: usize = 16;
const RECORD_KEY_DOMAIN: &[u8; 16] = b"farthing details";
const HASH_DOMAIN: &[u8; 16] = b"farthing texthsh";

/// Wiped from memory when dropped. Has no `Debug` on purpose.
#[derive(Clone)]
pub(crate) struct SubjectKey(Zeroizing<[u8; 32]>);

impl SubjectKey {
    pub fn generate(random: &mut dyn Random) -> Result<Self, RandomFailed> {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(&mut *key)?;
        Ok(Self(key))
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub fn as_slice(&self) -> &[u8] {
        &*self.0
    }

    /// Names a text without saying what it says: other ids or another key give another name.
    pub fn hash(&self, ids: &[u8], text: &[u8]) -> TextHash {
        let mut hash = [0; 16];
        self.derive(HASH_DOMAIN, ids, text, &mut hash);
        hash
    }

    pub fn seal(
        &self,
        ids: &[u8],
        hash: TextHash,
        text: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce)?;
        let mut body = Vec::with_capacity(HEAD + text.len() + TAG);
        body.push(FORMAT);
        body.extend_from_slice(&nonce);
        body.extend_from_slice(text);
        let tag = self
            .cipher(ids, hash)
            .encrypt_inout_detached(&nonce.into(), ids, InOutBuf::from(&mut body[HEAD..]))
            .map_err(|_| Error::TooLarge {
                bytes: text.len(),
                max: aes_gcm::P_MAX as usize,
            })?;
        body.extend_from_slice(&tag);
        Ok(body)
    }

    pub fn open(
        &self,
        ids: &[u8],
        hash: TextHash,
        body: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        if body.first() != Some(&FORMAT) {
            return Err(Error::Unreadable);
        }
        let (nonce, rest) = body[1..]
            .split_first_chunk::<NONCE>()
            .ok_or(Error::Unreadable)?;
        let (text, tag) = rest.split_last_chunk::<TAG>().ok_or(Error::Unreadable)?;
        let mut text = Zeroizing::new(text.to_vec());
        self.cipher(ids, hash)
            .decrypt_inout_detached(
                &(*nonce).into(),
                ids,
                InOutBuf::from(text.as_mut_slice()),
                &(*tag).into(),
            )
            .map_err(|_| Error::Unreadable)?;
        Ok(text)
    }

    fn cipher(&self, ids: &[u8], hash: TextHash) -> Aes256Gcm {
        let mut key = Zeroizing::new([0; 32]);
        self.derive(RECORD_KEY_DOMAIN, ids, &hash, &mut *key);
        Aes256Gcm::new((&*key).into())
    }

    fn derive(&self, domain: &[u8; 16], ids: &[u8], more: &[u8], out: &mut [u8]) {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(domain);
        hasher.update(&(ids.len() as u64).to_le_bytes());
        hasher.update(ids);
        hasher.update(more);
        hasher.finalize_xof().fill(out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Seeded;

    const HASH: TextHash = [3; 16];

    #[test]
    fn nothing_but_the_same_key_and_row_opens_a_body() {
        let random = &mut Seeded::new(1);
        let key = SubjectKey::generate(random).unwrap();
        let other = SubjectKey::generate(random).unwrap();
        let body = key.seal(b"1, 2", HASH, b"for Ada", random).unwrap();
        assert_eq!(
            key.open(b"1, 2", HASH, &body).unwrap().as_slice(),
            b"for Ada"
        );
        assert!(key.open(b"1, 3", HASH, &body).is_err());
        assert!(key.open(b"1, 2", [4; 16], &body).is_err());
        assert!(other.open(b"1, 2", HASH, &body).is_err());
        for at in 0..body.len() {
            let mut altered = body.clone();
            altered[at] ^= 1;
            assert!(key.open(b"1, 2", HASH, &altered).is_err(), "byte {at}");
            assert!(key.open(b"1, 2", HASH, &body[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_same_text_never_looks_the_same() {
        let random = &mut Seeded::new(1);
        let key = SubjectKey::generate(random).unwrap();
        let first = key.seal(b"1", HASH, b"tea", random).unwrap();
        assert_ne!(first, key.seal(b"1", HASH, b"tea", random).unwrap());
        assert!(!first.windows(3).any(|window| window == b"tea"));
    }

    #[test]
    fn a_hash_is_of_one_persons_one_text_about_one_thing() {
        let random = &mut Seeded::new(1);
        let key = SubjectKey::generate(random).unwrap();
        let other = SubjectKey::generate(random).unwrap();
        let hash = key.hash(b"1", b"tea");
        assert_eq!(hash, key.hash(b"1", b"tea"));
        for different in [
            other.hash(b"1", b"tea"),
            key.hash(b"2", b"tea"),
            key.hash(b"1", b"te"),
            key.hash(b"1t", b"ea"),
        ] {
            assert_ne!(hash, different);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_opened_or_refused(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let key = SubjectKey::from_slice(&[7; 32]).unwrap();
            prop_assert!(key.open(b"1", HASH, &body).is_err());
        }

        #[test]
        fn what_was_sealed_opens(text in proptest::collection::vec(any::<u8>(), 0..200), seed: u64) {
            let random = &mut Seeded::new(seed);
            let key = SubjectKey::generate(random).unwrap();
            let body = key.seal(b"1", HASH, &text, random).unwrap();
            let opened = key.open(b"1", HASH, &body).unwrap();
            prop_assert_eq!(opened.as_slice(), text.as_slice());
        }
    }
}
