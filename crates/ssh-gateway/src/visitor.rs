//! What a client may ask of the jump host, and what it is told instead.

use std::collections::HashMap;
use std::sync::Arc;

use rolltop_api_types::JUMP_USER;
use russh::keys::{Algorithm, HashAlg, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, Pty};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::server::Shared;
use crate::target::Target;
use crate::tunnel::Tunnel;
use crate::words;

const STANDARD_ERROR: u32 = 1;
const FAILED: u32 = 1;

/// russh's callbacks for one connection.
pub(crate) struct Visitor {
    shared: Arc<Shared>,
    /// The key's fingerprint, once it was proved.
    logged_in: watch::Sender<Option<String>>,
    room: Arc<Semaphore>,
    /// Channels that wait to be told that there is no shell.
    sessions: HashMap<ChannelId, OwnedSemaphorePermit>,
    ended: CancellationToken,
    /// The visitor goes with the connection, and tunnels with it.
    _ends_tunnels: DropGuard,
}

impl Visitor {
    pub fn new(
        shared: Arc<Shared>,
        ended: CancellationToken,
        logged_in: watch::Sender<Option<String>>,
    ) -> Self {
        let room = Arc::new(Semaphore::new(shared.limits.channels));
        let guard = ended.clone().drop_guard();
        Self { shared, logged_in, room, sessions: HashMap::new(), ended, _ends_tunnels: guard }
    }

    /// Whether the api knows the key. While it does not answer, nobody comes in.
    async fn is_known(&self, user: &str, fingerprint: &str) -> bool {
        if user != JUMP_USER {
            return false;
        }
        self.shared.api.is_known(fingerprint).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the api does not answer; nobody can log in");
            false
        })
    }

    /// One line on standard error, and the end of the channel.
    fn say_and_close(
        &mut self,
        channel: ChannelId,
        words: &'static str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.sessions.remove(&channel).is_none() {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        session.extended_data(channel, STANDARD_ERROR, format!("{words}\r\n").into_bytes())?;
        session.exit_status_request(channel, FAILED)?;
        session.eof(channel)?;
        session.close(channel)
    }
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        let known = self.is_known(user, &fingerprint(offer.public_key)).await;
        Ok(if known { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        let fingerprint = fingerprint(key.public_key);
        // `ssh-rsa` as the name of a signature means SHA-1.
        if matches!(key.algorithm, Algorithm::Rsa { hash: None }) || !self.is_known(user, &fingerprint).await
        {
            return Ok(Auth::reject());
        }
        self.logged_in.send_replace(Some(fingerprint));
        Ok(Auth::Accept)
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
        let target = match Target::parse(host, port) {
            Ok(target) => target,
            Err(why) => {
                reply.reject(words::no_target(why)).await;
                return Ok(());
            }
        };
        let (Ok(room), Some(fingerprint)) =
            (self.room.clone().try_acquire_owned(), self.logged_in.borrow().clone())
        else {
            reply.reject(words::too_many()).await;
            return Ok(());
        };
        let (shared, ended) = (self.shared.clone(), self.ended.clone());
        let tunnel = Tunnel { shared, fingerprint, target, ended, room };
        tokio::spawn(tunnel.run(channel, reply));
        Ok(())
    }

    /// Opened only to say why there is nothing on it.
    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.room.clone().try_acquire_owned() {
            Ok(room) => {
                self.sessions.insert(channel.id(), room);
                reply.accept().await;
            }
            Err(_) => reply.reject(words::too_many()).await,
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.sessions.remove(&channel);
        Ok(())
    }

    async fn channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.reject(words::prohibited()).await;
        Ok(())
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.reject(words::prohibited()).await;
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.reject(words::prohibited()).await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        // A terminal is to be had, for the one line; refusing it would only add another line.
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        self.say_and_close(channel, words::NO_SHELL, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.say_and_close(channel, words::NO_COMMAND, session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.say_and_close(channel, words::NO_COMMAND, session)
    }
}
