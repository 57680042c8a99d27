//! One sentence to a client that is turned away, for next to nothing: SSH lets a server disconnect with a reason before
//! keys are exchanged, in the clear (RFC 4253, sections 4.2, 6 and 11.1).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::IDENTIFICATION;

const DISCONNECT: u8 = 1;
const TOO_MANY_CONNECTIONS: u32 = 12;
/// A packet's length, without encryption, is a multiple of this, its first four bytes included.
const BLOCK: usize = 8;
/// Shortest padding.
const PADDING: usize = 4;
/// For the client to take it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of what the client says meanwhile, bytes: it is not looked at, but must be read, or the reset that follows would take
/// our sentence away.
const ITS_WORDS: u64 = 16 << 10;

pub(crate) async fn say(mut stream: TcpStream, words: &str) {
    let said = async {
        let (mut reader, mut writer) = stream.split();
        writer.write_all(&message(words)).await?;
        writer.shutdown().await?;
        tokio::io::copy(&mut (&mut reader).take(ITS_WORDS), &mut tokio::io::sink()).await
    };
    let _ = timeout(PATIENCE, said).await;
}

/// Our identification and one packet.
fn message(words: &str) -> Vec<u8> {
    let mut payload = vec![DISCONNECT];
    payload.extend(TOO_MANY_CONNECTIONS.to_be_bytes());
    for text in [words, ""] {
        payload.extend(u32::try_from(text.len()).unwrap_or_default().to_be_bytes());
        payload.extend(text.as_bytes());
    }
    // Of the packet, five bytes come before the payload: its length, and that of the padding.
    let short = (5 + payload.len() + PADDING) % BLOCK;
    let padding = if short == 0 { PADDING } else { PADDING + BLOCK - short };
    let length = 1 + payload.len() + padding;
    let mut message = format!("{IDENTIFICATION}\r\n").into_bytes();
    message.extend(u32::try_from(length).unwrap_or_default().to_be_bytes());
    message.push(u8::try_from(padding).unwrap_or_default());
    message.extend(payload);
    message.resize(message.len() + padding, 0);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_whole_blocks_whatever_is_said() {
        for length in 0..40 {
            let message = message(&"x".repeat(length));
            let packet = &message[IDENTIFICATION.len() + 2..];
            let told = u32::from_be_bytes(packet[..4].try_into().unwrap());
            assert_eq!(packet.len(), 4 + told as usize);
            assert_eq!(packet.len() % BLOCK, 0);
            let padding = usize::from(packet[4]);
            assert!((PADDING..PADDING + BLOCK).contains(&padding));
            assert_eq!(packet.len(), 5 + (1 + 4 + 4 + length + 4) + padding);
        }
    }
}
