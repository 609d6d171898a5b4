//! In which form a paper goes out: by the ending of its address, else by `Accept`.

use crate::codes;
use crate::extract::excerpt;
use crate::problem::{Outcome, Problem};
use ::papers::Language;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For programs.
    Json,
    /// To be read and printed.
    Html,
    /// UBL.
    Xml,
    /// Pages.
    Pdf,
    /// A table.
    Csv,
}

impl Form {
    const ALL: [Form; 5] = [Form::Json, Form::Html, Form::Xml, Form::Pdf, Form::Csv];

    /// What it is called, as the ending of an address too.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Json => "json",
            Form::Html => "html",
            Form::Xml => "xml",
            Form::Pdf => "pdf",
            Form::Csv => "csv",
        }
    }

    fn media(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Html => "text/html; charset=utf-8",
            Form::Xml => "application/xml",
            Form::Pdf => "application/pdf",
            Form::Csv => "text/csv; charset=utf-8",
        }
    }

    /// The form of an ending.
    pub fn of_ending(ending: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.as_str() == ending)
    }
}

/// The form that is liked best of those there are, the first of equals; the first of all where
/// `Accept` names none.
pub fn wanted(headers: &HeaderMap, offered: &[Form]) -> Form {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut best = (0, Form::Json);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality = quality.map_or(1_000, thousandths);
        let is_it = |form: &&Form| {
            let media = form.media().split(';').next().unwrap_or_default();
            name == media || name == "*/*"
        };
        if let Some(form) = offered.iter().find(is_it)
            && quality > best.0
        {
            best = (quality, *form);
        }
    }
    match best {
        (0, _) => offered.first().copied().unwrap_or(Form::Json),
        (_, form) => form,
    }
}

fn thousandths(quality: &str) -> u32 {
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    let part = format!("{part:0<3}");
    let part = part.get(..3).and_then(|part| part.parse().ok());
    match whole {
        "1" => 1_000,
        "0" => part.unwrap_or(0),
        _ => 0,
    }
}

/// The language of the labels: as asked, else what `Accept-Language` likes best, else English.
///
/// # Errors
/// [`codes::BAD_QUERY`] for one that no paper speaks.
pub fn language(asked: Option<&str>, headers: &HeaderMap) -> Outcome<Language> {
    if let Some(asked) = asked {
        return asked.parse().map_err(|_| {
            let words = format!(
                "lang is en, ko, ja, de or fr, and was \"{}\"",
                excerpt(asked)
            );
            Problem::new(codes::BAD_QUERY, words).at("lang")
        });
    }
    let header = headers.get(header::ACCEPT_LANGUAGE);
    let header = header.and_then(|value| value.to_str().ok());
    Ok(header.and_then(Language::accepted).unwrap_or_default())
}

/// A paper as an answer. Nothing in it runs, and nothing is fetched for it.
pub fn answer(form: Form, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let media = HeaderValue::from_static(form.media());
    headers.insert(header::CONTENT_TYPE, media);
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-language"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_liked_best_is_taken() {
        let offered = [Form::Json, Form::Html, Form::Xml, Form::Pdf];
        for (accept, form) in [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("application/pdf", Form::Pdf),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Form::Html,
            ),
            ("application/json;q=0.5, application/xml", Form::Xml),
            ("image/png", Form::Json),
            ("text/csv", Form::Json),
            ("text/html;q=0, application/pdf;q=0.1", Form::Pdf),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wanted(&headers, &offered), form, "{accept}");
        }
    }
}
