//! What an engine can that not every one can.

use serde::{Deserialize, Serialize};

use crate::{Carry, Images, Layers, Memory};

/// Something that an engine may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// [`Memory`]
    Memory,
    /// [`Layers`]
    Layers,
    /// [`Images`]
    Images,
}

impl Capability {
    pub const ALL: [Capability; 3] = [Capability::Memory, Capability::Layers, Capability::Images];

    pub const fn as_str(self) -> &'static str {
        match self {
            Capability::Memory => "memory",
            Capability::Layers => "layers",
            Capability::Images => "images",
        }
    }
}

/// The engine can't do what was asked, whatever it is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{}", self.sentence())]
pub struct Lacks(pub Capability);

impl Lacks {
    /// For people.
    pub const fn sentence(self) -> &'static str {
        match self.0 {
            Capability::Memory => {
                "This host's engine can't keep a desktop's memory, so desktops can't be suspended; stop it instead."
            }
            Capability::Layers => "This host's engine can't take snapshots of desktops or fork them.",
            Capability::Images => {
                "This host's engine can't save desktops as templates, and can't export or import them."
            }
        }
    }
}

/// Gives what an engine has beyond [`Engine`](crate::Engine).
pub trait Capable: Send + Sync + 'static {
    fn memory(&self) -> Result<&dyn Memory, Lacks> {
        Err(Lacks(Capability::Memory))
    }

    fn layers(&self) -> Result<&dyn Layers, Lacks> {
        Err(Lacks(Capability::Layers))
    }

    fn images(&self) -> Result<&dyn Images, Lacks> {
        Err(Lacks(Capability::Images))
    }

    /// What it lacks.
    fn lacking(&self) -> Vec<Lacks> {
        [self.memory().err(), self.layers().err(), self.images().err()].into_iter().flatten().collect()
    }
}

impl<T: Carry> Capable for T {
    fn memory(&self) -> Result<&dyn Memory, Lacks> {
        if self.has(Capability::Memory) { Ok(self) } else { Err(Lacks(Capability::Memory)) }
    }

    fn layers(&self) -> Result<&dyn Layers, Lacks> {
        if self.has(Capability::Layers) { Ok(self) } else { Err(Lacks(Capability::Layers)) }
    }

    fn images(&self) -> Result<&dyn Images, Lacks> {
        if self.has(Capability::Images) { Ok(self) } else { Err(Lacks(Capability::Images)) }
    }
}
