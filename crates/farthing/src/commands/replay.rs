//! `farthing replay`: an access log, priced and paid on a real ledger, and what it would have earned.
//!
//! Every line of the log ends up in exactly one count: accepted, refused, free or unreadable.
//! Payments are made in the log's order and at the log's times.

use crate::bootstrap::{Ids, asset_no, command, open_shard, open_tenant};
use crate::failure::Failure;
use crate::progress::Progress;
use clap::Parser;
use engine::command::{Op, Spend};
use engine::ids::{MandateId, PartyId, WalletId};
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, TenantNo};
use engine::taxes::{Facts, Profile, TaxSettings};
use engine::terms::{Country, Terms, Tier};
use engine::{Command, Id, UtcMillis};
use journal::sqlite::SqliteReader;
use ledger::{AccountClass, AssetNo, Source};
use money::{Asset, Atoms, Ppm};
use node::{Brief, Node, NodeOptions};
use server::taxes::Wanted;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use store::Store;
use tax::evidence::Item;
use tax::supply::{Checked, Part, Pricing, Registration, Scheme};
use tax::{Evidence, Supplier};
use traffic::log::{LogReader, Request};
use traffic::prices::{PriceList, Quote};
use traffic::summary::{LedgerFacts, Paid, Summary};
use traffic::visitors::Visitors;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing replay --log access.log --prices samples/prices.toml
  farthing replay --log access.log.gz --visitors visitors.csv --prices prices.toml --json
  farthing replay --log access.log --prices prices.toml --data ledger   keep it, then
  farthing verify --data ledger
  farthing replay --log access.log --visitors visitors.csv --prices prices.toml \
    --start 2026-01-01T00:00:00Z --tax IE --registered CH,JP

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong.";

/// Price and pay a real site's traffic
///
/// Makes a wallet for each visitor, tops it up, prices every request and pays the site's owner
/// through the node, in the log's order and at the log's times. Lines that cannot be read are
/// counted and named, never fatal.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The access log, in Combined Log Format, plain or gzip
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// CSV of `ip,country` for the visitors
    #[arg(long, value_name = "FILE")]
    pub visitors: Option<PathBuf>,
    /// What each path costs (see samples/prices.toml)
    #[arg(long, value_name = "FILE")]
    pub prices: PathBuf,
    /// The asset to pay in; the prices file's if it names one
    #[arg(long, value_name = "CODE")]
    pub asset: Option<String>,
    /// Shift the log so that it starts then, e.g. 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub start: Option<jiff::Timestamp>,
    /// What each visitor's wallet is topped up with
    #[arg(long, value_name = "AMOUNT", default_value = "5.00")]
    pub top_up: String,
    /// The platform's fee, in parts per million of each payment
    #[arg(long, value_name = "PPM", default_value_t = 20_000)]
    pub fee_ppm: u32,
    /// Put the tax rules of this version into force; the site is established in this country and
    /// registered in the Union's one-stop shop there, if that is a member state
    #[arg(long, value_name = "CC")]
    pub tax: Option<tax::Country>,
    /// A further registration of the site's: CH, oss_non_union:IE, …
    #[arg(
        long,
        value_name = "REGISTRATION",
        value_delimiter = ',',
        requires = "tax"
    )]
    pub registered: Vec<server::taxes::Registered>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub json: bool,
    /// Keep the ledger here (an empty or new folder); without it, it is thrown away
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let prices = std::fs::read(&args.prices).map_err(|e| Failure::file(&args.prices, &e))?;
    let prices = PriceList::parse_bytes(&prices, args.asset.as_deref())?;
    let visitors = match &args.visitors {
        Some(path) => Visitors::read(open(path)?)?,
        None => Visitors::parse(b"ip,country\n")?,
    };
    for notice in visitors.notices() {
        eprintln!("visitors line {}: {}", notice.line, notice.problem);
    }
    let fee =
        Ppm::new(args.fee_ppm).map_err(|error| Failure::said(format!("--fee-ppm: {error}")))?;
    let asset = *prices.asset();
    let top_up = asset
        .parse(&args.top_up)
        .map_err(|error| Failure::said(format!("--top-up: {error}")))?;

    let temporary;
    let dir = match &args.data {
        Some(dir) => {
            if dir.join("journal.db").exists() {
                return Err(Failure::said(format!(
                    "{} already has a journal; name a new folder",
                    dir.display()
                )));
            }
            dir.as_path()
        }
        None => {
            temporary = tempfile::tempdir()
                .map_err(|e| Failure::said(format!("no temporary folder: {e}")))?;
            temporary.path()
        }
    };
    let node = Node::open(dir, NodeOptions::default())?;
    // A folder that is served later has a store and keys beside its journal.
    Store::open(dir, jiff::Timestamp::now().as_millisecond())?;
    let log = open(&args.log)?;
    let shift = Shift {
        start: args.start,
        by: None,
    };
    let replayed = Site::open(&node, shift, asset, fee, top_up, site_tax(&args)?)
        .and_then(|mut site| site.replay(log, &prices, &visitors, args.json));
    // What is acknowledged is durable either way; stop cleanly before saying how it went.
    node.shutdown();
    let report = replayed?;
    let owed = args.tax.map(|_| owed(dir)).transpose()?;
    if args.json {
        let mut report = serde_json::to_value(&report)
            .map_err(|error| Failure::said(format!("the summary could not be written: {error}")))?;
        if let Some(owed) = &owed {
            report["tax_return"] = serde_json::to_value(owed).unwrap_or_default();
        }
        let json = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::said(format!("the summary could not be written: {error}")))?;
        outln!("{json}");
    } else {
        out!("{}", report.text());
        if let Some(owed) = &owed {
            out!("\n{}", server::taxes::as_text(owed));
        }
        if let Some(dir) = &args.data {
            outln!(
                "\nThe ledger is in {}; `farthing verify --data` checks it.",
                dir.display()
            );
        }
    }
    Ok(())
}

