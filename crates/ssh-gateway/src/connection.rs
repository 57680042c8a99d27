//! One connection, from its first byte to its last: who logs in has so long for it, and stays only
//! as long as the key is known.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rolltop_admission::{Admission, Permit};
use russh::{Disconnect, server};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::server::Shared;
use crate::visitor::Visitor;
use crate::{farewell, words};

/// For a client to take our last words, and for the session's task to end.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection's turn is waited for, and then it is attended to.
pub(crate) async fn receive(shared: Arc<Shared>, admission: Arc<Admission>, stream: TcpStream, from: IpAddr) {
    if stream.set_nodelay(true).is_err() {
        return; // gone already
    }
    let admitted = tokio::select! {
        admitted = admission.admit(from) => admitted,
        () = shared.stopping.cancelled() => return,
    };
    match admitted {
        Ok(place) => attend(&shared, stream, from, &place).await,
        Err(refused) => {
            tracing::info!(%from, why = %refused, "turned away");
            if let Ok(_one_of_few) = shared.farewells.try_acquire() {
                farewell::say(stream, words::refused(refused)).await;
            }
        }
    }
}

async fn attend(shared: &Arc<Shared>, stream: TcpStream, from: IpAddr, place: &Permit) {
    let give_up = Instant::now() + shared.limits.login;
    let ended = CancellationToken::new();
    let (logged_in, login) = watch::channel(None);
    let visitor = Visitor::new(shared.clone(), ended.clone(), logged_in);
    let stream = Cuttable { stream, cut: Box::pin(ended.clone().cancelled_owned()) };
    let opening = server::run_stream(shared.ssh.clone(), stream, visitor);
    let session = tokio::select! {
        opened = timeout_at(give_up, opening) => match opened {
            Ok(Ok(session)) => session,
            Ok(Err(_)) | Err(_) => return tracing::debug!(%from, "somebody who does not speak SSH"),
        },
        () = place.given_up() => return tracing::info!(%from, "its place was given to another"),
        () = shared.stopping.cancelled() => return,
    };
    let handle = session.handle();
    tokio::pin!(session);
    let words = tokio::select! {
        _ = &mut session => return,
        words = watch_over(shared, place, login, give_up, from) => words,
        () = place.given_up() => words::FULL,
        () = shared.stopping.cancelled() => words::STOPPING,
    };
    tracing::info!(%from, why = words, "hung up");
    let goodbye = async {
        let goodbye = handle.disconnect(Disconnect::ByApplication, words.to_owned(), "en".to_owned());
        if goodbye.await.is_err() {
            std::future::pending::<()>().await; // it is ending anyway
        }
        (&mut session).await
    };
    if timeout(FAREWELL, goodbye).await.is_err() {
        // It does not listen: cut it off, which ends its tunnels too.
        ended.cancel();
        let _ = timeout(FAREWELL, session).await;
    }
}

/// Resolves with what to say once the connection has to end.
async fn watch_over(
    shared: &Shared,
    place: &Permit,
    mut login: watch::Receiver<Option<String>>,
    give_up: Instant,
    from: IpAddr,
) -> &'static str {
    let logged_in = async { login.wait_for(Option::is_some).await.ok().and_then(|known| known.clone()) };
    let fingerprint = match timeout_at(give_up, logged_in).await {
        Ok(Some(fingerprint)) => fingerprint,
        // The session is over; whoever waits for it sees that.
        Ok(None) => return std::future::pending().await,
        Err(_) => return words::TOO_SLOW,
    };
    place.known();
    tracing::info!(%from, fingerprint, "logged in");
    loop {
        sleep(shared.limits.recheck).await;
        // While the api does not answer, nothing is known and nobody is sent away.
        if matches!(shared.api.is_known(&fingerprint).await, Ok(false)) {
            return words::KEY_REMOVED;
        }
    }
}

/// A connection that can be ended from outside, whatever the session on it waits for.
struct Cuttable {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Cuttable {
    fn is_cut(&mut self, context: &mut Context<'_>) -> bool {
        self.cut.as_mut().poll(context).is_ready()
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
