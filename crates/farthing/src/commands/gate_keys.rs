//! `farthing gate keys`: which key may spend which wallet. Works while the gate runs.

use crate::failure::Failure;
use crate::folder;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use engine::Id;
use engine::ids::{TenantId, WalletId};
use gate::{KeyRecord, PublicKey, Registry};
use std::path::PathBuf;
use store::Store;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing gate keys add --wallet wal_01900000000070008000000000000001 --public-key A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg
  farthing gate keys list --mode live

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the command line is
  wrong.";

/// Bind keys to wallets, list and revoke them
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The data folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "FARTHING_DATA",
        default_value = "farthing-data"
    )]
    data: PathBuf,
    /// Whose wallets
    #[arg(long, global = true, value_enum, default_value_t = Mode::Test)]
    mode: Mode,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Let a key spend a wallet
    Add(Add),
    /// List the keys, oldest first
    List,
    /// Take a key's right away, at once and for good
    Revoke {
        /// Base64url, as it is listed
        #[arg(long, value_name = "KEY")]
        public_key: String,
    },
}

#[derive(ClapArgs)]
struct Add {
    /// The wallet, e.g. wal_0190…
    #[arg(long)]
    wallet: WalletId,
    /// An Ed25519 public key: 32 bytes, base64url without padding
    #[arg(long, value_name = "KEY")]
    public_key: String,
    /// What it is for
    #[arg(long, default_value = "")]
    label: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Test,
    Live,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    if !args.data.join("store.db").exists() {
        return Err(Failure::said(format!(
            "{} has no store: start `farthing gate` or `farthing serve` on it once",
            args.data.display()
        )));
    }
    folder::require_whole(&args.data, 0)?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let store = Store::open(&args.data, now_ms)?;
    let mode = match args.mode {
        Mode::Test => identity::Mode::Test,
        Mode::Live => identity::Mode::Live,
    };
    let tenant = store
        .tenant_of_mode(mode)?
        .ok_or_else(|| Failure::said("no tenant of this mode yet: start the gate once"))?;
    let tenant = TenantId(Id(tenant));
    let registry = Registry::open(&args.data)?;
    let key_of = |text: &str| {
        PublicKey::read(text).ok_or_else(|| {
            Failure::said(format!(
                "\"{text}\" is not 32 bytes in base64url without padding"
            ))
        })
    };
    match &args.what {
        What::Add(add) => {
            let record = KeyRecord {
                key: key_of(&add.public_key)?,
                wallet: add.wallet,
                label: add.label.clone(),
                created_ms: now_ms,
                revoked_ms: None,
            };
            registry.add(tenant, &record)?;
            outln!("{}  {}", record.key, record.wallet);
        }
        What::List => {
            for record in registry.list(tenant)? {
                let state = match record.revoked_ms {
                    Some(_) => "revoked",
                    None => "active",
                };
                outln!(
                    "{}  {}  {state:<7}  {}",
                    record.key,
                    record.wallet,
                    record.label
                );
            }
        }
        What::Revoke { public_key } => {
            if !registry.revoke(tenant, &key_of(public_key)?, now_ms)? {
                return Err(Failure::said(
                    "no such key; `farthing gate keys list` shows them",
                ));
            }
            outln!("revoked");
        }
    }
    Ok(())
}
