//! What the simulation remembers over a restart: one JSON file, replaced whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rolltop_engine::{Bootstrap, TemplateInfo};
use rolltop_model::{DesktopId, SnapshotId, TemplateError};
use serde::{Deserialize, Serialize};

use crate::guest::Disk;
use crate::world::World;

const FILE: &str = "sim.json";

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the simulation's directory {} can't be used", .0.display())]
    Directory(PathBuf, #[source] io::Error),
    #[error("the simulation's state in {} makes no sense", .0.display())]
    Content(PathBuf, #[source] serde_json::Error),
    #[error("the simulation's keys could not be made")]
    Keys(#[source] russh::keys::ssh_key::Error),
    #[error("the simulation's template has no valid version")]
    Template(#[source] TemplateError),
}

/// Private keys among it open nothing but the simulation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// OpenSSH private key that opens machines nobody has personalised.
    pub bootstrap_key: String,
    /// OpenSSH private key that those show.
    pub template_host_key: String,
    pub world: World,
    pub disks: BTreeMap<DesktopId, Disk>,
    #[serde(default)]
    pub kept: BTreeMap<SnapshotId, Disk>,
    #[serde(default)]
    pub templates: Vec<SavedTemplate>,
}

/// A template that was made of a desktop.
#[derive(Clone, Serialize, Deserialize)]
pub struct SavedTemplate {
    pub info: TemplateInfo,
    pub bootstrap: Bootstrap,
    pub disk: Disk,
}

/// The state in `directory`, which is made if missing; `None` if there is none yet.
pub fn load(directory: &Path) -> Result<Option<Remembered>, StateError> {
    let told = |error| StateError::Directory(directory.to_owned(), error);
    std::fs::create_dir_all(directory).map_err(told)?;
    match std::fs::read(directory.join(FILE)) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| StateError::Content(directory.join(FILE), error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(told(error)),
    }
}

pub fn save(directory: &Path, remembered: &Remembered) -> io::Result<()> {
    // Readable by its owner only, as temporary files are.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer(&mut file, remembered)?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(directory.join(FILE))?;
    File::open(directory)?.sync_all()
}
