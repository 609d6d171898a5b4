//! What a fresh journal needs before the first payment: the shard's settings, assets, a tenant with
//! its terms.

use crate::failure::Failure;
use engine::command::{Command, Op};
use engine::ids::{ActorId, TenantId};
use engine::recents::Window;
use engine::records::{Mode, TenantNo};
use engine::terms::Terms;
use engine::{Id, UtcMillis};
use ledger::AssetNo;
use money::Asset;
use node::{Answer, Node};

/// Makes ids: the time they are made at and 74 random bits, seeded or from the system.
pub struct Ids(u64);

impl Ids {
    /// Ids that nobody can guess.
    pub fn from_system() -> Result<Ids, Failure> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed)
            .map_err(|error| Failure::said(format!("no random bytes from the system: {error}")))?;
        Ok(Ids(u64::from_le_bytes(seed)))
    }

    /// The same ids each time, for runs that are to be repeated.
    pub fn seeded(seed: u64) -> Ids {
        Ids(seed)
    }

    fn next(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An id of this time.
    pub fn at(&mut self, time: UtcMillis) -> Id {
        let random = (u128::from(self.next()) << 64) | u128::from(self.next());
        Id::timed(time.0, random)
    }
}

/// A command of a tenant, by no key.
pub fn command(tenant: TenantNo, id: Id, op: Op) -> Command {
    Command {
        id,
        tenant,
        actor: ActorId(Id::NONE),
        op,
        besides: None,
    }
}

/// Submits a command that must succeed.
pub fn must(node: &Node, command: Command) -> Result<Answer, Failure> {
    let what = format!("{:?}", command.op);
    let what: String = what.chars().take_while(|c| c.is_alphanumeric()).collect();
    match node.submit_blocking(command)? {
        Answer::Rejected(rejection) => Err(Failure::said(format!(
            "{what} was rejected: {} {}",
            rejection.field,
            rejection.code.help()
        ))),
        answer => match &answer {
            Answer::Done { event, .. } | Answer::Known { event, .. } if event.kind.is_refusal() => {
                let code = event.refusal().map_or("", |refused| refused.code.help());
                Err(Failure::said(format!("{what} was refused: {code}")))
            }
            _ => Ok(answer),
        },
    }
}

/// Opens the shard if it is fresh. Settings differing from the journaled ones are journaled anew.
pub fn open_shard(
    node: &Node,
    ids: &mut Ids,
    now: UtcMillis,
    window: Window,
) -> Result<(), Failure> {
    let current = node.query_blocking(|state| state.opened.then(|| state.recents.window()))?;
    if current != Some(window) {
        must(
            node,
            command(TenantNo(0), ids.at(now), Op::SetShard { window }),
        )?;
    }
    Ok(())
}

/// The number of an asset, registered if it is new.
pub fn asset_no(
    node: &Node,
    ids: &mut Ids,
    now: UtcMillis,
    asset: Asset,
) -> Result<AssetNo, Failure> {
    let find = move |state: &engine::State| state.asset(asset.code);
    if let Some((no, known)) = node.query_blocking(find)? {
        return if known == asset {
            Ok(no)
        } else {
            Err(Failure::said(format!(
                "{} is registered with another scale",
                asset.code
            )))
        };
    }
    must(
        node,
        command(TenantNo(0), ids.at(now), Op::RegisterAsset { asset }),
    )?;
    let (no, _) = node
        .query_blocking(find)?
        .ok_or_else(|| Failure::said(format!("{} could not be registered", asset.code)))?;
    Ok(no)
}

/// Opens a tenant with its terms; returns its number.
pub fn open_tenant(
    node: &Node,
    ids: &mut Ids,
    now: UtcMillis,
    mode: Mode,
    terms: Option<Terms>,
) -> Result<(TenantNo, TenantId), Failure> {
    let tenant = TenantId(ids.at(now));
    must(
        node,
        command(TenantNo(0), ids.at(now), Op::OpenTenant { tenant, mode }),
    )?;
    let no = node
        .query_blocking(move |state| state.tenant_no(tenant))?
        .ok_or_else(|| Failure::said("the tenant could not be opened"))?;
    if let Some(terms) = terms {
        must(
            node,
            command(
                no,
                ids.at(now),
                Op::SetTerms {
                    terms: Box::new(terms),
                },
            ),
        )?;
    }
    Ok((no, tenant))
}
