//! The step's first half: what a command comes to, given State. It reads and never writes.

use crate::code::Code;
use crate::command::{Command, Op};
use crate::content;
use crate::event::{Effect, Event, EventKind, Refused};
use crate::ids::WalletId;
use crate::near::fetch;
use crate::ops;
use crate::recents::{Position, Seen};
use crate::records::{PartyNo, TenantNo, WalletNo};
use crate::snapshot;
use crate::state::State;
use crate::step::law::Scratch;
use crate::step::{self, Draft};
use crate::time::{Civil, UtcMillis};
use crate::view::View;
use ledger::Book;
use std::cell::RefCell;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An event, in the buffer given: done, refused for good, or waiting for confirmation.
    Event,
    /// It was answered before, by the event there.
    Known(Position),
    /// Nothing: it could not be considered, and leaves no trace.
    Rejected(Rejection),
}

/// Why a command was not considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why; of class [`crate::code::Class::Rejection`].
    pub code: Code,
    /// Which value of the command, as the API names it.
    pub field: &'static str,
    /// The item of a group it is in.
    pub item: Option<u32>,
    /// Of a throttled refusal: whose and why, to be counted.
    pub throttled: Option<(PartyNo, Code)>,
}

/// Why a rule stops a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Reject(Code, &'static str),
    /// The same, of one item of a group.
    RejectItem(Code, &'static str, u32),
    Deny(Box<Refused>),
}

pub(crate) type Rule<T = ()> = Result<T, Stop>;

/// What was looked up ahead for one command.
#[derive(Clone, Copy, Debug)]
struct Handle {
    id_hash: u64,
    /// Payer and payee.
    wallets: [WalletNo; 2],
}

/// A wallet that a command names, its id hashed once.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: WalletId,
    hash: u64,
    no: WalletNo,
}

/// What was looked up ahead for some commands.
#[derive(Clone, Debug, Default)]
pub struct Handles {
    /// The hash of each command's id.
    ids: Vec<u64>,
    /// Each command's payer and payee.
    wallets: Vec<[Known; 2]>,
    civil: Option<(TenantNo, u32, Civil)>,
    /// The moment in each zone of a tenant's law.
    under: Option<Under>,
    zones: Vec<policy::Civil>,
    /// Counts the laws, terms and minutes looked at.
    turn: u64,
    /// Memory that is used again and again.
    scratch: RefCell<Scratch>,
}

/// Which law was looked at, with the terms beside it, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Under {
    tenant: TenantNo,
    law: u32,
    terms: u32,
    at: UtcMillis,
}

/// What was looked up ahead, for one command.
#[derive(Clone, Copy, Default)]
struct Ahead<'h> {
    handle: Option<Handle>,
    civil: Option<(TenantNo, u32, Civil)>,
    under: Option<(Under, u64)>,
    zones: &'h [policy::Civil],
    scratch: Option<&'h RefCell<Scratch>>,
}

/// How many commands to resolve at a time: enough for their cache misses to overlap, few enough
/// that what was fetched is still near when it is decided on. See `examples/step_speed.rs`.
pub const RESOLVE_CHUNK: usize = 128;

fn wallets_of(op: &Op) -> Option<(WalletId, WalletId)> {
    match op {
        Op::Pay { spend, payee }
        | Op::Authorize { spend, payee, .. }
        | Op::Transfer { spend, payee } => Some((spend.payer, *payee)),
        _ => None,
    }
}

