//! Serves the API on a temporary folder: for schemathesis, load tests and trying things out.
//!
//! `cargo run --release -p server --example serve` prints the address, an API key and two wallets.

use engine::command::{Command, Op};
use engine::ids::{ActorId, PartyId, TenantId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, TenantNo};
use engine::terms::{Country, Tier};
use engine::{Id, UtcMillis};
use identity::{KeyRing, KeySpec, OsRandom, Scope, Scopes};
use ledger::AssetNo;
use money::Atoms;
use node::{Node, NodeOptions};
use server::{App, Config};
use std::sync::Arc;
use store::Store;

fn id(now: UtcMillis, n: u128) -> Id {
    Id::timed(now.0, n)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let node = Node::open(dir.path(), NodeOptions::default())?;
    let now = node.now();
    let now_ms = i64::try_from(now.0)?;
    let store = Arc::new(Store::open(dir.path(), now_ms)?);
    let keys = Arc::new(KeyRing::new(Arc::clone(&store)));
    let (tenant, party) = (id(now, 1), PartyId(id(now, 2)));
    let (payer, payee) = (WalletId(id(now, 3)), WalletId(id(now, 4)));
    let asset = money::Asset::known("EUR").ok_or("EUR")?;
    let (asset_no, amount) = (AssetNo(0), Atoms(1_000_000_000_000_000));
    let (source, channel) = (ledger::Source::Card, Channel::MANUAL);
    let ops = [
        Op::SetShard {
            window: Window::default(),
        },
        Op::RegisterAsset { asset },
        Op::OpenTenant {
            tenant: TenantId(tenant),
            mode: Mode::Live,
        },
        Op::RegisterParty {
            party,
            kind: PartyKind::Person,
            country: Country::UNKNOWN,
            tier: Tier(0),
            particulars: Default::default(),
        },
        Op::OpenWallet {
            wallet: payer,
            party,
        },
        Op::OpenWallet {
            wallet: payee,
            party,
        },
        Op::TopUp {
            wallet: payer,
            asset: asset_no,
            amount,
            source,
            channel,
            spendable: true,
        },
    ];
    for (op, n) in ops.into_iter().zip(10..) {
        let command = Command {
            id: id(now, n),
            tenant: TenantNo(0),
            actor: ActorId::default(),
            op,
            besides: None,
        };
        node.submit(command).await?;
    }
    let scopes = Scopes::of(&[Scope::Admin]);
    let spec = KeySpec {
        tenant: tenant.0,
        mode: identity::Mode::Live,
        scopes,
        label: "example".into(),
        expires_at_ms: None,
        line: None,
        agent: None,
    };
    let key = keys.create(spec, now_ms, &mut OsRandom)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!(
        "http://{} {} {payer} {payee}",
        listener.local_addr()?,
        key.secret.expose()
    );
    let app = App::new(node.clone(), store, keys, Config::default());
    server::serve(listener, app, async {
        // Until the terminal says stop; an error in hearing it stops too.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await;
    node.shutdown();
    Ok(())
}
