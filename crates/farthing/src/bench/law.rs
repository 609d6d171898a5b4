//! All packs that come along, put into force for a measurement: what the law costs is measured in
//! turns with what it costs without, in one run.

use crate::failure::Failure;
use engine::law::{LawSettings, NewLaw};
use engine::terms::{Country, ReferenceRate};
use engine::time::Zone;
use engine::{Op, UtcMillis};
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use ledger::AssetNo;
use money::{Asset, Rate};
use policy::{BUILTIN, Pack, Status};
use std::sync::Arc;

/// The assets that the packs count in, besides dollars.
const ASSETS: [&str; 10] = [
    "EUR", "GBP", "KRW", "JPY", "SGD", "INR", "BRL", "KES", "NGN", "IDR",
];

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::said(format!("the law of the measurement: {error}"))
}

/// Those assets.
pub fn assets() -> impl Iterator<Item = Asset> {
    ASSETS.into_iter().filter_map(Asset::known)
}

/// A rate from an asset into each of others, one for one: conversions cost what they cost.
pub fn rates(
    from: (AssetNo, Asset),
    into: &[(AssetNo, Asset)],
) -> Result<Vec<ReferenceRate>, Failure> {
    let rate = |(quote, to): &(AssetNo, Asset)| {
        let rate = Rate::from_decimal("1", &from.1, to).map_err(said)?;
        Ok(ReferenceRate {
            base: from.0,
            quote: *quote,
            rate,
        })
    };
    into.iter().map(rate).collect()
}

/// Every pack, for a German issuer of electronic money.
pub fn all_packs() -> Result<Op, Failure> {
    let mut names = Vec::new();
    let mut packs: Vec<Arc<str>> = Vec::new();
    for builtin in BUILTIN {
        let pack = Pack::parse(builtin.file, builtin.text).map_err(said)?;
        names.extend(pack.territories.into_iter().map(|t| t.zone));
        packs.push(Arc::from(builtin.text));
    }
    names.sort();
    names.dedup();
    let zones: Result<Vec<Zone>, Failure> = names.iter().map(|name| zone(name)).collect();
    Ok(Op::ProposeLaw {
        law: Box::new(NewLaw {
            packs,
            removed: Vec::new(),
            settings: Some(LawSettings {
                country: Country(*b"DE"),
                status: [Status::EMoney].into_iter().collect(),
                ..LawSettings::default()
            }),
            zones: zones?,
        }),
    })
}

/// A zone's transitions for the years of a measurement.
fn zone(name: &str) -> Result<Zone, Failure> {
    let zone = TimeZoneDatabase::bundled().get(name).map_err(said)?;
    let from: Timestamp = "2020-01-01T00:00:00Z".parse().map_err(said)?;
    let until: Timestamp = "2038-01-01T00:00:00Z".parse().map_err(said)?;
    let transitions = zone
        .following(from)
        .take_while(|transition| transition.timestamp() < until);
    Ok(Zone {
        name: name.to_owned(),
        first_offset_s: zone.to_offset(from).seconds(),
        transitions: transitions
            .filter_map(|transition| {
                let at = u64::try_from(transition.timestamp().as_millisecond()).ok()?;
                Some((UtcMillis(at), transition.offset().seconds()))
            })
            .collect(),
    })
}
