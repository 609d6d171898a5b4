//! A small town on a journal in memory.

use super::super::*;
use engine::codec::{FORMAT, RowWriter};
use engine::command::{Carried, DisputeVerdict, Share, Spend};
use engine::event::Event;
use engine::ids::{ActorId, MandateId, PartyId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, PartyNo, Standing, TimerKind};
use engine::terms::{Country, Terms, Tier};
use engine::{Code, Command, Op, Outcome, State, UtcMillis, apply, decide_one};
use journal::fault::{MemDisk, MemJournal};
use journal::{Journal, ZERO_HASH};
use ledger::{AssetNo, Posting, Source};
use money::{Asset, Atoms, Ppm};
use std::collections::{BTreeMap, BTreeSet};

pub const USD: AssetNo = AssetNo(0);
pub const SECOND: Duration = Duration::from_secs(20);

pub struct Town {
    pub disk: MemDisk,
    pub journal: MemJournal,
    pub state: State,
    pub row: RowWriter,
    pub now: UtcMillis,
    pub tenant: TenantNo,
    pub n: u128,
    pub done: BTreeMap<Id, Event>,
    pub kinds: BTreeSet<&'static str>,
}

pub fn wallet(n: u64) -> WalletId {
    WalletId(Id::timed(1, u128::from(n) + 1_000))
}

pub fn party(n: u64) -> PartyId {
    PartyId(Id::timed(1, u128::from(n) + 2_000))
}

pub fn key(n: u128) -> ActorId {
    ActorId(Id::timed(1, n + 9_000))
}

impl Town {
    pub fn new() -> Town {
        let disk = MemDisk::new(1);
        let journal = MemJournal::open(&disk).unwrap();
        let now = UtcMillis(1_790_000_000_000);
        let mut town = Town {
            disk,
            journal,
            state: State::new(7),
            row: RowWriter::default(),
            now,
            tenant: TenantNo(0),
            n: 0,
            done: BTreeMap::new(),
            kinds: BTreeSet::new(),
        };
        let window = Window {
            window_ms: 3_600_000,
            entries_max: 100_000,
        };
        town.run(Op::SetShard { window });
        for code in ["USD", "EUR"] {
            town.run(Op::RegisterAsset {
                asset: Asset::known(code).unwrap(),
            });
        }
        for n in 0..2 {
            town.run(Op::OpenTenant {
                tenant: TenantId(Id::timed(1, n + 1)),
                mode: Mode::Test,
            });
        }
        for tenant in [TenantNo(1), TenantNo(0)] {
            town.tenant = tenant;
            let rate = tax::CountryRate {
                country: *b"DE",
                rate: Ppm::new(190_000).unwrap(),
            };
            let terms = Terms {
                fee_share: Ppm::new(20_000).unwrap(),
                tax: tax::RateTable::new([rate]),
                risk: risk::Thresholds {
                    step_up_at: Some(risk::Score(500)),
                    deny_at: Some(risk::Score(900)),
                },
                ..Terms::default()
            };
            town.run(Op::SetTerms {
                terms: Box::new(terms),
            });
            for (n, kind) in [
                (0, PartyKind::Person),
                (1, PartyKind::Business),
                (2, PartyKind::Agent),
            ] {
                let (country, tier) = (Country(*b"DE"), Tier(1));
                town.run(Op::RegisterParty {
                    party: party(n),
                    kind,
                    country,
                    tier,
                    particulars: Default::default(),
                });
                town.run(Op::OpenWallet {
                    wallet: wallet(n),
                    party: party(n),
                });
            }
            let id = town.top_up(1_000_000, true);
            town.run(Op::SettleTopUp { topup: id });
        }
        town
    }

    pub fn run_as(&mut self, id: Id, actor: ActorId, op: Op) -> Event {
        let command = Command {
            id,
            tenant: self.tenant,
            actor,
            op,
            besides: None,
        };
        let mut event = Event::empty();
        let outcome = decide_one(&self.state, &command, self.now, &mut event);
        assert_eq!(outcome, Outcome::Event, "{command:?}");
        let position = Position {
            seq: self.journal.head().seq + 1,
            index: 0,
        };
        apply(&mut self.state, &event, position);
        self.row.begin(self.now);
        self.row.push(&event);
        self.journal
            .append(FORMAT, self.row.bytes(), ZERO_HASH)
            .unwrap();
        self.done.insert(id, event.clone());
        self.kinds.insert(event.kind.as_str());
        for part in event.parts() {
            self.kinds.insert(part.kind.as_str());
        }
        event
    }

