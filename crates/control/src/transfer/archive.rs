//! A desktop as one file: a tar archive in zstd frames, which any tar reads.
//!
//! ```text
//!  desktop.json      what it is: its name, size, disk, and the key of its door
//!  kernel, initrd    what boots it
//!  disk/00000012     the disk's piece of 4 MiB with this number; those that are missing are zeros
//!  manifest.json     how many entries and bytes came before, and the SHA-256 of all of them
//! ```
//!
//! The manifest comes last: without a right one nothing is believed.

use std::io;

use async_compression::tokio::bufread::ZstdDecoder;
use async_compression::tokio::write::ZstdEncoder;
use async_compression::zstd::DParameter;
use rolltop_engine::image::{About, Frame, MOST_BOOT, PIECE};
use rolltop_model::{Choices, MOST_DISK_GIB, Size};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use crate::kernel::error::explained;

const DESKTOP: &str = "desktop.json";
const MANIFEST: &str = "manifest.json";
const DISK: &str = "disk/";
pub(crate) const FORMAT: u32 = 1;
const BLOCK: usize = 512;
/// Largest window that a file may have us keep to unpack it, as a power of two: 8 MiB. Ours have 2 MiB, and level 19 of zstd
/// has this.
const MOST_WINDOW: u32 = 23;
/// Longest of the two descriptions, bytes.
const MOST_TEXT: u64 = 64 * 1024;

/// What a file is of.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    pub format: u32,
    pub name: String,
    pub size: Size,
    pub disk_gib: u64,
    pub cmdline: String,
    /// The template that its first version was made from, for people.
    pub template: String,
    pub exported_at: jiff::Timestamp,
    #[serde(default)]
    pub choices: Choices,
    pub door: Door,
}

/// The way in, until it has another.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Door {
    /// OpenSSH private key.
    #[serde(serialize_with = "expose")]
    pub private_key: SecretString,
    /// The desktop's sshd host key, one OpenSSH public line.
    pub host_key: String,
}

fn expose<S: serde::Serializer>(key: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secrecy::ExposeSecret::expose_secret(key))
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    entries: u64,
    bytes: u64,
    sha256: String,
}

/// What has been written or read so far.
#[derive(Default)]
struct Sum {
    entries: u64,
    bytes: u64,
    digest: Sha256,
}

impl Sum {
    /// An entry begins.
    fn begin(&mut self, name: &str, length: u64) {
        self.entries += 1;
        self.bytes += length;
        self.digest.update(name.as_bytes());
        self.digest.update([0]);
        self.digest.update(length.to_be_bytes());
    }

    fn manifest(self) -> Manifest {
        let sha256 = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Manifest { entries: self.entries, bytes: self.bytes, sha256 }
    }
}

