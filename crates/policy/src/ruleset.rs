//! Packs as dense tables: what an activation puts into the state, and what a payment is checked
//! against.
//!
//! A pack's rules are bits of a word. Each value of each dimension has a word that says which rules
//! accept it; which rules look at a payment is the conjunction of a dozen words, whatever the number
//! of rules. Days when rules begin and end are words too, one for each span between them.

use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::dimension::Set;
use crate::facts::{Move, Outcome, RuleAsset, RuleNo};
use crate::rule::{After, Consequence, Per, Redeemable, Starts};
use crate::vocabulary::{
    Audience, Channel, Flag, Funds, GiveBack, Payment, Presence, Product, Role, Screening, Side,
    StepUp, Technology,
};
use crate::window::{Hours, Window};

/// Where the words of each dimension begin in a table.
pub(crate) mod at {
    pub const PAYER_TIER: usize = 0;
    pub const PAYER_KIND: usize = PAYER_TIER + 5;
    pub const PAYER_AGE: usize = PAYER_KIND + 3;
    pub const PAYER_SEGMENT: usize = PAYER_AGE + 4;
    pub const PAYEE_TIER: usize = PAYER_SEGMENT + super::SEGMENTS_MAX + 1;
    pub const PAYEE_KIND: usize = PAYEE_TIER + 5;
    pub const PAYEE_AGE: usize = PAYEE_KIND + 3;
    pub const PAYEE_SEGMENT: usize = PAYEE_AGE + 4;
    pub const CHANNEL: usize = PAYEE_SEGMENT + super::SEGMENTS_MAX + 1;
    pub const FUNDS: usize = CHANNEL + 9;
    pub const PAYMENT: usize = FUNDS + 9;
    pub const PRODUCT: usize = PAYMENT + 7;
    pub const PRESENCE: usize = PRODUCT + 13;
    pub const TECHNOLOGY: usize = PRESENCE + 3;
    pub const SCREENING: usize = TECHNOLOGY + 7;
    pub const PAYER_CLASS: usize = SCREENING + 3;
    pub const PAYEE_CLASS: usize = PAYER_CLASS + super::CLASSES_MAX;
    pub const REACH: usize = PAYEE_CLASS + super::CLASSES_MAX;
    /// Rules whose highest tier is this one or above: they count what the party does.
    pub const PAYER_RISES: usize = REACH + 8;
    pub const PAYEE_RISES: usize = PAYER_RISES + 5;
    pub const WORDS: usize = PAYEE_RISES + 5;
}

/// At most so many rules of a pack that the step looks at.
pub const RULES_MAX: usize = 64;
/// At most so many segments an operator.
pub const SEGMENTS_MAX: usize = 15;
/// Domestic, foreign, and at most six countries that a pack's rules name.
pub(crate) const CLASSES_MAX: usize = 8;
/// At most so many measures a ruleset.
pub const MEASURES_MAX: usize = 256;
/// Stands for "no table", "no measure".
pub(crate) const NONE: u8 = u8::MAX;

/// Which table and zone a country has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub table: u8,
    pub zone: u8,
}

/// What a compiled rule tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Test {
    /// `used + asked` against `most`.
    Limit,
    /// `balance + asked` against `most`.
    Balance(Per),
    /// Nothing: it stands against.
    Forbid,
    /// Hours since something against `most`.
    CoolingOff(After),
    /// Hours of notice against `most`.
    Mandate,
    /// A duty to authenticate.
    Authentication(StepUp),
    /// `most` a payment, `in_all` and `count` over the window.
    Exemption,
    /// An answer to another question.
    Redemption(Redeemable),
}

/// The measure of a compiled rule: its position in [`Ruleset::measures`], and its number so that
/// the list need not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summed {
    pub at: u8,
    pub number: u16,
}

impl Summed {
    pub const NOTHING: Summed = Summed {
        at: NONE,
        number: u16::MAX,
    };

    #[inline]
    pub fn is_some(self) -> bool {
        self.at != NONE
    }
}

