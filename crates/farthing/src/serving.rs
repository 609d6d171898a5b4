//! A node with its store, keys and HTTP API on a data folder; what `serve` and `demo` share.

use crate::bootstrap::{Ids, asset_no, open_shard, open_tenant};
use crate::config::Config;
use crate::failure::Failure;
use crate::folder;
use engine::UtcMillis;
use engine::ids::TenantId;
use engine::recents::Window;
use engine::records::{Mode, TenantNo};
use identity::{KeyRing, KeySpec, OsRandom, Scope, Scopes};
use money::Asset;
use node::{Node, NodeOptions};
use std::sync::Arc;
use std::time::Duration;
use store::Store;

/// The assets every fresh node knows; more are registered over the API.
const ASSETS: [&str; 7] = ["USD", "EUR", "GBP", "KRW", "JPY", "USDC", "POINTS"];

/// An opened data folder.
pub struct Opened {
    pub node: Node,
    pub store: Arc<Store>,
    pub keys: Arc<KeyRing>,
    /// The first keys, if the folder was fresh: shown once.
    pub first: Option<FirstKeys>,
}

/// The keys of a fresh folder's two tenants.
pub struct FirstKeys {
    pub test: String,
    pub live: String,
}

impl Opened {
    /// What is said once of the first keys.
    pub fn first_keys(&self) -> Vec<String> {
        let Some(first) = &self.first else {
            return Vec::new();
        };
        let keys = [("test", &first.test), ("live", &first.live)];
        let keys = keys.into_iter().filter(|(_, key)| !key.is_empty());
        std::iter::once("The first keys, shown this once; keep them safe:".to_owned())
            .chain(keys.map(|(mode, key)| format!("  {mode}  {key}")))
            .collect()
    }
}

/// Opens a data folder and prepares it if it is fresh. Whoever serves it binds its address before: what
/// is said once must not be made by a start that comes to nothing.
///
/// # Errors
/// [`Failure`], naming what could not be opened.
pub fn open(config: &Config) -> Result<Opened, Failure> {
    let options = NodeOptions {
        shard: config.shard,
        holder: format!("process {}", std::process::id()),
        queue_max: config.queue_max,
        queue_weight_max: config.queue_weight_max,
        projection: config.projection,
        snapshot_every: config.snapshot_every,
        clock_ahead_max: (config.clock_ahead_hours_max > 0)
            .then(|| Duration::from_secs(config.clock_ahead_hours_max.saturating_mul(3_600))),
        ..NodeOptions::default()
    };
    folder::require_whole(&config.data, config.shard)?;
    let node = Node::open(&config.data, options)?;
    let now = node.now();
    let store = Arc::new(Store::open(&config.data, ms(now))?);
    let keys = Arc::new(KeyRing::new(store.clone()));
    let mut ids = Ids::from_system()?;
    let window = Window {
        window_ms: config.id_window_minutes.saturating_mul(60_000),
        entries_max: config.id_window_entries,
    };
    open_shard(&node, &mut ids, now, window)?;
    let first = prepare(&node, &keys, &mut ids, now)?;
    Ok(Opened {
        node,
        store,
        keys,
        first,
    })
}

fn ms(now: UtcMillis) -> i64 {
    i64::try_from(now.0).unwrap_or(i64::MAX)
}

/// Registers the first assets and opens a live and a test tenant, each with a key, where they are
/// missing: a start that was cut short is taken up again. The first tenant is the operator's, so it
/// is the live one: a test key must never be its key.
fn prepare(
    node: &Node,
    keys: &KeyRing,
    ids: &mut Ids,
    now: UtcMillis,
) -> Result<Option<FirstKeys>, Failure> {
    for code in ASSETS {
        let asset = Asset::known(code)
            .ok_or_else(|| Failure::said(format!("{code} is not a known asset")))?;
        asset_no(node, ids, now, asset)?;
    }
    let live = first_key(node, keys, ids, now, Mode::Live)?;
    let test = first_key(node, keys, ids, now, Mode::Test)?;
    Ok(match (test, live) {
        (Some(test), Some(live)) => Some(FirstKeys { test, live }),
        (Some(test), None) => Some(FirstKeys {
            test,
            live: String::new(),
        }),
        (None, Some(live)) => Some(FirstKeys {
            test: String::new(),
            live,
        }),
        (None, None) => None,
    })
}

fn first_key(
    node: &Node,
    keys: &KeyRing,
    ids: &mut Ids,
    now: UtcMillis,
    mode: Mode,
) -> Result<Option<String>, Failure> {
    let find = move |state: &engine::State| {
        state
            .tenants
            .iter()
            .find(|tenant| tenant.mode == mode)
            .map(|tenant| tenant.id)
    };
    let tenant: TenantId = match node.query_blocking(find)? {
        Some(tenant) => tenant,
        None => open_tenant(node, ids, now, mode, None).map(|(_, id): (TenantNo, _)| id)?,
    };
    if !keys.list(tenant.0.0, None, 1)?.items.is_empty() {
        return Ok(None);
    }
    let spec = KeySpec {
        tenant: tenant.0.0,
        mode: match mode {
            Mode::Test => identity::Mode::Test,
            Mode::Live => identity::Mode::Live,
        },
        scopes: Scopes::of(&[Scope::Admin]),
        label: "first key".to_owned(),
        expires_at_ms: None,
        line: None,
        agent: None,
    };
    let key = keys.create(spec, ms(now), &mut OsRandom)?;
    Ok(Some(key.secret.expose().to_owned()))
}
