//! What a viewer says, as RFB writes it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest clipboard text taken, bytes.
const MAX_CUT: u32 = 4 * 1024 * 1024;
const MAX_ENCODINGS: u16 = 1024;

/// One message of a viewer.
#[derive(Debug, PartialEq, Eq)]
pub enum FromViewer {
    SetPixelFormat(PixelFormat),
    SetEncodings(Vec<i32>),
    Update { incremental: bool },
    Key { down: bool, keysym: u32 },
    Pointer { buttons: u8, x: u16, y: u16 },
    Cut(String),
    SetSize { width: u16, height: u16 },
}

/// 32 bits a pixel, eight for each colour; only their places may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelFormat {
    big_endian: bool,
    red_shift: u8,
    green_shift: u8,
    blue_shift: u8,
}

impl Default for PixelFormat {
    fn default() -> Self {
        Self { big_endian: false, red_shift: 16, green_shift: 8, blue_shift: 0 }
    }
}

impl PixelFormat {
    pub fn to_bytes(self) -> [u8; 16] {
        let shifts = [self.red_shift, self.green_shift, self.blue_shift];
        let [red, green, blue] = shifts;
        [32, 24, u8::from(self.big_endian), 1, 0, 255, 0, 255, 0, 255, red, green, blue, 0, 0, 0]
    }

    fn from_bytes(bytes: [u8; 16]) -> io::Result<Self> {
        match bytes {
            [
                32,
                _,
                big_endian,
                1,
                0,
                255,
                0,
                255,
                0,
                255,
                red @ 0..=24,
                green @ 0..=24,
                blue @ 0..=24,
                ..,
            ] => {
                Ok(Self { big_endian: big_endian != 0, red_shift: red, green_shift: green, blue_shift: blue })
            }
            _ => Err(refused("a pixel format other than true colour in 32 bits")),
        }
    }

    /// `0xRRGGBB` as this viewer wants it.
    pub fn encode(self, pixel: u32) -> [u8; 4] {
        let value = (pixel >> 16 & 0xff) << self.red_shift
            | (pixel >> 8 & 0xff) << self.green_shift
            | (pixel & 0xff) << self.blue_shift;
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

pub async fn read_message(read: &mut (impl AsyncRead + Unpin)) -> io::Result<FromViewer> {
    match read.read_u8().await? {
        0 => {
            let mut bytes = [0; 19];
            read.read_exact(&mut bytes).await?;
            let (_padding, format) = bytes.split_at(3);
            let format = <[u8; 16]>::try_from(format).map_err(|_| refused("a short pixel format"))?;
            PixelFormat::from_bytes(format).map(FromViewer::SetPixelFormat)
        }
        2 => read_encodings(read).await,
        3 => {
            let incremental = read.read_u8().await? != 0;
            let _rectangle = read.read_u64().await?;
            Ok(FromViewer::Update { incremental })
        }
        4 => {
            let down = read.read_u8().await? != 0;
            let _padding = read.read_u16().await?;
            Ok(FromViewer::Key { down, keysym: read.read_u32().await? })
        }
        5 => {
            let buttons = read.read_u8().await?;
            Ok(FromViewer::Pointer { buttons, x: read.read_u16().await?, y: read.read_u16().await? })
        }
        6 => read_cut(read).await,
        251 => read_size(read).await,
        other => Err(refused(&format!("message type {other}"))),
    }
}

async fn read_encodings(read: &mut (impl AsyncRead + Unpin)) -> io::Result<FromViewer> {
    let _padding = read.read_u8().await?;
    let count = read.read_u16().await?;
    if count > MAX_ENCODINGS {
        return Err(refused("more encodings than there are"));
    }
    let mut encodings = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        encodings.push(read.read_i32().await?);
    }
    Ok(FromViewer::SetEncodings(encodings))
}

async fn read_cut(read: &mut (impl AsyncRead + Unpin)) -> io::Result<FromViewer> {
    let mut padding = [0; 3];
    read.read_exact(&mut padding).await?;
    let length = read.read_u32().await?;
    if length > MAX_CUT {
        return Err(refused("a clipboard text that is too long"));
    }
    let mut bytes = vec![0; length as usize];
    read.read_exact(&mut bytes).await?;
    Ok(FromViewer::Cut(bytes.into_iter().map(char::from).collect()))
}

async fn read_size(read: &mut (impl AsyncRead + Unpin)) -> io::Result<FromViewer> {
    let _padding = read.read_u8().await?;
    let (width, height) = (read.read_u16().await?, read.read_u16().await?);
    let screens = read.read_u8().await?;
    let _padding = read.read_u8().await?;
    for _ in 0..screens {
        let mut screen = [0; 16];
        read.read_exact(&mut screen).await?;
    }
    Ok(FromViewer::SetSize { width, height })
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<FromViewer> {
        read_message(&mut &*bytes).await
    }

    #[tokio::test]
    async fn a_viewers_own_pixel_format_is_honoured() {
        // What noVNC asks for: red in the lowest byte.
        let wanted = [0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0];
        let FromViewer::SetPixelFormat(format) = read(&wanted).await.unwrap() else { unreachable!() };
        assert_eq!(format.encode(0x11_22_33), [0x11, 0x22, 0x33, 0]);
        assert_eq!(PixelFormat::default().encode(0x11_22_33), [0x33, 0x22, 0x11, 0]);
        let mut eight_bit = wanted;
        eight_bit[4] = 8;
        assert!(read(&eight_bit).await.is_err());
    }

    #[tokio::test]
    async fn messages_are_read_and_oversized_ones_refused() {
        assert_eq!(
            read(&[4, 1, 0, 0, 0, 0, 0, 65]).await.unwrap(),
            FromViewer::Key { down: true, keysym: 65 }
        );
        assert_eq!(read(&[5, 1, 0, 2, 0, 3]).await.unwrap(), FromViewer::Pointer { buttons: 1, x: 2, y: 3 });
        assert_eq!(read(&[6, 0, 0, 0, 0, 0, 0, 1, 0xe9]).await.unwrap(), FromViewer::Cut("é".into()));
        let size = [251, 0, 4, 0, 3, 0, 0, 0];
        assert_eq!(read(&size).await.unwrap(), FromViewer::SetSize { width: 1024, height: 768 });
        assert!(read(&[6, 0, 0, 0, 255, 255, 255, 255]).await.is_err());
        assert!(read(&[99]).await.is_err());
    }
}
