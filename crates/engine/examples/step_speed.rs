//! How fast the step alone is: decide, apply and encode, on a million wallets.
use engine::codec::RowWriter;
use engine::command::{Op, Spend};
use engine::ids::{ActorId, MandateId, PartyId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, TenantNo};
use engine::terms::{Country, Limits, Terms, Tier};
use engine::{
    Command, Event, Handles, Id, Outcome, Position, State, UtcMillis, apply, decide, decide_one,
    resolve,
};
use ledger::{AssetNo, Source};
use money::{Asset, Atoms, Ppm};
use std::time::Instant;

fn id(time: u64, n: u64) -> Id {
    // splitmix, so that ids are as random as real ones
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Id::timed(
        time,
        (u128::from(z) << 64) | u128::from(z.wrapping_mul(0xd6e8_feb8_6659_fd93)),
    )
}

fn main() {
    let wallets: u64 = 1_000_000;
    let merchants: u64 = 10_000;
    let mut state = State::new(0x1234_5678_9abc_def0_1122_3344_5566_7788);
    let mut event = Event::empty();
    let mut n = 0u64;
    let now = UtcMillis(1_790_000_000_000);
    let mut run = |state: &mut State, op: Op| {
        n += 1;
        let command = Command {
            id: id(now.0, n << 32),
            tenant: TenantNo(0),
            actor: ActorId(Id::NONE),
            op,
        };
        let outcome = decide_one(state, &command, now, &mut event);
        assert_eq!(outcome, Outcome::Event, "{command:?}");
        assert!(event.refusal().is_none(), "{event:?}");
        apply(state, &event, Position { seq: 1, index: 0 });
    };
    run(
        &mut state,
        Op::SetShard {
            window: Window {
                window_ms: 3_600_000,
                entries_max: 100_000_000,
            },
        },
    );
    run(
        &mut state,
        Op::RegisterAsset {
            asset: Asset::known("USD").unwrap(),
        },
    );
    run(
        &mut state,
        Op::OpenTenant {
            tenant: TenantId(id(0, 1)),
            mode: Mode::Test,
        },
    );
    let tier = policy::TierLimits {
        per_payment: Some(10_000_000_000),
        per_day: Some(1_000_000_000_000),
        per_month: Some(5_000_000_000_000),
    };
    let terms = Terms {
        fee_share: Ppm::new(20_000).unwrap(),
        tax: tax::RateTable::new([tax::CountryRate {
            country: *b"DE",
            rate: Ppm::new(190_000).unwrap(),
        }]),
        limits: Some(Limits {
            asset: AssetNo(0),
            tiers: [tier; 5],
        }),
        ..Terms::default()
    };
    run(
        &mut state,
        Op::SetTerms {
            terms: Box::new(terms),
        },
    );
    for w in 0..wallets {
        let (party, wallet) = (PartyId(id(2, w)), WalletId(id(3, w)));
        run(
            &mut state,
            Op::RegisterParty {
                party,
                kind: PartyKind::Person,
                country: Country(*b"DE"),
                tier: Tier(1),
            },
        );
        run(&mut state, Op::OpenWallet { wallet, party });
        if w >= merchants {
            run(
                &mut state,
                Op::TopUp {
                    wallet,
                    asset: AssetNo(0),
                    amount: Atoms(1_000_000_000_000),
                    source: Source::Card,
                    channel: Channel::MANUAL,
                    spendable: true,
                },
            );
        }
    }
    println!("state ready: {} accounts", state.book.len());
    let rounds = 5;
    let per_round = 1_000_000u64;
    let batch = 1000;
    let mut handles = Handles::default();
    let mut writer = RowWriter::default();
    let mut rng = 1u64;
    let mut commands: Vec<Command> = Vec::with_capacity(batch);
    for round in 0..rounds {
        let mut spent = std::time::Duration::ZERO;
        let (mut resolving, mut deciding, mut applying, mut encoding) =
            (0u128, 0u128, 0u128, 0u128);
        let mut bytes = 0usize;
        for b in 0..per_round / batch as u64 {
            commands.clear();
            for _ in 0..batch {
                rng = rng
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                let payer = merchants + (rng >> 33) % (wallets - merchants);
                let payee = (rng >> 20) % merchants;
                n += 1;
                let spend = Spend {
                    payer: WalletId(id(3, payer)),
                    mandate: MandateId(Id::NONE),
                    amount: Atoms(2_500_000),
                    asset: AssetNo(0),
                    risk: risk::Score(10),
                    confirmed: false,
                };
                commands.push(Command {
                    id: id(now.0, n << 32 | 7),
                    tenant: TenantNo(0),
                    actor: ActorId(Id::NONE),
                    op: Op::Pay {
                        spend,
                        payee: WalletId(id(3, payee)),
                    },
                });
            }
            let start = Instant::now();
            resolve(&state, &commands, now, &mut handles);
            let t1 = Instant::now();
            resolving += (t1 - start).as_nanos();
            writer.begin(now);
            let detail = b % 16 == 0;
            for (at, command) in commands.iter().enumerate() {
                if detail {
                    let a = Instant::now();
                    let outcome = decide(&state, &handles, at, command, now, &mut event);
                    let b = Instant::now();
                    assert_eq!(outcome, Outcome::Event);
                    apply(
                        &mut state,
                        &event,
                        Position {
                            seq: 2,
                            index: at as u32,
                        },
                    );
                    let c = Instant::now();
                    writer.push(&event);
                    deciding += (b - a).as_nanos();
                    applying += (c - b).as_nanos();
                    encoding += c.elapsed().as_nanos();
                } else {
                    let outcome = decide(&state, &handles, at, command, now, &mut event);
                    assert_eq!(outcome, Outcome::Event);
                    apply(
                        &mut state,
                        &event,
                        Position {
                            seq: 2,
                            index: at as u32,
                        },
                    );
                    writer.push(&event);
                }
            }
            bytes += writer.bytes().len();
            spent += start.elapsed();
        }
        let detailed = per_round as u128 / 16;
        println!(
            "round {round}: {:.0} payments/s, {} ns each (resolve {} decide {} apply {} encode {}), {} bytes each",
            per_round as f64 / spent.as_secs_f64(),
            spent.as_nanos() / u128::from(per_round),
            resolving / u128::from(per_round),
            deciding / detailed,
            applying / detailed,
            encoding / detailed,
            bytes as u64 / per_round
        );
    }
    assert!(state.trial_balance().iter().all(|(_, sum)| *sum == 0));
    let t = Instant::now();
    let bytes = engine::snapshot::encode(&state);
    println!(
        "snapshot {} MB in {:?}",
        bytes.len() / 1_000_000,
        t.elapsed()
    );
    let t = Instant::now();
    let back = engine::snapshot::decode(&bytes, 99).unwrap();
    println!(
        "restored in {:?}; same: {}",
        t.elapsed(),
        engine::snapshot::encode(&back) == bytes
    );
}
