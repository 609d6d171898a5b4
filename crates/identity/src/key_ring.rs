//! Makes, checks and revokes API keys.
//!
//! Checking is in memory: a key's row is read at most once a second, however
//! many requests present it.
//! * `revoke` takes the row out of memory before it returns, and a read of the
//!   row that began earlier is not kept (`revision`).
//! * Another process's revocation is seen at the next read: within
//!   [`FRESH_MS`].
//! * When the row cannot be read, nobody is let in.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use store::{ApiKey, Mode, Page, Random, Store};

use crate::error::{AuthError, Error};
use crate::key_id::KeyId;
use crate::scope::{Scope, Scopes};
use crate::token::{self, Secret};

/// How long a row read from the store is trusted.
const FRESH_MS: u64 = 1_000;
/// Only keys that exist take a place, about 300 bytes each.
const CACHED_MAX: usize = 100_000;
pub const LABEL_CHARS_MAX: usize = 100;

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct KeySpec {
    pub tenant: u128,
    pub mode: Mode,
    pub scopes: Scopes,
    /// The operator's name for it, such as "till 4". Not for personal data.
    pub label: String,
    pub expires_at_ms: Option<i64>,
    /// The line of the key it is made with; `None` begins a line, which only
    /// who has the machine may do.
    pub line: Option<KeyId>,
    /// The agent it is for: a party.
    pub agent: Option<u128>,
}

/// All there is to know of a key but its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub id: KeyId,
    pub tenant: u128,
    pub mode: Mode,
    pub scopes: Scopes,
    pub label: String,
    pub created_at_ms: i64,
    pub expires_at_ms: Option<i64>,
    pub revoked_at_ms: Option<i64>,
    /// As of the last [`KeyRing::flush_last_used`].
    pub last_used_at_ms: Option<i64>,
    /// The key at the head of its line; `None` if that is itself.
    pub line: Option<KeyId>,
    /// The agent it is for: a party.
    pub agent: Option<u128>,
}

impl KeyRecord {
    /// `Ok` if the key may do what needs this scope.
    pub fn require(&self, needed: Scope) -> Result<(), AuthError> {
        if self.allows(needed) {
            Ok(())
        } else {
            Err(AuthError::ScopeMissing { needed })
        }
    }

    /// Whether it may do what needs this scope. `admin` holds the two halves
    /// of a correction or a law only at the head of a line.
    pub fn allows(&self, needed: Scope) -> bool {
        if self.agent.is_some() && !needed.is_for_agents() {
            return false;
        }
        if needed.is_half() && self.line.is_some() {
            return self.scopes.contains(needed);
        }
        self.scopes.allows(needed)
    }

    /// Whether it may give these to another key.
    pub fn may_grant(&self, given: Scopes) -> bool {
        let mut halves = given.iter().filter(|scope| scope.is_half());
        self.scopes.may_grant(given) && halves.all(|scope| self.allows(scope))
    }

    /// The key at the head of its line. All keys of a line are one person's:
    /// whoever holds one could have made the others.
    pub fn head(&self) -> KeyId {
        self.line.unwrap_or(self.id)
    }

    /// Whether its reads must be logged.
    pub fn is_regulator(&self) -> bool {
        self.scopes.contains(Scope::RegulatorRead)
    }
}

#[derive(Debug)]
pub struct NewKey {
    pub record: KeyRecord,
    /// Shown once: it is kept nowhere.
    pub secret: Secret,
}

/// Shared between threads; see the module's notes.
pub struct KeyRing {
    store: Arc<Store>,
    cache: RwLock<Cache>,
}

#[derive(Default)]
struct Cache {
    /// Counts revocations.
    revision: u64,
    keys: HashMap<KeyId, Arc<Cached>>,
}

struct Cached {
    record: Arc<KeyRecord>,
    hash: blake3::Hash,
    read_at_ms: i64,
    last_used_ms: AtomicI64,
    flushed_ms: AtomicI64,
}

