//! A recipe: `template.toml`, an `overlay/` tree and `hooks/*.sh`, read and checked.
//!
//! Everything that later becomes an argument of a command is checked here, so that the rest
//! of the crate can pass it on. Unknown keys are errors. The recipe's name is its directory's.

use std::fs;
use std::path::{Path, PathBuf};

use rolltop_model::Size;
use serde::Deserialize;

use crate::distribution::Distribution;

/// The recipe's settings, in its directory.
pub const RECIPE: &str = "template.toml";

/// A template that can be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Such as `desk`; the part of the version before the `@`.
    pub name: String,
    pub directory: PathBuf,
    pub settings: Settings,
}

/// `template.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// For people, such as "Debian 13 with XFCE".
    pub title: String,
    /// One or two sentences for people.
    pub description: String,
    /// Sizes the template is offered in.
    #[serde(default = "all_sizes")]
    pub sizes: Vec<Size>,
    /// The image's virtual size, GiB; the root file system grows to the desktop's disk.
    #[serde(default = "default_disk_gib")]
    pub disk_gib: u64,
    /// The kernel's command line.
    pub cmdline: String,
    pub distribution: DistributionSettings,
    /// Installed without recommended packages.
    pub packages: Vec<String>,
    #[serde(default)]
    pub services: Services,
}

/// Which distribution, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistributionSettings {
    pub name: Distribution,
    /// Such as `trixie`.
    pub suite: String,
    /// Default: the mirror this host's own package manager uses for that distribution, else
    /// the distribution's public one. Only for building: the image names the public one.
    pub mirror: Option<String>,
    #[serde(default = "main_component")]
    pub components: Vec<String>,
}

/// systemd units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Services {
    #[serde(default)]
    pub enable: Vec<String>,
    #[serde(default)]
    pub mask: Vec<String>,
}

/// Why a directory is not a recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    #[error("{path} can't be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a recipe")]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{path}: {why}")]
    Invalid { path: PathBuf, why: String },
}

impl Recipe {
    /// Reads the recipe in a directory and checks it.
    pub fn load(directory: &Path) -> Result<Self, RecipeError> {
        let path = directory.join(RECIPE);
        let read = |source| RecipeError::Read { path: path.clone(), source };
        let directory = fs::canonicalize(directory).map_err(read)?;
        let text = fs::read_to_string(&path).map_err(read)?;
        let settings: Settings = toml::from_str(&text)
            .map_err(|source| RecipeError::Parse { path: path.clone(), source: Box::new(source) })?;
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match check(&name, &settings) {
            Ok(()) => Ok(Self { name, directory, settings }),
            Err(why) => Err(RecipeError::Invalid { path, why }),
        }
    }

    /// The tree copied over the root; it need not exist.
    pub fn overlay(&self) -> PathBuf {
        self.directory.join("overlay")
    }

    /// The scripts run in the root, in the order of their names.
    pub fn hooks(&self) -> std::io::Result<Vec<PathBuf>> {
        let directory = self.directory.join("hooks");
        if !directory.exists() {
            return Ok(Vec::new());
        }
        let mut hooks = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sh") {
                hooks.push(path);
            }
        }
        hooks.sort();
        Ok(hooks)
    }
}

fn all_sizes() -> Vec<Size> {
    Size::ALL.to_vec()
}

fn default_disk_gib() -> u64 {
    10
}

fn main_component() -> Vec<String> {
    vec!["main".to_owned()]
}

