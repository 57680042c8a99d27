//! What boots a disk that comes in: into files as it comes, for whoever imports may bring very large ones.

use std::path::PathBuf;

use rolltop_engine::EngineError;
use rolltop_engine::image::{Frame, MOST_BOOT};
use rolltop_template::{INITRD, KERNEL};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWriteExt};

use super::{Directory, read};
use crate::fault::{Doing, Fault};

/// As far as it has come.
pub(super) struct Come {
    pub kernel: Growing,
    pub initrd: Growing,
    _directory: Directory,
}

/// A file that is being written.
pub(super) struct Growing {
    pub path: PathBuf,
    file: File,
    pub bytes: u64,
}

impl Growing {
    async fn new(path: PathBuf) -> Result<Self, Fault> {
        let file = File::create_new(&path).await.doing_with("making", &path)?;
        Ok(Self { path, file, bytes: 0 })
    }

    async fn add(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).await.doing_with("writing", &self.path)
    }
}

impl Come {
    pub async fn new(directory: Directory) -> Result<Self, Fault> {
        let kernel = Growing::new(directory.0.join(KERNEL)).await?;
        let initrd = Growing::new(directory.0.join(INITRD)).await?;
        Ok(Self { kernel, initrd, _directory: directory })
    }

    /// Takes in all that comes before the first frame of a disk, as long as there is room. That frame, too.
    pub async fn until_disk(
        mut self,
        from: &mut (impl AsyncRead + Unpin),
        room: impl Fn() -> Result<(), EngineError>,
    ) -> Result<(Self, String, Frame), EngineError> {
        let mut cmdline = String::new();
        loop {
            let (part, bytes) = match read(from).await? {
                Frame::About(about) => {
                    cmdline = about.cmdline;
                    continue;
                }
                Frame::Kernel(bytes) => (&mut self.kernel, bytes),
                Frame::Initrd(bytes) => (&mut self.initrd, bytes),
                other => {
                    for part in [&mut self.kernel, &mut self.initrd] {
                        part.file.flush().await.doing_with("writing", &part.path)?;
                    }
                    return Ok((self, cmdline, other));
                }
            };
            room()?;
            part.add(&bytes).await?;
            if self.kernel.bytes + self.initrd.bytes > MOST_BOOT {
                return Err(EngineError::Host("the image's kernel is too large".into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rolltop_engine::image::{About, PIECE};

    use super::*;

    /// What has come of a kernel of so many bytes, and how much memory of ours that took.
    async fn brought(kernel: u64) -> Result<(u64, u64), EngineError> {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory(place.path().join("transfer"));
        std::fs::create_dir(&directory.0).unwrap();
        let (mut theirs, mut ours) = tokio::io::duplex(PIECE);
        tokio::spawn(async move {
            let about = About { cmdline: "root=/dev/vda".into(), disk_gib: 1, ..About::default() };
            let _ = Frame::About(about).write(&mut theirs).await;
            for at in (0..kernel).step_by(PIECE) {
                let piece = vec![7; usize::try_from(kernel - at).unwrap().min(PIECE)];
                let _ = Frame::Kernel(piece).write(&mut theirs).await;
            }
            let _ = Frame::End.write(&mut theirs).await;
        });
        let before = resident();
        let come = Come::new(directory).await?;
        let (come, cmdline, next) = come.until_disk(&mut ours, || Ok(())).await?;
        assert_eq!((cmdline.as_str(), next), ("root=/dev/vda", Frame::End));
        Ok((std::fs::metadata(&come.kernel.path).unwrap().len(), resident().saturating_sub(before)))
    }

    /// Bytes that this process has in memory.
    fn resident() -> u64 {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }

    #[tokio::test]
    async fn what_boots_a_disk_comes_into_a_file_and_has_an_end() {
        let (length, memory) = brought(200 << 20).await.unwrap();
        assert_eq!(length, 200 << 20);
        assert!(memory < 128 << 20, "{memory} bytes of memory");
        let refused = brought(MOST_BOOT + 1).await.unwrap_err();
        assert!(refused.to_string().contains("too large"), "{refused}");
    }

    #[tokio::test]
    async fn what_comes_in_stops_where_there_is_no_room() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory(place.path().join("transfer"));
        std::fs::create_dir(&directory.0).unwrap();
        let path = directory.0.clone();
        let mut bytes = Vec::new();
        Frame::Kernel(vec![7; 5]).write(&mut bytes).await.unwrap();
        let come = Come::new(directory).await.unwrap();
        let full = come.until_disk(&mut bytes.as_slice(), || Err(EngineError::DiskFull)).await;
        assert!(matches!(full, Err(EngineError::DiskFull)));
        assert!(!path.exists(), "nothing of it is left");
    }
}
