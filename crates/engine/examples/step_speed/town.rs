//! The set-up that measurements share: a town of wallets that pay its merchants, and what they ask.

use engine::command::{Op, Spend};
use engine::ids::{ActorId, MandateId, PartyId, PriceId, TenantId, WalletId};
use engine::prices::Item;
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, PriceNo, TenantNo};
use engine::terms::{Country, Limits, TIERS, Terms, Tier};
use engine::{Command, Event, Id, Outcome, Position, State, UtcMillis, apply, decide_one};
use ledger::{AssetNo, Source};
use money::{Asset, Atoms, Ppm};

/// How large a town is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub wallets: u64,
    /// The first so many wallets are merchants'.
    pub merchants: u64,
}

/// Who pays whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every payer and every merchant as often.
    Uniform,
    /// A few payers and merchants very often: the n-th most active one an n-th as often as the first.
    Zipf,
    /// Every payer as often, one merchant always.
    Hot,
}

/// A shard with one tenant: fee, tax and limits set, every payer with settled money.
#[derive(Debug)]
pub struct Town {
    pub state: State,
    pub size: Size,
    /// The time of the next batch.
    pub now: UtcMillis,
    random: Random,
    commands: u64,
    /// What each payment buys, instead of saying its amount.
    item: Item,
}

const OPENED: UtcMillis = UtcMillis(1_790_000_000_000);
/// When payments begin: so long after the opening that its ids are forgotten.
const PAYING: UtcMillis = UtcMillis(OPENED.0 + 3 * 3_600_000);
const USD: AssetNo = AssetNo(0);
/// What each payment is of.
const AMOUNT: Atoms = Atoms(2_500_000);

fn party(n: u64) -> PartyId {
    PartyId(Id::timed(2, mixed(n, 2)))
}

fn wallet(n: u64) -> WalletId {
    WalletId(Id::timed(3, mixed(n, 3)))
}

impl Town {
    /// Opens a town.
    pub fn open(size: Size) -> Town {
        let mut town = Town {
            state: State::new(0x1234_5678_9abc_def0_1122_3344_5566_7788),
            size,
            now: OPENED,
            random: Random(1),
            commands: 0,
            item: Item::NONE,
        };
        town.run(Op::SetShard {
            window: Window {
                window_ms: 3_600_000,
                entries_max: 100_000_000,
            },
        });
        let asset = Asset::known("USD").expect("USD is a currency");
        town.run(Op::RegisterAsset { asset });
        town.run(Op::OpenTenant {
            tenant: TenantId(Id::timed(1, 1)),
            mode: Mode::Test,
        });
        town.run(Op::SetTerms {
            terms: Box::new(terms()),
        });
        for n in 0..size.wallets {
            let (party, wallet) = (party(n), wallet(n));
            town.run(Op::RegisterParty {
                party,
                kind: PartyKind::Person,
                country: Country(*b"DE"),
                tier: Tier(1),
                particulars: Default::default(),
            });
            town.run(Op::OpenWallet { wallet, party });
            if n >= size.merchants {
                let topup = town.run(Op::TopUp {
                    wallet,
                    asset: USD,
                    amount: Atoms(1_000_000_000_000),
                    source: Source::Card,
                    channel: Channel::MANUAL,
                    spendable: false,
                });
                town.run(Op::SettleTopUp { topup });
            }
        }
        town.now = PAYING;
        town
    }

    /// From now on payments are by a flat price of what they are of otherwise.
    pub fn set_price(&mut self) {
        let definition = pricing::Price {
            product: 0,
            asset: Asset::known("USD").expect("USD is a currency").code,
            tax_included: None,
            period: pricing::Period::Payment,
            free: 0,
            rate: pricing::Rate {
                base: Atoms::ZERO,
                model: pricing::Model::Flat { amount: AMOUNT },
            },
            variants: Vec::new(),
            refund_restores_use: false,
        };
        self.run(Op::SetPrice {
            price: PriceId(Id::timed(4, 1)),
            from: None,
            definition: Box::new(definition),
        });
        self.item = Item {
            price: PriceNo(0),
            unit: 0,
            quantity: 1,
        };
    }

    fn run(&mut self, op: Op) -> Id {
        let command = self.command(op);
        let mut event = Event::empty();
        let outcome = decide_one(&self.state, &command, self.now, &mut event);
        assert_eq!(outcome, Outcome::Event, "{command:?}");
        assert!(event.refusal().is_none(), "{event:?}");
        apply(&mut self.state, &event, Position { seq: 1, index: 0 });
        command.id
    }

    fn command(&mut self, op: Op) -> Command {
        self.commands += 1;
        Command {
            id: Id::timed(self.now.0, mixed(self.commands, 4)),
            tenant: TenantNo(0),
            actor: ActorId(Id::NONE),
            op,
            besides: None,
        }
    }

    /// The next batch of payments, over `commands`. The clock goes as at a million a second.
    pub fn batch(&mut self, pattern: Pattern, payments: usize, commands: &mut Vec<Command>) {
        let Size { wallets, merchants } = self.size;
        commands.clear();
        self.now = self.now.plus(payments as u64 / 1_000);
        for _ in 0..payments {
            let payer = merchants + self.pick(pattern == Pattern::Zipf, wallets - merchants);
            let payee = match pattern {
                Pattern::Hot => 0,
                _ => self.pick(pattern == Pattern::Zipf, merchants),
            };
            let spend = Spend {
                payer: wallet(payer),
                mandate: MandateId(Id::NONE),
                amount: match self.item.is_some() {
                    true => Atoms::ZERO,
                    false => AMOUNT,
                },
                asset: USD,
                risk: risk::Score(10),
                confirmed: false.into(),
                circumstances: Default::default(),
                tax: Default::default(),
                item: self.item,
            };
            let payee = wallet(payee);
            commands.push(self.command(Op::Pay { spend, payee }));
        }
    }

    /// One of `n`: evenly, or the first ones oftener.
    fn pick(&mut self, zipf: bool, n: u64) -> u64 {
        let random = self.random.next();
        if zipf {
            let share = (random >> 11) as f64 / (1u64 << 53) as f64;
            ((n as f64).powf(share) as u64 - 1).min(n - 1)
        } else {
            random % n
        }
    }
}

fn terms() -> Terms {
    let limits = policy::TierLimits {
        per_payment: Some(10_000_000_000),
        per_day: Some(100_000_000_000_000),
        per_month: Some(500_000_000_000_000),
    };
    let ppm = |ppm| Ppm::new(ppm).expect("less than a million");
    Terms {
        fee_share: ppm(20_000),
        tax: tax::RateTable::new([tax::CountryRate {
            country: *b"DE",
            rate: ppm(190_000),
        }]),
        limits: Some(Limits {
            asset: USD,
            tiers: [limits; TIERS],
        }),
        ..Terms::default()
    }
}

/// As random as real ids are, and the same each time.
fn mixed(n: u64, kind: u64) -> u128 {
    let mut random = Random(n.wrapping_mul(8).wrapping_add(kind) << 1);
    u128::from(random.next()) << 64 | u128::from(random.next())
}

/// SplitMix64.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
