//! From what was served to what the ledger has captured.

use super::{Session, Sessions};
use crate::teller::{Captured, NotPaid, Place};
use engine::Id;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Captures that are refused are tried so often in a row; another gate may have been first.
const TRIES_MAX: u32 = 4;

/// One authorization of a session. They are drawn on one after another.
pub(super) struct Part {
    payment: Id,
    pub(super) authorized: u64,
    pub(super) captured: u64,
    tries: u32,
    is_over: bool,
}

impl Part {
    pub(super) fn new(payment: Id, authorized: u64) -> Part {
        Part::known(payment, authorized, 0)
    }

    pub(super) fn known(payment: Id, authorized: u64, captured: u64) -> Part {
        Part {
            payment,
            authorized,
            captured,
            tries: 0,
            is_over: captured == authorized,
        }
    }

    fn rest(&self) -> u64 {
        if self.is_over {
            0
        } else {
            self.authorized - self.captured
        }
    }
}

impl Sessions {
    /// Puts a session on the list of what is to be reported, or reports it at once.
    pub(super) fn mark(&self, session: &Arc<Session>, is_due: bool) {
        if is_due && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // If it fails, who comes next waits for it.
            runtime.spawn(self.clone().report_now(session.clone()));
        }
        if !session.is_dirty.swap(true, Ordering::AcqRel) {
            let mut dirty = self.0.dirty.lock().unwrap_or_else(PoisonError::into_inner);
            dirty.push(session.clone());
        }
    }

    /// Has the ledger capture what was served.
    pub(super) async fn report(&self, session: Arc<Session>) -> Result<(), NotPaid> {
        let task = tokio::spawn(self.clone().report_now(session));
        task.await.unwrap_or(Err(NotPaid::Unavailable))
    }

    async fn report_now(self, session: Arc<Session>) -> Result<(), NotPaid> {
        let mut parts = session.parts.lock().await;
        if session.meter().unreported() == 0 {
            // Somebody else's report had it.
            return Ok(());
        }
        self.settle(&session, &mut parts, false).await
    }

    /// Captures what is left to capture, releases the rest and forgets the session, in which
    /// nothing is under way and nothing let in any more.
    pub(super) async fn finish(&self, session: Arc<Session>) -> Result<(), NotPaid> {
        let sessions = self.clone();
        let task = tokio::spawn(async move {
            let mut parts = session.parts.lock().await;
            sessions.settle(&session, &mut parts, true).await?;
            sessions.forget(session.id);
            Ok(())
        });
        task.await.unwrap_or(Err(NotPaid::Unavailable))
    }

    /// Captures what was served and is not captured; `last` lets the rest go. What cannot be
    /// captured any more, because an authorization is over, is lost to the seller.
    pub(super) async fn settle(
        &self,
        session: &Session,
        parts: &mut [Part],
        last: bool,
    ) -> Result<(), NotPaid> {
        for at in 0..parts.len() {
            let mut tries = 0;
            loop {
                let owed = session.meter().spent().saturating_sub(captured(parts));
                let part = &mut parts[at];
                let amount = owed.min(part.rest());
                if amount == 0 {
                    if last && part.rest() > 0 {
                        self.0.teller.let_go(part.payment).await?;
                        part.is_over = true;
                    }
                    break;
                }
                let place = Place {
                    payment: part.payment,
                    opened_ms: session.opened_ms,
                    captured: part.captured,
                    tries: part.tries,
                };
                match self.0.teller.capture_part(place, amount, last).await? {
                    Captured::Done => {
                        part.captured += amount;
                        part.is_over = last || part.captured == part.authorized;
                    }
                    Captured::Gone => part.is_over = true,
                    Captured::NotHere if tries == TRIES_MAX => return Err(NotPaid::Unavailable),
                    Captured::NotHere => {
                        tries += 1;
                        self.look_again(part).await?;
                    }
                }
                session.meter().report(captured(parts));
            }
        }
        let lost = session.meter().unreported();
        if lost > 0 && parts.iter().all(|part| part.is_over) {
            // Nothing more can come of it.
            session.meter().end();
            if last {
                tracing::error!(session = %session.id, atoms = lost, "session_not_captured");
            }
        }
        Ok(())
    }

    /// Another gate was first, or the ledger refused: goes on from where the ledger stands.
    async fn look_again(&self, part: &mut Part) -> Result<(), NotPaid> {
        let asides = self.0.teller.asides(vec![part.payment]).await?;
        match asides.first().copied().flatten() {
            None => part.is_over = true,
            Some(aside) if aside.captured > part.captured => {
                part.captured = aside.captured;
                part.tries = 0;
            }
            Some(_) => part.tries += 1,
        }
        Ok(())
    }
}

fn captured(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.captured).sum()
}
