//! Sets the stage: registers the town's people, opens their wallets, tops them up, and gives each
//! agent a mandate of the person it belongs to.

use super::client::{Client, Door};
use crate::bootstrap::Ids;
use crate::failure::Failure;
use engine::{Id, UtcMillis};
use money::{Asset, Atoms};
use serde_json::{Value, json};
use traffic::town::{Resident, ResidentKind, Seller};

/// An agent may spend this much at once: ten-thousandths of a unit.
const MANDATE_PER_PAYMENT: u64 = 500;
const MANDATE_DAYS: i64 = 30;
const FEE_SHARE: &str = "0.02";
/// Of the residents' countries, some; as on the day this was written, for the look of it.
const TAX: [(&str, &str); 4] = [("DE", "0.19"), ("ES", "0.21"), ("FR", "0.2"), ("GB", "0.2")];

/// A resident on the stage.
#[derive(Clone)]
pub struct Person {
    pub wallet: String,
    /// Under which mandate the wallet's agent pays.
    pub mandate: Option<String>,
}

/// One client's hands: its connection and its ids.
pub struct Hands {
    pub client: Client,
    pub ids: Ids,
    pub asset: Asset,
}

impl Hands {
    /// A fresh id, of now.
    pub fn id(&mut self) -> Id {
        let now = jiff::Timestamp::now().as_millisecond();
        self.ids.at(UtcMillis(u64::try_from(now).unwrap_or(0)))
    }

    /// Atoms on the wire.
    pub fn amount(&self, atoms: Atoms) -> Value {
        json!({ "amount": self.asset.format(atoms), "asset": self.asset.code.as_str() })
    }

    async fn make(&mut self, path: &str, body: Value) -> Result<String, Failure> {
        let id = self.id();
        let made = self.client.post(path, id, &body).await?.must(path)?;
        match made["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(Failure::said(format!("{path}: the answer has no id"))),
        }
    }

    async fn wallet_of(&mut self, party: &str) -> Result<String, Failure> {
        self.make("/v1/wallets", json!({ "party": party })).await
    }

    /// A seller's wallet.
    pub async fn seller(&mut self, seller: &Seller) -> Result<String, Failure> {
        let party = json!({
            "kind": "business",
            "country": seller.country.code(),
            "tier": 4,
            "name": seller.name,
        });
        let party = self.make("/v1/parties", party).await?;
        self.wallet_of(&party).await
    }

    /// A resident with a wallet that has money in it.
    pub async fn resident(&mut self, resident: &Resident) -> Result<Person, Failure> {
        let country = resident.country.code();
        let person = match resident.kind {
            ResidentKind::Agent => format!("{}: its owner", resident.name),
            _ => resident.name.clone(),
        };
        let party = json!({ "kind": "person", "country": country, "tier": 1, "name": person });
        let party = self.make("/v1/parties", party).await?;
        let wallet = self.wallet_of(&party).await?;
        self.top_up(&wallet, resident.top_up).await?;
        let mandate = match resident.kind {
            ResidentKind::Agent => {
                let agent = json!({ "kind": "agent", "country": country, "tier": 0, "name": resident.name });
                let agent = self.make("/v1/parties", agent).await?;
                Some(self.mandate(&wallet, &agent, resident.top_up).await?)
            }
            _ => None,
        };
        Ok(Person { wallet, mandate })
    }

    async fn mandate(&mut self, payer: &str, agent: &str, day: Atoms) -> Result<String, Failure> {
        let grain = self.asset.scale.atoms_per_unit() / 10_000;
        let expires = jiff::Timestamp::now().as_second() + MANDATE_DAYS * 86_400;
        let expires = jiff::Timestamp::from_second(expires)
            .map_err(|error| Failure::said(format!("the clock is far from now: {error}")))?;
        let body = json!({
            "payer": payer,
            "agent": agent,
            "asset": self.asset.code.as_str(),
            "per_payment": self.asset.format(Atoms(MANDATE_PER_PAYMENT * grain)),
            "per_day": self.asset.format(day),
            "expires_at": expires.to_string(),
        });
        self.make("/v1/mandates", body).await
    }

    /// Money in, from a card that is as simulated as its owner.
    pub async fn top_up(&mut self, wallet: &str, atoms: Atoms) -> Result<(), Failure> {
        let amount = self.amount(atoms);
        let body =
            json!({ "wallet": wallet, "amount": amount, "source": "card", "spendable": true });
        self.make("/v1/topups", body).await.map(drop)
    }
}

/// Puts the town's terms in force: what the platform keeps of a payment, and the tax in it.
///
/// # Errors
/// The API refuses them.
pub async fn set_terms(door: &Door, asset: Asset) -> Result<(), Failure> {
    let mut hands = Hands {
        client: door.client(),
        ids: Ids::from_system()?,
        asset,
    };
    let tax: Vec<Value> = TAX
        .iter()
        .map(|(country, rate)| json!({ "country": country, "rate": rate }))
        .collect();
    let body = json!({ "fee": { "share": FEE_SHARE }, "tax": tax });
    let id = hands.id();
    hands
        .client
        .put("/v1/terms", id, &body)
        .await?
        .must("the town's terms")
        .map(drop)
}
