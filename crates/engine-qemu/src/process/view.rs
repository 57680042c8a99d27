//! What a program that we start sees of the host's files: programs and libraries, a few devices, and the directories that
//! it is given, each at the path that it has on the host. Nothing else has a name there.
//!
//! A view is put together in the new process, between `fork` and `exec`, so everything is made ready before: the steps
//! themselves make system calls and allocate nothing.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, Uid, fchown, mkdirat, openat, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, mount_remount, unmount,
};

use crate::fault::Fault;

/// Where programs and their libraries are. Links among them are links in a view, too.
const PROGRAMS: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives"];
/// Files beside those.
const FILES: [&str; 1] = ["/etc/ld.so.cache"];
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// What is given to one program.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// An empty directory on the host over which the view is put together; absolute, like every path here.
    pub place: PathBuf,
    /// The working directory, which the program may write in; `None`: the root, where it can't.
    pub directory: Option<PathBuf>,
    /// More that it may write in, as far as the files' modes let it.
    pub writes: Vec<PathBuf>,
    /// What it may only read.
    pub reads: Vec<PathBuf>,
    /// Devices beside the harmless ones.
    pub devices: Vec<&'static str>,
    /// Small files that are in the view alone, and so in memory.
    pub files: Vec<OwnFile>,
}

/// A file of one view.
#[derive(Clone)]
pub(crate) struct OwnFile {
    pub path: &'static str,
    pub content: Vec<u8>,
    /// The only user who may read it; `None`: all may.
    pub reader: Option<u32>,
}

/// What is in it may be a secret.
impl fmt::Debug for OwnFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.path, self.content.len())
    }
}

/// A view, ready to be made.
#[derive(Debug)]
pub(super) struct Prepared {
    place: CString,
    directory: CString,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    /// Below the place.
    at: CString,
    what: What,
}

#[derive(Debug)]
enum What {
    Directory,
    File(OwnFile),
    Link { to: CString },
    Bound { from: CString, writable: bool, device: bool },
    Processes,
}

impl View {
    /// Looks at what of it there is on this host. `program` is what will be run in it.
    pub(super) fn prepare(&self, program: &Path) -> Result<Prepared, Fault> {
        let mut steps =
            Steps { place: &self.place, made: BTreeSet::new(), bound: Vec::new(), all: Vec::new() };
        for path in PROGRAMS.iter().map(Path::new) {
            match fs::read_link(path) {
                Ok(to) => steps.add(path, What::Link { to: c(&to)? })?,
                Err(_) if path.is_dir() => steps.bind(path, false, false)?,
                Err(_) => {}
            }
        }
        // One that was not installed brings its own folder.
        if let Some(folder) = program.parent().filter(|folder| folder.is_absolute()) {
            steps.bind(folder, false, false)?;
        }
        let empty = |path| What::File(OwnFile { path, content: Vec::new(), reader: None });
        for path in FILES.into_iter().filter(|path| Path::new(path).exists()) {
            steps.add(Path::new(path), empty(path))?;
            steps.bind_over(Path::new(path), false, false)?;
        }
        let devices = DEVICES.iter().chain(&self.devices).copied();
        for path in devices.filter(|path| Path::new(path).exists()) {
            steps.add(Path::new(path), empty(path))?;
            steps.bind_over(Path::new(path), true, true)?;
        }
        steps.add(Path::new("/proc"), What::Directory)?;
        steps.add_over(Path::new("/proc"), What::Processes)?;
        for file in &self.files {
            steps.add(Path::new(file.path), What::File(file.clone()))?;
        }
        // What lies within something else comes after it.
        let reads = self.reads.iter().map(|path| (path, false));
        let writes = self.writes.iter().chain(&self.directory).map(|path| (path, true));
        let mut given: Vec<(&PathBuf, bool)> = reads.chain(writes).collect();
        given.sort_by_key(|(path, _)| path.components().count());
        for (path, writable) in given {
            steps.bind(path, writable, false)?;
        }
        let directory = self.directory.as_deref().unwrap_or(Path::new("/"));
        Ok(Prepared { place: c(&self.place)?, directory: c(directory)?, steps: steps.all })
    }
}

/// Steps as they are gathered.
struct Steps<'a> {
    place: &'a Path,
    /// Directories that are there already.
    made: BTreeSet<PathBuf>,
    bound: Vec<PathBuf>,
    all: Vec<Step>,
}

