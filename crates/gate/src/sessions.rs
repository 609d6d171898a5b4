//! Sessions: an authorization opens one, vouchers pay in it without the ledger being asked, the
//! ledger captures what was served at intervals and at the end.
//!
//! - What a session may take is [`Meter`]'s to say; this module puts signatures before it and the
//!   ledger behind it.
//! - What was served is reported after half a second, or as soon as it is half a per cent of the
//!   deposit; beyond one per cent a request waits for the report. That is what a crash may cost.
//! - A session is kept by one gate, whose lease is durable ([`crate::leases`]). After a crash it is
//!   what the registry and the ledger know of it.
//! - An answer that broke off is not charged, and a gate that dies breaks off its answers.
//! - What must not be cut off half-way (opening, topping up, settling) runs in tasks of its own.

use crate::delivery::Due;
use crate::error::GateError;
use crate::leases::{Keeper, SessionRow};
use crate::meter::{Entry, Meter, Short};
use crate::offer::Offer;
use crate::sign::PublicKey;
use crate::teller::{Claim, NotPaid, Teller};
use crate::voucher::{Ask, Opening, Place, Purpose, SessionId, Voucher, deposit_text};
use engine::ids::WalletId;
use engine::{Id, UtcMillis};
use money::Atoms;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

mod keeping;
mod settling;

use settling::Part;

/// A payer's clock may be so far ahead, and an opening good for so much longer than is asked.
const SKEW_S: u64 = 30;
/// An opening may be good for so long at most.
const OPENING_S: u64 = 300;
/// An authorization outlives its session by so much: time to capture.
const MARGIN_MS: u64 = 60_000;
/// Sessions that are open at a time.
const OPEN_MAX: usize = 65_536;
/// Authorizations of one session.
const PARTS_MAX: usize = 16;

/// How sessions behave.
#[derive(Clone, Copy, Debug)]
pub struct SessionOptions {
    /// A session is closed after so long at the latest. Never longer than half the time for which
    /// the ledger remembers ids.
    pub lasts: Duration,
    /// A session in which nothing was asked for so long is closed.
    pub idle: Duration,
}

impl Default for SessionOptions {
    fn default() -> Self {
        SessionOptions {
            lasts: Duration::from_secs(1800),
            idle: Duration::from_secs(600),
        }
    }
}

/// Why a session does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotServed {
    /// The opening's times are wrong.
    OpeningExpired,
    OpeningInFuture,
    /// A signature is not by the session's key, or not for this.
    NotSigned,
    /// There is no such session, or it is over.
    Unknown,
    /// Another gate keeps it, at this address.
    Elsewhere(String),
    /// It cannot be closed while requests are under way, or topped up any more.
    Busy(&'static str),
    /// The voucher does not cover the request.
    Short(Short, Snapshot),
    /// The ledger said no.
    NotPaid(NotPaid),
}

impl From<NotPaid> for NotServed {
    fn from(why: NotPaid) -> Self {
        NotServed::NotPaid(why)
    }
}

/// How a session stands. Amounts in atoms, since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub session: SessionId,
    /// Its first authorization.
    pub payment: Id,
    pub payer: WalletId,
    /// The highest voucher.
    pub accepted: u64,
    /// What was served, this request too if it is.
    pub spent: u64,
    pub deposit: u64,
    /// What the next voucher must say at least, for the price that was asked.
    pub required: u64,
    /// When it ends by itself, milliseconds since 1970.
    pub closes_ms: u64,
}

impl Snapshot {
    /// In the words that the protocols share.
    #[must_use]
    pub fn told(&self) -> serde_json::Value {
        serde_json::json!({
            "acceptedCumulative": self.accepted.to_string(),
            "deposit": self.deposit.to_string(),
            "requiredCumulative": self.required.to_string(),
            "sessionId": self.session.to_string(),
            "spent": self.spent.to_string(),
        })
    }
}

struct Session {
    id: SessionId,
    key: PublicKey,
    payer: WalletId,
    opened_ms: u64,
    closes_ms: u64,
    payment: Id,
    meter: Mutex<Meter>,
    used_ms: AtomicU64,
    /// Whether it is in the list of what is to be reported.
    is_dirty: AtomicBool,
    parts: tokio::sync::Mutex<Vec<Part>>,
}

