//! `rolltop cp`: files and folders to and from desktops, over the API.
//!
//! What is to be copied is listed first, so that progress has an end to be measured by. Names that
//! come from a desktop are its word only: one that would lead out of its folder here is refused.
//!
//! What can't be read, or named on the other side, is left out and said so, and the rest is copied; then the exit code
//! is 1. Links, pipes and devices are left out too, which is no failure.

mod download;
mod upload;

use std::cell::{Cell, RefCell};

use clap::{Args, ValueHint};
use rolltop_api_types::{ClientError, Code, Desktop, FileEntry, FileKind};
use rolltop_model::DesktopId;
use serde::Serialize;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{Progress, plain, print, print_json, say, size};

#[derive(Args)]
pub struct Copy {
    /// What to copy, and where to
    #[arg(required = true, num_args = 2.., value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,
}

/// Where a path begins that does not begin at the root.
const HOME: &str = "/home/desk";
/// How many files are on their way at once.
const AT_ONCE: usize = 4;
/// How many of those left out are said one by one.
const SAID: u64 = 20;

/// One side of a copy.
enum Side {
    Here(String),
    /// The desktop as it was named, and the path there.
    There {
        name: String,
        path: String,
    },
}

impl Side {
    /// `NAME:PATH` is in a desktop, as scp has it; a path here with a colon in it is written `./a:b`.
    fn of(text: &str) -> Self {
        match text.split_once(':') {
            Some((name, path)) if !name.is_empty() && !name.contains('/') => {
                Side::There { name: name.to_owned(), path: absolute(path) }
            }
            _ => Side::Here(text.to_owned()),
        }
    }
}

/// A path in a desktop; what ends with a slash stays so.
fn absolute(path: &str) -> String {
    let path = path.strip_prefix("~/").unwrap_or(path);
    match path {
        "" | "~" => format!("{HOME}/"),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{HOME}/{path}"),
    }
}

fn joined(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// The last name of a path; empty where there is none.
fn name_of(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// What was copied.
#[derive(Debug, Default, Serialize)]
struct Done {
    files: Cell<u64>,
    bytes: Cell<u64>,
    /// Links, pipes and devices.
    skipped: Cell<u64>,
    /// What could not be read or named.
    failed: Cell<u64>,
}

/// What goes on, shared by files that go at once.
struct Work<'a> {
    connection: &'a Connection,
    id: DesktopId,
    done: Done,
    total: Cell<u64>,
    progress: RefCell<Progress>,
}

impl<'a> Work<'a> {
    fn new(connection: &'a Connection, desktop: &Desktop) -> Self {
        Self {
            connection,
            id: desktop.id,
            done: Done::default(),
            total: Cell::new(0),
            progress: RefCell::new(Progress::new()),
        }
    }

    fn moved(&self, bytes: u64, name: &str) {
        self.done.bytes.set(self.done.bytes.get().saturating_add(bytes));
        let (done, total) = (self.done.bytes.get(), self.total.get());
        self.progress.borrow_mut().say(|elapsed| {
            let rate = u128::from(done).saturating_mul(1000) / elapsed.as_millis().max(1);
            let rate = size(u64::try_from(rate).unwrap_or(u64::MAX));
            format!("{} of {}, {rate}/s  {name}", size(done), size(total.max(done)))
        });
    }

    fn copied_one(&self) {
        self.done.files.set(self.done.files.get() + 1);
    }

    fn skip(&self, what: &str) {
        self.done.skipped.set(self.done.skipped.get() + 1);
        self.left_out(what, "neither a file nor a folder");
    }

    /// Goes on without what can't be read or named.
    fn fail(&self, what: &str, why: &str) {
        self.done.failed.set(self.done.failed.get() + 1);
        self.left_out(what, why);
    }

    fn left_out(&self, what: &str, why: &str) {
        let count = self.done.skipped.get() + self.done.failed.get();
        if count <= SAID {
            let line = format!("rolltop: left out {what}: {why}").replace('\n', "?");
            self.progress.borrow().clear();
            say(&format!("{}\n", plain(&line)));
        }
    }

    /// What is at a path in the desktop, links followed one step; `None` where there is nothing.
    async fn there(&self, path: &str) -> Result<Option<FileEntry>, Failure> {
        let trimmed = if path == "/" { path } else { path.trim_end_matches('/') };
        match self.connection.client.file_info(self.id, trimmed).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.code() == Some(Code::FileNotFound) => Ok(None),
            Err(error) => Err(about(trimmed, error)),
        }
    }
}