/// Looks the ids and wallets of up to [`RESOLVE_CHUNK`] commands up ahead. Each pass only issues
/// reads that do not wait for each other, so that their cache misses overlap; what it finds is a
/// hint that `decide` may rely on because numbers are never reused.
pub fn resolve(state: &State, commands: &[Command], now: UtcMillis, handles: &mut Handles) {
    handles.ids.clear();
    let id_hash = |command: &Command| state.recents.hash(command.tenant.0, command.id);
    handles.ids.extend(commands.iter().map(id_hash));
    handles.wallets.clear();
    handles.wallets.extend(commands.iter().map(|command| {
        let known = |id: WalletId| Known {
            id,
            hash: state.id_hash(command.tenant, id.0),
            no: WalletNo::NONE,
        };
        let (payer, payee) = wallets_of(&command.op).unwrap_or_default();
        [known(payer), known(payee)]
    }));
    // Slots of the tables.
    let wallets = handles.wallets.as_flattened_mut();
    let slots = wallets
        .iter()
        .map(|known| state.wallet_index.slot(known.hash));
    fetch(slots, |slot| *slot);
    let ids = commands.iter().zip(&handles.ids);
    let slots = ids.flat_map(|(command, hash)| state.recents.slots(command.id, *hash));
    fetch(slots, |slot| *slot);
    // Wallets that may be the ones.
    for known in &mut *wallets {
        if let Some(no) = state.wallet_index.guess(known.hash) {
            known.no = WalletNo(no);
        }
    }
    let is_there = |known: &&Known| known.no != WalletNo::NONE;
    let there = wallets.iter().filter(is_there);
    let records = there.map(|known| state.wallet(known.no));
    fetch(records, |wallet| u64::from(wallet.first.0));
    // The wallets that are, their parties and first accounts.
    for (wallets, command) in handles.wallets.iter_mut().zip(commands) {
        for known in wallets {
            if known.no != WalletNo::NONE {
                let wallet = state.wallet(known.no);
                if wallet.id != known.id || wallet.tenant != command.tenant {
                    let found = state.wallet_no_hashed(command.tenant, known.id, known.hash);
                    known.no = found.unwrap_or(WalletNo::NONE);
                }
            }
        }
    }
    let there = handles.wallets.as_flattened().iter().filter(is_there);
    let mut records = Vec::with_capacity(2 * RESOLVE_CHUNK);
    records.extend(there.map(|known| state.wallet(known.no)));
    let parties = records.iter().map(|wallet| state.party(wallet.party));
    let parties = fetch(parties, |party| u64::from(party.tenant.0));
    let accounts = records.iter();
    let accounts = accounts.filter_map(|wallet| state.book.get(wallet.first));
    fetch(accounts, |account| u64::from(account.owner));
    // What the parties have used, where the law counts.
    if handles.law_of(state, commands) {
        let counts = parties.iter();
        let counts = counts.filter_map(|party| state.counts.get(party.counts as usize));
        fetch(counts, |counts| counts.len() as u64);
    }
    // Where there are tax rules: those who sell, then their tax accounts.
    if taxes_of(state, commands) {
        let payees = handles.wallets.iter().map(|[_, payee]| payee);
        let payees = payees.filter(is_there);
        let taxpayers = payees.filter_map(|payee| {
            let party = state.wallet(payee.no).party;
            let no = state.taxpayer_nos.get(party.0 as usize)?.checked_sub(1)?;
            state.taxpayers.get(no as usize)
        });
        let taxpayers = fetch(taxpayers, |taxpayer| u64::from(taxpayer.case));
        let accounts = taxpayers.iter();
        let accounts = accounts.filter_map(|taxpayer| state.book.get(taxpayer.account));
        fetch(accounts, |account| u64::from(account.owner));
    }
    handles.look_at(state, commands, now);
    handles.civil = commands.first().and_then(|command| {
        let tenant = state.tenant(command.tenant)?;
        let civil = tenant.terms.zone.civil(now);
        Some((command.tenant, tenant.terms_version, civil))
    });
}

/// Decides the command at `at` of those that `handles` was resolved for. The event, if it comes
/// to one, is written over `out`.
pub fn decide(
    state: &State,
    handles: &Handles,
    at: usize,
    command: &Command,
    now: UtcMillis,
    out: &mut Event,
) -> Outcome {
    let under = handles.under.filter(|under| under.at == now);
    let ahead = Ahead {
        handle: handles.handle(at),
        civil: handles.civil,
        under: under.map(|under| (under, handles.turn)),
        zones: &handles.zones,
        scratch: Some(&handles.scratch),
    };
    decide_on(state, ahead, command, now, out)
}

