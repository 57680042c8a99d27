//! A folder as one zip file, made while it is read.
//!
//! Links are left out, since what unpacks them could be led anywhere; so are pipes and the like, and what can't be read.
//! What was left out is listed in a text file of its own beside the folder. Names come from the desktop: only plain ones
//! go in. Nothing of a folder is held but what the zip's directory at the end says of each file and which folders are still to
//! be looked into. Both are bounded in bytes and take their memory from that of all transfers: what is beyond is left out, and
//! listed.

use std::io::Write;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use futures::{Stream, StreamExt};
use rolltop_door::{FileInfo, FileKind};
use std::io;
use tokio::sync::mpsc;

use crate::inside::files::{FileError, Files, checked, joined, name_of};
use crate::kernel::caller::purpose::ReadFiles;
use crate::kernel::in_flight::Share;

/// Folders in folders, at most.
const DEEPEST: usize = 64;
/// Bytes of the zip's directory, at most, which is kept to the end; some hundred thousand files.
const MOST_DIRECTORY: usize = 64 << 20;
/// Bytes of paths of folders that are still to be looked into, at most.
const MOST_WAITING: usize = 16 << 20;
/// Memory for both is taken in steps of this, bytes.
const STEP: usize = 1 << 20;
/// Longest path in the archive, bytes; the desktop itself could not open a longer one.
const LONGEST_NAME: usize = 4096;
/// Bytes of the list of what was left out, at most; how many more there are is said after it.
const MOST_LISTED: usize = 256 << 10;
/// The list's name.
const LEFT_OUT: &str = "LEFT-OUT.txt";

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
        let zip = Zip {
            files: self.clone(),
            sender,
            written: 0,
            directory: Vec::new(),
            entries: 0,
            waiting: 0,
            shares: Vec::new(),
            left_out: LeftOut::default(),
        };
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
    /// As it is written at the end.
    directory: Vec<u8>,
    entries: u64,
    /// Bytes of what is still to be looked into.
    waiting: usize,
    /// Its memory, a step each.
    shares: Vec<Share>,
    left_out: LeftOut,
}

/// What is not in the archive, a line each with the reason.
#[derive(Default)]
struct LeftOut {
    lines: String,
    more: u64,
}

impl LeftOut {
    fn add(&mut self, name: &str, why: &str) {
        // A name may hold anything, line breaks too.
        let line = format!("{}: {why}\n", name.escape_debug());
        if self.lines.len() + line.len() <= MOST_LISTED {
            self.lines.push_str(&line);
        } else {
            self.more += 1;
        }
    }

    /// The list, if there is anything on it.
    fn text(&self) -> Option<String> {
        let more = match self.more {
            0 => String::new(),
            more => format!("and {more} more\n"),
        };
        (!self.lines.is_empty()).then(|| format!("Left out of this archive:\n\n{}{more}", self.lines))
    }
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
        self.waiting = root.len() + name.len();
        let mut waiting = vec![(root, name, 0)];
        while let Some((path, name, depth)) = waiting.pop() {
            self.waiting -= path.len() + name.len();
            // It went away, or may not be read: what can be had is had.
            let Ok(mut folder) = self.files.sftp.open_folder(&path).await else {
                self.left_out.add(&name, "can't be read");
                continue;
            };
            if !self.has_room(&name) {
                continue;
            }
            self.folder(&name).await?;
            while let Some(entries) = folder.more().await.map_err(io::Error::other)? {
                // Of a folder without an end nothing may ever be sent.
                if self.sender.is_closed() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                for (entry, info) in entries {
                    let (path, name) =
                        (joined(&path, &entry), format!("{name}/{}", entry.replace('\\', "_")));
                    match info.kind {
                        _ if name.len() > LONGEST_NAME => self.left_out.add(&name, "too long a path"),
                        FileKind::Folder if depth >= DEEPEST => self.left_out.add(&name, "too deep"),
                        FileKind::Folder
                            if self.waiting + path.len() + name.len() > MOST_WAITING
                                || !self.has_memory(path.len() + name.len()) =>
                        {
                            self.left_out.add(&name, "too many folders")
                        }
                        FileKind::Folder => {
                            self.waiting += path.len() + name.len();
                            waiting.push((path, name, depth + 1));
                        }
                        FileKind::File => self.file(&path, name, info).await?,
                        FileKind::Link => self.left_out.add(&name, "a link"),
                        FileKind::Other => self.left_out.add(&name, "neither a file nor a folder"),
                    }
                }
            }
        }
        if let Some(text) = self.left_out.text() {
            self.list_left_out(text).await?;
        }
        self.directory().await
    }

    /// Whether the directory has room for this name; else it is left out.
    fn has_room(&mut self, name: &str) -> bool {
        let bytes = name.len() + 128;
        let room = self.directory.len() + bytes <= MOST_DIRECTORY && self.has_memory(bytes);
        if !room {
            self.left_out.add(name, "too many files");
        }
        room
    }

    /// Whether there is memory for so many bytes more.
    fn has_memory(&mut self, bytes: usize) -> bool {
        while self.directory.len() + self.waiting + bytes > self.shares.len() * STEP {
            let Some(share) = self.files.place.more(STEP as u64) else { return false };
            self.shares.push(share);
        }
        true
    }

    async fn list_left_out(&mut self, text: String) -> io::Result<()> {
        let mut entry = Entry::file(LEFT_OUT.to_owned(), 0o644, 0, self.written);
        self.send(entry.local(true)).await?;
        let begun = self.written;
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text.as_bytes())?;
        self.send(packer.finish()?).await?;
        let mut crc = Crc::new();
        crc.update(text.as_bytes());
        (entry.crc, entry.packed, entry.size) = (crc.sum(), self.written - begun, text.len() as u64);
        self.send(entry.descriptor()).await?;
        self.keep(&entry);
        Ok(())
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
        self.keep(&entry);
        Ok(())
    }

    async fn file(&mut self, path: &str, name: String, info: FileInfo) -> io::Result<()> {
        if !self.has_room(&name) {
            return Ok(());
        }
        let Ok(file) = self.files.sftp.read_file(path).await else {
            self.left_out.add(&name, "can't be read");
            return Ok(());
        };
        let mut entry = Entry::file(name, info.mode, dos_time(info.modified), self.written);
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
        self.keep(&entry);
        Ok(())
    }

    fn keep(&mut self, entry: &Entry) {
        self.directory.extend(entry.central());
        self.entries += 1;
    }

    /// The directory at the end, always in its 64-bit form.
    async fn directory(&mut self) -> io::Result<()> {
        let (begun, count) = (self.written, self.entries);
        let directory = std::mem::take(&mut self.directory);
        let size = directory.len() as u64;
        self.send(directory).await?;
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
    /// One whose contents are still to come.
    fn file(name: String, mode: u32, time: u32, at: u64) -> Self {
        Self { name, mode: 0o100_000 | mode, time, crc: 0, packed: 0, size: 0, at }
    }

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