/// What the site's tax would be, and the operator's: one and the same fictitious business.
fn site_tax(args: &Args) -> Result<Option<SiteTax>, Failure> {
    let Some(home) = args.tax else {
        return Ok(None);
    };
    let rules = tax::rates::built_in().map_err(|error| Failure::said(error.to_string()))?;
    let of = |scheme, country| Registration {
        scheme,
        country,
        from: tax::Date::MIN,
        until: tax::Date::MAX,
    };
    let mut registrations = Vec::new();
    if rules
        .members
        .iter()
        .any(|m| m.country == home && m.until == tax::Date::MAX)
    {
        registrations.push(of(Scheme::OssUnion, home));
    }
    for registered in &args.registered {
        let scheme = match registered.scheme.as_str() {
            "oss_union" => Scheme::OssUnion,
            "oss_non_union" => Scheme::OssNonUnion,
            "ioss" => Scheme::Ioss,
            _ => Scheme::National,
        };
        registrations.push(of(scheme, registered.country));
    }
    let supplier = Supplier {
        registrations,
        ..Supplier::of(home)
    };
    Ok(Some(SiteTax {
        rules: Arc::new(rules),
        supplier,
    }))
}

/// The return of everything that was replayed.
fn owed(dir: &Path) -> Result<server::taxes::Return, Failure> {
    let mut reader = SqliteReader::open(&dir.join("journal.db"), 0)?;
    let wanted = Wanted {
        tenant: TenantNo(0),
        days: tax::Date::MIN..tax::Date::MAX,
        registration: None,
        payments: false,
    };
    Ok(server::taxes::returns(&mut reader, &wanted, |_| ())?)
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::file(path, &error))
}

/// Moves the log's times so that the first line falls on `start`. A server writes a line when it has
/// answered, so a few that are later in the log are earlier: they fall on `start` too.
struct Shift {
    start: Option<jiff::Timestamp>,
    by: Option<i64>,
}

