//! Wallets: what a party sees as one balance per asset.

mod credit;
mod earned;
mod statement;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::problem::Problem;
use crate::submit;
use crate::types::ids::{CommandId, PartyId, WalletId};
use crate::types::words::{Source, Standing};
use crate::types::{Amount, AssetText, Page, Signed, Time};
use crate::v1::owed::owed;
use crate::v1::parties::{from_word, word};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::records::WalletNo;
use engine::{Id, UtcMillis};
use identity::Scope;
use ledger::Account;
use money::Asset;
use serde::{Deserialize, Serialize};
use store::read::WalletFilter;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .needs(Scope::WalletsWrite, routes!(create_wallet))
        .needs(Scope::WalletsRead, routes!(list_wallets))
        .needs_or_regulator(Scope::WalletsRead, routes!(get_wallet))
        .needs(Scope::WalletsWrite, routes!(change_wallet));
    statement::routes(credit::routes(earned::routes(routes)))
}

/// A wallet to open.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWallet {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<WalletId>,
    /// Whose.
    party: PartyId,
}

/// What changes of a wallet.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WalletChange {
    /// `frozen` stops it, `active` thaws it, `closed` ends it for good when it is empty.
    standing: Standing,
}

/// A wallet.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Wallet {
    /// Its id.
    id: WalletId,
    /// Whose.
    party: PartyId,
    /// Whether it can be used.
    standing: Standing,
    /// What is in it, an asset each; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    balances: Option<Vec<AssetBalance>>,
    /// What its party owes, an asset each: it is paid out of what comes in next, to any of the party's
    /// wallets. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    owed: Option<Vec<Amount>>,
    /// Since when; in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    opened_at: Option<Time>,
}

/// What a wallet has of one asset.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AssetBalance {
    /// Of what.
    asset: AssetText,
    /// All of it.
    balance: Signed,
    /// What authorizations have set aside.
    held: Signed,
    /// What may be spent now.
    available: Signed,
    /// The same by where it came from.
    sources: Vec<SourceBalance>,
}

/// What a wallet has from one source.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct SourceBalance {
    /// Where it came from.
    source: Source,
    /// The source that it rests on and that has not settled yet: it may be spent, not withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    origin: Option<Source>,
    /// All of it.
    balance: Signed,
    /// What authorizations have set aside.
    held: Signed,
    /// What may be spent now.
    available: Signed,
    /// How far it may be overdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credit_limit: Option<Signed>,
}

list_query! {
    /// Which wallets.
    WalletQuery {
        /// Of this party.
        party: PartyId,
        /// Of this standing.
        standing: Standing,
    }
}

fn number(asset: &Asset, atoms: i128) -> Signed {
    Signed(asset.format_signed(atoms))
}

fn wide(atoms: u128) -> i128 {
    i128::try_from(atoms).unwrap_or(i128::MAX)
}

fn balances<'a>(
    accounts: impl Iterator<Item = &'a Account>,
    assets: &[Asset],
) -> Vec<AssetBalance> {
    // What has settled leaves an empty account behind.
    let shown = |a: &&Account| a.origin.is_none() || a.balance != 0 || a.held != 0;
    let mut accounts: Vec<_> = accounts.filter(shown).collect();
    accounts.sort_by_key(|account| (account.asset, account.source, account.origin));
    let of_asset = |group: &[&Account]| {
        let asset = assets.get(usize::from(group[0].asset.0))?;
        let sum = |of: fn(&Account) -> i128| number(asset, group.iter().map(|a| of(a)).sum());
        let sources = group.iter().filter_map(|account| {
            Some(SourceBalance {
                source: account.source?.into(),
                origin: account.origin.map(Source::from),
                balance: number(asset, account.balance),
                held: number(asset, wide(account.held)),
                available: number(asset, i128::from(account.available())),
                credit_limit: (account.credit_limit > 0)
                    .then(|| number(asset, i128::from(account.credit_limit))),
            })
        });
        Some(AssetBalance {
            asset: AssetText(asset.code),
            balance: sum(|a| a.balance),
            held: sum(|a| wide(a.held)),
            available: sum(|a| i128::from(a.available())),
            sources: sources.collect(),
        })
    };
    accounts
        .chunk_by(|a, b| a.asset == b.asset)
        .filter_map(of_asset)
        .collect()
}