impl Session {
    fn new(row: &SessionRow, parts: Vec<Part>, now_ms: u64) -> Session {
        let deposit = parts.iter().map(|part| part.authorized).sum();
        let captured = parts.iter().map(|part| part.captured).sum();
        Session {
            id: row.session,
            key: row.key,
            payer: row.payer,
            opened_ms: row.opened_ms,
            closes_ms: row.closes_ms,
            payment: row.parts.first().map_or(Id::NONE, |(payment, _)| *payment),
            meter: Mutex::new(Meter::new(deposit, captured)),
            used_ms: AtomicU64::new(now_ms),
            is_dirty: AtomicBool::new(false),
            parts: tokio::sync::Mutex::new(parts),
        }
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self, price: u64) -> Snapshot {
        let meter = self.meter();
        Snapshot {
            session: self.id,
            payment: self.payment,
            payer: self.payer,
            accepted: meter.accepted(),
            spent: meter.spent(),
            deposit: meter.deposit(),
            required: meter.required(price),
            closes_ms: self.closes_ms,
        }
    }
}

struct Inner {
    teller: Teller,
    network: String,
    pay_to: String,
    asset: String,
    address: String,
    options: SessionOptions,
    /// How long sessions last here, milliseconds; zero until the gate has begun.
    lasts_ms: AtomicU64,
    /// Until when this gate may serve sessions.
    lease_ms: AtomicU64,
    epoch: Mutex<Option<i64>>,
    open: RwLock<HashMap<SessionId, Arc<Session>>>,
    dirty: Mutex<Vec<Arc<Session>>>,
    /// One session at a time is taken over.
    adopting: tokio::sync::Mutex<()>,
}

/// The sessions that a gate keeps. Clones are the same.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

/// What came of an [`Ask`].
pub enum Done {
    /// The request may be served.
    Serve(Serving),
    /// The session was topped up or closed; there is nothing to serve.
    Settled(Snapshot),
}

/// A request that is paid for if it is kept. Dropped before, it is not.
pub struct Serving {
    sessions: Sessions,
    session: Arc<Session>,
    price: u64,
    is_kept: bool,
}

impl Serving {
    /// How the session stands when this request is served.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let now = self.session.snapshot(self.price);
        Snapshot {
            spent: now.spent.saturating_add(self.price).min(now.accepted),
            ..now
        }
    }

    /// How it stands if nothing is served.
    #[must_use]
    pub fn as_before(&self) -> Snapshot {
        self.session.snapshot(0)
    }
}

impl Due for Serving {
    fn keep(mut self) {
        self.is_kept = true;
        let is_due = self.session.meter().serve(self.price);
        self.sessions.mark(&self.session, is_due);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !self.is_kept {
            self.session.meter().release(self.price);
        }
    }
}

impl Sessions {
    #[must_use]
    pub fn new(teller: Teller, address: String, options: SessionOptions) -> Sessions {
        Sessions(Arc::new(Inner {
            network: teller.network(),
            pay_to: teller.seller().to_string(),
            asset: teller.asset().code.as_str().to_owned(),
            teller,
            address,
            options,
            lasts_ms: AtomicU64::new(0),
            lease_ms: AtomicU64::new(0),
            epoch: Mutex::new(None),
            open: RwLock::new(HashMap::new()),
            dirty: Mutex::new(Vec::new()),
            adopting: tokio::sync::Mutex::new(()),
        }))
    }

