//! Saving a file, whole or in several goes.
//!
//! ```text
//!  bytes ─► .rolltop-upload-NAME in the same folder ─last byte, condition still met─► the file
//!                     │ broken off: stays if the upload has a name, to go on later
//! ```

use bytes::Bytes;
use futures::{Stream, StreamExt};
use rolltop_api_types::FileEntry;
use rolltop_door::{FileKind, RemoteWriter, SftpError};

use crate::inside::files::tag::Tag;
use crate::inside::files::{FileError, Files, checked, joined};
use crate::kernel::caller::purpose::WriteFiles;

/// The permission bits of a new file.
const NEW_FILE: u32 = 0o644;
const PREFIX: &str = ".rolltop-upload-";

/// The name of an upload that can go on later, chosen by whoever uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadName(String);

impl UploadName {
    /// 8 to 64 letters and digits.
    pub fn new(name: &str) -> Option<Self> {
        let plain = (8..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then(|| Self(name.to_owned()))
    }

    fn unique() -> Self {
        Self(rolltop_vault::random_bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// What must hold for a file to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: what is there is replaced.
    Any,
    /// There is nothing yet.
    New,
    /// There is something.
    There,
    /// What is there still has one of these tags, which are strong ones.
    Unchanged(Vec<String>),
}

/// A file to be saved, or a part of it.
#[derive(Debug, Clone)]
pub struct Save {
    pub path: String,
    /// What there is of it stays when it breaks off.
    pub upload: Option<UploadName>,
    /// Where these bytes begin.
    pub offset: u64,
    /// How many they are, where that is known.
    pub length: Option<u64>,
    /// Whether the file is complete after them.
    pub last: bool,
    pub condition: Condition,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Bytes that have arrived.
    pub offset: u64,
    /// The file with its tag, once it is complete.
    pub file: Option<(FileEntry, Tag)>,
}

impl Files<WriteFiles> {
    /// Takes the bytes, and saves the file after the last.
    pub async fn save<B, E>(&self, save: Save, body: B) -> Result<Saved, FileError>
    where
        B: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        checked(&save.path)?;
        let target = self.target(&save.path).await?;
        self.meets(&target, &save.condition).await?;
        let name = save.upload.clone().unwrap_or_else(UploadName::unique);
        let part = part(&target, &name);
        let result = self.receive(&save, &target, &part, body).await;
        if result.is_err() && save.upload.is_none() {
            // Nobody can go on with it. It may never have been made.
            let _ = self.sftp.remove_file(&part).await;
        }
        result
    }

    /// How much of an upload has arrived.
    pub async fn upload_offset(&self, path: &str, name: &UploadName) -> Result<u64, FileError> {
        checked(path)?;
        let part = part(&self.target(path).await?, name);
        match self.sftp.link_info(&part).await {
            Ok(info) => Ok(info.size),
            Err(SftpError::NotFound) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes away what has arrived of an upload.
    pub async fn cancel_upload(&self, path: &str, name: &UploadName) -> Result<(), FileError> {
        checked(path)?;
        match self.sftp.remove_file(&part(&self.target(path).await?, name)).await {
            Ok(()) | Err(SftpError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn receive<B, E>(
        &self,
        save: &Save,
        target: &str,
        part: &str,
        mut body: B,
    ) -> Result<Saved, FileError>
    where
        B: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let mut writer = self.begin(part, save.offset).await?;
        let mut whole = true;
        while let Some(bytes) = body.next().await {
            match bytes {
                Ok(bytes) => writer.write(&bytes).await?,
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let offset = writer.offset();
        writer.finish().await?;
        let arrived = offset.saturating_sub(save.offset);
        if !whole || save.length.is_some_and(|length| length != arrived) {
            return Err(FileError::BrokenOff);
        }
        if !save.last {
            return Ok(Saved { offset, file: None });
        }
        self.complete(save, target, part).await?;
        let tag = self.open(target).await?.tag;
        Ok(Saved { offset, file: Some((self.entry(target).await?, tag)) })
    }

    async fn begin(&self, part: &str, offset: u64) -> Result<RemoteWriter, FileError> {
        let arrived = async || self.sftp.link_info(part).await.map_or(0, |info| info.size);
        match self.sftp.write_file(part, offset).await {
            Ok(writer) => Ok(writer),
            Err(SftpError::Refused | SftpError::NotFound) if offset > arrived().await => {
                Err(FileError::WrongOffset(arrived().await))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the file its name, if it may still have it.
    async fn complete(&self, save: &Save, target: &str, part: &str) -> Result<(), FileError> {
        let mode = self.sftp.info(target).await.map_or(NEW_FILE, |info| info.mode);
        self.sftp.set_mode(part, mode).await?;
        self.meets(target, &save.condition).await?;
        let named = match save.condition {
            Condition::New => self.sftp.rename(part, target).await,
            Condition::Any | Condition::There | Condition::Unchanged(_) => {
                self.sftp.replace(part, target).await
            }
        };
        match named {
            Err(SftpError::Refused) if save.condition == Condition::New => Err(FileError::Exists),
            named => Ok(named?),
        }
    }

    async fn meets(&self, target: &str, condition: &Condition) -> Result<(), FileError> {
        match condition {
            Condition::Any => Ok(()),
            Condition::New if self.is_there(target).await => Err(FileError::Exists),
            Condition::New => Ok(()),
            Condition::There if self.is_there(target).await => Ok(()),
            Condition::There => Err(FileError::Changed),
            Condition::Unchanged(tags) => match self.open(target).await {
                Ok(file) if file.tag.strong && tags.contains(&file.tag.text) => Ok(()),
                Ok(_) | Err(FileError::NoSuchFile) => Err(FileError::Changed),
                Err(error) => Err(error),
            },
        }
    }

    /// Where a file is to be: what a link leads to rather than the link.
    async fn target(&self, path: &str) -> Result<String, FileError> {
        match self.sftp.link_info(path).await {
            Ok(info) => match info.kind {
                FileKind::File => Ok(path.to_owned()),
                FileKind::Link => Ok(self.sftp.real_path(path).await?),
                FileKind::Folder | FileKind::Other => Err(FileError::NotAFile),
            },
            Err(SftpError::NotFound) if !path.ends_with('/') => Ok(path.to_owned()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where an upload waits for its last byte.
fn part(target: &str, name: &UploadName) -> String {
    let folder = target.rsplit_once('/').map_or("", |(folder, _)| folder);
    joined(folder, &format!("{PREFIX}{}", name.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uploads_name_can_not_lead_elsewhere() {
        let name = UploadName::new("abcDEF123").unwrap();
        assert_eq!(part("/home/desk/a.txt", &name), "/home/desk/.rolltop-upload-abcDEF123");
        assert_eq!(part("/a.txt", &name), "/.rolltop-upload-abcDEF123");
        for bad in ["short", "../../../etc", "with space", "ünicode12", ""] {
            assert_eq!(UploadName::new(bad), None, "{bad}");
        }
    }
}