fn check(name: &str, settings: &Settings) -> Result<(), String> {
    if rolltop_model::TemplateVersion::new(name, "000000000000").is_err() {
        return Err(format!("the directory's name {name:?} can't be a template's name"));
    }
    let distribution = &settings.distribution;
    if !is_word(&distribution.suite) {
        return Err(format!("{:?} is not a suite", distribution.suite));
    }
    if let Some(bad) = distribution.components.iter().find(|component| !is_word(component)) {
        return Err(format!("{bad:?} is not a component"));
    }
    if distribution.components.is_empty() {
        return Err("no component is named".to_owned());
    }
    if let Some(mirror) = &distribution.mirror
        && !is_mirror(mirror)
    {
        return Err(format!("{mirror:?} is not the address of a mirror (http:// or https://)"));
    }
    if let Some(bad) = settings.packages.iter().find(|package| !is_word(package)) {
        return Err(format!("{bad:?} is not a package"));
    }
    let units = settings.services.enable.iter().chain(&settings.services.mask);
    if let Some(bad) = units.into_iter().find(|unit| !is_unit(unit)) {
        return Err(format!("{bad:?} is not a systemd unit with its suffix"));
    }
    if !settings.cmdline.split(' ').any(|word| word.starts_with("root=")) {
        return Err("cmdline names no root=".to_owned());
    }
    if settings.cmdline.chars().any(char::is_control) {
        return Err("cmdline has more than one line".to_owned());
    }
    let smallest = Size::ALL.into_iter().map(Size::disk_gib).min().unwrap_or_default();
    if settings.disk_gib < 2 || settings.disk_gib > smallest {
        return Err(format!("disk_gib is {}; it must be between 2 and {smallest}", settings.disk_gib));
    }
    if settings.sizes.is_empty() {
        return Err("no size is named".to_owned());
    }
    Ok(())
}

/// Names of packages, suites and components: nothing that a shell or a list could read otherwise.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.' | b':'))
}

fn is_unit(text: &str) -> bool {
    const SUFFIXES: [&str; 7] = [".service", ".socket", ".timer", ".mount", ".automount", ".target", ".path"];
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && SUFFIXES.iter().any(|suffix| text.ends_with(suffix))
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@' | b'\\'))
}

fn is_mirror(text: &str) -> bool {
    (text.starts_with("http://") || text.starts_with("https://"))
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'[' | b']' | b','))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        title = "Desk"
        description = "A desk."
        cmdline = "root=/dev/vda rw"
        packages = ["sudo", "libstdc++6"]
        [distribution]
        name = "debian"
        suite = "trixie"
        [services]
        enable = ["ssh.service"]
    "#;

    fn load(text: &str) -> Result<Recipe, RecipeError> {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("desk");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join(RECIPE), text).unwrap();
        Recipe::load(&directory)
    }

    #[test]
    fn what_is_left_out_has_defaults() {
        let recipe = load(GOOD).unwrap();
        assert_eq!(recipe.name, "desk");
        assert_eq!(recipe.settings.sizes, Size::ALL);
        assert_eq!(recipe.settings.disk_gib, 10);
        assert_eq!(recipe.settings.distribution.components, ["main"]);
        assert_eq!(recipe.settings.distribution.mirror, None);
        assert!(recipe.settings.services.mask.is_empty());
        assert!(recipe.hooks().unwrap().is_empty());
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = load(&GOOD.replace("title", "titel")).unwrap_err();
        let RecipeError::Parse { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("titel"), "{source}");
        assert!(load(&GOOD.replace("[services]", "[services]\nstart = []")).is_err());
    }

    #[test]
    fn what_could_be_read_as_something_else_is_refused() {
        for (from, to) in [
            ("sudo", "sudo,nano"),
            ("sudo", "-y"),
            ("trixie", "../trixie"),
            ("ssh.service", "ssh"),
            ("ssh.service", "--force.service"),
            ("root=/dev/vda", "rot=/dev/vda"),
            ("name = \"debian\"", "name = \"debian\"\nmirror = \"file:///srv\""),
            ("name = \"debian\"", "name = \"debian\"\nmirror = \"http://x [trusted=yes]\""),
            ("title =", "disk_gib = 21\ntitle ="),
            ("title =", "sizes = []\ntitle ="),
        ] {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD);
            assert!(load(&changed).is_err(), "{to}");
        }
    }

    #[test]
    fn hooks_run_in_the_order_of_their_names() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("desk");
        fs::create_dir_all(directory.join("hooks")).unwrap();
        fs::write(directory.join(RECIPE), GOOD).unwrap();
        for name in ["20-b.sh", "10-a.sh", "README.md"] {
            fs::write(directory.join("hooks").join(name), "").unwrap();
        }
        let hooks = Recipe::load(&directory).unwrap().hooks().unwrap();
        let names: Vec<_> = hooks.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["10-a.sh", "20-b.sh"]);
    }
}