    fn place(&self) -> Place<'_> {
        Place {
            network: &self.0.network,
            pay_to: &self.0.pay_to,
            asset: &self.0.asset,
        }
    }

    fn now_ms(&self) -> u64 {
        self.0.teller.now().0
    }

    /// How long a session lasts, seconds; zero if none can be opened now.
    #[must_use]
    pub fn lasts_s(&self) -> u64 {
        self.0.lasts_ms.load(Ordering::Relaxed) / 1000
    }

    /// What to set aside for requests like this one.
    #[must_use]
    pub fn suggested_deposit(price: Atoms) -> Atoms {
        Atoms(price.0.saturating_mul(1000))
    }

    /// Does what a client wants, for a request of this offer.
    ///
    /// # Errors
    /// [`NotServed`]; nothing is reserved then.
    pub async fn handle(&self, ask: Ask, offer: &Offer) -> Result<Done, NotServed> {
        if self.now_ms() >= self.0.lease_ms.load(Ordering::Relaxed) {
            return Err(NotPaid::Unavailable.into());
        }
        match ask {
            Ask::Open {
                opening,
                signature,
                voucher,
            } => self.open(opening, signature, voucher, offer).await,
            Ask::Serve(voucher) => {
                let session = self.find(voucher.session).await?;
                self.serve(session, &voucher, offer).await
            }
            Ask::TopUp {
                session,
                deposit,
                signature,
            } => self.top_up(session, deposit, signature).await,
            Ask::Close(voucher) => self.close(&voucher).await,
        }
    }

    fn opened(&self) -> RwLockReadGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.0.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened_mut(&self) -> RwLockWriteGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.0.open.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, id: SessionId) -> Option<Arc<Session>> {
        self.opened().get(&id).cloned()
    }

    async fn serve(
        &self,
        session: Arc<Session>,
        voucher: &Voucher,
        offer: &Offer,
    ) -> Result<Done, NotServed> {
        let purpose = Purpose::Request(&offer.request);
        if !voucher.is_by(&session.key, self.place(), purpose) {
            return Err(NotServed::NotSigned);
        }
        let (now_ms, price) = (self.now_ms(), offer.amount.0);
        if now_ms >= session.closes_ms {
            return Err(NotServed::Unknown);
        }
        session.used_ms.store(now_ms, Ordering::Relaxed);
        loop {
            let entry = session.meter().admit(voucher.cumulative, price);
            match entry {
                Ok(Entry::Admitted) => break,
                // Each report makes what was unreported less, and others wait for the same.
                Ok(Entry::ReportFirst) => self.report(session.clone()).await?,
                Err(Short::Ended) => return Err(NotServed::Unknown),
                Err(short) => return Err(NotServed::Short(short, session.snapshot(price))),
            }
        }
        Ok(Done::Serve(Serving {
            sessions: self.clone(),
            session,
            price,
            is_kept: false,
        }))
    }

    async fn open(
        &self,
        opening: Opening,
        signature: [u8; 64],
        voucher: Voucher,
        offer: &Offer,
    ) -> Result<Done, NotServed> {
        let now_s = self.now_ms() / 1000;
        if opening.created > now_s.saturating_add(SKEW_S) {
            return Err(NotServed::OpeningInFuture);
        }
        let lasts = opening.expires.checked_sub(opening.created);
        if opening.expires <= now_s || lasts.is_none_or(|lasts| lasts > OPENING_S + SKEW_S) {
            return Err(NotServed::OpeningExpired);
        }
        let place = self.place();
        let is_signed = opening.key.signed(&opening.text(place), &signature)
            && voucher.session == opening.session(place)
            && voucher.is_by(&opening.key, place, Purpose::Request(&offer.request));
        if !is_signed {
            return Err(NotServed::NotSigned);
        }
        let session = match self.known(voucher.session) {
            // The client did not hear that it was opened.
            Some(session) => session,
            None => {
                // What could never be served is not opened.
                let mut would_be = Meter::new(opening.deposit, 0);
                if let Err(short) = would_be.admit(voucher.cumulative, offer.amount.0) {
                    let would_be = Snapshot {
                        session: voucher.session,
                        payment: Id::NONE,
                        payer: WalletId(Id::NONE),
                        accepted: 0,
                        spent: 0,
                        deposit: opening.deposit,
                        required: would_be.required(offer.amount.0),
                        closes_ms: 0,
                    };
                    return Err(NotServed::Short(short, would_be));
                }
                let sessions = self.clone();
                let task = tokio::spawn(async move { sessions.open_now(opening).await });
                task.await.unwrap_or(Err(NotPaid::Unavailable.into()))?
            }
        };
        self.serve(session, &voucher, offer).await
    }

    async fn open_now(self, opening: Opening) -> Result<Arc<Session>, NotServed> {
        let teller = &self.0.teller;
        let payer = teller.wallet_of(&opening.key)?;
        let (now_ms, lasts_ms) = (self.now_ms(), self.0.lasts_ms.load(Ordering::Relaxed));
        if self.opened().len() >= OPEN_MAX || lasts_ms == 0 {
            return Err(NotPaid::Unavailable.into());
        }
        let payment = Claim::id_of([&opening.key.0, opening.nonce.as_bytes()], opening.created);
        let row = SessionRow {
            session: opening.session(self.place()),
            key: opening.key,
            payer,
            opened_ms: now_ms,
            closes_ms: now_ms.saturating_add(lasts_ms),
            parts: vec![(payment, Atoms(opening.deposit))],
        };
        // Written before the ledger is asked: what is set aside is never unknown.
        let added = teller
            .registry()
            .add_session(teller.tenant(), &self.0.address, &row);
        if !added.map_err(store_failed)? {
            // It is open, here before a crash or at another gate.
            return self.find(row.session).await;
        }
        let expires = UtcMillis(row.closes_ms.saturating_add(MARGIN_MS));
        let (amount, session) = (Atoms(opening.deposit), row.session);
        let whose = (payer, teller.seller());
        if let Err(why) = teller.set_aside(payment, whose, amount, expires).await {
            self.forget(session);
            return Err(why.into());
        }
        let part = Part::new(payment, opening.deposit);
        Ok(self.keep(Session::new(&row, vec![part], now_ms)))
    }

    /// The one that is kept from now on: who asks while a session is being opened or recovered may
    /// have been first.
    fn keep(&self, session: Session) -> Arc<Session> {
        let mut open = self.opened_mut();
        let kept = open.entry(session.id).or_insert_with(|| Arc::new(session));
        kept.clone()
    }

    fn forget(&self, id: SessionId) {
        self.opened_mut().remove(&id);
        if let Err(error) = self.0.teller.registry().drop_session(id) {
            // Its authorization is over; the row goes when its time is past.
            tracing::warn!(code = error.code(), %error, "session_not_forgotten");
        }
    }

    async fn top_up(
        &self,
        id: SessionId,
        deposit: u64,
        signature: [u8; 64],
    ) -> Result<Done, NotServed> {
        let session = self.find(id).await?;
        let text = deposit_text(self.place(), id, deposit);
        if !session.key.signed(&text, &signature) {
            return Err(NotServed::NotSigned);
        }
        let (sessions, of) = (self.clone(), session.clone());
        let task = tokio::spawn(async move { sessions.top_up_now(&of, deposit).await });
        task.await.unwrap_or(Err(NotPaid::Unavailable.into()))?;
        session.used_ms.store(self.now_ms(), Ordering::Relaxed);
        Ok(Done::Settled(session.snapshot(0)))
    }

    async fn top_up_now(self, session: &Session, deposit: u64) -> Result<(), NotServed> {
        let teller = &self.0.teller;
        let mut parts = session.parts.lock().await;
        // Who closes it lets nobody in first, and then waits for the parts: nothing is set aside
        // after that.
        if self.now_ms() >= session.closes_ms || session.meter().is_ended() {
            return Err(NotServed::Unknown);
        }
        let before: u64 = parts.iter().map(|part| part.authorized).sum();
        let Some(more) = deposit.checked_sub(before).filter(|more| *more > 0) else {
            return Ok(());
        };
        if parts.len() >= PARTS_MAX {
            return Err(NotServed::Busy(
                "This session was topped up too often. Close it and open another.",
            ));
        }
        // The key may have been revoked, or bound to another wallet.
        if teller.wallet_of(&session.key)? != session.payer {
            return Err(NotPaid::UnknownKey.into());
        }
        self.settle(session, &mut parts, false).await?;
        let (payment, at) = (teller.fresh()?, parts.len());
        let part = (payment, Atoms(more));
        let added = teller.registry().add_part(session.id, at, part);
        added.map_err(store_failed)?;
        let expires = UtcMillis(session.closes_ms.saturating_add(MARGIN_MS));
        let (whose, amount) = ((session.payer, teller.seller()), Atoms(more));
        if let Err(why) = teller.set_aside(payment, whose, amount, expires).await {
            let dropped = teller.registry().drop_part(session.id, at);
            dropped.map_err(store_failed)?;
            return Err(why.into());
        }
        parts.push(Part::new(payment, more));
        session.meter().raise(deposit);
        Ok(())
    }

    async fn close(&self, voucher: &Voucher) -> Result<Done, NotServed> {
        let session = self.find(voucher.session).await?;
        if !voucher.is_by(&session.key, self.place(), Purpose::Close) {
            return Err(NotServed::NotSigned);
        }
        {
            let mut meter = session.meter();
            if meter.is_busy() {
                let why =
                    "Requests of this session are under way. Close it when they are answered.";
                return Err(NotServed::Busy(why));
            }
            if voucher.cumulative < meter.spent() {
                drop(meter);
                return Err(NotServed::Short(Short::Lower, session.snapshot(0)));
            }
            meter.end();
        }
        self.finish(session.clone()).await?;
        Ok(Done::Settled(session.snapshot(0)))
    }

    /// A session that this gate keeps, or may take over.
    async fn find(&self, id: SessionId) -> Result<Arc<Session>, NotServed> {
        if let Some(session) = self.known(id) {
            return Ok(session);
        }
        let _one = self.0.adopting.lock().await;
        if let Some(session) = self.known(id) {
            return Ok(session);
        }
        let teller = &self.0.teller;
        let address = &self.0.address;
        let keeper = teller
            .registry()
            .keeper(teller.tenant(), id, address, self.now_ms());
        match keeper.map_err(store_failed)? {
            Keeper::None => Err(NotServed::Unknown),
            Keeper::Other(address) => Err(NotServed::Elsewhere(address)),
            Keeper::Own(row) => {
                let found = self.recover(&row).await?;
                found.ok_or(NotServed::Unknown)
            }
        }
    }
}

fn store_failed(error: GateError) -> NotPaid {
    tracing::error!(code = error.code(), %error, "session_store_failed");
    NotPaid::Unavailable
}
