//! The gate's side of the ledger: an authorization before the upstream is asked, a capture once it
//! has answered, a void otherwise.
//!
//! - A payment's id comes from the payer's key and nonce: the same signature can never pay, or be
//!   answered, twice.
//! - Whoever drops a [`Held`] voids it, and whoever drops a [`Taken`] that was not kept gives it
//!   back: a client that goes away, or a task that dies, charges nobody.
//! - Submissions run in tasks of their own, so that a caller who goes away half-way leaves nothing
//!   half done. What a crash leaves is released by the authorization's expiry.

use crate::delivery::Due;
use crate::error::GateError;
use crate::registry::{KeyRecord, Registry};
use crate::sign::PublicKey;
use engine::code::Audience;
use engine::command::{Carried, Command, Op};
use engine::event::Event;
use engine::ids::{ActorId, PartyId, TenantId, WalletId};
use engine::recents::Seen;
use engine::records::{Channel, Mode, PartyKind, TenantNo};
use engine::terms::{Country, Tier};
use engine::{Code, Id, UtcMillis};
use ledger::{AssetNo, Source};
use money::{Asset, Atoms};
use node::{Answer, Node, Unavailable};
use std::sync::Arc;

mod aside;

pub use aside::{Captured, Place};

/// A checked promise to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who signed.
    pub key: PublicKey,
    /// What makes it happen once.
    pub id: Id,
    /// What the client calls it, if it does.
    pub identifier: Option<String>,
    /// Of everything the client sent.
    pub digest: [u8; 32],
}

impl Claim {
    /// The payment's id: the second it was asked or signed in, and a hash of what must not be
    /// used twice, of which the first part has a fixed length.
    #[must_use]
    pub fn id_of(used_once: [&[u8]; 2], created_s: u64) -> Id {
        let mut hasher = blake3::Hasher::new_derive_key("farthing gate payment id v1");
        hasher.update(used_once[0]).update(used_once[1]);
        let mut random = [0; 16];
        hasher.finalize_xof().fill(&mut random);
        Id::timed(created_s.saturating_mul(1000), u128::from_be_bytes(random))
    }
}

/// Why the ledger did not take a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPaid {
    /// The key belongs to no wallet, or was revoked.
    UnknownKey,
    /// This signature has paid before.
    Replayed,
    /// The ledger said no.
    Denied(Code),
    /// The payer must confirm first.
    StepUp,
    /// Nobody knows: 503, and the same may be tried again.
    Unavailable,
}

impl NotPaid {
    /// In the words of x402. Fraud and money-laundering rules are told in one neutral word.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            NotPaid::UnknownKey => "invalid_exact_farthing_unknown_key",
            NotPaid::Replayed => "invalid_exact_farthing_nonce_used",
            NotPaid::StepUp => "step_up_required",
            NotPaid::Denied(code) => code.shown_to(Audience::Payer).as_str(),
            NotPaid::Unavailable => "unavailable",
        }
    }
}

/// Where a gate's money goes.
pub struct TellerOptions {
    /// Test or live money.
    pub mode: Mode,
    /// The prices' asset.
    pub asset: Asset,
    /// Who is paid; the gate's own wallet if none is named.
    pub seller: Option<WalletId>,
    /// How long an authorization waits for its upstream, in milliseconds.
    pub hold_ms: u64,
}

struct Inner {
    node: Node,
    registry: Arc<Registry>,
    tenant: TenantNo,
    tenant_id: TenantId,
    mode: Mode,
    asset: Asset,
    asset_no: AssetNo,
    seller: WalletId,
    hold_ms: u64,
}

/// Clones are the same teller.
#[derive(Clone)]
pub struct Teller(Arc<Inner>);