impl Steps<'_> {
    fn bind(&mut self, path: &Path, writable: bool, device: bool) -> Result<(), Fault> {
        if self.bound.iter().any(|bound| bound == path) {
            return Ok(());
        }
        self.parents(path)?;
        // Within another directory of the host's it is there already.
        if !self.is_within_bound(path) && self.made.insert(path.to_owned()) {
            self.add_over(path, What::Directory)?;
        }
        self.bind_over(path, writable, device)
    }

    fn bind_over(&mut self, path: &Path, writable: bool, device: bool) -> Result<(), Fault> {
        self.add_over(path, What::Bound { from: c(path)?, writable, device })?;
        self.bound.push(path.to_owned());
        Ok(())
    }

    /// With the directories that it lies in.
    fn add(&mut self, path: &Path, what: What) -> Result<(), Fault> {
        self.parents(path)?;
        self.add_over(path, what)
    }

    fn add_over(&mut self, path: &Path, what: What) -> Result<(), Fault> {
        let below = path.strip_prefix("/").map_err(|_| relative(path))?;
        self.all.push(Step { at: c(&self.place.join(below))?, what });
        Ok(())
    }

    fn parents(&mut self, path: &Path) -> Result<(), Fault> {
        if path.components().any(|part| matches!(part, Component::ParentDir | Component::CurDir)) {
            return Err(relative(path));
        }
        let above: Vec<&Path> = path.ancestors().skip(1).filter(|above| above.parent().is_some()).collect();
        for directory in above.into_iter().rev() {
            if !self.is_within_bound(directory) && self.made.insert(directory.to_owned()) {
                self.add_over(directory, What::Directory)?;
            }
        }
        Ok(())
    }

    fn is_within_bound(&self, path: &Path) -> bool {
        self.bound.iter().any(|bound| path.starts_with(bound))
    }
}

fn relative(path: &Path) -> Fault {
    Fault::Other(format!("{} is no absolute path", path.display()))
}

fn c(path: &Path) -> Result<CString, Fault> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Fault::Other(format!("{} is no path", path.display())))
}

/// Which step did not succeed, and why.
pub(super) struct Failed<'a> {
    pub step: &'a CStr,
    pub errno: Errno,
}

impl Prepared {
    /// Makes the view and enters it. Only for a process with one thread and a mount namespace of its own: allocates
    /// nothing.
    pub(super) fn enter(&self) -> Result<(), Failed<'_>> {
        let at = |step| move |errno| Failed { step, errno };
        let place = self.place.as_c_str();
        // Nothing that is mounted from here on reaches the host.
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change(c"/", private).map_err(at(c"/"))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount(c"rolltop", place, c"tmpfs", flags, c"size=1m,nr_inodes=1k,mode=755").map_err(at(place))?;
        for step in &self.steps {
            step.make().map_err(at(&step.at))?;
        }
        mount_remount(place, MountFlags::BIND | MountFlags::RDONLY | flags, c"").map_err(at(place))?;
        // The old root ends up over the new one, and is taken away from there.
        rustix::process::chdir(place).map_err(at(place))?;
        rustix::process::pivot_root(c".", c".").map_err(at(c"."))?;
        unmount(c".", UnmountFlags::DETACH).map_err(at(c"."))?;
        rustix::process::chdir(c"/").map_err(at(c"/"))?;
        rustix::process::chdir(self.directory.as_c_str()).map_err(at(&self.directory))
    }
}

impl Step {
    fn make(&self) -> Result<(), Errno> {
        let at = self.at.as_c_str();
        match &self.what {
            What::Directory => mkdirat(CWD, at, Mode::from_raw_mode(0o755)),
            What::File(OwnFile { content, reader, .. }) => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                let mode = if reader.is_some() { 0o400 } else { 0o444 };
                let file = openat(CWD, at, flags, Mode::from_raw_mode(mode))?;
                if let Some(uid) = reader {
                    fchown(&file, Some(Uid::from_raw(*uid)), None)?;
                }
                let mut rest = content.as_slice();
                while !rest.is_empty() {
                    let written = rustix::io::write(&file, rest)?;
                    rest = rest.get(written..).unwrap_or_default();
                }
                Ok(())
            }
            What::Link { to } => symlinkat(to.as_c_str(), CWD, at),
            What::Bound { from, writable, device } => {
                mount_bind(from.as_c_str(), at)?;
                let mut flags = MountFlags::BIND | MountFlags::NOSUID;
                if !device {
                    flags |= MountFlags::NODEV;
                }
                flags |= if *writable { MountFlags::NOEXEC } else { MountFlags::RDONLY };
                mount_remount(at, flags, c"")
            }
            What::Processes => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
                // Its own processes, and nothing of the kernel's. Before Linux 5.8 such a choice was the whole host's.
                match mount(c"proc", at, c"proc", flags, c"subset=pid,hidepid=invisible") {
                    Err(Errno::INVAL) => mount_bind(c"/proc", at),
                    outcome => outcome,
                }
            }
        }
    }
}
