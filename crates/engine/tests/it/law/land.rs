//! A town under a law: people of many countries and tiers, every asset the packs count in, and all
//! packs that come along put into force.

use crate::town::*;
use engine::command::Spend;
use engine::ids::MandateId;
use engine::law::{Circumstances, LawSettings, NewLaw};
use engine::records::{Channel, PartyKind};
use engine::terms::{Country, ReferenceRate, Terms, Tier};
use engine::time::Zone;
use engine::{Code, Event, EventKind, Id, Op, UtcMillis};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ledger::{AssetNo, Source};
use money::{Asset, Atoms, Rate};
use policy::{BUILTIN, Status};
use std::sync::Arc;

/// After the three of the town.
pub const MORE_ASSETS: [&str; 9] = [
    "GBP", "JPY", "SGD", "INR", "BRL", "KES", "NGN", "IDR", "CHF",
];

pub fn zone(name: &str) -> Zone {
    let tz = TimeZone::get(name).unwrap();
    let from: jiff::Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let until: jiff::Timestamp = "2038-01-01T00:00:00Z".parse().unwrap();
    let transitions = tz.following(from).take_while(|t| t.timestamp() < until);
    Zone {
        name: name.to_owned(),
        first_offset_s: tz.to_offset(from).seconds(),
        transitions: transitions
            .map(|t| {
                let at = u64::try_from(t.timestamp().as_millisecond()).unwrap();
                (UtcMillis(at), t.offset().seconds())
            })
            .collect(),
    }
}

/// The zones of some packs' territories.
pub fn zones_of(texts: &[Arc<str>]) -> Vec<Zone> {
    let mut names: Vec<String> = texts
        .iter()
        .filter_map(|text| policy::Pack::parse("pack", text).ok())
        .flat_map(|pack| pack.territories)
        .map(|territory| territory.zone)
        .collect();
    names.sort();
    names.dedup();
    names.iter().map(|name| zone(name)).collect()
}

/// The text of a pack that comes along.
pub fn builtin(id: &str) -> Arc<str> {
    let found = BUILTIN.iter().find(|pack| pack.id == id);
    Arc::from(found.unwrap().text)
}

pub fn all_packs() -> Vec<Arc<str>> {
    BUILTIN.iter().map(|pack| Arc::from(pack.text)).collect()
}

pub fn new_law(packs: Vec<Arc<str>>, settings: Option<LawSettings>) -> NewLaw {
    NewLaw {
        zones: zones_of(&packs),
        packs,
        removed: Vec::new(),
        settings,
    }
}

/// An operator of a country, licensed to issue electronic money.
pub fn operator(country: &[u8; 2]) -> LawSettings {
    LawSettings {
        country: Country(*country),
        status: [Status::EMoney].into_iter().collect(),
        ..LawSettings::default()
    }
}

/// An instant by the clock of a place.
pub fn local(text: &str, zone: &str) -> UtcMillis {
    let local: DateTime = text.parse().unwrap();
    let there = local.to_zoned(TimeZone::get(zone).unwrap()).unwrap();
    UtcMillis(u64::try_from(there.timestamp().as_millisecond()).unwrap())
}

/// A unit of any asset is one of any other.
pub fn rates(assets: &[Asset]) -> Vec<ReferenceRate> {
    let numbered = || {
        let no = |no: usize| AssetNo(u16::try_from(no).unwrap());
        assets.iter().enumerate().map(move |(at, a)| (no(at), *a))
    };
    numbered()
        .flat_map(|base| numbered().map(move |quote| (base, quote)))
        .filter(|(base, quote)| base.0 != quote.0)
        .map(|((base, from), (quote, to))| ReferenceRate {
            base,
            quote,
            rate: Rate::from_decimal("1", &from, &to).unwrap(),
        })
        .collect()
}

/// A town under a law.
pub struct Land(pub Town);

impl std::ops::Deref for Land {
    type Target = Town;
    fn deref(&self) -> &Town {
        &self.0
    }
}

impl std::ops::DerefMut for Land {
    fn deref_mut(&mut self) -> &mut Town {
        &mut self.0
    }
}

impl Land {
    /// Before any law.
    pub fn lawless() -> Land {
        let mut town = Town::new();
        town.audits = false;
        for code in MORE_ASSETS {
            let asset = Asset::known(code).unwrap();
            town.run(Op::RegisterAsset { asset });
        }
        let reference_rates = rates(&town.state.assets);
        town.set_terms(Terms {
            reference_rates,
            ..Terms::default()
        });
        Land(town)
    }

    /// Under all packs that come along, the operator being of a country.
    pub fn of(country: &[u8; 2]) -> Land {
        Land::with(operator(country))
    }

    pub fn with(settings: LawSettings) -> Land {
        let mut land = Land::lawless();
        land.enact(new_law(all_packs(), Some(settings)));
        land
    }

    pub fn propose(&mut self, law: NewLaw) -> Id {
        self.actor = key("clerk");
        let law = Box::new(law);
        self.id_of(Op::ProposeLaw { law })
    }

