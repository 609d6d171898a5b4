//! Events into rows: what each effect means for lists and histories.
//!
//! Like `apply`, it holds no rule. It keeps what it must know of the rows before: the next numbers,
//! whose each account is, and every balance.

mod effect;
mod law;

use engine::event::{Effect, Event, EventKind};
use engine::ids::Id;
use ledger::{AccountClass, AccountNo, Posting};
use store::read::{Applied, BatchRow, Change, EntryRow, EventRow, Loaded, NO_ACCOUNT, Rows};

/// Up to so many changed balances are written with their events; more are put off.
const BALANCES_NOW_MAX: usize = 4_096;
/// Until so many events have passed.
const BALANCES_LAG_MAX: u64 = 2_000_000;
const NOBODY: u32 = u32::MAX;

/// What the rows before have come to.
pub(super) struct Fold {
    applied: Applied,
    tenants: u32,
    assets: u16,
    parties: u32,
    wallets: u32,
    wallet_of: Vec<u32>,
    balances: Vec<i128>,
    /// Accounts of wallets whose balance is not written yet.
    dirty: Vec<u32>,
    is_dirty: Vec<bool>,
    /// The operator's and parties' accounts changed in these rows.
    touched: Vec<u32>,
}

impl Fold {
    pub fn new(loaded: Loaded) -> Fold {
        let is_dirty = vec![false; loaded.balances.len()];
        let wallet_of = loaded.wallet_of.iter().map(|w| w.unwrap_or(NOBODY));
        let mut fold = Fold {
            applied: loaded.applied,
            tenants: loaded.tenants,
            assets: loaded.assets,
            parties: loaded.parties,
            wallets: loaded.wallets,
            wallet_of: wallet_of.collect(),
            balances: loaded.balances,
            dirty: Vec::new(),
            is_dirty,
            touched: Vec::new(),
        };
        // Which balances were put off is not known any more: all may have been.
        if fold.applied.balances_no < fold.applied.next_no {
            for no in 0..fold.balances.len() {
                fold.mark(no);
            }
        }
        fold
    }

    pub fn applied(&self) -> Applied {
        self.applied
    }

    fn mark(&mut self, account: usize) {
        let number = u32::try_from(account).unwrap_or(NOBODY);
        if self.wallet_of[account] == NOBODY {
            self.touched.push(number);
        } else if !self.is_dirty[account] {
            self.is_dirty[account] = true;
            self.dirty.push(number);
        }
    }

    /// Adds an event, at its place in the row being folded.
    pub fn event(&mut self, event: &Event, index: u32, rows: &mut Rows) {
        for effect in &event.effects {
            self.open_account(event, effect, rows);
        }
        if event.kind != EventKind::Grouped {
            self.part(
                event,
                index,
                0,
                event.id,
                event.kind,
                &event.postings,
                &event.effects,
                rows,
            );
            return;
        }
        // The group itself, with what stands after its last item; then the items.
        let (mut items, mut last) = (0, (0, 0));
        for effect in &event.effects {
            if let Effect::Part {
                postings, effects, ..
            } = *effect
            {
                (items, last) = (items + 1, (postings as usize, effects as usize + 1));
            }
        }
        let postings = event.postings.get(last.0..).unwrap_or_default();
        let effects = event.effects.get(last.1..).unwrap_or_default();
        self.part(
            event, index, 0, event.id, event.kind, postings, effects, rows,
        );
        for (item, part) in (1u32..=items).zip(event.parts()) {
            self.part(
                event,
                index,
                item,
                part.id,
                part.kind,
                part.postings,
                part.effects,
                rows,
            );
        }
    }

    /// Ends a row of the journal.
    pub fn row(&mut self, first_no: u64, seq: u64, hash: [u8; 32], at_ms: u64, rows: &mut Rows) {
        if self.applied.next_no > first_no {
            rows.batches.push(BatchRow {
                first_no,
                seq,
                at_ms,
            });
        }
        (self.applied.seq, self.applied.hash) = (seq, hash);
    }

