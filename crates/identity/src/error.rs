//! Why a key could not be managed, and why a caller was not let in.

use crate::scope::Scope;

/// From managing keys.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("\"{name}\" is not a scope")]
    UnknownScope { name: String },
    #[error("a key without a scope can do nothing: give it at least one")]
    NoScope,
    #[error("a correction takes two people: a key proposes or approves, never both")]
    BothHalves,
    #[error("an agent's key cannot have the scope {scope}: it only pays and looks at payments")]
    NotForAgents { scope: Scope },
    #[error("a label has 1 to {max} characters, none of them control characters")]
    Label { max: usize },
    #[error("the key would expire before it exists")]
    ExpiresInPast,
    #[error("no such API key")]
    KeyUnknown,
    #[error(transparent)]
    Store(store::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::KeyUnknown => Self::KeyUnknown,
            other => Self::Store(other),
        }
    }
}

impl Error {
    /// Stable: never renamed once released.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownScope { .. } => "scope_unknown",
            Self::NoScope => "scope_required",
            Self::BothHalves => "scopes_conflict",
            Self::NotForAgents { .. } => "scope_not_for_agents",
            Self::Label { .. } => "label_invalid",
            Self::ExpiresInPast => "expires_in_past",
            Self::KeyUnknown => "api_key_unknown",
            Self::Store(error) => error.code(),
        }
    }
}

/// Why a caller was not let in. `Revoked` and `Expired` are told only to who
/// presented the whole key.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("no API key was given: send it as \"Authorization: Bearer fk_…\"")]
    Missing,
    #[error("this is not an API key: was it cut short or mistyped?")]
    Malformed,
    #[error("this API key is not known")]
    Unknown,
    #[error("this API key was revoked")]
    Revoked,
    #[error("this API key has expired")]
    Expired,
    #[error("this API key lacks the scope {needed}")]
    ScopeMissing { needed: Scope },
    #[error("keys cannot be checked just now")]
    Unavailable(#[source] store::Error),
}

impl AuthError {
    /// Stable: never renamed once released.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "auth_missing",
            Self::Malformed => "auth_malformed",
            Self::Unknown => "auth_unknown",
            Self::Revoked => "auth_revoked",
            Self::Expired => "auth_expired",
            Self::ScopeMissing { .. } => "scope_missing",
            Self::Unavailable(_) => "auth_unavailable",
        }
    }
}
