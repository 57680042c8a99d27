//! Opening a door, and the connection behind it.
//!
//! The connection lives in a task of russh's. It ends when [`Door::close`] is called, when the
//! desktop hangs up or stops answering keepalives, or when the door and all its channels are
//! dropped; [`Door::closed`] tells.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rolltop_engine::DoorStream;
use russh::client::{self, AuthResult, Handle, Session};
use russh::keys::key::PrivateKeyWithHashAlg;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKeyOrCertificate};
use russh::{ChannelId, Disconnect, Preferred, Sig, SshId, cipher, kex, mac};
use secrecy::ExposeSecret;
use tokio::io::BufReader;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::lanes::Lane;
use crate::login::{ExpectedKey, Login};
use crate::sftp::Sftp;

/// From the first byte to being let in. An emulated guest takes 1 to 3 seconds alone, and
/// half a minute when twenty are opened at once on two processors.
const OPEN_DEADLINE: Duration = Duration::from_secs(90);
/// A silent desktop is asked for a sign of life this often,
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// and taken for stuck after so many unanswered.
const KEEPALIVE_MAX: usize = 4;
/// Bytes a desktop may send on one channel before we must grant it more.
const WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const MAX_PACKET_BYTES: u32 = 32 * 1024;
/// Read from a desktop at once, bytes: many small packets, or half of the largest. Each running desktop has that much kept for it.
const READ_AHEAD: usize = 16 * 1024;
/// Messages russh holds per channel before it stops reading from the connection. Small: the
/// real buffer of a channel is [`crate::DoorChannel`]'s, which counts bytes.
const CHANNEL_MESSAGES: usize = 16;

