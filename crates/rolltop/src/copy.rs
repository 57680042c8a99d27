//! `rolltop cp`: files and folders to and from desktops, over the API.
//!
//! What is to be copied is listed first, so that progress has an end to be measured by. Names that
//! come from a desktop are its word only: one that would lead out of its folder here is refused.

mod download;
mod upload;

use std::cell::{Cell, RefCell};

use rolltop_api_types::{ClientError, Code, Desktop, FileEntry, FileKind};
use rolltop_model::DesktopId;
use serde::Serialize;

use crate::arguments::Copy;
use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{Progress, print, print_json, size};

/// Where a path begins that does not begin at the root.
const HOME: &str = "/home/desk";
/// How many files are on their way at once.
const AT_ONCE: usize = 4;

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
    skipped: Cell<u64>,
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
        eprintln!("rolltop: left out {}: neither a file nor a folder", crate::output::plain(what));
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
    if connection.json {
        return print_json(&done);
    }
    let (files, bytes) = (done.files.get(), size(done.bytes.get()));
    print(&format!("{files} {}, {bytes}\n", if files == 1 { "file" } else { "files" }))
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
