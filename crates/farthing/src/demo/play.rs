//! Plays the town's acts over some dozens of connections, and adds up what became of each.
//!
//! - All acts of one resident go over one connection, in their order: so the same seed has the same
//!   outcome, however many connections there are, and a refund never overtakes its payment.
//! - Who has too little is refused, tops up, and pays again under a new id: a denial is final.
//! - Every request to pay is told to the summary once, as paid or as refused with its code.

use super::client::{Door, Reply};
use super::screen::Screen;
use super::stage::{Hands, Person};
use crate::bootstrap::Ids;
use crate::failure::Failure;
use money::{Asset, Atoms};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use traffic::report::{Money, Report};
use traffic::summary::{LedgerFacts, Paid, Summary};
use traffic::town::{Act, Deed, SIMULATED, Seller, SellerKind, Town};

/// How many clients pay at once.
const CONNECTIONS: usize = 32;
/// Acts told and not yet counted.
const TOLD_MAX: usize = 1_024;

/// What came of the play.
pub struct Played {
    pub report: Report,
    pub refunds: Moved,
    pub top_ups: Moved,
}

/// Money moved otherwise than by paying.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    pub count: u64,
    pub amount: Money,
}

impl Moved {
    fn none(asset: Asset) -> Moved {
        Moved {
            count: 0,
            amount: Money { asset, atoms: 0 },
        }
    }

    fn add(&mut self, atoms: Atoms) {
        self.count += 1;
        self.amount.atoms += i128::from(atoms.get());
    }
}

/// What became of one request.
enum Told {
    Paid { act: usize, fee: Atoms, tax: Atoms },
    Refused { act: usize, code: String },
    Refunded { act: usize, fee: Atoms, tax: Atoms },
    ToppedUp(Atoms),
}

/// The play before it begins: all that its clients share.
struct Piece {
    town: Town,
    acts: Vec<Act>,
    sellers: Vec<String>,
    asset: Asset,
    door: Door,
}

/// Sets the stage, plays `count` acts and asks the ledger what came of it.
///
/// # Errors
/// The API refuses what must not be refused, or its answers do not add up.
pub async fn play(
    door: Door,
    town: Town,
    asset: Asset,
    count: usize,
    mut screen: Screen,
) -> Result<Played, Failure> {
    let mut hands = hands(&door, asset)?;
    screen.says("opening wallets");
    let mut sellers = Vec::new();
    for seller in town.sellers() {
        sellers.push(hands.seller(seller).await?);
    }
    let acts = town.acts().take(count).collect();
    let piece = Arc::new(Piece {
        town,
        acts,
        sellers,
        asset,
        door,
    });
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        clients.spawn(residents(piece.clone(), client));
    }
    let mut people = HashMap::new();
    while let Some(done) = clients.join_next().await {
        people.extend(done.map_err(ended)??);
    }

    screen.says("paying");
    let start = Instant::now();
    let (tell, mut told) = mpsc::channel(TOLD_MAX);
    let people = Arc::new(people);
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        clients.spawn(perform(piece.clone(), people.clone(), client, tell.clone()));
    }
    drop(tell);
    let mut count = Count::new(piece.clone(), screen);
    while let Some(told) = told.recv().await {
        count.add(told);
    }
    while let Some(done) = clients.join_next().await {
        done.map_err(ended)??;
    }
    let elapsed = start.elapsed();
    count
        .finish(
            &mut hands,
            u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        )
        .await
}

fn ended(error: tokio::task::JoinError) -> Failure {
    Failure::said(format!("a client of the town ended: {error}"))
}

fn hands(door: &Door, asset: Asset) -> Result<Hands, Failure> {
    Ok(Hands {
        client: door.client(),
        ids: Ids::from_system()?,
        asset,
    })
}

type People = HashMap<usize, Person>;

/// Puts one client's share of the residents on the stage.
async fn residents(piece: Arc<Piece>, client: usize) -> Result<People, Failure> {
    let mut hands = hands(&piece.door, piece.asset)?;
    let mut people = People::new();
    let all = piece.town.residents().iter().enumerate();
    for (at, resident) in all.filter(|(at, _)| at % CONNECTIONS == client) {
        people.insert(at, hands.resident(resident).await?);
    }
    Ok(people)
}

/// Does what one client's residents do.
async fn perform(
    piece: Arc<Piece>,
    people: Arc<People>,
    client: usize,
    tell: mpsc::Sender<Told>,
) -> Result<(), Failure> {
    let hands = hands(&piece.door, piece.asset)?;
    let mut player = Player {
        piece: piece.clone(),
        people,
        hands,
        paid: HashMap::new(),
        tell,
    };
    let mine = |(_, act): &(usize, &Act)| act.resident % CONNECTIONS == client;
    for (at, act) in piece.acts.iter().enumerate().filter(mine) {
        match act.deed {
            Deed::Refund { of } => player.refund(at, act, of).await?,
            _ => player.pay(at, act).await?,
        }
    }
    Ok(())
}

