//! What a version and a cached tree are named after: digests of what goes in.
//!
//! Of a file only its path, its bytes and whether it can be executed count, so that the digest
//! is the same in every checkout, whatever the owner, times or umask.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rolltop_model::TemplateVersion;
use sha2::{Digest, Sha256};

use crate::recipe::{RECIPE, Recipe, Settings};

/// Raised when the same inputs would give another image.
const FORMAT: &str = "1";
/// Hex digits kept of a digest; what a `TemplateVersion` takes.
const LENGTH: usize = 12;

/// The version that a recipe and a guest program make.
pub(crate) fn version(recipe: &Recipe, guest_binary: &Path) -> io::Result<TemplateVersion> {
    let mut hash = Sha256::new();
    field(&mut hash, "rolltop template", FORMAT.as_bytes());
    file(&mut hash, "recipe", &recipe.directory.join(RECIPE))?;
    for path in files(&recipe.overlay())? {
        entry(&mut hash, &recipe.directory, &path)?;
    }
    for path in recipe.hooks()? {
        // By content even where it is a link: recipes share hooks.
        file(&mut hash, &format!("hook {}", path.file_name().unwrap_or_default().to_string_lossy()), &path)?;
    }
    file(&mut hash, "guest", guest_binary)?;
    TemplateVersion::new(&recipe.name, &hex(hash)).map_err(io::Error::other)
}

/// What the unpacked packages depend on; another overlay or hook keeps the tree.
pub(crate) fn tree_key(settings: &Settings) -> String {
    let mut hash = Sha256::new();
    field(&mut hash, "rolltop tree", FORMAT.as_bytes());
    let distribution = &settings.distribution;
    field(&mut hash, "distribution", distribution.name.name().as_bytes());
    field(&mut hash, "suite", distribution.suite.as_bytes());
    field(&mut hash, "mirror", distribution.mirror.as_deref().unwrap_or_default().as_bytes());
    for component in &distribution.components {
        field(&mut hash, "component", component.as_bytes());
    }
    let mut packages: Vec<_> = settings.packages.iter().collect();
    packages.sort();
    packages.dedup();
    for package in packages {
        field(&mut hash, "package", package.as_bytes());
    }
    hex(hash)
}

/// Everything under a directory in a stable order, directories left out; empty if there is none.
pub(crate) fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = if directory.is_dir() { vec![directory.to_owned()] } else { Vec::new() };
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// True if the owner may execute it.
pub(crate) fn is_executable(metadata: &fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o100 != 0
}

fn entry(hash: &mut Sha256, root: &Path, path: &Path) -> io::Result<()> {
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        field(hash, &format!("link {name}"), fs::read_link(path)?.as_os_str().as_encoded_bytes());
        return Ok(());
    }
    let kind = if is_executable(&metadata) { "program" } else { "file" };
    file(hash, &format!("{kind} {name}"), path)
}

fn file(hash: &mut Sha256, name: &str, path: &Path) -> io::Result<()> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut content))
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    field(hash, name, &content);
    Ok(())
}

/// Lengths go in too, so that no two lists of fields read the same.
fn field(hash: &mut Sha256, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), value] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).take(LENGTH).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "title='D'\ndescription='d'\ncmdline='root=/dev/vda'\npackages=['b','a']\n\
                            [distribution]\nname='debian'\nsuite='trixie'\n";

    struct Fixture(tempfile::TempDir);

    impl Fixture {
        fn new() -> Self {
            let fixture = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(fixture.path("desk/overlay/etc")).unwrap();
            fs::create_dir(fixture.path("desk/hooks")).unwrap();
            fixture.write("desk/template.toml", SETTINGS);
            fixture.write("desk/overlay/etc/hosts", "127.0.0.1");
            fixture.write("desk/hooks/10-a.sh", "true");
            fixture.write("guest", "binary");
            fixture
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.path(name), text).unwrap();
        }

        fn version(&self) -> TemplateVersion {
            version(&Recipe::load(&self.path("desk")).unwrap(), &self.path("guest")).unwrap()
        }
    }

    #[test]
    fn the_same_content_elsewhere_with_other_permissions_is_the_same_version() {
        let (one, two) = (Fixture::new(), Fixture::new());
        fs::set_permissions(two.path("desk/overlay/etc/hosts"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(one.version(), two.version());
        assert_eq!(one.version().name(), "desk");
    }

    #[test]
    fn every_input_changes_the_version() {
        let original = Fixture::new().version();
        let changes: [fn(&Fixture); 7] = [
            |f| f.write("desk/template.toml", &SETTINGS.replace("'D'", "'E'")),
            |f| f.write("desk/overlay/etc/hosts", "127.0.0.2"),
            |f| f.write("desk/overlay/etc/hostname", ""),
            |f| f.write("desk/hooks/10-a.sh", "false"),
            |f| f.write("guest", "another"),
            |f| {
                let executable = fs::Permissions::from_mode(0o755);
                fs::set_permissions(f.path("desk/overlay/etc/hosts"), executable).unwrap();
            },
            |f| std::os::unix::fs::symlink("hosts", f.path("desk/overlay/etc/link")).unwrap(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let fixture = Fixture::new();
            change(&fixture);
            assert_ne!(fixture.version(), original, "change {number}");
        }
    }

    #[test]
    fn the_tree_depends_on_packages_and_not_on_titles() {
        let key = |text: &str| tree_key(&toml::from_str(text).unwrap());
        assert_eq!(key(SETTINGS), key(&SETTINGS.replace("'b','a'", "'a','b','a'").replace("'D'", "'E'")));
        assert_ne!(key(SETTINGS), key(&SETTINGS.replace("'b'", "'c'")));
        assert_ne!(key(SETTINGS), key(&SETTINGS.replace("trixie", "forky")));
        assert_ne!(key(SETTINGS), key(&SETTINGS.replace("'b','a'", "'ba'")));
    }

    #[test]
    fn a_missing_guest_binary_is_named() {
        let fixture = Fixture::new();
        let recipe = Recipe::load(&fixture.path("desk")).unwrap();
        let error = version(&recipe, &fixture.path("absent")).unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
    }
}
