//! What is there, but not in a state for what was asked, is not "not found".

use crate::app::App;
use crate::extract::Caller;
use crate::history;
use crate::problem::{Outcome, Problem};
use engine::{Code, Id};
use store::read::ReadModel;

/// A thing with a life of several events, that the node forgets when its life is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A payment that was authorized.
    Authorization,
    /// A top-up.
    TopUp,
    /// A dispute.
    Dispute,
    /// A withdrawal.
    Withdrawal,
    /// A correction.
    Correction,
}

/// What is no authorization, though it is there.
const NOT_ONE: &str = "not one";

impl Thing {
    fn word(self) -> &'static str {
        match self {
            Thing::Authorization => "authorization",
            Thing::TopUp => "top-up",
            Thing::Dispute => "dispute",
            Thing::Withdrawal => "withdrawal",
            Thing::Correction => "correction",
        }
    }

    fn state(
        self,
        model: &ReadModel,
        tenant: u32,
        id: u128,
    ) -> Result<Option<String>, store::Error> {
        Ok(match self {
            Thing::Authorization => match model.hold(tenant, id)? {
                Some(hold) => Some(hold.state),
                None => model.position_of(tenant, id)?.map(|_| NOT_ONE.to_owned()),
            },
            Thing::TopUp => model.topup(tenant, id)?.map(|line| line.state),
            Thing::Dispute => model.dispute(tenant, id)?.map(|line| line.state),
            Thing::Withdrawal => model.withdrawal(tenant, id)?.map(|line| line.state),
            Thing::Correction => model.correction(tenant, id)?.map(|line| line.state),
        })
    }
}

/// Says of what the node did not find how it stands, if it was ever there.
///
/// # Errors
/// The outcome's own, or `wrong_state` in place of `not_found`.
pub async fn or_state<T>(
    app: &App,
    caller: &Caller,
    thing: Thing,
    id: Id,
    outcome: Outcome<T>,
) -> Outcome<T> {
    let problem = match outcome {
        Err(problem) if problem.code == Code::NotFound.as_str() => problem,
        other => return other,
    };
    let tenant = caller.tenant.0;
    if app.node.projection().is_none() {
        return Err(problem);
    }
    let found = history::ask_now(app, move |model| thing.state(model, tenant, id.0)).await?;
    Err(match found {
        None => problem,
        Some(state) => {
            let words = match state.as_str() {
                NOT_ONE => "this was not authorized to be captured later".to_owned(),
                state => format!("the {} is {state}", thing.word()),
            };
            Problem::of(Code::WrongState, words).at("id")
        }
    })
}
