//! What is rarer than a payment: settings, people, and things with a life of several events.

pub(super) mod sql;

use rusqlite::{Connection, OptionalExtension, params};

use super::RUN;
use super::rows::{Change, NO_ACCOUNT, Thing, TopUpChange};
use super::value::{self, Amount, signed};
use super::write::account_column;
use crate::error::Error;

/// Runs one statement with its parameters.
macro_rules! run {
    ($tx:expr, $sql:expr, $($value:expr),+ $(,)?) => {
        $tx.prepare_cached($sql)?.execute(params![$($value),+])?
    };
}

pub(super) fn apply(tx: &Connection, no: u64, change: &Change) -> Result<(), Error> {
    let at = || -> Result<i64, Error> {
        Ok(tx
            .prepare_cached(sql::AT)?
            .query_row([signed(no)], |row| row.get(0))?)
    };
    let state = |sql: &str, tenant: u32, id: u128, state: &str| -> Result<(), Error> {
        run!(tx, sql, state, tenant, id.to_be_bytes());
        Ok(())
    };
    match *change {
        Change::TenantOpened { no, id, mode } => {
            run!(tx, sql::TENANT, no, id.to_be_bytes(), mode, at()?);
        }
        Change::AssetRegistered {
            no,
            ref code,
            scale,
        } => {
            run!(tx, sql::ASSET, no, code, scale);
        }
        Change::TermsSet { tenant, ref json } => {
            run!(tx, sql::TERMS, tenant, signed(no), at()?, json);
        }
        Change::PartyRegistered {
            no,
            tenant,
            id,
            kind,
            country,
            tier,
        } => {
            run!(
                tx,
                sql::PARTY,
                no,
                tenant,
                id.to_be_bytes(),
                kind,
                letters(&country),
                tier,
                at()?
            );
        }
        Change::PartyChanged {
            no,
            country,
            tier,
            standing,
        } => {
            run!(
                tx,
                sql::PARTY_CHANGED,
                letters(&country),
                tier,
                standing,
                no
            );
        }
        Change::WalletOpened {
            no: wallet,
            tenant,
            id,
            party,
        } => {
            run!(
                tx,
                sql::WALLET,
                wallet,
                tenant,
                id.to_be_bytes(),
                party,
                at()?,
                signed(no)
            );
        }
        Change::WalletChanged { no, standing } => {
            run!(tx, sql::WALLET_CHANGED, standing, no);
        }
        Change::AccountOpened {
            no,
            tenant,
            class,
            owner,
            sub,
            asset,
            source,
            origin,
        } => {
            run!(
                tx,
                sql::ACCOUNT,
                no,
                tenant,
                class,
                owner,
                sub,
                asset,
                source,
                origin
            );
        }
        Change::CreditSet { account, limit } => {
            run!(tx, sql::CREDIT, Amount(limit), account);
        }
        Change::HoldOpened {
            tenant,
            id,
            payer,
            payee,
            asset,
            amount,
            expires_ms,
        } => {
            let (id, amount, expires) = (id.to_be_bytes(), Amount(amount), signed(expires_ms));
            run!(
                tx,
                sql::HOLD,
                signed(no),
                tenant,
                id,
                payer,
                payee,
                asset,
                amount,
                expires
            );
        }
        Change::HoldCaptured { tenant, id, amount } => {
            let captured = tx
                .prepare_cached(sql::HOLD_CAPTURED)?
                .query_row(params![tenant, id.to_be_bytes()], |row| {
                    Ok(value::amount(row, 0))
                })
                .optional()?;
            if let Some(captured) = captured {
                let sum = Amount(captured?.saturating_add(amount));
                run!(tx, sql::SET_HOLD_CAPTURED, sum, tenant, id.to_be_bytes());
            }
        }
        Change::HoldEnded {
            tenant,
            id,
            state: new,
        } => state(sql::HOLD_STATE, tenant, id, new)?,
        Change::StepUpOpened {
            tenant,
            id,
            payer,
            payee,
            asset,
            amount,
            expires_ms,
        } => {
            let wallet = |id: u128| {
                let mut find = tx.prepare_cached(sql::WALLET_NO)?;
                let found = find.query_row(params![tenant, id.to_be_bytes()], |row| row.get(0));
                Ok::<Option<u32>, Error>(found.optional()?)
            };
            let (payer, payee) = (wallet(payer)?, wallet(payee)?);
            let (id_bytes, amount, expires) =
                (id.to_be_bytes(), Amount(amount), signed(expires_ms));
            run!(
                tx,
                sql::STEP_UP,
                signed(no),
                tenant,
                id_bytes,
                payer,
                payee,
                asset,
                amount,
                expires
            );
            inherit(tx, no, tenant, Thing::StepUp, id)?;
        }
        Change::StepUpEnded {
            tenant,
            id,
            state: new,
        } => {
            state(sql::STEP_UP_STATE, tenant, id, new)?;
        }
        Change::TopUpOpened {
            tenant,
            id,
            wallet,
            asset,
            amount,
            source,
            channel,
            spendable,
        } => {
            let (id, amount) = (id.to_be_bytes(), Amount(amount));
            let no = signed(no);
            run!(
                tx,
                sql::TOPUP,
                no,
                tenant,
                id,
                wallet,
                asset,
                amount,
                source,
                channel,
                spendable
            );
        }
        Change::TopUpChanged { tenant, id, change } => topup(tx, no, tenant, id, change)?,
        Change::WithdrawalOpened {
            tenant,
            id,
            wallet,
            asset,
            amount,
            channel,
        } => {
            let (id, amount) = (id.to_be_bytes(), Amount(amount));
            run!(
                tx,
                sql::WITHDRAWAL,
                signed(no),
                tenant,
                id,
                wallet,
                asset,
                amount,
                channel
            );
        }
        Change::WithdrawalState {
            tenant,
            id,
            state: new,
        } => {
            state(sql::WITHDRAWAL_STATE, tenant, id, new)?;
        }
        Change::MandateGranted {
            tenant,
            id,
            payer,
            agent,
            asset,
            per_payment,
            per_day,
            ref payees,
            expires_ms,
        } => {
            let payees = payees
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join(" ");
            run!(
                tx,
                sql::MANDATE,
                signed(no),
                tenant,
                id.to_be_bytes(),
                payer,
                agent,
                asset,
                per_payment.map(Amount),
                per_day.map(Amount),
                payees,
                signed(expires_ms),
            );
        }
        Change::MandateRevoked { tenant, id } => state(sql::MANDATE_STATE, tenant, id, "revoked")?,
        Change::SubscriptionSet {
            tenant,
            id,
            payer,
            state,
            ref record,
        } => {
            let id = id.to_be_bytes();
            run!(
                tx,
                sql::SUBSCRIPTION,
                signed(no),
                tenant,
                id,
                payer,
                state,
                record
            );
        }
        Change::DisputeOpened {
            tenant,
            id,
            payment,
            payer,
            payee,
            asset,
            amount,
        } => {
            let (id, payment) = (id.to_be_bytes(), payment.to_be_bytes());
            let (no, amount) = (signed(no), Amount(amount));
            run!(
                tx,
                sql::DISPUTE,
                no,
                tenant,
                id,
                payment,
                payer,
                payee,
                asset,
                amount
            );
        }
        Change::DisputeEnded {
            tenant,
            id,
            state: new,
        } => {
            state(sql::DISPUTE_STATE, tenant, id, new)?;
            // The end of a dispute is part of its payment's life.
            let payment = tx
                .prepare_cached(sql::DISPUTED)?
                .query_row(params![tenant, id.to_be_bytes()], |row| {
                    row.get::<_, [u8; 16]>(0)
                })
                .optional()?;
            if let Some(payment) = payment {
                run!(tx, super::write::sql::ABOUT, tenant, payment, signed(no));
            }
        }
        Change::CorrectionProposed {
            tenant,
            id,
            reason,
            proposer,
        } => {
            let (id, proposer) = (id.to_be_bytes(), proposer.to_be_bytes());
            run!(
                tx,
                sql::CORRECTION,
                signed(no),
                tenant,
                id,
                reason,
                proposer
            );
        }
        Change::CorrectionEnded {
            tenant,
            id,
            state,
            approver,
        } => {
            let (id, approver) = (id.to_be_bytes(), value::id_or_null(approver));
            run!(tx, sql::CORRECTION_ENDED, state, approver, tenant, id);
        }
        Change::LawProposed {
            tenant,
            id,
            proposer,
            ref proposed,
            ref packs,
        } => {
            let (id, proposer) = (id.to_be_bytes(), proposer.to_be_bytes());
            run!(tx, sql::LAW, signed(no), tenant, id, proposed, proposer);
            for (pack, version) in packs {
                run!(tx, sql::LAW_PACK, tenant, pack, signed(no), version);
            }
        }
        Change::LawApproved {
            tenant,
            id,
            approver,
            effective_ms,
        } => {
            let (id, approver) = (id.to_be_bytes(), value::id_or_null(approver));
            let effective = signed(effective_ms);
            run!(tx, sql::LAW_APPROVED, approver, effective, tenant, id);
        }
        Change::LawRejected { tenant, id } => {
            run!(tx, sql::LAW_REJECTED, tenant, id.to_be_bytes());
        }
        Change::LawActivated {
            tenant,
            id,
            version,
            ref packs,
        } => {
            run!(tx, sql::LAW_REPLACED, tenant);
            let id = id.to_be_bytes();
            run!(tx, sql::LAW_ACTIVATED, version, at()?, packs, tenant, id);
        }
        Change::RefusalsCounted {
            tenant,
            party,
            code,
            count,
        } => {
            run!(tx, sql::REFUSALS, signed(no), tenant, party, code, count);
        }
        Change::PaidDebt { account } => {
            let none = account_column(NO_ACCOUNT);
            run!(
                tx,
                sql::DEBTOR,
                signed(no / RUN),
                signed(no),
                none,
                0,
                account
            );
        }
        Change::Inherit { tenant, thing, id } => inherit(tx, no, tenant, thing, id)?,
    }
    Ok(())
}

