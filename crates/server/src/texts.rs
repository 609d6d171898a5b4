//! Text that goes with a command: kept before the command is asked, shown only where it was decided.
//!
//! * Text is in the store, encrypted under its person's key, before the journal says anything: what
//!   is acknowledged never lacks its text.
//! * It counts only where an event of the journal names it by its hash ([`engine::event::Effect::Text`]).
//!   What was kept for a command that came to nothing shows nowhere and is dropped.
//! * A crash may leave such text behind: unreadable from outside, and erased with its person.

mod writer;

pub(crate) use writer::{Kept, NewText, Writer};

use crate::app::App;
use crate::extract::Caller;
use crate::lookup;
use crate::problem::{Outcome, Problem};
use crate::types::Details;
use crate::types::ids::WalletId;
use engine::event::{Event, TextHash};
use engine::{Id, Position};
use node::{Answer, Unavailable};
use store::{About, Found, Kind};

/// Whose erasure takes a text along.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// The party whose wallet it is.
    Wallet(WalletId),
    /// This one.
    Subject(u128),
}

/// Text to keep for a command; empty if there is none.
#[derive(Clone, Debug)]
pub struct Text {
    /// What kind of thing it is about.
    pub kind: Kind,
    /// Which.
    pub thing: Id,
    /// The command that would make or change it.
    pub command: Id,
    /// Whose it is.
    pub of: Of,
    /// What it says.
    pub details: store::Details,
}

impl Text {
    /// Of a thing that its command makes, and that belongs to who has this wallet.
    pub fn new(kind: Kind, thing: Id, wallet: WalletId, details: &Details) -> Text {
        Text {
            kind,
            thing,
            command: thing,
            of: Of::Wallet(wallet),
            details: details.stored(),
        }
    }
}

fn about(caller: &Caller, kind: Kind, thing: Id) -> About {
    About {
        tenant: caller.tenant_id(),
        kind,
        thing: thing.0,
    }
}

/// Keeps many texts by one question to the node and one write to the store; an outcome for each, in
/// order. `None` where there is nothing to keep.
///
/// # Errors
/// The node or the store does not answer; of one: its person was erased.
pub async fn keep(
    app: &App,
    caller: &Caller,
    texts: &[Text],
) -> Outcome<Vec<Outcome<Option<Kept>>>> {
    let mut outcomes: Vec<Outcome<Option<Kept>>> = texts.iter().map(|_| Ok(None)).collect();
    let given = |(_, text): &(usize, &Text)| !text.details.is_empty();
    let given: Vec<(usize, &Text)> = texts.iter().enumerate().filter(given).collect();
    if given.is_empty() {
        return Ok(outcomes);
    }
    let subjects = subjects(app, caller, given.iter().map(|(_, text)| text.of).collect()).await?;
    let (mut places, mut news) = (Vec::new(), Vec::new());
    for ((at, text), subject) in given.into_iter().zip(subjects) {
        // An unknown wallet is the node's to refuse.
        let Some(subject) = subject else { continue };
        places.push(at);
        news.push(NewText {
            about: about(caller, text.kind, text.thing),
            command: text.command.0,
            subject,
            details: text.details.clone(),
        });
    }
    let kept = app.texts.put(news).await?;
    for (at, kept) in places.into_iter().zip(kept) {
        outcomes[at] = match kept {
            Some(kept) => Ok(Some(kept)),
            None => erased(app, caller, &texts[at]).await.map(Some),
        };
    }
    Ok(outcomes)
}

/// The subject of each.
async fn subjects(app: &App, caller: &Caller, of: Vec<Of>) -> Outcome<Vec<Option<u128>>> {
    let known = |of: &Of| match of {
        Of::Subject(subject) => Some(*subject),
        Of::Wallet(_) => None,
    };
    if of.iter().all(|of| known(of).is_some()) {
        return Ok(of.iter().map(known).collect());
    }
    let tenant = caller.tenant;
    app.query(move |state| {
        let subject = |of: &Of| match of {
            Of::Subject(subject) => Some(*subject),
            Of::Wallet(wallet) => {
                let no = state.wallet_no(tenant, engine::ids::WalletId(wallet.0))?;
                Some(state.party_id(state.wallet(no).party).0.0)
            }
        };
        of.iter().map(subject).collect()
    })
    .await
}

/// Nothing is kept about an erased person any more. But what was decided before is the same command
/// still, as far as anybody can tell.
async fn erased(app: &App, caller: &Caller, text: &Text) -> Outcome<Kept> {
    let before = lookup::event_of(app, caller.tenant, text.command).await?;
    let hash = before.and_then(|(_, event)| hash_of(&event, text.command));
    match hash {
        Some(hash) => Ok(Kept::before(hash)),
        None => Err(Problem::store(&store::Error::Erased)),
    }
}

fn hash_of(event: &Event, command: Id) -> Option<TextHash> {
    event.part(command)?.text()
}

