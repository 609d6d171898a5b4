//! `farthing pay`: a curl that pays.

use super::serve::runtime;
use crate::failure::Failure;
use clap::{Parser, ValueEnum};
use gate::payer::{self, Made, Now, Ours};
use gate::{Secret, Target};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use money::{Asset, AssetCode, Atoms, Scale};
use std::io::Write;
use std::path::{Path, PathBuf};
use tokio::net::TcpStream;

mod session;

const UNKNOWN_KEY: &str = "invalid_exact_farthing_unknown_key";

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing pay http://127.0.0.1:8403/gate.md
  farthing pay http://127.0.0.1:8403/search -X POST -d 'words' --max 0.001 --include
  farthing pay http://127.0.0.1:8403/gate.md http://127.0.0.1:8403/tax.md --budget 0.05
  farthing pay http://127.0.0.1:8403/quote --count 1000 --max 0.001 --budget 0.5

Exit codes: 0 answered; 1 the answer is an error, costs more than --max, or could not be had, and
  the message says what to do; 2 the command line is wrong.";

/// Fetch URLs, and pay for those that have a price
///
/// The answers' bodies go to standard output, the receipts to standard error. Several requests are
/// paid for in one session where the site offers one: money is set aside once, each request is
/// signed for, and the session is closed at the end, which releases what was not used. A site that
/// does not know your key is asked to open a wallet for it. Speaks http:// only: a gate behind TLS
/// is reached through a tunnel of your own.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// What to fetch, e.g. http://127.0.0.1:8403/some/page; several must be of one site
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// The most to pay for one request, in units of the asset that is asked
    #[arg(long, value_name = "AMOUNT", default_value = "0.01")]
    max: String,
    /// The most to pay for all requests [default: --max for each]
    #[arg(long, value_name = "AMOUNT")]
    budget: Option<String>,
    /// Fetch so often
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Whether to pay in a session; auto: if there are several requests
    #[arg(long, value_enum, default_value_t = Wish::Auto)]
    session: Wish,
    /// The file with the secret key; made if it is not there [default: ~/.farthing/key]
    #[arg(long, value_name = "FILE", env = "FARTHING_KEY")]
    key: Option<PathBuf>,
    /// The method
    #[arg(short = 'X', long, default_value = "GET")]
    method: String,
    /// A body to send
    #[arg(short, long, value_name = "TEXT", default_value = "")]
    data: String,
    /// Print the answer's status and headers too
    #[arg(short, long)]
    include: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wish {
    Auto,
    Always,
    Never,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let pages: Result<Vec<Asked>, Failure> =
        args.urls.iter().map(|url| Asked::read(url, args)).collect();
    let pages = pages?;
    if pages
        .windows(2)
        .any(|two| two[0].authority != two[1].authority)
    {
        return Err(Failure::said("several URLs must be of one site"));
    }
    let requests = pages.len() as u64 * u64::from(args.count);
    let path = match &args.key {
        Some(path) => path.clone(),
        None => default_key()?,
    };
    let in_session = match args.session {
        Wish::Auto => requests > 1,
        Wish::Always => true,
        Wish::Never => false,
    };
    runtime()?.block_on(async {
        if in_session {
            let purse = session::Purse {
                secret: secret(&path)?,
                max: &args.max,
                budget: args.budget.as_deref(),
                requests,
            };
            let buyer = session::Buyer::new(purse);
            return buyer.buy(&pages, args.count, args.include).await;
        }
        let mut budget = Budget::new(args.budget.as_deref());
        for _ in 0..args.count {
            for asked in &pages {
                alone(asked, &path, &args.max, &mut budget, args.include).await?;
            }
        }
        Ok(())
    })
}

/// What is left to pay with when each request is paid for by itself.
struct Budget<'a> {
    most: Option<&'a str>,
    used: u64,
}

