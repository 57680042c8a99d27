//! Sending and receiving one open file beside the bytes of a unix socket (`SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Writes `bytes` whole, with `descriptor` attached to the first of them.
pub(super) async fn send(stream: &UnixStream, mut bytes: &[u8], descriptor: OwnedFd) -> io::Result<()> {
    let mut attached = Some(descriptor);
    while !bytes.is_empty() {
        let written = stream
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                let descriptors = attached.as_ref().map(|d| [d.as_fd()]);
                if let Some(descriptors) = &descriptors {
                    control.push(SendAncillaryMessage::ScmRights(descriptors));
                }
                Ok(rustix::net::sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
            })
            .await?;
        attached = None;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Reads until the end of the stream or `limit` bytes; returns them with the last descriptor
/// that came along.
pub(super) async fn receive(stream: &UnixStream, limit: usize) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let (mut bytes, mut descriptor) = (Vec::new(), None);
    let mut chunk = vec![0u8; 64 << 10];
    loop {
        let read = stream
            .async_io(Interest::READABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut control = RecvAncillaryBuffer::new(&mut space);
                let mut into = [IoSliceMut::new(&mut chunk)];
                let read = rustix::net::recvmsg(stream, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
                for message in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(received) = message {
                        descriptor = received.last().or(descriptor.take());
                    }
                }
                Ok(read.bytes)
            })
            .await?;
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if read == 0 {
            return Ok((bytes, descriptor));
        }
        if bytes.len() > limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
        }
    }
}