/// A compiled rule. Numbers are atoms of `asset`, or payments if `is_count`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The number of the rule in its pack.
    pub rule: u16,
    pub test: Test,
    pub then: Consequence,
    pub side: Side,
    pub is_count: bool,
    /// The number itself no longer passes.
    pub bites_at: bool,
    pub current_counts: bool,
    /// It is about a source of funds.
    pub is_of_funds: bool,
    /// Who may see it, as bits.
    pub visible_to: u8,
    /// Which of the ruleset's assets.
    pub asset: u8,
    /// Sums `most` or `in_all`.
    pub measure: Summed,
    /// Sums `count` of an exemption.
    pub count_measure: Summed,
    pub window: Window,
    pub hours: Hours,
    pub funds: u16,
    pub flags: u16,
    pub flags_not: u16,
    pub most: u64,
    pub in_all: u64,
    pub count: u64,
}

/// The rules in force from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub from: u32,
    pub binds: u64,
    /// Those that count, in force or not yet.
    pub counts: u64,
}

/// One pack's tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub id: String,
    pub version: String,
    /// See [`at`].
    pub words: Vec<u64>,
    /// Countries with a class of their own, from 2.
    pub named: Vec<(Country, u8)>,
    /// In order; the first is from day 0.
    pub spans: Vec<Span>,
    /// Can refuse or ask by themselves.
    pub gates: u64,
    pub authentications: u64,
    pub exemptions: u64,
    pub redemptions: u64,
    pub forbids: u64,
    /// Limits with a measure.
    pub measured: u64,
    /// Have flags or hours, looked at one by one.
    pub special: u64,
    /// Of those, the ones that need a flag.
    pub flagged: u64,
    /// Of those, the ones that have hours.
    pub hourly: u64,
    pub of_payer: u64,
    pub of_payee: u64,
    /// Exemptions whose counters an authentication resets: at a terminal, at a distance.
    pub resets: [u64; 2],
    pub lines: Vec<Line>,
}

impl Table {
    /// What binds and what counts on a day.
    #[inline]
    pub fn on(&self, day: u32) -> (u64, u64) {
        // Most spans are past; what is to come is few and last.
        let span = self.spans.iter().rev().find(|span| span.from <= day);
        span.map_or((0, 0), |span| (span.binds, span.counts))
    }

    /// The class of a country: 0 domestic, 1 foreign, or its own.
    #[inline]
    pub fn class(&self, country: Country, is_domestic: bool) -> usize {
        let named = self.named.iter().find(|(named, _)| *named == country);
        named.map_or(usize::from(!is_domestic), |(_, class)| usize::from(*class))
    }
}

/// What a measure sums. Two rules that sum the same share it; so do two activations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MeasureKey {
    pub pack: String,
    /// Of an exemption, its rule: it counts only what used it.
    pub rule: Option<String>,
    pub side: Side,
    /// The asset's code, or none if payments are counted.
    pub asset: Option<String>,
    pub window: Window,
    pub hours: Hours,
    pub gives_back: u32,
    /// The sets of channel, funds, payment, product, presence, technology, screening, flag,
    /// flag_not and reach, as bits.
    pub sets: Vec<u32>,
    /// The countries of payer and payee.
    pub countries: String,
}

/// Everything, of each of [`MeasureKey::sets`].
fn wholes() -> [u32; 10] {
    [
        Set::<Channel>::all().bits(),
        Set::<Funds>::all().bits(),
        Set::<Payment>::all().bits(),
        Set::<Product>::all().bits(),
        Set::<Presence>::all().bits(),
        Set::<Technology>::all().bits(),
        Set::<Screening>::all().bits(),
        Set::<Flag>::all().bits(),
        Set::<Flag>::all().bits(),
        Set::<Role>::all().bits(),
    ]
}

/// FNV-1a of parts; no part can run into the next.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, part: &[u8]) {
        let length = (part.len() as u64).to_le_bytes();
        for byte in length.iter().chain(part) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Something that is counted for a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Its stable number: the same in every activation that knows it, never used again.
    pub number: u16,
    pub(crate) key: MeasureKey,
    /// Where it starts.
    pub(crate) is_backfilled: bool,
    /// Whether a rule of this ruleset still needs it.
    pub is_used: bool,
}

impl Measured {
    /// Whose use it counts.
    #[must_use]
    pub fn side(&self) -> Side {
        self.key.side
    }

    /// Over what time.
    #[must_use]
    pub fn window(&self) -> Window {
        self.key.window
    }

