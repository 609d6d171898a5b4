//! Simulations of a draft law over the journal: what is asked, the run beside the node, and what
//! came of it in words that go out. The command and the API share all of it.
//!
//! A run reads the journal and folds it into a State of its own. It writes nothing and asks the node
//! nothing, so payments go on; what came of it stays in memory until the server stops.

mod view;

pub use view::{Outcome, Sum};

pub use crate::v1::laws::settings::Settings;

use crate::types::ids::SimulationId;
use engine::law::{LawSettings, NewLaw};
use engine::simulate::{Asked, Simulated, Simulation};
use engine::time::Zone;
use engine::{State, UtcMillis};
use ledger::AssetNo;
use money::{Asset, AssetCode};
use node::{NodeError, Reader};
use policy::Pack;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Simulations that run at a time; each holds a State of its own.
const RUNNING_MAX: usize = 2;
/// Simulations whose outcome is kept.
const KEPT_MAX: usize = 32;

/// What a draft says of the operator, and the asset that its pilot is limited in. Nothing of a shard is
/// known yet: assets are named by what all shards know of them.
///
/// # Errors
/// Where, and what is wrong.
pub fn settings(given: &Settings) -> Result<(LawSettings, Option<Asset>), (String, String)> {
    let unnumbered = AssetNo(u16::MAX);
    let known = |code: AssetCode| Some((unnumbered, Asset::known(code.as_str())?));
    let settings = given.compile_with("settings", known);
    let settings = settings.map_err(|problem| {
        let field = problem.field.clone().unwrap_or_default();
        (field, problem.detail)
    })?;
    let volume = given.pilot.as_ref().and_then(|p| p.volume_max.as_ref());
    let asset = volume.and_then(|most| Asset::known(most.asset.0.as_str()));
    Ok((settings, asset))
}

/// A draft law out of its packs' texts, each with the name it is told by: read, reviewed, with its
/// zones.
///
/// # Errors
/// Which text, and what is wrong in it.
pub fn draft(
    packs: Vec<(String, String)>,
    removed: Vec<String>,
    settings: Option<LawSettings>,
) -> Result<NewLaw, (usize, String)> {
    let mut law = NewLaw {
        removed,
        settings,
        ..NewLaw::default()
    };
    for (at, (told, text)) in packs.into_iter().enumerate() {
        let pack = Pack::parse(&told, &text).map_err(|error| (at, error.to_string()))?;
        let found = policy::review(&pack);
        let wrong = found.iter().find(|one| one.level == policy::Level::Error);
        if let Some(wrong) = wrong {
            let words = format!("{told}:{}: {}: {}", wrong.line, wrong.rule, wrong.words);
            return Err((at, words));
        }
        for territory in &pack.territories {
            let name = &territory.zone;
            if law.zones.iter().all(|zone: &Zone| zone.name != *name) {
                let zone = crate::v1::terms::zone(name);
                let zone = zone.map_err(|_| (at, format!("{told}: \"{name}\" is no time zone")))?;
                // The rules name it as the pack does.
                law.zones.push(Zone {
                    name: name.clone(),
                    ..zone
                });
            }
        }
        law.packs.push(text.into());
    }
    Ok(law)
}

/// Why a simulation came to nothing.
#[derive(Debug)]
pub enum Failed {
    /// The draft does not go together with a law that was in force.
    Draft(String),
    /// The journal could not be read.
    Journal(NodeError),
    /// It was told to stop.
    Stopped,
}

/// Runs history against a draft. `progress` is told the rows read and the decisions compared, and
/// says whether to go on.
///
/// # Errors
/// [`Failed`].
pub fn run(
    reader: &mut (dyn Reader + Send),
    asked: Asked,
    mut progress: impl FnMut(u64, u64) -> bool,
) -> Result<(Simulated, Vec<Asset>), Failed> {
    let until = asked.until;
    let wrong = |error: policy::PolicyError| Failed::Draft(error.to_string());
    let simulation = RefCell::new(Simulation::new(asked).map_err(wrong)?);
    let (past, mut stopped) = (Cell::new(false), false);
    let look = |before: &State, event: &engine::Event| {
        past.set(event.at >= until);
        simulation.borrow_mut().event(before, event);
    };
    let on_row = |seq| {
        stopped = !progress(seq, simulation.borrow().compared());
        if stopped || past.get() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let state = node::look_back(reader, look, on_row).map_err(Failed::Journal)?;
    if stopped {
        return Err(Failed::Stopped);
    }
    let simulated = simulation.into_inner().finish().map_err(wrong)?;
    Ok((simulated, state.assets))
}

/// The simulations of this server.
#[derive(Default)]
pub(crate) struct Simulations(Mutex<BTreeMap<SimulationId, Arc<Entry>>>);

/// One of them.
pub(crate) struct Entry {
    pub tenant: u128,
    pub created: UtcMillis,
    /// Rows of the journal there were when it began.
    pub rows: u64,
    pub rows_done: AtomicU64,
    pub compared: AtomicU64,
    pub stop: AtomicBool,
    pub outcome: OnceLock<Result<Outcome, String>>,
}

/// Why none was begun.
pub(crate) enum NotBegun {
    Busy,
    /// The id is another's, or known here.
    Known(Arc<Entry>),
}

impl Simulations {
    /// Makes room for one and writes it down.
    pub fn begin(
        &self,
        id: SimulationId,
        tenant: u128,
        created: UtcMillis,
        rows: u64,
    ) -> Result<Arc<Entry>, NotBegun> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&id) {
            return Err(NotBegun::Known(Arc::clone(known)));
        }
        let runs = |entry: &Arc<Entry>| entry.outcome.get().is_none();
        if all.values().filter(|entry| runs(entry)).count() >= RUNNING_MAX {
            return Err(NotBegun::Busy);
        }
        if all.len() >= KEPT_MAX {
            let done = all.iter().filter(|(_, entry)| !runs(entry));
            let oldest = done.min_by_key(|(_, entry)| entry.created);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                all.remove(&oldest);
            }
        }
        let entry = Arc::new(Entry {
            tenant,
            created,
            rows,
            rows_done: AtomicU64::new(0),
            compared: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            outcome: OnceLock::new(),
        });
        all.insert(id, Arc::clone(&entry));
        Ok(entry)
    }

    /// One of a tenant's.
    pub fn get(&self, id: SimulationId, tenant: u128) -> Option<Arc<Entry>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&id)
            .filter(|entry| entry.tenant == tenant)
            .map(Arc::clone)
    }
}

impl Entry {
    /// Runs it to its end; blocking.
    pub fn run(&self, reader: &mut (dyn Reader + Send), asked: Asked) {
        let came = run(reader, asked, |rows, compared| {
            self.rows_done.store(rows, Ordering::Relaxed);
            self.compared.store(compared, Ordering::Relaxed);
            !self.stop.load(Ordering::Relaxed)
        });
        let outcome = match came {
            Ok((simulated, assets)) => Ok(Outcome::of(&simulated, &assets)),
            Err(Failed::Draft(words)) => Err(words),
            Err(Failed::Stopped) => Err("it was stopped".to_owned()),
            Err(Failed::Journal(error)) => {
                tracing::error!(%error, "simulation");
                Err("the journal could not be read".to_owned())
            }
        };
        // Written once: by this run.
        let _ = self.outcome.set(outcome);
    }
}
