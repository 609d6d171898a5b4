//! `farthing keys`: API keys, on the data folder itself. Works while the node serves. A key made here
//! begins a line of its own: it is another person's than every key before it.

use crate::failure::Failure;
use crate::folder;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use engine::ids::TenantId;
use identity::{KeyId, KeyRing, KeySpec, OsRandom, Scopes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::read::ReadModel;

/// How long a tenant may take from the journal to the read model.
const FOLLOWED: Duration = Duration::from_secs(1);

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing keys create --scopes payments:write,payments:read --label shop
  farthing keys create --mode live --scopes admin --label operator --expires 2027-01-01T00:00:00Z
  farthing keys list --mode live --json
  farthing keys revoke key_01900000000070008000000000000001

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong.";

/// Create, list and revoke API keys
///
/// Works on the data folder itself, also while the node serves: a new key is good at once, a revoked
/// one is refused within a second. A key's secret is shown when it is made and never again.
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
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Whose, e.g. ten_0190…; without it, the first tenant of the mode
    #[arg(long, global = true, value_name = "TENANT")]
    tenant: Option<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Create a key; its secret is shown once
    Create(Create),
    /// List the keys of a mode, newest first
    List {
        /// Whose
        #[arg(long, value_enum, default_value_t = Mode::Test)]
        mode: Mode,
    },
    /// Revoke a key at once
    Revoke {
        /// The key's id, e.g. key_0190…
        id: String,
        /// Whose
        #[arg(long, value_enum, default_value_t = Mode::Test)]
        mode: Mode,
    },
}

#[derive(ClapArgs)]
struct Create {
    /// Which tenant's money
    #[arg(long, value_enum, default_value_t = Mode::Test)]
    mode: Mode,
    /// What it may do, e.g. `payments:write,payments:read`; `admin` is all but reading as a
    /// regulator: it reads the same, and its reads do not stand in the regulators' log
    #[arg(long, value_name = "SCOPES")]
    scopes: String,
    /// What it is for
    #[arg(long, default_value = "made by the command")]
    label: String,
    /// When it ends, e.g. 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires: Option<jiff::Timestamp>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Test,
    Live,
}

impl From<Mode> for identity::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Test => identity::Mode::Test,
            Mode::Live => identity::Mode::Live,
        }
    }
}

pub fn run(args: Args) -> Result<(), Failure> {
    if !args.data.join("store.db").exists() {
        return Err(Failure::said(format!(
            "{} has no store: start `farthing serve --data {0}` once",
            args.data.display()
        )));
    }
    folder::require_whole(&args.data, 0)?;
    let now = jiff::Timestamp::now().as_millisecond();
    let store = Arc::new(Store::open(&args.data, now)?);
    let keys = KeyRing::new(store.clone());
    let tenant = |mode: Mode| -> Result<u128, Failure> {
        if let Some(text) = &args.tenant {
            let id: Result<TenantId, _> = text.parse();
            let id = id.map_err(|error| Failure::said(format!("--tenant: {error}")))?;
            require_tenant(&args.data, id, mode)?;
            return Ok(id.0.0);
        }
        let known = store.tenant_of_mode(mode.into())?;
        known.ok_or_else(|| Failure::said("no key of this mode yet: start the server once"))
    };
    match args.what {
        What::Create(create) => {
            let scopes: Scopes = create.scopes.parse()?;
            let spec = KeySpec {
                tenant: tenant(create.mode)?,
                mode: create.mode.into(),
                scopes,
                label: create.label,
                expires_at_ms: create.expires.map(|t| t.as_millisecond()),
                line: None,
                agent: None,
            };
            let key = keys.create(spec, now, &mut OsRandom)?;
            if args.json {
                outln!(
                    "{}",
                    serde_json::json!({
                        "id": key.record.id.to_string(),
                        "secret": key.secret.expose(),
                        "scopes": key.record.scopes,
                    })
                );
            } else {
                outln!("{}  {}", key.record.id, key.record.scopes);
                outln!("{}", key.secret.expose());
                outln!("This is the only time it is shown.");
            }
        }
        What::List { mode } => {
            let tenant = tenant(mode)?;
            let mut before = None;
            loop {
                let page = keys.list(tenant, before, 200)?;
                for key in &page.items {
                    say(key, args.json);
                }
                match page.next {
                    Some(next) => before = Some(next),
                    None => break,
                }
            }
        }
        What::Revoke { id, mode } => {
            let id: KeyId = id
                .parse()
                .map_err(|_| Failure::said(format!("\"{id}\" is not a key's id")))?;
            let record = keys.revoke(tenant(mode)?, id, now)?;
            say(&record, args.json);
        }
    }
    Ok(())
}

/// Refuses a tenant that is not there, or is of the other mode: a key of nobody's opens nothing, and
/// one of the wrong mode too much.
fn require_tenant(data: &Path, id: TenantId, mode: Mode) -> Result<(), Failure> {
    let wanted = identity::Mode::from(mode).as_str();
    let deadline = Instant::now() + FOLLOWED;
    while data.join("read.db").exists() {
        if let Some(mode) = mode_of(data, id)? {
            return if mode == wanted {
                Ok(())
            } else {
                Err(Failure::said(format!(
                    "{id} is a {mode} tenant: say --mode {mode}"
                )))
            };
        }
        // One that was opened just now is not in the read model at once.
        if Instant::now() > deadline {
            break;
        }
        std::thread::sleep(FOLLOWED / 10);
    }
    Err(Failure::said(format!(
        "no tenant {id} is known here; `GET /v1/tenants` lists them, and `POST /v1/keys` with `tenant` \
         makes a new one's first key"
    )))
}

/// A tenant's mode, if the read model knows the tenant.
fn mode_of(data: &Path, id: TenantId) -> Result<Option<String>, Failure> {
    let model = ReadModel::open(data, jiff::Timestamp::now().as_millisecond())?;
    let mut cursor: Option<String> = None;
    loop {
        let page = model.tenants(cursor.as_deref(), 200)?;
        if let Some(found) = page.items.into_iter().find(|line| line.id == id.0.0) {
            return Ok(Some(found.mode));
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(None),
        }
    }
}

fn say(key: &identity::KeyRecord, json: bool) {
    let time = |ms: Option<i64>| {
        ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .map(|t| t.to_string())
    };
    if json {
        outln!(
            "{}",
            serde_json::json!({
                "id": key.id.to_string(),
                "label": key.label,
                "scopes": key.scopes,
                "line": key.head().to_string(),
                "created_at": time(Some(key.created_at_ms)),
                "expires_at": time(key.expires_at_ms),
                "revoked_at": time(key.revoked_at_ms),
                "last_used_at": time(key.last_used_at_ms),
            })
        );
        return;
    }
    let state = match (key.revoked_at_ms, key.expires_at_ms) {
        (Some(_), _) => "revoked",
        (None, Some(_)) => "expires",
        (None, None) => "active",
    };
    outln!("{}  {:<8} {}  {}", key.id, state, key.label, key.scopes);
}