fn shown(state: &engine::State, no: WalletNo) -> Wallet {
    let wallet = state.wallet(no);
    let accounts = state.accounts_of(no).map(|(_, account)| account);
    Wallet {
        id: WalletId(wallet.id.0),
        party: PartyId(state.party_id(wallet.party).0),
        standing: wallet.standing.into(),
        balances: Some(balances(accounts, &state.assets)),
        owed: owed(state, wallet.party),
        opened_at: None,
    }
}

/// Open a wallet. It holds any asset.
#[utoipa::path(
    post,
    path = "/v1/wallets",
    request_body = NewWallet,
    responses((status = 201, description = "Opened.", body = Wallet))
)]
async fn create_wallet(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewWallet>,
) -> Handled<Wallet> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let op = Op::OpenWallet {
        wallet: engine::ids::WalletId(id.0),
        party: engine::ids::PartyId(new.party.0),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let (party, standing) = (new.party, Standing::Active);
    let wallet = Wallet {
        id,
        party,
        standing,
        balances: Some(Vec::new()),
        owed: None,
        opened_at: None,
    };
    Ok(Answer::created(wallet, done.replayed))
}

/// The wallets of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/wallets",
    params(WalletQuery),
    responses((status = 200, description = "A page of them.", body = Page<Wallet>))
)]
async fn list_wallets(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<WalletQuery>,
) -> Handled<Page<Wallet>> {
    let filter = WalletFilter {
        party: query.party.map(|p| p.0.0),
        standing: query.standing.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.wallets(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let page = Page::of(WalletQuery::LIST, page, as_of, |line| Wallet {
        id: WalletId(Id(line.id)),
        party: PartyId(Id(line.party)),
        standing: from_word(&line.standing).unwrap_or(Standing::Active),
        balances: None,
        owed: None,
        opened_at: Some(Time(UtcMillis(line.at_ms))),
    });
    Ok(Answer::ok(page))
}

/// One wallet with its balances, read after everything acknowledged before.
#[utoipa::path(
    get,
    path = "/v1/wallets/{id}",
    params(("id" = WalletId, Path, description = "Which wallet.")),
    responses((status = 200, description = "The wallet.", body = Wallet))
)]
async fn get_wallet(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<WalletId>,
) -> Handled<Wallet> {
    let tenant = caller.tenant;
    let found = app.query(move |state| {
        let no = state.wallet_no(tenant, engine::ids::WalletId(id.0))?;
        Some(shown(state, no))
    });
    let found = found.await?;
    Ok(Answer::ok(found.ok_or_else(|| {
        Problem::not_found("id", "no such wallet in this tenant")
    })?))
}

/// Freeze, thaw or close a wallet.
#[utoipa::path(
    patch,
    path = "/v1/wallets/{id}",
    params(("id" = WalletId, Path, description = "Which wallet.")),
    request_body = WalletChange,
    responses((status = 200, description = "Changed.", body = Wallet))
)]
async fn change_wallet(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<WalletId>,
    headers: HeaderMap,
    Json(change): Json<WalletChange>,
) -> Handled<Wallet> {
    let command: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ChangeWallet {
        wallet: engine::ids::WalletId(id.0),
        standing: change.standing.into(),
    };
    let done = submit::submit(&app, &caller, command.0, command, op).await?;
    let found = get_wallet(State(app), caller, PathId(id)).await;
    let mut answer = found.map_err(|problem| submit::after(problem.0, command))?;
    answer.replayed = done.replayed;
    Ok(answer)
}
