//! Problem documents (RFC 9457): what went wrong, in words and for machines.

use crate::codes::{self, Known};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::code::Audience;
use engine::{Code, Rejection};
use node::Unavailable;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong. `code` is stable; the words are for people and may change.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Problem {
    /// A page that explains the code.
    #[serde(rename = "type")]
    #[schema(examples("/docs/errors#insufficient_funds"))]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// The stable code.
    #[schema(examples("insufficient_funds"))]
    pub code: String,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub help: String,
    /// Which value of the request, as a path such as `amount.asset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// The line of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub line: Option<u64>,
    /// The column of that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub column: Option<u64>,
    /// Of packs: everything that was found, by file and line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The id this answer is final for; with a status of 503, the id to ask again with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// The item of a group, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub item: Option<u32>,
    /// The most there may be, in units of `asset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<String>,
    /// How much of it was used before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub used: Option<String>,
    /// How much was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub asked: Option<String>,
    /// The rule of a pack that refused it, if it may be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("kr/carrier.monthly"))]
    pub rule: Option<String>,
    /// What the numbers are in; of a rule of a pack, they say it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub asset: Option<String>,
    /// What would help, for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remedy: Option<Remedy>,
    #[serde(skip)]
    pub(crate) retry_after_s: Option<u64>,
    #[serde(skip)]
    pub(crate) replayed: bool,
}

/// Something that was found in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// `error` or `warning`: a pack with an error is not proposed.
    #[schema(examples("error"))]
    pub level: &'static str,
    /// Which pack: its file or the place in the request.
    pub file: String,
    /// The line of the pack, from 1.
    pub line: usize,
    /// The rule, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rule: Option<String>,
    /// The key, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
    /// What it is.
    pub words: String,
}

/// What would help, for machines.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Remedy {
    /// `top_up`, `verify`, `pay_less`, `wait`, `confirm`, `new_mandate`, `new_id`, `retry` or `contact`.
    #[schema(examples("top_up"))]
    pub action: Cow<'static, str>,
    /// By how much, in units of `asset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub amount: Option<String>,
    /// In what.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub asset: Option<String>,
    /// To which tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tier: Option<u8>,
}

impl Remedy {
    /// What would help with a rule of a pack.
    pub fn of_law(remedy: &policy::Remedy) -> Remedy {
        use policy::{Dimension, Remedy as R};
        let (action, tier) = match remedy {
            R::Verify { tier, .. } => ("verify", u8::try_from(tier.index()).ok()),
            R::Confirm { .. } => ("confirm", None),
            R::PayLess { .. } => ("pay_less", None),
            R::Wait { .. } => ("wait", None),
            R::Contact { .. } => ("contact", None),
        };
        let amount = match remedy {
            R::PayLess { most, .. } => Some(most.clone()),
            _ => None,
        };
        Remedy {
            action: Cow::Borrowed(action),
            amount,
            asset: None,
            tier,
        }
    }
}

impl From<engine::explain::Remedy> for Remedy {
    fn from(remedy: engine::explain::Remedy) -> Self {
        let engine::explain::Remedy {
            action,
            amount,
            asset,
            tier,
        } = remedy;
        Remedy {
            action: Cow::Borrowed(action),
            amount,
            asset,
            tier,
        }
    }
}

/// The result of most things here. A problem is rare, so it is kept small to pass.
pub type Outcome<T> = Result<T, Box<Problem>>;

impl Problem {
    /// With the code's own help.
    #[must_use]
    pub fn new(known: Known, detail: impl Into<String>) -> Box<Problem> {
        Box::new(Problem {
            kind: format!("/docs/errors#{}", known.code),
            title: known.code.replace('_', " "),
            status: known.status,
            code: known.code.to_owned(),
            detail: detail.into(),
            help: known.help.to_owned(),
            ..Problem::default()
        })
    }

    /// Of the engine.
    #[must_use]
    pub fn of(code: Code, detail: impl Into<String>) -> Box<Problem> {
        Problem::new(codes::of(code), detail)
    }

    /// Something that is not in this tenant.
    #[must_use]
    pub fn not_found(field: &str, detail: impl Into<String>) -> Box<Problem> {
        Problem::of(Code::NotFound, detail).at(field)
    }

