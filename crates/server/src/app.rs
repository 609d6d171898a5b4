//! What every handler has: the node, the store, the keys, and what is remembered of them.

use crate::briefs::{Desk, FeedSettings};
use crate::law::laws;
use crate::metrics::Metrics;
use crate::papers::Shelf;
use crate::problem::{Outcome, Problem};
use crate::rate::Limiter;
use crate::simulation::Simulations;
use crate::texts;
use engine::ids::TenantId;
use engine::records::{Mode, TenantNo};
use engine::{Id, State};
use identity::KeyRing;
use ledger::AssetNo;
use money::{Asset, AssetCode};
use node::Node;
use std::any::Any;
use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::Store;
use tokio::sync::Semaphore;

/// How the server is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The largest body, bytes; a batch of payments is not one.
    pub body_bytes_max: usize,
    /// Requests a second for each key, on average.
    pub requests_per_second: u32,
    /// Requests at once for each key.
    pub requests_burst: u32,
    /// Connections at once; more wait to be taken.
    pub connections_max: usize,
    /// A connection is closed when the head of its next request has not come after so many seconds.
    pub header_seconds_max: u64,
    /// Whether `/metrics` answers without a key, for a listener that only the operator reaches.
    pub metrics_open: bool,
    /// Exports of the ledger at a time.
    pub exports_max: usize,
    /// How long an export waits for its reader to take more.
    pub export_wait: Duration,
    /// Requests with many usage events at a time, each of up to [`crate::v1::usage::BYTES_MAX`].
    pub usage_max: usize,
    /// How long usage may take to come in whole.
    pub usage_wait: Duration,
    /// Which supervisors' feeds are read into the review list.
    pub feeds: FeedSettings,
    /// A font for PDFs in languages that those which come along cannot write.
    pub font: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            body_bytes_max: 1024 * 1024,
            requests_per_second: 100_000,
            requests_burst: 200_000,
            connections_max: 8_192,
            header_seconds_max: 60,
            metrics_open: false,
            exports_max: 4,
            export_wait: Duration::from_secs(30),
            usage_max: 64,
            usage_wait: Duration::from_secs(60),
            feeds: FeedSettings::default(),
            font: None,
        }
    }
}

/// The server's parts, shared.
#[derive(Clone)]
pub struct App(Arc<Parts>);

type Blocking = Box<dyn FnOnce(&App) -> Box<dyn Any + Send> + Send>;

/// See [`App`].
pub struct Parts {
    /// The one writer.
    pub node: Node,
    /// Text about things, keys, access log.
    pub store: Arc<Store>,
    /// Who calls.
    pub keys: Arc<KeyRing>,
    /// How it is run.
    pub config: Config,
    pub(crate) texts: texts::Writer,
    pub(crate) limiter: Limiter,
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) usage: Arc<Semaphore>,
    pub(crate) desk: Desk,
    pub(crate) fonts: Shelf,
    pub(crate) simulations: Simulations,
    pub(crate) metrics: Metrics,
    pub(crate) laws: laws::Cache,
    tenants: RwLock<HashMap<u128, (TenantNo, Mode)>>,
    assets: RwLock<Arc<Assets>>,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The shard's assets by number; they only grow.
#[derive(Clone, Debug, Default)]
pub struct Assets(pub Vec<Asset>);

impl Assets {
    /// The asset of a number.
    pub fn get(&self, no: AssetNo) -> Option<&Asset> {
        self.0.get(usize::from(no.0))
    }

    fn find(&self, code: AssetCode) -> Option<(AssetNo, Asset)> {
        let no = self.0.iter().position(|asset| asset.code == code)?;
        Some((AssetNo(u16::try_from(no).ok()?), self.0[no]))
    }
}

