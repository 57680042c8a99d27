//! Reading and writing a disk through one of QEMU's own programs, which alone parses what a guest's QEMU wrote: a small
//! client of the Network Block Device protocol (`doc/proto.md` of the nbd project, fixed newstyle, structured replies).
//!
//! The other side is not believed: whatever it says is bounded.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::fault::{Doing, Fault};

const MAGIC: u64 = 0x4e42_444d_4147_4943;
const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054;
const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
const REQUEST: u32 = 0x2560_9513;
const SIMPLE_REPLY: u32 = 0x6744_6698;
const STRUCTURED_REPLY: u32 = 0x668e_33ef;
/// Fixed newstyle, no zeroes: both sides' first flags.
const HANDSHAKE: u16 = 3;
const OPTION_GO: u32 = 7;
const OPTION_STRUCTURED: u32 = 8;
const OPTION_META: u32 = 10;
const ACK: u32 = 1;
const INFO: u32 = 3;
const META: u32 = 4;
const READ: u16 = 0;
const WRITE: u16 = 1;
const DISCONNECT: u16 = 2;
const FLUSH: u16 = 3;
const BLOCK_STATUS: u16 = 7;
const CHUNK_DONE: u16 = 1;
const CHUNK_NONE: u16 = 0;
const CHUNK_DATA: u16 = 1;
const CHUNK_HOLE: u16 = 2;
const CHUNK_STATUS: u16 = 5;
const CHUNK_ERROR: u16 = 1 << 15;
/// Of a stretch that reads as zeros.
const ZERO: u32 = 2;
/// Which parts of a disk have something in them.
const ALLOCATION: &[u8] = b"base:allocation";
/// Most that is asked for at once, bytes.
pub(crate) const MOST: u32 = 4 << 20;
/// Stretches of what is asked for at once: no server tells less than a sector from its neighbours.
const MOST_STRETCHES: usize = MOST as usize / 512;
/// What the other side says in one reply, bytes.
const MOST_REPLY: u32 = MOST + 64;

/// A disk that is open.
pub(crate) struct Disk {
    stream: UnixStream,
    /// Bytes.
    pub size: u64,
    cookie: u64,
    /// The place that was asked for last.
    asked_at: u64,
}

/// A part of a structured reply.
enum Chunk {
    Data(u32, Vec<u8>),
    /// Zeros, this many.
    Hole(u32),
    Status(Vec<(u32, u32)>),
    Nothing,
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a disk's server says nonsense: {what}"))
}

impl Disk {
    pub(crate) async fn open(mut stream: UnixStream) -> Result<Self, Fault> {
        let size = shake_hands(&mut stream).await.doing("opening a disk")?;
        Ok(Self { stream, size, cookie: 0, asked_at: 0 })
    }

    /// The stretches of a part of it, in order: how long each is, and whether it has anything but zeros. Covers at least
    /// the first of it.
    pub(crate) async fn stretches(&mut self, offset: u64, length: u32) -> Result<Vec<(u32, bool)>, Fault> {
        let asked = async {
            self.ask(BLOCK_STATUS, offset, length, &[]).await?;
            let mut found = Vec::new();
            loop {
                let (chunk, is_last) = self.hear().await?;
                if let Chunk::Status(stretches) = chunk {
                    if found.len() + stretches.len() > MOST_STRETCHES {
                        return Err(wrong("more stretches than there is place for"));
                    }
                    found.extend(stretches.into_iter().map(|(length, flags)| (length, flags & ZERO == 0)));
                }
                if is_last {
                    break;
                }
            }
            if found.first().is_none_or(|(length, _)| *length == 0) {
                return Err(wrong("a stretch without a length"));
            }
            Ok(found)
        };
        asked.await.doing("reading a disk")
    }

    pub(crate) async fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, Fault> {
        let asked = async {
            self.ask(READ, offset, length, &[]).await?;
            let mut bytes = vec![0; length as usize];
            let mut filled = 0u64;
            loop {
                let (chunk, is_last) = self.hear().await?;
                match chunk {
                    Chunk::Data(at, data) => {
                        let end = (at as usize).checked_add(data.len());
                        let place = end.and_then(|end| bytes.get_mut(at as usize..end));
                        place.ok_or_else(|| wrong("data beyond what was asked for"))?.copy_from_slice(&data);
                        filled += data.len() as u64;
                    }
                    Chunk::Hole(length) => filled += u64::from(length),
                    Chunk::Status(_) | Chunk::Nothing => {}
                }
                if filled > u64::from(length) {
                    return Err(wrong("more than was asked for"));
                }
                if is_last {
                    break;
                }
            }
            if filled == u64::from(length) { Ok(bytes) } else { Err(wrong("less than was asked for")) }
        };
        asked.await.doing("reading a disk")
    }

