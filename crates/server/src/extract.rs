//! What handlers take and give: each extractor's failure is a problem document.

use crate::app::App;
use crate::codes;
use crate::problem::{Outcome, Problem, Refuse};
use crate::strict::Strict;
use crate::types::ids::PublicId;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::code::Audience;
use engine::ids::ActorId;
use engine::records::TenantNo;
use engine::{Code, Id};
use identity::{KeyRecord, Scope};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Says that an answer was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Who calls: put into the request by the guard of its route.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key.
    pub key: Arc<KeyRecord>,
    /// Its tenant's number.
    pub tenant: TenantNo,
    /// The language it likes best.
    pub lang: policy::Lang,
}

impl Caller {
    /// The tenant's id, as the store has it.
    pub fn tenant_id(&self) -> u128 {
        self.key.tenant
    }

    /// Who the node notes as having asked.
    pub fn actor(&self) -> ActorId {
        ActorId(Id(self.key.id.0))
    }

    /// What the caller may be told of a refusal: staff and regulators all, a shop's own keys what
    /// payer and seller may know.
    pub fn audience(&self) -> Audience {
        let has = |scope| self.key.scopes.contains(scope);
        let is_of_law = has(Scope::LawsPropose) || has(Scope::LawsApprove);
        if is_of_law || has(Scope::Admin) || has(Scope::RegulatorRead) || has(Scope::LedgerRead) {
            Audience::Compliance
        } else if self.key.scopes.iter().any(|scope| {
            scope.is_half() || matches!(scope, Scope::SettingsRead | Scope::SettingsWrite)
        }) {
            Audience::Operator
        } else {
            Audience::Payer
        }
    }

    /// The same as packs name those who may see a rule.
    pub fn policy_audience(&self) -> policy::Audience {
        match self.audience() {
            _ if self.key.scopes.contains(Scope::RegulatorRead) => policy::Audience::Regulator,
            Audience::Compliance => policy::Audience::Compliance,
            Audience::Operator => policy::Audience::Operator,
            Audience::Seller => policy::Audience::Seller,
            Audience::Payer => policy::Audience::Payer,
        }
    }

    /// Whether the key is of the operator's own tenant, which is the first.
    fn is_operator(&self) -> bool {
        self.tenant == TenantNo(0)
    }

    /// Whether the key may know of a tenant of this mode: the operator's keys of all, but a test key
    /// of none that is live.
    pub fn oversees(&self, mode: engine::records::Mode) -> bool {
        self.is_operator() && self.may_reach(mode)
    }

    /// What is play may not reach what is real.
    fn may_reach(&self, mode: engine::records::Mode) -> bool {
        self.key.mode == identity::Mode::Live || mode == engine::records::Mode::Test
    }

    /// For what concerns a tenant of this mode, or all of them, which is live.
    ///
    /// # Errors
    /// [`codes::OPERATOR_ONLY`]; [`codes::LIVE_KEY_NEEDED`].
    pub fn require_operator(&self, mode: engine::records::Mode) -> Outcome<()> {
        if !self.is_operator() {
            let words = "the key's tenant is not the operator's own";
            return Err(Problem::new(codes::OPERATOR_ONLY, words));
        }
        if !self.may_reach(mode) {
            let words = "a test key reaches nothing that is live or shared with what is";
            return Err(Problem::new(codes::LIVE_KEY_NEEDED, words));
        }
        Ok(())
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refuse;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refuse> {
        // A route without a guard is a mistake of ours, and must not open anything.
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| {
            Refuse(Problem::internal(
                &"a route without its guard asked for its caller",
            ))
        })
    }
}

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Refuse;
    async fn from_request(request: Request, app: &App) -> Result<Self, Refuse> {
        require_media_type(request.headers(), "application/json")?;
        let bytes = bytes(request, app).await?;
        Ok(Json(parse(&bytes)?))
    }
}

/// A JSON body that need not be there.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<App> for OptionalJson<T> {
    type Rejection = Refuse;
    async fn from_request(request: Request, app: &App) -> Result<Self, Refuse> {
        let headers = request.headers().clone();
        let bytes = bytes(request, app).await?;
        if bytes.is_empty() {
            return Ok(OptionalJson(T::default()));
        }
        require_media_type(&headers, "application/json")?;
        Ok(OptionalJson(
            parse::<Option<T>>(&bytes)?.unwrap_or_default(),
        ))
    }
}

