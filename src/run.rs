//! Everything together: what asks, what serves, and the orderly end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use qclock_probe::resolve::Resolver;
use qclock_probe::web::Client;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::board::Board;
use crate::clock::Moment;
use crate::configuration::Configuration;
use crate::frames::{self, Frame};
use crate::log::Log;
use crate::record::ImageRecord;
use crate::scheduler;
use crate::sign_in::SignIn;
use crate::sign_in::provider::Provider;
use crate::trust;
use crate::web::edge::Peer;
use crate::web::{App, router};

/// The most connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 512;
/// How long a client may take to send its request's headers, and stay idle between two requests.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes that a request's headers may have.
const LONGEST_HEADERS: usize = 16 << 10;
/// How long answers under way may hold up the end.
const END_PATIENCE: Duration = Duration::from_millis(1_500);

/// Why the dashboard cannot run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The port is taken, or may not be taken.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signal(#[source] io::Error),
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(configuration: Configuration) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signal)?;
    let dashboard = Dashboard::start(configuration, Log::Output).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    dashboard.end().await;
    Ok(())
}

/// A dashboard that runs.
#[derive(Debug)]
pub struct Dashboard {
    /// Where it listens, also when port 0 was asked for.
    pub address: SocketAddr,
    log: Log,
    ending: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
    _watchers: JoinSet<()>,
}

impl Dashboard {
    /// Begins to listen and to watch.
    pub async fn start(configuration: Configuration, log: Log) -> Result<Self, RunError> {
        let address = configuration.listen;
        let listen = |source| RunError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let started = Moment::now();
        let board = Arc::new(Board::new(
            started,
            configuration.stale_after(),
            configuration.checks(),
            &configuration.maintenance,
        ));
        let sign_in = sign_in(&configuration, log).map(Arc::new);
        let (frames, receiver) = watch::channel(Arc::new(Frame::new(&board, 0, "snapshot")));
        let (ending, end) = watch::channel(false);
        let app = App {
            board: Arc::clone(&board),
            frames: receiver,
            ending: end.clone(),
            event_permits: Arc::new(Semaphore::new(configuration.event_clients)),
            event_clients: configuration.event_clients,
            event_count: Arc::new(AtomicU64::new(started.wall.as_millisecond().unsigned_abs())),
            record: ImageRecord::read(&configuration.image_record).map(Arc::new),
            started: started.wall,
            sign_in: sign_in.clone(),
            status: configuration.identity.status,
        };
        let mut watchers = scheduler::start(&board, &configuration, sign_in.as_deref(), log);
        watchers.spawn(frames::send(board, frames));
        let server = tokio::spawn(serve(listener, router(app), end));
        log.event(started.wall, "started", &format!("the dashboard listens on {address}"));
        Ok(Self {
            address,
            log,
            ending,
            server,
            _watchers: watchers,
        })
    }

    /// Ends: event streams at once, answers under way within a bound.
    pub async fn end(self) {
        let _ = self.ending.send(true);
        let _ = self.server.await;
        self.log
            .event(Moment::now().wall, "stopped", "the dashboard ends as asked");
    }
}

/// Signing in, where it is configured; it asks the provider nothing before somebody wants to.
fn sign_in(configuration: &Configuration, log: Log) -> Option<SignIn> {
    let settings = configuration.identity.sign_in.clone()?;
    if settings.public.is_exposed() {
        let message = format!(
            "`{}` has no TLS: sessions can be read on the way",
            settings.public.origin()
        );
        let fields = serde_json::json!({ "event.action": "public-address-without-tls" });
        log.write_event(Moment::now().wall, "warning", &message, fields);
    }
    let client = Client::new(Resolver::default(), trust::read(settings.authorities.as_deref(), log));
    let provider = Provider::new(client, settings.clone());
    Some(SignIn::new(settings, provider, log))
}

async fn serve(listener: TcpListener, router: Router, mut end: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            _ = end.changed() => break,
            Some(_) = connections.join_next() => continue,
        };
        let Some((stream, peer, permit)) = accepted else {
            continue;
        };
        let (router, end) = (router.clone(), end.clone());
        connections.spawn(async move {
            converse(stream, peer, router, end).await;
            drop(permit);
        });
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(END_PATIENCE, rest).await;
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    if let Ok((stream, address)) = listener.accept().await {
        return Some((stream, Peer(address), permit));
    }
    // Out of descriptors, say: trying again at once would help nobody.
    sleep(Duration::from_millis(50)).await;
    None
}

async fn converse(stream: TcpStream, peer: Peer, router: Router, mut end: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(LONGEST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A client that breaks off or talks nonsense is its own affair.
        _ = connection.as_mut() => return,
        _ = end.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
