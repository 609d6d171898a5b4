//! The statements of [`super::apply`].
pub const TENANT: &str = "INSERT INTO tenant (no, id, mode, at) VALUES ($1, $2, $3, $4)";
pub const ASSET: &str = "INSERT INTO asset (no, code, scale) VALUES ($1, $2, $3)";
pub const TERMS: &str = "INSERT INTO terms (tenant, version, no, at, terms)
    SELECT $1, 1 + coalesce(max(version), 0), $2, $3, $4 FROM terms WHERE tenant = $1";
pub const PARTY: &str = "INSERT INTO party (no, tenant, id, kind, country, tier, standing, at)
    VALUES ($1, $2, $3, $4, $5, $6, 'active', $7)";
pub const PARTY_CHANGED: &str =
    "UPDATE party SET country = $1, tier = $2, standing = $3 WHERE no = $4";
pub const WALLET: &str = "INSERT INTO wallet (no, tenant, id, party, standing, at, opened)
    VALUES ($1, $2, $3, $4, 'active', $5, $6)";
pub const WALLET_CHANGED: &str = "UPDATE wallet SET standing = $1 WHERE no = $2";
pub const WALLET_NO: &str = "SELECT no FROM wallet WHERE tenant = $1 AND id = $2";
pub const ACCOUNT: &str = "INSERT INTO account (no, tenant, class, owner, sub, asset, source,
        origin, credit_limit, balance)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)";
/// One line of the event in each wallet of the debtor, unless it has one in any.
pub const DEBTOR: &str = "INSERT INTO entry (run, wallet, no, account, amount, balance)
    SELECT $1, w.no, $2, $3, $4, $4 FROM account a JOIN wallet w ON w.party = a.owner
        WHERE a.no = $5 AND a.class = 'receivable' AND NOT EXISTS (
            SELECT 1 FROM wallet o CROSS JOIN entry e
                ON e.run = $1 AND e.wallet = o.no AND e.no = $2 WHERE o.party = a.owner)";
pub const CREDIT: &str = "UPDATE account SET credit_limit = $1 WHERE no = $2";
pub const AT: &str = "SELECT at FROM batch WHERE first_no <= $1 ORDER BY first_no DESC LIMIT 1";
pub const HOLD: &str = "INSERT INTO hold (no, tenant, id, payer, payee, asset, amount, captured,
        state, expires)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 'authorized', $8)";
pub const HOLD_CAPTURED: &str = "SELECT captured FROM hold WHERE tenant = $1 AND id = $2";
pub const SET_HOLD_CAPTURED: &str = "UPDATE hold SET captured = $1 WHERE tenant = $2 AND id = $3";
pub const HOLD_STATE: &str = "UPDATE hold SET state = $1 WHERE tenant = $2 AND id = $3";
pub const STEP_UP: &str = "INSERT INTO step_up (no, tenant, id, payer, payee, asset, amount,
        state, expires)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'asked', $8)";
pub const STEP_UP_STATE: &str = "UPDATE step_up SET state = $1 WHERE tenant = $2 AND id = $3";
pub const TOPUP: &str = "INSERT INTO topup (no, tenant, id, payer, asset, amount, settled,
        reversed, source, channel, spendable, state)
    VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8, $9, 'pending')";
pub const TOPUP_FIND: &str =
    "SELECT amount, settled, reversed, state FROM topup WHERE tenant = $1 AND id = $2";
pub const TOPUP_SET: &str = "UPDATE topup SET settled = $1, reversed = $2, state = $3
    WHERE tenant = $4 AND id = $5";
pub const TOPUP_CLOSED: &str = "UPDATE topup SET closed_no = $1 WHERE tenant = $2 AND id = $3";
pub const WITHDRAWAL: &str = "INSERT INTO withdrawal (no, tenant, id, payer, asset, amount,
        channel, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'requested')";
pub const WITHDRAWAL_STATE: &str = "UPDATE withdrawal SET state = $1 WHERE tenant = $2 AND id = $3";
pub const MANDATE: &str = "INSERT INTO mandate (no, tenant, id, payer, agent, asset,
        per_payment, per_day, payees, expires, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'granted')";
pub const MANDATE_STATE: &str = "UPDATE mandate SET state = $1 WHERE tenant = $2 AND id = $3";
pub const DISPUTE: &str = "INSERT INTO dispute (no, tenant, id, payment, payer, payee, asset,
        amount, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open')";
