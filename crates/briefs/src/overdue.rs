//! Rules whose last check is older than their review interval, as briefs of the same list.

use policy::{Authority, Date, Lang, Pack, Rule};
use store::{NewBrief, Store};

/// The feed of briefs that are no supervisor's: a rule is due for another look.
pub const REVIEW: &str = "review";

/// A brief for each rule of the packs that is overdue on a day. Its key has the day of the last
/// check, so that a rule that was checked and fell due again is a new one.
#[must_use]
pub fn overdue(packs: &[Pack], day: Date) -> Vec<NewBrief> {
    let mut briefs = Vec::new();
    for pack in packs {
        for rule in pack.overdue(day) {
            let from = rule.from.map(|day| day.to_string()).unwrap_or_default();
            briefs.push(NewBrief {
                feed: REVIEW.to_owned(),
                // A number that changes on a day is two rules of the same id.
                key: format!("{}/{}/{from}/{}", pack.id, rule.id, rule.checked),
                pack: pack.id.clone(),
                authority: String::new(),
                rule: rule.id.clone(),
                title: format!("{}: {}", rule.id, rule.title.in_(Lang::En)),
                link: link(rule),
                summary: format!(
                    "Last checked on {}, due on {}. {}",
                    rule.checked,
                    rule.review_due(),
                    policy::words::authority_text(rule, Lang::En)
                ),
                language: "en".to_owned(),
                published_ms: Some(i64::from(rule.review_due().0) * 86_400_000),
            });
        }
    }
    briefs
}

/// The day of a time in milliseconds since 1970, in UTC.
#[must_use]
pub fn day(now_ms: i64) -> Date {
    let days = u64::try_from(now_ms).unwrap_or(0) / 86_400_000;
    Date(u32::try_from(days).unwrap_or(0))
}

/// Puts the rules that are overdue now into a tenant's list, and lapses those in it that are no
/// longer. Returns how many were not there before.
///
/// # Errors
/// The store.
pub fn note_overdue(
    store: &Store,
    tenant: u128,
    packs: &[Pack],
    now_ms: i64,
) -> Result<u64, store::Error> {
    let due = overdue(packs, day(now_ms));
    let kept = store.keep_briefs(tenant, &due, now_ms)?;
    let keys: Vec<&str> = due.iter().map(|brief| brief.key.as_str()).collect();
    store.lapse_briefs(tenant, REVIEW, &keys)?;
    Ok(kept.new)
}

fn link(rule: &Rule) -> Option<String> {
    match rule.authority.as_ref()? {
        Authority::Law { link, .. } | Authority::Terms { link, .. } => link.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_due_after_its_interval_and_not_on_the_day() {
        let packs = policy::builtin_packs().unwrap();
        let first = packs.iter().flat_map(|pack| &pack.rules);
        let due = first.map(Rule::review_due).min().unwrap();
        assert!(overdue(&packs, due).is_empty());
        let found = overdue(&packs, Date(due.0 + 1));
        assert!(!found.is_empty());
        let all = overdue(&packs, Date(due.0 + 100_000));
        let keys: std::collections::BTreeSet<&str> = all.iter().map(|b| b.key.as_str()).collect();
        let rules: usize = packs.iter().map(|pack| pack.rules.len()).sum();
        assert_eq!((all.len(), keys.len()), (rules, rules));
    }
}