/// Whether the first command's tenant has tax rules.
fn taxes_of(state: &State, commands: &[Command]) -> bool {
    let tenant = commands.first().and_then(|c| state.tenant(c.tenant));
    tenant.is_some_and(|tenant| tenant.tax.is_some())
}

impl Handles {
    fn handle(&self, at: usize) -> Option<Handle> {
        let (id_hash, wallets) = (*self.ids.get(at)?, self.wallets.get(at)?);
        let wallets = [wallets[0].no, wallets[1].no];
        Some(Handle { id_hash, wallets })
    }

    /// Whether the first command's tenant has a law.
    fn law_of(&self, state: &State, commands: &[Command]) -> bool {
        let tenant = commands.first().map(|command| command.tenant);
        tenant.is_some_and(|tenant| state.law(tenant).is_some())
    }

    /// The moment in each zone of the law of the first command's tenant: the same for all the
    /// commands of an instant.
    fn look_at(&mut self, state: &State, commands: &[Command], now: UtcMillis) {
        let tenant = commands.first().map(|command| command.tenant);
        let law = tenant.and_then(|tenant| Some((tenant, state.law(tenant)?)));
        let Some((tenant, law)) = law else {
            self.under = None;
            return;
        };
        let this = Under {
            tenant,
            law: law.version,
            terms: state.tenants[tenant.0 as usize].terms_version,
            at: now,
        };
        if self.under != Some(this) {
            let minute = |civil: &policy::Civil| (civil.day, civil.second / 60);
            let before: Vec<_> = self.zones.iter().map(minute).collect();
            law.moments(now, &mut self.zones);
            let is_alike = self
                .under
                .is_some_and(|under| Under { at: now, ..under } == this);
            if !is_alike || !self.zones.iter().map(minute).eq(before) {
                self.turn += 1;
            }
            self.under = Some(this);
        }
    }
}

/// Decides one command with nothing looked up ahead.
pub fn decide_one(state: &State, command: &Command, now: UtcMillis, out: &mut Event) -> Outcome {
    decide_on(state, Ahead::default(), command, now, out)
}

