//! The lease, what is found at the start, and what is done as time passes.

use super::settling::Part;
use super::{MARGIN_MS, Session, Sessions};
use crate::error::GateError;
use crate::leases::SessionRow;
use crate::teller::NotPaid;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What was served is reported at the latest after this and what the ledger takes.
const TICK: Duration = Duration::from_millis(500);
/// A lease is good for so long, and renewed when half of it is over.
const LEASE_MS: u64 = 10_000;
/// Sessions are looked through for what is over every so many ticks.
const LOOK_TICKS: u32 = 4;
/// What nobody came back for is forgotten every so many.
const CLEAN_TICKS: u32 = 240;

impl Sessions {
    /// Takes the lease and what was kept under it before.
    ///
    /// # Errors
    /// [`GateError`]: the registry or the node does not answer.
    pub async fn begin(&self) -> Result<(), GateError> {
        let inner = &self.0;
        let registry = inner.teller.registry();
        let now_ms = self.now_ms();
        let epoch = registry.take_lease(&inner.address, now_ms + LEASE_MS)?;
        *inner.epoch.lock().unwrap_or_else(PoisonError::into_inner) = Some(epoch);
        self.opened_mut().clear();
        for row in registry.sessions_of(inner.teller.tenant(), &inner.address)? {
            match self.recover(&row).await {
                Ok(Some(_)) => {}
                Ok(None) => self.forget(row.session),
                // It is looked for again when its payer comes back.
                Err(why) => tracing::warn!(session = %row.session, ?why, "session_not_recovered"),
            }
        }
        // Captures are named by the second their session was opened in.
        let remembered_ms = inner.teller.remembers_ms().await?;
        let lasts_ms = u64::try_from(inner.options.lasts.as_millis()).unwrap_or(u64::MAX);
        let lasts_ms = lasts_ms.min(remembered_ms / 2);
        inner.lasts_ms.store(lasts_ms, Ordering::Relaxed);
        inner.lease_ms.store(now_ms + LEASE_MS, Ordering::Relaxed);
        Ok(())
    }

    /// A session as the registry and the ledger have it; none if it is over.
    pub(super) async fn recover(&self, row: &SessionRow) -> Result<Option<Arc<Session>>, NotPaid> {
        let payments = row.parts.iter().map(|(payment, _)| *payment).collect();
        let asides = self.0.teller.asides(payments).await?;
        let Some(last) = asides.iter().rposition(Option::is_some) else {
            return Ok(None);
        };
        let known = row.parts.iter().zip(&asides).take(last + 1);
        let parts = known.map(|((payment, amount), aside)| match aside {
            Some(aside) => Part::known(*payment, aside.authorized, aside.captured),
            // The ones before are used up before the next is drawn on.
            None => Part::known(*payment, amount.0, amount.0),
        });
        let session = Arc::new(Session::new(row, parts.collect(), self.now_ms()));
        self.opened_mut().insert(session.id, session.clone());
        tracing::info!(session = %row.session, "session_recovered");
        Ok(Some(session))
    }

    /// Reports, renews the lease and ends what is over, until it is dropped.
    pub async fn run(&self) {
        let mut ticks = 0u32;
        loop {
            tokio::time::sleep(TICK).await;
            self.renew().await;
            self.report_all().await;
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(LOOK_TICKS) {
                self.end_what_is_over().await;
            }
            if ticks.is_multiple_of(CLEAN_TICKS) {
                self.clean();
            }
        }
    }

    /// Reports everything and gives the lease back: others may take the sessions over at once.
    pub async fn stop(&self) {
        self.report_all().await;
        self.0.lease_ms.store(0, Ordering::Relaxed);
        let epoch = *self.0.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = self.0.teller.registry();
        let returned = epoch.map(|epoch| registry.renew_lease(&self.0.address, epoch, 0));
        if let Some(Err(error)) = returned {
            tracing::warn!(code = error.code(), %error, "lease_not_returned");
        }
    }

    fn clean(&self) {
        let before_ms = self.now_ms().saturating_sub(2 * MARGIN_MS);
        if let Err(error) = self.0.teller.registry().drop_sessions_before(before_ms) {
            tracing::warn!(code = error.code(), %error, "sessions_not_cleaned");
        }
    }

    async fn renew(&self) {
        let now_ms = self.now_ms();
        if self.0.lease_ms.load(Ordering::Relaxed) > now_ms + LEASE_MS / 2 {
            return;
        }
        let Some(epoch) = *self.0.epoch.lock().unwrap_or_else(PoisonError::into_inner) else {
            return;
        };
        let until_ms = now_ms + LEASE_MS;
        match self
            .0
            .teller
            .registry()
            .renew_lease(&self.0.address, epoch, until_ms)
        {
            Ok(true) => self.0.lease_ms.store(until_ms, Ordering::Relaxed),
            Ok(false) => {
                tracing::error!(address = %self.0.address, "lease_taken_by_another_gate");
                self.0.lease_ms.store(0, Ordering::Relaxed);
                if let Err(error) = self.begin().await {
                    tracing::warn!(code = error.code(), %error, "lease_not_taken_again");
                }
            }
            Err(error) => tracing::warn!(code = error.code(), %error, "lease_not_renewed"),
        }
    }

    async fn report_all(&self) {
        let dirty = {
            let mut dirty = self.0.dirty.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *dirty)
        };
        for session in dirty {
            session.is_dirty.store(false, Ordering::Release);
            let is_revoked = match self.0.teller.wallet_of(&session.key) {
                Ok(wallet) => wallet != session.payer,
                Err(why) => why == NotPaid::UnknownKey,
            };
            if is_revoked {
                session.meter().end();
            }
            if self.report(session.clone()).await.is_err() {
                tracing::warn!(session = %session.id, "session_not_reported");
                self.mark(&session, false);
            }
        }
    }

    async fn end_what_is_over(&self) {
        let now_ms = self.now_ms();
        let idle_ms = u64::try_from(self.0.options.idle.as_millis()).unwrap_or(u64::MAX);
        let all: Vec<Arc<Session>> = self.opened().values().cloned().collect();
        for session in all {
            // Half the margin is for answers that are under way.
            let must_end = now_ms >= session.closes_ms + MARGIN_MS / 2;
            let used_ms = session.used_ms.load(Ordering::Relaxed);
            let is_idle = now_ms >= used_ms.saturating_add(idle_ms);
            {
                let mut meter = session.meter();
                let may_end = is_idle || meter.is_ended() || now_ms >= session.closes_ms;
                if !must_end && (!may_end || meter.is_busy()) {
                    continue;
                }
                meter.end();
            }
            if let Err(why) = self.finish(session.clone()).await {
                tracing::warn!(session = %session.id, ?why, "session_not_ended");
            }
        }
    }
}