impl<'a> Budget<'a> {
    fn new(most: Option<&'a str>) -> Budget<'a> {
        Budget { most, used: 0 }
    }

    fn take(&mut self, asset: Asset, atoms: u64) -> Result<(), Failure> {
        let used = self.used.saturating_add(atoms);
        if let Some(most_text) = self.most
            && used > most(asset, "--budget", most_text)?
        {
            return Err(Failure::said(format!(
                "this would come to {} {} in all; allow more with --budget",
                asset.format(Atoms(used)),
                asset.code
            )));
        }
        self.used = used;
        Ok(())
    }
}

/// Makes one request, and pays for it by itself.
async fn alone(
    asked: &Asked,
    path: &Path,
    max: &str,
    budget: &mut Budget<'_>,
    include: bool,
) -> Result<(), Failure> {
    let (mut response, mut price) = (asked.send([]).await?, String::new());
    if response.status() == 402 {
        let secret = secret(path)?;
        let before = budget.used;
        (response, price) = asked.pay(&response, &secret, max, budget).await?;
        if reason(response.headers()) == UNKNOWN_KEY {
            asked.register(response.headers(), &secret).await?;
            budget.used = before;
            (response, price) = asked.pay(&response, &secret, max, budget).await?;
        }
    }
    show(response, Shown::Paid(&price), include).await
}

fn most(asset: Asset, option: &str, text: &str) -> Result<u64, Failure> {
    let most = asset.parse(text);
    let most = most.map_err(|error| Failure::said(format!("{option}: {error}")))?;
    Ok(most.0)
}

/// One request, as it is made.
struct Asked {
    method: String,
    authority: String,
    path: String,
    body: String,
}

impl Asked {
    fn read(url: &str, args: &Args) -> Result<Asked, Failure> {
        let wrong = |why: &str| Failure::said(format!("{url}: {why}"));
        let uri: Uri = url.parse().map_err(|_| wrong("this is not a URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong(
                "only http:// is spoken; reach a gate behind TLS through a tunnel of your own",
            ));
        }
        let authority = uri.authority().ok_or_else(|| wrong("there is no host"))?;
        let target =
            Target::read(uri.path(), uri.query()).map_err(|error| wrong(&error.to_string()))?;
        let authority = authority.as_str().to_ascii_lowercase();
        Ok(Asked {
            method: args.method.to_ascii_uppercase(),
            authority: authority
                .strip_suffix(":80")
                .unwrap_or(&authority)
                .to_owned(),
            path: target.path_and_query(),
            body: args.data.clone(),
        })
    }

    fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }

    fn digest(&self) -> Option<String> {
        payer::content_digest(self.body.as_bytes())
    }

    fn made<'a>(&'a self, url: &'a str, digest: Option<&'a str>) -> Made<'a> {
        Made {
            method: &self.method,
            url,
            digest,
        }
    }

    async fn send<'a>(
        &self,
        payment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut headers = vec![("accept", "*/*")];
        headers.extend(payment);
        self.request(&self.method, &self.path, &headers, &self.body)
            .await
    }

    async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Response<Incoming>, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::said(format!("http://{}: {error}", self.authority))
        };
        let is_whole = self
            .authority
            .rsplit(']')
            .next()
            .is_some_and(|end| end.contains(':'));
        let address = if is_whole {
            self.authority.clone()
        } else {
            format!("{}:80", self.authority)
        };
        let stream = TcpStream::connect(&address)
            .await
            .map_err(|error| failed(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        // It ends with the answer, which is read to its end.
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header(
                "user-agent",
                concat!("farthing/", env!("CARGO_PKG_VERSION")),
            );
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let request = request.body(body).map_err(|error| failed(&error))?;
        sender
            .send_request(request)
            .await
            .map_err(|error| failed(&error))
    }

    /// The offer of a 402 that this request can be paid with.
    fn offer(&self, asked: &HeaderMap) -> Result<Ours, Failure> {
        let header = header(asked, "payment-required").unwrap_or_default();
        let url = format!("{}{}", self.origin(), self.path);
        let digest = self.digest();
        let made = self.made(&url, digest.as_deref());
        Ours::read(header, made).map_err(|why| Failure::said(why.to_string()))
    }

    async fn pay(
        &self,
        asked: &Response<Incoming>,
        secret: &Secret,
        max: &str,
        budget: &mut Budget<'_>,
    ) -> Result<(Response<Incoming>, String), Failure> {
        let unreadable = || Failure::said("the price cannot be read");
        let offer = self.offer(asked.headers())?;
        let (atoms, scale) = offer.price().ok_or_else(unreadable)?;
        let asset = Asset {
            code: AssetCode::new(offer.asset()).map_err(|_| unreadable())?,
            scale: Scale::new(scale).map_err(|_| unreadable())?,
        };
        let most = most(asset, "--max", max)?;
        let price = format!("{} {}", asset.format(Atoms(atoms)), asset.code);
        if atoms > most {
            return Err(Failure::said(format!(
                "the price is {price}, more than {max}; allow more with --max"
            )));
        }
        budget.take(asset, atoms)?;
        let header = offer.pay(secret, now()?, None).ok_or_else(unreadable)?;
        let headers = [("payment-signature", &*header)];
        Ok((self.send(headers).await?, price))
    }

    async fn register(&self, asked: &HeaderMap, secret: &Secret) -> Result<(), Failure> {
        let network = self.offer(asked)?.network().to_owned();
        let body = payer::registration(&network, &self.origin(), secret, now()?.seconds);
        let path = "/.well-known/farthing/wallets";
        let response = self
            .request("POST", path, &[("content-type", "application/json")], &body)
            .await?;
        let (head, body) = response.into_parts();
        let body = json(body).await;
        if !head.status.is_success() {
            let why = body["detail"].as_str().unwrap_or("it said nothing more");
            return Err(Failure::said(format!(
                "the site opened no wallet for the key {}: {why}",
                secret.public()
            )));
        }
        eprintln!(
            "opened {} at {}",
            body["wallet"].as_str().unwrap_or("a wallet"),
            self.origin()
        );
        Ok(())
    }
}

