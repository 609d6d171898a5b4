//! `farthing packs propose | approve | activate | reject | status`: the law of a running node, over
//! its API, by the keys of two people.

use super::{print, print_json, text};
use crate::commands::serve::runtime;
use crate::demo::client::{Client, Door, Reply};
use crate::failure::Failure;
use clap::Args as ClapArgs;
use engine::Id;
use policy::Lang;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long `activate` waits for a law that is due at once.
const WAIT: Duration = Duration::from_secs(10);

/// Which node, and who asks.
#[derive(ClapArgs)]
pub struct Api {
    /// The node's API
    #[arg(
        long,
        env = "FARTHING_URL",
        default_value = "http://127.0.0.1:8402",
        value_name = "URL"
    )]
    url: String,
    /// Your API key: `laws:propose` for one half, `laws:approve` for the other
    #[arg(
        long,
        env = "FARTHING_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    key: String,
}

#[derive(ClapArgs)]
pub struct Propose {
    /// New or changed packs: files, or ids of those that come with the program
    packs: Vec<String>,
    /// Take this pack out
    #[arg(long, value_name = "ID")]
    remove: Vec<String>,
    /// The operator's settings, whole, as JSON: country, status, segments, pilot, rewards …
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Instead of all this: what was in force as this version of the law
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["packs", "remove", "settings"])]
    back_to: Option<u32>,
    #[command(flatten)]
    api: Api,
}

#[derive(ClapArgs)]
pub struct Approve {
    /// Which law, e.g. law_0190…
    law: String,
    /// When it takes effect, such as 2027-07-01T00:00:00+09:00; at once, if not given
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    api: Api,
}

#[derive(ClapArgs)]
pub struct One {
    /// Which law, e.g. law_0190…
    law: String,
    #[command(flatten)]
    api: Api,
}

impl Api {
    fn address(&self) -> Result<SocketAddr, Failure> {
        let wrong = |why: &str| Failure::said(format!("--url {}: {why}", self.url));
        let rest = self.url.strip_prefix("http://");
        let rest = rest.ok_or_else(|| wrong("only http:// is spoken so far"))?;
        let authority = rest.split('/').next().unwrap_or(rest);
        let is_whole = authority
            .rsplit(']')
            .next()
            .is_some_and(|end| end.contains(':'));
        let authority = if is_whole {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let addresses = authority.to_socket_addrs();
        let mut addresses = addresses.map_err(|error| wrong(&error.to_string()))?;
        let address = addresses.next().ok_or_else(|| wrong("there is no host"))?;
        // A node that is not there is said at once; one that is busy is asked again.
        TcpStream::connect_timeout(&address, Duration::from_secs(5))
            .map_err(|error| wrong(&format!("{error}; is the node running?")))?;
        Ok(address)
    }

    fn client(&self) -> Result<Client, Failure> {
        Ok(Door::new(self.address()?, &self.key).client())
    }

    /// This node, asked with this key.
    pub fn new(url: &str, key: &str) -> Api {
        Api {
            url: url.to_owned(),
            key: key.to_owned(),
        }
    }

    /// Asks once, under a fresh id.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let (mut client, id) = (self.client()?, fresh()?);
        runtime()?.block_on(async { must(client.post(path, id, body).await?, &[]) })
    }
}

fn fresh() -> Result<Id, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::said(format!("the system gives no random bytes: {error}")))?;
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    Ok(Id::timed(now, u128::from_le_bytes(bytes)))
}

fn lang_word(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "en",
        Lang::Ko => "ko",
    }
}

/// The body of what worked; what did not in words, each fault of a pack by its file and line.
fn must(reply: Reply, files: &[String]) -> Result<Value, Failure> {
    if reply.status < 300 {
        return Ok(reply.body);
    }
    let mut words = format!("{}: {}", reply.code(), reply.text("detail"));
    let field = reply.text("field");
    if !field.is_empty() && !words.contains(field) {
        words += &format!(" (`{field}`)");
    }
    for found in reply.body["findings"].as_array().into_iter().flatten() {
        let file = found["file"].as_str().unwrap_or_default();
        let at = file
            .strip_prefix("packs[")
            .and_then(|rest| rest.strip_suffix(']'));
        let named = at.and_then(|at| files.get(at.parse::<usize>().ok()?));
        let file = named.map_or(file, String::as_str);
        let about = found["key"].as_str().or(found["rule"].as_str());
        let about = about.map_or(String::new(), |about| format!("`{about}`: "));
        let (level, line) = (found["level"].as_str().unwrap_or_default(), &found["line"]);
        let said = found["words"].as_str().unwrap_or_default();
        words += &format!("\n{level:<8}{file}:{line}: {about}{said}");
    }
    let help = reply.text("help");
    if reply.code() == "pack_invalid" {
        return Err(Failure::NotRight(words));
    }
    Err(Failure::said(format!("{words}\n{help}")))
}

impl Propose {
    pub fn run(&self, lang: Lang, json: bool) -> Result<(), Failure> {
        let mut body = json!({});
        if let Some(version) = self.back_to {
            body["back_to"] = json!(version);
        }
        let mut packs = Vec::with_capacity(self.packs.len());
        for name in &self.packs {
            let (file, text) = text(name)?;
            let is_program = policy::BUILTIN
                .iter()
                .any(|b| b.file == file && b.text == text);
            packs.push(if is_program {
                json!({"id": name})
            } else {
                json!({"text": text})
            });
        }
        if !packs.is_empty() {
            body["packs"] = json!(packs);
        }
        if !self.remove.is_empty() {
            body["remove"] = json!(self.remove);
        }
        if let Some(path) = &self.settings {
            body["settings"] = settings(path)?;
        }
        let path = format!("/v1/laws?lang={}", lang_word(lang));
        let (mut client, id) = (self.api.client()?, fresh()?);
        let law = runtime()?.block_on(async {
            let reply = client.post(&path, id, &body).await?;
            must(reply, &self.packs)
        })?;
        if json {
            return print_json(&law);
        }
        let mut out = shown(&law);
        out += &format!(
            "Another person approves it: farthing packs approve {}\n",
            law["id"].as_str().unwrap_or_default()
        );
        print(&out)
    }
}

