//! One channel's bytes, to the desktop and back, until either side is done.
//!
//! Each way goes through one buffer of fixed size. Writing to the channel waits for the client to
//! grant room, writing to the desktop for its socket, so that a slow side slows the other down.

use std::io;
use std::sync::Arc;

use rolltop_api_types::TunnelStream;
use russh::Channel;
use russh::server::{ChannelOpenHandle, Msg};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, copy_buf, split};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::server::Shared;
use crate::target::Target;
use crate::words;

/// Held each way, bytes.
const BUFFER: usize = 64 << 10;

pub(crate) struct Tunnel {
    pub shared: Arc<Shared>,
    pub fingerprint: String,
    pub target: Target,
    pub ended: CancellationToken,
    /// The channel's share of what one connection may have.
    pub room: OwnedSemaphorePermit,
}

impl Tunnel {
    /// Opens it, however long the desktop takes to start, and carries bytes.
    pub async fn run(self, channel: Channel<Msg>, reply: ChannelOpenHandle) {
        let opening = self.shared.api.tunnel(&self.fingerprint, self.target.as_str());
        let opened = tokio::select! {
            opened = opening => opened,
            () = self.ended.cancelled() => return,
        };
        match opened {
            Ok(inside) => {
                reply.accept().await;
                tokio::select! {
                    () = carry(channel.into_stream(), inside) => {}
                    () = self.ended.cancelled() => {}
                }
            }
            Err(error) => {
                tracing::info!(target = self.target.as_str(), %error, "no tunnel");
                reply.reject(words::no_tunnel(&error)).await;
            }
        }
        drop(self.room);
    }
}

/// Ends when the desktop's side is done: what a client still sends then has nowhere to go.
async fn carry(outside: impl AsyncRead + AsyncWrite, inside: TunnelStream) {
    let (from_client, mut to_client) = split(outside);
    let (from_desktop, mut to_desktop) = split(inside);
    let outward = move_all(from_desktop, &mut to_client);
    let inward = async {
        if move_all(from_client, &mut to_desktop).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = outward => {}
        () = inward => {}
    }
}

async fn move_all(from: impl AsyncRead + Unpin, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    copy_buf(&mut BufReader::with_capacity(BUFFER, from), to).await?;
    to.shutdown().await
}
