//! The words of packs on the wire, each as a pack has it.

use policy::{Dimension, Set};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A word of a dimension, such as `carrier` of the sources of funds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: Dimension> Word<T> {
    /// Some words as a set.
    pub fn set(words: &[Word<T>]) -> Set<T> {
        words.iter().map(|word| word.0).collect()
    }

    /// A set as words.
    pub fn list(set: Set<T>) -> Vec<Word<T>> {
        set.iter().map(Word).collect()
    }
}

impl<T: Dimension> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<'de, T: Dimension> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        T::of_word(&text)
            .map(Word)
            .ok_or_else(|| serde::de::Error::custom(format!("one of {}", T::WORDS.join(", "))))
    }
}

impl<T: Dimension> PartialSchema for Word<T> {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(T::WORDS.iter().copied()));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl<T: Dimension> ToSchema for Word<T> {
    fn name() -> Cow<'static, str> {
        // `step_up` is `PolicyStepUp`.
        let parts = T::NAME.split('_').map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            first.to_uppercase() + rest
        });
        Cow::Owned(format!("Policy{}", parts.collect::<String>()))
    }
}

/// A language of the words in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LangWord {
    /// English.
    En,
    /// Korean.
    Ko,
}

impl From<LangWord> for policy::Lang {
    fn from(word: LangWord) -> policy::Lang {
        match word {
            LangWord::En => policy::Lang::En,
            LangWord::Ko => policy::Lang::Ko,
        }
    }
}

impl From<policy::Lang> for LangWord {
    fn from(lang: policy::Lang) -> LangWord {
        match lang {
            policy::Lang::En => LangWord::En,
            policy::Lang::Ko => LangWord::Ko,
        }
    }
}

/// A civil day on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub policy::Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Day).map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A civil day."))
            .pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
            .examples(["2026-11-23"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Day {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Day")
    }
}

macro_rules! words {
    ($($name:ident)*) => {$(
        #[doc = concat!("A word of [`policy::", stringify!($name), "`].")]
        pub type $name = Word<policy::$name>;
    )*};
}

words! {
    Age Audience Certainty Channel Evidence Flag Funds PartyKind Payment Presence Product Screening
    Status StepUp Technology Tier
}
