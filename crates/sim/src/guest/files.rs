//! Files of a simulated machine: a few, in memory, read-only, served over SFTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use russh::Channel;
use russh::server::Msg;
use russh_sftp::protocol::{Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode};
use russh_sftp::server;
use tokio::io::AsyncWriteExt;

const HOME: &str = "/home/desk";
const OWNER: u32 = 1000;
const REGULAR: u32 = 0o100_644;
const DIRECTORY: u32 = 0o040_755;
/// Most that one read gives, bytes.
const MAX_READ: usize = 128 * 1024;
/// Between the channel and the server.
const PIPE_BYTES: usize = 256 * 1024;
/// Size of the file that is there for measuring, bytes.
const LARGE: usize = 8 * 1024 * 1024;

/// By absolute path.
#[derive(Clone)]
pub struct Files(Arc<BTreeMap<String, Vec<u8>>>);

impl Files {
    /// What every simulated machine comes with.
    pub fn new(desktop: &str) -> Self {
        let large = (0..LARGE).map(|place| (place % 251) as u8).collect();
        let files = [
            ("welcome.txt", format!("This is the simulated desktop {desktop}.\n").into_bytes()),
            ("notes/today.md", b"# Today\n\n- nothing yet\n".to_vec()),
            ("empty", Vec::new()),
            ("large.bin", large),
        ];
        Self(Arc::new(files.into_iter().map(|(name, bytes)| (format!("{HOME}/{name}"), bytes)).collect()))
    }

    pub fn contents(&self, path: &str) -> Option<&Vec<u8>> {
        self.0.get(&absolute(path))
    }

    /// Speaks SFTP on a channel until its client is done, and ends it as a program does that went well.
    pub async fn serve(&self, mut channel: Channel<Msg>) {
        let server = Server { files: self.clone(), open: HashMap::new(), next: 0 };
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        // Goes on by itself until its stream ends.
        server::run(far, server).await;
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

    fn attributes(&self, path: &str) -> Option<FileAttributes> {
        let (size, permissions) = match self.0.get(path) {
            Some(bytes) => (bytes.len() as u64, REGULAR),
            None if self.is_directory(path) => (4096, DIRECTORY),
            None => return None,
        };
        Some(FileAttributes {
            size: Some(size),
            permissions: Some(permissions),
            uid: Some(OWNER),
            gid: Some(OWNER),
            atime: Some(0),
            mtime: Some(0),
            ..FileAttributes::default()
        })
    }

    fn is_directory(&self, path: &str) -> bool {
        let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        self.0.keys().any(|file| file.starts_with(&prefix))
    }

    /// Names directly in a directory.
    fn list(&self, path: &str) -> Vec<File> {
        let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let mut names: Vec<&str> = self
            .0
            .keys()
            .filter_map(|file| file.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        names.dedup();
        let entry = |name: &str| {
            let attributes = self.attributes(&format!("{prefix}{name}")).unwrap_or_default();
            File::new(name, attributes)
        };
        names.into_iter().map(entry).collect()
    }
}

/// A path from the root, without `.` and `..`.
fn absolute(path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{HOME}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

struct Server {
    files: Files,
    /// Open handles: the path, and for a directory whether it has been listed.
    open: HashMap<String, (String, bool)>,
    next: u64,
}

impl Server {
    fn hold(&mut self, id: u32, path: String) -> Handle {
        let handle = self.next.to_string();
        self.next += 1;
        self.open.insert(handle.clone(), (path, false));
        Handle { id, handle }
    }

    fn attributes(&self, id: u32, path: &str) -> Result<Attrs, StatusCode> {
        self.files.attributes(path).map(|attrs| Attrs { id, attrs }).ok_or(StatusCode::NoSuchFile)
    }
}

impl server::Handler for Server {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        let path = absolute(&path);
        if flags.intersects(OpenFlags::WRITE | OpenFlags::CREATE) {
            return Err(StatusCode::PermissionDenied);
        }
        self.attributes(id, &path)?;
        Ok(self.hold(id, path))
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        self.open.remove(&handle).ok_or(StatusCode::Failure)?;
        let (error_message, language_tag) = ("Ok".to_owned(), "en-US".to_owned());
        Ok(Status { id, status_code: StatusCode::Ok, error_message, language_tag })
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
        let (path, _) = self.open.get(&handle).ok_or(StatusCode::Failure)?;
        let bytes = self.files.0.get(path).ok_or(StatusCode::Failure)?;
        let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
        let length = rest.len().min(len as usize).min(MAX_READ);
        match rest.get(..length) {
            Some(data) if !data.is_empty() => Ok(Data { id, data: data.to_vec() }),
            Some(_) | None => Err(StatusCode::Eof),
        }
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        self.attributes(id, &absolute(&path))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        self.attributes(id, &absolute(&path))
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        let (path, _) = self.open.get(&handle).ok_or(StatusCode::Failure)?;
        self.attributes(id, path)
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        let path = absolute(&path);
        if !self.files.is_directory(&path) {
            return Err(StatusCode::NoSuchFile);
        }
        Ok(self.hold(id, path))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, StatusCode> {
        let (path, listed) = self.open.get_mut(&handle).ok_or(StatusCode::Failure)?;
        if std::mem::replace(listed, true) {
            return Err(StatusCode::Eof);
        }
        Ok(Name { id, files: self.files.list(path) })
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        Ok(Name { id, files: vec![File::dummy(absolute(&path))] })
    }
}
