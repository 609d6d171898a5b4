//! Free text on the wire, bounded; it goes to the store and never to the journal.

use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A text of 1 to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(pub String);

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A character is at least a byte: most texts need no counting.
        let fits = !text.is_empty() && (text.len() <= MAX || text.chars().count() <= MAX);
        if fits {
            Ok(Text(text))
        } else {
            Err(serde::de::Error::custom(format!(
                "a text of 1 to {MAX} characters"
            )))
        }
    }
}

fn bounded(max: usize) -> Object {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.min_length(Some(1)).max_length(Some(max)).build()
}

impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Schema::Object(bounded(MAX)))
    }
}

impl<const MAX: usize> ToSchema for Text<MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Text{MAX}"))
    }
}

const ENTRIES_MAX: usize = 20;
const NAME_MAX: usize = 40;
const VALUE_MAX: usize = 500;

/// The caller's own names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Metadata(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, String>::deserialize(deserializer)?;
        let fits = |text: &str, max: usize| !text.is_empty() && text.chars().count() <= max;
        let all_fit = map
            .iter()
            .all(|(name, value)| fits(name, NAME_MAX) && value.chars().count() <= VALUE_MAX);
        if map.len() <= ENTRIES_MAX && all_fit {
            Ok(Metadata(map))
        } else {
            Err(serde::de::Error::custom(format!(
                "at most {ENTRIES_MAX} entries, with names of 1 to {NAME_MAX} and values of up to \
                 {VALUE_MAX} characters"
            )))
        }
    }
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let value = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(VALUE_MAX));
        let value = RefOr::T(Schema::Object(value.build()));
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "Your own names and values, kept encrypted beside the thing.",
            ))
            .max_properties(Some(ENTRIES_MAX))
            .property_names(Some(Schema::Object(bounded(NAME_MAX))))
            .additional_properties(Some(AdditionalProperties::RefOr(value)))
            .examples([serde_json::json!({"order": "A-1001"})]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Metadata {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Metadata")
    }
}

/// What may be said about a payment, top-up or other thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The caller's own number for it.
    pub reference: Option<Text<200>>,
    /// For people.
    pub description: Option<Text<1000>>,
    /// Names and values.
    pub metadata: Option<Metadata>,
    /// Whether there was some, and it was erased with the person it is about.
    pub text_erased: Option<bool>,
}

impl Details {
    /// Of a request.
    pub fn given(
        reference: Option<Text<200>>,
        description: Option<Text<1000>>,
        metadata: Option<Metadata>,
    ) -> Details {
        Details {
            reference,
            description,
            metadata,
            text_erased: None,
        }
    }

    /// There was some.
    pub fn erased() -> Details {
        Details {
            text_erased: Some(true),
            ..Details::default()
        }
    }

    /// As the store keeps it.
    pub fn stored(&self) -> store::Details {
        store::Details {
            reference: self.reference.as_ref().map(|t| t.0.clone()),
            description: self.description.as_ref().map(|t| t.0.clone()),
            metadata: self
                .metadata
                .as_ref()
                .map(|m| m.0.clone())
                .filter(|m| !m.is_empty()),
            ..store::Details::default()
        }
    }

    /// As it was stored.
    pub fn from_stored(stored: store::Details) -> Details {
        Details::given(
            stored.reference.map(Text),
            stored.description.map(Text),
            stored.metadata.map(Metadata),
        )
    }
}