fn decide_on<V: View>(
    view: &V,
    ahead: Ahead<'_>,
    command: &Command,
    now: UtcMillis,
    out: &mut Event,
) -> Outcome {
    let state = view.base();
    let (handle, civil) = (ahead.handle, ahead.civil);
    let reject = |code, field| {
        Outcome::Rejected(Rejection {
            code,
            field,
            item: None,
            throttled: None,
        })
    };
    if !state.opened && !matches!(command.op, Op::SetShard { .. }) {
        return reject(Code::ShardNotOpen, "");
    }
    let shard_wide = matches!(
        command.op,
        Op::SetShard { .. } | Op::RegisterAsset { .. } | Op::OpenTenant { .. }
    );
    let by_node = matches!(
        command.op,
        Op::Expire { .. }
            | Op::CountRefusals { .. }
            | Op::Backfill { .. }
            | Op::RecordSnapshot { .. }
    );

    if let Some(besides) = &command.besides
        && besides.agent.is_some()
        && !command.may_be_agents()
    {
        return reject(Code::AgentMayNot, "");
    }

    if command.id.is_by_itself() {
        return reject(Code::Malformed, "id");
    }

    // 1. Idempotency.
    let mut continued = false;
    if command.id.is_some() {
        let hash = handle.map_or_else(
            || state.recents.hash(command.tenant.0, command.id),
            |h| h.id_hash,
        );
        match state.recents.seen(command.tenant.0, command.id, hash, now) {
            Seen::New if view.used_in_group(command.id) => return reject(Code::IdReused, "id"),
            Seen::New if step::pending::is_open(state, command) => {
                return reject(Code::IdReused, "id");
            }
            Seen::New => {}
            Seen::At(position) => match step::pending::continues(state, command) {
                None => return Outcome::Known(position),
                Some(Err((code, field))) => return reject(code, field),
                Some(Ok(())) => continued = true,
            },
            Seen::Expired => return reject(Code::IdExpired, "id"),
            Seen::InFuture => return reject(Code::IdInFuture, "id"),
            Seen::Full => return reject(Code::IdWindowFull, "id"),
        }
    } else if !by_node {
        return reject(Code::Malformed, "id");
    }

    let Some(tenant) = state.tenant(command.tenant) else {
        if shard_wide || by_node {
            out.begin(now, command.tenant, EventKind::ShardSet, command.id);
            return match ops::settings::shard_wide(state, command, out) {
                Ok(()) => Outcome::Event,
                Err((code, field)) => reject(code, field),
            };
        }
        return reject(Code::NotFound, "tenant");
    };
    let civil = match civil {
        Some((no, version, civil)) if no == command.tenant && version == tenant.terms_version => {
            civil
        }
        _ => tenant.terms.zone.civil(now),
    };
    let mut own = Vec::new();
    let (moments, recalled) = match (&tenant.law, ahead.under) {
        (None, _) => (&[][..], None),
        (Some(law), Some((under, turn)))
            if (under.tenant, under.law) == (command.tenant, law.version) =>
        {
            let same_rates = under.terms == tenant.terms_version;
            (ahead.zones, same_rates.then_some(turn))
        }
        (Some(law), _) => {
            law.moments(now, &mut own);
            (&own[..], None)
        }
    };
    let (mut kept, mut fresh) = (ahead.scratch.map(RefCell::borrow_mut), None);
    let scratch = match &mut kept {
        Some(kept) => &mut **kept,
        None => &mut **fresh.insert(Box::<Scratch>::default()),
    };
    scratch.clear();
    if tenant.law.is_some() && ahead.scratch.is_some() {
        scratch.moves.recall(recalled);
    }
    out.begin(now, command.tenant, EventKind::Paid, command.id);
    let mut draft = Draft {
        view,
        out,
        tenant: command.tenant,
        terms: &tenant.terms,
        terms_version: tenant.terms_version,
        now,
        civil,
        law: tenant.law.as_deref(),
        moments,
        scratch,
        continued,
        asked: None,
        actor: command.actor,
        besides: command.besides.as_deref(),
        unsettled: false,
        missing: Vec::new(),
    };
    let [payer, payee] = handle.map_or([WalletNo::NONE; 2], |h| h.wallets);
    let ruled = if continued {
        step::pending::in_time(&draft, command)
    } else {
        Ok(())
    };
    let ruled = ruled.and_then(|()| rule(&mut draft, command, (payer, payee)));
    if ruled.is_ok() {
        step::settled::post(&mut draft);
    }
    let asked = draft.asked.take();
    match ruled {
        Ok(()) => {
            if continued {
                out.effects.push(Effect::PendingClosed {
                    payment: command.id,
                });
            }
            note_besides(command, out);
            // Before it is durable and signed for. The commonest payment is balanced as it is built:
            // what is taken from one account is given to tax, fee, its tax and payee.
            let by_construction = out.kind == EventKind::Paid && out.postings.len() <= 5;
            assert!(
                (by_construction && !cfg!(debug_assertions)) || is_balanced(view, out),
                "the rules made an entry out of balance: {out:?}"
            );
            Outcome::Event
        }
        Err(Stop::Reject(code, field)) => reject(code, field),
        Err(Stop::RejectItem(code, field, item)) => Outcome::Rejected(Rejection {
            code,
            field,
            item: Some(item),
            throttled: None,
        }),
        Err(Stop::Deny(mut refused)) => {
            let key = (command.tenant, refused.party, refused.code);
            let this_second = state.refusals_second == now.0 / 1000;
            let count = state
                .refusals
                .get(&key)
                .filter(|_| this_second)
                .copied()
                .unwrap_or(0);
            if count >= tenant.terms.refusals_per_second && !continued {
                let throttled = Some((refused.party, refused.code));
                let code = Code::Throttled;
                return Outcome::Rejected(Rejection {
                    code,
                    field: "",
                    item: None,
                    throttled,
                });
            }
            let kind = EventKind::refusal_of(&command.op);
            out.begin(now, command.tenant, kind, command.id);
            refused.content = content::of(&command.op);
            out.effects.push(Effect::Refused(refused));
            if let Some(asked) = asked {
                out.effects.push(Effect::Asked(asked));
            }
            if let Some((_, thing)) = command.about() {
                out.effects.push(Effect::About { thing });
            }
            if continued {
                out.effects.push(Effect::PendingClosed {
                    payment: command.id,
                });
            }
            note_besides(command, out);
            Outcome::Event
        }
    }
}

