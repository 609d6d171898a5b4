//! What the law asks about a payment besides who, whom and how much.

use crate::extract::Caller;
use crate::problem::{Outcome, Problem};
use crate::types::law as w;
use engine::Code;
use engine::law::HOURS_LONG_AGO;
use policy::{Presence, Screening};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

bounded! {
    /// Hours gone by; what is longer ago is "long ago".
    Hours(u64) 0..=4_294_967_295;
}

impl Serialize for Hours {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// What the law asks about besides; what is not given is ordinary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Circumstances {
    /// For what; `other`, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<w::Product>,
    /// From where; `remote`, if not given, and always for an agent's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<w::Presence>,
    /// By what means; `online`, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technology: Option<w::Technology>,
    /// By which rail; `wallet`, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<w::Channel>,
    /// What screening of this very payment found; `clear`, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screening: Option<w::Screening>,
    /// What else is true. An agent's key cannot say it.
    #[schema(max_items = 10)]
    pub flags: Vec<w::Flag>,
    /// Hours since the payer's device was registered; long ago, if not given.
    #[schema(value_type = Option<u32>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_hours: Option<Hours>,
    /// Hours since the payer first paid or added this payee; long ago, if not given.
    #[schema(value_type = Option<u32>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payee_hours: Option<Hours>,
    /// Hours since the payer was told of this payment under a mandate; not told, if not given.
    #[schema(value_type = Option<u32>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_hours: Option<Hours>,
}

impl Circumstances {
    /// As the engine has them. `field` is where they stand.
    ///
    /// # Errors
    /// `agent_may_not`: an agent's key vouches for what would spare its payer a question.
    pub fn read(&self, caller: &Caller, field: &str) -> Outcome<engine::law::Circumstances> {
        // What spares a payer a question. A program is nowhere but far away.
        let at_hand = self
            .presence
            .is_some_and(|presence| presence.0 != Presence::Remote);
        let vouches = [
            ("flags", !self.flags.is_empty()),
            ("notice_hours", self.notice_hours.is_some()),
            ("presence", at_hand),
        ];
        let said = vouches.iter().find(|(_, is_said)| *is_said);
        if let Some((name, _)) = said
            && caller.key.agent.is_some()
        {
            let words = "an agent's key cannot say what is true of its own payment";
            return Err(Problem::of(Code::AgentMayNot, words).at(format!("{field}.{name}")));
        }
        let hours = |hours: Option<Hours>, other: u16| {
            let given = hours.map(|hours| u16::try_from(hours.0).unwrap_or(HOURS_LONG_AGO));
            given.unwrap_or(other)
        };
        let ordinary = engine::law::Circumstances::default();
        Ok(engine::law::Circumstances {
            product: self.product.map_or(ordinary.product, |word| word.0),
            presence: self.presence.map_or(ordinary.presence, |word| word.0),
            technology: self.technology.map_or(ordinary.technology, |word| word.0),
            channel: self.channel.map_or(ordinary.channel, |word| word.0),
            screening: self.screening.map_or(Screening::Clear, |word| word.0),
            is_gift: false,
            flags: w::Word::set(&self.flags),
            device_hours: hours(self.device_hours, ordinary.device_hours),
            payee_hours: hours(self.payee_hours, ordinary.payee_hours),
            notice_hours: hours(self.notice_hours, ordinary.notice_hours),
        })
    }
}
