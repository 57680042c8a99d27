//! A folder as one zip file, made while it is read.
//!
//! Links are left out, since what unpacks them could be led anywhere; so are pipes and the like.
//! Names come from the desktop: only plain ones go in. Depth and number of entries are bounded.

use std::io::Write;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use futures::{Stream, StreamExt};
use rolltop_door::{FileInfo, FileKind};
use std::io;
use tokio::sync::mpsc;

use super::{FileError, Files, checked, joined, name_of};
use crate::caller::purpose::ReadFiles;

/// Folders in folders, at most.
const DEEPEST: usize = 64;
/// Entries in all, at most: what is known of each is kept to the end.
const MOST: usize = 200_000;

/// A zip file on its way.
pub struct Archive {
    /// The folder's own name.
    pub name: String,
    pub bytes: Box<dyn Stream<Item = io::Result<Bytes>> + Send + Unpin>,
}

impl Files<ReadFiles> {
    /// What is in a folder, and below it, as a zip file.
    pub async fn archive(&self, path: &str) -> Result<Archive, FileError> {
        checked(path)?;
        if self.sftp.info(path).await?.kind != FileKind::Folder {
            return Err(FileError::NotAFolder);
        }
        let real = self.sftp.real_path(path).await?;
        let name = name_of(&real).to_owned();
        let (sender, receiver) = mpsc::channel(4);
        let zip = Zip { files: self.clone(), sender, written: 0, entries: Vec::new() };
        let name = if name.is_empty() { "files".to_owned() } else { name };
        let root = name.clone();
        tokio::spawn(async move {
            let sender = zip.sender.clone();
            if let Err(error) = zip.run(real, root).await {
                // Whoever reads is told that this is not the whole of it.
                let _ = sender.send(Err(error)).await;
            }
        });
        let bytes = futures::stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|bytes| (bytes, receiver))
        });
        Ok(Archive { name, bytes: Box::new(Box::pin(bytes)) })
    }
}

struct Zip {
    files: Files<ReadFiles>,
    sender: mpsc::Sender<io::Result<Bytes>>,
    written: u64,
    entries: Vec<Entry>,
}

/// What the directory at the end says of one file.
struct Entry {
    name: String,
    mode: u32,
    time: u32,
    crc: u32,
    packed: u64,
    size: u64,
    at: u64,
}

impl Zip {
    async fn run(mut self, root: String, name: String) -> io::Result<()> {
        let mut waiting = vec![(root, name, 0)];
        while let Some((path, name, depth)) = waiting.pop() {
            let listing = match self.files.sftp.list(&path).await {
                Ok(listing) if !listing.truncated => listing,
                Ok(_) => return Err(io::Error::other("a folder has too many entries")),
                // It went away, or may not be read: what can be had is had.
                Err(_) => continue,
            };
            self.folder(&name).await?;
            for (entry, info) in listing.entries {
                let (path, name) = (joined(&path, &entry), format!("{name}/{}", entry.replace('\\', "_")));
                match info.kind {
                    FileKind::Folder if depth < DEEPEST => waiting.push((path, name, depth + 1)),
                    FileKind::File => self.file(&path, name, info).await?,
                    FileKind::Folder | FileKind::Link | FileKind::Other => {}
                }
            }
        }
        self.directory().await
    }

    async fn folder(&mut self, name: &str) -> io::Result<()> {
        let entry = Entry {
            name: format!("{name}/"),
            mode: 0o040_755,
            time: 0,
            crc: 0,
            packed: 0,
            size: 0,
            at: self.written,
        };
        self.send(entry.local(false)).await?;
        self.keep(entry)
    }

