//! Reads a pack: TOML text in, rules out, or the line and key of what is wrong.

mod text;

use crate::civil::Date;
use crate::country::Country;
use crate::dimension::{Dimension, Set};
use crate::error::PolicyError;
use crate::format::{KINDS, kind_fields};
use crate::pack::{LocalTier, Pack, Territory};
use crate::rule::{
    Applies, Authority, Bites, Cap, Choice, Consequence, Countries, Duty, Exemption, Kind, Measure,
    Per, Redeemable, Rule, Starts,
};
use crate::vocabulary::{GiveBack, Payment, Role, Side, Tier};
use crate::window::{Hours, Window};
use money::Asset;
use text::{Answer, AppliesText, FileText, Place, RuleText, Then};
use toml::Spanned;

/// Reads a pack.
pub(crate) fn pack(file: &str, source: &str) -> Result<Pack, PolicyError> {
    let at = Where { file, source };
    let read: FileText = toml::from_str(source).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let words = error.message().trim().replace('\n', ": ");
        at.error(offset, at.key(offset), &words)
    })?;
    let head_at = read.pack.span().start;
    let head = read.pack.into_inner();
    let Some(asset) = Asset::known(&head.asset) else {
        let words = format!("\"{}\" is not a known asset", head.asset);
        return Err(at.field(head_at, "asset", &words));
    };
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if head.id.is_empty() || !head.id.chars().all(is_name) {
        return Err(at.field(head_at, "id", "only a-z, 0-9, dots, dashes and underlines"));
    }
    let mut territories = Vec::with_capacity(read.territories.len());
    for (country, zone) in &read.territories {
        let key = country.get_ref();
        let country: Country = key
            .parse()
            .map_err(|words: String| at.error(country.span().start, key.clone(), &words))?;
        if !is_zone_name(zone.get_ref()) {
            let words = format!("\"{}\" is not the name of an IANA zone", zone.get_ref());
            return Err(at.error(zone.span().start, key.clone(), &words));
        }
        let zone = zone.get_ref().clone();
        territories.push(Territory { country, zone });
    }
    let mut tiers = Vec::with_capacity(read.tiers.len());
    for (name, local) in read.tiers {
        let Some(tier) = Tier::of_word(&name) else {
            let words = format!("\"{name}\" is not a tier: {}", Tier::WORDS.join(", "));
            return Err(at.error(local.span().start, name.clone(), &words));
        };
        let local = local.into_inner();
        let (title, needs) = (local.title, local.needs);
        tiers.push(LocalTier { tier, title, needs });
    }
    tiers.sort_by_key(|local| local.tier);
    let mut rules = Vec::with_capacity(read.rule.len());
    for rule in read.rule {
        rules.push(rule_of(&at, rule, head.checked, head.review_days)?);
    }
    Ok(Pack {
        id: head.id,
        title: head.title,
        version: head.version,
        asset,
        rest_of_world: head.rest_of_world,
        territories,
        tiers,
        rules,
    })
}

/// Where in which file.
struct Where<'a> {
    file: &'a str,
    source: &'a str,
}