struct Player {
    piece: Arc<Piece>,
    people: Arc<People>,
    hands: Hands,
    /// The payments that may be refunded, by their act.
    paid: HashMap<u64, String>,
    tell: mpsc::Sender<Told>,
}

impl Player {
    async fn tell(&self, told: Told) {
        // Whoever counts has stopped only when the play is over.
        let _ = self.tell.send(told).await;
    }

    fn payment(&self, act: &Act) -> Value {
        let person = &self.people[&act.resident];
        let mut body = json!({
            "payer": person.wallet,
            "amount": self.hands.amount(act.atoms),
            "description": format!("{} ({SIMULATED})", act.label),
        });
        if let Some(mandate) = &person.mandate {
            body["mandate"] = json!(mandate);
        }
        match &act.deed {
            Deed::Split(shares) => {
                let share = |(seller, weight): &(usize, u64)| {
                    let wallet = &self.piece.sellers[*seller];
                    json!({ "wallet": wallet, "weight": weight })
                };
                body["payees"] = shares.iter().map(share).collect();
            }
            _ => body["payee"] = json!(self.piece.sellers[act.seller]),
        }
        body
    }

    async fn pay(&mut self, at: usize, act: &Act) -> Result<(), Failure> {
        let body = self.payment(act);
        let mut reply = self.ask("/v1/payments", &body).await?;
        if reply.code() == "insufficient_funds" && act.deed != Deed::Overspend {
            let code = reply.code().to_owned();
            self.tell(Told::Refused { act: at, code }).await;
            let top_up = self.piece.town.residents()[act.resident].top_up;
            let wallet = &self.people[&act.resident].wallet;
            self.hands.top_up(wallet, top_up).await?;
            self.tell(Told::ToppedUp(top_up)).await;
            reply = self.ask("/v1/payments", &body).await?;
        }
        if reply.status == 201 {
            if act.deed == Deed::Pay {
                self.paid.insert(act.number, reply.text("id").to_owned());
            }
            let (fee, tax) = self.within(&reply)?;
            self.tell(Told::Paid { act: at, fee, tax }).await;
        } else {
            self.refused(at, reply).await?;
        }
        Ok(())
    }

    /// What was never paid is not asked back.
    async fn refund(&mut self, at: usize, act: &Act, of: u64) -> Result<(), Failure> {
        let Some(payment) = self.paid.get(&of) else {
            return Ok(());
        };
        let path = format!("/v1/payments/{payment}/refund");
        let body = json!({
            "amount": self.hands.amount(act.atoms),
            "description": format!("{} ({SIMULATED})", act.label),
        });
        let reply = self.ask(&path, &body).await?;
        if reply.status == 201 {
            let (fee, tax) = self.within(&reply)?;
            self.tell(Told::Refunded { act: at, fee, tax }).await;
            Ok(())
        } else {
            Err(reply
                .must("a refund")
                .err()
                .unwrap_or_else(|| Failure::said("a refund waits")))
        }
    }

    async fn ask(&mut self, path: &str, body: &Value) -> Result<Reply, Failure> {
        let id = self.hands.id();
        self.hands.client.post(path, id, body).await
    }

    /// Only a denial, final for its id, is part of the play.
    async fn refused(&self, at: usize, reply: Reply) -> Result<(), Failure> {
        if matches!(reply.status, 402 | 403 | 409) && !reply.text("id").is_empty() {
            let code = reply.code().to_owned();
            self.tell(Told::Refused { act: at, code }).await;
            return Ok(());
        }
        Err(reply
            .must("a payment")
            .err()
            .unwrap_or_else(|| Failure::said("a payment waits")))
    }

    /// The fee and the tax in what was paid or given back.
    fn within(&self, reply: &Reply) -> Result<(Atoms, Atoms), Failure> {
        Ok((
            atoms(self.piece.asset, &reply.body["fee"])?,
            atoms(self.piece.asset, &reply.body["tax"])?,
        ))
    }
}

fn atoms(asset: Asset, amount: &Value) -> Result<Atoms, Failure> {
    let text = amount["amount"].as_str().unwrap_or("0");
    asset
        .parse(text)
        .map_err(|error| Failure::said(format!("the API said {text}: {error}")))
}

/// The kind of a seller, as the report names it.
fn section(seller: &Seller) -> &'static str {
    match seller.kind {
        SellerKind::Newspaper => "newspapers",
        SellerKind::Transit => "trams and bicycles",
        SellerKind::Arcade => "games",
        SellerKind::Musician => "musicians",
        SellerKind::ApiProvider => "APIs",
    }
}

/// Adds up what is told.
struct Count {
    piece: Arc<Piece>,
    screen: Screen,
    summary: Summary,
    refunds: Moved,
    top_ups: Moved,
    fees: i128,
    tax: i128,
    day_ms: i64,
}