impl Cached {
    fn new(row: ApiKey, read_at_ms: i64) -> Result<Self, store::Error> {
        let hash = blake3::Hash::from_bytes(row.hash);
        let record = Arc::new(record(row)?);
        let written_ms = record.last_used_at_ms.unwrap_or(i64::MIN);
        Ok(Self {
            record,
            hash,
            read_at_ms,
            last_used_ms: AtomicI64::new(written_ms),
            flushed_ms: AtomicI64::new(written_ms),
        })
    }
}

impl KeyRing {
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            cache: RwLock::default(),
        }
    }

    /// Makes a key. The answer is the only place its secret ever is.
    ///
    /// Errors: [`Error::NoScope`], [`Error::BothHalves`],
    /// [`Error::NotForAgents`], [`Error::Label`], [`Error::ExpiresInPast`].
    pub fn create(
        &self,
        spec: KeySpec,
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<NewKey, Error> {
        if spec.scopes.is_empty() {
            return Err(Error::NoScope);
        }
        if spec.scopes.has_both_halves() {
            return Err(Error::BothHalves);
        }
        if spec.agent.is_some()
            && let Some(scope) = spec.scopes.iter().find(|scope| !scope.is_for_agents())
        {
            return Err(Error::NotForAgents { scope });
        }
        let chars = spec.label.chars().count();
        if !(1..=LABEL_CHARS_MAX).contains(&chars) || spec.label.chars().any(char::is_control) {
            return Err(Error::Label {
                max: LABEL_CHARS_MAX,
            });
        }
        if spec.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            return Err(Error::ExpiresInPast);
        }
        let id = KeyId::generate(now_ms, random).map_err(store::Error::from)?;
        let (secret, hash) = token::issue(spec.mode, id, random).map_err(store::Error::from)?;
        let row = ApiKey {
            id: id.0,
            tenant: spec.tenant,
            mode: spec.mode,
            hash: hash.into(),
            scopes: spec.scopes.to_string(),
            label: spec.label,
            created_at_ms: now_ms,
            expires_at_ms: spec.expires_at_ms,
            revoked_at_ms: None,
            last_used_at_ms: None,
            line: spec.line.map(|id| id.0),
            agent: spec.agent,
        };
        self.store.insert_api_key(&row)?;
        let record = record(row)?;
        Ok(NewKey { record, secret })
    }

    /// Whose key this is, if it may be used now.
    ///
    /// Errors: every [`AuthError`] but `ScopeMissing`.
    pub fn authenticate(&self, presented: &str, now_ms: i64) -> Result<Arc<KeyRecord>, AuthError> {
        let presented = token::parse(presented)?;
        let cached = match self.fresh(presented.id, now_ms) {
            Some(cached) => Some(cached),
            None => self
                .load(presented.id, now_ms)
                .map_err(AuthError::Unavailable)?,
        };
        // Until the hash agrees, nothing of the row may show in the answer.
        let cached = cached
            .filter(|cached| cached.hash == presented.hash)
            .ok_or(AuthError::Unknown)?;
        if cached.record.revoked_at_ms.is_some() {
            return Err(AuthError::Revoked);
        }
        if cached
            .record
            .expires_at_ms
            .is_some_and(|at_ms| at_ms <= now_ms)
        {
            return Err(AuthError::Expired);
        }
        cached.last_used_ms.fetch_max(now_ms, Ordering::Relaxed);
        Ok(Arc::clone(&cached.record))
    }

    /// Ends a key for good. Once this returns, it opens nothing here.
    /// Revoking again keeps the first time.
    ///
    /// Errors: [`Error::KeyUnknown`] when the tenant has no such key.
    pub fn revoke(&self, tenant: u128, id: KeyId, now_ms: i64) -> Result<KeyRecord, Error> {
        // When a key that leaked was last used is worth knowing.
        let flushed = self.flush_last_used();
        let revoked = self.store.revoke_api_key(tenant, id.0, now_ms);
        // Whatever the outcome, what is in memory is no longer to be trusted.
        let mut cache = self.cache_mut();
        cache.revision += 1;
        cache.keys.remove(&id);
        drop(cache);
        flushed?;
        record(revoked?).map_err(Error::from)
    }

    /// A tenant's keys, newest first; those before `cursor`.
    pub fn list(
        &self,
        tenant: u128,
        cursor: Option<KeyId>,
        limit: usize,
    ) -> Result<Page<KeyRecord, KeyId>, Error> {
        let page = self.store.api_keys(tenant, cursor.map(|id| id.0), limit)?;
        let next = page.next.map(KeyId);
        let items = page
            .items
            .into_iter()
            .map(record)
            .collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    pub fn get(&self, tenant: u128, id: KeyId) -> Result<Option<KeyRecord>, Error> {
        let row = self.store.api_key_of(tenant, id.0)?;
        Ok(row.map(record).transpose()?)
    }

    /// Writes down when keys were last used. For the shell to call now and
    /// then: a minute's loss in a crash harms nobody.
    pub fn flush_last_used(&self) -> Result<(), Error> {
        let used: Vec<(Arc<Cached>, i64)> = self
            .cache()
            .keys
            .values()
            .map(|cached| {
                (
                    Arc::clone(cached),
                    cached.last_used_ms.load(Ordering::Relaxed),
                )
            })
            .filter(|(cached, at_ms)| *at_ms > cached.flushed_ms.load(Ordering::Relaxed))
            .collect();
        if used.is_empty() {
            return Ok(());
        }
        let rows: Vec<(u128, i64)> = used
            .iter()
            .map(|(cached, at_ms)| (cached.record.id.0, *at_ms))
            .collect();
        self.store.touch_api_keys(&rows)?;
        for (cached, at_ms) in used {
            cached.flushed_ms.fetch_max(at_ms, Ordering::Relaxed);
        }
        Ok(())
    }

    fn fresh(&self, id: KeyId, now_ms: i64) -> Option<Arc<Cached>> {
        let cached = self.cache().keys.get(&id).cloned()?;
        // A clock set back makes a row stale too, rather than fresh for long.
        let age_ms = now_ms.abs_diff(cached.read_at_ms);
        (age_ms < FRESH_MS).then_some(cached)
    }

    fn load(&self, id: KeyId, now_ms: i64) -> Result<Option<Arc<Cached>>, store::Error> {
        let revision = self.cache().revision;
        let Some(row) = self.store.api_key(id.0)? else {
            return Ok(None);
        };
        let cached = Arc::new(Cached::new(row, now_ms)?);
        self.keep(revision, &cached);
        Ok(Some(cached))
    }

    /// `revision` is from before the row was read: if a key was revoked
    /// meanwhile, this may be its row as it was.
    fn keep(&self, revision: u64, cached: &Arc<Cached>) {
        let mut cache = self.cache_mut();
        if cache.revision != revision {
            return;
        }
        if cache.keys.len() >= CACHED_MAX {
            cache.keys.clear();
        }
        if let Some(before) = cache.keys.insert(cached.record.id, Arc::clone(cached)) {
            let used_ms = before.last_used_ms.load(Ordering::Relaxed);
            cached.last_used_ms.fetch_max(used_ms, Ordering::Relaxed);
        }
    }

    /// Nothing panics while the lock is held, and if it did, a map of Arcs is
    /// whole between any two of its operations.
    fn cache(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache_mut(&self) -> RwLockWriteGuard<'_, Cache> {
        self.cache.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cached = self.cache().keys.len();
        f.debug_struct("KeyRing").field("cached", &cached).finish()
    }
}

fn record(row: ApiKey) -> Result<KeyRecord, store::Error> {
    // A scope this program does not know was given by a newer one: to drop it
    // silently would show an operator less than the key may do.
    let scopes = row.scopes.parse().map_err(|_| store::Error::Corrupt {
        what: "an API key's scopes",
    })?;
    Ok(KeyRecord {
        id: KeyId(row.id),
        tenant: row.tenant,
        mode: row.mode,
        scopes,
        label: row.label,
        created_at_ms: row.created_at_ms,
        expires_at_ms: row.expires_at_ms,
        revoked_at_ms: row.revoked_at_ms,
        last_used_at_ms: row.last_used_at_ms,
        line: row.line.map(KeyId),
        agent: row.agent,
    })
}

#[cfg(test)]
mod tests;