impl Teller {
    /// Finds the tenant and asset, and opens the seller's wallet if there is none. Blocking.
    ///
    /// # Errors
    /// [`GateError`]: no such tenant, asset or wallet, or the node does not answer.
    pub fn open(
        node: Node,
        registry: Arc<Registry>,
        options: &TellerOptions,
    ) -> Result<Teller, GateError> {
        let (mode, code) = (options.mode, options.asset.code);
        let (tenant, asset) = node.query_blocking(move |state| {
            let tenant = state.tenants.iter().find(|tenant| tenant.mode == mode);
            let tenant = tenant.and_then(|tenant| Some((state.tenant_no(tenant.id)?, tenant.id)));
            (tenant, state.asset(code))
        })?;
        let (tenant, tenant_id) = tenant
            .ok_or_else(|| GateError::Setting("the node has no tenant of this mode".into()))?;
        let (asset_no, asset) = asset
            .filter(|(_, asset)| *asset == options.asset)
            .ok_or_else(|| GateError::Setting(format!("{code} is not registered with the node")))?;
        let mut inner = Inner {
            node,
            registry,
            tenant,
            tenant_id,
            mode,
            asset,
            asset_no,
            seller: WalletId(Id::NONE),
            hold_ms: options.hold_ms,
        };
        inner.seller = match options.seller {
            Some(seller) => inner.known(seller)?,
            None => inner.own_wallet()?,
        };
        Ok(Teller(Arc::new(inner)))
    }

    /// `farthing:` and the tenant's 32 digits: a CAIP-2 name.
    #[must_use]
    pub fn network(&self) -> String {
        network(self.0.tenant_id)
    }

    #[must_use]
    pub fn asset(&self) -> Asset {
        self.0.asset
    }

    #[must_use]
    pub fn seller(&self) -> WalletId {
        self.0.seller
    }

    #[must_use]
    pub fn is_test(&self) -> bool {
        self.0.mode == Mode::Test
    }

    #[must_use]
    pub fn now(&self) -> UtcMillis {
        self.0.node.now()
    }

    /// Whether the node answers.
    pub async fn is_well(&self) -> bool {
        self.0.node.query(|state| state.opened).await == Ok(true)
    }

    /// Sets the price aside, for a payee.
    ///
    /// # Errors
    /// [`NotPaid`]; nothing is held then.
    pub async fn hold(
        &self,
        claim: &Claim,
        amount: Atoms,
        payee: WalletId,
    ) -> Result<Held, NotPaid> {
        let (teller, claim) = (self.clone(), claim.clone());
        let task = tokio::spawn(async move { teller.hold_now(&claim, amount, payee).await });
        task.await.unwrap_or(Err(NotPaid::Unavailable))
    }

    async fn hold_now(
        self,
        claim: &Claim,
        amount: Atoms,
        payee: WalletId,
    ) -> Result<Held, NotPaid> {
        let payer = self.wallet_of(&claim.key)?;
        let expires = UtcMillis(self.now().0.saturating_add(self.0.hold_ms));
        self.set_aside(claim.id, (payer, payee), amount, expires)
            .await?;
        Ok(Held {
            teller: self,
            payment: claim.id,
            payer,
            amount,
            done: false,
        })
    }

    /// The payer's wallet, if [`Self::hold`] would have a key, an unused signature and the funds to
    /// go by. What the law and the operator say is asked when it is held.
    ///
    /// # Errors
    /// [`NotPaid`].
    pub async fn would_hold(&self, claim: &Claim, amount: Atoms) -> Result<WalletId, NotPaid> {
        let payer = self.wallet_of(&claim.key)?;
        let (tenant, asset, id, now) = (self.0.tenant, self.0.asset_no, claim.id, self.now());
        let read = move |state: &engine::State| {
            let hash = state.recents.hash(tenant.0, id);
            match state.recents.seen(tenant.0, id, hash, now) {
                Seen::New => {}
                // No room to remember it now: it was not used for that.
                Seen::Full => return Err(NotPaid::Unavailable),
                _ => return Err(NotPaid::Replayed),
            }
            let wallet = state.wallet_no(tenant, payer);
            let wallet = wallet.ok_or(NotPaid::Denied(Code::NotFound))?;
            let accounts = state.accounts_of(wallet).map(|(_, account)| account);
            let free: i128 = accounts
                .filter(|account| account.asset == asset)
                .map(|account| {
                    let held = i128::try_from(account.held).unwrap_or(i128::MAX);
                    let free = account.balance.saturating_sub(held);
                    free.saturating_add(account.credit_limit.into()).max(0)
                })
                .sum();
            if free < amount.0.into() {
                return Err(NotPaid::Denied(Code::InsufficientFunds));
            }
            Ok(payer)
        };
        let found = self.0.node.query(read).await;
        found.unwrap_or(Err(NotPaid::Unavailable))
    }