    async fn file(&mut self, path: &str, name: String, info: FileInfo) -> io::Result<()> {
        let Ok(file) = self.files.sftp.read_file(path).await else { return Ok(()) };
        let mut entry = Entry {
            name,
            mode: 0o100_000 | info.mode,
            time: dos_time(info.modified),
            crc: 0,
            packed: 0,
            size: 0,
            at: self.written,
        };
        self.send(entry.local(true)).await?;
        let (begun, mut crc) = (self.written, Crc::new());
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        let mut pieces = std::pin::pin!(file);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            crc.update(&piece);
            entry.size += piece.len() as u64;
            packer.write_all(&piece)?;
            self.send(std::mem::take(packer.get_mut())).await?;
        }
        self.send(packer.finish()?).await?;
        (entry.crc, entry.packed) = (crc.sum(), self.written - begun);
        self.send(entry.descriptor()).await?;
        self.keep(entry)
    }

    fn keep(&mut self, entry: Entry) -> io::Result<()> {
        if self.entries.len() >= MOST {
            return Err(io::Error::other("the folder has too many files"));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The directory at the end, always in its 64-bit form.
    async fn directory(&mut self) -> io::Result<()> {
        let begun = self.written;
        let entries = std::mem::take(&mut self.entries);
        for entry in &entries {
            self.send(entry.central()).await?;
        }
        let (count, size) = (entries.len() as u64, self.written - begun);
        let mut end = Vec::new();
        put(&mut end, &[0x0606_4b50, 4], &[44]);
        end.extend_from_slice(&[45, 3, 45, 0]);
        put(&mut end, &[0, 4, 0, 4], &[count, count, size, begun]);
        put(&mut end, &[0x0706_4b50, 4, 0, 4], &[self.written]);
        put(&mut end, &[1, 4, 0x0605_4b50, 4, 0, 4], &[]);
        end.extend_from_slice(&[0xff; 12]);
        end.extend_from_slice(&[0; 2]);
        self.send(end).await
    }

    async fn send(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.written += bytes.len() as u64;
        if bytes.is_empty() {
            return Ok(());
        }
        self.sender.send(Ok(bytes.into())).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// Pairs of a number and its width in bytes, then numbers of eight bytes.
fn put(out: &mut Vec<u8>, pairs: &[u32], wide: &[u64]) {
    for pair in pairs.chunks_exact(2) {
        if let [number, width] = pair {
            out.extend(number.to_le_bytes().into_iter().take(*width as usize));
        }
    }
    for number in wide {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

impl Entry {
    fn method(&self) -> u32 {
        if self.name.ends_with('/') { 0 } else { 8 }
    }

    fn flags(&self) -> u32 {
        // Names in UTF-8; sizes after the content.
        if self.name.ends_with('/') { 0x0800 } else { 0x0808 }
    }

    fn name_length(&self) -> u32 {
        u32::try_from(self.name.len()).unwrap_or(u32::MAX)
    }

    fn local(&self, wide: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let sizes = if wide { u32::MAX } else { 0 };
        put(&mut out, &[0x0403_4b50, 4, 45, 2, self.flags(), 2, self.method(), 2, self.time, 4, 0, 4], &[]);
        put(&mut out, &[sizes, 4, sizes, 4, self.name_length(), 2, if wide { 20 } else { 0 }, 2], &[]);
        out.extend_from_slice(self.name.as_bytes());
        if wide {
            put(&mut out, &[1, 2, 16, 2], &[0, 0]);
        }
        out
    }

    fn descriptor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, &[0x0807_4b50, 4, self.crc, 4], &[self.packed, self.size]);
        out
    }

    fn central(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, &[0x0201_4b50, 4, 0x032d, 2, 45, 2, self.flags(), 2, self.method(), 2], &[]);
        put(&mut out, &[self.time, 4, self.crc, 4, u32::MAX, 4, u32::MAX, 4], &[]);
        put(
            &mut out,
            &[self.name_length(), 2, 28, 2, 0, 2, 0, 2, 0, 2, self.mode << 16, 4, u32::MAX, 4],
            &[],
        );
        out.extend_from_slice(self.name.as_bytes());
        put(&mut out, &[1, 2, 24, 2], &[self.size, self.packed, self.at]);
        out
    }
}

/// Date and time as zip files have them: in UTC, from 1980 on, every other second.
fn dos_time(seconds: u32) -> u32 {
    let Ok(at) = jiff::Timestamp::from_second(seconds.into()) else { return 0 };
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let number = |value: i8| u32::try_from(value).unwrap_or(0);
    let years = u32::try_from(i32::from(at.year()) - 1980).unwrap_or(0).min(127);
    let date = (years << 9) | (number(at.month()) << 5) | number(at.day());
    let time = (number(at.hour()) << 11) | (number(at.minute()) << 5) | (number(at.second()) / 2);
    (date << 16) | time
}
