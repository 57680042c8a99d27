//! Building a template version.
//!
//! ```text
//! Packages ─► Tree ─► Setup ─► Disk ─► Finish
//!  cached            in the workspace      └─ one rename gives the version its name
//! ```
//!
//! A version that exists is never touched, so building twice is building once. A crash leaves
//! only a workspace, which the next build removes. Older versions stay until someone who knows
//! what still needs them removes them.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rolltop_model::TemplateVersion;

use crate::command::CommandError;
use crate::manifest::{Manifest, ManifestError};
use crate::progress::{Progress, Reporter, Step};
use crate::recipe::Recipe;
use crate::workspace::Workspace;
use crate::{digest, image, tree};

/// What a build needs to know.
#[derive(Debug, Clone)]
pub struct Builder {
    pub recipe: Recipe,
    /// The guest program, linked statically.
    pub guest_binary: PathBuf,
    /// Where versions go, one directory each.
    pub templates_dir: PathBuf,
    /// Where downloads are kept from one build to the next, outside any checkout.
    pub cache_dir: PathBuf,
}

/// Why a template was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("building a template needs root: it makes device nodes and users in a tree of its own")]
    NotRoot,
    #[error("another build is under way")]
    Busy,
    #[error("the mirror {mirror} can't be reached from this machine: {why}")]
    Unreachable { mirror: String, why: String },
    #[error("{keyring} is missing; install the package {package}")]
    Keyring { keyring: &'static str, package: &'static str },
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("can't {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{0}")]
    Image(String),
    #[error("the version exists, but not whole")]
    Manifest(#[from] ManifestError),
}

/// For `map_err`: says what was being done to which path.
pub(crate) fn file_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> BuildError + 'a {
    move |source| BuildError::File { action, path: path.to_owned(), source }
}

impl Builder {
    /// The version that building now would make, from the recipe's and the guest program's content.
    pub fn version(&self) -> Result<TemplateVersion, BuildError> {
        digest::version(&self.recipe, &self.guest_binary).map_err(file_error("read", &self.recipe.directory))
    }

    /// Makes the version if it does not exist. Blocks for minutes; call it from a thread that may.
    pub fn build(&self, progress: &mut dyn FnMut(Progress)) -> Result<Manifest, BuildError> {
        let mut reporter = Reporter::new(progress);
        let version = self.version()?;
        let directory = self.templates_dir.join(version.to_string());
        if directory.exists() {
            reporter.report(Step::Finish, format!("{version} is there already"), Some(1.0));
            return Ok(Manifest::load(&directory)?);
        }
        if !rustix::process::geteuid().is_root() {
            return Err(BuildError::NotRoot);
        }
        let workspace = Workspace::open(&self.templates_dir)?;
        let tree = tree::cached_tree(&self.recipe, &self.cache_dir, &mut reporter)?;
        let root = workspace.path().join("root");
        reporter.report(Step::Tree, "unpacking the packages", None);
        image::unpack(&tree, &root)?;
        let out = workspace.path().join("version");
        fs::create_dir(&out).map_err(file_error("make", &out))?;
        let host_key = self.set_up(&version, &root, &out, &mut reporter)?;
        reporter.report(Step::Disk, "making the disk image", None);
        let disk_virtual_bytes = self.recipe.settings.disk_gib << 30;
        image::take_kernel(&root, &out)?;
        image::make_disk(&root, workspace.path(), &out, disk_virtual_bytes)?;
        let manifest = self.manifest(version, host_key, disk_virtual_bytes);
        publish(&manifest, &out, &directory)?;
        reporter.report(Step::Finish, format!("{} is ready", manifest.version), Some(1.0));
        Ok(manifest)
    }

    /// Everything between bare packages and a tree that can boot; returns the host key's public line.
    fn set_up(
        &self,
        version: &TemplateVersion,
        root: &Path,
        out: &Path,
        reporter: &mut Reporter<'_>,
    ) -> Result<String, BuildError> {
        reporter.report(Step::Setup, "overlay and guest program", None);
        image::neutralise(&self.recipe, root)?;
        image::apply_overlay(&self.recipe.overlay(), root)?;
        image::install_guest(&self.guest_binary, root)?;
        let host_key = image::make_host_key(version, root)?;
        let hooks = self.recipe.hooks().map_err(file_error("read", &self.recipe.directory))?;
        for (number, hook) in hooks.iter().enumerate() {
            let name = hook.file_stem().unwrap_or_default().to_string_lossy();
            reporter.report(Step::Setup, format!("hook {name}"), Some(number as f64 / hooks.len() as f64));
            image::run_hook(hook, root, &mut |line| tracing::debug!(hook = %name, "{line}"))?;
        }
        image::set_services(&self.recipe.settings.services, root)?;
        image::make_bootstrap_key(root, out)?;
        Ok(host_key)
    }

    fn manifest(&self, version: TemplateVersion, host_key: String, disk_virtual_bytes: u64) -> Manifest {
        let settings = &self.recipe.settings;
        Manifest {
            version,
            title: settings.title.clone(),
            description: settings.description.clone(),
            built_at: Timestamp::now(),
            cmdline: settings.cmdline.clone(),
            host_key,
            sizes: settings.sizes.clone(),
            disk_virtual_bytes,
        }
    }
}

/// Makes a finished directory durable, then gives it its name.
pub(crate) fn publish(manifest: &Manifest, out: &Path, directory: &Path) -> Result<(), BuildError> {
    manifest.save(out).map_err(file_error("write the manifest in", out))?;
    fs::set_permissions(out, Permissions::from_mode(0o755)).map_err(file_error("protect", out))?;
    for entry in fs::read_dir(out).map_err(file_error("read", out))?.flatten() {
        let path = entry.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(file_error("write out", &path))?;
    }
    fs::rename(out, directory).map_err(file_error("name", directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_exists_is_returned_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let recipe = directory.path().join("desk");
        fs::create_dir(&recipe).unwrap();
        let text = "title='D'\ndescription='d'\ncmdline='root=/dev/vda'\npackages=[]\n[distribution]\nname='debian'\nsuite='trixie'\n";
        fs::write(recipe.join("template.toml"), text).unwrap();
        fs::write(directory.path().join("guest"), "binary").unwrap();
        let builder = Builder {
            recipe: Recipe::load(&recipe).unwrap(),
            guest_binary: directory.path().join("guest"),
            templates_dir: directory.path().join("templates"),
            cache_dir: directory.path().join("cache"),
        };
        let built = builder.manifest(builder.version().unwrap(), "ssh-ed25519 AAAA".into(), 1 << 30);
        let out = directory.path().join("out");
        fs::create_dir(&out).unwrap();
        fs::create_dir(&builder.templates_dir).unwrap();
        publish(&built, &out, &builder.templates_dir.join(built.version.to_string())).unwrap();

        let mut told = Vec::new();
        assert_eq!(builder.build(&mut |progress| told.push(progress.detail)).unwrap(), built);
        assert_eq!(told, [format!("{} is there already", built.version)]);
        assert!(!builder.cache_dir.exists());
    }

    #[test]
    fn a_build_that_fails_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        assert!(matches!(
            image::unpack(Path::new("/no-such-tree.tar"), &out),
            Err(BuildError::Command(CommandError::Failed { .. }))
        ));
    }
}
