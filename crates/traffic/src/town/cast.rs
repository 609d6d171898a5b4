//! The people of the town, what they sell, and what each likes to buy. Amounts here are
//! ten-thousandths of a unit: 5 is 0.0005.

use money::Atoms;

use super::{Dice, Resident, ResidentKind, Seller, SellerKind};
use crate::country::Country;

/// Seller, what for, least, most.
pub(super) type Want = (SellerKind, &'static [&'static str], u64, u64);

const COUNTRIES: [&str; 12] = [
    "DE", "FR", "US", "GB", "KR", "JP", "IN", "ID", "VN", "BR", "NG", "ES",
];
const NAMES: [&str; 20] = [
    "Ada", "Bao", "Chidi", "Dina", "Emre", "Femi", "Gita", "Hana", "Ines", "Jun", "Kofi", "Lea",
    "Mina", "Nuno", "Olga", "Pim", "Rosa", "Sven", "Tuan", "Uma",
];

const ARTICLE: &[&str] = &["an article", "the weather", "a crossword", "a long read"];
const RIDE: &[&str] = &["a stop by tram", "a minute by bicycle", "two stops by bus"];
const GAME: &[&str] = &["another life", "a round of pinball", "a new hat"];
const SONG: &[&str] = &["a tip for a song", "a tip for the encore"];
const CALL: &[&str] = &["an API call", "a thousand tokens", "a map tile"];

pub(super) fn wants(kind: ResidentKind) -> &'static [Want] {
    match kind {
        ResidentKind::Reader => &[
            (SellerKind::Newspaper, ARTICLE, 5, 200),
            (SellerKind::Newspaper, ARTICLE, 5, 50),
            (SellerKind::Musician, SONG, 500, 5_000),
        ],
        ResidentKind::Rider => &[
            (SellerKind::Transit, RIDE, 500, 25_000),
            (SellerKind::Transit, RIDE, 500, 5_000),
            (SellerKind::Newspaper, ARTICLE, 5, 200),
        ],
        ResidentKind::Gamer => &[
            (SellerKind::Arcade, GAME, 100, 2_500),
            (SellerKind::Arcade, GAME, 10, 500),
            (SellerKind::ApiProvider, CALL, 5, 20),
        ],
        ResidentKind::Tipper => &[
            (SellerKind::Musician, SONG, 1_000, 25_000),
            (SellerKind::Newspaper, ARTICLE, 5, 200),
        ],
        ResidentKind::Agent => &[(SellerKind::ApiProvider, CALL, 5, 150)],
    }
}

pub(super) fn sellers() -> Vec<Seller> {
    use SellerKind::*;
    [
        ("The Simulated Times", Newspaper, "GB"),
        ("Simulation Evening Post", Newspaper, "DE"),
        ("Simulated Town Trams", Transit, "FR"),
        ("Simulated Arcade", Arcade, "JP"),
        ("Simulated Singer", Musician, "US"),
        ("Simulated Fiddler", Musician, "ES"),
        ("Simulated Drummer", Musician, "NG"),
        ("Simulated Pianist", Musician, "KR"),
        ("Simulated Answers API", ApiProvider, "US"),
    ]
    .into_iter()
    .filter_map(|(name, kind, country)| {
        let country = Country::parse(country)?;
        Some(Seller {
            name,
            kind,
            country,
        })
    })
    .collect()
}

/// Top-ups from 5 to 50 units.
pub(super) fn residents(dice: &mut Dice, count: usize, grain: u64) -> Vec<Resident> {
    let countries: Vec<Country> = COUNTRIES
        .iter()
        .filter_map(|code| Country::parse(code))
        .collect();
    (0..count)
        .map(|at| {
            let kind = match dice.below(100) {
                0..35 => ResidentKind::Reader,
                35..55 => ResidentKind::Rider,
                55..75 => ResidentKind::Gamer,
                75..85 => ResidentKind::Tipper,
                _ => ResidentKind::Agent,
            };
            let who = match kind {
                ResidentKind::Agent => "agent of ",
                _ => "",
            };
            let name = NAMES[dice.index(NAMES.len())];
            Resident {
                name: format!("{who}{name} {} (simulated)", at + 1),
                kind,
                country: countries[dice.index(countries.len())],
                top_up: Atoms(grain * 10_000 * 5 * (1 + dice.below(10))),
            }
        })
        .collect()
}