    /// The wallet of a key; opened, with a gift of test money, if the key is new.
    ///
    /// # Errors
    /// [`GateError`]: the key was revoked, or the node does not answer.
    pub async fn wallet_for(
        &self,
        key: PublicKey,
        gift: Option<Atoms>,
    ) -> Result<(WalletId, bool), GateError> {
        let inner = &*self.0;
        match inner.registry.find(inner.tenant_id, &key)? {
            Some(record) if record.revoked_ms.is_none() => return Ok((record.wallet, false)),
            Some(_) => return Err(GateError::KeyTaken),
            None => {}
        }
        let (party, wallet) = (PartyId(inner.fresh()?), WalletId(inner.fresh()?));
        for op in opening(party, wallet, PartyKind::Agent) {
            inner.must(op).await?;
        }
        if let Some(amount) = gift.filter(|_| self.is_test()) {
            inner
                .must(Op::TopUp {
                    wallet,
                    asset: inner.asset_no,
                    amount,
                    source: Source::Promo,
                    channel: Channel::MANUAL,
                    spendable: true,
                })
                .await?;
        }
        let record = KeyRecord {
            key,
            wallet,
            label: "registered over HTTP".to_owned(),
            created_ms: i64::try_from(inner.node.now().0).unwrap_or(i64::MAX),
            revoked_ms: None,
        };
        // Two registrations at once: one of the wallets stays unused.
        match inner.registry.add(inner.tenant_id, &record) {
            Err(GateError::KeyTaken) => {
                let known = inner.registry.wallet_of(inner.tenant_id, &key)?;
                known
                    .map(|wallet| (wallet, false))
                    .ok_or(GateError::KeyTaken)
            }
            added => added.map(|()| (wallet, true)),
        }
    }
}

/// The network's name of a tenant.
#[must_use]
pub fn network(tenant: TenantId) -> String {
    format!("farthing:{:032x}", tenant.0.0)
}

fn opening(party: PartyId, wallet: WalletId, kind: PartyKind) -> [Op; 2] {
    [
        Op::RegisterParty {
            party,
            kind,
            country: Country::UNKNOWN,
            tier: Tier(0),
            particulars: Default::default(),
        },
        Op::OpenWallet { wallet, party },
    ]
}

impl Inner {
    fn command(&self, id: Id, op: Op) -> Command {
        Command {
            id,
            tenant: self.tenant,
            actor: ActorId(Id::NONE),
            op,
            besides: None,
        }
    }

    fn fresh(&self) -> Result<Id, GateError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| GateError::Random(error.to_string()))?;
        Ok(Id::timed(self.node.now().0, u128::from_le_bytes(random)))
    }

    /// What is opened is named by its own id, as over the API: history shows it under that.
    fn id_of(&self, op: &Op) -> Result<Id, GateError> {
        match op {
            Op::RegisterParty { party, .. } => Ok(party.0),
            Op::OpenWallet { wallet, .. } => Ok(wallet.0),
            _ => self.fresh(),
        }
    }

    async fn must(&self, op: Op) -> Result<(), GateError> {
        let command = self.command(self.id_of(&op)?, op);
        judge(&self.node.submit(command).await?)
    }

    fn known(&self, wallet: WalletId) -> Result<WalletId, GateError> {
        let tenant = self.tenant;
        let known = self
            .node
            .query_blocking(move |state| state.wallet_no(tenant, wallet).is_some())?;
        if known {
            Ok(wallet)
        } else {
            Err(GateError::Setting(format!("there is no wallet {wallet}")))
        }
    }

    /// The gate's own wallet, opened at its first start. A start that was cut short is taken up
    /// again, because the ids are kept before they are used.
    fn own_wallet(&self) -> Result<WalletId, GateError> {
        let id_of = |what: &str| {
            let name = format!("seller {what} of {:032x}", self.tenant_id.0.0);
            let id = self
                .registry
                .fact(&name, || Ok(self.fresh()?.0.to_be_bytes()));
            Ok::<Id, GateError>(Id(u128::from_be_bytes(id?)))
        };
        let (party, wallet) = (PartyId(id_of("party")?), WalletId(id_of("wallet")?));
        if self.known(wallet).is_ok() {
            return Ok(wallet);
        }
        for op in opening(party, wallet, PartyKind::Business) {
            let command = self.command(self.fresh()?, op);
            match self.node.submit_blocking(command)? {
                Answer::Rejected(rejection) if rejection.code == Code::AlreadyExists => {}
                answer => judge(&answer)?,
            }
        }
        self.known(wallet)
    }
}

