//! What is set aside for a session, and taken of it in parts.
//!
//! A capture's id is made of its authorization, what was captured before it and how often that was
//! tried: of two gates that believe they stand at the same place only one can go on, and the other
//! learns that it was wrong. So nothing is taken twice, whoever keeps the session.

use super::{NotPaid, Teller, undo};
use crate::error::GateError;
use crate::registry::Registry;
use crate::sign::PublicKey;
use engine::command::{Op, Spend};
use engine::event::EventKind;
use engine::ids::{MandateId, TenantId, WalletId};
use engine::{Code, Id, UtcMillis};
use money::Atoms;
use node::{Answer, Unavailable};

/// An authorization as the ledger has it, atoms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aside {
    pub authorized: u64,
    pub captured: u64,
}

/// Where a capture begins.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub payment: Id,
    /// When its session was opened: the time of the capture's id.
    pub opened_ms: u64,
    /// What was captured of it before.
    pub captured: u64,
    /// How often a capture here was refused.
    pub tries: u32,
}

impl Place {
    fn id(&self) -> Id {
        let mut hasher = blake3::Hasher::new_derive_key("farthing gate capture id v1");
        hasher
            .update(&self.payment.0.to_be_bytes())
            .update(&self.captured.to_be_bytes())
            .update(&self.tries.to_be_bytes());
        let mut random = [0; 16];
        hasher.finalize_xof().fill(&mut random);
        Id::timed(self.opened_ms, u128::from_be_bytes(random))
    }
}

/// What became of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    Done,
    /// Not at this place: it was taken before, or refused.
    NotHere,
    /// The authorization is over.
    Gone,
}

impl Teller {
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.0.tenant_id
    }

    /// For how long the ledger remembers an id, milliseconds.
    ///
    /// # Errors
    /// `gate_unavailable`.
    pub async fn remembers_ms(&self) -> Result<u64, GateError> {
        let window = |state: &engine::State| state.recents.window().window_ms;
        Ok(self.0.node.query(window).await?)
    }

    /// The wallet that a key spends now.
    ///
    /// # Errors
    /// [`NotPaid::UnknownKey`], or [`NotPaid::Unavailable`].
    pub fn wallet_of(&self, key: &PublicKey) -> Result<WalletId, NotPaid> {
        match self.0.registry.wallet_of(self.0.tenant_id, key) {
            Ok(Some(wallet)) => Ok(wallet),
            Ok(None) => Err(NotPaid::UnknownKey),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "key_unreadable");
                Err(NotPaid::Unavailable)
            }
        }
    }

    /// An id of now that was never used.
    ///
    /// # Errors
    /// [`NotPaid::Unavailable`]: the system gave no random bytes.
    pub fn fresh(&self) -> Result<Id, NotPaid> {
        self.0.fresh().map_err(|_| NotPaid::Unavailable)
    }

    /// Authorizes an amount under an id, of one wallet for another. Must not be dropped half-way.
    ///
    /// # Errors
    /// [`NotPaid`]; nothing is set aside then.
    pub async fn set_aside(
        &self,
        payment: Id,
        (payer, payee): (WalletId, WalletId),
        amount: Atoms,
        expires: UtcMillis,
    ) -> Result<(), NotPaid> {
        let inner = &*self.0;
        let spend = Spend {
            payer,
            mandate: MandateId(Id::NONE),
            amount,
            asset: inner.asset_no,
            risk: risk::Score(0),
            confirmed: false.into(),
            circumstances: Default::default(),
            tax: Default::default(),
            item: Default::default(),
        };
        let op = Op::Authorize {
            spend,
            payee,
            expires: Some(expires),
        };
        match inner.node.submit(inner.command(payment, op)).await {
            Ok(Answer::Done { event, .. }) => match (event.kind, event.refusal()) {
                (EventKind::Authorized, _) => Ok(()),
                (_, Some(refused)) => Err(NotPaid::Denied(refused.code)),
                (_, None) => Err(NotPaid::StepUp),
            },
            Ok(Answer::Known { .. }) => Err(NotPaid::Replayed),
            Ok(Answer::Rejected(rejection)) => Err(match rejection.code {
                Code::IdReused | Code::IdExpired => NotPaid::Replayed,
                Code::IdWindowFull | Code::Throttled | Code::ClockUnconfirmed => {
                    NotPaid::Unavailable
                }
                code => NotPaid::Denied(code),
            }),
            Err(Unavailable::OutcomeUnknown) => {
                // If it was done after all, this undoes it or its expiry does.
                undo(self, "void", Op::Void { payment });
                Err(NotPaid::Unavailable)
            }
            Err(_) => Err(NotPaid::Unavailable),
        }
    }

    /// Takes a part of what was set aside; `last` releases the rest. The same place is captured
    /// once.
    ///
    /// # Errors
    /// [`NotPaid::Unavailable`]: nobody knows; try again.
    pub async fn capture_part(
        &self,
        place: Place,
        amount: u64,
        last: bool,
    ) -> Result<Captured, NotPaid> {
        let inner = &*self.0;
        let op = Op::Capture {
            payment: place.payment,
            amount: Atoms(amount),
            asset: None,
            last,
        };
        match inner.node.submit(inner.command(place.id(), op)).await {
            Ok(Answer::Done { event, .. } | Answer::Known { event, .. }) => {
                Ok(match event.refusal().map(|refused| refused.code) {
                    None => Captured::Done,
                    Some(Code::HoldExpired) => Captured::Gone,
                    Some(code) => {
                        tracing::warn!(code = code.as_str(), "capture_refused");
                        Captured::NotHere
                    }
                })
            }
            Ok(Answer::Rejected(rejection)) => match rejection.code {
                Code::IdReused => Ok(Captured::NotHere),
                Code::NotFound | Code::IdExpired => Ok(Captured::Gone),
                code => {
                    tracing::warn!(code = code.as_str(), "capture_rejected");
                    Err(NotPaid::Unavailable)
                }
            },
            Err(_) => Err(NotPaid::Unavailable),
        }
    }

    /// Lets go of what is left of an authorization; one that is over is let go already.
    ///
    /// # Errors
    /// [`NotPaid::Unavailable`].
    pub async fn let_go(&self, payment: Id) -> Result<(), NotPaid> {
        let inner = &*self.0;
        let command = inner.command(self.fresh()?, Op::Void { payment });
        match inner.node.submit(command).await {
            Ok(Answer::Rejected(rejection)) if rejection.code != Code::NotFound => {
                Err(NotPaid::Unavailable)
            }
            Ok(_) => Ok(()),
            Err(_) => Err(NotPaid::Unavailable),
        }
    }

    /// How authorizations stand; none of one that is over or never was.
    ///
    /// # Errors
    /// [`NotPaid::Unavailable`].
    pub async fn asides(&self, payments: Vec<Id>) -> Result<Vec<Option<Aside>>, NotPaid> {
        let tenant = self.0.tenant;
        let read = move |state: &engine::State| {
            let aside = |payment: &Id| {
                let hold = state.holds.get(&(tenant, *payment))?;
                Some(Aside {
                    authorized: hold.authorized,
                    captured: hold.captured,
                })
            };
            payments.iter().map(aside).collect()
        };
        let asides = self.0.node.query(read).await;
        asides.map_err(|_| NotPaid::Unavailable)
    }
}
