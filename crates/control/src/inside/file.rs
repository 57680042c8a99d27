//! Reading files out of a desktop, as its session's user.

use rolltop_door::SftpError;
use tokio::io::AsyncRead;

use super::{Reason, unavailable};
use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::EnterError;

/// A file being read.
pub struct FileStream {
    /// Bytes the stream will give, or it ends with an error.
    pub size: u64,
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadFileError {
    #[error("A path inside a desktop begins with / and has at most 4096 bytes.")]
    BadPath,
    #[error("There is no such file.")]
    NoSuchFile,
    #[error("The desktop's user may not read it.")]
    Denied,
    #[error("It is not a regular file.")]
    NotAFile,
    #[error(transparent)]
    Enter(#[from] EnterError),
}

const LONGEST_PATH: usize = 4096;

impl Control {
    /// Opens a regular file by its absolute path.
    pub async fn read_file(
        &self,
        access: &DesktopAccess<purpose::Enter>,
        path: &str,
    ) -> Result<FileStream, ReadFileError> {
        if !path.starts_with('/') || path.len() > LONGEST_PATH || path.contains('\0') {
            return Err(ReadFileError::BadPath);
        }
        let door = self.enter(access, Reason::ReadFile).await?;
        let refused = |error: SftpError| match error {
            SftpError::NotFound => ReadFileError::NoSuchFile,
            SftpError::Denied => ReadFileError::Denied,
            SftpError::NotAFile => ReadFileError::NotAFile,
            other => ReadFileError::Enter(unavailable(other)),
        };
        let files = door.sftp().await.map_err(refused)?;
        let file = files.read_file(path).await.map_err(refused)?;
        Ok(FileStream { size: file.size(), reader: Box::new(file) })
    }
}
