//! The values that requests and answers are made of. Each reads exactly what its schema says, so
//! that nothing is validated twice.

/// Integers within bounds, with the schema that says so.
macro_rules! bounded {
    ($($(#[$doc:meta])* $name:ident($int:ty) $min:literal..=$max:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $int);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = crate::types::whole(deserializer)?;
                if ($min..=$max).contains(&number) {
                    Ok($name(number as $int))
                } else {
                    Err(serde::de::Error::custom(concat!("a whole number from ", $min, " to ", $max)))
                }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let object = utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::Integer)
                    .minimum(Some(utoipa::Number::UInt($min)))
                    .maximum(Some(utoipa::Number::UInt($max)));
                utoipa::openapi::RefOr::T(utoipa::openapi::schema::Schema::Object(object.build()))
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { std::borrow::Cow::Borrowed(stringify!($name)) }
        }
    )*};
}

/// A list's query: what it may be filtered by, and which page.
macro_rules! list_query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Deserialize, utoipa::IntoParams)]
        #[allow(private_interfaces)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$ty>,)*
            /// The `next` of the page before; without it, the first page.
            pub cursor: Option<crate::types::Cursor>,
            /// At most so many items; 100 if not given.
            pub limit: Option<crate::types::Limit>,
            /// Waits until the list has seen this row of the journal.
            pub min_seq: Option<crate::types::Seq>,
        }

        #[allow(dead_code)]
        impl $name {
            /// Whose cursors are taken: those of this list.
            const LIST: &'static str = stringify!($name);

            fn cursor(&self) -> Option<String> {
                self.cursor.as_ref().map(|cursor| cursor.of(Self::LIST))
            }

            fn limit(&self) -> usize {
                self.limit.unwrap_or_default().0
            }

            fn min_seq(&self) -> Option<u64> {
                self.min_seq.map(|seq| seq.0)
            }
        }
    };
}

bounded! {
    /// A row of the journal.
    Seq(u64) 0..=9_223_372_036_854_775_807;
    /// The number of an account.
    AccountNumber(u32) 0..=4_294_967_295;
}

/// A whole number; to JSON Schema `1.0` is one too.
pub(crate) fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Whole;
    impl serde::de::Visitor<'_> for Whole {
        type Value = u64;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }
        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<u64, E> {
            u64::try_from(number).map_err(|_| E::custom("a whole number, not below zero"))
        }
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<u64, E> {
            // Up to 2^53 a float that is whole is that number exactly.
            if number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number) {
                Ok(number as u64)
            } else {
                Err(E::custom("a whole number, not below zero"))
            }
        }
    }
    deserializer.deserialize_u64(Whole)
}

pub mod amount;
pub mod country;
pub mod ids;
pub mod law;
pub mod list;
pub mod text;
pub mod time;
pub mod words;

pub use amount::{Amount, AssetText, Decimal, Signed};
pub use country::CountryText;
pub use list::{Cursor, Limit, Page};
pub use text::{Details, Metadata, Text};
pub use time::Time;
