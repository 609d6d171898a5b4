//! What a request costs at the gate: the owner's prices file, and its `[gate]` table.
//!
//! - `HEAD` costs what `GET` costs.
//! - A path is priced as it is spelt and as it reads; the dearer counts.
//! - Part of a page (206) and another protocol (101) are the page.
//! - Whether a visitor is a person is what its headers claim. Who lies reads for free: this is a
//!   courtesy, not a lock.

use crate::error::GateError;
use crate::path::Target;
use hyper::header::{ACCEPT, USER_AGENT};
use hyper::{HeaderMap, StatusCode};
use money::{Asset, Atoms};
use serde::Deserialize;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use traffic::{FreeReason, PriceList, Quote, Visit};

const DAY_MS: u64 = 86_400_000;
/// Visitors that are counted; others get no free requests.
const COUNTED_MAX: usize = 200_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Treated {
    Free,
    #[default]
    Priced,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateTable {
    /// Visitors that say they are browsers.
    #[serde(default)]
    people: Treated,
    /// What `[free] agents` names; left out, that list counts.
    robots: Option<Treated>,
    #[serde(default)]
    free_requests_per_day: u32,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    gate: GateTable,
}

/// A compiled prices file.
pub struct Tariff {
    prices: PriceList,
    table: GateTable,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    day: u64,
    visitors: HashMap<IpAddr, u32>,
}

impl Tariff {
    /// Reads a prices file.
    ///
    /// # Errors
    /// `prices_invalid`, with the place.
    pub fn parse(bytes: &[u8]) -> Result<Tariff, GateError> {
        let prices = PriceList::parse_bytes(bytes, None)?;
        let text = String::from_utf8_lossy(bytes);
        let file: File = toml::from_str(&text)
            .map_err(|error| GateError::Setting(format!("the prices file's [gate]: {error}")))?;
        Ok(Tariff {
            prices,
            table: file.gate,
            counted: Mutex::default(),
        })
    }

    #[must_use]
    pub fn asset(&self) -> Asset {
        *self.prices.asset()
    }

    /// The price of a request; `None` is free.
    #[must_use]
    pub fn price(&self, method: &str, target: &Target, headers: &HeaderMap) -> Option<Atoms> {
        self.quote(method, target, headers, None)
    }

    /// Whether an answer of this status is paid for.
    #[must_use]
    pub fn is_charged(
        &self,
        method: &str,
        target: &Target,
        headers: &HeaderMap,
        status: StatusCode,
    ) -> bool {
        let status = match status.as_u16() {
            101 | 206 => 200,
            status => status,
        };
        status < 500 && self.quote(method, target, headers, Some(status)).is_some()
    }

    fn quote(
        &self,
        method: &str,
        target: &Target,
        headers: &HeaderMap,
        status: Option<u16>,
    ) -> Option<Atoms> {
        let agent = headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let visit = |path, user_agent| {
            let visit = Visit {
                method: if method == "HEAD" { "GET" } else { method },
                path,
                query: target.query.as_deref(),
                status,
                user_agent,
            };
            match self.prices.price_visit(visit) {
                Quote::Free(reason) => Err(reason),
                Quote::Charge { atoms, .. } => Ok(atoms),
            }
        };
        let one = |path| match visit(path, agent) {
            Ok(atoms) => Some((atoms, false)),
            // A name that no list of robots has, to see past the list.
            Err(FreeReason::Agent) => visit(path, Some("")).ok().map(|atoms| (atoms, true)),
            Err(_) => None,
        };
        let spelt = one(&target.path);
        let read = target.readable.as_deref().and_then(one);
        let (atoms, is_robot) = spelt.max(read)?;
        if is_robot {
            return (self.table.robots == Some(Treated::Priced)).then_some(atoms);
        }
        let is_free = self.table.people == Treated::Free && is_browser(agent, headers);
        (!is_free && !atoms.is_zero()).then_some(atoms)
    }

    /// Takes one of a visitor's free requests of the day, if one is left. The count is in memory:
    /// a restart begins a new day.
    #[must_use]
    pub fn take_free(&self, visitor: IpAddr, now_ms: u64) -> bool {
        let limit = self.table.free_requests_per_day;
        if limit == 0 {
            return false;
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.day != now_ms / DAY_MS {
            *counted = Counted {
                day: now_ms / DAY_MS,
                visitors: HashMap::new(),
            };
        }
        let is_full = counted.visitors.len() >= COUNTED_MAX;
        let visitor = household(visitor);
        if is_full && !counted.visitors.contains_key(&visitor) {
            return false;
        }
        let used = counted.visitors.entry(visitor).or_default();
        let has_left = *used < limit;
        *used += u32::from(has_left);
        has_left
    }
}

/// An IPv6 visitor has a whole /64 to come from.
fn household(visitor: IpAddr) -> IpAddr {
    match visitor.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

fn is_browser(agent: Option<&str>, headers: &HeaderMap) -> bool {
    let accepts_html = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"));
    agent.is_some_and(|agent| agent.starts_with("Mozilla/"))
        && (headers.contains_key("sec-fetch-mode") || accepts_html)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};
    use std::net::Ipv4Addr;

    const PRICES: &str = r#"
asset = "USD"
default = "free"
[free]
agents = ["*bot*"]
statuses_other_than = ["200"]
[[price]]
path = "/articles/**"
amount = "0.005"
[[price]]
path = "/한/**"
amount = "0.001"
"#;

    fn tariff(gate: &str) -> Tariff {
        Tariff::parse(format!("{PRICES}\n[gate]\n{gate}").as_bytes()).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn price(tariff: &Tariff, method: &str, path: &str, agent: &'static str) -> Option<u64> {
        let target = Target::read(path, None).unwrap();
        let headers = headers(&[("user-agent", agent), ("accept", "text/html")]);
        tariff.price(method, &target, &headers).map(|atoms| atoms.0)
    }

    #[test]
    fn method_path_and_visitor_make_the_price() {
        const BOT: &str = "a bot";
        const BROWSER: &str = "Mozilla/5.0";
        let plain = tariff("");
        let bots_pay = tariff("robots = \"priced\"\npeople = \"free\"");
        for (tariff, method, path, agent, expected) in [
            (&plain, "GET", "/articles/a", BROWSER, Some(5_000_000)),
            (&plain, "HEAD", "/articles/a", BROWSER, Some(5_000_000)),
            (&plain, "POST", "/articles/a", BROWSER, None),
            (&plain, "GET", "/%61rticles/a", BROWSER, Some(5_000_000)),
            (&plain, "GET", "/%ED%95%9C/a", BROWSER, Some(1_000_000)),
            (&plain, "GET", "/other", BROWSER, None),
            (&plain, "GET", "/articles/a", BOT, None),
            (&bots_pay, "GET", "/articles/a", BOT, Some(5_000_000)),
            (&bots_pay, "GET", "/articles/a", "curl/8", Some(5_000_000)),
            (&bots_pay, "GET", "/articles/a", BROWSER, None),
            (&bots_pay, "GET", "/other", BOT, None),
        ] {
            assert_eq!(
                price(tariff, method, path, agent),
                expected,
                "{method} {path} {agent}"
            );
        }
    }

    #[test]
    fn a_part_is_charged_and_an_error_is_not() {
        let tariff = tariff("");
        let target = Target::read("/articles/a", None).unwrap();
        let headers = headers(&[("user-agent", "x")]);
        for (status, expected) in [
            (200, true),
            (206, true),
            (101, true),
            (304, false),
            (404, false),
            (500, false),
            (503, false),
        ] {
            let code = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                tariff.is_charged("GET", &target, &headers, code),
                expected,
                "{status}"
            );
        }
    }

    #[test]
    fn free_requests_are_counted_by_visitor_and_day() {
        let tariff = tariff("free_requests_per_day = 2");
        let one = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert!(tariff.take_free(one, 0) && tariff.take_free(one, 1));
        assert!(!tariff.take_free(one, 2));
        assert!(tariff.take_free(one, DAY_MS));
        let neighbours = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
        let taken = neighbours.map(|text| tariff.take_free(text.parse().unwrap(), DAY_MS));
        assert_eq!(taken, [true, true, false]);
    }

    #[test]
    fn a_misspelt_setting_is_an_error() {
        let error = Tariff::parse(format!("{PRICES}\n[gate]\nfree_requests = 1").as_bytes());
        assert!(error.err().unwrap().to_string().contains("free_requests"));
    }
}
