//! What the read model is asked: one place, so that handlers know nothing of how it is followed.

use crate::app::App;
use crate::codes;
use crate::problem::{Outcome, Problem};
use engine::records::TenantNo;
use engine::terms::Terms;
use engine::{Id, Position};
use std::time::Duration;
use store::read::{ReadModel, TermsLine};

/// How long a request with `min_seq` waits for its row.
const WAIT: Duration = Duration::from_secs(2);

/// How many rows of the journal the read model has not seen.
pub fn rows_behind(app: &App, durable_seq: u64) -> Option<u64> {
    let progress = app.node.projection()?.progress();
    Some(durable_seq.saturating_sub(progress.applied_seq))
}

/// Asks the read model, once it has seen row `min_seq`; says what it had seen.
///
/// # Errors
/// There is none, it does not answer, or it does not get there in time.
pub async fn ask<R: Send + 'static>(
    app: &App,
    min_seq: Option<u64>,
    read: impl FnOnce(&ReadModel) -> Result<R, store::Error> + Send + 'static,
) -> Outcome<(R, u64)> {
    app.blocking(move |app| {
        let off = || {
            Problem::new(
                codes::READ_MODEL_OFF,
                "history is switched off on this node",
            )
        };
        let projection = app.node.projection().ok_or_else(off)?;
        if let Some(seq) = min_seq {
            if seq > app.node.stats().durable_seq {
                let words = format!("the journal has no row {seq} yet");
                return Err(Problem::not_found("min_seq", words));
            }
            if !projection.wait_for(seq, WAIT) {
                let words = format!("row {seq} is not in the history yet");
                let mut problem = Problem::new(codes::READ_MODEL_BEHIND, words);
                problem.retry_after_s = Some(1);
                return Err(problem);
            }
        }
        let model = projection.model();
        // Read before the question: what it sees is at least that.
        let as_of = model.as_of().map_err(|error| Problem::store(&error))?;
        match read(model) {
            Ok(found) => Ok((found, as_of)),
            Err(store::Error::BadCursor(_)) => Err(Problem::new(
                codes::BAD_CURSOR,
                "the cursor is not one of this list",
            )
            .at("cursor")),
            Err(error) => Err(Problem::store(&error)),
        }
    })
    .await?
}

/// The same, of everything that was durable when it was asked: whoever was told of a thing finds it.
///
/// # Errors
/// As [`ask`].
pub async fn ask_now<R: Send + 'static>(
    app: &App,
    read: impl FnOnce(&ReadModel) -> Result<R, store::Error> + Send + 'static,
) -> Outcome<R> {
    let seq = app.node.stats().durable_seq;
    Ok(ask(app, Some(seq), read).await?.0)
}

/// Where an id was answered.
///
/// # Errors
/// The read model does not answer.
pub async fn position_of(app: &App, tenant: TenantNo, id: Id) -> Outcome<Option<Position>> {
    if app.node.projection().is_none() {
        return Ok(None);
    }
    let (found, _) = ask(app, None, move |model| model.position_of(tenant.0, id.0)).await?;
    Ok(found.map(|at| Position {
        seq: at.seq,
        index: at.index,
    }))
}

/// Fills in where those ids were answered of which it is not known.
///
/// # Errors
/// The read model does not answer.
pub async fn positions_of(
    app: &App,
    tenant: TenantNo,
    mut ids: Vec<(Id, Option<Position>)>,
) -> Outcome<Vec<(Id, Option<Position>)>> {
    if app.node.projection().is_none() || ids.iter().all(|(_, at)| at.is_some()) {
        return Ok(ids);
    }
    let fill = move |model: &ReadModel| {
        for (id, at) in ids.iter_mut().filter(|(_, at)| at.is_none()) {
            let found = model.position_of(tenant.0, id.0)?;
            *at = found.map(|at| Position {
                seq: at.seq,
                index: at.index,
            });
        }
        Ok(ids)
    };
    Ok(ask(app, None, fill).await?.0)
}

/// A version of a tenant's terms.
///
/// # Errors
/// The read model does not answer.
pub async fn terms_of(app: &App, tenant: TenantNo, version: u32) -> Outcome<Option<(u64, Terms)>> {
    if version == 0 {
        return Ok(Some((0, Terms::default())));
    }
    let found = find_terms(app, None, tenant, move |line| line.version == version);
    let Some(line) = found.await? else {
        return Ok(None);
    };
    let terms = serde_json::from_str(&line.terms).map_err(|error| Problem::internal(&error))?;
    Ok(Some((line.at_ms, terms)))
}

/// The version of the terms that was made there.
///
/// # Errors
/// The read model does not answer.
pub async fn terms_at(app: &App, tenant: TenantNo, at: Position) -> Outcome<Option<u32>> {
    let is_it =
        move |line: &TermsLine| (line.position.seq, line.position.index) == (at.seq, at.index);
    let found = find_terms(app, Some(at.seq), tenant, is_it).await?;
    Ok(found.map(|line| line.version))
}

async fn find_terms(
    app: &App,
    min_seq: Option<u64>,
    tenant: TenantNo,
    is_it: impl Fn(&TermsLine) -> bool + Send + 'static,
) -> Outcome<Option<TermsLine>> {
    let found = ask(app, min_seq, move |model| {
        let mut cursor: Option<String> = None;
        loop {
            let page = model.terms(tenant.0, cursor.as_deref(), 100)?;
            if let Some(line) = page.items.into_iter().find(&is_it) {
                return Ok(Some(line));
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(None),
            }
        }
    });
    Ok(found.await?.0)
}
