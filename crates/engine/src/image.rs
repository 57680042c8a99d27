//! A snapshot's disk on its way out of an engine or into one, and what boots it: a stream of frames.
//!
//! A frame is its kind (one byte), a place (eight bytes, most significant first), the length of its payload (four bytes,
//! likewise) and the payload. First comes [`Frame::About`], then kernel, RAM disk and disk in ascending order, then
//! [`Frame::End`]. What of the disk is not sent is zeros. An engine that takes an image in answers with one frame when
//! all of it is durable: [`Frame::Taken`], or [`Frame::Failed`].

use std::io;

use rolltop_model::{Size, SnapshotId, TemplateVersion};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{DiskLayer, Origin};

/// Most that kernel and RAM disk may have together, bytes.
pub const MOST_BOOT: u64 = 512 << 20;
/// Longest payload, bytes. A piece of the disk begins at a multiple of it and does not go beyond it.
pub const PIECE: usize = 4 << 20;

const HEADER: usize = 13;

/// For [`Images::export`](crate::Images::export).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportRequest {
    pub template: TemplateVersion,
    pub from: Origin,
}

/// For [`Images::import`](crate::Images::import).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportRequest {
    /// The snapshot that it becomes, whose disk is one layer.
    pub snapshot: SnapshotId,
    pub disk: DiskLayer,
    pub size: Size,
    pub disk_gib: u64,
}

/// What an image is besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The kernel's command line.
    pub cmdline: String,
    pub disk_gib: u64,
    /// How long kernel and RAM disk are, bytes. An engine says so; of what comes in it is not known yet, and 0.
    #[serde(default)]
    pub kernel_bytes: u64,
    #[serde(default)]
    pub initrd_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    About(About),
    Kernel(Vec<u8>),
    Initrd(Vec<u8>),
    /// A piece of the disk, from this byte on.
    Disk(u64, Vec<u8>),
    End,
    /// One sentence.
    Failed(String),
    /// It is a snapshot now, of this template.
    Taken(TemplateVersion),
}

impl Frame {
    fn parts(self) -> io::Result<(u8, u64, Vec<u8>)> {
        Ok(match self {
            Frame::About(about) => (0, 0, serde_json::to_vec(&about)?),
            Frame::Kernel(bytes) => (1, 0, bytes),
            Frame::Initrd(bytes) => (2, 0, bytes),
            Frame::Disk(offset, bytes) => (3, offset, bytes),
            Frame::End => (4, 0, Vec::new()),
            Frame::Failed(why) => (5, 0, why.into_bytes()),
            Frame::Taken(template) => (6, 0, serde_json::to_vec(&template)?),
        })
    }

    pub async fn write(self, to: &mut (impl AsyncWrite + Unpin + ?Sized)) -> io::Result<()> {
        let (kind, place, payload) = self.parts()?;
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut header = Vec::with_capacity(HEADER);
        header.push(kind);
        header.extend_from_slice(&place.to_be_bytes());
        header.extend_from_slice(&length.to_be_bytes());
        to.write_all(&header).await?;
        to.write_all(&payload).await?;
        to.flush().await
    }

    /// The next one. A stream that ends before [`Frame::End`] is an error.
    pub async fn read(from: &mut (impl AsyncRead + Unpin + ?Sized)) -> io::Result<Self> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let (kind, place, length) = (from.read_u8().await?, from.read_u64().await?, from.read_u32().await?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > PIECE {
            return Err(wrong("a piece of an image is too long"));
        }
        let mut payload = vec![0; length];
        from.read_exact(&mut payload).await?;
        Ok(match kind {
            0 => Frame::About(serde_json::from_slice(&payload)?),
            1 => Frame::Kernel(payload),
            2 => Frame::Initrd(payload),
            3 => Frame::Disk(place, payload),
            4 => Frame::End,
            5 => Frame::Failed(String::from_utf8_lossy(&payload).into_owned()),
            6 => Frame::Taken(serde_json::from_slice(&payload)?),
            _ => return Err(wrong("an image has a part that is not known")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_through_and_nonsense_does_not() {
        let about = About { cmdline: "root=/dev/vda".into(), disk_gib: 20, ..About::default() };
        let all = [
            Frame::About(about),
            Frame::Kernel(vec![1; 5]),
            Frame::Initrd(Vec::new()),
            Frame::Disk(1 << 40, vec![7; PIECE]),
            Frame::End,
            Frame::Failed("no".into()),
            Frame::Taken("imported@0123456789ab".parse().unwrap()),
        ];
        let mut bytes = Vec::new();
        for frame in all.clone() {
            frame.write(&mut bytes).await.unwrap();
        }
        let mut from = bytes.as_slice();
        for frame in all {
            assert_eq!(Frame::read(&mut from).await.unwrap(), frame);
        }
        assert!(Frame::read(&mut from).await.is_err(), "it does not just end");
        for bad in [[9; 13], [3, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0]] {
            assert!(Frame::read(&mut bad.as_slice()).await.is_err());
        }
    }
}
