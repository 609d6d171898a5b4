//! The ledger as it is: trial balance, accounts, safeguarding, and the journal's events to take away.

mod access;
mod export;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Query};
use crate::guard::Routes;
use crate::history;
use crate::types::ids::WalletId;
use crate::types::words::{AccountClass, Source};
use crate::types::{AssetText, Page, Signed, Time};
use crate::v1::parties::{from_word, word};
use axum::extract::State;
use engine::records::TenantNo;
use engine::{Id, UtcMillis};
use identity::Scope;
use ledger::{Account, AccountNo, AssetNo};
use serde::Serialize;
use std::collections::BTreeMap;
use store::read::AccountFilter;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .needs_or_regulator(Scope::LedgerRead, routes!(get_trial_balance))
        .needs_or_regulator(Scope::LedgerRead, routes!(get_safeguarding))
        .needs_or_regulator(Scope::LedgerRead, routes!(list_accounts));
    access::routes(export::routes(routes))
}

/// Every balance of the tenant, summed.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TrialBalance {
    /// An asset each.
    assets: Vec<AssetTrial>,
    /// When it was read.
    at: Time,
}

/// The balances of one asset.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AssetTrial {
    /// In what.
    asset: AssetText,
    /// The sum of all: zero, or something is wrong.
    sum: Signed,
    /// The sums of each class of account.
    classes: Vec<ClassSum>,
}

/// The balances of one class.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ClassSum {
    /// What for.
    class: AccountClass,
    /// A credit is positive: what is owed to someone.
    balance: Signed,
    /// How many accounts.
    accounts: u64,
}

/// What users are owed beside what is there to pay it with.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Safeguarding {
    /// An asset each.
    assets: Vec<AssetSafeguarding>,
    /// When it was read.
    at: Time,
}

/// One asset of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AssetSafeguarding {
    /// In what.
    asset: AssetText,
    /// What wallets hold, disputes and suspense with it.
    owed_to_users: Signed,
    /// What the safeguarding accounts hold.
    safeguarded: Signed,
    /// What is under way with channels: positive is on its way in.
    in_clearing: Signed,
    /// What parties owe after reversals.
    receivables: Signed,
    /// Safeguarded, less what is owed to users: negative needs explaining.
    difference: Signed,
}

type Sums = BTreeMap<(AssetNo, ledger::AccountClass), (i128, u64)>;

fn sums(state: &engine::State, tenant: TenantNo) -> (Sums, Vec<money::Asset>, UtcMillis) {
    let each = state.sums.of(tenant);
    let each = each.map(|(asset, class, sum)| ((asset, class), (sum.balance, sum.accounts)));
    (each.collect(), state.assets.clone(), state.now)
}

fn by_asset<T>(
    sums: &Sums,
    assets: &[money::Asset],
    show: impl Fn(&money::Asset, &dyn Fn(ledger::AccountClass) -> i128, &Sums) -> T,
) -> Vec<T> {
    let of = |(no, asset): (u16, &money::Asset)| {
        let no = AssetNo(no);
        let mine: Sums = sums
            .iter()
            .filter(|((a, _), _)| *a == no)
            .map(|(k, v)| (*k, *v))
            .collect();
        let class = |class| mine.get(&(no, class)).map_or(0, |(sum, _)| *sum);
        (!mine.is_empty()).then(|| show(asset, &class, &mine))
    };
    (0u16..).zip(assets).filter_map(of).collect()
}

/// The trial balance of the tenant: every account read at one instant.
#[utoipa::path(
    get,
    path = "/v1/ledger/trial-balance",
    responses((status = 200, description = "The trial balance.", body = TrialBalance))
)]
async fn get_trial_balance(State(app): State<App>, caller: Caller) -> Handled<TrialBalance> {
    let tenant = caller.tenant;
    let (sums, assets, at) = app.query(move |state| sums(state, tenant)).await?;
    let assets = by_asset(&sums, &assets, |asset, _, mine| {
        let classes = mine
            .iter()
            .map(|((_, class), (balance, accounts))| ClassSum {
                class: (*class).into(),
                balance: Signed(asset.format_signed(*balance)),
                accounts: *accounts,
            });
        AssetTrial {
            asset: AssetText(asset.code),
            sum: Signed(asset.format_signed(mine.values().map(|(sum, _)| sum).sum())),
            classes: classes.collect(),
        }
    });
    Ok(Answer::ok(TrialBalance {
        assets,
        at: Time(at),
    }))
}