impl Shift {
    fn apply(&mut self, at_ms: i64) -> UtcMillis {
        let start = self.start;
        let by = *self
            .by
            .get_or_insert_with(|| start.map_or(0, |start| start.as_millisecond() - at_ms));
        let at_ms = at_ms.saturating_add(by);
        let at_ms = start.map_or(at_ms, |start| at_ms.max(start.as_millisecond()));
        UtcMillis(u64::try_from(at_ms).unwrap_or(0))
    }
}

/// How many payments are in flight at most.
const IN_FLIGHT_MAX: usize = 4_096;

/// A payment under way, to be told to the summary when it is durable.
struct UnderWay {
    section: String,
    page: String,
    ip: String,
    at: UtcMillis,
    atoms: Atoms,
}

/// A site's tax.
struct SiteTax {
    rules: Arc<tax::Rules>,
    supplier: Supplier,
}

/// The site being replayed: its owner, its visitors' wallets, the time reached.
struct Site<'n> {
    node: &'n Node,
    shift: Shift,
    ids: Ids,
    asset: Asset,
    fee: Ppm,
    top_up: Atoms,
    tax: Option<SiteTax>,
    now: UtcMillis,
    opened: Option<(TenantNo, AssetNo, WalletId)>,
    wallets: HashMap<String, WalletId>,
}

impl<'n> Site<'n> {
    fn open(
        node: &'n Node,
        shift: Shift,
        asset: Asset,
        fee: Ppm,
        top_up: Atoms,
        tax: Option<SiteTax>,
    ) -> Result<Self, Failure> {
        Ok(Site {
            node,
            shift,
            ids: Ids::seeded(1),
            asset,
            fee,
            top_up,
            tax,
            now: UtcMillis(0),
            opened: None,
            wallets: HashMap::new(),
        })
    }

    /// The time of the first line opens the books.
    fn opened(&mut self, at: UtcMillis) -> Result<(TenantNo, AssetNo, WalletId), Failure> {
        if let Some(opened) = self.opened {
            return Ok(opened);
        }
        self.node.set_time(at)?;
        self.now = at;
        open_shard(self.node, &mut self.ids, at, Window::default())?;
        let asset = asset_no(self.node, &mut self.ids, at, self.asset)?;
        let terms = Terms {
            fee_share: self.fee,
            ..Terms::default()
        };
        let (tenant, _) = open_tenant(self.node, &mut self.ids, at, Mode::Test, Some(terms))?;
        let home = self
            .tax
            .as_ref()
            .map(|tax| Country(tax.supplier.country.code()));
        let home = home.unwrap_or(Country::UNKNOWN);
        let owner = self.party(tenant, PartyKind::Business, home, None)?;
        if let Some(tax) = self.tax.take() {
            self.levy(tenant, owner, tax)?;
        }
        self.opened = Some((tenant, asset, owner));
        Ok((tenant, asset, owner))
    }

    /// Puts the tax rules into force, for an operator and a site that are one business.
    fn levy(&mut self, tenant: TenantNo, owner: WalletId, tax: SiteTax) -> Result<(), Failure> {
        let home = tax.supplier.country;
        let party = self.node.query_blocking(move |state| {
            let wallet = state.wallet_no(tenant, owner)?;
            Some(state.party_id(state.wallet(wallet).party))
        })?;
        let party = party.ok_or_else(|| Failure::said("the site has no wallet"))?;
        let settings = TaxSettings {
            operator: Supplier::of(home),
            part: Part {
                payment_only: true,
                ..Part::default()
            },
            pricing: Pricing::Inclusive,
            format_is_enough: false,
        };
        let profile = Profile {
            supplier: Some(tax.supplier),
            buyer: Some((home, Checked::Confirmed)),
        };
        let ops = [
            Op::SetTax {
                rules: Some(tax.rules),
                settings: Some(Box::new(settings)),
            },
            Op::SetTaxpayer {
                party,
                profile: Box::new(profile),
            },
        ];
        let commands = ops.map(|op| command(tenant, self.ids.at(self.now), op));
        for brief in self.node.submit_brief(commands.into())? {
            let Brief::Done { code: None, .. } = brief else {
                let words = format!("the tax rules could not be set: {brief:?}");
                return Err(Failure::said(words));
            };
        }
        Ok(())
    }

