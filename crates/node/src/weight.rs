//! What a command weighs: about how many times the room of a plain payment it takes, in the queue, in
//! the row and in its answer. A command is small, but a group of splits is not.

use engine::{Command, Op};

/// Of a command, a plain payment being 1.
pub(crate) fn weight(command: &Command) -> usize {
    match &command.op {
        Op::Group { items } => items.iter().fold(1, |sum, (_, op)| sum + of_op(op)),
        op => of_op(op),
    }
}

#[inline]
fn of_op(op: &Op) -> usize {
    match op {
        Op::Split { payees, .. } => 1 + payees.len(),
        Op::GrantMandate { payees, .. } => 1 + payees.len() / 4,
        Op::ProposeCorrection { postings, .. } => 1 + postings.len(),
        Op::Refund { carried, .. } | Op::OpenDispute { carried, .. } => {
            1 + carried.0.postings.len() + carried.0.effects.len()
        }
        // Its tables of rates and of a time zone's transitions.
        Op::SetTerms { .. } => 100,
        Op::ProposeLaw { law } => {
            let bytes: usize = law.packs.iter().map(|text| text.len()).sum();
            100 + bytes / 100
        }
        _ => 1,
    }
}