/// Why a door did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the private key can't be read")]
    PrivateKey(#[source] russh::keys::ssh_key::Error),
    #[error("the pinned host key can't be read")]
    PinnedKey(#[source] russh::keys::ssh_key::Error),
    #[error("the desktop showed another host key than the pinned one: {shown}")]
    WrongHostKey {
        /// Fingerprint of the key that was shown.
        shown: String,
    },
    #[error("the desktop did not accept the key")]
    Refused,
    #[error("the desktop did not let us in within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error("the desktop sent more at once than it was allowed")]
    TooMuch,
    #[error("the connection to the desktop failed")]
    Transport(#[source] russh::Error),
}

/// An open, authenticated connection to one desktop. Cheap to share in an `Arc`.
pub struct Door {
    pub(crate) handle: Handle<Visitor>,
    pub(crate) sftp: Mutex<Option<Sftp>>,
    pub(crate) lane: Arc<Lane>,
    closed: CancellationToken,
    host_key: String,
}

impl Door {
    /// Proves the desktop's host key and our own key, within a minute and a half.
    pub async fn open(stream: DoorStream, login: &Login) -> Result<Self, OpenError> {
        let key =
            PrivateKey::from_openssh(login.private_key.expose_secret()).map_err(OpenError::PrivateKey)?;
        let expected = login.host_key.expected().map_err(OpenError::PinnedKey)?;
        match timeout(OPEN_DEADLINE, connect(stream, &login.user, key, expected)).await {
            Ok(result) => result,
            Err(_) => Err(OpenError::TimedOut(OPEN_DEADLINE)),
        }
    }

    /// The host key the desktop proved, one OpenSSH public line.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled() || self.handle.is_closed()
    }

    /// Resolves once the connection has ended, for whatever reason.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Waits for a sign of life from the sshd inside; `false` where the connection has ended.
    pub async fn answers(&self) -> bool {
        self.handle.send_ping().await.is_ok()
    }

    /// Hangs up; open channels end.
    pub async fn close(&self) {
        // An error means that the connection has ended already.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

async fn connect(
    stream: DoorStream,
    user: &str,
    key: PrivateKey,
    expected: ExpectedKey,
) -> Result<Door, OpenError> {
    let closed = CancellationToken::new();
    let shown = Arc::new(OnceLock::new());
    let visitor = Visitor { expected, shown: shown.clone(), _ended: closed.clone().drop_guard() };
    // russh reads a packet's length and then the packet: from here rather than from the kernel.
    let stream = BufReader::with_capacity(READ_AHEAD, stream);
    let mut handle = client::connect_stream(Arc::new(configuration()), stream, visitor).await?;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    match handle.authenticate_publickey(user, key).await.map_err(OpenError::Transport)? {
        AuthResult::Success => {}
        AuthResult::Failure { .. } if handle.is_closed() => {
            return Err(OpenError::Transport(russh::Error::Disconnect));
        }
        AuthResult::Failure { .. } => return Err(OpenError::Refused),
    }
    let host_key = shown.get().cloned().unwrap_or_default();
    Ok(Door { handle, sftp: Mutex::new(None), lane: Arc::default(), closed, host_key })
}

/// Only what an emulated guest does cheaply: one key exchange, one key type, and AES-GCM, for
/// which emulators use the host's own instructions (10 MB cost an emulated processor 1.3 s with
/// it, 1.5 s with AES-CTR and 2.3 s with ChaCha20).
fn configuration() -> client::Config {
    client::Config {
        client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Rolltop")),
        window_size: WINDOW_BYTES,
        maximum_packet_size: MAX_PACKET_BYTES,
        channel_buffer_size: CHANNEL_MESSAGES,
        keepalive_interval: Some(KEEPALIVE_INTERVAL),
        keepalive_max: KEEPALIVE_MAX,
        inactivity_timeout: None,
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::EXTENSION_SUPPORT_AS_CLIENT,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            cipher: Cow::Borrowed(&[cipher::AES_128_GCM, cipher::AES_128_CTR, cipher::CHACHA20_POLY1305]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM, mac::HMAC_SHA256]),
            ..Preferred::DEFAULT
        },
        ..client::Config::default()
    }
}

/// russh's callbacks. All channels are opened by us; a desktop that opens one is refused by
/// russh's defaults.
pub(crate) struct Visitor {
    expected: ExpectedKey,
    shown: Arc<OnceLock<String>>,
    /// The visitor is dropped with the connection's task, and this tells [`Door::closed`].
    _ended: DropGuard,
}

/// Whether a desktop may send so much in one packet.
fn allowed(bytes: usize) -> Result<(), OpenError> {
    if bytes <= MAX_PACKET_BYTES as usize { Ok(()) } else { Err(OpenError::TooMuch) }
}

impl From<russh::Error> for OpenError {
    fn from(error: russh::Error) -> Self {
        OpenError::Transport(error)
    }
}

impl client::Handler for Visitor {
    type Error = OpenError;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, OpenError> {
        let key = shown.public_key();
        if !self.expected.accepts(&key) {
            return Err(OpenError::WrongHostKey { shown: key.fingerprint(HashAlg::Sha256).to_string() });
        }
        let line = key.to_openssh().map_err(OpenError::PinnedKey)?;
        // A re-exchange shows the key again; the first answer stays.
        let _ = self.shown.set(line.trim().to_owned());
        Ok(true)
    }

    // russh takes packets of 256 KiB, and keeps some for each channel: a door that has one ends.

    async fn data(&mut self, _: ChannelId, data: &[u8], _: &mut Session) -> Result<(), OpenError> {
        allowed(data.len())
    }

    async fn extended_data(
        &mut self,
        _: ChannelId,
        _: u32,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), OpenError> {
        allowed(data.len())
    }

    async fn exit_signal(
        &mut self,
        _: ChannelId,
        signal: Sig,
        _: bool,
        message: &str,
        language: &str,
        _: &mut Session,
    ) -> Result<(), OpenError> {
        let name = if let Sig::Custom(name) = &signal { name.len() } else { 0 };
        allowed(name.saturating_add(message.len()).saturating_add(language.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_desktop_sends_at_once_is_what_was_agreed() {
        assert!(allowed(0).is_ok() && allowed(32 * 1024).is_ok());
        assert!(matches!(allowed(32 * 1024 + 1), Err(OpenError::TooMuch)));
    }
}
