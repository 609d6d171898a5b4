//! Links between our documents lead somewhere: the file exists, and so does the heading.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let documents = tree
        .files()
        .filter(|(path, _)| path.ends_with(".md") && !path.split('/').any(|part| part == "vendor"));
    for (path, text) in documents {
        for (target, line) in targets(text) {
            if let Err(why) = follow(tree, path, &target) {
                findings.push(Finding::error(
                    path,
                    line,
                    format!("link `{target}`: {why}"),
                ));
            }
        }
    }
    findings
}

fn follow(tree: &Tree, from: &str, target: &str) -> Result<(), &'static str> {
    let is_elsewhere = target.starts_with("//")
        || target
            .split(['/', '#', '?'])
            .next()
            .is_some_and(|scheme| scheme.contains(':'));
    if is_elsewhere || target.is_empty() {
        return Ok(());
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = file.split('?').next().unwrap_or(file);
    let path = if file.is_empty() {
        from.to_owned()
    } else {
        resolve(from, file).ok_or("leads outside the project")?
    };
    if !tree.has(&path) {
        return Err("no such file");
    }
    let text = tree
        .text(&path)
        .filter(|_| path.ends_with(".md") && !anchor.is_empty());
    match text {
        Some(text) if !anchors(text).contains(&anchor.to_lowercase()) => Err("no such heading"),
        _ => Ok(()),
    }
}

fn resolve(from: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = match file.starts_with('/') {
        true => Vec::new(),
        false => from.split('/').collect(),
    };
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Lines outside fenced code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let start = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return Some((index + 1, line)),
            _ => {}
        }
        None
    })
}

/// Where the links of a document lead: `[…](target)`, `[…]: target`, `src="…"`, `href="…"`.
fn targets(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        for (open, close) in [
            ("](", &[')', ' '][..]),
            ("src=\"", &['"']),
            ("href=\"", &['"']),
        ] {
            for (at, _) in line.match_indices(open) {
                let rest = &line[at + open.len()..];
                let target = match rest.strip_prefix('<') {
                    Some(rest) => rest.split('>').next(),
                    None => rest.split(close).next(),
                };
                found.push((target.unwrap_or_default().to_owned(), number));
            }
        }
        if let Some((label, target)) = line.trim_start().split_once("]: ")
            && label.starts_with('[')
            && !label.starts_with("[^")
            && let Some(target) = target.split_whitespace().next()
        {
            found.push((target.trim_matches(['<', '>']).to_owned(), number));
        }
    }
    found
}

/// The line without what stands between backticks.
fn without_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    let is_closed = parts.len() % 2 == 1;
    let keep = |(index, part): (usize, &&str)| {
        let is_code = index % 2 == 1 && (is_closed || index + 1 < parts.len());
        if is_code {
            String::new()
        } else {
            (*part).to_owned()
        }
    };
    parts.iter().enumerate().map(keep).collect()
}

/// The anchors that headings get, and those set by hand.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, line) in prose(text) {
        for mark in ["id=\"", "name=\""] {
            for (at, _) in line.match_indices(mark) {
                let id = line[at + mark.len()..]
                    .split('"')
                    .next()
                    .unwrap_or_default();
                found.insert(id.to_lowercase());
            }
        }
        let words = line.trim_start_matches('#');
        if words.len() == line.len() || !words.starts_with(' ') {
            continue;
        }
        let base = slug(words);
        let numbered = (1..).map(|number| format!("{base}-{number}"));
        let name = std::iter::once(base.clone())
            .chain(numbered)
            .find(|n| !found.contains(n));
        found.extend(name);
    }
    found
}

/// As the usual renderers do: letters, digits, `-` and `_` stay, a space becomes `-`.
fn slug(heading: &str) -> String {
    let mut text = String::new();
    let mut is_target = false;
    let mut before = ' ';
    for c in heading.trim().chars() {
        is_target = (is_target || (before == ']' && c == '(')) && before != ')';
        if !is_target && (c.is_alphanumeric() || matches!(c, '-' | '_' | ' ')) {
            text.extend(c.to_lowercase());
        }
        before = c;
    }
    text.replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/a.md", text),
            (
                "docs/b.md",
                "# What happens, in `order`\n## Again\n## Again\n<a id=\"own\"></a>",
            ),
            ("README.md", "# Farthing"),
        ]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.words)
            .collect()
    }

    #[test]
    fn broken_links_are_found() {
        for bad in [
            "[x](c.md)",
            "[x](../../outside.md)",
            "![x](missing.png)",
            "[x]: c.md",
            "<img src=\"c.svg\">",
            "[x](b.md#nowhere)",
            "[x](#nowhere)",
            "[x](/docs/c.md)",
            "[x](c.md \"title\")",
            "[x](b.md) and [y](c.md)",
        ] {
            assert_eq!(findings(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn good_links_pass() {
        for good in [
            "[x](b.md) [y](../README.md#farthing) [z](../docs/) [w](/docs/b.md)",
            "[x](b.md#what-happens-in-order) [y](b.md#again-1) [z](b.md#own)",
            "[x](https://example.org/c.md) [y](mailto:a@example.org)",
            "# Here\n[x](#here)",
            "`[x](c.md)`\n```\n[x](c.md)\n```\n",
            "[^1]: a note",
        ] {
            assert!(findings(good).is_empty(), "{good}: {:?}", findings(good));
        }
    }
}