    /// Registers a party with a wallet, topped up if it is a visitor's.
    fn party(
        &mut self,
        tenant: TenantNo,
        kind: PartyKind,
        country: Country,
        top_up: Option<Op>,
    ) -> Result<WalletId, Failure> {
        let (party, wallet) = (
            PartyId(self.ids.at(self.now)),
            WalletId(self.ids.at(self.now)),
        );
        let register = Op::RegisterParty {
            party,
            kind,
            country,
            tier: Tier(0),
            particulars: Default::default(),
        };
        let top_up = top_up.map(|op| match op {
            Op::TopUp {
                asset,
                amount,
                source,
                channel,
                spendable,
                ..
            } => Op::TopUp {
                wallet,
                asset,
                amount,
                source,
                channel,
                spendable,
            },
            other => other,
        });
        let ops = [register, Op::OpenWallet { wallet, party }]
            .into_iter()
            .chain(top_up);
        let mut commands: Vec<Command> = ops
            .map(|op| command(tenant, self.ids.at(self.now), op))
            .collect();
        if let Some(Command {
            id: topup,
            op: Op::TopUp { .. },
            ..
        }) = commands.last()
        {
            let settle = Op::SettleTopUp { topup: *topup };
            commands.push(command(tenant, self.ids.at(self.now), settle));
        }
        for brief in self.node.submit_brief(commands)? {
            let Brief::Done { code: None, .. } = brief else {
                return Err(Failure::said(format!(
                    "a wallet could not be opened: {brief:?}"
                )));
            };
        }
        Ok(wallet)
    }

    fn wallet_of(&mut self, ip: &str, visitors: &Visitors) -> Result<WalletId, Failure> {
        if let Some(wallet) = self.wallets.get(ip) {
            return Ok(*wallet);
        }
        let (tenant, asset, _) = self.opened(self.now)?;
        let country = visitors.country(ip).and_then(|c| Country::new(c.code()));
        let country = country.unwrap_or(Country::UNKNOWN);
        let (amount, source, channel) = (self.top_up, Source::Card, Channel::MANUAL);
        let wallet = WalletId(Id::NONE);
        let top_up = Op::TopUp {
            wallet,
            asset,
            amount,
            source,
            channel,
            spendable: false,
        };
        let wallet = self.party(tenant, PartyKind::Person, country, Some(top_up))?;
        self.wallets.insert(ip.to_owned(), wallet);
        Ok(wallet)
    }

    fn replay(
        &mut self,
        log: File,
        prices: &PriceList,
        visitors: &Visitors,
        quiet: bool,
    ) -> Result<traffic::report::Report, Failure> {
        let start = Instant::now();
        let mut summary = Summary::new(self.asset);
        let mut progress = Progress::new("requests", 0, quiet);
        let client = self.node.client();
        let mut under_way: HashMap<u64, UnderWay> = HashMap::new();
        let mut done = Vec::new();
        let lines = LogReader::new(log)?;
        for line in lines {
            let line = line?;
            progress.at(line.number);
            let request = match line.result {
                Ok(request) => request,
                Err(bad) => {
                    summary.unreadable(bad);
                    continue;
                }
            };
            let payer = self.reach(&request, visitors)?;
            match prices.price(&request) {
                Quote::Free(reason) => summary.free(reason),
                Quote::Charge { atoms, section, .. } => {
                    let from = visitors.country(&request.ip);
                    let from = from.and_then(|country| country.code().parse().ok());
                    let (payment, pay) = self.pay(&request, payer, (section, from), atoms)?;
                    under_way.insert(line.number, payment);
                    client.submit([(line.number, pay)].into_iter())?;
                    while under_way.len() >= IN_FLIGHT_MAX {
                        client.wait(&mut done);
                        self.settle(&mut done, &mut under_way, visitors, &mut summary)?;
                    }
                }
            }
        }
        while !under_way.is_empty() {
            client.wait(&mut done);
            self.settle(&mut done, &mut under_way, visitors, &mut summary)?;
        }
        progress.finish();
        let facts = self.facts(start, &summary)?;
        Ok(summary.report(&facts))
    }

