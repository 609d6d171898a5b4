//! Payments that are made up around a draft's numbers: a town of the draft's countries, its tiers and
//! sources, at amounts about as large as its limits, over a month. No journal; the step itself makes
//! them, in memory.

use crate::bench::draw::{Random, mix};
use crate::failure::Failure;
use crate::progress::Progress;
use engine::command::{Op, Spend};
use engine::ids::{ActorId, MandateId, PartyId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, Particulars, PartyKind, TenantNo};
use engine::simulate::{Asked, Simulation};
use engine::terms::{Country, Terms, Tier};
use engine::{Command, Event, Id, Outcome as Decided, Position, State, UtcMillis};
use ledger::{AssetNo, Source};
use money::Atoms;
use policy::{Age, Kind, Measure, Pack};
use server::simulation::Outcome;

/// Payers a pack.
const PAYERS: u64 = 2_000;
/// Payees a pack.
const PAYEES: u64 = 20;
/// 2026-11-01T00:00:00Z.
const START_MS: u64 = 1_793_491_200_000;
const MONTH_MS: u64 = 30 * 86_400_000;
const SOURCES: [Source; 4] = [Source::Card, Source::Carrier, Source::Bank, Source::Cash];
/// How many amounts are drawn from one number of a pack.
const PARTS: u64 = 12;

/// Where payments of a pack are made.
struct Place {
    asset: AssetNo,
    country: Country,
    /// Numbers of the pack's limits in its asset, atoms.
    numbers: Vec<u64>,
    payers: Vec<WalletId>,
    payees: Vec<WalletId>,
}

struct Town {
    state: State,
    now: UtcMillis,
    random: Random,
    event: Event,
    position: u64,
}

/// Makes payments up and runs them against the draft.
pub fn run(asked: Asked, payments: u64, seed: u64, quiet: bool) -> Result<Outcome, Failure> {
    let wrong = |error: policy::PolicyError| Failure::said(error.to_string());
    let packs: Result<Vec<Pack>, _> = asked
        .law
        .packs
        .iter()
        .map(|text| Pack::parse("draft", text))
        .collect();
    let packs = packs.map_err(wrong)?;
    if packs.is_empty() {
        return Err(Failure::said("--generate needs a --pack to go by"));
    }
    let mut town = Town::open(seed)?;
    let places: Result<Vec<Place>, Failure> = packs.iter().map(|pack| town.settle(pack)).collect();
    let places = places?;
    let mut simulation = Simulation::new(asked).map_err(wrong)?;
    let mut progress = Progress::new("payments", payments, quiet);
    for n in 0..payments {
        // As history is: as many a minute in any part of the month.
        let through = u128::from(MONTH_MS) * u128::from(n) / u128::from(payments.max(1));
        town.now = UtcMillis(START_MS + u64::try_from(through).unwrap_or(0));
        let place = &places[town.below(places.len() as u64) as usize];
        town.pay(place, &mut simulation)?;
        if n % 4_096 == 0 {
            progress.at(n);
        }
    }
    progress.finish();
    let simulated = simulation.finish().map_err(wrong)?;
    Ok(Outcome::of(&simulated, &town.state.assets))
}

impl Town {
    fn open(seed: u64) -> Result<Town, Failure> {
        let mut town = Town {
            state: State::new(u128::from(seed)),
            now: UtcMillis(START_MS - MONTH_MS),
            random: Random(mix(seed)),
            event: Event::empty(),
            position: 0,
        };
        let tenant = TenantId(town.fresh_id());
        let terms = Box::new(Terms::default());
        let window = Window::default();
        town.must(Op::SetShard { window })?;
        let mode = Mode::Test;
        town.must(Op::OpenTenant { tenant, mode })?;
        town.must(Op::SetTerms { terms })?;
        Ok(town)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.random.next() % n.max(1)
    }

    fn fresh_id(&mut self) -> Id {
        let random = (u128::from(self.random.next()) << 64) | u128::from(self.random.next());
        Id::timed(self.now.0, random)
    }

