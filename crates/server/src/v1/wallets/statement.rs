//! What happened to a wallet's balances.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::problem::Problem;
use crate::types::ids::WalletId;
use crate::types::words::Source;
use crate::types::{AssetText, Page, Signed, Time};
use crate::v1::events::{id_text, kind_name};
use crate::v1::parties::{from_word, word};
use axum::extract::State;
use engine::{Id, UtcMillis};
use identity::Scope;
use serde::Serialize;
use store::read::StatementFilter;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_or_regulator(Scope::WalletsRead, routes!(list_statement))
}

/// One change of a balance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct StatementLine {
    /// When.
    at: Time,
    /// What happened.
    #[schema(examples("payment.paid"))]
    kind: String,
    /// Its id: what `GET` takes of a payment, capture, refund, transfer, top-up and so on, and a
    /// command's of what is no thing by itself.
    #[schema(examples("pay_01936b2f040070008000000000000004"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
    /// The earlier payment or capture it belongs to.
    #[schema(examples("pay_01936b2f040070008000000000000004"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    of: Option<String>,
    /// By how much the account changed.
    amount: Signed,
    /// What was in it then.
    balance: Signed,
    /// In what.
    asset: AssetText,
    /// Where its value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<Source>,
    /// The other wallet, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    counterparty: Option<WalletId>,
}

list_query! {
    /// Which changes.
    StatementQuery {
        /// In this asset.
        asset: AssetText,
        /// Of value from this source.
        source: Source,
        /// Not before.
        from: Time,
        /// Before.
        until: Time,
    }
}

/// What happened to a wallet's balances, newest first.
#[utoipa::path(
    get,
    path = "/v1/wallets/{id}/statement",
    params(("id" = WalletId, Path, description = "Which wallet."), StatementQuery),
    responses((status = 200, description = "A page of it.", body = Page<StatementLine>))
)]
async fn list_statement(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<WalletId>,
    Query(query): Query<StatementQuery>,
) -> Handled<Page<StatementLine>> {
    let tenant = caller.tenant;
    let there = app.query(move |state| {
        state
            .wallet_no(tenant, engine::ids::WalletId(id.0))
            .is_some()
    });
    if !there.await? {
        return Err(Problem::not_found("id", "no such wallet in this tenant").into());
    }
    let asset = match query.asset {
        Some(asset) => Some(app.asset(asset.0, "asset").await?.0.0),
        None => None,
    };
    let filter = StatementFilter {
        asset,
        source: query.source.map(word),
        from_ms: query.from.map(|t| t.0.0),
        until_ms: query.until.map(|t| t.0.0),
    };
    let (cursor, limit) = (query.cursor(), query.limit());
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.statement(tenant.0, id.0.0, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let assets = app.assets_now().await?;
    let unknown = money::Asset {
        code: money::AssetCode::literal("XXX"),
        scale: money::Scale::MAX,
    };
    let page = Page::of(StatementQuery::LIST, page, as_of, |line| {
        let asset = assets.get(ledger::AssetNo(line.asset)).unwrap_or(&unknown);
        StatementLine {
            at: Time(UtcMillis(line.at_ms)),
            kind: kind_name(line.kind),
            id: line.id.map(|id| id_text(Some(line.kind), id)),
            of: line.of.map(|id| id_text(line.of_kind, id)),
            amount: Signed(asset.format_signed(line.amount)),
            balance: Signed(asset.format_signed(line.balance)),
            asset: AssetText(asset.code),
            source: line.source.as_deref().and_then(from_word),
            counterparty: line.counterparty.map(|id| WalletId(Id(id))),
        }
    });
    Ok(Answer::ok(page))
}