    /// Moves to a request's time and opens its visitor's wallet.
    fn reach(&mut self, request: &Request, visitors: &Visitors) -> Result<WalletId, Failure> {
        let at = self.shift.apply(request.at_ms);
        self.opened(at)?;
        if at > self.now {
            self.node.set_time(at)?;
            self.now = at;
        }
        self.wallet_of(&request.ip, visitors)
    }

    /// The command that pays for a request.
    fn pay(
        &mut self,
        request: &Request,
        payer: WalletId,
        (section, from): (&str, Option<tax::Country>),
        atoms: Atoms,
    ) -> Result<(UnderWay, Command), Failure> {
        let (tenant, asset, payee) = self.opened(self.now)?;
        let spend = Spend {
            payer,
            mandate: MandateId(Id::NONE),
            amount: atoms,
            asset,
            risk: risk::Score(0),
            confirmed: false.into(),
            circumstances: Default::default(),
            tax: Facts {
                evidence: from.map_or(Evidence::default(), |country| {
                    Evidence::default().with(Item::Ip, country)
                }),
                ..Facts::default()
            },
            item: Default::default(),
        };
        let pay = command(tenant, self.ids.at(self.now), Op::Pay { spend, payee });
        let payment = UnderWay {
            section: section.to_owned(),
            page: request.path.clone(),
            ip: request.ip.clone(),
            at: self.shift.apply(request.at_ms),
            atoms,
        };
        Ok((payment, pay))
    }

    /// Tells the summary what is durable now.
    fn settle(
        &self,
        done: &mut Vec<(u64, Brief)>,
        under_way: &mut HashMap<u64, UnderWay>,
        visitors: &Visitors,
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        for (line, brief) in done.drain(..) {
            let Some(paid) = under_way.remove(&line) else {
                continue;
            };
            match brief {
                Brief::Done { code: None, .. } => summary.paid(Paid {
                    section: &paid.section,
                    country: visitors.country(&paid.ip),
                    at_ms: i64::try_from(paid.at.0).unwrap_or(i64::MAX),
                    page: &paid.page,
                    payer: &paid.ip,
                    atoms: paid.atoms,
                }),
                Brief::Done {
                    code: Some(code), ..
                } => summary.refused(code.as_str()),
                Brief::Rejected(rejection) => summary.refused(rejection.code.as_str()),
                Brief::Known(_) => summary.refused("id_reused"),
                Brief::OutcomeUnknown => return Err(node::Unavailable::OutcomeUnknown.into()),
            }
        }
        Ok(())
    }

    /// What the ledger says at the end.
    fn facts(&self, start: Instant, summary: &Summary) -> Result<LedgerFacts, Failure> {
        let owner = self.opened;
        let (sums, fees, tax, net) = self.node.query_blocking(move |state| {
            let sum = |class: AccountClass| -> i128 {
                let of_class = state.book.iter().filter(|(_, a)| a.class == class);
                of_class.map(|(_, a)| a.balance).sum()
            };
            let tax = sum(AccountClass::Tax) + sum(AccountClass::SellerTax);
            let net = owner
                .and_then(|(tenant, _, wallet)| state.wallet_no(tenant, wallet))
                .map_or(0, |no| state.accounts_of(no).map(|(_, a)| a.balance).sum());
            let sums: Vec<(Asset, i128)> = state
                .trial_balance()
                .into_iter()
                .map(|(no, sum)| (state.assets[usize::from(no.0)], sum))
                .collect();
            (sums, sum(AccountClass::Fees), tax, net)
        })?;
        let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(LedgerFacts {
            wallets: self.wallets.len() as u64 + u64::from(self.opened.is_some()),
            fees,
            tax,
            net,
            trial_balance: sums,
            elapsed_ms,
            payments_per_second: summary.accepted_count() * 1000 / elapsed_ms.max(1),
        })
    }
}