/// Whether the `Content-Type` is the one a path takes.
///
/// # Errors
/// [`codes::UNSUPPORTED_MEDIA_TYPE`].
pub fn require_media_type(headers: &axum::http::HeaderMap, wanted: &str) -> Outcome<()> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = given.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let words = format!(
        "the Content-Type must be {wanted}, and was \"{}\"",
        excerpt(given)
    );
    Err(Problem::new(codes::UNSUPPORTED_MEDIA_TYPE, words).at("Content-Type"))
}

async fn bytes(request: Request, app: &App) -> Outcome<Bytes> {
    Bytes::from_request(request, app)
        .await
        .map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let words = format!(
                    "the body is larger than {} bytes",
                    app.config.body_bytes_max
                );
                Problem::new(codes::TOO_LARGE, words)
            } else {
                Problem::new(codes::BAD_BODY, "the body could not be read to its end")
            }
        })
}

/// Reads JSON; the path to what is wrong is found in a second pass, only when something is.
///
/// # Errors
/// [`codes::BAD_JSON`] with its line and column, or `malformed` with its field.
pub fn parse<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Outcome<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = T::deserialize(Strict(&mut deserializer));
    let error = match read.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let known = |number: usize| u64::try_from(number).ok().filter(|number| *number > 0);
    // What serde expects of a value it cannot read may be said as if the text were at fault.
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    if !is_json {
        let mut problem = Problem::new(codes::BAD_JSON, plain(&error));
        problem.line = known(error.line());
        problem.column = problem.line.and_then(|_| known(error.column()));
        return Err(problem);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let traced: Result<T, _> = serde_path_to_error::deserialize(Strict(&mut deserializer));
    let field = traced
        .err()
        .map(|error| error.path().to_string())
        .unwrap_or_default();
    let words = error.to_string();
    let names_one = ["unknown field", "missing field", "duplicate field"];
    let named = names_one.iter().any(|start| words.starts_with(start));
    let field = match unquoted(&words).filter(|_| named) {
        // The path stops at the object that has the field or lacks it, or names it already.
        Some(name) if field == "." || field.is_empty() => name,
        Some(name) if words.starts_with("missing") => format!("{field}.{name}"),
        Some(name) if field != name && !field.ends_with(&format!(".{name}")) => {
            format!("{field}.{name}")
        }
        _ => field,
    };
    let words = match error.is_data() {
        true => plain(&error),
        false => "it is empty or has more than one member, where one is chosen by its name".into(),
    };
    let mut problem = Problem::of(Code::Malformed, words).at(field);
    problem.line = known(error.line());
    Err(problem)
}

fn unquoted(words: &str) -> Option<String> {
    words.split('`').nth(1).map(str::to_owned)
}

/// The words of an error without its line and column, which have their own field.
fn plain(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let end = words.rfind(" at line ").unwrap_or(words.len());
    words[..end].chars().take(300).collect()
}

/// The start of a text that goes into a message.
pub fn excerpt(text: &str) -> String {
    text.chars().take(80).filter(|c| !c.is_control()).collect()
}

/// The same of our own words, which may list what there is.
fn longer(text: &str) -> String {
    text.chars()
        .take(2_000)
        .filter(|c| !c.is_control())
        .collect()
}

/// What the standard library says of a number, as people say it.
fn numbers_in_words(words: &str) -> String {
    words
        .replace("invalid digit found in string", "a whole number is wanted")
        .replace(
            "cannot parse integer from empty string",
            "a whole number is wanted",
        )
        .replace(
            "number too large to fit in target type",
            "the number is too large",
        )
        .replace(
            "number too small to fit in target type",
            "the number is too small",
        )
}

/// The one id in a path.
pub struct PathId<T>(pub T);

impl<T: PublicId + Send> FromRequestParts<App> for PathId<T> {
    type Rejection = Refuse;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refuse> {
        let text = path_text(parts, app).await?;
        let id = text
            .parse()
            .map_err(|why: String| Problem::not_found("id", why))?;
        Ok(PathId(id))
    }
}

async fn path_text(parts: &mut Parts, app: &App) -> Outcome<String> {
    let path = Path::<String>::from_request_parts(parts, app).await;
    let Path(text) = path.map_err(|_| Problem::not_found("id", "the path is not UTF-8"))?;
    Ok(text)
}

