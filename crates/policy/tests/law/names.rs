//! What a measure is called by those who count elsewhere.

use policy::{Country, Date, Set, Settings, builtin_packs, compile};
use std::collections::BTreeSet;

#[test]
fn a_measure_has_one_name_whatever_packs_stand_beside_it() {
    let settings = Settings {
        country: Country::UNKNOWN,
        status: Set::all(),
        assets: Vec::new(),
        segments: Vec::new(),
        counters: Vec::new(),
        numbers: Vec::new(),
        first_day: Date(0),
    };
    let packs = builtin_packs().unwrap();
    let all = compile(&packs, &settings, None).unwrap();
    let names: Vec<String> = all.measures().iter().map(policy::Measured::name).collect();
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:#?}");
    let kr: Vec<_> = packs.into_iter().filter(|p| p.id == "kr").collect();
    let alone = compile(&kr, &settings, None).unwrap();
    assert!(!alone.measures().is_empty());
    for measure in alone.measures() {
        assert!(names.contains(&measure.name()), "{}", measure.name());
    }
    // Frozen: counters that are kept elsewhere are found by it.
    let carrier = "kr.payer.krw.month.51ed225c08420a44";
    assert!(names.iter().any(|name| name == carrier), "{names:#?}");
}
