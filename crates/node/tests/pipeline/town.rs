//! A small town for the pipeline's tests: its commands, its node.

use engine::command::Spend;
use engine::ids::{ActorId, MandateId, PartyId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, TenantNo};
use engine::terms::{Country, Tier};
use engine::{Command, Id, Op, UtcMillis};
use journal::Journal;
use journal::fault::{MemDisk, MemJournal};
use ledger::{AssetNo, Source};
use money::{Asset, Atoms};
use node::{Brief, Node, NodeOptions};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

pub const T0: u64 = 1_790_000_000_000;
static NEXT: AtomicU64 = AtomicU64::new(1);

pub fn fresh() -> Id {
    Id::timed(
        T0,
        u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) * 0x9e37_79b9_7f4a_7c15,
    )
}

pub fn command(id: Id, op: Op) -> Command {
    Command {
        id,
        tenant: TenantNo(0),
        actor: ActorId(Id::NONE),
        op,
        besides: None,
    }
}

pub fn wallet(n: u64) -> WalletId {
    WalletId(Id::timed(T0, u128::from(n) + (1 << 70)))
}

pub fn pay(id: Id, payer: u64, payee: u64, atoms: u64) -> Command {
    let spend = Spend {
        payer: wallet(payer),
        mandate: MandateId(Id::NONE),
        amount: Atoms(atoms),
        asset: AssetNo(0),
        risk: risk::Score(0),
        confirmed: false.into(),
        circumstances: Default::default(),
        tax: Default::default(),
        item: Default::default(),
    };
    command(
        id,
        Op::Pay {
            spend,
            payee: wallet(payee),
        },
    )
}

pub fn options() -> NodeOptions {
    NodeOptions {
        projection: false,
        snapshot_every: 0,
        ..NodeOptions::default()
    }
}

/// A node with wallets 0..n, each but wallet 0 with 1000 atoms.
pub fn populate(node: &Node, wallets: u64) {
    node.set_time(UtcMillis(T0)).unwrap();
    let asset = Asset::known("USD").unwrap();
    let mut commands = vec![
        command(
            fresh(),
            Op::SetShard {
                window: Window::default(),
            },
        ),
        command(fresh(), Op::RegisterAsset { asset }),
        command(
            fresh(),
            Op::OpenTenant {
                tenant: TenantId(fresh()),
                mode: Mode::Test,
            },
        ),
    ];
    for n in 0..wallets {
        let party = PartyId(fresh());
        let (kind, country, tier) = (PartyKind::Person, Country::UNKNOWN, Tier(0));
        commands.push(command(
            fresh(),
            Op::RegisterParty {
                party,
                kind,
                country,
                tier,
                particulars: Default::default(),
            },
        ));
        commands.push(command(
            fresh(),
            Op::OpenWallet {
                wallet: wallet(n),
                party,
            },
        ));
        if n > 0 {
            let (asset, amount, source) = (AssetNo(0), Atoms(1000), Source::Card);
            let (channel, spendable) = (Channel::MANUAL, true);
            let wallet = wallet(n);
            commands.push(command(
                fresh(),
                Op::TopUp {
                    wallet,
                    asset,
                    amount,
                    source,
                    channel,
                    spendable,
                },
            ));
        }
    }
    for brief in node.submit_brief(commands).unwrap() {
        assert!(matches!(brief, Brief::Done { code: None, .. }), "{brief:?}");
    }
}

pub fn balance(node: &Node, n: u64) -> i128 {
    let sum = move |state: &engine::State| {
        let no = state.wallet_no(TenantNo(0), wallet(n)).unwrap();
        state.accounts_of(no).map(|(_, a)| a.balance).sum()
    };
    node.query_blocking(sum).unwrap()
}

pub fn mem_node(disk: &MemDisk, dir: &Path, options: NodeOptions) -> Node {
    let journal = MemJournal::open_unlocked(disk).unwrap();
    node_on(Box::new(journal), disk, dir, options)
}

pub fn node_on(
    journal: Box<dyn Journal>,
    disk: &MemDisk,
    dir: &Path,
    options: NodeOptions,
) -> Node {
    let reader = disk.clone();
    Node::start(
        dir,
        journal,
        None,
        Box::new(move || Ok(Box::new(reader.reader()))),
        options,
    )
    .unwrap()
}
