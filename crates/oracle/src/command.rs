//! Commands in plain numbers and ids.

use crate::{Id, Item, Price, Seller, TaxRules, Terms};

/// One thing asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What makes it happen once.
    pub id: Id,
    /// The tenant's number.
    pub tenant: u32,
    /// What is asked.
    pub op: Op,
}

/// The spending side of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// The payer's wallet.
    pub payer: Id,
    /// The agent's mandate, or 0.
    pub mandate: Id,
    /// Atoms, all included; of an item the most that it may cost, or 0.
    pub amount: u64,
    /// The asset's number.
    pub asset: u16,
    /// The fraud score.
    pub risk: u16,
    /// Whether the payer has confirmed.
    pub confirmed: bool,
    /// Where two observations say that the payer is.
    pub seen: Option<[u8; 2]>,
    /// What is bought, if its price says what that costs.
    pub item: Option<Item>,
}

/// What a paper's rounding left of a tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounding {
    /// The paper.
    pub paper: Id,
    /// The payment whose decision says where the tax goes, or 0.
    pub payment: Id,
    /// Which share of it.
    pub share: usize,
    /// The party that sold.
    pub seller: Id,
    /// Whether it is tax in the fee.
    pub is_fee: bool,
    /// Whose tax it is where nothing was decided.
    pub country: [u8; 2],
    /// The asset's number.
    pub asset: u16,
    /// Atoms: what the paper states more than was posted.
    pub amount: i64,
}

/// Whether a party or wallet can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Standing {
    /// In use.
    #[default]
    Active,
    /// Stopped for now.
    Frozen,
    /// Ended for good.
    Closed,
}

/// How a dispute ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict3 {
    /// The payee keeps it.
    PayeeWins,
    /// The payer gets it back.
    PayerWins,
    /// The channel has paid the payer outside.
    ChannelTook,
}

/// What is asked. `carried` names the event the command carries by that event's id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Pay {
        spend: Spend,
        payee: Id,
    },
    Authorize {
        spend: Spend,
        payee: Id,
        expires: Option<u64>,
    },
    Transfer {
        spend: Spend,
        payee: Id,
    },
    Split {
        spend: Spend,
        payees: Vec<(Id, u64)>,
    },
    Capture {
        payment: Id,
        amount: u64,
        last: bool,
    },
    Void {
        payment: Id,
    },
    Refund {
        payment: Id,
        amount: u64,
        carried: Id,
    },
    Group {
        items: Vec<(Id, Op)>,
    },

    SetShard {
        window_ms: u64,
        entries_max: u64,
    },
    RegisterAsset {
        code: &'static str,
    },
    OpenTenant {
        tenant: Id,
    },
    SetTerms {
        terms: Box<Terms>,
    },
    SetTax {
        rules: Option<Box<TaxRules>>,
    },
    SetSeller {
        party: Id,
        seller: Seller,
    },
    SetPrice {
        price: Id,
        from: Option<u64>,
        definition: Box<Price>,
    },
    ArchivePrice {
        price: Id,
    },
    RoundTax(Rounding),
    RegisterParty {
        party: Id,
        country: [u8; 2],
        tier: u8,
    },
    ChangeParty {
        party: Id,
        country: Option<[u8; 2]>,
        tier: Option<u8>,
        standing: Option<Standing>,
    },
    OpenWallet {
        wallet: Id,
        party: Id,
    },
    ChangeWallet {
        wallet: Id,
        standing: Standing,
    },
    SetCredit {
        wallet: Id,
        asset: u16,
        limit: u64,
    },

    TopUp {
        wallet: Id,
        asset: u16,
        amount: u64,
        source: u8,
        channel: u16,
        spendable: bool,
    },
    SettleTopUp {
        topup: Id,
    },
    ReverseTopUp {
        topup: Id,
        amount: u64,
        carried: Option<Id>,
    },
    SettleEarned {
        wallet: Id,
        asset: u16,
        origin: u8,
        amount: u64,
    },
    Withdraw {
        wallet: Id,
        asset: u16,
        amount: u64,
        channel: u16,
    },
    SendWithdrawal {
        withdrawal: Id,
    },
    SettleWithdrawal {
        withdrawal: Id,
    },
    ReturnWithdrawal {
        withdrawal: Id,
    },

    GrantMandate {
        payer: Id,
        agent: Id,
        asset: u16,
        per_payment: Option<u64>,
        per_day: Option<u64>,
        payees: Vec<Id>,
        expires: u64,
    },
    RevokeMandate {
        mandate: Id,
    },
    OpenDispute {
        payment: Id,
        amount: u64,
        carried: Id,
    },
    ResolveDispute {
        dispute: Id,
        verdict: Verdict3,
    },
}