/// Lets go of text according to what became of its command: what was decided stays.
pub fn settle(kept: Kept, command: Id, answer: &Result<Answer, Unavailable>) {
    match answer {
        Ok(Answer::Done { event, .. } | Answer::Known { event, .. })
            if hash_of(event, command) == Some(kept.hash) =>
        {
            kept.decided();
        }
        Ok(_)
        | Err(
            Unavailable::Busy { .. }
            | Unavailable::TooMany(_)
            | Unavailable::ReadModelBehind
            | Unavailable::ReadModelOff,
        ) => kept.refused(),
        // It may have happened: the event will say.
        Err(_) => drop(kept),
    }
}

/// Names the field of a text in which a command differs from what its id was used for, if that can
/// be read now.
pub async fn name_field(
    app: &App,
    caller: &Caller,
    text: &Text,
    problem: Box<Problem>,
) -> Box<Problem> {
    if problem.code != engine::Code::IdReused.as_str() || problem.field.as_deref() != Some("text") {
        return problem;
    }
    match other_field(app, caller, text).await {
        Ok(Some(field)) => Problem::of(
            engine::Code::IdReused,
            format!("the id was used with another {field}"),
        )
        .at(field),
        _ => problem,
    }
}

async fn other_field(app: &App, caller: &Caller, text: &Text) -> Outcome<Option<&'static str>> {
    let before = lookup::event_of(app, caller.tenant, text.command).await?;
    let hash = before.and_then(|(_, event)| hash_of(&event, text.command));
    let there = match hash {
        None => store::Details::default(),
        Some(hash) => match find(app, about(caller, text.kind, text.thing), hash).await? {
            Found::Details(details) => details,
            // It cannot be compared.
            Found::Absent | Found::Erased | Found::Unreadable => return Ok(None),
        },
    };
    Ok(text.details.first_difference(&there))
}

async fn find(app: &App, about: About, hash: TextHash) -> Outcome<Found> {
    let found = app
        .blocking(move |app| app.store.details(about, hash))
        .await?;
    found.map_err(|error| Problem::store(&error))
}

/// The text that an event names, if it can still be read.
///
/// # Errors
/// The store does not answer.
pub async fn read(
    app: &App,
    caller: &Caller,
    kind: Kind,
    thing: Id,
    hash: Option<TextHash>,
) -> Outcome<Details> {
    let Some(hash) = hash else {
        return Ok(Details::default());
    };
    Ok(match find(app, about(caller, kind, thing), hash).await? {
        Found::Details(stored) => Details::from_stored(stored),
        Found::Erased => Details::erased(),
        // The payment stands when its words are gone.
        Found::Absent | Found::Unreadable => Details::default(),
    })
}

/// The same of a thing that its event made.
///
/// # Errors
/// The node, the journal or the store does not answer.
pub async fn read_of(app: &App, caller: &Caller, kind: Kind, thing: Id) -> Outcome<Details> {
    let event = lookup::event_of(app, caller.tenant, thing).await?;
    let hash = event.and_then(|(_, event)| hash_of(&event, thing));
    read(app, caller, kind, thing, hash).await
}

/// A party's text: what it was registered with, with every change since. `true` if it was erased.
///
/// # Errors
/// The node, the journal or the store does not answer.
pub async fn of_party(app: &App, caller: &Caller, party: Id) -> Outcome<(store::Details, bool)> {
    let about = about(caller, Kind::Party, party);
    let versions = app.blocking(move |app| app.store.versions(about)).await?;
    let mut versions = versions.map_err(|error| Problem::store(&error))?;
    for version in versions.iter_mut().filter(|v| v.place.is_none()) {
        // It is being decided, or was while the process ended, or came to nothing.
        let command = Id(version.command);
        if let Some((position, event)) = lookup::event_of(app, caller.tenant, command).await?
            && hash_of(&event, command) == Some(version.hash)
        {
            place(app, caller, party, version.hash, position).await?;
            version.place = Some((position.seq, position.index));
        }
    }
    versions.retain(|version| version.place.is_some());
    versions.sort_by_key(|version| version.place);
    let is_erased = versions.iter().any(|v| v.found == Found::Erased);
    let changes = versions.into_iter().filter_map(|v| match v.found {
        Found::Details(details) => Some(details),
        _ => None,
    });
    let text = changes.fold(store::Details::default(), store::Details::changed_by);
    Ok((text, is_erased))
}

/// Notes where a version of a party's text was decided.
///
/// # Errors
/// The store does not answer.
pub async fn place(
    app: &App,
    caller: &Caller,
    party: Id,
    hash: TextHash,
    at: Position,
) -> Outcome<()> {
    let about = about(caller, Kind::Party, party);
    let placed = app
        .blocking(move |app| app.store.place_details(about, hash, (at.seq, at.index)))
        .await?;
    placed.map_err(|error| Problem::store(&error))
}
