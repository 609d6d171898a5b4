//! A year of subscriptions on a node, as the example lives it, with fewer of them.

#[allow(dead_code)]
#[path = "../examples/year.rs"]
mod year;

#[test]
fn a_year_of_subscriptions_charges_each_period_once_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let year = year::live(dir.path(), 300, 3);
    assert!(year.paid > 3_000 && year.ended > 0, "{year:?}");
}
