//! Sets of words: what a rule applies to, one bit a word.

use core::fmt;
use core::marker::PhantomData;
use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lang::Lang;

/// A closed list of words that rules and facts share.
pub trait Dimension: Copy + PartialEq + fmt::Debug + 'static {
    /// What the dimension is called in a pack.
    const NAME: &'static str;
    /// Every value, in the order of its index.
    const ALL: &'static [Self];
    /// The words of [`Dimension::ALL`].
    const WORDS: &'static [&'static str];

    /// The position in [`Dimension::ALL`]; frozen once released.
    fn index(self) -> usize;

    /// The word used in packs and in the API.
    fn word(self) -> &'static str {
        Self::WORDS[self.index()]
    }

    /// What it is called in a language.
    fn title(self, lang: Lang) -> &'static str;

    /// The value of a word.
    fn of_word(word: &str) -> Option<Self> {
        let index = Self::WORDS.iter().position(|w| *w == word)?;
        Some(Self::ALL[index])
    }
}

/// Declares a dimension: variant = word, English, Korean.
macro_rules! dimension {
    ($(#[$doc:meta])* $name:ident, $key:literal {
        $($(#[$vdoc:meta])* $variant:ident = $word:literal, $en:literal, $ko:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $crate::dimension::Dimension for $name {
            const NAME: &'static str = $key;
            const ALL: &'static [Self] = &[$($name::$variant),*];
            const WORDS: &'static [&'static str] = &[$($word),*];

            #[inline]
            fn index(self) -> usize {
                self as usize
            }

            fn title(self, lang: $crate::lang::Lang) -> &'static str {
                match (self, lang) {
                    $(($name::$variant, $crate::lang::Lang::En) => $en,
                      ($name::$variant, $crate::lang::Lang::Ko) => $ko,)*
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str($crate::dimension::Dimension::word(*self))
                } else {
                    serializer.serialize_u8(*self as u8)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::dimension::deserialize_word(deserializer)
            }
        }
    };
}
pub(crate) use dimension;

/// Reads one word; in binary formats, its index.
pub(crate) fn deserialize_word<'de, T: Dimension, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Word<T>(PhantomData<T>);
    impl<T: Dimension> Visitor<'_> for Word<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a word of `{}`", T::NAME)
        }
        fn visit_str<E: de::Error>(self, word: &str) -> Result<T, E> {
            T::of_word(word).ok_or_else(|| E::unknown_variant(word, T::WORDS))
        }
    }
    if deserializer.is_human_readable() {
        return deserializer.deserialize_str(Word(PhantomData));
    }
    let index = u8::deserialize(deserializer)?;
    let value = T::ALL.get(usize::from(index)).copied();
    value.ok_or_else(|| de::Error::custom(format!("`{}` has no word {index}", T::NAME)))
}

/// A set of values of a dimension.
pub struct Set<T> {
    bits: u32,
    of: PhantomData<T>,
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Set<T> {}
impl<T> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}
impl<T> Eq for Set<T> {}

impl<T: Dimension> Set<T> {
    /// No value.
    pub const EMPTY: Set<T> = Set {
        bits: 0,
        of: PhantomData,
    };

    /// Every value.
    #[must_use]
    pub fn all() -> Set<T> {
        T::ALL.iter().copied().collect()
    }

    /// Whether the value is in the set.
    #[must_use]
    #[inline]
    pub fn has(self, value: T) -> bool {
        self.bits & 1 << value.index() != 0
    }

    /// Whether there is no value in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Whether every value is in it.
    #[must_use]
    pub fn is_all(self) -> bool {
        self == Set::all()
    }

    /// The values of both.
    #[must_use]
    pub fn and(self, other: Set<T>) -> Set<T> {
        Set {
            bits: self.bits & other.bits,
            of: PhantomData,
        }
    }

    /// The values of this set that are not in the other.
    #[must_use]
    pub fn minus(self, other: Set<T>) -> Set<T> {
        Set {
            bits: self.bits & !other.bits,
            of: PhantomData,
        }
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |v| self.has(*v))
    }

    /// The set as bits, value `i` being bit `i`.
    #[must_use]
    #[inline]
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// The set of these bits, value `i` being bit `i`; bits that no value has are dropped.
    #[must_use]
    pub fn from_bits(bits: u32) -> Set<T> {
        let all = (1u64 << T::ALL.len()) - 1;
        Set {
            bits: bits & u32::try_from(all).unwrap_or(u32::MAX),
            of: PhantomData,
        }
    }

    /// Puts a value in.
    pub fn insert(&mut self, value: T) {
        self.bits |= 1 << value.index();
    }
}

impl<T: Dimension> Default for Set<T> {
    fn default() -> Self {
        Set::EMPTY
    }
}

impl<T: Dimension> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut set = Set::EMPTY;
        for value in values {
            set.insert(value);
        }
        set
    }
}

impl<T: Dimension> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<T: Dimension> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_u32(self.bits);
        }
        let mut list = serializer.serialize_seq(None)?;
        for value in self.iter() {
            list.serialize_element(value.word())?;
        }
        list.end()
    }
}

impl<'de, T: Dimension + Deserialize<'de>> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Dimension + Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Set<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of words of `{}`", T::NAME)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Set<T>, A::Error> {
                let mut set = Set::EMPTY;
                while let Some(value) = seq.next_element::<T>()? {
                    set.insert(value);
                }
                Ok(set)
            }
        }
        if !deserializer.is_human_readable() {
            return u32::deserialize(deserializer).map(Set::from_bits);
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}