impl Count {
    fn new(piece: Arc<Piece>, screen: Screen) -> Count {
        Count {
            summary: Summary::new(piece.asset),
            refunds: Moved::none(piece.asset),
            top_ups: Moved::none(piece.asset),
            fees: 0,
            tax: 0,
            day_ms: jiff::Timestamp::now().as_millisecond(),
            piece,
            screen,
        }
    }

    fn add(&mut self, told: Told) {
        let signed = |atoms: Atoms| i128::from(atoms.get());
        match told {
            Told::Paid { act, fee, tax } => {
                let act = &self.piece.acts[act];
                let resident = &self.piece.town.residents()[act.resident];
                let seller = &self.piece.town.sellers()[act.seller];
                self.summary.paid(Paid {
                    section: section(seller),
                    country: Some(resident.country),
                    at_ms: self.day_ms,
                    page: act.label,
                    payer: &resident.name,
                    atoms: act.atoms,
                });
                self.fees += signed(fee);
                self.tax += signed(tax);
                let amount = self.piece.asset.format(act.atoms);
                let code = self.piece.asset.code;
                self.screen.act(&format!(
                    "{} paid {amount} {code} to {} for {}",
                    resident.name, seller.name, act.label
                ));
            }
            Told::Refused { act, code } => {
                let act = &self.piece.acts[act];
                let resident = &self.piece.town.residents()[act.resident];
                self.screen
                    .act(&format!("{} was refused: {code}", resident.name));
                self.summary.refused(&code);
            }
            Told::Refunded { act, fee, tax } => {
                let act = &self.piece.acts[act];
                self.refunds.add(act.atoms);
                self.fees -= signed(fee);
                self.tax -= signed(tax);
                let seller = &self.piece.town.sellers()[act.seller];
                self.screen.act(&format!("{} gave money back", seller.name));
            }
            Told::ToppedUp(atoms) => self.top_ups.add(atoms),
        }
        let gross = i128::try_from(self.summary.gross()).unwrap_or(i128::MAX);
        self.screen.at(
            self.summary.accepted_count(),
            self.summary.refused_count(),
            self.refunds.count,
            &format!(
                "{} {}",
                self.piece.asset.format_signed(gross),
                self.piece.asset.code
            ),
        );
    }

    /// Asks the ledger, and holds its answer against what every client was told.
    async fn finish(self, hands: &mut Hands, elapsed_ms: u64) -> Result<Played, Failure> {
        self.screen.finish();
        let asset = self.piece.asset;
        let mut net = 0;
        for wallet in &self.piece.sellers {
            net += balance(hands, wallet, asset).await?;
        }
        let gross = i128::try_from(self.summary.gross()).unwrap_or(i128::MAX);
        let kept = self.fees + self.tax + net;
        if gross - self.refunds.amount.atoms != kept {
            return Err(Failure::NotRight(format!(
                "paid {} less refunds {} is not fees, tax and what sellers have: {}",
                asset.format_signed(gross),
                self.refunds.amount.decimal(),
                asset.format_signed(kept)
            )));
        }
        let trial_balance = trial_balance(hands, asset).await?;
        let facts = LedgerFacts {
            wallets: (self.piece.town.residents().len() + self.piece.sellers.len()) as u64,
            fees: self.fees,
            tax: self.tax,
            net,
            trial_balance,
            elapsed_ms,
            payments_per_second: self.summary.accepted_count() * 1000 / elapsed_ms.max(1),
        };
        let report = self.summary.report(&facts);
        Ok(Played {
            report,
            refunds: self.refunds,
            top_ups: self.top_ups,
        })
    }
}

/// What a wallet has, of all sources together, settled or not.
async fn balance(hands: &mut Hands, wallet: &str, asset: Asset) -> Result<i128, Failure> {
    let path = format!("/v1/wallets/{wallet}");
    let body = hands.client.get(&path).await?.must(&path)?;
    let of_asset = |line: &&Value| line["asset"] == asset.code.as_str();
    let line = body["balances"]
        .as_array()
        .and_then(|lines| lines.iter().find(of_asset));
    line.map_or(Ok(0), |line| signed(asset, &line["balance"]))
}

/// The sum of all accounts of each asset.
async fn trial_balance(hands: &mut Hands, asset: Asset) -> Result<Vec<(Asset, i128)>, Failure> {
    let path = "/v1/ledger/trial-balance";
    let body = hands.client.get(path).await?.must(path)?;
    let lines = body["assets"].as_array().cloned().unwrap_or_default();
    let of_asset = |line: &&Value| line["asset"] == asset.code.as_str();
    let sum = |line: &Value| Ok((asset, signed(asset, &line["sum"])?));
    lines.iter().filter(of_asset).map(sum).collect()
}

/// A decimal that may be negative.
fn signed(asset: Asset, decimal: &Value) -> Result<i128, Failure> {
    let text = decimal.as_str().unwrap_or_default();
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or((1, text), |digits| (-1, digits));
    let atoms = asset.parse(digits);
    let atoms = atoms.map_err(|error| Failure::said(format!("the API said {text:?}: {error}")))?;
    Ok(sign * i128::from(atoms.get()))
}