fn letters(country: &[u8; 2]) -> &str {
    std::str::from_utf8(country).unwrap_or("ZZ")
}

fn topup(
    tx: &Connection,
    no: u64,
    tenant: u32,
    id: u128,
    change: TopUpChange,
) -> Result<(), Error> {
    let id = id.to_be_bytes();
    if change == TopUpChange::Closed {
        run!(tx, sql::TOPUP_CLOSED, signed(no), tenant, id);
        return Ok(());
    }
    let found = tx
        .prepare_cached(sql::TOPUP_FIND)?
        .query_row(params![tenant, id], |row| {
            Ok(value::amount(row, 0).and_then(|amount| {
                let (settled, reversed) = (value::amount(row, 1)?, value::amount(row, 2)?);
                Ok((amount, settled, reversed, row.get::<_, String>(3)?))
            }))
        })
        .optional()?;
    let Some(found) = found else {
        return Ok(());
    };
    let (amount, mut settled, mut reversed, mut state) = found?;
    match change {
        TopUpChange::Settled => {
            settled = amount.saturating_sub(reversed);
            state = "settled".to_owned();
        }
        TopUpChange::Reversed(more) => {
            reversed = reversed.saturating_add(more);
            if reversed >= amount {
                state = "reversed".to_owned();
            }
        }
        TopUpChange::Closed => {}
    }
    run!(
        tx,
        sql::TOPUP_SET,
        Amount(settled),
        Amount(reversed),
        state,
        tenant,
        id
    );
    Ok(())
}

