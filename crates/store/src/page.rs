//! One page of a list, and where the next begins.

/// The most rows one page may have.
pub const PAGE_MAX: usize = 1_000;

/// `next` is the cursor to ask on with; `None` after the last page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    pub items: Vec<T>,
    pub next: Option<C>,
}

/// Rows to ask for: one more than the page, to know whether another follows.
pub(crate) fn fetch_limit(limit: usize) -> i64 {
    limit.clamp(1, PAGE_MAX) as i64 + 1
}

impl<T, C> Page<T, C> {
    /// From up to `fetch_limit` rows in the list's order.
    pub(crate) fn cut(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> C) -> Self {
        let limit = limit.clamp(1, PAGE_MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}
