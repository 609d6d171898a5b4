//! Assets: what amounts are amounts of.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json};
use crate::guard::Routes;
use crate::idempotency;
use crate::problem::Problem;
use crate::submit;
use crate::types::ids::CommandId;
use crate::types::{AssetText, Page};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::records::Mode;
use identity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::Admin, routes!(register_asset))
        .needs(Scope::SettingsRead, routes!(list_assets))
}

bounded! {
    /// How many decimals: 0 to 9.
    AssetScale(u8) 0..=9;
}

/// An asset to register.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAsset {
    /// Its code.
    code: AssetText,
    /// How many decimals; needed only for what is not a well-known currency or stablecoin.
    #[schema(minimum = 0, maximum = 9)]
    scale: Option<AssetScale>,
}

/// An asset.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Asset {
    /// Its code.
    code: AssetText,
    /// How many decimals an amount of it may have.
    scale: u8,
    /// How many decimals banks and cards settle in.
    minor_unit_digits: u8,
}

fn shown(asset: &money::Asset) -> Asset {
    Asset {
        code: AssetText(asset.code),
        scale: asset.scale.get(),
        minor_unit_digits: asset.minor_unit_digits(),
    }
}

/// Register an asset, for all tenants. Only the operator's own live key may.
#[utoipa::path(
    post,
    path = "/v1/assets",
    request_body = NewAsset,
    responses((status = 201, description = "Registered.", body = Asset))
)]
async fn register_asset(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewAsset>,
) -> Handled<Asset> {
    caller.require_operator(Mode::Live)?;
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let known = money::Asset::known(new.code.0.as_str());
    let asset = match (new.scale, known) {
        (Some(scale), _) => {
            let scale = money::Scale::new(scale.0).map_err(|error| Problem::internal(&error))?;
            money::Asset {
                code: new.code.0,
                scale,
            }
        }
        (None, Some(known)) => known,
        (None, None) => {
            // Not 422: whether a code is well known is not in the document.
            let words = format!(
                "{} is not well known: say how many decimals it has",
                new.code.0
            );
            return Err(Problem::not_found("scale", words).into());
        }
    };
    let done = submit::submit(&app, &caller, id.0, id, Op::RegisterAsset { asset }).await?;
    // Remembered for the next who asks; it is registered all the same.
    let _ = app.assets_now().await;
    Ok(Answer::created(shown(&asset), done.replayed))
}

/// The assets registered here.
#[utoipa::path(
    get,
    path = "/v1/assets",
    responses((status = 200, description = "The assets.", body = Page<Asset>))
)]
async fn list_assets(State(app): State<App>, _: Caller) -> Handled<Page<Asset>> {
    let assets = app.assets_now().await?;
    Ok(Answer::ok(Page {
        items: assets.0.iter().map(shown).collect(),
        next: None,
        as_of: None,
    }))
}