/// The query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refuse;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refuse> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Query(value)),
            Err(rejection) => {
                let words = rejection.body_text();
                let words = words
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&words)
                    .to_owned();
                let words = numbers_in_words(&words);
                let field = words
                    .split(':')
                    .next()
                    .filter(|name| !name.contains(' '))
                    .map(str::to_owned);
                let field = field.or_else(|| unquoted(&words)).unwrap_or_default();
                Err(Refuse(
                    Problem::new(codes::BAD_QUERY, longer(&words)).at(field),
                ))
            }
        }
    }
}

/// An answer in JSON.
pub struct Answer<T> {
    /// The body.
    pub body: T,
    /// Its status.
    pub status: StatusCode,
    /// Whether it was given before.
    pub replayed: bool,
}

impl<T> Answer<T> {
    /// The same with another body.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            body: to(self.body),
            status: self.status,
            replayed: self.replayed,
        }
    }

    /// 200.
    pub fn ok(body: T) -> Answer<T> {
        Answer {
            body,
            status: StatusCode::OK,
            replayed: false,
        }
    }

    /// 201, or what it was the first time.
    pub fn created(body: T, replayed: bool) -> Answer<T> {
        Answer {
            body,
            status: StatusCode::CREATED,
            replayed,
        }
    }

    /// 200 for something done to a thing that is.
    pub fn done(body: T, replayed: bool) -> Answer<T> {
        Answer {
            body,
            status: StatusCode::OK,
            replayed,
        }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut bytes = Vec::with_capacity(512);
        if let Err(error) = serde_json::to_writer(&mut bytes, &self.body) {
            return Problem::internal(&error).into_response();
        }
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// What a handler returns.
pub type Handled<T> = Result<Answer<T>, Refuse>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Amount;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Body {
        amount: Amount,
        payees: Option<Vec<Amount>>,
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named() {
        let rows = [
            ("", 400, "bad_json", None, None),
            ("{", 400, "bad_json", None, Some(1)),
            ("{\n\"amount\":,}", 400, "bad_json", None, Some(2)),
            ("[]", 422, "malformed", None, Some(1)),
            (
                r#"[{"amount":"5","asset":"EUR"}]"#,
                422,
                "malformed",
                None,
                Some(1),
            ),
            ("{}", 422, "malformed", Some("amount"), Some(1)),
            (
                r#"{"amount":["5","EUR"]}"#,
                422,
                "malformed",
                Some("amount"),
                Some(1),
            ),
            (
                r#"{"amount":{"amount":"5","asset":"EUR"},"payees":[["5","EUR"]]}"#,
                422,
                "malformed",
                Some("payees[0]"),
                Some(1),
            ),
            (
                r#"{"amount":{"asset":"EUR"}}"#,
                422,
                "malformed",
                Some("amount.amount"),
                Some(1),
            ),
            (r#"{"amount":5}"#, 422, "malformed", Some("amount"), Some(1)),
            (
                r#"{"amount":{"amount":5,"asset":"EUR"}}"#,
                422,
                "malformed",
                Some("amount.amount"),
                Some(1),
            ),
            (
                "{\"amount\":\n{\"amount\":\"1e5\",\"asset\":\"EUR\"}}",
                422,
                "malformed",
                Some("amount.amount"),
                Some(2),
            ),
            (
                r#"{"amount":{"amount":"5","asset":"eur"}}"#,
                422,
                "malformed",
                Some("amount.asset"),
                Some(1),
            ),
            (
                r#"{"amount":{"amount":"5","asset":"EUR"},"x":1}"#,
                422,
                "malformed",
                Some("x"),
                Some(1),
            ),
            (
                r#"{"amount":{"amount":"5","asset":"EUR","y":1}}"#,
                422,
                "malformed",
                Some("amount.y"),
                Some(1),
            ),
            (
                r#"{"amount":{"amount":"5","asset":"EUR"},"payees":[{"amount":"1","asset":1}]}"#,
                422,
                "malformed",
                Some("payees[0].asset"),
                Some(1),
            ),
        ];
        for (text, status, code, field, line) in rows {
            let problem = parse::<Body>(text.as_bytes()).unwrap_err();
            let seen = (
                problem.status,
                problem.code.as_str(),
                problem.field.as_deref(),
                problem.line,
            );
            let line = if text.is_empty() { seen.3 } else { line };
            assert_eq!(
                seen,
                (status, code, field, line),
                "{text}: {}",
                problem.detail
            );
        }
    }
}
