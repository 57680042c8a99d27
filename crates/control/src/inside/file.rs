//! Reading files out of a desktop, as its session's user.

use tokio::io::AsyncRead;

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

impl Control {
    /// Opens a regular file by its absolute path.
    pub async fn read_file(&self, access: &DesktopAccess<purpose::Enter>, path: &str) -> Result<FileStream, ReadFileError> {
        todo!()
    }
}
