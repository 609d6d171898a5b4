//! Who calls: API keys and what each may do.
//!
//! What it promises:
//! * A key is shown once, by the call that made it. Only a hash is kept, and
//!   no `Debug` output shows a key.
//! * A revoked key is refused as soon as `revoke` has returned, and within a
//!   second by any other process on the same store.
//! * Whoever does not hold the whole key learns nothing about it: not whether
//!   it is revoked or expired, nor that its id exists.
//!
//! What it must not know: payments, HTTP beyond one header, clocks.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod key_id;
mod key_ring;
mod scope;
mod token;

pub use error::{AuthError, Error};
pub use key_id::KeyId;
pub use key_ring::{KeyRecord, KeyRing, KeySpec, LABEL_CHARS_MAX, NewKey};
pub use scope::{Scope, Scopes};
pub use store::{Mode, OsRandom, Page, Random};
pub use token::{Secret, bearer};
