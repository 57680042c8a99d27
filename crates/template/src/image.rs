//! From a tree of packages to the files of a version: overlay, guest program, keys, hooks,
//! services, then the disk image and the kernel.
//!
//! Everything happens under one root directory in the workspace. Programs of the tree run in
//! it with mounts and processes of their own and with none of this host's environment.
//! Deliberately absent: networking; what a template needs from outside is a package.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rolltop_model::TemplateVersion;

use crate::build::{BuildError, file_error};
use crate::command::{isolated, run, run_quietly, tethered};
use crate::digest::{files, is_executable};
use crate::manifest::{BOOTSTRAP_KEY, BOOTSTRAP_KEY_PUBLIC, DISK, INITRD, KERNEL};
use crate::recipe::{Recipe, Services};

/// Where the guest program goes.
const GUEST_PROGRAM: &str = "usr/lib/rolltop/rolltop-guest";
/// Who the bootstrap key opens the door for.
const DOOR_USER: &str = "rolltop";
/// What sshd is told of the door, and the folder of keys that it may name there instead of the user's home.
const SSHD_CONFIG: &str = "etc/ssh/sshd_config.d/10-rolltop.conf";
const OUTSIDE_HOMES: &str = "etc/ssh/authorized_keys.d";
/// Written by hooks that make an initial RAM disk of their own; otherwise the newest of the
/// distribution's is taken.
const OWN_INITRD: &str = "boot/initrd.rolltop";
/// Of the disk, root's alone: whoever fills it is still let in, and can tidy up.
const RESERVED_PERCENT: &str = "1";
/// The tree's sshd key.
const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key";
/// Left by the package manager's bootstrap: this host's name, resolver and build settings.
const TRACES: [&str; 6] = [
    "etc/hostname",
    "etc/resolv.conf",
    "etc/apt/sources.list",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "var/lib/systemd/random-seed",
];

/// Unpacks a tree with its owners, modes and capabilities.
pub(crate) fn unpack(tree: &Path, root: &Path) -> Result<(), BuildError> {
    fs::create_dir(root).map_err(file_error("make", root))?;
    let mut command = tethered("tar");
    command
        .args([
            "--extract",
            "--numeric-owner",
            "--same-permissions",
            "--xattrs",
            "--xattrs-include=*",
            "--file",
        ])
        .arg(tree)
        .arg("--directory")
        .arg(root);
    Ok(run_quietly("tar", command)?)
}

/// Takes out what the build brought in, and names the distribution's public mirrors.
pub(crate) fn neutralise(recipe: &Recipe, root: &Path) -> Result<(), BuildError> {
    for trace in TRACES {
        let path = root.join(trace);
        if fs::symlink_metadata(&path).is_ok() {
            fs::remove_file(&path).map_err(file_error("remove", &path))?;
        }
    }
    let distribution = &recipe.settings.distribution;
    let (name, text) = distribution.name.image_sources(&distribution.suite, &distribution.components);
    let path = root.join("etc/apt/sources.list.d").join(name);
    fs::write(&path, text).map_err(file_error("write", &path))
}

/// Copies the overlay over the root: owned by root, modes 0755 and 0644 whatever the checkout's.
pub(crate) fn apply_overlay(overlay: &Path, root: &Path) -> Result<(), BuildError> {
    for source in files(overlay).map_err(file_error("read", overlay))? {
        let relative = source.strip_prefix(overlay).unwrap_or(&source);
        let target = root.join(relative);
        let metadata = fs::symlink_metadata(&source).map_err(file_error("read", &source))?;
        make_parents(root, relative)?;
        // A link in the tree must not lead the copy out of it.
        if fs::symlink_metadata(&target).is_ok() {
            fs::remove_file(&target).map_err(file_error("replace", &target))?;
        }
        if metadata.is_symlink() {
            let to = fs::read_link(&source).map_err(file_error("read", &source))?;
            symlink(to, &target).map_err(file_error("make", &target))?;
        } else {
            let mode = if is_executable(&metadata) { 0o755 } else { 0o644 };
            install(&source, &target, mode)?;
        }
    }
    Ok(())
}

