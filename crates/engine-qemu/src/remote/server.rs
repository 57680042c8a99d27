//! The host's side: hears requests on a unix socket and has an engine carry them out.

use std::any::Any;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rolltop_engine::{AnyCall, Call, Dispatch, DoorStream, Engine, EngineError, Reply as _, calls};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::descriptor;
use super::wire::{MAX_REQUEST, Reply, line};

/// How long a client may take to write its request, and again to read the answer.
const TRANSFER_LIMIT: Duration = Duration::from_secs(10);
/// Requests carried out at the same time; more of them wait.
const MAX_CONCURRENT: usize = 256;

/// Answers requests for `engine` until the task is dropped. Peers whose user id is not in
/// `allowed_uids` are cut off without an answer.
pub async fn serve(engine: Arc<dyn Engine>, listener: UnixListener, allowed_uids: Vec<u32>) {
    let places = Arc::new(Semaphore::new(MAX_CONCURRENT));
    let allowed_uids: Arc<[u32]> = allowed_uids.into();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (engine, allowed_uids) = (Arc::clone(&engine), Arc::clone(&allowed_uids));
                tokio::spawn(async move {
                    if let Err(error) = answer(engine, stream, &allowed_uids).await {
                        tracing::debug!(%error, "a request to the host was cut short");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::error!(%error, "the host's socket takes no connection; trying again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(engine: Arc<dyn Engine>, mut stream: UnixStream, allowed_uids: &[u32]) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if !allowed_uids.contains(&uid) {
        tracing::warn!(uid, "refused a request to the host from a user who may not make one");
        return Ok(());
    }
    let bytes = tokio::time::timeout(TRANSFER_LIMIT, read_request(&mut stream)).await??;
    let (reply, descriptor) = match serde_json::from_slice::<AnyCall>(&bytes) {
        Ok(call) => call.dispatch(CarryOut(engine)).await?,
        Err(error) => refusal(EngineError::Host(format!("not a request: {error}")))?,
    };
    let write = async {
        match descriptor {
            Some(descriptor) => descriptor::send(&stream, &reply, descriptor).await,
            None => stream.write_all(&reply).await,
        }
    };
    tokio::time::timeout(TRANSFER_LIMIT, write).await??;
    Ok(())
}

async fn read_request(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    BufReader::new(stream.take(MAX_REQUEST as u64 + 1)).read_until(b'\n', &mut bytes).await?;
    if bytes.len() > MAX_REQUEST || bytes.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not one line of at most a mebibyte"));
    }
    Ok(bytes)
}

/// A line, and the socket that goes with it.
type Answer = (Vec<u8>, Option<OwnedFd>);

/// Has an engine carry a call out.
struct CarryOut(Arc<dyn Engine>);

impl Dispatch for CarryOut {
    type Answer = io::Result<Answer>;

    async fn on<C: Call>(self, call: C) -> io::Result<Answer> {
        let about = match call.desktop() {
            Some(desktop) => tracing::info_span!("request", %desktop),
            None => tracing::info_span!("request"),
        };
        // A guest that does not listen yet, or never will, is knocked at many times a second.
        let is_knock = (&call as &dyn Any).is::<calls::Connect>();
        // A task of its own: it is carried through even if this client goes away.
        let carried_out = async move {
            let result = call.ask(self.0.as_ref()).await;
            match &result {
                Err(_) if is_knock => {}
                // People are sent to the host's log for these.
                Err(
                    error @ (EngineError::Host(_) | EngineError::Timeout(_) | EngineError::MemoryUnusable(_)),
                ) => {
                    tracing::warn!(%error, "not done");
                }
                Err(error) => tracing::debug!(%error, "not done"),
                Ok(_) => {}
            }
            result
        };
        match tokio::spawn(carried_out.instrument(about)).await {
            Ok(Ok(reply)) => {
                let (value, stream) = reply.split();
                Ok((line(&Reply::Ok(value))?, stream.map(socket_of).transpose()?))
            }
            Ok(Err(error)) => refusal(error),
            Err(error) => refusal(EngineError::Host(format!("the request broke off: {error}"))),
        }
    }
}

fn refusal(error: EngineError) -> io::Result<Answer> {
    Ok((line(&Reply::<()>::Error(error))?, None))
}

/// The socket under a door's stream; where there is none, one end of a new pair whose other end is copied to and from the stream.
fn socket_of(mut stream: DoorStream) -> io::Result<OwnedFd> {
    let kind: &dyn Any = &*stream;
    if kind.is::<TcpStream>() || kind.is::<UnixStream>() {
        let socket: Box<dyn Any> = stream;
        return match socket.downcast::<TcpStream>() {
            Ok(socket) => Ok(socket.into_std()?.into()),
            Err(other) => match other.downcast::<UnixStream>() {
                Ok(socket) => Ok(socket.into_std()?.into()),
                Err(_) => Err(io::Error::other("neither a TCP nor a unix socket")),
            },
        };
    }
    let (mut ours, theirs) = UnixStream::pair()?;
    tokio::spawn(async move {
        // Either end may close at any time; that ends the copy and nothing else.
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut ours).await;
    });
    Ok(theirs.into_std()?.into())
}
