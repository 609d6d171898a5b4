//! Countries on the wire: two capital letters.

use engine::terms::Country;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An ISO 3166 alpha-2 country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountryText(pub Country);

impl Serialize for CountryText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for CountryText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let country = Country::new(&text).map(CountryText);
        country.ok_or_else(|| {
            serde::de::Error::custom("a country is two capital letters (ISO 3166), such as \"FR\"")
        })
    }
}

impl PartialSchema for CountryText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("An ISO 3166 alpha-2 country; `ZZ` is not known."))
            .pattern(Some("^[A-Z]{2}$"))
            .examples(["FR"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for CountryText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Country")
    }
}