impl Where<'_> {
    fn line(&self, offset: usize) -> usize {
        let before = &self.source.as_bytes()[..offset.min(self.source.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// The last key that is given a value before an offset on its line.
    fn key(&self, offset: usize) -> String {
        let offset = offset.min(self.source.len());
        let from = self.source[..offset].rfind('\n').map_or(0, |at| at + 1);
        let to = self.source[offset..]
            .find(['=', '\n'])
            .map_or(self.source.len(), |n| offset + n);
        let text = self.source.get(from..to).unwrap_or("");
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        // At the key itself there is no `=` before it.
        let own: String = self.source[offset..]
            .chars()
            .take_while(|c| is_key(*c))
            .collect();
        let after = self.source[offset + own.len()..].trim_start();
        if !own.is_empty() && after.starts_with('=') {
            return own;
        }
        let before = self.source.get(from..offset).unwrap_or("");
        match before.rfind('=') {
            Some(equals) => {
                let name = before[..equals].trim_end();
                name.rsplit(|c: char| !is_key(c))
                    .next()
                    .unwrap_or("")
                    .to_owned()
            }
            None => text.trim().trim_matches(['[', ']']).to_owned(),
        }
    }

    fn error(&self, offset: usize, key: String, words: &str) -> PolicyError {
        PolicyError::Malformed {
            file: self.file.to_owned(),
            line: self.line(offset),
            key,
            words: words.to_owned(),
        }
    }

    /// An error at a key of the table that begins at an offset; at the table, if it is not there.
    fn field(&self, table: usize, key: &str, words: &str) -> PolicyError {
        let rest = &self.source[table.min(self.source.len())..];
        let mut offset = table;
        let mut at = table;
        for (number, line) in rest.split_inclusive('\n').enumerate() {
            if number > 0 && line.starts_with('[') {
                break;
            }
            let name = line.split('=').next().unwrap_or("").trim();
            if name == key {
                offset = at;
                break;
            }
            at += line.len();
        }
        self.error(offset, key.to_owned(), words)
    }
}

/// The shape of a zone's name; whether there is such a zone only a zone database knows.
fn is_zone_name(name: &str) -> bool {
    name == "UTC"
        || name.split_once('/').is_some_and(|(area, place)| {
            area.starts_with(|c: char| c.is_ascii_uppercase())
                && place.starts_with(|c: char| c.is_ascii_uppercase())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "/_-+".contains(c))
        })
}

fn rule_of(
    at: &Where<'_>,
    rule: Spanned<RuleText>,
    checked: Date,
    review_days: u32,
) -> Result<Rule, PolicyError> {
    let start = rule.span().start;
    let mut text = rule.into_inner();
    let wrong = |key: &str, words: &str| at.field(start, key, words);
    let Some(fields) = kind_fields(&text.kind) else {
        let known: Vec<&str> = KINDS.iter().map(|k| k.kind).collect();
        let words = format!("\"{}\" is not a kind: {}", text.kind, known.join(", "));
        return Err(wrong("kind", &words));
    };
    let given = text.given();
    let belongs = |name: &&&str| {
        [fields.required, fields.one_of, fields.optional]
            .iter()
            .any(|list| list.contains(name))
    };
    if let Some(stranger) = given.iter().find(|name| !belongs(name)) {
        let words = format!("a rule of the kind \"{}\" has no such field", fields.kind);
        return Err(wrong(stranger, &words));
    }
    if let Some(missing) = fields.required.iter().find(|name| !given.contains(name)) {
        return Err(wrong(
            missing,
            &format!("missing in a rule of the kind \"{}\"", fields.kind),
        ));
    }
    let ones = fields
        .one_of
        .iter()
        .filter(|name| given.contains(name))
        .count();
    if !fields.one_of.is_empty() && ones != 1 {
        let words = format!("exactly one of {} must be there", fields.one_of.join(", "));
        return Err(wrong(fields.one_of[0], &words));
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if text.id.is_empty() || !text.id.chars().all(is_name) {
        return Err(wrong("id", "only a-z, 0-9, dots, dashes and underlines"));
    }
    if let (Some(from), Some(until)) = (text.from, text.until)
        && until <= from
    {
        return Err(wrong("until", "must be after `from`"));
    }
    let authority = match (text.source.take(), text.terms.take()) {
        (Some(_), Some(_)) => return Err(wrong("terms", "either `source` or `terms`, not both")),
        (Some(law), None) => Some(Authority::Law {
            act: law.act,
            article: law.article,
            link: law.link,
        }),
        (None, Some(terms)) => Some(Authority::Terms {
            whose: terms.whose,
            link: terms.link,
        }),
        (None, None) => None,
    };
    let kind = kind_of(&text, wrong)?;
    let applies = applies_of(&text, &kind);
    let rule = Rule {
        certainty_of: text.certainty_of.into_iter().collect(),
        id: text.id,
        title: text.title,
        note: text.note,
        kind,
        applies,
        from: text.from,
        until: text.until,
        authority,
        certainty: text.certainty,
        checked: text.checked.unwrap_or(checked),
        review_days: text.review_days.unwrap_or(review_days),
        visible_to: text.visible_to.unwrap_or_else(Set::all),
        line: at.line(start),
    };
    let mut numbers = rule.numbers();
    numbers.extend(rule.from.map(|day| ("from", day.to_string())));
    numbers.extend(rule.until.map(|day| ("until", day.to_string())));
    if let Some((field, _)) = rule
        .certainty_of
        .iter()
        .find(|(field, _)| numbers.iter().all(|(name, _)| name != field))
    {
        return Err(wrong(
            "certainty_of",
            &format!("`{field}` is not a number of this rule"),
        ));
    }
    Ok(rule)
}

fn kind_of(
    text: &RuleText,
    wrong: impl Fn(&str, &str) -> PolicyError,
) -> Result<Kind, PolicyError> {
    let consequence = |default: Then| {
        Ok(
            match (text.then.unwrap_or(default), text.step_up, text.needs) {
                (Then::Deny, None, None) => Consequence::Deny,
                (Then::Report, None, None) => Consequence::Report,
                (Then::StepUp, Some(step_up), None) => Consequence::StepUp(step_up),
                (Then::Verify, None, Some(tier)) => Consequence::Verify(tier),
                (Then::StepUp, None, _) => {
                    return Err(wrong("step_up", "missing: `then` asks for it"));
                }
                (Then::Verify, _, None) => {
                    return Err(wrong("needs", "missing: `then` asks for it"));
                }
                (_, Some(_), _) => return Err(wrong("step_up", "only with `then = \"step_up\"`")),
                (_, _, Some(_)) => return Err(wrong("needs", "only with `then = \"verify\"`")),
            },
        )
    };
    let cap = |default: Then| {
        let window = text.window.unwrap_or(Window::Payment);
        let most = match (text.most, text.count) {
            (Some(amount), _) => Measure::Amount(amount),
            (None, count) => Measure::Count(count.unwrap_or(0)),
        };
        if window == Window::SinceAuthentication {
            return Err(wrong(
                "window",
                "only an exemption counts since an authentication",
            ));
        }
        if window == Window::Night && text.hours.is_none() {
            return Err(wrong("hours", "missing: a night has hours"));
        }
        if matches!(most, Measure::Count(_)) && !window.is_counted() {
            return Err(wrong(
                "window",
                "missing: payments are counted over some time",
            ));
        }
        if window.is_counted() && text.gives_back.is_none() {
            return Err(wrong(
                "gives_back",
                "missing: say what gives room back, or []",
            ));
        }
        if window.is_counted() && text.starts.is_none() {
            return Err(wrong("starts", "missing: \"empty\" or \"backfilled\""));
        }
        Ok(Cap {
            most,
            window,
            hours: text.hours.unwrap_or(Hours::ALWAYS),
            bites: text.bites.unwrap_or(Bites::Above),
            gives_back: text.gives_back.unwrap_or(Set::<GiveBack>::EMPTY),
            starts: text.starts.unwrap_or(Starts::Empty),
            then: consequence(default)?,
            operator_sets: text.operator_sets.unwrap_or(false),
        })
    };
    Ok(match text.kind.as_str() {
        "limit" => Kind::Limit(cap(Then::Deny)?),
        "diligence" => Kind::Diligence(cap(Then::Verify)?),
        "balance" => Kind::Balance {
            most: text.most.ok_or_else(|| wrong("most", "missing"))?,
            per: text.per.unwrap_or(Per::Party),
            then: consequence(Then::Deny)?,
        },
        "authentication" => Kind::Authentication {
            step_up: text.step_up.ok_or_else(|| wrong("step_up", "missing"))?,
        },
        "exemption" => Kind::Exemption(Exemption {
            per_payment: text.per_payment,
            in_all: text.in_all,
            count: text.count,
            window: match text.window.unwrap_or(Window::SinceAuthentication) {
                Window::Payment | Window::Night => {
                    return Err(wrong("window", "an exemption adds up over some time"));
                }
                window => window,
            },
            choice: match (text.choice, text.in_all, text.count) {
                (None, Some(_), Some(_)) => {
                    return Err(wrong("choice", "missing: \"amount_or_count\" or \"both\""));
                }
                (choice, _, _) => choice.unwrap_or(Choice::Both),
            },
            current_counts: text.current_counts.unwrap_or(true),
            operator_sets: text.operator_sets.unwrap_or(false),
        }),
        "forbid" => Kind::Forbid { needs: text.needs },
        "funds" => Kind::Funds { needs: text.needs },
        "redemption" => Kind::Redemption(match (text.answer, text.share) {
            (Some(Answer::Right), None) => Redeemable::Right,
            (Some(Answer::Forbidden), None) => Redeemable::Forbidden,
            (Some(Answer::Below), Some(share)) => Redeemable::Below(share.0),
            _ => {
                return Err(wrong(
                    "share",
                    "with `answer = \"below\"`, and only with it",
                ));
            }
        }),
        "cooling_off" => Kind::CoolingOff {
            after: text.after.ok_or_else(|| wrong("after", "missing"))?,
            hours: text
                .wait_hours
                .ok_or_else(|| wrong("wait_hours", "missing"))?,
        },
        "mandate" => Kind::Mandate {
            notice_hours: text
                .notice_hours
                .ok_or_else(|| wrong("notice_hours", "missing"))?,
        },
        _ => Kind::Duty(Duty {
            topic: text.topic.ok_or_else(|| wrong("topic", "missing"))?,
            most: text.most,
            count: text.count,
            window: text.window.unwrap_or(Window::Payment),
            bites: text.bites.unwrap_or(Bites::Above),
            share: text.share.map(|share| share.0),
            years: text.years,
            days: text.days,
            hours: text.wait_hours,
            countries: text.countries.clone().unwrap_or_default(),
        }),
    })
}

fn applies_of(text: &RuleText, kind: &Kind) -> Applies {
    let (yes, no): (&AppliesText, &AppliesText) = (&text.applies, &text.except);
    fn set<T: Dimension>(yes: Option<Set<T>>, no: Option<Set<T>>) -> Set<T> {
        yes.unwrap_or_else(Set::all).minus(no.unwrap_or_default())
    }
    let payment = set(yes.payment, no.payment);
    let comes_in: Set<Payment> = [Payment::Load].into_iter().collect();
    let side = text.whose.unwrap_or(match kind {
        Kind::Balance { .. } => Side::Payee,
        _ if !payment.is_empty() && payment.minus(comes_in).is_empty() => Side::Payee,
        _ => Side::Payer,
    });
    let reach: Set<Role> = match side {
        Side::Payer => [Role::Payer, Role::Operator].into_iter().collect(),
        Side::Payee => [Role::Payee, Role::Operator].into_iter().collect(),
    };
    Applies {
        side,
        tier: set(yes.tier, no.tier),
        party: set(yes.party, no.party),
        age: set(yes.age, no.age),
        segment: yes.segment.clone().unwrap_or_default(),
        channel: set(yes.channel, no.channel),
        funds: set(yes.funds, no.funds),
        payment,
        product: set(yes.product, no.product),
        presence: set(yes.presence, no.presence),
        technology: set(yes.technology, no.technology),
        operator: yes.operator.unwrap_or_else(Set::all),
        operator_not: no.operator.unwrap_or_default(),
        screening: set(yes.screening, no.screening),
        payer_country: countries(yes.payer_country.as_deref(), no.payer_country.as_deref()),
        payee_country: countries(yes.payee_country.as_deref(), no.payee_country.as_deref()),
        flag: yes.flag.unwrap_or_default(),
        flag_not: no.flag.unwrap_or_default(),
        reach: yes
            .reach
            .unwrap_or(reach)
            .minus(no.reach.unwrap_or_default()),
    }
}

fn countries(yes: Option<&[Place]>, no: Option<&[Place]>) -> Countries {
    let mut set = match yes {
        None => Countries::ANY,
        Some(_) => Countries {
            domestic: false,
            foreign: false,
            named: Vec::new(),
            except: Vec::new(),
        },
    };
    for place in yes.unwrap_or_default() {
        match place {
            Place::Domestic => set.domestic = true,
            Place::Foreign => set.foreign = true,
            Place::Country(country) => set.named.push(*country),
        }
    }
    for place in no.unwrap_or_default() {
        match place {
            Place::Domestic => set.domestic = false,
            Place::Foreign => set.foreign = false,
            Place::Country(country) => set.except.push(*country),
        }
    }
    set
}

#[cfg(test)]
mod tests;
