//! From here to a desktop. A file takes its name there once all of it has arrived.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use rolltop_api_types::{Code, SaveCondition, UpdateFile, UploadPart};

use super::{AT_ONCE, Work, about, is_folder, joined, name_of};
use crate::failure::{Exit, Failure};

/// One part of an upload, bytes: what is held in memory of each file that goes.
const PART: u64 = 8 << 20;
/// What is asked of every file's permission bits.
const EXECUTABLE: u32 = 0o111;

/// A file to be sent.
struct Sending {
    from: PathBuf,
    to: String,
    size: u64,
    is_executable: bool,
}

#[derive(Default)]
struct Plan {
    folders: Vec<String>,
    files: Vec<Sending>,
}

pub async fn run(work: &Work<'_>, from: &[String], to: &str) -> Result<(), Failure> {
    let target = work.there(to).await?;
    let into = target.as_ref().is_some_and(is_folder);
    if !into && (from.len() > 1 || to.ends_with('/')) {
        let detail = format!("{} is no folder in the desktop.", to.trim_end_matches('/'));
        return Err(Failure::new(Exit::NotFound, "not_a_folder", detail));
    }
    let mut plan = Plan::default();
    for path in from {
        let whole = fs::canonicalize(path).map_err(|error| Failure::io(path, &error))?;
        let name = whole.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if into && name.is_empty() {
            return Err(Failure::usage(format!("{path} has no name that it could take in the desktop.")));
        }
        let to = if into { joined(to, &name) } else { to.trim_end_matches('/').to_owned() };
        plan.add(work, &whole, to)?;
    }
    work.total.set(plan.files.iter().map(|file| file.size).sum());
    for folder in &plan.folders {
        make_folder(work, folder).await?;
    }
    stream::iter(plan.files.iter().map(|file| send(work, file)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

impl Plan {
    fn add(&mut self, work: &Work<'_>, from: &Path, to: String) -> Result<(), Failure> {
        let told = |error: std::io::Error| Failure::io(from.display(), &error);
        let data = fs::symlink_metadata(from).map_err(told)?;
        if data.is_file() {
            let is_executable = data.permissions().mode() & EXECUTABLE != 0;
            self.files.push(Sending { from: from.to_owned(), to, size: data.len(), is_executable });
        } else if data.is_dir() {
            let mut entries =
                fs::read_dir(from).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(told)?;
            entries.sort_by_key(fs::DirEntry::file_name);
            self.folders.push(to.clone());
            for entry in entries {
                let name = entry.file_name();
                let Some(name) = name.to_str() else {
                    let detail = format!("{} has a name that is not UTF-8.", entry.path().display());
                    return Err(Failure::new(Exit::Failed, "bad_name", detail));
                };
                self.add(work, &entry.path(), joined(&to, name))?;
            }
        } else {
            work.skip(&from.display().to_string());
        }
        Ok(())
    }
}

/// One that is there already is fine.
async fn make_folder(work: &Work<'_>, path: &str) -> Result<(), Failure> {
    match work.connection.client.create_folder(work.id, path).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some(Code::FileExists) => match work.there(path).await? {
            Some(entry) if is_folder(&entry) => Ok(()),
            Some(_) | None => Err(about(path, error)),
        },
        Err(error) => Err(about(path, error)),
    }
}

async fn send(work: &Work<'_>, sending: &Sending) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::io(sending.from.display(), &error);
    let mut file = File::open(&sending.from).map_err(told)?;
    let name = name_of(&sending.to);
    if sending.size <= PART {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(told)?;
        let length = bytes.len() as u64;
        let saved = work.connection.client.save_file(work.id, &sending.to, &SaveCondition::Any, bytes).await;
        saved.map_err(|error| about(&sending.to, error))?;
        work.moved(length, name);
    } else {
        send_in_parts(work, sending, &file).await?;
    }
    if sending.is_executable {
        let mode = UpdateFile { mode: "0755".to_owned() };
        let changed = work.connection.client.update_file(work.id, &sending.to, &mode).await;
        changed.map_err(|error| about(&sending.to, error))?;
    }
    work.copied_one();
    Ok(())
}

async fn send_in_parts(work: &Work<'_>, sending: &Sending, file: &File) -> Result<(), Failure> {
    let client = &work.connection.client;
    let upload = upload_name();
    let mut first = 0;
    while first < sending.size {
        let length = PART.min(sending.size - first);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact_at(&mut bytes, first).map_err(|error| Failure::io(sending.from.display(), &error))?;
        let part = UploadPart { upload: upload.clone(), first, length, total: sending.size };
        if let Err(error) = client.upload_file(work.id, &sending.to, &SaveCondition::Any, &part, bytes).await
        {
            // What has arrived is of no use to anybody; the failure itself is what is told.
            let _ = client.cancel_upload(work.id, &sending.to, &upload).await;
            return Err(about(&sending.to, error));
        }
        first += length;
        work.moved(length, name_of(&sending.to));
    }
    Ok(())
}

/// Made up for one upload. It only has to differ from others for the same path.
fn upload_name() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("cli{:016x}", RandomState::new().hash_one(std::process::id()))
}