/// Puts the guest program where every platform expects it, with the rights of root: run through
/// sudo, a fork that has not yet run sudo would take seconds to personalise. The program itself lets
/// only root and the door's user do more than take a picture.
pub(crate) fn install_guest(guest_binary: &Path, root: &Path) -> Result<(), BuildError> {
    make_parents(root, Path::new(GUEST_PROGRAM))?;
    install(guest_binary, &root.join(GUEST_PROGRAM), 0o4755)
}

/// Makes the template's sshd key; returns its public line.
pub(crate) fn make_host_key(version: &TemplateVersion, root: &Path) -> Result<String, BuildError> {
    let ssh = root.join("etc/ssh");
    for entry in fs::read_dir(&ssh).map_err(file_error("read", &ssh))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(entry.path()).map_err(file_error("remove", &entry.path()))?;
        }
    }
    let key = root.join(HOST_KEY);
    make_key(&key, &version.to_string())?;
    let public = key.with_extension("pub");
    let line = fs::read_to_string(&public).map_err(file_error("read", &public))?;
    Ok(line.trim().to_owned())
}

/// Makes the key that opens a fresh fork, and authorises it for the door's user.
pub(crate) fn make_bootstrap_key(root: &Path, out: &Path) -> Result<(), BuildError> {
    let key = out.join(BOOTSTRAP_KEY);
    make_key(&key, "rolltop-bootstrap")?;
    let told = fs::read_to_string(root.join(SSHD_CONFIG)).unwrap_or_default();
    if told.contains(OUTSIDE_HOMES) {
        // sshd reads it as the door's user. The guest program replaces it from there on.
        let file = root.join(OUTSIDE_HOMES).join(DOOR_USER);
        make_parents(root, Path::new(OUTSIDE_HOMES).join(DOOR_USER).as_path())?;
        return install(&out.join(BOOTSTRAP_KEY_PUBLIC), &file, 0o644);
    }
    let passwd = root.join("etc/passwd");
    let users = fs::read_to_string(&passwd).map_err(file_error("read", &passwd))?;
    let user = User::find(&users, DOOR_USER)
        .ok_or_else(|| BuildError::Image(format!("the recipe's hooks make no user {DOOR_USER}")))?;
    let directory = root.join(user.home.trim_start_matches('/')).join(".ssh");
    let file = directory.join("authorized_keys");
    fs::create_dir_all(&directory).map_err(file_error("make", &directory))?;
    fs::copy(out.join(BOOTSTRAP_KEY_PUBLIC), &file).map_err(file_error("write", &file))?;
    for (path, mode) in [(&directory, 0o700), (&file, 0o600)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(file_error("protect", path))?;
        chown(path, Some(user.uid), Some(user.gid)).map_err(file_error("give away", path))?;
    }
    Ok(())
}

/// Runs a hook in the root.
pub(crate) fn run_hook(hook: &Path, root: &Path, on_line: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let script = File::open(hook).map_err(file_error("read", hook))?;
    let mut command = inside(root, &["/bin/sh", "-eu"]);
    command.stdin(script);
    let name = hook.file_name().unwrap_or_default().to_string_lossy();
    Ok(run(&format!("hook {name}"), command, on_line)?)
}

/// Enables and masks units, without a running systemd.
pub(crate) fn set_services(services: &Services, root: &Path) -> Result<(), BuildError> {
    for (verb, units) in [("mask", &services.mask), ("enable", &services.enable)] {
        if !units.is_empty() {
            // By force: what the distribution has enabled may be a link to its own unit where ours is.
            let mut command = inside(root, &["systemctl", "--quiet", "--force", verb]);
            command.args(units);
            run_quietly("systemctl", command)?;
        }
    }
    Ok(())
}