    pub fn next_id(&mut self) -> Id {
        self.n += 1;
        self.now.0 += 10;
        Id::timed(self.now.0, self.n)
    }

    pub fn run(&mut self, op: Op) -> Id {
        let id = self.next_id();
        self.run_as(id, key(1), op);
        id
    }

    pub fn carried(&self, id: Id) -> Carried {
        self.done[&id].clone().into()
    }

    pub fn spend(amount: u64, risk: u16) -> Spend {
        Spend {
            payer: wallet(0),
            mandate: MandateId(Id::NONE),
            amount: Atoms(amount),
            asset: USD,
            risk: risk::Score(risk),
            confirmed: false.into(),
            circumstances: Default::default(),
            tax: Default::default(),
            item: Default::default(),
        }
    }

    pub fn pay(&mut self, amount: u64, risk: u16) -> Id {
        self.run(Op::Pay {
            spend: Self::spend(amount, risk),
            payee: wallet(1),
        })
    }

    pub fn top_up(&mut self, amount: u64, spendable: bool) -> Id {
        let (amount, source, channel) = (Atoms(amount), Source::Card, Channel::MANUAL);
        self.run(Op::TopUp {
            wallet: wallet(0),
            asset: USD,
            amount,
            source,
            channel,
            spendable,
        })
    }

    pub fn authorize(&mut self, amount: u64) -> Id {
        let expires = Some(self.now.plus(60_000));
        self.run(Op::Authorize {
            spend: Self::spend(amount, 0),
            payee: wallet(1),
            expires,
        })
    }