    /// A name that says what it sums, such as `kr.payer.krw.month.9c01e2d4a7b3f586`: the same for the
    /// same in every ruleset and every program, for those who keep their counters elsewhere.
    #[must_use]
    pub fn name(&self) -> String {
        let key = &self.key;
        let side = match key.side {
            Side::Payer => "payer",
            Side::Payee => "payee",
        };
        let unit = key.asset.as_deref().unwrap_or("count").to_lowercase();
        let window = key.window.to_string().replace(' ', "-");
        let mut hash = Fnv::default();
        let rule = key.rule.as_deref().unwrap_or_default();
        for text in [rule, &key.hours.to_string(), &key.countries] {
            hash.add(text.as_bytes());
        }
        hash.add(&key.gives_back.to_le_bytes());
        // A set that accepts everything still does when there are more words.
        let wholes = wholes();
        for (at, set) in key.sets.iter().enumerate() {
            let is_whole = wholes.get(at).is_some_and(|whole| whole == set);
            let set = if is_whole { u32::MAX } else { *set };
            hash.add(&set.to_le_bytes());
        }
        format!("{}.{side}.{unit}.{window}.{:016x}", key.pack, hash.0)
    }

    /// The asset it sums, or none if it counts payments.
    #[must_use]
    pub fn asset(&self) -> Option<&str> {
        self.key.asset.as_deref()
    }

    /// Where it starts when it is new.
    #[must_use]
    pub fn starts(&self) -> Starts {
        if self.is_backfilled {
            Starts::Backfilled
        } else {
            Starts::Empty
        }
    }

    /// Whether a refund gives room back.
    #[must_use]
    pub fn refund_gives_back(&self) -> bool {
        self.key.gives_back & 1 << GiveBack::Refund as u32 != 0
    }

    /// Whether a void or an expiry gives room back.
    #[must_use]
    pub fn void_gives_back(&self) -> bool {
        self.key.gives_back & 1 << GiveBack::Void as u32 != 0
    }

    /// How many periods before the current one are still needed; older ones may be dropped.
    #[must_use]
    pub fn periods_kept(&self) -> u32 {
        match self.key.window {
            Window::RollingDays(n) | Window::RollingMonths(n) => u32::from(n),
            _ => 0,
        }
    }
}

/// Packs compiled for one operator: what its activation holds in the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruleset {
    pub(crate) tables: Vec<Table>,
    /// By pair of letters.
    pub(crate) places: Vec<Place>,
    pub(crate) operator: Place,
    pub(crate) zones: Vec<String>,
    pub(crate) assets: Vec<RuleAsset>,
    pub(crate) measures: Vec<Measured>,
}

impl Ruleset {
    /// The zones whose moments [`Ruleset::check`] is given, in that order; IANA names.
    #[must_use]
    pub fn zones(&self) -> &[String] {
        &self.zones
    }

    /// The measures, those of earlier activations too.
    #[must_use]
    pub fn measures(&self) -> &[Measured] {
        &self.measures
    }

    /// The measure of a number.
    #[must_use]
    pub fn measure(&self, number: u16) -> Option<&Measured> {
        let found = self.measures.binary_search_by_key(&number, |m| m.number);
        found.ok().map(|at| &self.measures[at])
    }

    /// The asset that a measure sums, as the rules name it; none if it counts payments.
    #[must_use]
    pub fn asset_of(&self, measure: &Measured) -> Option<&RuleAsset> {
        let code = measure.asset()?;
        self.assets.iter().find(|a| a.asset.code.as_str() == code)
    }