impl App {
    /// Must be called in a tokio runtime: text is written to the store by a task of it.
    #[must_use]
    pub fn new(node: Node, store: Arc<Store>, keys: Arc<KeyRing>, config: Config) -> App {
        let texts = texts::Writer::start(Arc::clone(&store), node.clone());
        let limiter = Limiter::new(config.requests_per_second, config.requests_burst);
        let exports = Arc::new(Semaphore::new(config.exports_max));
        let usage = Arc::new(Semaphore::new(config.usage_max));
        let desk = Desk::new(&config.feeds);
        let fonts = Shelf::new(config.font.clone());
        App(Arc::new(Parts {
            node,
            store,
            keys,
            config,
            texts,
            limiter,
            exports,
            usage,
            desk,
            fonts,
            simulations: Simulations::default(),
            metrics: Metrics::default(),
            laws: laws::Cache::default(),
            tenants: RwLock::default(),
            assets: RwLock::default(),
        }))
    }

    /// Milliseconds since 1970, signed as the store has them.
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.node.now().0).unwrap_or(i64::MAX)
    }

    /// Reads the state when everything before is durable.
    ///
    /// # Errors
    /// The node is busy or has stopped.
    pub async fn query<R: Send + 'static>(
        &self,
        read: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Outcome<R> {
        Ok(self.node.query(read).await?)
    }

    /// Runs what blocks where it may.
    ///
    /// # Errors
    /// It panicked.
    pub async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> R + Send + 'static,
    ) -> Outcome<R> {
        let done = self.blocking_any(Box::new(move |app| Box::new(work(app))));
        let done = done.await?.downcast();
        done.map(|done| *done)
            .map_err(|_| Problem::internal(&"an answer of another type"))
    }

    /// [`Self::blocking`] for work of any type, so that a task is built once and not for each.
    async fn blocking_any(&self, work: Blocking) -> Outcome<Box<dyn Any + Send>> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.map_err(|error| Problem::internal(&error))
    }

    /// The number of a key's tenant, and whether its money is real.
    ///
    /// # Errors
    /// The node is busy or has stopped; the tenant was never opened.
    pub async fn tenant(&self, tenant: u128) -> Outcome<(TenantNo, Mode)> {
        let known = self
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tenant)
            .copied();
        if let Some(no) = known {
            return Ok(no);
        }
        let id = TenantId(Id(tenant));
        let found = self.query(move |state| {
            let no = state.tenant_no(id)?;
            Some((no, state.tenant(no)?.mode))
        });
        let no = found
            .await?
            .ok_or_else(|| Problem::not_found("tenant", "the key's tenant was never opened"))?;
        self.tenants
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant, no);
        Ok(no)
    }

    /// The assets as far as they are known here.
    pub fn assets(&self) -> Arc<Assets> {
        Arc::clone(&self.assets.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All assets as they are now.
    ///
    /// # Errors
    /// The node is busy or has stopped.
    pub async fn assets_now(&self) -> Outcome<Arc<Assets>> {
        let assets = Arc::new(Assets(self.query(|state| state.assets.clone()).await?));
        let mut known = self.assets.write().unwrap_or_else(PoisonError::into_inner);
        if assets.0.len() >= known.0.len() {
            *known = Arc::clone(&assets);
        }
        Ok(assets)
    }

    /// The asset of a number. What the answer to a command will show is asked for before it is
    /// submitted: after it, nothing may stand in the answer's way.
    ///
    /// # Errors
    /// The node is busy or has stopped; there is no such asset here.
    pub async fn asset_of(&self, no: AssetNo) -> Outcome<Asset> {
        if let Some(asset) = self.assets().get(no) {
            return Ok(*asset);
        }
        let assets = self.assets_now().await?;
        let asset = assets.get(no).copied();
        asset.ok_or_else(|| Problem::internal(&"an unknown asset"))
    }

    /// The number and record of an asset; `field` names where the code stood.
    ///
    /// # Errors
    /// There is no such asset here.
    pub async fn asset(&self, code: AssetCode, field: &str) -> Outcome<(AssetNo, Asset)> {
        if let Some(found) = self.assets().find(code) {
            return Ok(found);
        }
        let found = self.assets_now().await?.find(code);
        found.ok_or_else(|| {
            Problem::not_found(field, format!("the asset {code} is not registered here"))
        })
    }
}
