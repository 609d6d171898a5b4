//! What can stop a reading. Odd lines and rows do not: they are counted and named instead.

use std::io;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum TrafficError {
    /// The log could not be read any further; the lines before are good.
    #[error("the log could not be read beyond line {line}: {source}")]
    LogUnreadable { line: u64, source: io::Error },

    /// The compressed stream ends early or fails its checksum; the lines before are good.
    #[error("the compressed log is damaged after line {line}: {source}")]
    LogDamaged { line: u64, source: io::Error },

    #[error("the visitors file could not be read: {source}")]
    VisitorsUnreadable { source: io::Error },

    #[error("the visitors file is larger than {limit_bytes} bytes")]
    VisitorsTooLarge { limit_bytes: u64 },

    #[error(
        "the visitors file must begin with a header that names the columns `ip` and `country`; it begins with: {found}"
    )]
    VisitorsHeader { found: String },

    #[error("prices file, line {line}, column {column}: `{field}`: {problem}. {help}")]
    Prices {
        line: usize,
        column: usize,
        field: String,
        problem: String,
        help: String,
    },

    #[error("the asset {code} has {scale} decimals; the town's prices need at least 4")]
    AssetTooCoarse { code: String, scale: u8 },
}

impl TrafficError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LogUnreadable { .. } => "log_unreadable",
            Self::LogDamaged { .. } => "log_damaged",
            Self::VisitorsUnreadable { .. } => "visitors_unreadable",
            Self::VisitorsTooLarge { .. } => "visitors_too_large",
            Self::VisitorsHeader { .. } => "visitors_header",
            Self::Prices { .. } => "prices_invalid",
            Self::AssetTooCoarse { .. } => "asset_too_coarse",
        }
    }
}