    pub(crate) async fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.done(WRITE, offset, length, bytes).await.doing("writing a disk")
    }

    /// Returns once what was written is durable.
    pub(crate) async fn flush(&mut self) -> Result<(), Fault> {
        self.done(FLUSH, 0, 0, &[]).await.doing("writing a disk")
    }

    /// Takes leave; the other side closes the disk.
    pub(crate) async fn close(mut self) -> Result<(), Fault> {
        let said = async {
            self.ask(DISCONNECT, 0, 0, &[]).await?;
            // It has closed everything when it hangs up.
            self.stream.read(&mut [0; 1]).await
        };
        said.await.map(drop).doing("closing a disk")
    }

    async fn done(&mut self, command: u16, offset: u64, length: u32, payload: &[u8]) -> io::Result<()> {
        self.ask(command, offset, length, payload).await?;
        while !self.hear().await?.1 {}
        Ok(())
    }

    async fn ask(&mut self, command: u16, offset: u64, length: u32, payload: &[u8]) -> io::Result<()> {
        self.cookie += 1;
        self.asked_at = offset;
        let mut request = Vec::with_capacity(28);
        request.extend_from_slice(&REQUEST.to_be_bytes());
        request.extend_from_slice(&0u16.to_be_bytes());
        request.extend_from_slice(&command.to_be_bytes());
        request.extend_from_slice(&self.cookie.to_be_bytes());
        request.extend_from_slice(&offset.to_be_bytes());
        request.extend_from_slice(&length.to_be_bytes());
        self.stream.write_all(&request).await?;
        self.stream.write_all(payload).await
    }

    /// A part of the answer, and whether it is the last.
    async fn hear(&mut self) -> io::Result<(Chunk, bool)> {
        let stream = &mut self.stream;
        match stream.read_u32().await? {
            SIMPLE_REPLY => {
                let (error, cookie) = (stream.read_u32().await?, stream.read_u64().await?);
                self.is_ours(cookie)?;
                if error == 0 { Ok((Chunk::Nothing, true)) } else { Err(refused(error, "")) }
            }
            STRUCTURED_REPLY => {
                let (flags, kind) = (stream.read_u16().await?, stream.read_u16().await?);
                let (cookie, length) = (stream.read_u64().await?, stream.read_u32().await?);
                if length > MOST_REPLY {
                    return Err(wrong("a reply that is too long"));
                }
                let mut payload = vec![0; length as usize];
                stream.read_exact(&mut payload).await?;
                self.is_ours(cookie)?;
                Ok((self.chunk(kind, &payload)?, flags & CHUNK_DONE != 0))
            }
            _ => Err(wrong("no reply")),
        }
    }

    fn is_ours(&self, cookie: u64) -> io::Result<()> {
        if cookie == self.cookie { Ok(()) } else { Err(wrong("an answer to another question")) }
    }

    fn chunk(&self, kind: u16, payload: &[u8]) -> io::Result<Chunk> {
        let number = |at: usize| -> io::Result<u32> {
            let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_be_bytes).ok_or_else(|| wrong("a short reply"))
        };
        let place = || -> io::Result<u64> { Ok((u64::from(number(0)?) << 32) | u64::from(number(4)?)) };
        match kind {
            CHUNK_NONE => Ok(Chunk::Nothing),
            CHUNK_DATA => {
                let data = payload.get(8..).ok_or_else(|| wrong("a short reply"))?;
                Ok(Chunk::Data(self.within(place()?)?, data.to_vec()))
            }
            CHUNK_HOLE => self.within(place()?).and_then(|_| Ok(Chunk::Hole(number(8)?))),
            CHUNK_STATUS => {
                let pairs = (4..payload.len()).step_by(8);
                Ok(Chunk::Status(
                    pairs.map(|at| Ok((number(at)?, number(at + 4)?))).collect::<io::Result<_>>()?,
                ))
            }
            error if error & CHUNK_ERROR != 0 => {
                let text = String::from_utf8_lossy(payload.get(6..).unwrap_or_default()).into_owned();
                Err(refused(number(0)?, &text))
            }
            _ => Err(wrong("a part that is not known")),
        }
    }

    fn within(&self, place: u64) -> io::Result<u32> {
        let inside = place.checked_sub(self.asked_at).and_then(|place| u32::try_from(place).ok());
        inside.ok_or_else(|| wrong("data beyond what was asked for"))
    }
}

