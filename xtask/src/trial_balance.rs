//! Reads what `farthing demo --exit --json` printed: the books of every asset must sum to zero.
//!
//! The document carries a `trial_balance`, at any depth, whose every amount is zero: a number or
//! decimal string by itself, by asset, or in a list of `{asset, amount}`.

use serde_json::Value;

pub fn check(printed: &str) -> Result<String, String> {
    let document = parse(printed)?;
    let mut amounts = Vec::new();
    find(&document, &mut amounts);
    if amounts.is_empty() {
        return Err("the JSON has no amount under `trial_balance`".into());
    }
    match amounts.iter().find(|amount| !is_zero(amount)) {
        Some(amount) => Err(format!("the trial balance is not zero: {amount}")),
        None => Ok(format!("trial balance zero ({} amounts)", amounts.len())),
    }
}

/// The whole output, or its last line that is an object.
fn parse(printed: &str) -> Result<Value, String> {
    let whole = serde_json::from_str(printed.trim());
    whole.or_else(|error| {
        printed
            .lines()
            .rev()
            .find(|line| line.starts_with('{'))
            .and_then(|line| serde_json::from_str(line).ok())
            .ok_or_else(|| format!("not JSON: {error}"))
    })
}

fn find(value: &Value, amounts: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "trial_balance" {
                    collect(field, amounts);
                } else {
                    find(field, amounts);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find(item, amounts)),
        _ => {}
    }
}

fn collect(value: &Value, amounts: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|field| collect(field, amounts)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, amounts)),
        Value::Number(number) => amounts.push(number.to_string()),
        Value::String(text) if is_decimal(text) => amounts.push(text.clone()),
        _ => {}
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// By its text, for no float touches an amount.
fn is_zero(amount: &str) -> bool {
    amount.chars().all(|c| matches!(c, '-' | '0' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_in_every_shape_passes() {
        for good in [
            r#"{"trial_balance": 0}"#,
            r#"{"trial_balance": "0.000000000"}"#,
            r#"{"books": {"trial_balance": {"EUR": "0", "USD": "-0.0"}}}"#,
            r#"{"trial_balance": [{"asset": "EUR", "amount": "0"}]}"#,
            "paying…\n{\"trial_balance\": {\"EUR\": 0}}\n",
        ] {
            assert!(check(good).is_ok(), "{good}: {:?}", check(good));
        }
    }

    #[test]
    fn anything_else_fails() {
        for bad in [
            "",
            "all is well",
            "{}",
            r#"{"trial_balance": {}}"#,
            r#"{"trial_balance": {"EUR": "0", "USD": "0.000000001"}}"#,
            r#"{"trial_balance": [{"asset": "EUR", "amount": -1}]}"#,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