fn is_folder(entry: &FileEntry) -> bool {
    entry.kind == FileKind::Folder
        || (entry.kind == FileKind::Link && entry.target_kind == Some(FileKind::Folder))
}

fn about(path: &str, error: ClientError) -> Failure {
    let failure = Failure::from(error);
    Failure { detail: format!("{path}: {}", failure.detail), ..failure }
}

/// `rolltop cp`
pub async fn run(connection: &Connection, copy: &Copy) -> Result<u8, Failure> {
    let Some((to, from)) = copy.paths.split_last() else { return Ok(0) };
    let sides: Vec<Side> = from.iter().map(|text| Side::of(text)).collect();
    let to = Side::of(to);
    let work = match to {
        Side::There { name, path } => {
            let here: Option<Vec<String>> = sides
                .into_iter()
                .map(|side| match side {
                    Side::Here(path) => Some(path),
                    Side::There { .. } => None,
                })
                .collect();
            let here = here.ok_or_else(|| {
                Failure::usage("From one desktop to another there is no direct way; copy to here first.")
            })?;
            let work = Work::new(connection, &find::desktop(connection, &name).await?);
            upload::run(&work, &here, &path).await?;
            work
        }
        Side::Here(folder) => {
            let (name, paths) = from_one_desktop(sides)?;
            let work = Work::new(connection, &find::desktop(connection, &name).await?);
            download::run(&work, &paths, &folder).await?;
            work
        }
    };
    let Work { done, progress, .. } = work;
    drop(progress);
    told(connection, &done)
}

fn told(connection: &Connection, done: &Done) -> Result<u8, Failure> {
    let more = (done.skipped.get() + done.failed.get()).saturating_sub(SAID);
    if more > 0 {
        say(&format!("rolltop: left out {more} more\n"));
    }
    if connection.json {
        print_json(done)?;
    } else {
        print(&format!("{}, {}\n", files(done.files.get()), size(done.bytes.get())))?;
    }
    match done.failed.get() {
        0 => Ok(0),
        1 => Err(Failure::new(Exit::Failed, "incomplete", "1 file or folder could not be copied.")),
        failed => {
            let detail = format!("{failed} files or folders could not be copied.");
            Err(Failure::new(Exit::Failed, "incomplete", detail))
        }
    }
}

fn files(count: u64) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}

fn from_one_desktop(sides: Vec<Side>) -> Result<(String, Vec<String>), Failure> {
    let mut desktop = None::<String>;
    let mut paths = Vec::new();
    for side in sides {
        match side {
            Side::There { name, path } if desktop.as_ref().is_none_or(|known| *known == name) => {
                desktop = Some(name);
                paths.push(path);
            }
            Side::There { .. } => return Err(Failure::usage("Copy from one desktop at a time.")),
            Side::Here(path) => {
                return Err(Failure::usage(format!(
                    "Neither {path} nor the destination is in a desktop; write one as NAME:PATH."
                )));
            }
        }
    }
    desktop
        .map(|name| (name, paths))
        .ok_or_else(|| Failure::new(Exit::Usage, "usage", "There is nothing to copy."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_with_a_name_and_a_colon_is_in_a_desktop() {
        let of = |text: &str| match Side::of(text) {
            Side::Here(path) => format!("here {path}"),
            Side::There { name, path } => format!("{name} {path}"),
        };
        assert_eq!(of("research:"), "research /home/desk/");
        assert_eq!(of("research:/etc/hosts"), "research /etc/hosts");
        assert_eq!(of("research:a/b"), "research /home/desk/a/b");
        assert_eq!(of("research:~/a"), "research /home/desk/a");
        assert_eq!(of("./a:b"), "here ./a:b");
        assert_eq!(of(":x"), "here :x");
        assert_eq!(of("plain"), "here plain");
    }

    #[test]
    fn names_of_paths() {
        assert_eq!((name_of("/a/b/"), name_of("b"), name_of("/")), ("b", "b", ""));
        assert_eq!(joined("/a/", "b"), "/a/b");
    }
}