    /// Everything once; the ids of what is looked at later, by name.
    pub fn live(&mut self) -> BTreeMap<&'static str, Id> {
        let mut ids = BTreeMap::new();
        let paid = self.pay(10_000, 0);
        ids.insert("paid", paid);
        ids.insert("poor", self.pay(90_000_000, 0));
        ids.insert("fraud", self.pay(10, 950));
        let asked = self.pay(300, 600);
        ids.insert("asked", asked);
        let spend = Spend {
            confirmed: true.into(),
            circumstances: Default::default(),
            ..Self::spend(300, 600)
        };
        self.run_as(
            asked,
            key(1),
            Op::Pay {
                spend,
                payee: wallet(1),
            },
        );
        let late = self.pay(400, 600);
        ids.insert("late", late);
        let captured = self.authorize(5_000);
        ids.insert("captured", captured);
        for (amount, last) in [(1_000, false), (2_000, true)] {
            self.run(Op::Capture {
                payment: captured,
                amount: Atoms(amount),
                asset: None,
                last,
            });
        }
        let voided = self.authorize(700);
        ids.insert("voided", voided);
        self.run(Op::Capture {
            payment: voided,
            amount: Atoms(701),
            asset: None,
            last: true,
        });
        self.run(Op::Void { payment: voided });
        let expired = self.authorize(800);
        ids.insert("expired", expired);
        self.now.0 += 700_000;
        for (kind, thing) in [(TimerKind::Hold, expired), (TimerKind::StepUp, late)] {
            self.run_as(Id::NONE, key(1), Op::Expire { kind, thing });
        }
        let amount = Atoms(4_000);
        let refund = Op::Refund {
            payment: paid,
            amount,
            carried: self.carried(paid),
        };
        ids.insert("refund", self.run(refund));
        for amount in [50, 1_000_000_000] {
            self.run(Op::Transfer {
                spend: Self::spend(amount, 0),
                payee: wallet(2),
            });
        }
        let share = |n, weight| Share {
            payee: wallet(n),
            weight,
        };
        let payees = vec![share(1, 2), share(2, 1)];
        self.run(Op::Split {
            spend: Self::spend(900, 0),
            payees,
        });
        let pay = |amount| Op::Pay {
            spend: Self::spend(amount, 0),
            payee: wallet(1),
        };
        let items = vec![(self.next_id(), pay(11)), (self.next_id(), pay(12))];
        ids.insert("item", items[1].0);
        ids.insert("group", self.run(Op::Group { items }));
        self.run(Op::ChangeParty {
            party: party(2),
            country: Some(Country(*b"FR")),
            tier: Some(Tier(2)),
            standing: None,
            particulars: None,
        });
        self.run(Op::ChangeWallet {
            wallet: wallet(2),
            standing: Standing::Frozen,
        });
        self.run(Op::ChangeWallet {
            wallet: wallet(2),
            standing: Standing::Active,
        });
        self.run(Op::SetCredit {
            wallet: wallet(0),
            asset: USD,
            limit: Atoms(5_000),
        });
        let topup = self.top_up(6_000, false);
        ids.insert("topup", topup);
        let amount = Atoms(1_000);
        self.run(Op::ReverseTopUp {
            topup,
            amount,
            carried: None,
        });
        let settled = self.run(Op::SettleTopUp { topup });
        ids.insert("settled", settled);
        let carried = Some(self.carried(settled));
        self.run(Op::ReverseTopUp {
            topup,
            amount,
            carried,
        });
        // What is passed on before it has settled is released afterwards.
        let topup = self.top_up(1_000, true);
        self.run(Op::Transfer {
            spend: Self::spend(1_000, 0),
            payee: wallet(1),
        });
        self.run(Op::SettleTopUp { topup });
        let (origin, amount) = (Source::Card, Atoms(500));
        self.run(Op::SettleEarned {
            wallet: wallet(1),
            asset: USD,
            origin,
            amount,
        });
        for returned in [false, true] {
            let (amount, channel) = (Atoms(100), Channel::MANUAL);
            let withdrawal = self.run(Op::Withdraw {
                wallet: wallet(1),
                asset: USD,
                amount,
                channel,
            });
            self.run(Op::SendWithdrawal { withdrawal });
            if returned {
                self.run(Op::ReturnWithdrawal { withdrawal });
            } else {
                self.run(Op::SettleWithdrawal { withdrawal });
            }
        }
        let mandate = self.run(Op::GrantMandate {
            payer: wallet(0),
            agent: party(2),
            asset: USD,
            per_payment: Some(Atoms(u64::MAX)),
            per_day: None,
            payees: vec![wallet(1)],
            expires: self.now.plus(100_000),
        });
        ids.insert("mandate", mandate);
        let spend = Spend {
            mandate: MandateId(mandate),
            ..Self::spend(20, 0)
        };
        self.run(Op::Pay {
            spend,
            payee: wallet(1),
        });
        self.run(Op::RevokeMandate {
            mandate: MandateId(mandate),
        });
        for verdict in [DisputeVerdict::PayeeWins, DisputeVerdict::PayerWins] {
            let (amount, carried) = (Atoms(600), self.carried(paid));
            let dispute = self.run(Op::OpenDispute {
                payment: paid,
                amount,
                carried,
            });
            self.run(Op::ResolveDispute { dispute, verdict });
        }
        let payer = self.state.wallet_no(self.tenant, wallet(0)).unwrap();
        let wallet_account = self.state.accounts_of(payer).next().unwrap().0;
        let other = self.done[&paid].postings.last().unwrap().account;
        let leg = |account, amount| Posting { account, amount };
        let postings = vec![leg(wallet_account, 5), leg(other, -5)];
        let propose = || Op::ProposeCorrection {
            postings: postings.clone(),
            reason: [3; 32],
        };
        let [rejected, lapsed, correction] =
            [propose(), propose(), propose()].map(|op| self.run(op));
        self.run(Op::RejectCorrection {
            correction: rejected,
        });
        let id = self.next_id();
        self.run_as(id, key(2), Op::ApproveCorrection { correction });
        let (party, code, count) = (PartyNo(0), Code::InsufficientFunds, 42);
        self.run_as(Id::NONE, key(1), Op::CountRefusals { party, code, count });
        let (hash, digest) = ([1; 32], [2; 32]);
        self.run_as(
            Id::NONE,
            key(1),
            Op::RecordSnapshot {
                seq: 1,
                hash,
                digest,
            },
        );
        self.now.0 += 8 * 86_400_000;
        let (kind, thing) = (TimerKind::Correction, lapsed);
        self.run_as(Id::NONE, key(1), Op::Expire { kind, thing });
        self.under_a_law();
        let (paper, rounded) = self.under_tax_rules();
        ids.extend([("paper", paper), ("rounded", rounded)]);
        ids
    }

    /// The other tenant puts tax rules into force, is paid under them, and posts what rounding a
    /// paper over that payment left: the paper, and the posting of its rounding.
    fn under_tax_rules(&mut self) -> (Id, Id) {
        use engine::command::TaxRounding;
        use engine::taxes::{Profile, TaxSettings};
        use tax::supply::{Part, Pricing};
        let home = tax::Country::literal("DE");
        let of_tenant = std::mem::replace(&mut self.tenant, TenantNo(1));
        self.run(Op::SetTax {
            rules: Some(Arc::new(tax::rates::built_in().unwrap())),
            settings: Some(Box::new(TaxSettings {
                operator: tax::Supplier::of(home),
                part: Part::default(),
                pricing: Pricing::Inclusive,
                format_is_enough: false,
            })),
        });
        let supplier = Some(tax::Supplier::of(home));
        self.run(Op::SetTaxpayer {
            party: party(1),
            profile: Box::new(Profile {
                supplier,
                buyer: None,
            }),
        });
        let paid = self.pay(1_190, 0);
        let refund = Op::Refund {
            payment: paid,
            amount: Atoms(119),
            carried: self.carried(paid),
        };
        self.run(refund);
        let paper = self.next_id();
        let rounding = TaxRounding {
            case: 1,
            seller: party(1),
            is_fee: false,
            country: Country(*b"DE"),
            asset: USD,
            amount: -7,
        };
        let rounded = self.run(Op::RoundTax { paper, rounding });
        self.by_a_price();
        self.refused(paid);
        self.by_subscription();
        self.tenant = of_tenant;
        (paper, rounded)
    }

    /// Of what is no payment, each is refused; a transfer is not confirmed in time.
    fn refused(&mut self, paid: Id) {
        let (much, channel) = (Atoms(1_000_000_000), Channel::MANUAL);
        let carried = self.carried(paid);
        self.run(Op::Refund {
            payment: paid,
            amount: much,
            carried,
        });
        self.run(Op::Withdraw {
            wallet: wallet(1),
            asset: USD,
            amount: much,
            channel,
        });
        let pay = Op::Pay {
            spend: Self::spend(much.0, 0),
            payee: wallet(1),
        };
        let items = vec![(self.next_id(), pay)];
        self.run(Op::Group { items });
        let closed = wallet(77);
        self.run(Op::OpenWallet {
            wallet: closed,
            party: party(0),
        });
        self.run(Op::ChangeWallet {
            wallet: closed,
            standing: Standing::Closed,
        });
        self.run(Op::TopUp {
            wallet: closed,
            asset: USD,
            amount: Atoms(1),
            source: Source::Card,
            channel,
            spendable: false,
        });
        let thing = self.run(Op::Transfer {
            spend: Self::spend(10, 600),
            payee: wallet(2),
        });
        self.now.0 += 700_000;
        let kind = TimerKind::StepUp;
        self.run_as(Id::NONE, key(1), Op::Expire { kind, thing });
    }

    /// A price is set and archived.
    fn by_a_price(&mut self) {
        let price = engine::ids::PriceId(self.next_id());
        let amount = Atoms(5);
        let definition = pricing::Price {
            product: 0,
            asset: self.state.assets[0].code,
            tax_included: None,
            period: pricing::Period::Payment,
            free: 0,
            rate: pricing::Rate {
                base: Atoms(0),
                model: pricing::Model::Flat { amount },
            },
            variants: Vec::new(),
            refund_restores_use: false,
        };
        self.run(Op::SetPrice {
            price,
            from: None,
            definition: Box::new(definition),
        });
        self.run(Op::ArchivePrice { price });
    }

    /// Two subscribe after a trial: one pays, moves to what costs nothing, pauses and ends; the other runs
    /// out of money.
    fn by_subscription(&mut self) {
        use engine::plans::{NewSubscription, SubscriptionChange as To};
        use pricing::{Dunning, Every, Plan, PlanTier, Then, Trial};
        let plan = engine::ids::PlanId(self.next_id());
        let tier = |name: &str, amount| PlanTier {
            name: name.to_owned(),
            amount: Atoms(amount),
            every: Every::Week,
            count: 1,
        };
        let definition = Plan {
            product: 0,
            asset: self.state.assets[0].code,
            tax_included: None,
            tiers: vec![tier("paid", 1_000), tier("free", 0), tier("dear", 1 << 50)],
            trial: Some(Trial {
                days: 3,
                converts: true,
                reminder_days: 1,
            }),
            dunning: Dunning {
                retry_days: vec![1],
                then: Then::Pause,
            },
            grace_days: 0,
            notice_days: 1,
        };
        self.run(Op::SetPlan {
            plan,
            from: None,
            definition: Box::new(definition),
        });
        let confirmed = Default::default();
        let subscribe = |tier: &str, wallet| Op::Subscribe {
            new: Box::new(NewSubscription {
                wallet,
                payer: wallet,
                payee: self::wallet(1),
                plan,
                tier: Some(tier.to_owned()),
                skip_trial: false,
                limit: Atoms(0),
                coupon: None,
                periods: None,
                mandate: MandateId(Id::NONE),
                facts: Default::default(),
                circumstances: Default::default(),
                risk: risk::Score(0),
                confirmed,
            }),
        };
        let first = self.run(subscribe("paid", wallet(0)));
        self.run(subscribe("dear", wallet(2)));
        let change = |subscription, change| Op::ChangeSubscription {
            subscription,
            change,
        };
        let to_free = To::Move {
            plan,
            tier: "free".to_owned(),
            at_once: false,
            limit: Atoms(0),
            confirmed,
        };
        self.days(4);
        self.run(change(first, to_free));
        self.days(7);
        for asked in [To::Pause, To::Resume { confirmed }] {
            self.run(change(first, asked));
        }
        self.run(change(first, To::Cancel { at_once: false }));
        self.run(Op::ArchivePlan { plan });
        self.days(7);
    }

    /// Lets days go by, and what is due happen at its time.
    fn days(&mut self, days: u64) {
        let until = UtcMillis(self.now.0 + days * 86_400_000);
        let due = |state: &State| state.timers.first().copied().filter(|t| t.0 <= until);
        while let Some((at, kind, tenant, thing)) = due(&self.state) {
            self.now = self.now.max(at);
            let of_tenant = std::mem::replace(&mut self.tenant, tenant);
            self.run_as(Id::NONE, key(1), Op::Expire { kind, thing });
            self.tenant = of_tenant;
        }
        self.now = until;
    }

    /// A law is proposed and rejected, proposed again, approved and in force.
    fn under_a_law(&mut self) {
        let kenya = policy::BUILTIN.iter().find(|pack| pack.id == "ke");
        let zone = engine::time::Zone {
            name: "Africa/Nairobi".to_owned(),
            ..engine::time::Zone::utc()
        };
        let propose = Op::ProposeLaw {
            law: Box::new(engine::law::NewLaw {
                packs: vec![kenya.unwrap().text.into()],
                zones: vec![zone],
                ..Default::default()
            }),
        };
        let proposal = self.run(propose.clone());
        self.run(Op::RejectLaw { proposal });
        let proposal = self.run(propose);
        let (id, effective) = (self.next_id(), self.now);
        let approve = Op::ApproveLaw {
            proposal,
            effective,
        };
        self.run_as(id, key(2), approve);
        let (kind, thing) = (TimerKind::Law, proposal);
        self.run_as(Id::NONE, key(1), Op::Expire { kind, thing });
        let walk = engine::backfill::Backfill::new(&self.state, self.tenant).unwrap();
        for op in walk.parts(&self.state) {
            self.run_as(Id::NONE, key(1), op);
        }
    }

    pub fn quick() -> ProjectionOptions {
        ProjectionOptions {
            gather: Duration::ZERO,
            gather_max: Duration::ZERO,
            poll: Duration::from_millis(5),
            retry: Duration::from_millis(5),
            ..ProjectionOptions::default()
        }
    }

    pub fn reader(&self) -> impl Reader + Send + use<> {
        self.disk.reader()
    }

    pub fn follow(&self, dir: &Path) -> Projection {
        let reader = Box::new(self.disk.reader());
        let projection = Projection::spawn(dir, reader, Self::quick()).unwrap();
        projection.wake(self.journal.head().seq);
        projection
    }

    pub fn caught_up(&self, projection: &Projection) {
        projection.wake(self.journal.head().seq);
        let there = projection.wait_for(self.journal.head().seq, SECOND);
        assert!(there, "{:?}", projection.progress());
    }

    pub fn assert_balances(&self, model: &ReadModel) {
        let (seq, balances) = model.balances().unwrap();
        assert_eq!(seq, self.journal.head().seq);
        let expected: Vec<(u32, String)> = self
            .state
            .book
            .iter()
            .map(|(no, a)| (no.0, a.balance.to_string()))
            .collect();
        assert_eq!(balances, expected);
    }
}