    /// Measures that the one before did not have.
    pub fn measures_new_since<'a>(
        &'a self,
        before: Option<&'a Ruleset>,
    ) -> impl Iterator<Item = &'a Measured> {
        self.measures.iter().filter(move |m| {
            m.is_used && before.is_none_or(|b| b.measure(m.number).is_none_or(|old| !old.is_used))
        })
    }

    /// The numbers of those among them that begin with what was done before.
    #[must_use]
    pub fn backfilled_since(&self, before: Option<&Ruleset>) -> Vec<u16> {
        let new = self.measures_new_since(before);
        let backfilled = new.filter(|measure| measure.is_backfilled);
        backfilled.map(|measure| measure.number).collect()
    }

    /// What a move gives back when `after` of `whole` has been voided or refunded and `before` of it
    /// had been earlier: nothing if its rules say so, else that share, rounded to the strict side.
    /// A payment that was counted gives its one back when the last of it is.
    #[must_use]
    pub fn give_back(
        &self,
        moved: &Move,
        how: GiveBack,
        before: u64,
        after: u64,
        whole: u64,
    ) -> Option<Move> {
        let measure = self.measure(moved.measure)?;
        let gives = match how {
            GiveBack::Void => measure.void_gives_back(),
            GiveBack::Refund => measure.refund_gives_back(),
        };
        if !gives || moved.delta <= 0 || whole == 0 {
            return None;
        }
        // A delta is at most an amount of 64 bits, so the product fits.
        let delta = moved.delta.unsigned_abs().min(u128::from(u64::MAX));
        let share = |part: u64| delta * u128::from(part.min(whole)) / u128::from(whole);
        let back = i128::try_from(share(after).saturating_sub(share(before))).ok()?;
        (back > 0).then_some(Move {
            delta: -back,
            ..*moved
        })
    }

    /// The packs, by name and version, in their order.
    pub fn packs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tables
            .iter()
            .map(|t| (t.id.as_str(), t.version.as_str()))
    }

    /// The number of a rule in its pack: `pack.rules[n]`.
    #[must_use]
    pub fn rule_in_pack(&self, rule: RuleNo) -> Option<(usize, usize)> {
        let table = usize::from(rule.table);
        let line = self.tables.get(table)?.lines.get(usize::from(rule.line))?;
        Some((table, usize::from(line.rule)))
    }

    /// The pack that a country is judged by.
    #[must_use]
    pub fn pack_of(&self, country: Country) -> Option<&str> {
        let table = self.tables.get(usize::from(self.place(country).table))?;
        Some(&table.id)
    }

    /// The zone of a country's civil days, by position in [`Ruleset::zones`].
    #[must_use]
    pub fn zone_of(&self, country: Country) -> Option<usize> {
        let place = self.place(country);
        (place.table != NONE).then_some(usize::from(place.zone))
    }

    /// The stable word for what a rule refuses or asks: that of [`crate::reason`], without the pack.
    #[must_use]
    pub fn reason(&self, rule: RuleNo, outcome: Outcome) -> &'static str {
        let Some(line) = self.line(rule) else {
            return "not_allowed";
        };
        match (line.test, outcome) {
            (_, Outcome::NoRate) => "no_reference_rate",
            (_, Outcome::Verify) => "verification_needed",
            (_, Outcome::StepUp) => "step_up_needed",
            (Test::Limit, _) => line.window.reason(),
            (Test::Balance(_), _) => "limit_balance",
            (Test::CoolingOff(_), _) => "too_soon",
            (Test::Mandate, _) => "notice_missing",
            (Test::Forbid, _) if line.is_of_funds => "source_not_allowed",
            _ => "not_allowed",
        }
    }

    /// Whether someone may see that a rule was looked at.
    #[must_use]
    pub fn is_visible(&self, rule: RuleNo, to: Audience) -> bool {
        self.line(rule)
            .is_some_and(|line| line.visible_to >> to as u32 & 1 != 0)
    }

    /// Whether a rule is about a source of funds.
    #[must_use]
    pub fn is_of_funds(&self, rule: RuleNo) -> bool {
        self.line(rule).is_some_and(|line| line.is_of_funds)
    }

    /// A rule's number and the asset it is in, if it is an amount.
    #[must_use]
    pub fn amount_of(&self, rule: RuleNo) -> Option<(u64, RuleAsset)> {
        let line = self.line(rule)?;
        let asset = *self.assets.get(usize::from(line.asset))?;
        let is_amount = matches!(line.test, Test::Limit | Test::Balance(_)) && !line.is_count;
        is_amount.then_some((line.most, asset))
    }

    #[inline]
    pub(crate) fn place(&self, country: Country) -> Place {
        self.places[country.pair()]
    }

    pub(crate) fn line(&self, rule: RuleNo) -> Option<&Line> {
        let table = self.tables.get(usize::from(rule.table))?;
        table.lines.get(usize::from(rule.line))
    }
}