    /// Whether it is an answer, final for its id.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        self.id.is_some() && self.status < 500
    }

    /// Names the field.
    #[must_use]
    pub fn at(mut self: Box<Self>, field: impl Into<String>) -> Box<Problem> {
        let field = field.into();
        self.field = (!field.is_empty() && field != ".").then_some(field);
        self
    }

    /// Where the node could not consider a command.
    #[must_use]
    pub fn rejected(rejection: &Rejection, audience: Audience) -> Box<Problem> {
        let code = rejection.code.shown_to(audience);
        let detail = match (rejection.code, rejection.field) {
            (Code::NotFound, field) if !field.is_empty() => {
                format!("no such {field} in this tenant")
            }
            (_, "") => code.help().to_owned(),
            (_, field) => format!("{field}: {}", words_of(code, field)),
        };
        let mut problem = Problem::of(code, detail).at(rejection.field);
        problem.item = rejection.item;
        if problem.status == 429 || problem.status == 503 {
            problem.retry_after_s = Some(1);
        }
        problem
    }

    /// A failure of ours: the log has the reason, the caller the request id.
    #[must_use]
    pub fn internal(why: &dyn std::fmt::Display) -> Box<Problem> {
        tracing::error!(error = %why, "internal");
        Problem::new(
            codes::INTERNAL,
            "an unexpected failure; the log has it under this request's id",
        )
    }

    /// The records beside the journal failed.
    #[must_use]
    pub fn store(error: &store::Error) -> Box<Problem> {
        use store::Error as E;
        match error {
            E::Erased => Problem::new(codes::DETAILS_ERASED, "the text was erased with its person"),
            E::Unreadable => Problem::new(codes::DETAILS_UNREADABLE, error.to_string()),
            E::TooLarge { .. } => Problem::new(codes::TOO_LARGE, error.to_string()),
            _ => {
                tracing::error!(code = error.code(), error = %error, "store");
                let mut problem =
                    Problem::new(codes::STORE_UNAVAILABLE, "the store did not answer");
                problem.retry_after_s = Some(1);
                problem
            }
        }
    }
}

/// What is wrong with a field, where the code's own help does not say it.
fn words_of(code: Code, field: &str) -> &'static str {
    match (code, field) {
        (Code::Malformed, "expires" | "expires_at") => {
            "it must be later than now, and no later than the terms allow"
        }
        (Code::LimitsAssetFixed, _) => "limits are counted in this asset already, and stay in it",
        _ => code.help(),
    }
}

impl From<Unavailable> for Box<Problem> {
    fn from(why: Unavailable) -> Self {
        let (known, after_s) = match why {
            Unavailable::Busy { retry_after_ms } => {
                (codes::BUSY, retry_after_ms.div_ceil(1000).max(1))
            }
            Unavailable::OutcomeUnknown => (codes::OUTCOME_UNKNOWN, 1),
            Unavailable::Stopped => (codes::STOPPED, 1),
            Unavailable::TooMany(_) => return Problem::of(Code::TooMany, why.to_string()),
            Unavailable::ReadModelBehind => (codes::READ_MODEL_BEHIND, 1),
            Unavailable::ReadModelOff => {
                return Problem::new(codes::READ_MODEL_OFF, why.to_string());
            }
        };
        let mut problem = Problem::new(known, why.to_string());
        problem.retry_after_s = Some(after_s);
        problem.remedy = Some(Remedy {
            action: Cow::Borrowed("retry"),
            amount: None,
            asset: None,
            tier: None,
        });
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A problem is strings and numbers: to write it to memory cannot fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.replayed {
            headers.insert(crate::extract::REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// So that a handler's error is a box.
#[derive(Debug)]
pub struct Refuse(pub Box<Problem>);

impl From<Box<Problem>> for Refuse {
    fn from(problem: Box<Problem>) -> Self {
        Refuse(problem)
    }
}

impl From<Unavailable> for Refuse {
    fn from(why: Unavailable) -> Self {
        Refuse(why.into())
    }
}

impl IntoResponse for Refuse {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
