//! Returns and reassessments out of the journal's rows from a period on, for a server that holds the
//! state anyway.
//!
//! What a figure needs besides an event never changes once it is there: whose wallet it is, what an
//! account is for, what was decided of a case. So the live state answers for events of any time, and
//! nothing is folded again: a month costs as much as its own rows, however long the journal is. Only
//! civil days go by the zone of then, which the history of terms tells. [`super::returns`] and
//! [`super::reassess`] walk from the first row on, with a state of their own, and come to the same.

use super::{Reassessed, Return, Wanted, reassessed, rules_version, shown};
use crate::app::App;
use crate::history;
use crate::problem::{Outcome, Problem};
use engine::codec::RowReader;
use engine::records::TenantNo;
use engine::taxes::date;
use engine::taxes::returns::{Reassessment, Returns};
use engine::terms::Terms;
use engine::time::Zone;
use engine::{Code, Event, Position, State};
use node::{NodeError, Reader};
use std::collections::BTreeSet;
use tax::Date;

/// Rows read at a time, and of them so many bytes at most beyond the first.
const ROWS: usize = 256;
const BYTES: usize = 1 << 20;
/// Events that the writer's thread is asked about at a time: a millisecond or so of it.
const EVENTS: usize = 500;
/// No zone is further from UTC than this.
const MARGIN_DAYS: i32 = 2;

/// The zones of a tenant, and from which place of the journal on each held.
struct Zones(Vec<(Position, Zone)>);

impl Zones {
    async fn of(app: &App, tenant: TenantNo) -> Outcome<Zones> {
        let lines = history::ask_now(app, move |model| {
            let (mut lines, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let page = model.terms(tenant.0, cursor.as_deref(), 100)?;
                lines.extend(page.items);
                cursor = page.next;
                if cursor.is_none() {
                    return Ok(lines);
                }
            }
        });
        let first = Position { seq: 0, index: 0 };
        let mut zones = vec![(first, Terms::default().zone)];
        for line in lines.await? {
            let terms: Terms =
                serde_json::from_str(&line.terms).map_err(|error| Problem::internal(&error))?;
            let (seq, index) = (line.position.seq, line.position.index);
            zones.push((Position { seq, index }, terms.zone));
        }
        zones.sort_by_key(|(at, _)| (at.seq, at.index));
        Ok(Zones(zones))
    }

    fn day(&self, at: Position, event: &Event) -> Date {
        let since = |(since, _): &(Position, Zone)| (since.seq, since.index) <= (at.seq, at.index);
        let place = self.0.partition_point(since).saturating_sub(1);
        date(self.0[place].1.civil(event.at).day)
    }
}

/// What is owed for a period.
///
/// # Errors
/// The history, the journal or the node does not answer.
pub async fn of_period(app: &App, wanted: Wanted) -> Outcome<Return> {
    let zones = Zones::of(app, wanted.tenant).await?;
    let gather = move |app: &App| {
        let after = ms(wanted.days.end, MARGIN_DAYS);
        let returns = Returns::new(wanted.tenant, wanted.days.clone());
        let note = |returns: &mut Returns, state: &State, event: &Event, day| {
            returns.note_on(state, event, day);
        };
        let returns = gathered(app, &wanted, &zones, after, returns, note)?;
        let told = move |state: &State| shown(state, &returns, &wanted);
        Ok(app.node.query_blocking(told)?)
    };
    app.blocking(gather).await?
}

/// The payments of a period, looked at again under the rules in force. What came back of them since
/// is read too, so up to the end of the journal.
///
/// # Errors
/// As [`of_period`]; or other rules came into force meanwhile.
pub async fn reassess_period(app: &App, wanted: Wanted) -> Outcome<Reassessed> {
    let zones = Zones::of(app, wanted.tenant).await?;
    let gather = move |app: &App| {
        let again = (Reassessment::default(), wanted.days.clone());
        let note = |again: &mut (Reassessment, _), state: &State, event: &Event, day| {
            again.0.note_on(state, event, &again.1, day);
        };
        let (again, _) = gathered(app, &wanted, &zones, u64::MAX, again, note)?;
        let tenant = wanted.tenant;
        let (mut found, mut versions) = (Vec::new(), BTreeSet::new());
        for piece in again.pieces(EVENTS) {
            let differs =
                move |state: &State| (piece.found(state, tenant), rules_version(state, tenant));
            let (differ, version) = app.node.query_blocking(differs)?;
            found.extend(differ);
            versions.insert(version);
        }
        let told = move |state: &State| reassessed(state, &wanted, &found);
        let told: Reassessed = app.node.query_blocking(told)?;
        versions.insert(told.rules_version);
        if versions.len() > 1 {
            let words = "other tax rules came into force meanwhile: ask again";
            return Err(Problem::of(Code::WrongState, words));
        }
        Ok(told)
    };
    app.blocking(gather).await?
}

/// Notes the events of the rows from the days wanted on until an instant, each with its civil day and
/// what the live state says of its accounts and cases.
fn gathered<T: Send + 'static>(
    app: &App,
    wanted: &Wanted,
    zones: &Zones,
    after: u64,
    mut noted: T,
    note: fn(&mut T, &State, &Event, Date),
) -> Outcome<T> {
    let internal = |error: NodeError| Problem::internal(&error);
    let take = |mut noted: T, events: Vec<(Date, Event)>| {
        let take = move |state: &State| {
            for (day, event) in &events {
                note(&mut noted, state, event, *day);
            }
            noted
        };
        app.node.query_blocking(take)
    };
    let first = ms(wanted.days.start, -MARGIN_DAYS);
    let mut next = app
        .node
        .with_reader(|reader| first_row(reader, first))
        .map_err(internal)?;
    let mut events = Vec::with_capacity(EVENTS);
    loop {
        let rows = app
            .node
            .with_reader(|reader| Ok(reader.read_from(next, ROWS, BYTES)?));
        let rows = rows.map_err(internal)?;
        let mut is_over = rows.is_empty();
        for row in &rows {
            next = row.seq + 1;
            let bad = |error| {
                internal(NodeError::Row {
                    seq: row.seq,
                    error,
                })
            };
            let mut reader = RowReader::new(row.format, &row.events).map_err(bad)?;
            let (mut event, mut index) = (Event::empty(), 0);
            while reader.next_event(&mut event).map_err(bad)? {
                let at = Position {
                    seq: row.seq,
                    index,
                };
                index += 1;
                is_over |= event.at.0 >= after;
                if event.tenant == wanted.tenant && !event.postings.is_empty() {
                    events.push((zones.day(at, &event), event.clone()));
                }
                if events.len() == EVENTS {
                    noted = take(noted, std::mem::take(&mut events))?;
                }
            }
        }
        if is_over {
            return Ok(take(noted, events)?);
        }
    }
}

/// Midnight of a day in UTC, so many days on, milliseconds since 1970.
fn ms(day: Date, on: i32) -> u64 {
    u64::try_from(day.0.saturating_add(on)).unwrap_or(0) * 86_400_000
}

/// The first row at or after an instant, or the one after the last: rows are in the order of time.
fn first_row(reader: &mut (dyn Reader + Send), at_ms: u64) -> Result<u64, NodeError> {
    let (mut low, mut high) = (1, reader.head()?.seq + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(row) = reader.row(middle)? else {
            return Ok(low);
        };
        let bad = |error| NodeError::Row { seq: middle, error };
        let event = RowReader::new(row.format, &row.events).and_then(|r| r.event_at(0));
        let is_before = event.map_err(bad)?.is_none_or(|event| event.at.0 < at_ms);
        if is_before {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
