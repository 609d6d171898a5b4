//! What was done before a law came into force, counted for the measures that begin with it.
//!
//! A pack's rule may say that its counter is *backfilled*. State keeps no history, so such a law comes
//! into force in two steps: it is activated, and from then on asked nothing; the shell shows this
//! walk every event before the activation, from the first on, and hands in what it came to; with the last
//! part the law is asked.
//!
//! - The sums are those that would be there had the measures been counted all along: what was made
//!   counts, what was refused does not, and what was undone gave its room back as the pack says.
//! - What is under way keeps what it took, and gives it back when it ends. A payment made before the
//!   activation and refunded after it gives nothing back: its event says nothing of the measure, and
//!   the sum stays on the strict side.
//! - Of the past the walk remembers the counters, and what of it can still give room back.

use crate::command::Op;
use crate::event::{Event, EventKind, Part};
use crate::ids::Id;
use crate::law::{Backfilled, Counted, Law, MEASURE_FIRST};
use crate::past::shadow::Shadow;
use crate::past::{Look, concerns, each_part, question};
use crate::records::TenantNo;
use crate::state::State;
use crate::step::law::court::Court;
use crate::time::UtcMillis;
use crate::view::View;
use policy::{Civil, Moves, Side};

/// At most so many sums a part, so that none makes a row large.
pub const PART_MAX: usize = 8_192;

/// A walk through the past under way.
#[derive(Debug)]
pub struct Backfill {
    tenant: TenantNo,
    law: Law,
    measures: Vec<u16>,
    shadow: Shadow,
    moves: Moves,
    now: Vec<Civil>,
    at: Option<UtcMillis>,
}

impl Backfill {
    /// Begins before the first event, for a tenant whose law in force waits for it; `None` if it
    /// waits for nothing.
    #[must_use]
    pub fn new(state: &State, tenant: TenantNo) -> Option<Backfill> {
        let law = state.law(tenant)?.clone();
        let measures = law.backfilling.as_ref()?.measures.clone();
        Some(Backfill {
            tenant,
            law,
            measures,
            shadow: Shadow::default(),
            moves: Moves::new(),
            now: Vec::new(),
            at: None,
        })
    }

    /// Looks at an event; `before` is the State right before it. Events from the activation on are
    /// none of the past.
    pub fn event(&mut self, before: &State, event: &Event) {
        let is_past = before
            .law(self.tenant)
            .is_none_or(|law| law.version < self.law.version);
        if event.tenant != self.tenant || !concerns(event.kind) || !is_past {
            return;
        }
        if self.at != Some(event.at) {
            self.at = Some(event.at);
            self.law.moments(event.at, &mut self.now);
        }
        each_part(self, before, event);
    }

    /// What it came to, to be asked of the step one after the other; `state` is the one of now. After
    /// a start in the middle all are asked again.
    pub fn parts(self, state: &State) -> impl Iterator<Item = Op> + use<> {
        let mut open = self.open(state).into_iter().peekable();
        let mut sums = self.shadow.into_sums().peekable();
        let version = self.law.version;
        let (mut part, mut ended) = (0, false);
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let sums_now: Vec<Counted> = sums.by_ref().take(PART_MAX).collect();
            let room = PART_MAX - sums_now.len();
            let open_now = open.by_ref().take(room).collect();
            ended = sums.peek().is_none() && open.peek().is_none();
            let counted = Backfilled {
                version,
                part,
                is_last: ended,
                sums: sums_now,
                open: open_now,
            };
            part += 1;
            let counted = Box::new(counted);
            Some(Op::Backfill { counted })
        })
    }

    /// What is under way and may give room back.
    fn open(&self, state: &State) -> Vec<(Id, Counted)> {
        let ours = |key: &&(TenantNo, Id)| key.0 == self.tenant;
        let holds = state.holds.keys().chain(state.topups.keys());
        let ids = holds.chain(state.withdrawals.keys());
        let own = ids.filter(ours).map(|key| (key.1, key.1));
        let disputed = state.disputes.iter();
        let disputed = disputed.filter(|(key, _)| key.0 == self.tenant);
        let disputed = disputed.map(|(key, dispute)| (key.1, dispute.payment));
        own.chain(disputed)
            .flat_map(|(id, of)| self.shadow.taken(of).map(move |counted| (id, counted)))
            .collect()
    }
}

impl Look for Backfill {
    fn part<V: View>(&mut self, view: &V, event: &Event, part: &Part<'_>) {
        let set = &self.law.ruleset;
        if question::undoes(part.kind) {
            self.shadow.undo(view, set, event.tenant, part);
        }
        // What waits or was refused was not made, a refund only gives room back, and a capture was
        // counted when it was authorized.
        let kind = part.kind;
        let is_counted = !matches!(kind, EventKind::Refunded | EventKind::Captured);
        if !is_counted || kind.asks_step_up() || kind.is_refusal() {
            return;
        }
        let Some(question) = question::of(view, event, part) else {
            return;
        };
        let Some(tenant) = view.base().tenant(event.tenant) else {
            return;
        };
        let mut counted = Vec::new();
        for case in &question.cases {
            let court = Court {
                view,
                law: &self.law,
                terms: &tenant.terms,
                moments: &self.now,
                now: event.at,
                counting: &[],
            };
            court.count(case, &mut self.moves);
            let party = |wallet| view.wallet(wallet).party;
            for moved in &self.moves.moves {
                if !self.measures.contains(&(MEASURE_FIRST + moved.measure)) {
                    continue;
                }
                let party = match moved.side {
                    Side::Payer => party(case.payer),
                    Side::Payee => party(case.payee),
                };
                counted.push(self.shadow.placed(party, moved));
            }
        }
        self.shadow.take(set, part.id, question.gross, counted);
    }
}