fn settings(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::said(format!("{}: {error}", path.display())))
}

/// A law for people.
fn shown(law: &Value) -> String {
    let text = |field: &str| law[field].as_str().unwrap_or_default().to_owned();
    let mut out = format!("{}  {}", text("id"), text("status"));
    if let Some(version) = law["version"].as_u64() {
        out += &format!("  version {version}");
    }
    for (field, word) in [("effective_at", "from"), ("activated_at", "since")] {
        if let Some(at) = law[field].as_str() {
            out += &format!("  {word} {at}");
        }
    }
    out.push('\n');
    for change in law["changes"].as_array().into_iter().flatten() {
        out += &format!("  {}\n", change["words"].as_str().unwrap_or_default());
    }
    if law["changes"].as_array().is_some_and(Vec::is_empty) {
        out += "  It changes nothing that is in force.\n";
    }
    for found in law["findings"].as_array().into_iter().flatten() {
        let words = found["words"].as_str().unwrap_or_default();
        let (file, line) = (found["file"].as_str().unwrap_or_default(), &found["line"]);
        out += &format!("  warning {file}:{line}: {words}\n");
    }
    out
}

fn say(law: &Value, json: bool) -> Result<(), Failure> {
    if json {
        print_json(law)
    } else {
        print(&shown(law))
    }
}

impl Approve {
    pub fn run(&self, lang: Lang, json: bool) -> Result<(), Failure> {
        let body = self.at.as_ref().map_or(json!({}), |at| json!({"at": at}));
        let law = self.api.end(&self.law, "approve", &body, lang)?;
        say(&law, json)
    }
}

impl Api {
    /// Approves or rejects a law.
    fn end(&self, law: &str, how: &str, body: &Value, lang: Lang) -> Result<Value, Failure> {
        let path = format!("/v1/laws/{law}/{how}?lang={}", lang_word(lang));
        let (mut client, id) = (self.client()?, fresh()?);
        runtime()?.block_on(async { must(client.post(&path, id, body).await?, &[]) })
    }
}

impl One {
    pub fn reject(&self, lang: Lang, json: bool) -> Result<(), Failure> {
        let law = self.api.end(&self.law, "reject", &json!({}), lang)?;
        say(&law, json)
    }

    /// Approves a law to take effect at once, and waits until it is in force.
    pub fn activate(&self, lang: Lang, json: bool) -> Result<(), Failure> {
        let path = format!("/v1/laws/{}?lang={}", self.law, lang_word(lang));
        let get = |client: &mut Client| -> Result<Value, Failure> {
            runtime()?.block_on(async { must(client.get(&path).await?, &[]) })
        };
        let mut law = get(&mut self.api.client()?)?;
        if law["status"] == "proposed" {
            law = self.api.end(&self.law, "approve", &json!({}), lang)?;
        }
        let began = std::time::Instant::now();
        while law["status"] == "approved" && is_due(&law) && began.elapsed() < WAIT {
            std::thread::sleep(Duration::from_millis(50));
            law = get(&mut self.api.client()?)?;
        }
        say(&law, json)?;
        match law["status"].as_str() {
            Some("active") => Ok(()),
            Some("approved") => Err(Failure::said(format!(
                "it takes effect by itself at {}",
                law["effective_at"].as_str().unwrap_or_default()
            ))),
            status => Err(Failure::said(format!(
                "it is {}",
                status.unwrap_or_default()
            ))),
        }
    }
}

/// Whether its instant has come.
fn is_due(law: &Value) -> bool {
    let at = law["effective_at"].as_str().unwrap_or_default();
    let at: Result<jiff::Timestamp, _> = at.parse();
    at.is_ok_and(|at| at <= jiff::Timestamp::now())
}

/// What is in force, and what waits, with what it would change: whoever approves it should know.
pub fn status(api: &Api, lang: Lang, json: bool) -> Result<(), Failure> {
    let mut client = api.client()?;
    let (active, waiting) = runtime()?.block_on(async {
        let active = must(client.get("/v1/activations?limit=1").await?, &[])?;
        let mut waiting = Vec::new();
        for status in ["approved", "proposed"] {
            let list = client.get(&format!("/v1/laws?status={status}")).await?;
            let list = must(list, &[])?;
            for law in list["items"].as_array().into_iter().flatten() {
                let id = law["id"].as_str().unwrap_or_default();
                let path = format!("/v1/laws/{id}?lang={}", lang_word(lang));
                waiting.push(must(client.get(&path).await?, &[])?);
            }
        }
        Ok::<_, Failure>((active, waiting))
    })?;
    let in_force = &active["items"][0];
    if json {
        return print_json(&json!({"in_force": in_force, "waiting": waiting}));
    }
    let mut out = match in_force["version"].as_u64() {
        None => {
            "No law is in force: payments are checked against the house's limits only.\n".into()
        }
        Some(version) => format!(
            "Version {version} is in force since {}  {}\n",
            in_force["at"].as_str().unwrap_or_default(),
            in_force["law"].as_str().unwrap_or_default()
        ),
    };
    for pack in in_force["packs"].as_array().into_iter().flatten() {
        let text = |field: &str| pack[field].as_str().unwrap_or_default();
        out += &format!("  {:<6}{}\n", text("id"), text("version"));
    }
    for law in &waiting {
        out += &shown(law);
    }
    print(&out)
}