explained! {
    /// Why a file can't be taken in.
    pub enum ArchiveError {
        NotOne => InvalidExport, "This is not an exported desktop.";
        TooNew => InvalidExport, "This desktop was exported by a newer version of Rolltop.";
        Damaged => InvalidExport, "The file is damaged or not whole: what its manifest says is not what is in it.";
        NoRoom => DiskQuotaReached, "The workspace may not have so much of the host's disk; delete snapshots, desktops or templates first.";
        Io(#[from] io::Error) => UploadBrokenOff, "The file did not come whole; send it again.";
    }
}

pub(crate) struct Writer<W: AsyncWrite> {
    to: ZstdEncoder<W>,
    sum: Sum,
    /// Of an entry, bytes to come and the zeros after them.
    left: u64,
    padding: usize,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub async fn begin(to: W, description: &Description) -> io::Result<Self> {
        let mut writer = Self { to: ZstdEncoder::new(to), sum: Sum::default(), left: 0, padding: 0 };
        writer.entry(DESKTOP, &serde_json::to_vec_pretty(description)?).await?;
        Ok(writer)
    }

    async fn entry(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.begin_entry(name, content.len() as u64).await?;
        self.more(content).await?;
        self.end_entry().await
    }

    /// Begins an entry of this length, whose bytes come in pieces.
    pub async fn begin_entry(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.sum.begin(name, length);
        self.header(name, length).await
    }

    pub async fn more(&mut self, content: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(content.len() as u64).ok_or_else(other_length)?;
        self.sum.digest.update(content);
        self.to.write_all(content).await
    }

    /// All of the entry has come.
    pub async fn end_entry(&mut self) -> io::Result<()> {
        if self.left > 0 {
            return Err(other_length());
        }
        self.to.write_all(&vec![0; self.padding]).await
    }

    /// The disk's piece with this number.
    pub async fn piece(&mut self, number: u64, content: &[u8]) -> io::Result<()> {
        self.entry(&format!("{DISK}{number:08}"), content).await
    }

    async fn header(&mut self, name: &str, length: u64) -> io::Result<()> {
        (self.left, self.padding) = (length, padding(length));
        let mut header = Header::new_ustar();
        header.set_path(name)?;
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_size(length);
        header.set_cksum();
        self.to.write_all(header.as_bytes()).await
    }

    /// The manifest, and the end.
    pub async fn finish(mut self) -> io::Result<()> {
        let manifest = std::mem::take(&mut self.sum).manifest();
        let text = serde_json::to_vec_pretty(&manifest)?;
        self.header(MANIFEST, text.len() as u64).await?;
        self.to.write_all(&text).await?;
        self.to.write_all(&vec![0; self.padding]).await?;
        self.to.write_all(&[0; 2 * BLOCK]).await?;
        self.to.shutdown().await
    }
}

fn other_length() -> io::Error {
    io::Error::other("a part of an image is of another length than it was said to be")
}

/// Zeros that follow an entry of this length.
fn padding(length: u64) -> usize {
    usize::try_from(length.next_multiple_of(BLOCK as u64) - length).unwrap_or_default()
}

pub(crate) struct Reader<R> {
    from: BufReader<ZstdDecoder<R>>,
    sum: Sum,
    pub description: Description,
}

impl<R: AsyncBufRead + Unpin> Reader<R> {
    /// Reads what it is.
    pub async fn begin(from: R) -> Result<Self, ArchiveError> {
        let mut decoder = ZstdDecoder::with_params(from, &[DParameter::window_log_max(MOST_WINDOW)]);
        decoder.multiple_members(true);
        let mut from = BufReader::with_capacity(256 * 1024, decoder);
        let mut sum = Sum::default();
        let not_one = |error: ArchiveError| match error {
            ArchiveError::Damaged => ArchiveError::NotOne,
            other => other,
        };
        let (name, length) = header(&mut from).await.map_err(not_one)?.ok_or(ArchiveError::NotOne)?;
        if name != DESKTOP || length > MOST_TEXT {
            return Err(ArchiveError::NotOne);
        }
        let text = content(&mut from, length).await.map_err(|_| ArchiveError::NotOne)?;
        sum.begin(&name, length);
        sum.digest.update(&text);
        let known: serde_json::Value = serde_json::from_slice(&text).map_err(|_| ArchiveError::NotOne)?;
        if known.get("format").and_then(serde_json::Value::as_u64).is_some_and(|one| one > FORMAT.into()) {
            return Err(ArchiveError::TooNew);
        }
        let description: Description = serde_json::from_value(known).map_err(|_| ArchiveError::NotOne)?;
        if !(1..=MOST_DISK_GIB).contains(&description.disk_gib) {
            return Err(ArchiveError::NotOne);
        }
        Ok(Self { from, sum, description })
    }

    /// Gives everything to `sink`, in frames, and checks it. Nothing of it is to be believed before this has ended well.
    /// `room` is what it may take of the host's disk, bytes. Returns how many of them are what boots it.
    pub async fn frames(
        mut self,
        sink: &mut (impl AsyncWrite + Unpin + ?Sized),
        room: Option<u64>,
    ) -> Result<u64, ArchiveError> {
        let mut room = Room(room.unwrap_or(u64::MAX));
        let Description { cmdline, disk_gib, .. } = self.description.clone();
        Frame::About(About { cmdline, disk_gib, ..About::default() }).write(sink).await?;
        let frame_of = |expected: &str| if expected == "kernel" { Frame::Kernel } else { Frame::Initrd };
        let mut boot = 0;
        for expected in ["kernel", "initrd"] {
            let part = frame_of(expected);
            let (name, length) = self.entry().await?;
            if name != expected || length > MOST_BOOT {
                return Err(ArchiveError::Damaged);
            }
            room.take(length)?;
            boot += length;
            let mut left = length;
            while left > 0 {
                let mut bytes = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
                self.from.read_exact(&mut bytes).await.map_err(cut)?;
                self.sum.digest.update(&bytes);
                left -= bytes.len() as u64;
                part(bytes).write(sink).await?;
                tokio::task::yield_now().await;
            }
            skip(&mut self.from, padding(length)).await?;
        }
        let most = (disk_gib << 30) / PIECE as u64;
        let mut next = 0;
        loop {
            let (name, length) = self.entry().await?;
            if name == MANIFEST {
                self.check(length).await?;
                return Ok(boot);
            }
            let number = name.strip_prefix(DISK).and_then(|number| number.parse::<u64>().ok());
            let number = number.ok_or(ArchiveError::Damaged)?;
            if !(next..most).contains(&number) || length > PIECE as u64 {
                return Err(ArchiveError::Damaged);
            }
            next = number + 1;
            room.take(length)?;
            let bytes = content(&mut self.from, length).await?;
            self.sum.digest.update(&bytes);
            Frame::Disk(number * PIECE as u64, bytes).write(sink).await?;
        }
    }

    /// The next entry. Each has something in it, and there is only one of each: what comes packed is a thousand times as
    /// long unpacked, and its reading must end. Others get their turn, for there is always more to unpack.
    async fn entry(&mut self) -> Result<(String, u64), ArchiveError> {
        tokio::task::yield_now().await;
        let (name, length) = header(&mut self.from).await?.ok_or(ArchiveError::Damaged)?;
        if length == 0 {
            return Err(ArchiveError::Damaged);
        }
        if name != MANIFEST {
            self.sum.begin(&name, length);
        }
        Ok((name, length))
    }

    async fn check(mut self, length: u64) -> Result<(), ArchiveError> {
        if length > MOST_TEXT {
            return Err(ArchiveError::Damaged);
        }
        let text = content(&mut self.from, length).await?;
        let said: Manifest = serde_json::from_slice(&text).map_err(|_| ArchiveError::Damaged)?;
        if said == self.sum.manifest() { Ok(()) } else { Err(ArchiveError::Damaged) }
    }
}

/// What there is of the host's disk yet, bytes.
struct Room(u64);

impl Room {
    fn take(&mut self, bytes: u64) -> Result<(), ArchiveError> {
        self.0 = self.0.checked_sub(bytes).ok_or(ArchiveError::NoRoom)?;
        Ok(())
    }
}

/// The next entry's name and length; `None` at the end.
async fn header(from: &mut (impl AsyncRead + Unpin)) -> Result<Option<(String, u64)>, ArchiveError> {
    let mut block = [0; BLOCK];
    from.read_exact(&mut block).await.map_err(cut)?;
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let header = Header::from_byte_slice(&block);
    let mut summed = header.clone();
    summed.set_cksum();
    let is_right = summed.cksum().ok() == header.cksum().ok() && header.cksum().is_ok();
    let name = String::from_utf8(header.path_bytes().into_owned());
    match (name, header.entry_size()) {
        (Ok(name), Ok(size)) if is_right && header.entry_type() == EntryType::Regular => {
            Ok(Some((name, size)))
        }
        _ => Err(ArchiveError::Damaged),
    }
}

/// An entry's content, with the zeros after it read.
async fn content(from: &mut (impl AsyncRead + Unpin), length: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| ArchiveError::Damaged)?];
    from.read_exact(&mut bytes).await.map_err(cut)?;
    skip(from, padding(length)).await?;
    Ok(bytes)
}