/// Makes a file system of the root, and of that a qcow2.
pub(crate) fn make_disk(root: &Path, scratch: &Path, out: &Path, bytes: u64) -> Result<(), BuildError> {
    let raw = scratch.join("disk.raw");
    let file = File::create(&raw).map_err(file_error("make", &raw))?;
    file.set_len(bytes).map_err(file_error("size", &raw))?;
    let mut format = tethered("mke2fs");
    // Initialised here rather than by every desktop's kernel, which would write to its overlay.
    format
        .args(["-q", "-F", "-t", "ext4", "-L", "rolltop", "-m", RESERVED_PERCENT])
        .args(["-E", "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0", "-d"])
        .arg(root)
        .arg(&raw);
    run_quietly("mke2fs", format)?;
    convert(&raw, out)?;
    fs::remove_file(&raw).map_err(file_error("remove", &raw))
}

/// Makes a version's disk of a raw image.
pub(crate) fn convert(raw: &Path, out: &Path) -> Result<(), BuildError> {
    let disk = out.join(DISK);
    let mut convert = tethered("qemu-img");
    convert.args(["convert", "-f", "raw", "-O", "qcow2"]).arg(raw).arg(&disk);
    run_quietly("qemu-img", convert)?;
    protect(&disk)
}

/// Makes a disk with nothing on it.
pub(crate) fn empty(disk: &Path, bytes: u64) -> Result<(), BuildError> {
    let mut create = tethered("qemu-img");
    create.args(["create", "-q", "-f", "qcow2"]).arg(disk).arg(bytes.to_string());
    run_quietly("qemu-img", create)?;
    protect(disk)
}

/// Copies the kernel and its initial RAM disk out of the root.
pub(crate) fn take_kernel(root: &Path, out: &Path) -> Result<(), BuildError> {
    let boot = root.join("boot");
    let own = root.join(OWN_INITRD);
    let initrd = if own.exists() { Some(own) } else { newest(&boot, "initrd.img-")? };
    for (found, name) in [(newest(&boot, "vmlinuz-")?, KERNEL), (initrd, INITRD)] {
        let source = found
            .ok_or_else(|| BuildError::Image(format!("the recipe's packages bring no {name} in /boot")))?;
        let target = out.join(name);
        fs::copy(&source, &target).map_err(file_error("copy", &source))?;
        protect(&target)?;
    }
    Ok(())
}

/// A program of the tree, run in the tree.
fn inside(root: &Path, words: &[&str]) -> Command {
    let mut command = isolated(&[]);
    command
        .arg(format!("--root={}", root.display()))
        .args(words)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LANG", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command
}

