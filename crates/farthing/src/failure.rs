//! Why a command did not work out, and what to do.

use journal::JournalError;
use std::error::Error;
use std::path::Path;
use thiserror::Error;

/// A failure of a command.
#[derive(Debug, Error)]
pub enum Failure {
    /// The words say what was wrong, where, and what to do.
    #[error("{0}")]
    Said(String),
    /// A check found something that is not right.
    #[error("{0}")]
    NotRight(String),
    #[error(transparent)]
    Node(#[from] node::NodeError),
    #[error(transparent)]
    Unavailable(#[from] node::Unavailable),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Gate(#[from] gate::GateError),
    #[error(transparent)]
    Traffic(#[from] traffic::TrafficError),
}

impl Failure {
    /// What was said.
    pub fn said(text: impl Into<String>) -> Failure {
        Failure::Said(text.into())
    }

    /// A file or folder that could not be used.
    pub fn file(path: &Path, error: &std::io::Error) -> Failure {
        Failure::Said(format!("{}: {error}", path.display()))
    }

    /// Whether a journal is not what was written.
    fn is_broken(&self) -> bool {
        matches!(
            self,
            Failure::Journal(JournalError::Broken { .. })
                | Failure::Node(node::NodeError::Journal(JournalError::Broken { .. }))
        )
    }

    /// What went wrong and, where the words leave it out, why.
    pub fn words(&self) -> String {
        let mut words = self.to_string();
        let mut why = self.source();
        while let Some(error) = why {
            let more = error.to_string();
            if !words.contains(&more) {
                words = format!("{words}: {more}");
            }
            why = error.source();
        }
        if self.is_broken() {
            words.push_str(
                "; keep the folder as it is, see what `farthing verify` says, and restore a backup",
            );
        }
        words
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::NotRight(_) => 3,
            _ if self.is_broken() => 3,
            _ => 1,
        }
    }
}
