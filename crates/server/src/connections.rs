//! Connections: taken as they come, but no more at once than allowed, and none for ever.
//!
//! A client that has not sent the head of its next request in time is closed: each connection costs
//! a file and memory, and only so many may be open. Beyond that number new ones wait in the system's
//! backlog until one ends.

use crate::app::Config;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tower_service::Service;

/// Serves until `shutdown` resolves and what was begun is answered.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    config: &Config,
    shutdown: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(config.header_seconds_max));
    let most = config.connections_max.clamp(1, Semaphore::MAX_PERMITS);
    let room = Arc::new(Semaphore::new(most));
    let (stop, stopping) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await.0)
        };
        let (place, io) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (router, http, mut stopping) = (router.clone(), http.clone(), stopping.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                router.clone().call(request.map(Body::new))
            });
            let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
            let served = tokio::select! {
                served = connection.as_mut() => served,
                _ = stopping.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, "connection");
            }
            drop(place);
        });
    }
    drop((listener, stopping));
    // Each connection holds a receiver until it has ended.
    let _ = stop.send(());
    stop.closed().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_client_that_sends_nothing_makes_room_for_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config {
            connections_max: 1,
            header_seconds_max: 1,
            ..Config::default()
        };
        let router = Router::new().route("/", get(|| async { "hello" }));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, router, &config, stopped).await;
        });
        let start = Instant::now();
        for begun in ["", "GET / HT"] {
            let mut slow = TcpStream::connect(address).await.unwrap();
            slow.write_all(begun.as_bytes()).await.unwrap();
            let mut next = TcpStream::connect(address).await.unwrap();
            let ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            next.write_all(ask).await.unwrap();
            let mut answer = String::new();
            next.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("hello"), "{answer}");
        }
        assert!(start.elapsed() >= Duration::from_secs(2));
        // An idle connection does not keep it from stopping.
        let idle = TcpStream::connect(address).await.unwrap();
        stop.send(()).unwrap();
        serving.await.unwrap();
        drop(idle);
    }
}
