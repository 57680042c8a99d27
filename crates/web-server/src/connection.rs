//! One connection to the public port: its place among others, and how long it may do nothing.
//!
//! A stranger's connection costs a descriptor and some memory for as long as it is open. So each needs a place
//! ([`rolltop_admission`]), and one on which nothing happens ends. Whoever is turned away is told so over TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use rolltop_admission::{Admission, Permit, Refused};
use rustix::net::sockopt;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tower_http::add_extension::AddExtension;

use crate::config::Limits;
use crate::tls_only::TlsOnly;

/// A peer that is gone without a word is found out after this.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVES: u32 = 4;
/// Connections that are told at the same time why they are turned away; more hear nothing.
const FAREWELLS: usize = 32;
/// For telling it.
const FAREWELL: Duration = Duration::from_secs(5);
/// Of a request that is turned away, bytes that are read.
const FAREWELL_READS: usize = 16 << 10;

/// Comes before HTTP: a place, then TLS.
#[derive(Clone)]
pub(crate) struct Attendant {
    limits: Limits,
    admission: Arc<Admission>,
    tls: RustlsAcceptor<TlsOnly>,
    /// Speaks HTTP/1.1 only, for one answer that needs no more.
    farewell_tls: RustlsAcceptor<TlsOnly>,
    farewells: Arc<Semaphore>,
}

impl Attendant {
    pub(crate) fn new(limits: Limits, tls: ServerConfig) -> Self {
        let mut plain = tls.clone();
        plain.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor =
            |config| RustlsAcceptor::new(RustlsConfig::from_config(Arc::new(config))).acceptor(TlsOnly);
        Self {
            limits,
            admission: Admission::new(limits.admission()),
            tls: acceptor(tls),
            farewell_tls: acceptor(plain),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
        }
    }

    async fn turn_away(&self, stream: TcpStream, why: Refused) {
        let Ok(_one_of_few) = self.farewells.try_acquire() else { return };
        let told = async {
            let (mut stream, ()) = self.farewell_tls.accept(stream, ()).await?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && head.len() < FAREWELL_READS {
                head.push(stream.read_u8().await?);
            }
            stream.write_all(farewell(why).as_bytes()).await?;
            stream.shutdown().await
        };
        let _ = timeout(FAREWELL, told).await;
    }
}

fn farewell(why: Refused) -> String {
    let sentence = match why {
        Refused::Network => {
            "There are too many connections from your address; close some, or try again later."
        }
        Refused::Full => "There are too many connections at the moment; try again shortly.",
    };
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 10\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{sentence}\n",
        sentence.len() + 1
    )
}

type Accepted<S> =
    Pin<Box<dyn Future<Output = io::Result<(Watched, AddExtension<S, Arc<Connection>>)>> + Send>>;

impl<S: Send + 'static> Accept<TcpStream, S> for Attendant {
    type Stream = Watched;
    type Service = AddExtension<S, Arc<Connection>>;
    type Future = Accepted<S>;

    fn accept(&self, stream: TcpStream, service: S) -> Accepted<S> {
        let attendant = self.clone();
        Box::pin(async move {
            let from = stream.peer_addr()?.ip();
            let place = match attendant.admission.admit(from).await {
                Ok(place) => place,
                Err(refused) => {
                    tracing::info!(%from, why = %refused, "turned away");
                    attendant.turn_away(stream, refused).await;
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
            };
            notice_the_end(&stream, attendant.limits.unread)?;
            let (stream, service) = tokio::select! {
                accepted = attendant.tls.accept(stream, service) => accepted?,
                () = place.given_up() => return Err(io::ErrorKind::ConnectionAborted.into()),
            };
            let connection = Arc::new(Connection::new(place, &attendant.limits));
            Ok((Watched::new(stream, connection.clone()), AddExtension::new(service, connection)))
        })
    }
}