    pub fn approve(&mut self, proposal: Id, effective: UtcMillis) -> Event {
        self.actor = key("judge");
        let event = self.run(Op::ApproveLaw {
            proposal,
            effective,
        });
        self.actor = key("clerk");
        event
    }

    /// Proposes, approves and activates at once.
    pub fn enact(&mut self, law: NewLaw) {
        let proposal = self.propose(law);
        let now = self.now;
        self.approve(proposal, now);
        assert_eq!(self.run_timers(), 1);
        self.backfill();
        let law = self.state.law(TENANT).unwrap();
        assert_eq!(law.proposal, proposal);
    }

    pub fn law(&self) -> &engine::law::Law {
        self.state.law(TENANT).unwrap()
    }

    /// A party with a wallet of the same name.
    pub fn settle(&mut self, name: &str, country: &[u8; 2], tier: policy::Tier) -> &mut Land {
        let kind = if tier == policy::Tier::Business {
            PartyKind::Business
        } else {
            PartyKind::Person
        };
        let (party, wallet) = (par(name), wal(name));
        self.run(Op::RegisterParty {
            party,
            kind,
            country: Country(*country),
            tier: Tier(tier as u8),
            particulars: engine::records::Particulars {
                age: policy::Age::Adult,
                ..Default::default()
            },
        });
        self.run(Op::OpenWallet { wallet, party });
        self
    }

    pub fn asset(&self, code: &str) -> (AssetNo, Asset) {
        self.state.asset(code.parse().unwrap()).unwrap()
    }

    /// `"12.50 EUR"`.
    pub fn money(&self, text: &str) -> (AssetNo, Atoms) {
        let (number, code) = text.split_once(' ').unwrap();
        let (no, asset) = self.asset(code);
        (no, asset.parse(number).unwrap())
    }

    /// Gives a wallet settled value, whatever the law: the law is asked for none of it.
    pub fn give(&mut self, wallet: &str, source: Source, text: &str) -> &mut Land {
        let law = self.0.state.tenants[0].law.take();
        self.load(wallet, source, text, EventKind::TopUpPending);
        self.0.state.tenants[0].law = law;
        self
    }

    /// Tops up, settled at once if it is taken.
    #[track_caller]
    pub fn load(&mut self, wallet: &str, source: Source, text: &str, what: impl Into<Expect>) {
        let (asset, amount) = self.money(text);
        let op = Op::TopUp {
            wallet: wal(wallet),
            asset,
            amount,
            source,
            channel: Channel::MANUAL,
            spendable: true,
        };
        let what = what.into();
        let topup = self.check(op, what);
        if what == Expect::Kind(EventKind::TopUpPending) {
            self.run(Op::SettleTopUp { topup });
        }
    }

    pub fn spend(&self, payer: &str, text: &str) -> Spend {
        let (asset, amount) = self.money(text);
        Spend {
            payer: wal(payer),
            mandate: MandateId(Id::NONE),
            amount,
            asset,
            risk: risk::Score(0),
            confirmed: false.into(),
            circumstances: Circumstances::default(),
            tax: Default::default(),
            item: Default::default(),
        }
    }

    /// Pays and compares.
    #[track_caller]
    pub fn pays(&mut self, payer: &str, payee: &str, text: &str, what: impl Into<Expect>) -> Id {
        let spend = self.spend(payer, text);
        self.check(pay_with(spend, payee), what)
    }

    /// The same, confirmed with two factors.
    #[track_caller]
    pub fn confirms(&mut self, payer: &str, payee: &str, text: &str, what: impl Into<Expect>) {
        let mut spend = self.spend(payer, text);
        spend.confirmed = true.into();
        self.check(pay_with(spend, payee), what);
    }

    /// Takes money out, with two factors.
    #[track_caller]
    pub fn cashes(&mut self, wallet: &str, text: &str, what: impl Into<Expect>) -> Id {
        let (asset, amount) = self.money(text);
        let op = Op::Withdraw {
            wallet: wal(wallet),
            asset,
            amount,
            channel: Channel::MANUAL,
        };
        let id = self.new_id();
        let command = besides(self.command(id, op), |besides| {
            besides.confirmed = true.into();
        });
        self.check_command(&command, what);
        id
    }

    /// The rule of the refusal or step-up of an id, as `kr/carrier.monthly`.
    pub fn rule(&self, id: Id) -> String {
        let event = &self.events[&id];
        let pending = event.part(id).and_then(|part| part.pending()?.rule);
        let traced = event.refusal().map_or(pending, |refused| refused.rule);
        let law = self.law();
        let packs = law.packs_parsed();
        let (pack, rule) = policy::rule_of(&law.ruleset, &packs, traced.unwrap().rule).unwrap();
        format!("{}/{}", pack.id, rule.id)
    }
}

/// What is needed often.
pub use EventKind::{Paid, StepUpAsked as Asks, TopUpPending as Loaded, Transferred};
pub const NO_SOURCE: Code = Code::SourceNotAllowed;