/// How an answer was paid for.
enum Shown<'a> {
    /// By itself, at this price.
    Paid(&'a str),
    /// In a session, whose end says what it cost.
    InSession,
}

/// A body that should be JSON.
async fn json(body: Incoming) -> serde_json::Value {
    let body = body.collect().await.map(|body| body.to_bytes());
    serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default()
}

async fn show(response: Response<Incoming>, how: Shown<'_>, include: bool) -> Result<(), Failure> {
    let (head, mut body) = response.into_parts();
    let mut out = std::io::stdout().lock();
    // Who reads only the head of a page has what was wanted, and has paid.
    let told = |written: std::io::Result<()>| {
        let written = written.or_else(crate::out::quiet);
        written.map_err(|error| Failure::said(format!("standard output: {error}")))
    };
    if include {
        told(writeln!(out, "{:?} {}", head.version, head.status))?;
        for (name, value) in &head.headers {
            told(writeln!(
                out,
                "{name}: {}",
                String::from_utf8_lossy(value.as_bytes())
            ))?;
        }
        told(writeln!(out))?;
    }
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failure::said(format!("the answer broke off: {error}")))?;
        if let Some(data) = frame.data_ref() {
            told(out.write_all(data))?;
        }
    }
    told(out.flush())?;
    let receipt = receipt(&head.headers);
    if let Shown::Paid(price) = how
        && receipt["success"] == true
    {
        let text = |field: &str| receipt[field].as_str().unwrap_or_default();
        eprintln!(
            "paid {price} from {}: {}",
            text("payer"),
            text("transaction")
        );
    }
    if head.status.is_client_error() || head.status.is_server_error() {
        let why = reason(&head.headers);
        return Err(Failure::said(format!(
            "the answer was {} {why}",
            head.status
        )));
    }
    Ok(())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn receipt(headers: &HeaderMap) -> serde_json::Value {
    header(headers, "payment-response")
        .and_then(payer::receipt)
        .unwrap_or_default()
}

fn reason(headers: &HeaderMap) -> String {
    receipt(headers)["errorReason"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn now() -> Result<Now, Failure> {
    let seconds = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    Ok(Now {
        seconds,
        random: random()?,
    })
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::said(format!("no random bytes from the system: {error}")))?;
    Ok(bytes)
}

fn default_key() -> Result<PathBuf, Failure> {
    let home = std::env::var_os("HOME")
        .ok_or_else(|| Failure::said("there is no HOME to keep a key in; say --key FILE"))?;
    Ok(PathBuf::from(home).join(".farthing").join("key"))
}

/// The key in a file, which only its owner may read; made if there is none.
fn secret(path: &Path) -> Result<Secret, Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |error: std::io::Error| Failure::file(path, &error);
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    let mut new = std::fs::OpenOptions::new();
    match new.write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let seed: [u8; 32] = random()?;
            let text = hex(&seed);
            file.write_all(format!("{text}\n").as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(failed)?;
            eprintln!(
                "made a key in {}: keep it safe, it spends your wallet",
                path.display()
            );
            Ok(Secret::new(&seed))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(path).map_err(failed)?;
            let seed = unhex(text.trim()).ok_or_else(|| {
                Failure::said(format!(
                    "{}: not a key: 64 hexadecimal digits",
                    path.display()
                ))
            })?;
            Ok(Secret::new(&seed))
        }
        Err(error) => Err(failed(error)),
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
