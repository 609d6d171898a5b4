//! What is to be written: plain rows, in the journal's order.

/// Stands for "no account": the wallet was concerned, nothing was posted to it.
pub const NO_ACCOUNT: u32 = u32::MAX;

/// What some rows of the journal come to. Filled by `node`, written at once by
/// [`super::ReadWriter::write`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Where the model stands afterwards.
    pub applied: Applied,
    /// The journal's rows that have events.
    pub batches: Vec<BatchRow>,
    /// What happened, numbered without gaps.
    pub events: Vec<EventRow>,
    /// What it did to wallets, in any order.
    pub entries: Vec<EntryRow>,
    /// Earlier things that events concern: tenant, thing, `no`.
    pub abouts: Vec<(u32, u128, u64)>,
    /// What is rarer, each with the `no` of its event, in order.
    pub changes: Vec<(u64, Change)>,
    /// Balances to note, by account.
    pub balances: Vec<(u32, i128)>,
}

impl Rows {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.batches.clear();
        self.events.clear();
        self.entries.clear();
        self.abouts.clear();
        self.changes.clear();
        self.balances.clear();
    }
}

/// How far the journal has been followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The last row, 0 for none.
    pub seq: u64,
    /// Its hash in the chain: another journal's row of that number has another.
    pub hash: [u8; 32],
    /// The number the next happening gets.
    pub next_no: u64,
    /// Balances of wallet accounts are noted as before this number; the rest is in their lines.
    pub balances_no: u64,
}

impl Default for Applied {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: [0; 32],
            next_no: 1,
            balances_no: 1,
        }
    }
}

/// A row of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// The number of the first thing in it.
    pub first_no: u64,
    /// Its own number.
    pub seq: u64,
    /// Its time, milliseconds since 1970.
    pub at_ms: u64,
}

/// One thing that happened: an event, a group, or an item of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub no: u64,
    /// Its place in the journal's row, from 0.
    pub index: u32,
    /// 0 for the whole event, n for the n-th item of a group.
    pub part: u32,
    /// Whose.
    pub tenant: u32,
    /// What.
    pub kind: u16,
    /// Its id; zero for none.
    pub id: u128,
    /// The wallet that pays, or the only one concerned.
    pub payer: Option<u32>,
    /// The wallet paid.
    pub payee: Option<u32>,
    /// In what the amounts are.
    pub asset: Option<u16>,
    /// How much, atoms.
    pub amount: u64,
    /// The tax in it, atoms.
    pub tax: u64,
    /// The fee in it, atoms.
    pub fee: u64,
    /// Why it was refused; zero for not.
    pub code: u16,
    /// The earlier payment it belongs to; zero for none.
    pub of: u128,
}

/// One line of a wallet's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Whose.
    pub wallet: u32,
    /// Which event.
    pub no: u64,
    /// Which of the wallet's accounts, or [`NO_ACCOUNT`].
    pub account: u32,
    /// By how much it changed, atoms.
    pub amount: i128,
    /// What it was then, atoms.
    pub balance: i128,
}

/// A sum over events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their amounts, atoms.
    pub amount: i128,
    /// The tax in them, atoms.
    pub tax: i128,
    /// The fees in them, atoms.
    pub fee: i128,
}

/// A kind of thing that later events only name, so that its wallets are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Thing {
    Hold,
    StepUp,
    TopUp,
    Withdrawal,
    Mandate,
    Dispute,
}

/// What an event did to a top-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopUpChange {
    /// It settled.
    Settled,
    /// So much of it was taken back, atoms.
    Reversed(u64),
    /// It is closed: its record stands in this event.
    Closed,
}

