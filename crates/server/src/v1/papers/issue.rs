//! Issuing a paper, finding it again, and giving it out in the form that is asked for.

use super::rounding::{self, Share};
use super::view::{PaperView, prefix, read};
use crate::app::App;
use crate::codes;
use crate::extract::{Answer, Caller, Handled};
use crate::papers::{Form, refused, wanted};
use crate::problem::{Outcome, Problem, Refuse};
use crate::types::ids::{PublicId, written};
use ::papers::facts::{Draft, Kind};
use ::papers::{Paper, PaperError, compose, html, national, pdf, ubl};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use engine::{Code, EventKind, Id};
use serde::Serialize;
use store::{Covered, Issue, IssuedPaper, Made, NewPaper, OsRandom, PaperSupply};

/// A hash of everything that was asked.
///
/// # Errors
/// It does not serialize, which is a mistake of ours.
pub fn asked(body: &impl Serialize) -> Outcome<[u8; 32]> {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    Ok(*blake3::hash(&bytes).as_bytes())
}

/// What was issued under an id, if anything was.
///
/// # Errors
/// Something else was asked under it; the store does not answer.
pub async fn known(
    app: &App,
    caller: &Caller,
    id: Id,
    asked: [u8; 32],
) -> Outcome<Option<PaperView>> {
    let tenant = caller.tenant_id();
    let found = app
        .blocking(move |app| app.store.paper(tenant, id.0))
        .await?;
    match found.map_err(|error| Problem::store(&error))? {
        None => Ok(None),
        Some(issued) if issued.asked == asked => {
            let issued = rounding::posted(app, caller, issued).await?;
            Ok(Some(shown(app, tenant, issued).await?))
        }
        Some(_) => Err(other()),
    }
}

fn other() -> Box<Problem> {
    Problem::of(Code::IdReused, "another paper was asked for under this id").at("id")
}

/// A paper to issue.
pub struct ToIssue {
    pub id: Id,
    pub asked: [u8; 32],
    pub seller: u128,
    pub original: Option<u128>,
    pub supply: PaperSupply,
    pub covers: Vec<Covered>,
    /// The tax of each payment or refund on it.
    pub shares: Vec<Share>,
    /// Without its number.
    pub draft: Draft,
}

/// Issues it under the next number of its series.
///
/// # Errors
/// It cannot be made; what it covers stands on another by now; the store does not answer.
pub async fn issue(app: &App, caller: &Caller, new: ToIssue) -> Handled<PaperView> {
    let tenant = caller.tenant_id();
    let year = new.draft.issued.year();
    let issued = app.blocking(move |app| {
        let fonts = app.fonts.of(new.draft.language);
        let paper = NewPaper {
            tenant,
            id: new.id.0,
            seller: new.seller,
            kind: new.draft.kind.as_str(),
            supply: new.supply,
            year,
            asked: new.asked,
            original: new.original,
            covers: &new.covers,
        };
        app.store
            .issue_paper(&paper, app.now_ms(), &mut OsRandom, |number| {
                let label = format!("{}-{year}-{number:06}", prefix(&new.draft.kind));
                let draft = Draft {
                    number: label.clone(),
                    ..new.draft.clone()
                };
                let paper = made(draft)?;
                Ok(Made {
                    label,
                    forms: forms(&paper, &fonts)?,
                    to_post: rounding::to_post(&paper, &new.shares)?,
                })
            })
    });
    let issued: Result<Issue<Box<Problem>>, store::Error> = issued.await?;
    let issued = issued.map_err(|error| Problem::store(&error))?;
    let (issued, replayed) = match issued {
        Issue::Issued(issued) => (issued, false),
        Issue::Known(issued) => (issued, true),
        Issue::Other(_) => return Err(other().into()),
        Issue::Covered { thing, .. } => {
            let id = written(EventKind::Paid, Id(thing));
            let words = format!("{id} stands on another paper since");
            return Err(Problem::of(Code::WrongState, words).into());
        }
        Issue::Failed(why) => return Err(why.into()),
    };
    let issued = rounding::posted(app, caller, issued).await?;
    let view = shown(app, tenant, issued).await?;
    Ok(Answer::created(view, replayed))
}

fn made(draft: Draft) -> Outcome<Paper> {
    let paper = compose(draft).map_err(|error| refused(&error))?;
    if paper.kind == Kind::SimplifiedInvoice {
        let treatments = paper.groups.iter().map(|group| group.treatment);
        let country = &paper.seller.country;
        let gross = paper.totals.gross;
        if !national::may_be_simplified(country, gross, &paper.asset, treatments) {
            let code = paper.asset.code;
            let by = national::threshold(country).map_or(String::new(), |threshold| {
                let (units, currency, act) = (threshold.units, threshold.currency, threshold.act);
                format!(": a simplified one is for {units} {currency} at most ({act})")
            });
            let words = format!("{gross} {code} by a seller in {country} takes a full invoice{by}");
            return Err(Problem::new(codes::FULL_INVOICE_NEEDED, words).at("kind"));
        }
    }
    Ok(paper)
}