    /// Ends what is written at once. Balances of many wallets are put off, for each would rewrite
    /// its page; their lines say the same.
    pub fn finish(&mut self, rows: &mut Rows) {
        self.touched.sort_unstable();
        self.touched.dedup();
        let behind = self.applied.next_no - self.applied.balances_no;
        let now = self.dirty.len() <= BALANCES_NOW_MAX || behind >= BALANCES_LAG_MAX;
        let mut write = |no: u32| rows.balances.push((no, self.balances[no as usize]));
        self.touched.drain(..).for_each(&mut write);
        if now {
            for no in self.dirty.drain(..) {
                self.is_dirty[no as usize] = false;
                write(no);
            }
            self.applied.balances_no = self.applied.next_no;
        }
        rows.applied = self.applied;
    }

    #[allow(clippy::too_many_arguments)]
    fn part(
        &mut self,
        event: &Event,
        index: u32,
        part: u32,
        id: Id,
        kind: EventKind,
        postings: &[Posting],
        effects: &[Effect],
        rows: &mut Rows,
    ) {
        let no = self.applied.next_no;
        self.applied.next_no += 1;
        let mut row = EventRow {
            no,
            index,
            part,
            tenant: event.tenant.0,
            kind: kind as u16,
            id: id.0,
            payer: None,
            payee: None,
            asset: None,
            amount: 0,
            tax: 0,
            fee: 0,
            code: 0,
            of: 0,
        };
        let first_entry = rows.entries.len();
        for posting in postings {
            self.post(no, posting, rows);
            // The row names the first payee of a split only; a debt may take all of another's share.
            let AccountNo(account) = posting.account;
            let is_wallets = self.wallet_of[account as usize] != NOBODY;
            if kind == EventKind::Split && posting.amount > 0 && !is_wallets {
                rows.changes.push((no, Change::PaidDebt { account }));
            }
        }
        let first_about = rows.abouts.len();
        for effect in effects {
            self.effect(effect, id, kind, &mut row, rows);
        }
        dedup_abouts(first_about, id, rows);
        if row.payer.is_none() {
            // Income released: the only wallet is the one posted to.
            row.payer = rows.entries.get(first_entry).map(|entry| entry.wallet);
        }
        for wallet in [row.payer, row.payee].into_iter().flatten() {
            let named = rows.entries[first_entry..]
                .iter()
                .any(|e| e.wallet == wallet);
            if !named {
                let (account, amount, balance) = (NO_ACCOUNT, 0, 0);
                rows.entries.push(EntryRow {
                    wallet,
                    no,
                    account,
                    amount,
                    balance,
                });
            }
        }
        rows.events.push(row);
    }

    fn post(&mut self, no: u64, posting: &Posting, rows: &mut Rows) {
        let AccountNo(account) = posting.account;
        let at = account as usize;
        self.balances[at] += posting.amount;
        self.mark(at);
        let wallet = self.wallet_of[at];
        if wallet == NOBODY {
            return;
        }
        let (amount, balance) = (posting.amount, self.balances[at]);
        // An account posted to twice by one event has one line.
        let mut lines = rows.entries.iter_mut().rev().take_while(|e| e.no == no);
        match lines.find(|e| e.account == account) {
            Some(line) => (line.amount, line.balance) = (line.amount + amount, balance),
            None => rows.entries.push(EntryRow {
                wallet,
                no,
                account,
                amount,
                balance,
            }),
        }
    }

    fn open_account(&mut self, event: &Event, effect: &Effect, rows: &mut Rows) {
        let &Effect::AccountOpened {
            no,
            class,
            owner,
            sub,
            asset,
            source,
            origin,
        } = effect
        else {
            return;
        };
        let wallet = if class == AccountClass::Wallet {
            owner
        } else {
            NOBODY
        };
        self.wallet_of.push(wallet);
        self.balances.push(0);
        self.is_dirty.push(false);
        let change = Change::AccountOpened {
            no: no.0,
            tenant: event.tenant.0,
            class: class.as_str(),
            owner,
            sub,
            asset: asset.0,
            source: source.map(|s| s.as_str()),
            origin: origin.map(|s| s.as_str()),
        };
        rows.changes.push((self.applied.next_no, change));
    }
}

/// One note of each thing, and none of the event's own id.
fn dedup_abouts(first: usize, id: Id, rows: &mut Rows) {
    if rows.abouts.len() == first {
        return;
    }
    let mut things = rows.abouts.split_off(first);
    things.sort_unstable();
    things.dedup();
    rows.abouts
        .extend(things.into_iter().filter(|(_, thing, _)| *thing != id.0));
}
