//! The published JSON Schema of packs is made from the same tables as the parser, and every shipped
//! pack is valid under it.
//!
//! To write it anew: `UPDATE_SCHEMA=1 cargo test -p policy --test schema`.
#![allow(clippy::unwrap_used)]

use policy::format::KINDS;
use policy::{
    Age, Audience, Certainty, Channel, Dimension, Evidence, Flag, Funds, GiveBack, PartyKind,
    Payment, Presence, Product, Role, Screening, Status, StepUp, Technology, Tier, Topic,
};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn words<T: Dimension>() -> Value {
    json!({ "enum": T::WORDS })
}

fn set<T: Dimension>() -> Value {
    json!({ "type": "array", "items": words::<T>(), "uniqueItems": true })
}

fn one_of(words: &[&str]) -> Value {
    json!({ "enum": words })
}

fn applies() -> Value {
    let places = json!({
        "type": "array",
        "items": { "type": "string", "pattern": "^(domestic|foreign|[A-Z]{2})$" }
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "tier": set::<Tier>(),
            "party": set::<PartyKind>(),
            "age": set::<Age>(),
            "segment": { "type": "array", "items": { "type": "string" } },
            "channel": set::<Channel>(),
            "funds": set::<Funds>(),
            "payment": set::<Payment>(),
            "product": set::<Product>(),
            "presence": set::<Presence>(),
            "technology": set::<Technology>(),
            "operator": set::<Status>(),
            "screening": set::<Screening>(),
            "payer_country": places,
            "payee_country": places,
            "flag": set::<Flag>(),
            "reach": set::<Role>(),
        }
    })
}

fn number_fields() -> Map<String, Value> {
    let amount = json!({ "$ref": "#/$defs/amount" });
    let whole = json!({ "type": "integer", "minimum": 0 });
    let window = "^(payment|day|week|month|quarter|year|night|total|since_authentication|\
                  rolling [1-9][0-9]{0,2} (days|months))$";
    let hours = "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$";
    let fields = json!({
        "whose": one_of(&["payer", "payee"]),
        "most": amount,
        "count": whole,
        "window": { "type": "string", "pattern": window },
        "hours": { "type": "string", "pattern": hours },
        "bites": one_of(&["above", "at"]),
        "gives_back": set::<GiveBack>(),
        "starts": one_of(&["empty", "backfilled"]),
        "then": one_of(&["deny", "step_up", "verify", "report"]),
        "step_up": words::<StepUp>(),
        "needs": words::<Tier>(),
        "operator_sets": { "type": "boolean" },
        "per": one_of(&["party", "instrument"]),
        "per_payment": amount,
        "in_all": amount,
        "choice": one_of(&["amount_or_count", "both"]),
        "current_counts": { "type": "boolean" },
        "answer": one_of(&["right", "forbidden", "below"]),
        "share": { "type": "string", "pattern": "^[0-9]{1,3}(\\.[0-9]{1,4})?%$" },
        "after": one_of(&["registration", "new_device", "new_payee"]),
        "wait_hours": whole,
        "notice_hours": whole,
        "topic": words::<Topic>(),
        "years": whole,
        "days": whole,
        "countries": { "type": "array", "items": { "$ref": "#/$defs/country" } },
    });
    fields.as_object().unwrap().clone()
}

fn rule() -> Value {
    let link = json!({ "type": "string", "pattern": "^https://" });
    let common = json!({
        "id": { "$ref": "#/$defs/name" },
        "title": { "$ref": "#/$defs/words" },
        "note": { "$ref": "#/$defs/words" },
        "kind": { "enum": KINDS.iter().map(|k| k.kind).collect::<Vec<_>>() },
        "applies": applies(),
        "except": applies(),
        "from": { "$ref": "#/$defs/date" },
        "until": { "$ref": "#/$defs/date" },
        "source": {
            "type": "object",
            "additionalProperties": false,
            "required": ["act", "article"],
            "properties": {
                "act": { "type": "string", "minLength": 1 },
                "article": { "type": "string", "minLength": 1 },
                "link": link,
            }
        },
        "terms": {
            "type": "object",
            "additionalProperties": false,
            "required": ["whose"],
            "properties": { "whose": { "$ref": "#/$defs/words" }, "link": link }
        },
        "certainty": words::<Certainty>(),
        "certainty_of": { "type": "object", "additionalProperties": words::<Certainty>() },
        "checked": { "$ref": "#/$defs/date" },
        "review_days": { "type": "integer", "minimum": 0 },
        "visible_to": set::<Audience>(),
    });
    let own = number_fields();
    let mut properties = common.as_object().unwrap().clone();
    properties.extend(own.clone());
    let kinds: Vec<Value> = KINDS
        .iter()
        .map(|kind| {
            let has = |name: &&String| {
                let lists = [kind.required, kind.one_of, kind.optional];
                lists.iter().any(|list| list.contains(&name.as_str()))
            };
            let strangers: Map<String, Value> = own
                .keys()
                .filter(|name| !has(name))
                .map(|n| (n.clone(), json!(false)))
                .collect();
            let mut then = json!({
                "description": kind.about,
                "required": kind.required,
                "properties": strangers,
            });
            if !kind.one_of.is_empty() {
                then["oneOf"] = kind
                    .one_of
                    .iter()
                    .map(|name| json!({ "required": [name] }))
                    .collect();
            }
            json!({
                "if": { "properties": { "kind": { "const": kind.kind } } },
                "then": then,
            })
        })
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "title", "kind", "certainty"],
        "oneOf": [{ "required": ["source"] }, { "required": ["terms"] }],
        "properties": properties,
        "allOf": kinds,
    })
}

fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Farthing pack",
        "description": "The rules of one jurisdiction with their sources. Dates are TOML's local \
                        dates. Not legal advice.",
        "type": "object",
        "additionalProperties": false,
        "required": ["pack", "territories"],
        "properties": {
            "pack": {
                "type": "object",
                "additionalProperties": false,
                "required": ["id", "title", "version", "asset", "checked"],
                "properties": {
                    "id": { "$ref": "#/$defs/name" },
                    "title": { "$ref": "#/$defs/words" },
                    "version": { "type": "string", "minLength": 1 },
                    "asset": { "type": "string", "pattern": "^[A-Z][A-Z0-9]{1,7}$" },
                    "rest_of_world": { "type": "boolean" },
                    "checked": { "$ref": "#/$defs/date" },
                    "review_days": { "type": "integer", "minimum": 0 },
                }
            },
            "territories": {
                "type": "object",
                "propertyNames": { "$ref": "#/$defs/country" },
                "additionalProperties": {
                    "type": "string",
                    "pattern": "^(UTC|[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)+)$"
                },
                "minProperties": 1,
            },
            "tiers": {
                "type": "object",
                "propertyNames": words::<Tier>(),
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["title", "needs"],
                    "properties": {
                        "title": { "$ref": "#/$defs/words" },
                        "needs": set::<Evidence>(),
                    }
                }
            },
            "rule": { "type": "array", "items": rule() },
        },
        "$defs": {
            "name": { "type": "string", "pattern": "^[a-z0-9._-]+$" },
            "date": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
            "country": { "type": "string", "pattern": "^[A-Z]{2}$" },
            "amount": {
                "type": "string",
                "pattern": "^(0|[1-9][0-9]*)(\\.[0-9]{1,9})? [A-Z][A-Z0-9]{1,7}$"
            },
            "words": {
                "type": "object",
                "additionalProperties": false,
                "required": ["en", "ko"],
                "properties": {
                    "en": { "type": "string", "minLength": 1 },
                    "ko": { "type": "string", "minLength": 1 }
                }
            }
        }
    })
}

#[test]
fn the_published_schema_is_that_of_the_parser() {
    let path = root().join("packs/schema.json");
    let now = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published, now, "UPDATE_SCHEMA=1 writes it anew");
}

const JUDGE: &str = r#"
import datetime, json, sys
try:
    import jsonschema, tomllib
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(0)

def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.date) else value

schema = json.load(open(sys.argv[1]))
validator = jsonschema.Draft202012Validator
validator.check_schema(schema)
wrong = 0
for path in sys.argv[2:]:
    pack = plain(tomllib.load(open(path, "rb")))
    for error in validator(schema).iter_errors(pack):
        print(path, list(error.absolute_path), error.message[:200])
        wrong += 1
    # What the parser refuses, the schema refuses too.
    for broken in (
        {**pack, "more": 1},
        {**pack, "rule": [{**pack["rule"][0], "most_of_all": "1 EUR"}]},
        {**pack, "rule": [{**pack["rule"][0], "kind": "cap"}]},
        {**pack, "rule": [{**pack["rule"][0], "kind": "mandate"}]},
        {**pack, "rule": [{k: v for k, v in pack["rule"][0].items() if k not in ("source", "terms")}]},
    ):
        if not list(validator(schema).iter_errors(broken)):
            print(path, "a broken pack is valid")
            wrong += 1
sys.exit(1 if wrong else 0)
"#;

/// With an independent validator, where Python has one.
#[test]
fn every_shipped_pack_is_valid_under_it() {
    let packs = policy::BUILTIN.iter().map(|b| root().join(b.file));
    let output = Command::new("python3")
        .args(["-c", JUDGE])
        .arg(root().join("packs/schema.json"))
        .args(packs)
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: no python3");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
}
