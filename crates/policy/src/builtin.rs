//! The packs that come with the program.

use crate::error::PolicyError;
use crate::pack::Pack;

/// A pack that comes with the program, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name: `kr`.
    pub id: &'static str,
    /// Its file in the source tree.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! builtin {
    ($($id:literal)*) => {
        /// Every pack that comes with the program, in the order of their names.
        pub const BUILTIN: &[Builtin] = &[$(Builtin {
            id: $id,
            file: concat!("packs/", $id, ".toml"),
            text: include_str!(concat!("../../../packs/", $id, ".toml")),
        }),*];
    };
}
builtin! { "br" "eu" "id" "in" "jp" "ke" "kr" "ng" "sg" "uk" "us" "zz" }

/// Reads every pack that comes with the program.
///
/// # Errors
/// Never in a released program: a test reads them all.
pub fn builtin_packs() -> Result<Vec<Pack>, PolicyError> {
    BUILTIN
        .iter()
        .map(|b| Pack::parse(b.file, b.text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_is_read_and_named_as_its_file() {
        for builtin in BUILTIN {
            let pack = Pack::parse(builtin.file, builtin.text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(pack.id, builtin.id);
        }
    }
}
