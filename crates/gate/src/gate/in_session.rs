//! A request that comes with a voucher: served without the ledger, and paid for once it is.

use super::{Visit, no_answer};
use crate::answer::{self, Body, whole};
use crate::delivery::Delivery;
use crate::hygiene;
use crate::mpp;
use crate::offer::Offer;
use crate::refuse::{Way, not_served};
use crate::sessions::{Done, Serving, Sessions, Snapshot};
use crate::upstream;
use crate::voucher::Ask;
use crate::x402;
use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Response, StatusCode};

impl Visit<'_> {
    pub(super) async fn in_session(
        &mut self,
        (mut parts, body): (Parts, Bytes),
        offer: &Offer,
        (sessions, way, ask): (&Sessions, Way, Ask),
    ) -> Response<Body> {
        let serving = match sessions.handle(ask, offer).await {
            Ok(Done::Serve(serving)) => serving,
            Ok(Done::Settled(snapshot)) => {
                let mut response = Response::new(whole(Bytes::new()));
                *response.status_mut() = StatusCode::NO_CONTENT;
                hygiene::paid(response.headers_mut());
                self.receipt(response.headers_mut(), offer, way, (&snapshot, 0));
                return response;
            }
            Err(why) => return not_served(self.gate, offer, &self.asked, way, why),
        };
        let on_upgrade = hygiene::upgrade(&parts.headers)
            .is_some()
            .then(|| parts.extensions.remove())
            .flatten();
        // What is being served is dropped on every way out but the last, and so costs nothing.
        let mut response = match self.ask(parts, whole(body), on_upgrade).await {
            Ok(response) => response,
            Err(no) => return no_answer(no),
        };
        hygiene::paid(response.headers_mut());
        let (method, status) = (self.method.as_str(), response.status());
        let is_charged = self.method != Method::HEAD
            && (self.gate.tariff).is_charged(method, &self.target, &self.asked, status);
        if !is_charged {
            if status.is_success() {
                let snapshot = serving.as_before();
                self.receipt(response.headers_mut(), offer, way, (&snapshot, 0));
            }
            return response.map(upstream::streaming);
        }
        self.hand_over(response, offer, way, serving)
    }

    fn hand_over(
        &self,
        response: Response<hyper::body::Incoming>,
        offer: &Offer,
        way: Way,
        serving: Serving,
    ) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        if head.status.is_success() || way == Way::X402 {
            let snapshot = serving.snapshot();
            self.receipt(&mut head.headers, offer, way, (&snapshot, offer.amount.0));
        }
        Response::from_parts(head, Delivery::new(body, serving).boxed_unsync())
    }

    /// What was done, and how much of the price was taken for it.
    fn receipt(
        &self,
        headers: &mut HeaderMap,
        offer: &Offer,
        way: Way,
        (snapshot, amount): (&Snapshot, u64),
    ) {
        match way {
            Way::Mpp => {
                let receipt = mpp::session_receipt(snapshot, self.gate.now_s());
                answer::put(headers, mpp::RECEIPT, &receipt);
            }
            Way::X402 => {
                let paid = x402::paid_in_session(offer, snapshot, amount);
                answer::put(headers, x402::RESPONSE, &paid);
            }
            // Crawlers have no sessions.
            Way::Crawl => {}
        }
    }
}
