//! How a node ends when it cannot go on: a commit has failed, or one of its threads has panicked.
//!
//! What this promises: from then on nobody is answered but with `outcome_unknown`, everybody who
//! waits is told so, and the process ends. A node that can answer nothing must not look alive.

use crate::answer::Unavailable;
use crate::commit::{Slot, fail_items};
use crate::options::Fatal;
use crate::queue::Queue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// What is needed to end a node.
#[derive(Clone)]
pub(crate) struct Ending {
    pub slot: Arc<Slot>,
    pub queue: Arc<Queue>,
    pub fatal: Fatal,
}

impl Ending {
    /// Does a thread's work. If it panics, what it held is dropped, which tells those who waited for
    /// it, and the node ends.
    pub fn guard(&self, who: &str, work: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!(thread = who, "thread_panicked");
            self.mark();
            self.end(&format!("{who} panicked; the message stands above"));
        }
    }

    /// From now on the node has failed and takes nothing more.
    pub fn mark(&self) {
        self.slot.fail();
        self.queue.close(Unavailable::OutcomeUnknown);
    }

    /// Tells those who wait, and ends the process.
    pub fn end(&self, why: &str) {
        fail_items(self.queue.drain());
        // The writer gives up what it holds; it may be waiting for the committer.
        self.queue.commit_idle();
        match &self.fatal {
            Fatal::Call(call) => call(why),
            Fatal::Exit => {
                eprintln!("farthing: the node stops: {why}");
                // Time for the callers' answers to leave the machine.
                std::thread::sleep(Duration::from_millis(250));
                std::process::exit(70);
            }
        }
    }
}
