//! TLS always: whoever speaks plain HTTP to the port is told the same address with `https`,
//! and nothing else is ever said in the clear.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// First byte of a TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
/// Longest plain request that is read to answer it, bytes.
const PLAIN_LIMIT: u64 = 4096;
/// How long a client may take to say which of the two it speaks.
const WAIT: Duration = Duration::from_secs(10);

/// Comes before TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TlsOnly;

type Accepted<S> = Pin<Box<dyn Future<Output = io::Result<(TcpStream, S)>> + Send>>;

impl<S: Send + 'static> Accept<TcpStream, S> for TlsOnly {
    type Stream = TcpStream;
    type Service = S;
    type Future = Accepted<S>;

    fn accept(&self, stream: TcpStream, service: S) -> Accepted<S> {
        Box::pin(async move {
            stream.set_nodelay(true)?;
            let mut first = [0];
            let count = timeout(WAIT, stream.peek(&mut first)).await??;
            if count == 1 && first != [TLS_HANDSHAKE] {
                timeout(WAIT, redirect(stream)).await??;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP"));
            }
            Ok((stream, service))
        })
    }
}

async fn redirect(mut stream: TcpStream) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut head = Vec::new();
    let mut limited = (&mut reader).take(PLAIN_LIMIT);
    while !head.ends_with(b"\r\n\r\n") {
        match limited.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    let answer = match secure_address(&String::from_utf8_lossy(&head)) {
        Some(address) => format!("HTTP/1.1 308 Permanent Redirect\r\nLocation: {address}\r\n"),
        None => "HTTP/1.1 400 Bad Request\r\n".to_owned(),
    };
    writer.write_all(format!("{answer}Connection: close\r\nContent-Length: 0\r\n\r\n").as_bytes()).await?;
    writer.shutdown().await
}

/// Where the request wanted to go, with TLS. `None` for what is no request.
fn secure_address(head: &str) -> Option<String> {
    let mut lines = head.split("\r\n");
    let mut request = lines.next()?.split(' ');
    let (_, path, version) = (request.next()?, request.next()?, request.next()?);
    let host = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim())?;
    let plain_text = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_host = plain_text(host) && !host.contains(['/', '@', '\\']);
    (version.starts_with("HTTP/1.") && path.starts_with('/') && plain_text(path) && is_host)
        .then(|| format!("https://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_address_with_tls() {
        let head = "GET /welcome/x?y=1 HTTP/1.1\r\nUser-Agent: a\r\nhost: desk.example:8443\r\n\r\n";
        assert_eq!(secure_address(head).unwrap(), "https://desk.example:8443/welcome/x?y=1");
    }

    #[test]
    fn what_is_no_request_leads_nowhere() {
        for head in [
            "",
            "GET / HTTP/1.1\r\n\r\n",
            "GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: user@evil\r\n\r\n",
            "SSH-2.0-OpenSSH_10\r\n",
        ] {
            assert_eq!(secure_address(head), None, "{head:?}");
        }
    }
}
