//! Why a feed could not be read. The words are shown beside the feed.

/// Why a feed gave nothing, or not all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The address is none that can be asked.
    #[error("\"{0}\" is not an address of http:// or https://")]
    Url(String),
    /// The name does not resolve.
    #[error("the name {0} does not resolve")]
    Unknown(String),
    /// The name stands for a private network, a loopback or another address that is not public.
    #[error("{0} is not a public address")]
    Private(String),
    /// No connection.
    #[error("{0} cannot be reached")]
    Unreachable(String),
    /// The certificate or the handshake.
    #[error("no secure connection with {0}")]
    Insecure(String),
    /// It took too long.
    #[error("no answer within {0} s")]
    TooLate(u64),
    /// It leads elsewhere, where it may not.
    #[error("it redirects to {0}: only https:// or the same host is followed")]
    Redirect(String),
    /// It leads in circles.
    #[error("it redirects more than {0} times")]
    Redirects(u32),
    /// An HTTP status that gives nothing.
    #[error("the server answered {0}")]
    Status(u16),
    /// The answer is larger than it may be.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer broke off, or is no HTTP.
    #[error("the answer broke off or is no HTTP")]
    Broken,
    /// There is no feed in it.
    #[error("it is neither RSS nor Atom")]
    NotAFeed,
    /// It is a feed, but its XML is broken; what stood before is kept.
    #[error("its XML is broken at line {line}: {words}")]
    Xml {
        /// The line.
        line: usize,
        /// What is wrong.
        words: String,
    },
}

impl FeedError {
    /// Stable: never renamed once released.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            FeedError::Url(_) => "feed_url",
            FeedError::Unknown(_) => "feed_unknown_host",
            FeedError::Private(_) => "feed_private_address",
            FeedError::Unreachable(_) => "feed_unreachable",
            FeedError::Insecure(_) => "feed_insecure",
            FeedError::TooLate(_) => "feed_too_late",
            FeedError::Redirect(_) | FeedError::Redirects(_) => "feed_redirect",
            FeedError::Status(_) => "feed_status",
            FeedError::TooLarge(_) => "feed_too_large",
            FeedError::Broken => "feed_broken",
            FeedError::NotAFeed => "feed_not_a_feed",
            FeedError::Xml { .. } => "feed_xml",
        }
    }
}