/// What is rarer than a payment. Words are the API's; ids are whole; other things are by number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    TenantOpened {
        no: u32,
        id: u128,
        mode: &'static str,
    },
    AssetRegistered {
        no: u16,
        code: String,
        scale: u8,
    },
    TermsSet {
        tenant: u32,
        json: String,
    },
    PartyRegistered {
        no: u32,
        tenant: u32,
        id: u128,
        kind: &'static str,
        country: [u8; 2],
        tier: u8,
    },
    PartyChanged {
        no: u32,
        country: [u8; 2],
        tier: u8,
        standing: &'static str,
    },
    WalletOpened {
        no: u32,
        tenant: u32,
        id: u128,
        party: u32,
    },
    WalletChanged {
        no: u32,
        standing: &'static str,
    },
    AccountOpened {
        no: u32,
        tenant: u32,
        class: &'static str,
        owner: u32,
        sub: u16,
        asset: u16,
        source: Option<&'static str>,
        origin: Option<&'static str>,
    },
    CreditSet {
        account: u32,
        limit: u64,
    },
    HoldOpened {
        tenant: u32,
        id: u128,
        payer: u32,
        payee: u32,
        asset: u16,
        amount: u64,
        expires_ms: u64,
    },
    HoldCaptured {
        tenant: u32,
        id: u128,
        amount: u64,
    },
    HoldEnded {
        tenant: u32,
        id: u128,
        state: &'static str,
    },
    StepUpOpened {
        tenant: u32,
        id: u128,
        payer: u128,
        payee: u128,
        asset: u16,
        amount: u64,
        expires_ms: u64,
    },
    StepUpEnded {
        tenant: u32,
        id: u128,
        state: &'static str,
    },
    TopUpOpened {
        tenant: u32,
        id: u128,
        wallet: u32,
        asset: u16,
        amount: u64,
        source: &'static str,
        channel: u16,
        spendable: bool,
    },
    TopUpChanged {
        tenant: u32,
        id: u128,
        change: TopUpChange,
    },
    WithdrawalOpened {
        tenant: u32,
        id: u128,
        wallet: u32,
        asset: u16,
        amount: u64,
        channel: u16,
    },
    WithdrawalState {
        tenant: u32,
        id: u128,
        state: &'static str,
    },
    MandateGranted {
        tenant: u32,
        id: u128,
        payer: u32,
        agent: u32,
        asset: u16,
        per_payment: Option<u64>,
        per_day: Option<u64>,
        payees: Vec<u32>,
        expires_ms: u64,
    },
    MandateRevoked {
        tenant: u32,
        id: u128,
    },
    DisputeOpened {
        tenant: u32,
        id: u128,
        payment: u128,
        payer: Option<u32>,
        payee: Option<u32>,
        asset: u16,
        amount: u64,
    },
    DisputeEnded {
        tenant: u32,
        id: u128,
        state: &'static str,
    },
    CorrectionProposed {
        tenant: u32,
        id: u128,
        reason: [u8; 32],
        proposer: u128,
    },
    CorrectionEnded {
        tenant: u32,
        id: u128,
        state: &'static str,
        /// Which key approved it; 0 if none did.
        approver: u128,
    },
    LawProposed {
        tenant: u32,
        id: u128,
        proposer: u128,
        /// What it proposes, in brief: JSON.
        proposed: String,
        /// The packs whose text it has, each with its edition.
        packs: Vec<(String, String)>,
    },
    LawApproved {
        tenant: u32,
        id: u128,
        approver: u128,
        effective_ms: u64,
    },
    LawRejected {
        tenant: u32,
        id: u128,
    },
    LawActivated {
        tenant: u32,
        id: u128,
        version: u32,
        /// The packs in force: JSON.
        packs: String,
    },
    RefusalsCounted {
        tenant: u32,
        party: Option<u32>,
        code: u16,
        count: u32,
    },
    /// A subscription was made or changed: all of it.
    SubscriptionSet {
        tenant: u32,
        id: u128,
        payer: u32,
        state: &'static str,
        /// JSON.
        record: String,
    },
    /// The event put value into an account that may be a party's debt: its wallets are concerned, if
    /// nothing was posted to any of them.
    PaidDebt {
        account: u32,
    },
    /// The event takes wallets, asset and (if it has none) amount from the thing it names.
    Inherit {
        tenant: u32,
        thing: Thing,
        id: u128,
    },
}
