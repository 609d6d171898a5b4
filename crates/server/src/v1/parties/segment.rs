//! The operator's segments: names outside, numbers in the order of the law's settings inside.

use crate::app::App;
use crate::extract::Caller;
use crate::law::laws;
use crate::problem::{Outcome, Problem};
use crate::types::Text;

/// The number of a segment; 0 is none.
///
/// # Errors
/// The law in force names no such segment.
pub async fn number(app: &App, caller: &Caller, name: Option<&Text<100>>) -> Outcome<u8> {
    let Some(name) = name else { return Ok(0) };
    let here = laws::in_force(app, caller.tenant).await?;
    let segments = here.law().map_or(&[][..], |law| &law.settings.segments);
    let at = segments.iter().position(|segment| *segment == name.0);
    let number = at.and_then(|at| u8::try_from(at + 1).ok());
    number.ok_or_else(|| {
        let words = "the settings of the law in force have no such segment";
        Problem::not_found("segment", words)
    })
}

/// The name of a segment.
///
/// # Errors
/// The node does not answer.
pub async fn name(app: &App, caller: &Caller, number: u8) -> Outcome<Option<String>> {
    let Some(at) = usize::from(number).checked_sub(1) else {
        return Ok(None);
    };
    let here = laws::in_force(app, caller.tenant).await?;
    Ok(here
        .law()
        .and_then(|law| law.settings.segments.get(at).cloned()))
}