fn refused(error: u32, text: &str) -> io::Error {
    // Its numbers are those of Linux.
    let error = io::Error::from_raw_os_error(i32::try_from(error).unwrap_or_default());
    let text: String = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
    io::Error::new(error.kind(), format!("{error} {text}"))
}

async fn shake_hands(stream: &mut UnixStream) -> io::Result<u64> {
    if stream.read_u64().await? != MAGIC || stream.read_u64().await? != OPTION_MAGIC {
        return Err(wrong("no greeting"));
    }
    if stream.read_u16().await? & HANDSHAKE != HANDSHAKE {
        return Err(wrong("an old greeting"));
    }
    stream.write_all(&u32::from(HANDSHAKE).to_be_bytes()).await?;
    option(stream, OPTION_STRUCTURED, &[]).await?;
    // The default export, one question.
    let mut question = Vec::new();
    question.extend_from_slice(&0u32.to_be_bytes());
    question.extend_from_slice(&1u32.to_be_bytes());
    question.extend_from_slice(&u32::try_from(ALLOCATION.len()).unwrap_or_default().to_be_bytes());
    question.extend_from_slice(ALLOCATION);
    option(stream, OPTION_META, &question).await?;
    // The default export, no questions.
    option(stream, OPTION_GO, &[0; 6]).await?.ok_or_else(|| wrong("a disk without a size"))
}

/// Asks for an option. The disk's size, where the answer has it.
async fn option(stream: &mut UnixStream, option: u32, data: &[u8]) -> io::Result<Option<u64>> {
    stream.write_all(&OPTION_MAGIC.to_be_bytes()).await?;
    stream.write_all(&option.to_be_bytes()).await?;
    stream.write_all(&u32::try_from(data.len()).unwrap_or_default().to_be_bytes()).await?;
    stream.write_all(data).await?;
    let mut size = None;
    loop {
        if stream.read_u64().await? != OPTION_REPLY || stream.read_u32().await? != option {
            return Err(wrong("an answer to another option"));
        }
        let (kind, length) = (stream.read_u32().await?, stream.read_u32().await?);
        if length > 4096 {
            return Err(wrong("an answer that is too long"));
        }
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        match kind {
            ACK => return Ok(size),
            INFO => {
                // Number 0 is that of the export itself.
                if let Some((&[0, 0], rest)) = payload.split_first_chunk::<2>() {
                    size = rest.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)).or(size);
                }
            }
            META => {}
            _ => return Err(wrong(&format!("option {option} is refused"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk whose server has said hello, and the server.
    fn disk() -> (Disk, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Disk { stream: ours, size: 1 << 30, cookie: 0, asked_at: 0 }, theirs)
    }

    fn reply(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap();
        let cookie = 1_u64.to_be_bytes();
        [
            &STRUCTURED_REPLY.to_be_bytes(),
            [0, 0].as_slice(),
            &kind.to_be_bytes(),
            &cookie,
            &length.to_be_bytes(),
            payload,
        ]
        .concat()
    }

    #[tokio::test]
    async fn a_server_that_answers_without_end_is_given_up() {
        let stretches =
            reply(CHUNK_STATUS, &[[0; 4].as_slice(), &[0, 0, 2, 0, 0, 0, 0, 0].repeat(1000)].concat());
        let data = reply(CHUNK_DATA, &[[0; 8].as_slice(), &[7; 4096]].concat());
        for (asks_for_data, answer) in [(false, stretches), (true, data)] {
            let (mut disk, mut theirs) = disk();
            let server = tokio::spawn(async move { while theirs.write_all(&answer).await.is_ok() {} });
            let asked = async {
                if asks_for_data {
                    disk.read(0, MOST).await.map(drop)
                } else {
                    disk.stretches(0, MOST).await.map(drop)
                }
            };
            let answered = tokio::time::timeout(std::time::Duration::from_secs(20), asked).await;
            assert!(answered.expect("it has an end").is_err());
            drop(disk);
            server.await.unwrap();
        }
    }
}