/// Notes an agent's key, and which text is this event's.
#[inline]
fn note_besides(command: &Command, out: &mut Event) {
    let Some(besides) = &command.besides else {
        return;
    };
    // A group's items note it.
    if besides.agent.is_some() && out.kind != EventKind::Grouped {
        out.effects.push(Effect::By(command.actor));
    }
    if let Some(hash) = command.text() {
        out.effects.push(Effect::Text { hash });
    }
}

/// Decides one item of a group on what the items before it left.
pub(crate) fn decide_item<V: View>(
    view: &V,
    command: &Command,
    now: UtcMillis,
    out: &mut Event,
) -> Outcome {
    decide_on(view, Ahead::default(), command, now, out)
}

/// Whether an event's postings sum to zero per asset, accounts it opens included.
#[must_use]
pub fn is_balanced<V: View>(view: &V, event: &Event) -> bool {
    let asset_of = |no: ledger::AccountNo| {
        if (no.0 as usize) < view.accounts_len() {
            return Some(view.account(no).asset);
        }
        event.effects.iter().find_map(|effect| match effect {
            Effect::AccountOpened {
                no: opened, asset, ..
            } if *opened == no => Some(*asset),
            _ => None,
        })
    };
    Book::check_entry(&event.postings, asset_of).is_ok()
}

