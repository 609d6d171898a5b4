//! The document says what the server does.

use crate::town::Town;
use serde_json::Value;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_operation_is_documented_whole() {
    let town = Town::new().await;
    let document = town
        .ask("", "GET", "/openapi.json", &[], None)
        .await
        .is(200);
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            seen += 1;
            let name = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{name}: {id} twice");
            assert!(
                operation["summary"].as_str().is_some_and(|s| !s.is_empty()),
                "{name}"
            );
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{name}"
            );
            let open = matches!(path.as_str(), "/health" | "/ready");
            assert_eq!(operation.get("security").is_none(), open, "{name}");
            let mut needed = vec!["405", "500", "503"];
            if !open {
                needed.extend(["400", "401", "403", "404", "429"]);
            }
            if operation.get("requestBody").is_some() {
                needed.extend(["413", "415", "422"]);
            }
            for status in needed {
                assert!(responses.contains_key(status), "{name} lacks {status}");
            }
            if !open && method == "post" {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(
                    parameters.iter().any(|p| p["name"] == "Idempotency-Key"),
                    "{name}"
                );
            }
        }
    }
    assert!(seen > 55, "{seen} operations");
    let mut missing = Vec::new();
    refs(&document, &mut |name| {
        if document.pointer(&name[1..]).is_none() {
            missing.push(name.to_owned());
        }
    });
    assert_eq!(missing, Vec::<String>::new(), "references to nothing");
}

fn refs(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(target) if name == "$ref" => see(target),
                    _ => refs(value, see),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| refs(item, see)),
        _ => {}
    }
}
