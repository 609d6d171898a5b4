//! A paid body on its way: whoever gets any of it has had it; whom the upstream leaves half-way, or
//! who was gone before it began, gets the money back.

use crate::answer::BodyError;
use crate::teller::Taken;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

pub struct Delivery {
    body: Incoming,
    taken: Option<Taken>,
    begun: bool,
}

impl Delivery {
    pub fn new(body: Incoming, taken: Taken) -> Delivery {
        // An empty body is never asked for: its headers are all there is.
        let begun = body.is_end_stream();
        Delivery {
            body,
            taken: Some(taken),
            begun,
        }
    }
}

impl Body for Delivery {
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
                this.taken = None;
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

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take().filter(|_| self.begun) {
            taken.keep();
        }
    }
}
