//! From a desktop to here. A file is written beside its place and takes it once it is whole.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use rolltop_api_types::{ClientError, Code, FileEntry, FileKind};

use super::{AT_ONCE, Work, about, is_folder, joined, name_of};
use crate::failure::{Exit, Failure};

/// Folders in folders, at most: a desktop may say what it likes.
const DEEPEST: usize = 64;
/// Permission bits of a file that may be run.
const EXECUTABLE: u32 = 0o111;

/// A file to be fetched.
struct Fetching {
    from: String,
    to: PathBuf,
    size: u64,
    is_executable: bool,
}

#[derive(Default)]
struct Plan {
    folders: Vec<PathBuf>,
    files: Vec<Fetching>,
}

pub async fn run(work: &Work<'_>, from: &[String], to: &str) -> Result<(), Failure> {
    let target = Path::new(to);
    let into = target.is_dir();
    if !into && (from.len() > 1 || to.ends_with('/')) {
        return Err(Failure::new(Exit::NotFound, "not_a_folder", format!("{to} is no folder here.")));
    }
    let mut plan = Plan::default();
    let only = from.len() == 1;
    for path in from {
        let Some(entry) = work.there(path).await? else {
            let detail = format!("There is no {path} in the desktop.");
            return Err(Failure::new(Exit::NotFound, "file_not_found", detail));
        };
        let name = name_of(path);
        let to = if into && !name.is_empty() { target.join(safe(name)?) } else { target.to_owned() };
        plan_one(work, &mut plan, path, &entry, to, only).await?;
    }
    let only_file = only && plan.folders.is_empty();
    work.total.set(plan.files.iter().map(|file| file.size).fold(0, u64::saturating_add));
    for folder in &plan.folders {
        fs::create_dir_all(folder).map_err(|error| Failure::io(folder.display(), &error))?;
    }
    stream::iter(plan.files.iter().map(|file| fetch(work, file, only_file)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// What is named itself may be a link; what is found on the way is not followed. `only` is all that there is to be
/// copied: then its failure is the command's own.
async fn plan_one(
    work: &Work<'_>,
    plan: &mut Plan,
    path: &str,
    entry: &FileEntry,
    to: PathBuf,
    only: bool,
) -> Result<(), Failure> {
    if !is_folder(entry) {
        let is_file = entry.kind == FileKind::File || entry.target_kind == Some(FileKind::File);
        if !is_file {
            work.skip(path);
            return Ok(());
        }
        plan.files.push(fetching(path.trim_end_matches('/').to_owned(), entry, to));
        return Ok(());
    }
    let mut waiting = vec![(path.to_owned(), to, 0)];
    while let Some((folder, to, depth)) = waiting.pop() {
        let list = match work.connection.client.list_files(work.id, &folder).await {
            Ok(list) => list,
            Err(error) if may_be_left_out(&error) && !(only && depth == 0) => {
                work.fail(&folder, &reason(&folder, &error));
                continue;
            }
            Err(error) => return Err(about(&folder, error)),
        };
        if list.truncated || depth > DEEPEST {
            let detail = format!("{folder} has too much in it to be copied whole.");
            return Err(Failure::new(Exit::Failed, "too_much", detail));
        }
        plan.folders.push(to.clone());
        for entry in &list.items {
            let (from, to) = (joined(&folder, &entry.name), to.join(safe(&entry.name)?));
            match entry.kind {
                FileKind::File => plan.files.push(fetching(from, entry, to)),
                FileKind::Folder => waiting.push((from, to, depth + 1)),
                FileKind::Link | FileKind::Other | FileKind::Unknown => work.skip(&from),
            }
        }
    }
    Ok(())
}

fn fetching(from: String, entry: &FileEntry, to: PathBuf) -> Fetching {
    let mode = u32::from_str_radix(&entry.mode, 8).unwrap_or(0);
    Fetching { from, to, size: entry.size, is_executable: mode & EXECUTABLE != 0 }
}

/// A name that stays in its folder here, or none at all.
fn safe(name: &str) -> Result<&str, Failure> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        let detail = "The desktop named a file so that it would lead elsewhere here; nothing was copied.";
        return Err(Failure::new(Exit::Failed, "bad_name", detail));
    }
    Ok(name)
}

/// Whether the desktop refused just this file or folder, and the rest can still be had.
fn may_be_left_out(error: &ClientError) -> bool {
    matches!(
        error.code(),
        Some(
            Code::FileDenied
                | Code::FileNotFound
                | Code::FileRefused
                | Code::NotAFile
                | Code::NotAFolder
                | Code::InvalidPath
        )
    )
}

fn reason(path: &str, error: &ClientError) -> String {
    // Replacement characters stand for what can't be said over the API.
    if error.code() == Some(Code::FileNotFound) && path.contains(char::REPLACEMENT_CHARACTER) {
        return "its name is not UTF-8".to_owned();
    }
    error.problem().map_or_else(|| error.to_string(), |problem| problem.detail.clone())
}

async fn fetch(work: &Work<'_>, fetching: &Fetching, only: bool) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::io(fetching.to.display(), &error);
    if fetching.to.is_dir() {
        let detail = format!("{} is a folder here, and a file in the desktop.", fetching.to.display());
        return Err(Failure::new(Exit::Conflict, "file_exists", detail));
    }
    let failed = |error| about(&fetching.from, error);
    let mut body = match work.connection.client.file(work.id, &fetching.from, None).await {
        Ok(body) => body,
        Err(error) if may_be_left_out(&error) && !only => {
            work.fail(&fetching.from, &reason(&fetching.from, &error));
            return Ok(());
        }
        Err(error) => return Err(failed(error)),
    };
    let wanted = body.length();
    let folder = fetching.to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mode = if fetching.is_executable { 0o755 } else { 0o644 };
    let mut beside = tempfile::Builder::new()
        .prefix(".rolltop-")
        // As for any new file, what the person's umask says is taken off.
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(told)?;
    let mut length = 0;
    while let Some(bytes) = body.next().await.map_err(failed)? {
        beside.write_all(&bytes).map_err(told)?;
        length += bytes.len() as u64;
        work.moved(bytes.len() as u64, name_of(&fetching.from));
    }
    if wanted.is_some_and(|wanted| wanted != length) {
        let detail = format!("{} broke off after {length} bytes.", fetching.from);
        return Err(Failure::new(Exit::Unreachable, "broke_off", detail));
    }
    beside.persist(&fetching.to).map_err(|error| told(error.error))?;
    work.copied_one();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn a_desktops_name_never_leads_out_of_its_folder() {
        assert!(safe("report.pdf").is_ok() && safe("..a").is_ok() && safe("a b").is_ok());
        for bad in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\0b"] {
            assert!(safe(bad).is_err(), "{bad:?}");
        }
    }
}