fn make_key(path: &Path, comment: &str) -> Result<(), BuildError> {
    let mut command = tethered("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path);
    Ok(run_quietly("ssh-keygen", command)?)
}

fn install(source: &Path, target: &Path, mode: u32) -> Result<(), BuildError> {
    let content = fs::read(source).map_err(file_error("read", source))?;
    let mut file = File::create_new(target).map_err(file_error("make", target))?;
    file.write_all(&content).map_err(file_error("write", target))?;
    file.set_permissions(Permissions::from_mode(mode)).map_err(file_error("protect", target))
}

/// Makes the directories a file needs, mode 0755; refuses a way that leaves the root.
fn make_parents(root: &Path, relative: &Path) -> Result<(), BuildError> {
    let mut path = root.to_owned();
    for part in relative.parent().into_iter().flat_map(Path::components) {
        path.push(part);
        if fs::create_dir(&path).is_ok() {
            fs::set_permissions(&path, Permissions::from_mode(0o755))
                .map_err(file_error("protect", &path))?;
        }
    }
    let real = fs::canonicalize(&path).map_err(file_error("find", &path))?;
    let real_root = fs::canonicalize(root).map_err(file_error("find", root))?;
    if real.starts_with(real_root) {
        Ok(())
    } else {
        Err(BuildError::Image(format!("the overlay's {} leads out of the tree", relative.display())))
    }
}

pub(crate) fn protect(path: &Path) -> Result<(), BuildError> {
    fs::set_permissions(path, Permissions::from_mode(0o444)).map_err(file_error("protect", path))
}

fn newest(directory: &Path, prefix: &str) -> Result<Option<PathBuf>, BuildError> {
    let entries = fs::read_dir(directory).map_err(file_error("read", directory))?.flatten();
    let starts = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(prefix);
    Ok(entries.filter(|entry| starts(&entry.file_name())).map(|entry| entry.path()).max())
}

/// A line of the tree's `/etc/passwd`.
#[derive(Debug, PartialEq, Eq)]
struct User<'a> {
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl<'a> User<'a> {
    fn find(passwd: &'a str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Self { uid, gid, home: fields.nth(1)? })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let (overlay, root) = (directory.path().join("overlay"), directory.path().join("root"));
        fs::create_dir_all(overlay.join("etc/ssh")).unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        (directory, overlay, root)
    }

    #[test]
    fn the_overlay_gets_plain_modes_and_replaces_links() {
        let (directory, overlay, root) = tree();
        let outside = directory.path().join("outside");
        fs::write(&outside, "kept").unwrap();
        symlink(&outside, root.join("etc/resolv.conf")).unwrap();
        fs::write(overlay.join("etc/resolv.conf"), "nameserver 10.77.0.1").unwrap();
        fs::write(overlay.join("etc/ssh/run"), "").unwrap();
        fs::set_permissions(overlay.join("etc/ssh/run"), Permissions::from_mode(0o700)).unwrap();
        symlink("resolv.conf", overlay.join("etc/link")).unwrap();
        apply_overlay(&overlay, &root).unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
        assert_eq!(fs::read_to_string(root.join("etc/link")).unwrap(), "nameserver 10.77.0.1");
        let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("etc/resolv.conf"), mode("etc/ssh/run"), mode("etc/ssh")), (0o644, 0o755, 0o755));
    }

    #[test]
    fn a_directory_link_out_of_the_tree_is_refused() {
        let (directory, overlay, root) = tree();
        fs::create_dir(directory.path().join("elsewhere")).unwrap();
        symlink(directory.path().join("elsewhere"), root.join("etc/ssh")).unwrap();
        fs::write(overlay.join("etc/ssh/config"), "").unwrap();
        assert!(matches!(apply_overlay(&overlay, &root), Err(BuildError::Image(_))));
        assert!(!directory.path().join("elsewhere/config").exists());
    }

    #[test]
    fn users_are_found_by_their_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nrolltop2:x:7:7::/x:/bin/sh\nrolltop:x:990:991::/home/rolltop:/bin/bash\n";
        assert_eq!(User::find(passwd, "rolltop"), Some(User { uid: 990, gid: 991, home: "/home/rolltop" }));
        assert_eq!(User::find(passwd, "roll"), None);
    }

    #[test]
    fn the_newest_kernel_is_taken_and_an_absent_one_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (root, out) = (directory.path().join("root"), directory.path().join("out"));
        fs::create_dir_all(root.join("boot")).unwrap();
        fs::create_dir(&out).unwrap();
        assert!(matches!(take_kernel(&root, &out), Err(BuildError::Image(_))));
        for (name, text) in [("vmlinuz-6.11", "old"), ("vmlinuz-6.12", "new"), ("initrd.img-6.12", "big")] {
            fs::write(root.join("boot").join(name), text).unwrap();
        }
        fs::write(root.join(OWN_INITRD), "small").unwrap();
        take_kernel(&root, &out).unwrap();
        assert_eq!(fs::read_to_string(out.join(KERNEL)).unwrap(), "new");
        assert_eq!(fs::read_to_string(out.join(INITRD)).unwrap(), "small");
    }
}
