//! Text encrypted under a person's key.
//!
//! AES-256-GCM. Each record has a key of its own, derived from its subject's
//! key and its ids: so random 12-byte nonces need only be unique among the
//! versions of one record, however many billions of records a subject has.
//! The ids are authenticated too: a body moved to another row does not open.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::random::{Random, RandomFailed};

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const HEAD: usize = 1 + NONCE;
const TAG: usize = 16;
const RECORD_KEY_DOMAIN: &[u8; 16] = b"farthing details";

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

    pub fn seal(
        &self,
        tenant: u128,
        thing: u128,
        text: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce)?;
        let mut body = Vec::with_capacity(HEAD + text.len() + TAG);
        body.push(FORMAT);
        body.extend_from_slice(&nonce);
        body.extend_from_slice(text);
        let ids = ids(tenant, thing);
        let tag = self
            .cipher(&ids)
            .encrypt_inout_detached(&nonce.into(), &ids, InOutBuf::from(&mut body[HEAD..]))
            .map_err(|_| Error::TooLarge {
                bytes: text.len(),
                max: aes_gcm::P_MAX as usize,
            })?;
        body.extend_from_slice(&tag);
        Ok(body)
    }

    pub fn open(
        &self,
        tenant: u128,
        thing: u128,
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
        let ids = ids(tenant, thing);
        self.cipher(&ids)
            .decrypt_inout_detached(
                &(*nonce).into(),
                &ids,
                InOutBuf::from(text.as_mut_slice()),
                &(*tag).into(),
            )
            .map_err(|_| Error::Unreadable)?;
        Ok(text)
    }

    fn cipher(&self, ids: &[u8; 32]) -> Aes256Gcm {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(RECORD_KEY_DOMAIN);
        hasher.update(ids);
        let mut key = Zeroizing::new([0; 32]);
        hasher.finalize_xof().fill(&mut *key);
        Aes256Gcm::new((&*key).into())
    }
}

fn ids(tenant: u128, thing: u128) -> [u8; 32] {
    let mut ids = [0; 32];
    ids[..16].copy_from_slice(&tenant.to_be_bytes());
    ids[16..].copy_from_slice(&thing.to_be_bytes());
    ids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Seeded;

    #[test]
    fn nothing_but_the_same_key_and_row_opens_a_body() {
        let random = &mut Seeded::new(1);
        let key = SubjectKey::generate(random).unwrap();
        let other = SubjectKey::generate(random).unwrap();
        let body = key.seal(1, 2, b"for Ada", random).unwrap();
        assert_eq!(key.open(1, 2, &body).unwrap().as_slice(), b"for Ada");
        assert!(key.open(1, 3, &body).is_err());
        assert!(key.open(3, 2, &body).is_err());
        assert!(other.open(1, 2, &body).is_err());
        for at in 0..body.len() {
            let mut altered = body.clone();
            altered[at] ^= 1;
            assert!(key.open(1, 2, &altered).is_err(), "byte {at}");
            assert!(key.open(1, 2, &body[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_same_text_never_looks_the_same() {
        let random = &mut Seeded::new(1);
        let key = SubjectKey::generate(random).unwrap();
        let first = key.seal(1, 2, b"tea", random).unwrap();
        assert_ne!(first, key.seal(1, 2, b"tea", random).unwrap());
        assert!(!first.windows(3).any(|window| window == b"tea"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_opened_or_refused(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let key = SubjectKey::from_slice(&[7; 32]).unwrap();
            prop_assert!(key.open(1, 2, &body).is_err());
        }

        #[test]
        fn what_was_sealed_opens(text in proptest::collection::vec(any::<u8>(), 0..200), seed: u64) {
            let random = &mut Seeded::new(seed);
            let key = SubjectKey::generate(random).unwrap();
            let body = key.seal(1, 2, &text, random).unwrap();
            let opened = key.open(1, 2, &body).unwrap();
            prop_assert_eq!(opened.as_slice(), text.as_slice());
        }
    }
}
