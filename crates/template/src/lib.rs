//! Templates: recipes, the builder that makes an image of one, and the manifest beside it.

mod manifest;

pub use manifest::{
    BOOTSTRAP_KEY, BOOTSTRAP_KEY_PUBLIC, DISK, INITRD, KERNEL, MANIFEST, Manifest, ManifestError, installed,
};