/// Every form that can be written now. A PDF waits for a font that has its characters.
fn forms(paper: &Paper, fonts: &pdf::Fonts) -> Outcome<Vec<(&'static str, Vec<u8>)>> {
    let json = serde_json::to_vec(paper).map_err(|error| Problem::internal(&error))?;
    let html = html::paper(paper).into_bytes();
    let mut forms = vec![(Form::Json.as_str(), json), (Form::Html.as_str(), html)];
    if paper.kind != Kind::SimplifiedInvoice {
        let xml = ubl::write(paper).map_err(|error| refused(&error))?;
        forms.push((Form::Xml.as_str(), xml));
    }
    match pdf::write(paper, fonts) {
        Ok(pages) => forms.push((Form::Pdf.as_str(), pages)),
        Err(PaperError::NoGlyph(_) | PaperError::BadFont(_)) => {}
        Err(error) => return Err(refused(&error)),
    }
    Ok(forms)
}

async fn shown(app: &App, tenant: u128, issued: IssuedPaper) -> Outcome<PaperView> {
    let id = issued.id;
    let bytes = kept(app, tenant, id, Form::Json).await?;
    let bytes = bytes.ok_or_else(|| Problem::internal(&"a paper without its content"))?;
    PaperView::whole(&issued, &read(&bytes)?)
}

async fn kept(app: &App, tenant: u128, id: u128, form: Form) -> Outcome<Option<Vec<u8>>> {
    let kept = app.blocking(move |app| app.store.paper_form(tenant, id, form.as_str()));
    kept.await?.map_err(|error| Problem::store(&error))
}

/// The content of a paper that was issued.
///
/// # Errors
/// There is no such paper; the store does not answer.
pub async fn content(app: &App, tenant: u128, id: Id) -> Outcome<(IssuedPaper, Paper)> {
    let found = app
        .blocking(move |app| app.store.paper(tenant, id.0))
        .await?;
    let found = found.map_err(|error| Problem::store(&error))?;
    let issued = found.ok_or_else(not_there)?;
    let bytes = kept(app, tenant, id.0, Form::Json).await?;
    let bytes = bytes.ok_or_else(|| Problem::internal(&"a paper without its content"))?;
    Ok((issued, read(&bytes)?))
}

fn not_there() -> Box<Problem> {
    Problem::not_found("id", "no such paper in this tenant")
}

/// A paper in the form that its address ends in, else that `Accept` likes best.
///
/// # Errors
/// There is no such paper, or not in that form; the store does not answer.
pub async fn give<T: PublicId>(
    app: &App,
    caller: &Caller,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response, Refuse> {
    const OFFERED: [Form; 4] = [Form::Json, Form::Html, Form::Xml, Form::Pdf];
    let (id, ending) = path.split_once('.').unwrap_or((path, ""));
    let id: T = id
        .parse()
        .map_err(|why: String| Problem::not_found("id", why))?;
    let form = match ending {
        "" => wanted(headers, &OFFERED),
        ending => {
            let form = Form::of_ending(ending).filter(|form| OFFERED.contains(form));
            let words = "a paper ends in .json, .html, .xml or .pdf";
            form.ok_or_else(|| Problem::not_found("id", words))?
        }
    };
    let tenant = caller.tenant_id();
    let (issued, paper) = content(app, tenant, id.id()).await?;
    let is_credit_note = issued.kind == "credit_note";
    if is_credit_note != (T::PREFIX == crate::types::ids::CreditNoteId::PREFIX) {
        return Err(not_there().into());
    }
    if form == Form::Json {
        return Ok(Answer::ok(PaperView::whole(&issued, &paper)?).into_response());
    }
    if let Some(bytes) = kept(app, tenant, issued.id, form).await? {
        return Ok(crate::papers::answer(form, bytes));
    }
    // Not written when it was issued: no electronic form at all, or no font then.
    let bytes = app.blocking(move |app| {
        let bytes = match form {
            Form::Xml => ubl::write(&paper),
            _ => pdf::write(&paper, &app.fonts.of(paper.language)),
        };
        let bytes = bytes.map_err(|error| refused(&error))?;
        let now = app.now_ms();
        let kept =
            app.store
                .keep_paper_form(tenant, issued.id, form.as_str(), &bytes, now, &mut OsRandom);
        kept.map_err(|error| Problem::store(&error))
    });
    Ok(crate::papers::answer(form, bytes.await??))
}
