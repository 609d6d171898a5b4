//! A wallet's statement over a period, to be read, printed or put in a table.

use crate::app::App;
use crate::codes;
use crate::extract::{Answer, Caller, Query};
use crate::guard::Routes;
use crate::history;
use crate::papers::{Form, PartyFacts, Who, answer, day, language, parties, refused, wanted};
use crate::problem::{Outcome, Problem, Refuse};
use crate::types::ids::WalletId;
use crate::types::{AssetText, Signed, Time};
use crate::v1::events::{id_text, kind_name};
use crate::v1::papers::view::PaperLanguage;
use ::papers::statement::Movement;
use ::papers::{Statement, html};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use engine::UtcMillis;
use identity::Scope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::read::{StatementFilter, StatementLine};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// The most changes on one statement, and that are read for its opening balance.
const LINES_MAX: usize = 100_000;
const PAGE: usize = 1_000;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_or_regulator(Scope::WalletsRead, routes!(get_statement))
}

/// Which statement.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatementOf {
    /// Which wallet.
    wallet: WalletId,
    /// In which asset.
    asset: AssetText,
    /// Not before.
    from: Time,
    /// Before.
    until: Time,
    /// The language of the labels; else what `Accept-Language` likes best, else English.
    #[param(inline)]
    lang: Option<PaperLanguage>,
}

/// What moved in a wallet over a period.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct StatementView {
    /// Which wallet.
    wallet: WalletId,
    /// In what.
    asset: AssetText,
    /// Not before.
    from: Time,
    /// Before.
    until: Time,
    /// What was in it before.
    opening: Signed,
    /// What was in it after.
    closing: Signed,
    /// What moved, in order.
    movements: Vec<MovementView>,
}

/// One movement.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct MovementView {
    /// When.
    at: String,
    /// What happened.
    #[schema(examples("payment.paid"))]
    kind: String,
    /// Its id; empty if it has none.
    id: String,
    /// By how much the balance changed.
    amount: Signed,
    /// What was in the wallet then.
    balance: Signed,
}

/// A wallet's statement over a period: as JSON, HTML to be printed, or CSV, by `Accept`.
#[utoipa::path(
    get,
    path = "/v1/statements",
    params(StatementOf),
    responses(
        (status = 200, description = "The statement.", content(
            (StatementView = "application/json"),
            (String = "text/html"),
            (String = "text/csv"),
        )),
        (status = 422, description = "More than one statement takes.", body = crate::problem::Problem, content_type = "application/problem+json")
    )
)]
async fn get_statement(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<StatementOf>,
) -> Result<Response, Refuse> {
    let language = match query.lang {
        Some(asked) => asked.into(),
        None => language(None, &headers)?,
    };
    let wallet = query.wallet;
    let whose = || (Who::Wallet(wallet, "wallet"), PartyFacts::default());
    let who = parties(&app, &caller, whose(), whose()).await?;
    let (asset_no, asset) = app.asset(query.asset.0, "asset").await?;
    let (opening, movements) = movements(&app, &caller, &query, asset_no.0).await?;
    // The last day is the one that the last instant before the end lies in.
    let last = UtcMillis(query.until.0.0.saturating_sub(1).max(query.from.0.0));
    let statement = Statement {
        wallet: wallet.to_string(),
        party: who.seller.1,
        language,
        asset,
        period: (day(query.from.0)?, day(last)?),
        opening,
        movements,
    };
    let failed = |error: ::papers::PaperError| refused(&error);
    match wanted(&headers, &[Form::Json, Form::Html, Form::Csv]) {
        Form::Html => {
            let page = html::statement(&statement).map_err(failed)?;
            return Ok(answer(Form::Html, page.into_bytes()));
        }
        Form::Csv => {
            let table = statement.csv().map_err(failed)?;
            return Ok(answer(Form::Csv, table.into_bytes()));
        }
        _ => {}
    }
    let rows = statement.rows().map_err(failed)?;
    let movement = |row: ::papers::statement::Row| MovementView {
        at: row.at,
        kind: row.kind,
        id: row.id,
        amount: Signed(row.amount),
        balance: Signed(row.balance),
    };
    let closing = statement.closing().map_err(failed)?;
    let view = StatementView {
        wallet,
        asset: query.asset,
        from: query.from,
        until: query.until,
        opening: Signed(asset.format_signed(opening)),
        closing: Signed(asset.format_signed(closing)),
        movements: rows.into_iter().map(movement).collect(),
    };
    Ok(Answer::ok(view).into_response())
}

/// The balance before the period, and what moved in it, oldest first.
///
/// What an account held before is what it held after its first change since, less that change; what
/// has not changed since holds today what it held then.
async fn movements(
    app: &App,
    caller: &Caller,
    query: &StatementOf,
    asset: u16,
) -> Outcome<(i128, Vec<Movement>)> {
    let (tenant, wallet) = (caller.tenant, query.wallet);
    let today = app.query(move |state| {
        let no = state.wallet_no(tenant, engine::ids::WalletId(wallet.0))?;
        let accounts = state.accounts_of(no);
        let accounts = accounts.filter(|(_, account)| account.asset.0 == asset);
        Some(
            accounts
                .map(|(no, account)| (no.0, account.balance))
                .collect(),
        )
    });
    let today: Option<BTreeMap<u32, i128>> = today.await?;
    let mut before = today.unwrap_or_default();
    let filter = StatementFilter {
        asset: Some(asset),
        source: None,
        from_ms: Some(query.from.0.0),
        until_ms: None,
    };
    let durable = app.node.stats().durable_seq;
    let search = move |model: &store::read::ReadModel| {
        let (mut lines, mut cursor) = (Vec::<StatementLine>::new(), None::<String>);
        loop {
            let page = model.statement(tenant.0, wallet.0.0, &filter, cursor.as_deref(), PAGE)?;
            lines.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || lines.len() > LINES_MAX {
                return Ok(lines);
            }
        }
    };
    let (lines, _) = history::ask(app, Some(durable), search).await?;
    if lines.len() > LINES_MAX {
        let words = format!("more than {LINES_MAX} changes since: ask for a later period");
        return Err(Problem::new(codes::PAPER_TOO_LARGE, words).at("from"));
    }
    let mut movements: Vec<(u64, Movement)> = Vec::new();
    // Newest first: the last one written for an account is its first change.
    for line in &lines {
        before.insert(line.account, line.balance - line.amount);
    }
    for line in lines
        .iter()
        .rev()
        .filter(|line| line.at_ms < query.until.0.0)
    {
        match movements.last_mut() {
            // One event that moved several accounts of the wallet is one movement.
            Some((no, movement)) if *no == line.no => movement.amount += line.amount,
            _ => movements.push((
                line.no,
                Movement {
                    at: Time(UtcMillis(line.at_ms)).to_string(),
                    id: line
                        .id
                        .map(|id| id_text(Some(line.kind), id))
                        .unwrap_or_default(),
                    kind: kind_name(line.kind),
                    text: String::new(),
                    amount: line.amount,
                },
            )),
        }
    }
    let movements = movements
        .into_iter()
        .map(|(_, movement)| movement)
        .collect();
    Ok((before.values().sum(), movements))
}