/// Fills in an event's wallets, asset and amount from the thing it names, and adds it to the
/// histories of those wallets.
fn inherit(tx: &Connection, no: u64, tenant: u32, thing: Thing, id: u128) -> Result<(), Error> {
    let sql = match thing {
        Thing::Hold => sql::OF_HOLD,
        Thing::StepUp => sql::OF_STEP_UP,
        Thing::TopUp => sql::OF_TOPUP,
        Thing::Withdrawal => sql::OF_WITHDRAWAL,
        Thing::Mandate => sql::OF_MANDATE,
        Thing::Dispute => sql::OF_DISPUTE,
    };
    let found = tx
        .prepare_cached(sql)?
        .query_row(params![tenant, id.to_be_bytes()], |row| {
            let wallets = (row.get::<_, Option<u32>>(0)?, row.get::<_, Option<u32>>(1)?);
            Ok((wallets, row.get::<_, u16>(2)?, value::amount(row, 3)))
        })
        .optional()?;
    let Some(((payer, payee), asset, amount)) = found else {
        return Ok(());
    };
    run!(
        tx,
        sql::INHERIT,
        payer,
        payee,
        asset,
        Amount(amount?),
        signed(no)
    );
    for wallet in [payer, payee].into_iter().flatten() {
        let none = account_column(NO_ACCOUNT);
        run!(
            tx,
            super::write::sql::ENTRY_ONCE,
            signed(no / RUN),
            wallet,
            signed(no),
            none,
            0,
            0
        );
    }
    Ok(())
}
