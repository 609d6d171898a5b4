//! The OpenAPI document: generated from the code, then completed with what holds for every route.

use crate::codes;
use crate::guard::SCHEME;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::types::{Cursor, Limit, Seq};
use crate::v1::KindText;
use identity::Scope;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::openapi::schema::Components;
use utoipa::{PartialSchema, ToSchema};

const INTRODUCTION: &str = "\
A self-hosted micropayment platform: every payment is priced, taxed, checked, posted and durable \
before it is acknowledged.

**Amounts** are decimal strings with their asset: `{\"amount\": \"0.0025\", \"asset\": \"EUR\"}`. More \
decimals than the asset has are an error, never a rounding. **Times** are RFC 3339.

**Ids** are yours to choose: a prefix and a version 7 UUID in hexadecimal. Give one as `id` or as \
`Idempotency-Key` (any other key is hashed), and the same request again gets the first answer, with \
`Idempotent-Replayed: true`. The same id with other content is `id_reused`, naming the field.

**Errors** are problem documents (RFC 9457) with a stable `code`. 400 cannot be read, 422 cannot mean \
anything, 402 is too little money, 403 is not allowed, 404 is not there, 409 is not in a state for \
this, 429 and 503 ask for the same again later. A denial (402, 403 or 409 with an `id`) is an answer \
and final for its id. See [the codes](/docs/errors).

**Lists** come in pages: `limit` up to 1000, and `next` as the `cursor` of the page after. `as_of` is \
the journal row a list has seen; `min_seq` waits for one.

Every answer has an `X-Request-Id`; answers to a key have `RateLimit` and `RateLimit-Policy`.";

/// What the routes are merged into.
pub fn base() -> OpenApi {
    let info = utoipa::openapi::InfoBuilder::new()
        .title("Farthing")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(INTRODUCTION))
        .build();
    let mut schemas = vec![("Problem".to_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let mut components = Components::new();
    components.schemas.extend(schemas);
    // What only query strings name is not collected by the routes.
    for (name, schema) in [
        (Limit::name(), Limit::schema()),
        (Cursor::name(), Cursor::schema()),
        (Seq::name(), Seq::schema()),
        (KindText::name(), KindText::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
    utoipa::openapi::OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build()
}

/// Completes the document. Returns it as text.
///
/// # Errors
/// It does not serialize, which is a mistake of ours.
pub fn complete(document: &OpenApi) -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(document)?;
    let scopes: Vec<String> = Scope::ALL
        .iter()
        .map(|s| format!("- `{}`: {}", s.as_str(), s.description()))
        .collect();
    document["components"]["securitySchemes"] = json!({ SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "fk_live_… or fk_test_…",
        "description": format!(
            "An API key. Each operation names the scope it needs; `admin` has all but `regulator:read`.\n\n{}",
            scopes.join("\n")
        ),
    }});
    document["components"]["responses"] = Value::Object(problems());
    document["components"]["headers"] = json!({
        "IdempotentReplayed": {
            "description": "`true` when this answer was given before.",
            "schema": {"type": "string", "enum": ["true"]},
        },
        "RequestId": {
            "description": "Finds this request in the log; a caller's own is kept.",
            "schema": {"type": "string"},
        },
        "RateLimit": {
            "description": "What is left of the key's quota, and in how many seconds it is full.",
            "schema": {"type": "string"},
        },
    });
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            let Some(item) = item.as_object_mut() else {
                continue;
            };
            for (method, operation) in item.iter_mut() {
                finish_operation(path, method, operation);
            }
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (name, rules) in refinements() {
            if let Some(Value::Object(schema)) = schemas.get_mut(name) {
                schema.extend(rules.as_object().cloned().unwrap_or_default());
            }
        }
        // A group's item is one thing and nothing besides.
        for item in schemas["GroupItem"]["oneOf"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            item["additionalProperties"] = Value::Bool(false);
        }
    }
    Ok(document)
}

