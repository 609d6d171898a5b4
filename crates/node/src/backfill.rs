//! What was done before a law, counted for it out of the journal.
//!
//! The writer does it itself between two batches: nothing overtakes it, so what is handed in is what
//! there was at the activation, and who pays meanwhile waits. It takes as long as folding the journal
//! once; beside State it needs a second one, and the counters it makes.

use crate::answer::NodeError;
use crate::recover::look_back;
use engine::backfill::Backfill;
use engine::records::TenantNo;
use engine::{Op, State};
use journal::Reader;
use std::ops::ControlFlow;
use std::time::Instant;

/// The tenants whose law waits.
pub(crate) fn waiting(state: &State) -> Vec<TenantNo> {
    let tenants = (0u32..).map(TenantNo).take(state.tenants.len());
    let waits = |tenant: &TenantNo| state.law(*tenant).is_some_and(|l| l.backfilling.is_some());
    tenants.filter(waits).collect()
}

/// What was done before the law of a tenant, as what is to be asked of the step; `last` is the last
/// row there is.
///
/// # Errors
/// See [`crate::replay`].
pub(crate) fn count(
    reader: &mut (dyn Reader + Send),
    state: &State,
    tenant: TenantNo,
    last: u64,
) -> Result<Vec<Op>, NodeError> {
    let Some(mut walk) = Backfill::new(state, tenant) else {
        return Ok(Vec::new());
    };
    let start = Instant::now();
    let mut events = 0u64;
    let look = |before: &State, event: &engine::Event| {
        events += 1;
        walk.event(before, event);
    };
    let on_row = |seq| match seq < last {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    look_back(reader, look, on_row)?;
    let parts: Vec<Op> = walk.parts(state).collect();
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        tenant = tenant.0,
        events,
        parts = parts.len(),
        ms,
        "law_backfilled"
    );
    Ok(parts)
}