async fn skip(from: &mut (impl AsyncRead + Unpin), bytes: usize) -> Result<(), ArchiveError> {
    let mut padding = [0; BLOCK];
    let Some(padding) = padding.get_mut(..bytes) else { return Ok(()) };
    from.read_exact(padding).await.map_err(cut).map(drop)
}

/// A file that ends too early, or whose frames' checksums are wrong, is damaged.
fn cut(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
            ArchiveError::Damaged
        }
        _ => ArchiveError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use async_compression::zstd::CParameter;

    use super::*;

    fn description() -> Description {
        Description {
            format: FORMAT,
            name: "one".into(),
            size: Size::S,
            disk_gib: 1,
            cmdline: "root=/dev/vda".into(),
            template: "desk@0123456789ab".into(),
            exported_at: jiff::Timestamp::UNIX_EPOCH,
            choices: Choices::default(),
            door: Door { private_key: SecretString::from("secret"), host_key: "ssh-ed25519 AAAA".into() },
        }
    }

    async fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::begin(&mut bytes, &description()).await.unwrap();
        writer.entry("kernel", &[1; 700]).await.unwrap();
        writer.entry("initrd", &vec![2; PIECE + 3]).await.unwrap();
        writer.piece(0, &vec![3; PIECE]).await.unwrap();
        writer.piece(7, &[4; 512]).await.unwrap();
        writer.finish().await.unwrap();
        bytes
    }

    async fn read(bytes: &[u8]) -> Result<Vec<Frame>, ArchiveError> {
        let reader = Reader::begin(bytes).await?;
        let mut frames = Vec::new();
        reader.frames(&mut frames, None).await?;
        let (mut from, mut all) = (frames.as_slice(), Vec::new());
        while !from.is_empty() {
            all.push(Frame::read(&mut from).await?);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn what_was_written_is_read_in_pieces() {
        let frames = read(&written().await).await.unwrap();
        let expected = [
            Frame::About(About { cmdline: "root=/dev/vda".into(), disk_gib: 1, ..About::default() }),
            Frame::Kernel(vec![1; 700]),
            Frame::Initrd(vec![2; PIECE]),
            Frame::Initrd(vec![2; 3]),
            Frame::Disk(0, vec![3; PIECE]),
            Frame::Disk(7 * PIECE as u64, vec![4; 512]),
        ];
        assert!(frames == expected, "{} frames", frames.len());
    }

    #[tokio::test]
    async fn no_more_of_a_disk_is_taken_than_there_is_room_for() {
        let bytes = written().await;
        let given = async |room: usize| {
            let mut frames = Vec::new();
            let reader = Reader::begin(bytes.as_slice()).await?;
            reader.frames(&mut frames, Some(room as u64)).await.map(|_| frames.len())
        };
        // A kernel of 700 bytes and an initrd of a piece and 3 bytes, a disk of a piece and 512 bytes.
        let all = 700 + PIECE + 3 + PIECE + 512;
        assert!(given(all).await.is_ok());
        for too_little in [all - 1, 700 + PIECE + 2, 699] {
            assert!(matches!(given(too_little).await, Err(ArchiveError::NoRoom)), "{too_little}");
        }
    }

    #[tokio::test]
    async fn how_much_is_of_what_boots_it_is_known() {
        let bytes = written().await;
        let reader = Reader::begin(bytes.as_slice()).await.unwrap();
        assert_eq!(reader.frames(&mut Vec::new(), None).await.unwrap(), 700 + PIECE as u64 + 3);
    }

    /// A file of these entries, its manifest right.
    async fn of(entries: &[(&str, usize)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::begin(&mut bytes, &description()).await.unwrap();
        for (name, length) in entries {
            writer.entry(name, &vec![0; *length]).await.unwrap();
        }
        writer.finish().await.unwrap();
        bytes
    }

    /// What is packed is small, and what it unpacks to has no end.
    #[tokio::test]
    async fn a_file_has_each_part_once_and_none_that_is_empty() {
        let (kernel, initrd, disk) = (("kernel", 1), ("initrd", 1), ("disk/00000003", 1));
        assert!(read(&of(&[kernel, initrd, disk]).await).await.is_ok());
        let wrong: [&[(&str, usize)]; 9] = [
            &[kernel, kernel, initrd, disk],
            &[kernel, initrd, initrd, disk],
            &[initrd, kernel, disk],
            &[kernel, disk],
            &[kernel, ("initrd", 0), disk],
            &[kernel, initrd, ("disk/00000003", 0)],
            &[kernel, initrd, disk, disk],
            &[kernel, initrd, disk, kernel],
            &[kernel, initrd, ("more", 1)],
        ];
        for entries in wrong {
            let outcome = read(&of(entries).await).await;
            assert!(matches!(outcome, Err(ArchiveError::Damaged)), "{entries:?}");
        }
    }

    /// All of it is in memory, so that reading it never waits for anything.
    #[tokio::test]
    async fn others_get_their_turn_while_a_file_is_read() {
        let pieces: Vec<String> = (0..100).map(|number| format!("disk/{number:08}")).collect();
        let mut entries = vec![("kernel", 1), ("initrd", 1)];
        entries.extend(pieces.iter().map(|name| (name.as_str(), 4096)));
        let bytes = of(&entries).await;
        let turns = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = std::sync::Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let reader = Reader::begin(bytes.as_slice()).await.unwrap();
        reader.frames(&mut tokio::io::sink(), None).await.unwrap();
        other.abort();
        let turns = turns.load(std::sync::atomic::Ordering::Relaxed);
        assert!(turns >= 100, "{turns} turns in 102 entries");
    }

    /// A window is as large as whoever packed it says, and is kept to unpack it.
    #[tokio::test]
    async fn a_file_that_takes_much_memory_to_unpack_is_refused() {
        let packed = async |window: u32| {
            let mut all = Vec::new();
            let parameters = [CParameter::window_log(window)];
            let mut packer = ZstdEncoder::with_quality_and_params(
                &mut all,
                async_compression::Level::Default,
                &parameters,
            );
            let mut unpacked = Vec::new();
            ZstdDecoder::new(written().await.as_slice()).read_to_end(&mut unpacked).await.unwrap();
            packer.write_all(&unpacked).await.unwrap();
            packer.shutdown().await.unwrap();
            all
        };
        assert!(read(&packed(MOST_WINDOW).await).await.is_ok());
        assert!(matches!(read(&packed(MOST_WINDOW + 1).await).await, Err(ArchiveError::NotOne)));
    }

    #[tokio::test]
    async fn a_part_of_another_length_than_was_said_is_not_written() {
        let mut bytes = Vec::new();
        let mut writer = Writer::begin(&mut bytes, &description()).await.unwrap();
        writer.begin_entry("kernel", 5).await.unwrap();
        writer.more(&[1; 4]).await.unwrap();
        assert!(writer.end_entry().await.is_err());
        assert!(writer.more(&[1; 2]).await.is_err());
    }

    /// Anybody can look into one with what every system has.
    #[tokio::test]
    async fn tar_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one.tar.zst");
        std::fs::write(&path, written().await).unwrap();
        let listed = std::process::Command::new("tar").args(["--zstd", "-tf"]).arg(&path).output().unwrap();
        let names = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(names, "desktop.json\nkernel\ninitrd\ndisk/00000000\ndisk/00000007\nmanifest.json\n");
    }

    #[tokio::test]
    async fn nothing_that_was_changed_cut_or_made_up_is_believed() {
        let whole = written().await;
        for length in [0, 10, whole.len() / 2] {
            assert!(read(&whole[..length]).await.is_err(), "cut at {length}");
        }
        for at in (0..whole.len()).step_by(7) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            if let Ok(frames) = read(&changed).await {
                assert!(frames == read(&whole).await.unwrap(), "what is read is what was written: {at}");
            }
        }
        assert!(matches!(read(b"PK\x03\x04 something else").await, Err(ArchiveError::NotOne)));
        let mut other = Vec::new();
        let newer = Description { format: 2, ..description() };
        Writer::begin(&mut other, &newer).await.unwrap().finish().await.unwrap();
        assert!(matches!(read(&other).await, Err(ArchiveError::TooNew)));
        // Right by its own manifest, and yet not a disk.
        for (name, content) in
            [("../x", vec![1]), ("disk/00000256", vec![1]), ("disk/00000000", vec![1; PIECE + 1])]
        {
            let mut bytes = Vec::new();
            let mut writer = Writer::begin(&mut bytes, &description()).await.unwrap();
            writer.entry("kernel", &[1]).await.unwrap();
            writer.entry("initrd", &[1]).await.unwrap();
            writer.sum.begin(name, content.len() as u64);
            writer.sum.digest.update(&content);
            let mut header = Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(EntryType::Regular);
            header.set_size(content.len() as u64);
            header.set_cksum();
            writer.to.write_all(header.as_bytes()).await.unwrap();
            writer.to.write_all(&content).await.unwrap();
            writer.to.write_all(&vec![0; padding(content.len() as u64)]).await.unwrap();
            writer.finish().await.unwrap();
            assert!(matches!(read(&bytes).await, Err(ArchiveError::Damaged)), "{name}");
        }
    }
}