/// What users are owed beside what the bank accounts that safeguard it hold.
#[utoipa::path(
    get,
    path = "/v1/ledger/safeguarding",
    responses((status = 200, description = "An asset each.", body = Safeguarding))
)]
async fn get_safeguarding(State(app): State<App>, caller: Caller) -> Handled<Safeguarding> {
    use ledger::AccountClass as C;
    let tenant = caller.tenant;
    let (sums, assets, at) = app.query(move |state| sums(state, tenant)).await?;
    let assets = by_asset(&sums, &assets, |asset, class, _| {
        let show = |atoms: i128| Signed(asset.format_signed(atoms));
        let owed = class(C::Wallet) + class(C::Dispute) + class(C::Suspense);
        // The operator's own side is held as debit.
        let there = -class(C::Safeguarding);
        AssetSafeguarding {
            asset: AssetText(asset.code),
            owed_to_users: show(owed),
            safeguarded: show(there),
            in_clearing: show(-class(C::Clearing)),
            receivables: show(-class(C::Receivable)),
            difference: show(there - owed),
        }
    });
    Ok(Answer::ok(Safeguarding {
        assets,
        at: Time(at),
    }))
}

/// An account.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AccountView {
    /// Its number.
    no: u32,
    /// What it is for.
    class: AccountClass,
    /// Of a wallet's account, whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    wallet: Option<WalletId>,
    /// In what.
    asset: AssetText,
    /// Where its value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<Source>,
    /// Of income, the source that paid it and has not settled yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    origin: Option<Source>,
    /// What is in it.
    balance: Signed,
    /// What authorizations have set aside.
    held: Signed,
}

list_query! {
    /// Which accounts.
    AccountQuery {
        /// Of this class.
        class: AccountClass,
        /// In this asset.
        asset: AssetText,
    }
}

/// The accounts of the tenant, newest first, with what is in them now.
#[utoipa::path(
    get,
    path = "/v1/ledger/accounts",
    params(AccountQuery),
    responses((status = 200, description = "A page of them.", body = Page<AccountView>))
)]
async fn list_accounts(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AccountQuery>,
) -> Handled<Page<AccountView>> {
    let asset = match query.asset {
        Some(asset) => Some(app.asset(asset.0, "asset").await?.0.0),
        None => None,
    };
    let filter = AccountFilter {
        class: query.class.map(|class| (word(class), None)),
        asset,
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.accounts(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let numbers: Vec<u32> = page.items.iter().map(|line| line.no).collect();
    let now = app
        .query(move |state| {
            let of = |no: &u32| {
                let account = state.book.get(AccountNo(*no))?;
                let is_wallet = account.class == ledger::AccountClass::Wallet;
                let wallet = is_wallet.then(|| state.wallets[account.owner as usize].id.0);
                Some((account.clone(), wallet))
            };
            numbers
                .iter()
                .map(of)
                .collect::<Vec<Option<(Account, Option<Id>)>>>()
        })
        .await?;
    let assets = app.assets_now().await?;
    let mut now = now.into_iter();
    let page = Page::of(AccountQuery::LIST, page, as_of, |line| {
        let (account, wallet) = now.next().flatten()?;
        let asset = assets.get(account.asset)?;
        Some(AccountView {
            no: line.no,
            class: from_word(&line.class)?,
            wallet: wallet.map(WalletId),
            asset: AssetText(asset.code),
            source: account.source.map(Source::from),
            origin: account.origin.map(Source::from),
            balance: Signed(asset.format_signed(account.balance)),
            held: Signed(asset.format_signed(i128::try_from(account.held).unwrap_or(i128::MAX))),
        })
    });
    Ok(Answer::ok(page.whole()))
}
