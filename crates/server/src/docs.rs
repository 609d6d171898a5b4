//! The readable docs: pages made from the OpenAPI document, with nothing from elsewhere.

use crate::app::App;
use crate::errors_page;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{Redirect, Response};
use axum::routing::get;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --quiet: #666; --accent: #0a5; }
@media (prefers-color-scheme: dark) { :root { --quiet: #aaa; --accent: #4d9; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: var(--accent); } a:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); }
nav ul { columns: 3 12rem; padding: 0; list-style: none; }
h2 { border-top: 1px solid var(--line); padding-top: 1rem; margin-top: 2.5rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 4rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; } th, td { text-align: left; vertical-align: top;
border-bottom: 1px solid var(--line); padding: .2rem .6rem .2rem 0; } .quiet { color: var(--quiet); }
code, pre { font: 14px/1.4 ui-monospace, monospace; } pre { overflow: auto; } .skip:not(:focus) { position: absolute;
left: -99rem; }";

/// Adds the document and its pages.
pub fn mount(router: Router<App>, document: &Value) -> Router<App> {
    let json = serde_json::to_vec(document).unwrap_or_default();
    router
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .route("/openapi.json", get(fixed("application/json", json)))
        .route(
            "/docs",
            get(fixed("text/html; charset=utf-8", page(document))),
        )
        .route(
            "/docs/errors",
            get(fixed("text/html; charset=utf-8", errors())),
        )
}

fn fixed(
    kind: &'static str,
    body: impl Into<Bytes>,
) -> impl Fn() -> std::future::Ready<Response> + Clone {
    let body = body.into();
    move || {
        let mut response = Response::new(Body::from(body.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        );
        std::future::ready(response)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The little Markdown that descriptions use: paragraphs, `code`, **bold**.
fn words(text: &str) -> String {
    let mut html = String::new();
    for paragraph in text.split("\n\n") {
        let line = inline(paragraph).replace("\n- ", "<br>• ");
        let _ = write!(html, "<p>{line}</p>");
    }
    html
}

/// The same within a line.
fn inline(text: &str) -> String {
    let mut line = String::new();
    for (at, piece) in escape(text).split('`').enumerate() {
        if at % 2 == 1 {
            let _ = write!(line, "<code>{piece}</code>");
            continue;
        }
        for (at, piece) in piece.split("**").enumerate() {
            let _ = if at % 2 == 1 {
                write!(line, "<b>{piece}</b>")
            } else {
                write!(line, "{piece}")
            };
        }
    }
    line.replace(
        "[the codes](/docs/errors)",
        "<a href=\"/docs/errors\">the codes</a>",
    )
}

/// How an operation is asked on the command line.
fn example(path: &str, method: &str, operation: &Value) -> String {
    let mut line = String::from("curl");
    if method != "get" {
        line += &format!(" -X {}", method.to_uppercase());
    }
    if operation.get("security").is_some() {
        line += " -H \"Authorization: Bearer $KEY\"";
    }
    if method == "post" {
        line += " -H \"Idempotency-Key: $(uuidgen)\"";
    }
    let content = operation["requestBody"]["content"].as_object();
    if let Some(kind) = content.and_then(|content| content.keys().next()) {
        let body = if kind == "application/json" {
            "-d"
        } else {
            "--data-binary"
        };
        line += &format!(" -H 'Content-Type: {kind}' {body} @body");
    }
    format!("<pre>{}</pre>", escape(&format!("{line} \"$API{path}\"")))
}

fn shell(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\
         <a class=\"skip\" href=\"#main\">Skip to the content</a><main id=\"main\"><h1>{title}</h1>{body}</main></html>"
    )
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

fn page(document: &Value) -> String {
    let mut resources: BTreeMap<&str, String> = BTreeMap::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("server");
            resources
                .entry(tag)
                .or_default()
                .push_str(&show_operation(path, method, operation));
        }
    }
    let mut body = words(text(&document["info"], "description"));
    body.push_str("<p><a href=\"/openapi.json\">The OpenAPI document</a></p><nav aria-label=\"Resources\"><ul>");
    for tag in resources.keys() {
        let _ = write!(body, "<li><a href=\"#{tag}\">{tag}</a></li>");
    }
    body.push_str("<li><a href=\"#schemas\">schemas</a></li></ul></nav>");
    for (tag, operations) in &resources {
        let _ = write!(body, "<h2 id=\"{tag}\">{tag}</h2>{operations}");
    }
    body.push_str("<h2 id=\"schemas\">schemas</h2>");
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let _ = write!(
            body,
            "<details id=\"schema-{name}\"><summary><code>{}</code></summary>{}{}</details>",
            escape(name),
            words(text(schema, "description")),
            show_fields(schema)
        );
    }
    shell("Farthing API", &body)
}

fn show_operation(path: &str, method: &str, operation: &Value) -> String {
    let id = text(operation, "operationId");
    let mut html = format!(
        "<details id=\"{id}\"><summary><b>{}</b> <code>{}</code> <span class=\"quiet\">{}</span></summary>",
        method.to_uppercase(),
        escape(path),
        inline(text(operation, "summary"))
    );
    html.push_str(&words(text(operation, "description")));
    html.push_str(&example(path, method, operation));
    let scopes = operation["security"].as_array().into_iter().flatten();
    let scopes: Vec<_> = scopes
        .filter_map(|s| s[crate::guard::SCHEME][0].as_str())
        .collect();
    let _ = match scopes.as_slice() {
        [] => write!(html, "<p class=\"quiet\">Open to all.</p>"),
        scopes => write!(
            html,
            "<p class=\"quiet\">Needs <code>{}</code></p>",
            scopes.join("</code> or <code>")
        ),
    };
    let parameters = operation["parameters"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !parameters.is_empty() {
        html.push_str("<table><tr><th>Parameter<th>In<th>");
        for parameter in parameters {
            let _ = write!(
                html,
                "<tr><td><code>{}</code><td>{}<td>{} {}",
                escape(text(parameter, "name")),
                escape(text(parameter, "in")),
                show_type(&parameter["schema"]),
                inline(text(parameter, "description"))
            );
        }
        html.push_str("</table>");
    }
    for (kind, content) in operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let _ = write!(
            html,
            "<p>Body: {} <code>{}</code></p>",
            show_type(&content["schema"]),
            escape(kind)
        );
    }
    html.push_str("<table><tr><th>Status<th>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let content = response["content"]
            .as_object()
            .and_then(|c| c.values().next());
        let kind = content.map(|c| show_type(&c["schema"])).unwrap_or_default();
        let name = text(response, "$ref").rsplit('/').next().unwrap_or("");
        // What is shared is a problem document; its words say which.
        let words = match name {
            "" => inline(text(response, "description")),
            name => format!("<a href=\"/docs/errors\">{}</a>", escape(name)),
        };
        let _ = write!(html, "<tr><td>{status}<td>{words} {kind}");
    }
    html.push_str("</table></details>");
    html
}

fn show_type(schema: &Value) -> String {
    if let Some(name) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| r.rsplit('/').next())
    {
        return format!("<a href=\"#schema-{0}\"><code>{0}</code></a>", escape(name));
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", show_type(items));
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(kinds) = schema.get(several).and_then(Value::as_array) {
            let kinds: Vec<_> = kinds
                .iter()
                .filter(|k| text(k, "type") != "null")
                .map(show_type)
                .collect();
            return kinds.join(" or ");
        }
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .filter(|k| *k != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => String::new(),
    };
    let choices = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let choices: Vec<_> = choices
        .map(|word| format!("<code>{}</code>", escape(word)))
        .collect();
    if choices.is_empty() {
        escape(&kind)
    } else {
        choices.join(", ")
    }
}

fn show_fields(schema: &Value) -> String {
    let required: Vec<_> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let Some(fields) = schema["properties"].as_object() else {
        return format!(
            "<p>{} <code>{}</code></p>",
            show_type(schema),
            escape(text(schema, "pattern"))
        );
    };
    let mut html = "<table><tr><th>Field<th>Type<th>".to_owned();
    for (name, field) in fields {
        let must = if required.contains(&name.as_str()) {
            ""
        } else {
            " <span class=\"quiet\">optional</span>"
        };
        let (kind, words) = (show_type(field), inline(text(field, "description")));
        let _ = write!(
            html,
            "<tr><td><code>{}</code><td>{kind}{must}<td>{words}",
            escape(name)
        );
    }
    html.push_str("</table>");
    html
}

fn errors() -> String {
    let mut body = words(errors_page::RULE);
    for (title, rows) in errors_page::sections() {
        let _ = write!(
            body,
            "<h2>{}</h2><table><tr><th>Code<th>Status<th>",
            escape(title)
        );
        for row in rows {
            let status = row
                .status
                .map(|status| status.to_string())
                .unwrap_or_default();
            let _ = write!(
                body,
                "<tr id=\"{0}\"><td><code>{0}</code><td>{status}<td>{1}",
                row.code,
                escape(row.help)
            );
        }
        body.push_str("</table>");
    }
    shell("Errors", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_markup_and_markup_stays_words() {
        assert_eq!(
            words("a `b<c` **d**"),
            "<p>a <code>b&lt;c</code> <b>d</b></p>"
        );
        assert_eq!(words("one\n\ntwo"), "<p>one</p><p>two</p>");
    }
}