/// What the derives cannot say: which fields go together.
fn refinements() -> Vec<(&'static str, Value)> {
    let one_payee = json!({"oneOf": [
        {
            "required": ["payee"],
            "properties": {"payee": {"type": "string"}, "payees": {"type": "null"}},
        },
        {
            "required": ["payees"],
            "properties": {
                "payees": {"type": "array"},
                "payee": {"type": "null"},
                "capture": {"enum": ["automatic", null]},
            },
        },
    ],
    "dependentSchemas": {"expires_at": {
        "required": ["capture"],
        "properties": {"capture": {"const": "manual"}},
    }}});
    // It says how much, or by which price: then perhaps of which unit and how many.
    let mut one_payee = one_payee;
    let priced = json!([
        {
            "required": ["price"],
            "properties": {"price": {"type": "string"}},
        },
        {
            "required": ["amount"],
            "properties": {
                "amount": {"type": "object"},
                "price": {"type": "null"},
                "unit": {"type": "null"},
                "quantity": {"type": "null"},
            },
        },
    ]);
    one_payee["allOf"] = json!([{"oneOf": priced}]);
    let linked = json!({"anyOf": [
        {"required": ["version"], "properties": {"version": {"type": "string"}}},
        {"required": ["proposal"], "properties": {"proposal": {"type": "string"}}},
        {"required": ["rule"], "properties": {"rule": {"type": "string"}}},
    ]});
    vec![("NewPayment", one_payee), ("BriefLink", linked)]
}

fn problems() -> Map<String, Value> {
    let statuses = [
        ("BadRequest", 400, "The request cannot be read."),
        ("Unauthorized", 401, "No key, or not a good one."),
        (
            "PaymentRequired",
            402,
            "Too little money: a denial, final for its id.",
        ),
        (
            "Forbidden",
            403,
            "The key, a limit, a mandate or the law does not allow it.",
        ),
        ("NotFound", 404, "Something named is not there."),
        (
            "MethodNotAllowed",
            405,
            "The path does not take this method.",
        ),
        ("Conflict", 409, "What is there is not in a state for this."),
        ("PayloadTooLarge", 413, "The body is too large."),
        ("UnsupportedMediaType", 415, "The body is of another type."),
        (
            "Unprocessable",
            422,
            "The request can be read, and cannot mean anything.",
        ),
        ("TooManyRequests", 429, "Wait, then try the same again."),
        (
            "Internal",
            500,
            "Something went wrong here that should not.",
        ),
        (
            "Unavailable",
            503,
            "Try the same again later, with the same id.",
        ),
    ];
    let mut responses = Map::new();
    for (name, status, description) in statuses {
        let codes: Vec<_> = codes::all()
            .filter(|known| known.status == status)
            .collect();
        let examples: Map<String, Value> = codes
            .iter()
            .map(|known| {
                let problem = Problem::new(*known, known.help);
                (known.code.to_owned(), json!({"value": *problem}))
            })
            .collect();
        let mut response = json!({
            "description": description,
            "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
        if !examples.is_empty() {
            response["content"][PROBLEM_JSON]["examples"] = Value::Object(examples);
        }
        if matches!(status, 429 | 503) {
            response["headers"]["Retry-After"] =
                json!({"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}});
        }
        responses.insert(name.to_owned(), response);
    }
    responses
}

fn finish_operation(path: &str, method: &str, operation: &mut Value) {
    let secured = operation.get("security").is_some();
    let has_body = operation.get("requestBody").is_some();
    let writes = matches!(method, "post" | "put" | "patch" | "delete");
    if method == "post" && secured {
        let key = json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The same key again gets the first answer. A public id or a version 7 UUID is the id \
                            itself; any other text is hashed. Not together with another `id` in the body.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]{1,255}$"},
        });
        match operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut)
        {
            Some(parameters) => parameters.push(key),
            None => operation["parameters"] = json!([key]),
        }
    }
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for (status, response) in responses.iter_mut() {
        if status.starts_with('2') {
            response["headers"]["X-Request-Id"] = json!({"$ref": "#/components/headers/RequestId"});
            if secured {
                response["headers"]["RateLimit"] =
                    json!({"$ref": "#/components/headers/RateLimit"});
            }
            if method == "post" {
                response["headers"]["Idempotent-Replayed"] =
                    json!({"$ref": "#/components/headers/IdempotentReplayed"});
            }
        }
    }
    let mut add = |status: &str, name: &str| {
        let response = json!({"$ref": format!("#/components/responses/{name}")});
        responses.entry(status).or_insert(response);
    };
    add("405", "MethodNotAllowed");
    add("500", "Internal");
    add("503", "Unavailable");
    if secured {
        add("400", "BadRequest");
        add("401", "Unauthorized");
        add("403", "Forbidden");
        add("404", "NotFound");
        add("429", "TooManyRequests");
    }
    if writes && secured {
        add("402", "PaymentRequired");
        add("409", "Conflict");
        add("422", "Unprocessable");
    }
    if has_body {
        add("413", "PayloadTooLarge");
        add("415", "UnsupportedMediaType");
    }
    if path.contains('{') {
        add("404", "NotFound");
    }
}
