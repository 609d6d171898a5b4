//! Names that the pure crates may not say: a clock, a float, I/O, threads, randomness, printing,
//! and hash maps, whose order differs from run to run.
//!
//! A file that needs a hash map and never lets its order be seen says so with a comment
//! `// order-free: the reason`. Tests may use anything.

use super::Finding;
use super::edges::PURE;
use super::rust::{self, Kind, Token, group, is_test_path};
use super::tree::Tree;

const BANNED: &[&str] = &["SystemTime", "Instant", "f32", "f64", "tokio", "rand"];
const BANNED_STD: &[&str] = &["fs", "net", "thread"];
const BANNED_MACROS: &[&str] = &["print", "println", "eprint", "eprintln"];
const UNORDERED: &[&str] = &["HashMap", "HashSet"];
const ORDER_FREE: &str = "// order-free:";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        let Some((name, _)) = path.strip_prefix("crates/").and_then(|p| p.split_once('/')) else {
            continue;
        };
        if !PURE.contains(&name) || is_test_path(path) {
            continue;
        }
        let is_order_free = text.lines().any(|line| {
            line.trim()
                .strip_prefix(ORDER_FREE)
                .is_some_and(|reason| !reason.trim().is_empty())
        });
        let code = rust::code(text);
        for at in 0..code.len() {
            if let Some(what) = banned(&code, at, is_order_free) {
                let words = format!("{what} in {name}, which is pure");
                findings.push(Finding::error(path, code[at].line, words));
            }
        }
    }
    findings
}

fn banned(code: &[Token<'_>], at: usize, is_order_free: bool) -> Option<String> {
    let token = code[at];
    let follows = |text: &str| code.get(at + 1).is_some_and(|next| next.is(text));
    let is_field = at > 0 && code[at - 1].is(".");
    match token.kind {
        Kind::Ident if BANNED.contains(&token.text) => Some(format!("`{}`", token.text)),
        Kind::Ident if BANNED_MACROS.contains(&token.text) && follows("!") => {
            Some(format!("`{}!`", token.text))
        }
        Kind::Ident if UNORDERED.contains(&token.text) && !is_order_free => {
            Some(format!("`{}` without `{ORDER_FREE} …`", token.text))
        }
        Kind::Ident if token.text == "std" => {
            let part = std_parts(&code[at..]).find(|part| BANNED_STD.contains(part))?;
            Some(format!("`std::{part}`"))
        }
        Kind::Number if is_float(token.text) && !is_field => Some(format!("`{}`", token.text)),
        _ => None,
    }
}

/// The modules that a path from `std` begins with: one, or those of `std::{…}`.
fn std_parts<'a>(path: &'a [Token<'a>]) -> impl Iterator<Item = &'a str> {
    let is_path = path.len() > 3 && path[1].is(":") && path[2].is(":");
    let rest = if is_path { &path[3..] } else { &[] };
    let rest = match rest.first() {
        Some(first) if first.is("{") => &rest[..group(rest)],
        _ => &rest[..rest.len().min(1)],
    };
    let mut depth = 0_usize;
    rest.iter().enumerate().filter_map(move |(at, token)| {
        depth += usize::from(token.is("{"));
        depth -= usize::from(token.is("}")).min(depth);
        let is_first = at == 0 || rest[at - 1].is("{") || rest[at - 1].is(",");
        (is_first && depth <= 1 && token.kind == Kind::Ident).then_some(token.text)
    })
}

fn is_float(number: &str) -> bool {
    let is_hex = number.starts_with("0x");
    number.contains('.') || (!is_hex && (number.ends_with("f64") || number.ends_with("f32")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, source: &str) -> usize {
        check(&Tree::of(&[(path, source)])).len()
    }

    #[test]
    fn banned_names_are_found() {
        for bad in [
            "use std::time::SystemTime;",
            "fn f() { Instant::now(); }",
            "fn f(x: f64) {}",
            "const X: u8 = 1f32 as u8;",
            "let x = 1.5;",
            "use std::fs;",
            "use std::{collections::BTreeMap, net::TcpStream};",
            "fn f() { std::thread::spawn(|| ()); }",
            "use tokio::sync::mpsc;",
            "let x = rand::random();",
            "fn f() { println!(\"x\"); }",
            "use std::collections::HashMap;",
            "// order-free:\nuse std::collections::HashSet;",
        ] {
            assert_eq!(count("crates/engine/src/a.rs", bad), 1, "{bad}");
        }
    }

    #[test]
    fn what_only_looks_like_them_passes() {
        for good in [
            "// SystemTime is not for us\nconst X: &str = \"f64\";",
            "fn f(pair: ((u8, u8), u8)) -> u8 { pair.0.1 }",
            "for i in 0..10 {}",
            "use std::{collections::{BTreeMap, net}, fmt};",
            "#[cfg(test)]\nmod tests { use std::fs; fn f(x: f64) {} }",
            "// order-free: looked up by key, never walked\nuse std::collections::HashMap;",
            "const X: u32 = 0xf32;",
        ] {
            assert_eq!(count("crates/engine/src/a.rs", good), 0, "{good}");
        }
    }

    #[test]
    fn only_the_pure_crates_are_bound() {
        assert_eq!(count("crates/node/src/a.rs", "use std::fs;"), 0);
        assert_eq!(count("crates/engine/tests/a.rs", "use std::fs;"), 0);
        assert_eq!(count("crates/money/src/a.rs", "use std::fs;"), 1);
    }
}
