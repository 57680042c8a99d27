//! Just enough of a VNC server (RFB 3.8, raw pixels) for noVNC to show a screen, resize it,
//! and exchange clipboards: what is pasted comes back in capitals.

use axum::extract::ws::{Message, WebSocket};

use super::{picture, terminals};

const EXTENDED_DESKTOP_SIZE: i32 = -308;

struct Session {
    socket: WebSocket,
    buffer: Vec<u8>,
}

impl Session {
    /// The next so many bytes, however they were cut into messages.
    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            match self.socket.recv().await?.ok()? {
                Message::Binary(bytes) => self.buffer.extend_from_slice(&bytes),
                Message::Close(_) => return None,
                Message::Text(text) => {
                    if let Some(pong) = terminals::pong(&serde_json::from_str(&text).ok()?) {
                        self.socket.send(pong).await.ok()?;
                    }
                }
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
        let rest = self.buffer.split_off(count);
        Some(std::mem::replace(&mut self.buffer, rest))
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Option<()> {
        self.socket.send(Message::Binary(bytes.into())).await.ok()
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    u16::from_be_bytes([bytes[at], bytes[at + 1]]).into()
}

fn long(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

pub async fn serve(socket: WebSocket, seed: u32) -> Option<()> {
    let mut session = Session { socket, buffer: Vec::new() };
    let (mut width, mut height) = (1280_u16, 800_u16);
    session.send(b"RFB 003.008\n".to_vec()).await?;
    session.take(12).await?;
    session.send(vec![1, 1]).await?;
    session.take(1).await?;
    session.send(vec![0; 4]).await?;
    session.take(1).await?;
    let mut init = [width.to_be_bytes(), height.to_be_bytes()].concat();
    init.extend([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0]);
    init.extend(7_u32.to_be_bytes());
    init.extend(b"standin");
    session.send(init).await?;
    let mut resizable = false;
    loop {
        match session.take(1).await?.first()? {
            0 => drop(session.take(19).await?),
            2 => {
                let count = number(&session.take(3).await?, 1);
                let encodings = session.take(count * 4).await?;
                resizable = encodings.chunks_exact(4).any(|chunk| {
                    i32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]) == EXTENDED_DESKTOP_SIZE
                });
                if resizable {
                    session.send(size_message(0, width, height)).await?;
                }
            }
            3 => {
                let incremental = session.take(9).await?.first() == Some(&1);
                if !incremental {
                    session.send(frame(width, height, seed)).await?;
                }
            }
            4 => drop(session.take(7).await?),
            5 => drop(session.take(5).await?),
            6 => {
                let length = long(&session.take(7).await?, 3);
                let text = session.take(length).await?.to_ascii_uppercase();
                let mut message = vec![3, 0, 0, 0];
                message.extend(u32::try_from(text.len()).ok()?.to_be_bytes());
                message.extend(text);
                session.send(message).await?;
            }
            150 => drop(session.take(9).await?),
            251 => {
                let head = session.take(7).await?;
                session.take(usize::from(head[5]) * 16).await?;
                (width, height) = (number(&head, 1) as u16, number(&head, 3) as u16);
                session.send(size_message(1, width, height)).await?;
                session.send(frame(width, height, seed)).await?;
            }
            255 => drop(session.take(11).await?),
            other => panic!("the stand-in does not know message {other}"),
        }
        let _ = resizable;
    }
}

/// Tells the client the size, and that it may choose another.
fn size_message(reason: u16, width: u16, height: u16) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 1];
    for part in [reason, 0, width, height] {
        message.extend(part.to_be_bytes());
    }
    message.extend(EXTENDED_DESKTOP_SIZE.to_be_bytes());
    message.extend([1, 0, 0, 0]);
    message.extend(1_u32.to_be_bytes());
    for part in [0, 0, width, height] {
        message.extend(part.to_be_bytes());
    }
    message.extend([0; 4]);
    message
}

fn frame(width: u16, height: u16, seed: u32) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 1];
    for part in [0, 0, width, height] {
        message.extend(part.to_be_bytes());
    }
    message.extend(0_i32.to_be_bytes());
    let picture = picture::draw(width, height, seed);
    message.extend(picture.pixels.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 0]));
    message
}
