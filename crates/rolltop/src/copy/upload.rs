//! From here to a desktop. A file takes its name there once all of it has arrived.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use rolltop_api_types::{Code, SaveCondition, UpdateFile, UploadAt, UploadPart};

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
    let only = from.len() == 1;
    for path in from {
        let whole = fs::canonicalize(path).map_err(|error| Failure::io(path, &error))?;
        let name = whole.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if into && name.is_empty() {
            return Err(Failure::usage(format!("{path} has no name that it could take in the desktop.")));
        }
        let to = if into { joined(to, &name) } else { to.trim_end_matches('/').to_owned() };
        match plan.add(work, &whole, to) {
            Err(error) if only => return Err(Failure::io(whole.display(), &error)),
            Err(error) => work.fail(&whole.display().to_string(), &error.to_string()),
            Ok(()) => {}
        }
    }
    let only_file = only && plan.folders.is_empty();
    work.total.set(plan.files.iter().map(|file| file.size).sum());
    for folder in &plan.folders {
        make_folder(work, folder).await?;
    }
    stream::iter(plan.files.iter().map(|file| send(work, file, only_file)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

impl Plan {
    /// An error is of `from` itself; what can't be read below it is left out.
    fn add(&mut self, work: &Work<'_>, from: &Path, to: String) -> io::Result<()> {
        let data = fs::symlink_metadata(from)?;
        if data.is_file() {
            let is_executable = data.permissions().mode() & EXECUTABLE != 0;
            self.files.push(Sending { from: from.to_owned(), to, size: data.len(), is_executable });
        } else if data.is_dir() {
            let mut entries = fs::read_dir(from).and_then(Iterator::collect::<Result<Vec<_>, _>>)?;
            entries.sort_by_key(fs::DirEntry::file_name);
            self.folders.push(to.clone());
            for entry in entries {
                let path = entry.path();
                let name = entry.file_name();
                let added = match name.to_str() {
                    Some(name) => self.add(work, &path, joined(&to, name)).map_err(|error| error.to_string()),
                    None => Err("its name is not UTF-8".to_owned()),
                };
                if let Err(why) = added {
                    work.fail(&path.display().to_string(), &why);
                }
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

/// `only` is all that there is to be copied: then its failure is the command's own.
async fn send(work: &Work<'_>, sending: &Sending, only: bool) -> Result<(), Failure> {
    let told = |error: io::Error| Failure::io(sending.from.display(), &error);
    let opened = File::open(&sending.from).and_then(|mut file| {
        let mut bytes = Vec::new();
        if sending.size <= PART {
            file.read_to_end(&mut bytes)?;
        }
        Ok((file, bytes))
    });
    let (file, bytes) = match opened {
        Ok(opened) => opened,
        Err(error) if only => return Err(told(error)),
        Err(error) => {
            work.fail(&sending.from.display().to_string(), &error.to_string());
            return Ok(());
        }
    };
    let name = name_of(&sending.to);
    if sending.size <= PART {
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
            let _ = client.cancel_upload(work.id, &UploadAt { path: sending.to.clone(), upload }).await;
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
