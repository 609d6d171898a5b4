//! In which language an answer's words are: `?lang=`, else what `Accept-Language` likes best.

use crate::app::App;
use crate::codes;
use crate::extract::excerpt;
use crate::problem::{Outcome, Problem, Refuse};
use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use policy::Lang;
use serde::Deserialize;

use crate::types::law::LangWord;

/// What a route with words documents.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct LangParam {
    /// The language of the words; else what `Accept-Language` likes best, else English.
    pub lang: Option<LangWord>,
}

/// The language of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken(pub Lang);

impl FromRequestParts<App> for Spoken {
    type Rejection = Refuse;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refuse> {
        Ok(Spoken(spoken(&parts.uri, &parts.headers)?))
    }
}

/// The language a request asks for.
///
/// # Errors
/// [`codes::BAD_QUERY`] for a `lang` that is not spoken.
pub fn spoken(uri: &Uri, headers: &HeaderMap) -> Outcome<Lang> {
    let query = uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("lang="));
    match asked {
        Some("en") => Ok(Lang::En),
        Some("ko") => Ok(Lang::Ko),
        Some(other) => {
            let words = format!("lang is en or ko, and was \"{}\"", excerpt(other));
            Err(Problem::new(codes::BAD_QUERY, words).at("lang"))
        }
        None => {
            let header = headers.get(ACCEPT_LANGUAGE);
            let header = header.and_then(|value| value.to_str().ok());
            Ok(best(header.unwrap_or("")))
        }
    }
}

/// The language with the highest weight; of equal ones the first. English, if neither is named.
fn best(header: &str) -> Lang {
    let mut best = (Lang::En, 0.0_f32);
    for part in header.split(',') {
        let (range, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest
            .trim()
            .strip_prefix("q=")
            .map_or(Some(1.0), |q| q.parse().ok());
        let primary = range.trim().split('-').next().unwrap_or("");
        let lang = match primary.to_ascii_lowercase().as_str() {
            "en" | "*" => Lang::En,
            "ko" => Lang::Ko,
            _ => continue,
        };
        if let Some(weight) = weight.filter(|weight| *weight > best.1) {
            best = (lang, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_liked_best_is_spoken() {
        for (header, lang) in [
            ("", Lang::En),
            ("ko", Lang::Ko),
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Lang::Ko),
            ("en-GB,ko;q=0.9", Lang::En),
            ("fr, ko;q=0.2, en;q=0.1", Lang::Ko),
            ("de", Lang::En),
            ("*, ko;q=0.5", Lang::En),
            ("ko;q=x", Lang::En),
            ("ko;q=0", Lang::En),
        ] {
            assert_eq!(best(header), lang, "{header}");
        }
    }
}
