//! What parties owe: what was reversed after it was spent, and is paid out of what comes in next.

use crate::types::Amount;
use engine::State;
use engine::records::PartyNo;
use ledger::AssetNo;

/// What a party owes, an asset each; none if nothing.
pub fn owed(state: &State, party: PartyNo) -> Option<Vec<Amount>> {
    let mut sums: Vec<(AssetNo, u64)> = Vec::new();
    for (asset, atoms) in debts(state, party) {
        match sums.iter_mut().find(|sum| sum.0 == asset) {
            Some(sum) => sum.1 = sum.1.saturating_add(atoms),
            None => sums.push((asset, atoms)),
        }
    }
    let amount = |(no, atoms): &(AssetNo, u64)| {
        let asset = state.assets.get(usize::from(no.0))?;
        Some(Amount::of(asset, *atoms))
    };
    let owed: Vec<_> = sums.iter().filter_map(amount).collect();
    (!owed.is_empty()).then_some(owed)
}

/// What a party owes in one asset, atoms.
pub fn owed_in(state: &State, party: PartyNo, asset: AssetNo) -> u64 {
    let debts = debts(state, party).filter(|debt| debt.0 == asset);
    debts.fold(0, |sum, debt| sum.saturating_add(debt.1))
}

fn debts(state: &State, party: PartyNo) -> impl Iterator<Item = (AssetNo, u64)> {
    let accounts = state.chain(state.party(party).receivable);
    let owed = |balance: i128| u64::try_from(-balance).unwrap_or(0);
    accounts
        .map(move |(_, account)| (account.asset, owed(account.balance)))
        .filter(|(_, atoms)| *atoms > 0)
}
