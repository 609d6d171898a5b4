//! A paid body on its way: whoever gets any of it has had it; whom the upstream leaves half-way, or
//! who was gone before it began, gets the money back.

use crate::answer::BodyError;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What an answer costs; dropped before it is kept, it is given back.
pub trait Due: Unpin {
    /// The client has what it paid for.
    fn keep(self);
}

pub struct Delivery<D: Due> {
    body: Incoming,
    due: Option<D>,
    begun: bool,
}

impl<D: Due> Delivery<D> {
    pub fn new(body: Incoming, due: D) -> Delivery<D> {
        // An empty body is never asked for: its headers are all there is.
        let begun = body.is_end_stream();
        Delivery {
            body,
            due: Some(due),
            begun,
        }
    }
}

impl<D: Due> Body for Delivery<D> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Err(error))) => {
                tracing::warn!(%error, "upstream_broke_off");
                // Dropped without being kept: given back.
                this.due = None;
            }
            Poll::Ready(_) => this.begun = true,
            Poll::Pending => {}
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<D: Due> Drop for Delivery<D> {
    fn drop(&mut self) {
        if let Some(due) = self.due.take().filter(|_| self.begun) {
            due.keep();
        }
    }
}