fn rule<V: View>(draft: &mut Draft<'_, V>, command: &Command, known: (WalletNo, WalletNo)) -> Rule {
    match &command.op {
        Op::Pay { spend, payee } => step::pay(draft, spend, *payee, known),
        Op::Authorize {
            spend,
            payee,
            expires,
        } => step::authorize(draft, spend, *payee, *expires, known),
        Op::Transfer { spend, payee } => step::transfer(draft, spend, *payee, known),
        Op::Split { spend, payees } => step::split(draft, spend, payees),
        Op::Capture {
            payment,
            amount,
            asset,
            last,
        } => ops::hold::capture(draft, *payment, *amount, *asset, *last),
        Op::Void { payment } => ops::hold::void(draft, *payment),
        Op::Refund {
            payment,
            amount,
            carried,
        } => ops::refund::refund(draft, *payment, *amount, carried),
        Op::Group { items } => ops::group::group(draft, items, command.besides.as_ref()),

        Op::SetShard { .. } | Op::RegisterAsset { .. } | Op::OpenTenant { .. } => {
            let state = draft.view.base();
            ops::settings::shard_wide(state, command, draft.out)
                .map_err(|(code, field)| Stop::Reject(code, field))
        }
        Op::SetTerms { terms } => ops::settings::set_terms(draft, terms),
        Op::RegisterParty {
            party,
            kind,
            country,
            tier,
            particulars,
        } => ops::people::register(draft, *party, *kind, *country, *tier, *particulars),
        Op::ChangeParty {
            party,
            country,
            tier,
            standing,
            particulars,
        } => ops::people::change(draft, *party, *country, *tier, *standing, *particulars),
        Op::OpenWallet { wallet, party } => ops::people::open_wallet(draft, *wallet, *party),
        Op::ChangeWallet { wallet, standing } => {
            ops::people::change_wallet(draft, *wallet, *standing)
        }
        Op::SetCredit {
            wallet,
            asset,
            limit,
        } => ops::people::set_credit(draft, *wallet, *asset, *limit),
        Op::TopUp {
            wallet,
            asset,
            amount,
            source,
            channel,
            spendable,
        } => ops::topup::open(
            draft, *wallet, *asset, *amount, *source, *channel, *spendable,
        ),
        Op::SettleTopUp { topup } => ops::topup::settle(draft, *topup),
        Op::ReverseTopUp {
            topup,
            amount,
            carried,
        } => ops::topup::reverse(draft, *topup, *amount, carried.as_ref()),
        Op::SettleEarned {
            wallet,
            asset,
            origin,
            amount,
        } => ops::topup::settle_earned(draft, *wallet, *asset, *origin, *amount),
        Op::Withdraw {
            wallet,
            asset,
            amount,
            channel,
        } => ops::withdrawal::request(draft, *wallet, *asset, *amount, *channel),
        Op::SendWithdrawal { withdrawal } => ops::withdrawal::send(draft, *withdrawal),
        Op::SettleWithdrawal { withdrawal } => ops::withdrawal::settle(draft, *withdrawal),
        Op::ReturnWithdrawal { withdrawal } => ops::withdrawal::give_back(draft, *withdrawal),
        Op::GrantMandate {
            payer,
            agent,
            asset,
            per_payment,
            per_day,
            payees,
            expires,
        } => ops::mandate::grant(
            draft,
            *payer,
            *agent,
            *asset,
            (*per_payment, *per_day),
            payees,
            *expires,
        ),
        Op::RevokeMandate { mandate } => ops::mandate::revoke(draft, mandate.0),
        Op::OpenDispute {
            payment,
            amount,
            carried,
        } => ops::dispute::open(draft, *payment, *amount, carried),
        Op::ResolveDispute { dispute, verdict } => ops::dispute::resolve(draft, *dispute, *verdict),
        Op::ProposeCorrection { postings, reason } => {
            ops::correction::propose(draft, postings, *reason)
        }
        Op::ApproveCorrection { correction } => ops::correction::approve(draft, *correction),
        Op::RejectCorrection { correction } => ops::correction::reject(draft, *correction),
        Op::ProposeLaw { law } => ops::law::propose(draft, law),
        Op::ApproveLaw {
            proposal,
            effective,
        } => ops::law::approve(draft, *proposal, *effective),
        Op::RejectLaw { proposal } => ops::law::reject(draft, *proposal),
        Op::SetTax { rules, settings } => ops::tax::set(draft, rules.as_ref(), settings.as_deref()),
        Op::SetTaxpayer { party, profile } => ops::tax::set_taxpayer(draft, *party, profile),
        Op::SetPrice {
            price,
            from,
            definition,
        } => ops::price::set(draft, *price, *from, definition),
        Op::ArchivePrice { price } => ops::price::archive(draft, *price),
        Op::SetPlan {
            plan,
            from,
            definition,
        } => ops::plan::set(draft, *plan, *from, definition),
        Op::ArchivePlan { plan } => ops::plan::archive(draft, *plan),
        Op::Subscribe { new } => ops::subscription::subscribe(draft, new, &command.op),
        Op::ChangeSubscription {
            subscription,
            change,
        } => ops::subscription::change(draft, *subscription, change, &command.op),
        Op::RoundTax { paper, rounding } => ops::rounding::post(draft, *paper, rounding),
        Op::Expire { kind, thing } => ops::timer::expire(draft, *kind, *thing),
        Op::CountRefusals { party, code, count } => {
            draft.out.kind = EventKind::RefusalsCounted;
            draft.out.effects.push(Effect::RefusalsCounted {
                party: *party,
                code: *code,
                count: *count,
            });
            Ok(())
        }
        Op::Backfill { counted } => ops::law::backfill(draft, counted),
        Op::RecordSnapshot { seq, hash, digest } => {
            draft.out.kind = EventKind::SnapshotTaken;
            draft.out.effects.push(Effect::SnapshotTaken {
                seq: *seq,
                hash: *hash,
                digest: *digest,
                version: snapshot::VERSION,
            });
            Ok(())
        }
    }
}
