//! Why a gate cannot open or go on. What a client did wrong is no error here: it is an answer.

use thiserror::Error;

/// Why a gate cannot open or go on.
#[derive(Debug, Error)]
pub enum GateError {
    /// `gate.db`.
    #[error("the gate's own file gate.db cannot be used")]
    Store(#[from] rusqlite::Error),
    /// A key that is bound elsewhere.
    #[error("this key belongs to another wallet, or was revoked; use a new key")]
    KeyTaken,
    /// The prices file.
    #[error(transparent)]
    Prices(#[from] traffic::TrafficError),
    /// A setting that cannot be right.
    #[error("{0}")]
    Setting(String),
    /// The node did not answer.
    #[error(transparent)]
    Unavailable(#[from] node::Unavailable),
    /// The node refused something of the gate's own.
    #[error("the node refused: {0}")]
    Refused(&'static str),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

impl GateError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            GateError::Store(_) => "gate_store",
            GateError::KeyTaken => "key_taken",
            GateError::Prices(_) => "prices_invalid",
            GateError::Setting(_) => "gate_setting",
            GateError::Unavailable(error) => error.code(),
            GateError::Refused(_) => "gate_refused",
            GateError::Random(_) => "no_randomness",
        }
    }
}
