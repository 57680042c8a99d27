//! Templates: recipes, the builder that makes an image of one, and the manifest beside it.
//!
//! A recipe is a directory under `templates/`; a built version is a directory named after the
//! digest of everything that went in. What is deliberately absent: running machines and baking
//! their memory (the engine's), and anything personal: a template is the same for everybody.

mod build;
mod command;
mod digest;
mod distribution;
mod hold;
mod image;
mod manifest;
mod progress;
mod recipe;
mod save;
mod tree;
mod workspace;

pub use build::{BuildError, Builder};
pub use command::CommandError;
pub use distribution::Distribution;
pub use hold::{BootFiles, hold};
pub use manifest::{
    BOOTSTRAP_KEY, BOOTSTRAP_KEY_PUBLIC, DISK, INITRD, KERNEL, MANIFEST, Manifest, ManifestError, installed,
    is_built,
};
pub use progress::Progress;
pub use recipe::{DistributionSettings, RECIPE, Recipe, RecipeError, Services, Settings};
pub use save::{Saved, save};
