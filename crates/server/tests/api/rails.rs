//! Money in, out, and back.

use crate::town::{Town, eur, payment, text};
use serde_json::json;

#[tokio::test]
async fn money_in_and_out_and_back() {
    let town = Town::new().await;
    let wallet = town.wallet("10").await;
    let topups = town
        .get(&town.caught_up(&format!("/v1/topups?wallet={wallet}")).await)
        .await
        .is(200);
    assert_eq!(topups["items"][0]["status"], "settled");
    let topup = town
        .post(
            "/v1/topups",
            json!({"wallet": wallet, "amount": eur("2"), "source": "bank"}),
        )
        .await
        .is(201);
    let path = format!("/v1/topups/{}", text(&topup["id"]));
    assert_eq!(town.get(&path).await.is(200)["status"], "pending");
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "settled");
    town.post(&format!("{path}/reverse"), json!({"amount": eur("0.5")}))
        .await
        .is(200);
    town.post(&format!("{path}/reverse"), json!({"amount": eur("5")}))
        .await
        .problem(409, "reversal_exceeds_topup");
    town.post(&format!("{path}/reverse"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "reversed");
    assert_eq!(town.balance(&wallet).await, "10");

    let out = town
        .post(
            "/v1/withdrawals",
            json!({"wallet": wallet, "amount": eur("3")}),
        )
        .await
        .is(201);
    let path = format!("/v1/withdrawals/{}", text(&out["id"]));
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .problem(409, "wrong_state");
    town.post(&format!("{path}/send"), json!({})).await.is(200);
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .is(200);
    assert_eq!(town.get(&path).await.is(200)["status"], "settled");
    let out = town
        .post(
            "/v1/withdrawals",
            json!({"wallet": wallet, "amount": eur("3")}),
        )
        .await
        .is(201);
    town.post(
        &format!("/v1/withdrawals/{}/return", text(&out["id"])),
        json!({}),
    )
    .await
    .is(200);
    assert_eq!(town.balance(&wallet).await, "7");
    let list = town
        .get(&format!("/v1/withdrawals?wallet={wallet}&status=settled"))
        .await;
    assert_eq!(list.is(200)["items"].as_array().unwrap().len(), 1);

    // Paid from what has not settled, income may be spent, not withdrawn.
    let (early, payee) = (town.wallet("0").await, town.wallet("0").await);
    let topup = json!({"wallet": early, "amount": eur("2"), "source": "card", "spendable": true});
    let topup = town.post("/v1/topups", topup).await.is(201);
    town.post("/v1/payments", payment(&early, &payee, "2"))
        .await
        .is(201);
    let shown = town.get(&format!("/v1/wallets/{payee}")).await.is(200);
    assert_eq!(shown["balances"][0]["sources"][0]["origin"], "card");
    town.post(
        "/v1/withdrawals",
        json!({"wallet": payee, "amount": eur("1")}),
    )
    .await
    .problem(403, "source_not_settled");
    let path = format!("/v1/topups/{}/settle", text(&topup["id"]));
    town.post(&path, json!({})).await.is(200);
    let earned = json!({"origin": "card", "amount": eur("2")});
    town.post(&format!("/v1/wallets/{payee}/earned/settle"), earned)
        .await
        .is(200);
    town.post(
        "/v1/withdrawals",
        json!({"wallet": payee, "amount": eur("1")}),
    )
    .await
    .is(201);
    let credit = json!({"limit": eur("5")});
    town.put(&format!("/v1/wallets/{payee}/credit"), credit)
        .await
        .is(200);
    let shown = town.get(&format!("/v1/wallets/{payee}")).await.is(200);
    assert_eq!(shown["balances"][0]["available"], "6");
}

#[tokio::test]
async fn a_settled_topup_is_reversed_however_much_came_after() {
    let town = Town::new().await;
    let wallet = town.wallet("0").await;
    let new = json!({"wallet": wallet, "amount": eur("2"), "source": "bank"});
    let topup = town.post("/v1/topups", new).await.is(201);
    let path = format!("/v1/topups/{}", text(&topup["id"]));
    town.post(&format!("{path}/settle"), json!({}))
        .await
        .is(200);
    for part in ["0.5", "0.25"] {
        let part = json!({"amount": eur(part)});
        town.post(&format!("{path}/reverse"), part).await.is(200);
    }
    for _ in 0..2 {
        let reversed = town
            .keyed("POST", &format!("{path}/reverse"), "rest", &json!({}))
            .await;
        assert_eq!(reversed.is(200)["kind"], "topup.reversed");
    }
    assert_eq!(town.get(&path).await.is(200)["status"], "reversed");
    let unknown = format!("/v1/topups/{}/reverse", crate::town::id(&town, "top"));
    town.post(&unknown, json!({}))
        .await
        .problem(404, "not_found");
}
