//! Groups: all of their items, or none.

use crate::oracle::{Done, Oracle, Rule, Seen, Stop, deny, done, reject};
use crate::{Id, Op};

impl Oracle {
    /// Everything in a group is done, or nothing.
    pub(crate) fn group(&mut self, id: Id, items: &[(Id, Op)]) -> Rule<Done> {
        let allowed = |op: &Op| {
            matches!(
                op,
                Op::Pay { .. }
                    | Op::Authorize { .. }
                    | Op::Capture { .. }
                    | Op::Void { .. }
                    | Op::Refund { .. }
                    | Op::Transfer { .. }
                    | Op::Split { .. }
            )
        };
        if items.is_empty() || !items.iter().all(|(_, op)| allowed(op)) {
            return reject("malformed");
        }
        if items.len() > 1_000 {
            return reject("too_many");
        }
        let (books, timers) = (self.books.clone(), self.timers.clone());
        self.group = Some((id, Vec::new()));
        let mut used = vec![id];
        let mut whole = done("group.done");
        let mut stop = None;
        for (item, op) in items {
            let result = self.group_item(*item, op, &mut used);
            match result {
                Ok(done) => {
                    whole.gross = whole.gross.wrapping_add(done.gross);
                    whole.tax = whole.tax.wrapping_add(done.tax);
                    whole.fee = whole.fee.wrapping_add(done.fee);
                }
                Err(why) => {
                    stop = Some(why);
                    break;
                }
            }
        }
        let remembered = self
            .group
            .take()
            .map_or(Vec::new(), |(_, payments)| payments);
        if let Some(why) = stop {
            (self.books, self.timers) = (books, timers);
            for payment in remembered {
                self.payments.remove(&(self.tenant, payment));
            }
            return Err(why);
        }
        Ok(whole)
    }

    fn group_item(&mut self, id: Id, op: &Op, used: &mut Vec<Id>) -> Rule<Done> {
        if self.pending.contains_key(&(self.tenant, id)) {
            return reject("id_reused");
        }
        if id == 0 {
            return reject("malformed");
        }
        match self.seen(id, self.hint) {
            Seen::New if self.is_open(id) || used.contains(&id) => return reject("id_reused"),
            Seen::New => {}
            Seen::At(_) => return reject("id_reused"),
            Seen::Not(code) => return reject(code),
        }
        let before = self.pending.len();
        let done = match self.rule(id, op) {
            Ok(done) => done,
            Err(Stop::Deny(code, party)) => {
                let many =
                    self.refused_this_second(party, code) >= self.terms().refusals_per_second;
                return if many {
                    deny("group_item_refused", party)
                } else {
                    deny(code, party)
                };
            }
            Err(stop) => return Err(stop),
        };
        if self.pending.len() > before {
            let payer = self.pending.get(&(self.tenant, id)).map(|p| p.payer());
            self.forget_pending(id);
            let payer = self.wallet(payer.unwrap_or(0))?;
            let party = self.books.wallets[payer as usize].party;
            return deny("step_up_in_group", party);
        }
        used.push(id);
        Ok(done)
    }
}