pub const DISPUTE_STATE: &str = "UPDATE dispute SET state = $1 WHERE tenant = $2 AND id = $3";
pub const DISPUTED: &str = "SELECT payment FROM dispute WHERE tenant = $1 AND id = $2";
pub const CORRECTION: &str = "INSERT INTO correction (no, tenant, id, reason, proposer, state)
    VALUES ($1, $2, $3, $4, $5, 'proposed')";
pub const CORRECTION_ENDED: &str = "UPDATE correction SET state = $1, approver = $2
    WHERE tenant = $3 AND id = $4";
pub const LAW: &str = "INSERT INTO law (no, tenant, id, state, proposed, proposer)
    VALUES ($1, $2, $3, 'proposed', $4, $5)";
pub const LAW_PACK: &str = "INSERT INTO law_pack (tenant, pack, no, version)
    VALUES ($1, $2, $3, $4)";
pub const LAW_APPROVED: &str = "UPDATE law SET state = 'approved', approver = $1, effective = $2
    WHERE tenant = $3 AND id = $4";
pub const LAW_REJECTED: &str = "UPDATE law SET state = 'rejected' WHERE tenant = $1 AND id = $2";
pub const LAW_REPLACED: &str =
    "UPDATE law SET state = 'replaced' WHERE tenant = $1 AND state = 'active'";
pub const LAW_ACTIVATED: &str = "UPDATE law
    SET state = 'active', version = $1, activated = $2, packs = $3
    WHERE tenant = $4 AND id = $5";
pub const SUBSCRIPTION: &str = "INSERT INTO subscription (no, tenant, id, payer, state, record)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant, id) DO UPDATE SET payer = $4, state = $5, record = $6";
pub const REFUSALS: &str = "INSERT INTO refusal_count (no, tenant, party, code, count)
    VALUES ($1, $2, $3, $4, $5)";
pub const OF_HOLD: &str =
    "SELECT payer, payee, asset, amount FROM hold WHERE tenant = $1 AND id = $2";
pub const OF_STEP_UP: &str =
    "SELECT payer, payee, asset, amount FROM step_up WHERE tenant = $1 AND id = $2";
pub const OF_TOPUP: &str =
    "SELECT payer, NULL, asset, amount FROM topup WHERE tenant = $1 AND id = $2";
pub const OF_WITHDRAWAL: &str =
    "SELECT payer, NULL, asset, amount FROM withdrawal WHERE tenant = $1 AND id = $2";
pub const OF_MANDATE: &str =
    "SELECT payer, NULL, asset, 0 FROM mandate WHERE tenant = $1 AND id = $2";
pub const OF_DISPUTE: &str =
    "SELECT payer, payee, asset, amount FROM dispute WHERE tenant = $1 AND id = $2";
pub const INHERIT: &str = "UPDATE event SET payer = $1, payee = $2, asset = $3,
        amount = CASE WHEN amount = 0 THEN $4 ELSE amount END
    WHERE no = $5";
#[cfg(test)]
pub const ALL: &[&str] = &[
    TENANT,
    ASSET,
    TERMS,
    PARTY,
    PARTY_CHANGED,
    WALLET,
    WALLET_CHANGED,
    WALLET_NO,
    ACCOUNT,
    DEBTOR,
    CREDIT,
    AT,
    HOLD,
    HOLD_CAPTURED,
    SET_HOLD_CAPTURED,
    HOLD_STATE,
    STEP_UP,
    STEP_UP_STATE,
    TOPUP,
    TOPUP_FIND,
    TOPUP_SET,
    TOPUP_CLOSED,
    WITHDRAWAL,
    WITHDRAWAL_STATE,
    MANDATE,
    MANDATE_STATE,
    DISPUTE,
    DISPUTE_STATE,
    DISPUTED,
    CORRECTION,
    CORRECTION_ENDED,
    LAW,
    LAW_PACK,
    LAW_APPROVED,
    LAW_REJECTED,
    LAW_REPLACED,
    LAW_ACTIVATED,
    SUBSCRIPTION,
    REFUSALS,
    OF_HOLD,
    OF_STEP_UP,
    OF_TOPUP,
    OF_WITHDRAWAL,
    OF_MANDATE,
    OF_DISPUTE,
    INHERIT,
];