/// Has the kernel end a connection whose other end is gone, or takes nothing of what it asked for.
fn notice_the_end(stream: &TcpStream, unread: Duration) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVES)?;
    sockopt::set_tcp_user_timeout(stream, u32::try_from(unread.as_millis()).unwrap_or(u32::MAX))?;
    Ok(())
}

/// What requests know of the connection they came on.
pub(crate) struct Connection {
    place: Permit,
    idle: Duration,
    body: Duration,
    activity: Mutex<Activity>,
}

struct Activity {
    /// Under way.
    requests: usize,
    /// It is a WebSocket by now: whoever is at the two ends of it decides how long it lives.
    switched: bool,
    /// When it ends, if nothing is under way until then.
    end: Instant,
}

impl Connection {
    fn new(place: Permit, limits: &Limits) -> Self {
        let end = Instant::now() + limits.head;
        let activity = Mutex::new(Activity { requests: 0, switched: false, end });
        Self { place, idle: limits.idle, body: limits.body, activity }
    }

    /// Somebody whom the API knows has sent a request on it.
    pub(crate) fn known(&self) {
        self.place.known();
    }

    /// When it ends, as far as can be said now.
    fn end(&self) -> Instant {
        let activity = self.activity();
        if activity.switched || activity.requests > 0 { Instant::now() + self.idle } else { activity.end }
    }

    fn begin(self: &Arc<Self>) -> UnderWay {
        self.activity().requests += 1;
        UnderWay(self.clone())
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request, until its response was sent.
struct UnderWay(Arc<Connection>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let end = Instant::now() + self.0.idle;
        let mut activity = self.0.activity();
        activity.requests = activity.requests.saturating_sub(1);
        activity.end = end;
    }
}

/// Says that the connection is known, where there is one: not in tests that have no port.
pub(crate) fn known(extensions: &http::Extensions) {
    if let Some(connection) = extensions.get::<Arc<Connection>>() {
        connection.known();
    }
}

/// Keeps count of what is under way on a connection, and gives up a body that does not come.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let Some(connection) = request.extensions().get::<Arc<Connection>>().cloned() else {
        return next.run(request).await;
    };
    let under_way = connection.begin();
    let wait = connection.body;
    let has_body = !request.body().is_end_stream();
    let request = if has_body { request.map(|body| Body::new(Awaited::new(body, wait))) } else { request };
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        connection.activity().switched = true;
    }
    // The response is on its way until its body, and what that holds, is dropped.
    let held = move |error| {
        let _ = &under_way;
        error
    };
    response.map(|body| Body::new(body.map_err(held)))
}

/// A request's body, whose parts are waited for only so long.
struct Awaited {
    body: Body,
    wait: Duration,
    /// Of waiting for the next part.
    end: Option<Pin<Box<Sleep>>>,
}

impl Awaited {
    fn new(body: Body, wait: Duration) -> Self {
        Self { body, wait, end: None }
    }
}

impl HttpBody for Awaited {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let done @ Poll::Ready(_) = Pin::new(&mut self.body).poll_frame(context) {
            self.end = None;
            return done;
        }
        let wait = self.wait;
        ready!(self.end.get_or_insert_with(|| Box::pin(sleep(wait))).as_mut().poll(context));
        Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that ends when nothing has happened on it for too long, or its place was given to another.
pub(crate) struct Watched {
    stream: TlsStream<TcpStream>,
    connection: Arc<Connection>,
    end: Pin<Box<Sleep>>,
    given_up: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Watched {
    fn new(stream: TlsStream<TcpStream>, connection: Arc<Connection>) -> Self {
        let end = Box::pin(sleep_until(connection.end()));
        let given_up = Box::pin(connection.place.giving_up().cancelled_owned());
        Self { stream, connection, end, given_up }
    }

    fn check_place(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.given_up.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.end.as_mut().poll(context));
            let end = self.connection.end();
            if end <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.end.as_mut().reset(end);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_place(context)?;
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.poll_end(context).map(Err),
            done @ Poll::Ready(_) => done,
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_place(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_place(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
