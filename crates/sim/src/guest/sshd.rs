//! The machine's sshd: who may enter, and which channels there are.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rolltop_guest_protocol::{ATTENDANT_SOCKET, DOOR_USER, SESSION_USER, VNC_SOCKET};
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::eager::eager;
use super::{Guest, attendant, command, ports, rfb, sftp};

/// Between a connection that can be cut and the server, which can't be.
const PIPE_BYTES: usize = 256 * 1024;
/// Nobody guesses keys here.
const REJECTION_TIME: Duration = Duration::from_millis(10);

/// One connection, until it ends or `ended` is cancelled.
pub async fn serve(guest: Arc<Guest>, stream: UnixStream, ended: CancellationToken) {
    let mut stream = eager(stream);
    let config = server::Config {
        keys: vec![host_key(&guest)],
        auth_rejection_time: REJECTION_TIME,
        inactivity_timeout: None,
        ..server::Config::default()
    };
    let (mut near, far) = tokio::io::duplex(PIPE_BYTES);
    let visitor = Visitor { guest, user: String::new(), sessions: HashMap::new() };
    let server = tokio::spawn(async move {
        if let Ok(session) = server::run_stream(Arc::new(config), far, visitor).await {
            // How a connection ended is its client's business.
            let _ = session.await;
        }
    });
    let copied: Option<io::Result<_>> = tokio::select! {
        copied = tokio::io::copy_bidirectional(&mut stream, &mut near) => Some(copied),
        () = ended.cancelled() => None,
    };
    tracing::trace!(?copied, "a simulated connection ended");
    drop((stream, near));
    let _ = server.await;
}

/// The machine's own once it is personalised, the template's before.
fn host_key(guest: &Guest) -> PrivateKey {
    let own = guest.disk().identity.and_then(|identity| PrivateKey::from_openssh(identity.host_key).ok());
    own.unwrap_or_else(|| guest.template.host_key.clone())
}

struct Visitor {
    guest: Arc<Guest>,
    user: String,
    /// Session channels on which nothing has been asked for yet.
    sessions: HashMap<ChannelId, Channel<Msg>>,
}

impl Visitor {
    /// Whether another process can be started.
    fn has_room(&self) -> bool {
        !self.guest.is_full()
    }

    fn may_enter(&self, user: &str, key: &PublicKey) -> bool {
        let is =
            |line: &str| PublicKey::from_openssh(line).is_ok_and(|known| known.key_data() == key.key_data());
        match (user, self.guest.disk().identity) {
            (DOOR_USER, Some(identity)) => is(&identity.door_key),
            (DOOR_USER, None) => self.guest.template.bootstrap_key.public_key().key_data() == key.key_data(),
            (SESSION_USER, Some(identity)) => identity.authorized_keys.iter().any(|line| is(line)),
            _ => false,
        }
    }
}

impl server::Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        if self.may_enter(user, key.public_key) {
            self.user = user.to_owned();
            Ok(Auth::Accept)
        } else {
            Ok(Auth::reject())
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.sessions.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        path: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if path == VNC_SOCKET && self.user == DOOR_USER {
            reply.accept().await;
            let (screen, says) = (self.guest.screen().clone(), self.guest.faults.screen_fault());
            tokio::spawn(async move {
                if let Err(error) = rfb::serve(channel.into_stream(), screen, says).await {
                    tracing::debug!(%error, "a simulated viewer was sent away");
                }
            });
        } else if path == ATTENDANT_SOCKET && self.user == DOOR_USER {
            reply.accept().await;
            tokio::spawn(attendant::serve(self.guest.clone(), channel.into_stream()));
        } else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        let listens = |port: &u16| host == "127.0.0.1" && self.guest.ports.listens(*port);
        match u16::try_from(port).ok().filter(listens) {
            Some(port) if self.guest.ports.is_beside(port) => {
                reply.accept().await;
                tokio::spawn(ports::pass_on(port, channel.into_stream()));
            }
            Some(port) => {
                reply.accept().await;
                tokio::spawn(ports::serve(port, self.guest.files.clone(), channel.into_stream()));
            }
            None => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.sessions.remove(&id).filter(|_| self.has_room()) {
            Some(channel) => {
                session.channel_success(id)?;
                let line = String::from_utf8_lossy(line).into_owned();
                tokio::spawn(command::run(self.guest.clone(), line, channel));
            }
            None => session.channel_failure(id)?,
        }
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.sessions.remove(&id).filter(|_| name == "sftp" && self.has_room()) {
            Some(channel) => {
                session.channel_success(id)?;
                tokio::spawn(sftp::serve(self.guest.files.clone(), channel));
            }
            None => session.channel_failure(id)?,
        }
        Ok(())
    }
}
