//! Many payments in one entry of the queue: each stands alone, and none happens twice.

use crate::town::{T0, balance, command, fresh, options, pay, populate};
use engine::command::Carried;
use engine::ids::PriceId;
use engine::records::PriceNo;
use engine::{Command, Id, Op, UtcMillis};
use money::{AssetCode, Atoms};
use node::projection::ProjectionOptions;
use node::{Answer, Charged, Node, NodeOptions, Unavailable};
use pricing::{Model, Period, Price, Rate};
use std::path::Path;
use std::time::Duration;

const DAY: u64 = 86_400_000;

fn open(dir: &Path) -> Node {
    let options = NodeOptions {
        projection: true,
        projection_options: ProjectionOptions::default(),
        ..options()
    };
    let node = Node::open(dir, options).unwrap();
    node.set_time(UtcMillis(T0)).unwrap();
    node
}

async fn charge(node: &Node, commands: &[Command]) -> Vec<String> {
    let charged = node.charge(commands.to_vec()).await.unwrap();
    charged.into_iter().map(word).collect()
}

/// What one came to, in a word.
fn word(one: Charged) -> String {
    match one {
        Charged::Done {
            code: Some(code),
            again,
            ..
        } => format!("{} {again}", code.as_str()),
        Charged::Done { gross, again, .. } => format!("paid {gross} {again}"),
        Charged::Rejected(rejection) => format!("{} {}", rejection.code.as_str(), rejection.field),
        Charged::Unanswered(why) => why.code().to_owned(),
    }
}

fn caught_up(node: &Node) {
    let head = node.stats().durable_seq;
    let projection = node.projection().unwrap();
    assert!(projection.wait_for(head, Duration::from_secs(20)));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_stands_alone() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path());
    tokio::task::block_in_place(|| populate(&node, 3));
    let [a, b, c] = [1, 2, 3].map(Id::opaque);
    let all = [
        pay(a, 1, 0, 400),
        pay(b, 1, 0, 5_000),
        pay(a, 1, 0, 400),
        pay(a, 1, 0, 401),
        pay(c, 99, 0, 1),
        pay(fresh(), 2, 0, 30),
    ];
    let found = charge(&node, &all).await;
    let once = "insufficient_funds false";
    let expected = [
        "paid 400 false",
        once,
        "paid 400 true",
        "id_reused amount",
        "not_found payer",
    ];
    assert_eq!(found[..5], expected);
    assert_eq!(found[5], "paid 30 false");
    // All of it again, and what another way of asking has answered.
    let again = charge(&node, &all).await;
    let once = "insufficient_funds true";
    let expected = [
        "paid 400 true",
        once,
        "paid 400 true",
        "id_reused amount",
        "not_found payer",
    ];
    assert_eq!(again[..5], expected);
    node.submit(pay(c, 1, 0, 7)).await.unwrap();
    assert_eq!(charge(&node, &[pay(c, 1, 0, 7)]).await, ["paid 7 true"]);
    assert_eq!(charge(&node, &[]).await, [""; 0]);
    assert_eq!(
        node.charge(vec![pay(a, 1, 0, 1); node::BATCH_MAX + 1])
            .await,
        Err(Unavailable::TooMany(node::BATCH_MAX))
    );
    let left = tokio::task::block_in_place(|| [balance(&node, 1), balance(&node, 2)]);
    assert_eq!(left, [593, 970]);
    node.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_state_has_forgotten_is_not_paid_again() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path());
    tokio::task::block_in_place(|| populate(&node, 2));
    let [old, other, new, last, refunded, priced] = [1, 2, 3, 4, 5, 6].map(Id::opaque);
    let price = PriceId(fresh());
    let flat = Price {
        product: 0,
        asset: AssetCode::new("USD").unwrap(),
        tax_included: None,
        period: Period::Payment,
        free: 0,
        rate: Rate {
            base: Atoms(0),
            model: Model::Flat { amount: Atoms(9) },
        },
        variants: Vec::new(),
        refund_restores_use: false,
    };
    let set = Op::SetPrice {
        price,
        from: None,
        definition: Box::new(flat),
    };
    node.submit(command(fresh(), set)).await.unwrap();
    let mut by_price = pay(priced, 1, 0, 0);
    if let Op::Pay { spend, .. } = &mut by_price.op {
        (spend.item.price, spend.item.quantity) = (PriceNo(0), 1);
    }
    let first = [
        pay(old, 1, 0, 10),
        pay(other, 1, 0, 20),
        pay(refunded, 1, 0, 7),
        by_price.clone(),
    ];
    assert_eq!(
        charge(&node, &first).await,
        [
            "paid 10 false",
            "paid 20 false",
            "paid 7 false",
            "paid 9 false"
        ]
    );
    let Ok(Answer::Known { event, .. }) = node.submit(pay(refunded, 1, 0, 7)).await else {
        panic!("it was paid");
    };
    let refund = Op::Refund {
        payment: refunded,
        amount: Atoms(7),
        carried: Carried::part(&event, refunded).unwrap(),
    };
    for op in [refund, Op::ArchivePrice { price }] {
        let done = node.submit(command(fresh(), op)).await.unwrap();
        assert!(matches!(done, Answer::Done { .. }), "{done:?}");
    }
    tokio::task::block_in_place(|| caught_up(&node));
    node.set_time(UtcMillis(T0 + DAY)).unwrap();
    // The first that is new makes State forget; what comes after it is looked up.
    let later = [
        pay(new, 1, 0, 5),
        pay(old, 1, 0, 10),
        pay(other, 1, 0, 21),
        pay(last, 1, 0, 6),
        pay(refunded, 1, 0, 7),
        by_price,
        pay(Id::opaque(7), 99, 0, 1),
    ];
    let expected = [
        "paid 5 false",
        "paid 10 true",
        "id_reused amount",
        "paid 6 false",
        "paid 7 true",
        "paid 9 true",
        "not_found payer",
    ];
    assert_eq!(charge(&node, &later).await, expected);
    let is_forgotten = node
        .query(|state| state.recents.has_forgotten_untimed())
        .await;
    assert_eq!(is_forgotten, Ok(true));
    let left = tokio::task::block_in_place(|| {
        caught_up(&node);
        balance(&node, 1)
    });
    assert_eq!(left, 1_000 - 30 - 9 - 11);
    node.shutdown();
}