    fn settle(&mut self, pack: &Pack) -> Result<Place, Failure> {
        let asset = pack.asset;
        if self.state.asset(asset.code).is_none() {
            self.must(Op::RegisterAsset { asset })?;
        }
        let known = self.state.asset(asset.code);
        let (asset, _) = known.ok_or_else(|| Failure::said("the draft's asset is not taken"))?;
        let home = pack.territories.first();
        let home = home.and_then(|home| Country::new(home.country.as_str()));
        let mut place = Place {
            asset,
            country: home.unwrap_or(Country::UNKNOWN),
            numbers: numbers(pack),
            payers: Vec::new(),
            payees: Vec::new(),
        };
        for n in 0..PAYERS {
            let (kind, tier) = (PartyKind::Person, Tier((n % 4) as u8));
            let wallet = self.wallet(place.country, kind, tier)?;
            for source in [SOURCES[(n % 4) as usize], SOURCES[(n / 4 % 4) as usize]] {
                let topup = self.must(Op::TopUp {
                    wallet,
                    asset,
                    amount: Atoms(u64::MAX / 64),
                    source,
                    channel: Channel::MANUAL,
                    spendable: false,
                })?;
                self.must(Op::SettleTopUp { topup })?;
            }
            place.payers.push(wallet);
        }
        for _ in 0..PAYEES {
            let wallet = self.wallet(place.country, PartyKind::Business, Tier(4))?;
            place.payees.push(wallet);
        }
        Ok(place)
    }

    fn wallet(
        &mut self,
        country: Country,
        kind: PartyKind,
        tier: Tier,
    ) -> Result<WalletId, Failure> {
        let (party, wallet) = (PartyId(self.fresh_id()), WalletId(self.fresh_id()));
        let particulars = Particulars {
            age: Age::Adult,
            ..Particulars::default()
        };
        self.must(Op::RegisterParty {
            party,
            kind,
            country,
            tier,
            particulars,
        })?;
        self.must(Op::OpenWallet { wallet, party })?;
        Ok(wallet)
    }

    fn pay(&mut self, place: &Place, simulation: &mut Simulation) -> Result<(), Failure> {
        let payer = place.payers[self.below(PAYERS) as usize];
        let payee = place.payees[self.below(PAYEES) as usize];
        let number = place.numbers[self.below(place.numbers.len() as u64) as usize];
        // Mostly small, seldom as large as the number itself or a little larger.
        let part = 1 + self.below(PARTS);
        let amount = 1 + self.below((number / (part * part)).saturating_add(number / 100).max(1));
        let spend = Spend {
            payer,
            mandate: MandateId(Id::NONE),
            amount: Atoms(amount),
            asset: place.asset,
            risk: risk::Score(0),
            confirmed: (self.below(4) == 0).into(),
            circumstances: Default::default(),
            tax: Default::default(),
            item: Default::default(),
        };
        let command = self.command(Op::Pay { spend, payee });
        if self.decide(&command) {
            simulation.event(&self.state, &self.event);
            self.apply();
        }
        Ok(())
    }

    fn command(&mut self, op: Op) -> Command {
        Command {
            id: self.fresh_id(),
            tenant: TenantNo(0),
            actor: ActorId(Id::NONE),
            op,
            besides: None,
        }
    }

    fn decide(&mut self, command: &Command) -> bool {
        let decided = engine::decide_one(&self.state, command, self.now, &mut self.event);
        matches!(decided, Decided::Event)
    }

    fn apply(&mut self) {
        self.position += 1;
        let (seq, index) = (self.position, 0);
        engine::apply(&mut self.state, &self.event, Position { seq, index });
    }

    fn must(&mut self, op: Op) -> Result<Id, Failure> {
        let command = self.command(op);
        if !self.decide(&command) || self.event.refusal().is_some() {
            return Err(Failure::said("the made-up town could not be opened"));
        }
        self.apply();
        Ok(command.id)
    }
}

/// The numbers of a pack's limits in its own asset; ten units where it has none.
fn numbers(pack: &Pack) -> Vec<u64> {
    let own = |measure: &Measure| match measure {
        Measure::Amount(amount) if amount.asset == pack.asset => Some(amount.atoms.0),
        _ => None,
    };
    let of_rule = |kind: &Kind| match kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => own(&cap.most),
        Kind::Exemption(exemption) => exemption.per_payment.map(|amount| amount.atoms.0),
        _ => None,
    };
    let rules = pack.rules.iter();
    let mut numbers: Vec<u64> = rules.filter_map(|rule| of_rule(&rule.kind)).collect();
    numbers.retain(|number| *number > 0);
    if numbers.is_empty() {
        let unit = pack.asset.scale.atoms_per_unit();
        numbers.push(unit.saturating_mul(10));
    }
    numbers
}