fn judge(answer: &Answer) -> Result<(), GateError> {
    match answer {
        Answer::Rejected(rejection) => Err(GateError::Refused(rejection.code.help())),
        Answer::Done { event, .. } | Answer::Known { event, .. } => match event.refusal() {
            Some(refused) => Err(GateError::Refused(refused.code.help())),
            None => Ok(()),
        },
    }
}

/// Funds set aside; voided when dropped.
pub struct Held {
    teller: Teller,
    payment: Id,
    payer: WalletId,
    amount: Atoms,
    done: bool,
}

impl Held {
    /// The payer's wallet.
    #[must_use]
    pub fn payer(&self) -> WalletId {
        self.payer
    }

    /// Takes what was set aside.
    ///
    /// # Errors
    /// [`NotPaid`]: then nothing was taken, or nobody knows; what is left is released.
    pub async fn take(self) -> Result<Taken, NotPaid> {
        let task = tokio::spawn(self.take_now());
        task.await.unwrap_or(Err(NotPaid::Unavailable))
    }

    async fn take_now(mut self) -> Result<Taken, NotPaid> {
        let inner = self.teller.0.clone();
        let id = inner.fresh().map_err(|_| NotPaid::Unavailable)?;
        let op = Op::Capture {
            payment: self.payment,
            amount: self.amount,
            asset: None,
            last: true,
        };
        match inner.node.submit(inner.command(id, op)).await {
            Ok(Answer::Done { event, .. }) if event.refusal().is_none() => {
                self.done = true;
                Ok(Taken {
                    teller: self.teller.clone(),
                    payment: self.payment,
                    capture: Some(event),
                    amount: self.amount,
                })
            }
            Ok(Answer::Done { event, .. }) => {
                let code = event.refusal().map(|refused| refused.code);
                Err(code.map_or(NotPaid::Unavailable, NotPaid::Denied))
            }
            _ => Err(NotPaid::Unavailable),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.done {
            let payment = self.payment;
            undo(&self.teller, "void", Op::Void { payment });
        }
    }
}

/// A payment made; given back when dropped before it is kept.
pub struct Taken {
    teller: Teller,
    payment: Id,
    capture: Option<Box<Event>>,
    amount: Atoms,
}

impl Taken {
    /// The payment's public id.
    #[must_use]
    pub fn payment(&self) -> String {
        self.payment.with_prefix("pay")
    }
}

impl Due for Taken {
    fn keep(mut self) {
        self.capture = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(event) = self.capture.take() {
            let op = Op::Refund {
                payment: event.id,
                amount: self.amount,
                carried: Carried::from(*event),
            };
            undo(&self.teller, "refund", op);
        }
    }
}

/// Does it in a task; a busy node is asked again for a while.
fn undo(teller: &Teller, what: &'static str, op: Op) {
    const TRIES: u32 = 5;
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        tracing::warn!(what, "undo_left_to_expiry");
        return;
    };
    let inner = teller.0.clone();
    runtime.spawn(async move {
        let Ok(id) = inner.fresh() else { return };
        for tries in 1..=TRIES {
            match inner.node.submit(inner.command(id, op.clone())).await {
                Ok(answer) => match judge(&answer) {
                    Ok(()) => return,
                    // Of an authorization that was never made, or is over already.
                    Err(error) => return tracing::debug!(what, %error, "undo_refused"),
                },
                Err(Unavailable::Busy { retry_after_ms }) if tries < TRIES => {
                    tokio::time::sleep(std::time::Duration::from_millis(retry_after_ms)).await;
                }
                Err(error) => return tracing::warn!(what, %error, "undo_left_to_expiry"),
            }
        }
    });
}
