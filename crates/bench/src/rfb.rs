//! Just enough of RFB 3.8 (RFC 6143) to ask for one whole frame and know when it is there.
//!
//! Frames are asked for in ZRLE, whose rectangles say their length, so nothing needs decoding.

use anyhow::{Context as _, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use rolltop_api_types::ScreenSocket;
use tokio_tungstenite::tungstenite::Message;

const SECURITY_NONE: u8 = 1;
const ENCODING_ZRLE: i32 = 16;
const FRAMEBUFFER_UPDATE: u8 = 0;

/// A reader over WebSocket messages, which cut the stream wherever they like.
struct Stream {
    socket: ScreenSocket,
    held: Vec<u8>,
    total: usize,
}

impl Stream {
    async fn read(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        while self.held.len() < length {
            match self.socket.next().await.context("the screen closed")?? {
                Message::Binary(bytes) => self.held.extend_from_slice(&bytes),
                Message::Close(_) => bail!("the screen closed"),
                _ => {}
            }
        }
        self.total += length;
        let rest = self.held.split_off(length);
        Ok(std::mem::replace(&mut self.held, rest))
    }

    async fn number<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        self.read(N).await?.try_into().map_err(|_| anyhow::anyhow!("a short read"))
    }

    async fn u16(&mut self) -> anyhow::Result<u16> {
        Ok(u16::from_be_bytes(self.number().await?))
    }

    async fn u32(&mut self) -> anyhow::Result<u32> {
        Ok(u32::from_be_bytes(self.number().await?))
    }

    async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::Binary(bytes.to_vec().into())).await?)
    }
}

/// Connects, asks for the whole screen and reads the update. Returns the bytes it took.
pub async fn first_frame(socket: ScreenSocket) -> anyhow::Result<usize> {
    let mut stream = Stream { socket, held: Vec::new(), total: 0 };
    let (width, height) = greet(&mut stream).await?;
    let mut request = vec![2, 0, 0, 1]; // SetEncodings, one of them
    request.extend(ENCODING_ZRLE.to_be_bytes());
    request.extend([3, 0, 0, 0, 0, 0]); // FramebufferUpdateRequest, not incremental, from 0,0
    request.extend(width.to_be_bytes());
    request.extend(height.to_be_bytes());
    stream.write(&request).await?;
    update(&mut stream).await?;
    Ok(stream.total)
}

/// The handshake without a password; answers the screen's size.
async fn greet(stream: &mut Stream) -> anyhow::Result<(u16, u16)> {
    ensure!(stream.read(12).await?.starts_with(b"RFB 003."), "not an RFB server");
    stream.write(b"RFB 003.008\n").await?;
    let [count] = stream.number().await?;
    ensure!(stream.read(count.into()).await?.contains(&SECURITY_NONE), "the server wants a password");
    stream.write(&[SECURITY_NONE]).await?;
    ensure!(stream.u32().await? == 0, "the server refused");
    stream.write(&[1]).await?; // others may watch too
    let (width, height) = (stream.u16().await?, stream.u16().await?);
    stream.read(16).await?; // the pixel format
    let name = stream.u32().await?;
    stream.read(name.try_into()?).await?;
    Ok((width, height))
}

async fn update(stream: &mut Stream) -> anyhow::Result<()> {
    loop {
        let [kind] = stream.number().await?;
        match kind {
            FRAMEBUFFER_UPDATE => break,
            2 => {} // bell
            3 => {
                // cut text
                stream.read(3).await?;
                let length = stream.u32().await?;
                stream.read(length.try_into()?).await?;
            }
            other => bail!("unexpected message {other}"),
        }
    }
    stream.read(1).await?;
    for _ in 0..stream.u16().await? {
        stream.read(8).await?;
        ensure!(
            stream.u32().await? == u32::from_ne_bytes(ENCODING_ZRLE.to_ne_bytes()),
            "an encoding that wasn't asked for"
        );
        let length = stream.u32().await?;
        stream.read(length.try_into()?).await?;
    }
    Ok(())
}
