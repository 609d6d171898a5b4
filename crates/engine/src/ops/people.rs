//! Parties and their wallets.

use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Refused};
use crate::ids::{PartyId, WalletId};
use crate::records::{Particulars, PartyKind, PartyNo, Standing, WalletNo};
use crate::step::Draft;
use crate::terms::{Country, TIERS, Tier};
use crate::view::View;
use ledger::{AccountClass, AssetNo, Source};
use money::Atoms;

fn check_tier(tier: Tier) -> Rule {
    if usize::from(tier.0) < TIERS {
        Ok(())
    } else {
        Err(Stop::Reject(Code::Malformed, "tier"))
    }
}

/// There are so many segments at most, and 0 is none.
fn check_segment(particulars: Particulars) -> Rule {
    if usize::from(particulars.segment) <= policy::SEGMENTS_MAX {
        Ok(())
    } else {
        Err(Stop::Reject(Code::Malformed, "segment"))
    }
}

fn find<V: View>(draft: &Draft<'_, V>, party: PartyId, field: &'static str) -> Rule<PartyNo> {
    let found = draft.state().party_no(draft.tenant, party);
    found.ok_or(Stop::Reject(Code::NotFound, field))
}

pub(crate) fn register<V: View>(
    draft: &mut Draft<'_, V>,
    party: PartyId,
    kind: PartyKind,
    country: Country,
    tier: Tier,
    particulars: Particulars,
) -> Rule {
    check_tier(tier)?;
    check_segment(particulars)?;
    if !party.0.is_some() {
        return Err(Stop::Reject(Code::Malformed, "id"));
    }
    if draft.state().party_no(draft.tenant, party).is_some() {
        return Err(Stop::Reject(Code::AlreadyExists, "id"));
    }
    draft.out.kind = EventKind::PartyRegistered;
    draft.effect(Effect::PartyRegistered {
        party,
        kind,
        country,
        tier,
        particulars,
    });
    Ok(())
}

pub(crate) fn change<V: View>(
    draft: &mut Draft<'_, V>,
    party: PartyId,
    country: Option<Country>,
    tier: Option<Tier>,
    standing: Option<Standing>,
    particulars: Option<Particulars>,
) -> Rule {
    check_tier(tier.unwrap_or_default())?;
    check_segment(particulars.unwrap_or_default())?;
    let party = find(draft, party, "party")?;
    let record = draft.view.party(party);
    let standing = standing.unwrap_or(record.standing);
    if record.standing == Standing::Closed && standing != Standing::Closed {
        let none = draft.refusal(Code::PartyClosed, WalletNo::NONE, AssetNo(0), 0);
        let tier = record.tier;
        return Err(Stop::Deny(Box::new(Refused {
            party,
            tier,
            ..none
        })));
    }
    let country = country.unwrap_or(record.country);
    let tier = tier.unwrap_or(record.tier);
    let particulars = particulars.unwrap_or(record.particulars);
    draft.out.kind = EventKind::PartyChanged;
    draft.effect(Effect::PartyChanged {
        party,
        country,
        tier,
        standing,
        particulars,
    });
    draft.note_actor();
    Ok(())
}

pub(crate) fn open_wallet<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletId,
    party: PartyId,
) -> Rule {
    if !wallet.0.is_some() {
        return Err(Stop::Reject(Code::Malformed, "id"));
    }
    if draft.state().wallet_no(draft.tenant, wallet).is_some() {
        return Err(Stop::Reject(Code::AlreadyExists, "id"));
    }
    let party = find(draft, party, "party")?;
    draft.out.kind = EventKind::WalletOpened;
    draft.effect(Effect::WalletOpened { wallet, party });
    Ok(())
}

pub(crate) fn change_wallet<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletId,
    standing: Standing,
) -> Rule {
    let wallet = draft.find_wallet(WalletNo::NONE, wallet, "wallet")?;
    if draft.view.wallet(wallet).standing == Standing::Closed {
        return Err(draft.deny(Code::WalletClosed, wallet, AssetNo(0), 0));
    }
    if standing == Standing::Closed {
        let empty = draft
            .state()
            .accounts_of(wallet)
            .all(|(_, a)| a.balance == 0 && a.held == 0);
        if !empty {
            return Err(Stop::Reject(Code::NotEmpty, "wallet"));
        }
    }
    draft.out.kind = EventKind::WalletChanged;
    draft.effect(Effect::WalletChanged { wallet, standing });
    draft.note_actor();
    Ok(())
}

pub(crate) fn set_credit<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletId,
    asset: AssetNo,
    limit: Atoms,
) -> Rule {
    let wallet = draft.find_wallet(WalletNo::NONE, wallet, "wallet")?;
    draft.check_amount(asset, 1)?;
    if draft.view.wallet(wallet).standing == Standing::Closed {
        return Err(draft.deny(Code::WalletClosed, wallet, asset, 0));
    }
    let find = draft.state().accounts_of(wallet).find(|(_, a)| {
        a.asset == asset && a.class == AccountClass::Wallet && a.source == Some(Source::Credit)
    });
    if let Some((_, account)) = find {
        let used = account.in_use();
        if used > u128::from(limit.0) {
            let numbers = (u128::from(limit.0), used);
            let code = Code::CreditInUse;
            return Err(draft.deny_at(code, wallet, asset, limit.0, numbers));
        }
    }
    let find = find.map(|(no, _)| no);
    draft.out.kind = EventKind::CreditSet;
    let account = match find {
        Some(no) => no,
        None => draft.wallet_account(wallet, asset, Source::Credit, None),
    };
    draft.effect(Effect::CreditSet {
        account,
        limit: limit.0,
    });
    draft.note_actor();
    Ok(())
}
