//! The SFTP server of a simulated machine, as OpenSSH's behaves where it matters here.

use std::collections::HashMap;

use russh::Channel;
use russh::server::Msg;
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};
use russh_sftp::server;
use tokio::io::AsyncWriteExt;

use super::files::{Content, Files, Node, Trouble, absolute};

const OWNER: u32 = 1000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
/// Most that one read gives, bytes.
const MAX_READ: usize = 128 * 1024;
/// Between the channel and the server.
const PIPE_BYTES: usize = 256 * 1024;
/// Names in one answer to a listing.
const NAMES: usize = 100;

/// Speaks SFTP on a channel until its client is done, and ends it as a program does that went well.
pub async fn serve(files: Files, mut channel: Channel<Msg>) {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    // Goes on by itself until its stream ends.
    server::run(far, Server { files, open: HashMap::new(), next: 0 }).await;
    let (mut answers, mut requests) = tokio::io::split(near);
    let mut to_client = channel.make_writer();
    let answering = async move { tokio::io::copy(&mut answers, &mut to_client).await };
    let asking = async {
        let copied = tokio::io::copy(&mut channel.make_reader(), &mut requests).await;
        requests.shutdown().await.and(copied)
    };
    let _ = tokio::join!(answering, asking);
    // Whoever asked may be gone; then nobody misses this.
    let _ = channel.exit_status(0).await;
    let _ = channel.eof().await;
    let _ = channel.close().await;
}

struct Server {
    files: Files,
    open: HashMap<String, Open>,
    next: u64,
}

enum Open {
    File(String),
    /// What has not been listed yet.
    Folder(Vec<File>),
}

impl From<Trouble> for StatusCode {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoSuchFile => StatusCode::NoSuchFile,
            Trouble::PermissionDenied => StatusCode::PermissionDenied,
            Trouble::Failure => StatusCode::Failure,
        }
    }
}

fn attributes(node: &Node) -> FileAttributes {
    let (kind, size) = match &node.content {
        Content::File(bytes) => (REGULAR, bytes.len()),
        Content::Folder => (DIRECTORY, 4096),
        Content::Link(target) => (LINK, target.len()),
    };
    FileAttributes {
        size: Some(size as u64),
        permissions: Some(kind | node.mode),
        uid: Some(OWNER),
        gid: Some(OWNER),
        atime: Some(node.modified),
        mtime: Some(node.modified),
        ..FileAttributes::default()
    }
}

fn done(id: u32) -> Status {
    let (error_message, language_tag) = ("Ok".to_owned(), "en-US".to_owned());
    Status { id, status_code: StatusCode::Ok, error_message, language_tag }
}

impl Server {
    fn hold(&mut self, id: u32, open: Open) -> Handle {
        let handle = self.next.to_string();
        self.next += 1;
        self.open.insert(handle.clone(), open);
        Handle { id, handle }
    }

    fn file(&self, handle: &str) -> Result<&str, StatusCode> {
        match self.open.get(handle) {
            Some(Open::File(path)) => Ok(path),
            Some(Open::Folder(_)) | None => Err(StatusCode::Failure),
        }
    }

    /// Two strings, each after its length.
    fn two_paths(data: &[u8]) -> Option<(String, String)> {
        let (first, rest) = Self::string(data)?;
        Some((first, Self::string(rest)?.0))
    }

    fn string(data: &[u8]) -> Option<(String, &[u8])> {
        let (length, rest) = data.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        Some((String::from_utf8(text.to_vec()).ok()?, rest))
    }
}

impl server::Handler for Server {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, StatusCode> {
        let mut version = Version::new();
        version.extensions.insert("posix-rename@openssh.com".to_owned(), "1".to_owned());
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        attributes: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        let path = if flags.contains(OpenFlags::CREATE) {
            let path = self.files.make_file(&path, flags.contains(OpenFlags::EXCLUDE))?;
            self.files.change(&path, None, attributes.permissions)?;
            path
        } else if flags.contains(OpenFlags::READ) {
            self.files.readable(&path)?
        } else {
            self.files.real(&path).ok_or(StatusCode::NoSuchFile)?
        };
        if flags.contains(OpenFlags::TRUNCATE) {
            self.files.change(&path, Some(0), None)?;
        } else if flags.contains(OpenFlags::WRITE) {
            self.files.change(&path, None, None)?;
        }
        Ok(self.hold(id, Open::File(path)))
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        self.open.remove(&handle).ok_or(StatusCode::Failure)?;
        Ok(done(id))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
        let most = (len as usize).min(MAX_READ);
        let data = self.files.read(self.file(&handle)?, offset, most).ok_or(StatusCode::Failure)?;
        if data.is_empty() { Err(StatusCode::Eof) } else { Ok(Data { id, data }) }
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Result<Status, StatusCode> {
        let offset = usize::try_from(offset).map_err(|_| StatusCode::Failure)?;
        self.files.write(self.file(&handle)?, offset, &data)?;
        Ok(done(id))
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        let node = self.files.stat(&path).ok_or(StatusCode::NoSuchFile)?;
        Ok(Attrs { id, attrs: attributes(&node) })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        let node = self.files.lstat(&path).ok_or(StatusCode::NoSuchFile)?;
        Ok(Attrs { id, attrs: attributes(&node) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        let node = self.files.stat(self.file(&handle)?).ok_or(StatusCode::Failure)?;
        Ok(Attrs { id, attrs: attributes(&node) })
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Result<Status, StatusCode> {
        self.files.change(&path, attrs.size, attrs.permissions)?;
        Ok(done(id))
    }

    async fn fsetstat(
        &mut self,
        id: u32,
        handle: String,
        attrs: FileAttributes,
    ) -> Result<Status, StatusCode> {
        self.files.change(self.file(&handle)?, attrs.size, attrs.permissions)?;
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        let mut names: Vec<File> =
            self.files.list(&path)?.iter().map(|(name, node)| File::new(name, attributes(node))).collect();
        names.reverse();
        Ok(self.hold(id, Open::Folder(names)))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, StatusCode> {
        match self.open.get_mut(&handle) {
            Some(Open::Folder(names)) if names.is_empty() => Err(StatusCode::Eof),
            Some(Open::Folder(names)) => {
                let rest = names.len().saturating_sub(NAMES);
                Ok(Name { id, files: names.split_off(rest) })
            }
            Some(Open::File(_)) | None => Err(StatusCode::Failure),
        }
    }

    async fn remove(&mut self, id: u32, path: String) -> Result<Status, StatusCode> {
        self.files.remove(&path, false)?;
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, _: FileAttributes) -> Result<Status, StatusCode> {
        self.files.make_folder(&path)?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Result<Status, StatusCode> {
        self.files.remove(&path, true)?;
        Ok(done(id))
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Result<Status, StatusCode> {
        self.files.rename(&from, &to, false)?;
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Result<Packet, StatusCode> {
        if request != "posix-rename@openssh.com" {
            return Err(StatusCode::OpUnsupported);
        }
        let (from, to) = Self::two_paths(&data).ok_or(StatusCode::BadMessage)?;
        self.files.rename(&from, &to, true)?;
        Ok(Packet::Status(done(id)))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        let real = self.files.real(&path).unwrap_or_else(|| absolute(&path));
        Ok(Name { id, files: vec![File::dummy(real)] })
    }
}
