//! The rates that come with Farthing: the text of `tax/rates`, compiled in.

use crate::parse::{Builder, RatesError};
use crate::rules::Rules;

macro_rules! file {
    ($name:literal) => {
        (
            concat!("tax/rates/", $name, ".toml"),
            include_str!(concat!("../../../tax/rates/", $name, ".toml")),
        )
    };
}

/// The file of the Union, by its name and text.
pub const UNION: (&str, &str) = file!("eu");

/// The files of the countries, by their names and texts.
pub const COUNTRIES: &[(&str, &str)] = &[
    file!("ad"),
    file!("ae"),
    file!("al"),
    file!("at"),
    file!("au"),
    file!("ba"),
    file!("be"),
    file!("bg"),
    file!("br"),
    file!("ca"),
    file!("ch"),
    file!("cl"),
    file!("co"),
    file!("cy"),
    file!("cz"),
    file!("de"),
    file!("dk"),
    file!("ee"),
    file!("es"),
    file!("fi"),
    file!("fr"),
    file!("gb"),
    file!("ge"),
    file!("gr"),
    file!("hr"),
    file!("hu"),
    file!("id"),
    file!("ie"),
    file!("il"),
    file!("in"),
    file!("is"),
    file!("it"),
    file!("jp"),
    file!("ke"),
    file!("kr"),
    file!("li"),
    file!("lt"),
    file!("lu"),
    file!("lv"),
    file!("md"),
    file!("me"),
    file!("mk"),
    file!("mt"),
    file!("mx"),
    file!("my"),
    file!("ng"),
    file!("nl"),
    file!("no"),
    file!("nz"),
    file!("ph"),
    file!("pl"),
    file!("pt"),
    file!("ro"),
    file!("rs"),
    file!("sa"),
    file!("se"),
    file!("sg"),
    file!("si"),
    file!("sk"),
    file!("th"),
    file!("tr"),
    file!("tw"),
    file!("ua"),
    file!("us"),
    file!("vn"),
    file!("za"),
];

/// The rules that these files say.
///
/// # Errors
/// [`RatesError`] names the file, the line and the key; a test keeps the files without error.
pub fn built_in() -> Result<Rules, RatesError> {
    let mut builder = Builder::default();
    builder.union(UNION.0, UNION.1)?;
    for (file, text) in COUNTRIES {
        builder.country(file, text)?;
    }
    builder.build()
}
