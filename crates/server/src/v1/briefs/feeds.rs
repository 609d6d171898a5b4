//! The feeds that are read, each with how its last reading went.

use super::{FeedFailure, problem};
use crate::app::App;
use crate::extract::{Answer, Caller, Handled};
use crate::guard::Routes;
use crate::types::Time;
use axum::extract::State;
use identity::Scope;
use policy::{Dimension, Lang};
use serde::Serialize;
use std::collections::BTreeMap;
use store::FeedState;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_or_regulator(Scope::SettingsRead, routes!(list_feeds))
}

/// A supervisor's feed, and how its last reading went.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct FeedView {
    /// Its name here.
    id: String,
    /// The pack it is about.
    pack: String,
    /// Who publishes it.
    authority: String,
    /// What is in it.
    title: String,
    /// Where it is.
    url: String,
    /// Its language.
    language: String,
    /// How sure it is that this is the right address: `official`, `secondary` or `unverified`.
    certainty: String,
    /// The same in words.
    certainty_text: String,
    /// The day somebody last looked.
    #[schema(format = Date)]
    checked: String,
    /// When it was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    read_at: Option<Time>,
    /// When it was last read whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    succeeded_at: Option<Time>,
    /// Items in it, then.
    items: i64,
    /// Why the last reading gave nothing, or not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<FeedFailure>,
}

/// The feeds, in the list's order.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Feeds {
    /// All of them.
    items: Vec<FeedView>,
}

/// The feeds that are read, each with how its last reading went.
#[utoipa::path(
    get,
    path = "/v1/feeds",
    responses((status = 200, description = "The feeds.", body = Feeds))
)]
async fn list_feeds(State(app): State<App>, caller: Caller) -> Handled<Feeds> {
    let tenant = caller.tenant_id();
    let states = app.blocking(move |app| app.store.feeds(tenant)).await?;
    let states = states.map_err(problem)?.into_iter();
    let mut states: BTreeMap<String, FeedState> =
        states.map(|state| (state.feed.clone(), state)).collect();
    let feeds = app.config.feeds.feeds.iter();
    let items = feeds.map(|feed| {
        let state = states.remove(&feed.id);
        FeedView {
            id: feed.id.clone(),
            pack: feed.pack.clone(),
            authority: feed.authority.clone(),
            title: feed.title.clone(),
            url: feed.url.clone(),
            language: feed.language.clone(),
            certainty: feed.certainty.word().to_owned(),
            certainty_text: feed.certainty.title(Lang::En).to_owned(),
            checked: feed.checked.to_string(),
            read_at: state.as_ref().map(|state| Time::from_ms(state.read_ms)),
            succeeded_at: state
                .as_ref()
                .and_then(|state| state.succeeded_ms)
                .map(Time::from_ms),
            items: state.as_ref().map_or(0, |state| state.items),
            error: state
                .and_then(|state| state.failed)
                .map(|(code, words)| FeedFailure { code, words }),
        }
    });
    Ok(Answer::ok(Feeds {
        items: items.collect(),
    }))
}
