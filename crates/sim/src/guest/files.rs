//! Files of a simulated machine: a tree in memory, of one user. Lost when the machine goes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub const HOME: &str = "/home/desk";
/// Size of the file that is there for measuring, bytes.
const LARGE: usize = 8 * 1024 * 1024;
/// The same bytes for every machine, until one writes to its own.
static LARGE_FILE: LazyLock<Arc<Vec<u8>>> =
    LazyLock::new(|| Arc::new((0..LARGE).map(|place| (place % 251) as u8).collect()));
/// What one machine's files may hold in all, bytes.
const ROOM: usize = 256 * 1024 * 1024;

/// The owner may read it.
const READABLE: u32 = 0o400;
/// and write it; what is in a folder that he may not write to stays there.
const WRITABLE: u32 = 0o200;

/// What is at a path. Bits of the kind are not in `mode`.
#[derive(Debug, Clone)]
pub struct Node {
    pub content: Content,
    pub mode: u32,
    /// Seconds since 1970.
    pub modified: u32,
}

#[derive(Debug, Clone)]
pub enum Content {
    /// Copied once somebody writes to it.
    File(Arc<Vec<u8>>),
    Folder,
    Link(String),
}

/// Why something was not done; the names are SFTP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    NoSuchFile,
    PermissionDenied,
    Failure,
}

type Tree = BTreeMap<String, Node>;

/// By absolute path. Only what is under [`HOME`] and `/tmp` may be changed.
#[derive(Clone)]
pub struct Files(Arc<Mutex<Tree>>);

impl Node {
    fn file(bytes: Vec<u8>) -> Self {
        Self { content: Content::File(Arc::new(bytes)), mode: 0o644, modified: 0 }
    }

    fn folder() -> Self {
        Self { content: Content::Folder, mode: 0o755, modified: 0 }
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::File(bytes) => bytes.len(),
            Content::Folder => 4096,
            Content::Link(target) => target.len(),
        }
    }
}

impl Files {
    /// What every simulated machine comes with.
    pub fn new(desktop: &str) -> Self {
        let mut tree = Tree::new();
        for folder in ["/", "/etc", "/home", HOME, "/home/desk/notes", super::ports::SITE, "/tmp"] {
            tree.insert(folder.to_owned(), Node::folder());
        }
        for (path, bytes) in [
            ("/etc/hostname", b"desk\n".to_vec()),
            ("/home/desk/welcome.txt", format!("This is the simulated desktop {desktop}.\n").into_bytes()),
            ("/home/desk/notes/today.md", b"# Today\n\n- nothing yet\n".to_vec()),
            ("/home/desk/empty", Vec::new()),
            ("/home/desk/site/index.html", super::ports::INDEX.to_vec()),
        ] {
            tree.insert(path.to_owned(), Node::file(bytes));
        }
        let large = Node { content: Content::File(LARGE_FILE.clone()), ..Node::file(Vec::new()) };
        tree.insert("/home/desk/large.bin".to_owned(), large);
        let link = Content::Link("/home/desk/notes".to_owned());
        tree.insert("/home/desk/latest".to_owned(), Node { content: link, mode: 0o777, modified: 0 });
        Self(Arc::new(Mutex::new(tree)))
    }

    /// A new folder of so many files, each with its number in it.
    pub fn add_many(&self, folder: &str, count: usize) {
        let mut tree = self.tree();
        tree.insert(folder.to_owned(), Node::folder());
        for number in 0..count {
            tree.insert(format!("{folder}/{number}"), Node::file(number.to_string().into_bytes()));
        }
    }

    /// A file's bytes, for commands.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        match self.stat(path)?.content {
            Content::File(bytes) => Some(Arc::unwrap_or_clone(bytes)),
            Content::Folder | Content::Link(_) => None,
        }
    }

    /// What is at a path, links followed.
    pub fn stat(&self, path: &str) -> Option<Node> {
        let tree = self.tree();
        tree.get(&resolved(&tree, path)?).cloned()
    }

    /// What is at a path, a link as such.
    pub fn lstat(&self, path: &str) -> Option<Node> {
        let tree = self.tree();
        tree.get(&place(&tree, path)?).cloned()
    }

    /// The path without links.
    pub fn real(&self, path: &str) -> Option<String> {
        resolved(&self.tree(), path)
    }

    /// Names directly in a folder with what they are, links as such.
    pub fn list(&self, path: &str) -> Result<Vec<(String, Node)>, Trouble> {
        let tree = self.tree();
        let folder = resolved(&tree, path).ok_or(Trouble::NoSuchFile)?;
        match tree.get(&folder) {
            Some(Node { content: Content::Folder, mode, .. }) if mode & READABLE == 0 => {
                return Err(Trouble::PermissionDenied);
            }
            Some(Node { content: Content::Folder, .. }) => {}
            Some(_) | None => return Err(Trouble::NoSuchFile),
        }
        let prefix = under(&folder);
        let below = tree.range::<str, _>((Bound::Excluded(prefix.as_str()), Bound::Unbounded));
        Ok(below
            .take_while(|(path, _)| path.starts_with(&prefix))
            .filter_map(|(path, node)| Some((path.strip_prefix(&prefix)?, node)))
            .filter(|(name, _)| !name.contains('/'))
            .map(|(name, node)| (name.to_owned(), node.clone()))
            .collect())
    }

    /// The path without links of something that its owner may read.
    pub fn readable(&self, path: &str) -> Result<String, Trouble> {
        let tree = self.tree();
        let path = resolved(&tree, path).ok_or(Trouble::NoSuchFile)?;
        match tree.get(&path) {
            Some(node) if node.mode & READABLE == 0 => Err(Trouble::PermissionDenied),
            Some(_) => Ok(path),
            None => Err(Trouble::NoSuchFile),
        }
    }

    /// Makes a file if there is none; `fresh` insists that there is none.
    pub fn make_file(&self, path: &str, fresh: bool) -> Result<String, Trouble> {
        let mut tree = self.tree();
        let path = resolved(&tree, path).or_else(|| place(&tree, path)).ok_or(Trouble::NoSuchFile)?;
        match tree.get(&path).map(|node| &node.content) {
            Some(_) if fresh => Err(Trouble::Failure),
            Some(Content::File(_)) => changeable(&path).map(|()| path),
            Some(Content::Folder | Content::Link(_)) => Err(Trouble::Failure),
            None => {
                insert(&mut tree, &path, Node::file(Vec::new()))?;
                Ok(path)
            }
        }
    }

    pub fn make_folder(&self, path: &str) -> Result<(), Trouble> {
        let mut tree = self.tree();
        let path = place(&tree, path).ok_or(Trouble::NoSuchFile)?;
        if tree.contains_key(&path) {
            return Err(Trouble::Failure);
        }
        insert(&mut tree, &path, Node::folder())
    }

    pub fn write(&self, path: &str, offset: usize, data: &[u8]) -> Result<(), Trouble> {
        let mut tree = self.tree();
        let end = offset.checked_add(data.len()).ok_or(Trouble::Failure)?;
        if tree.values().map(Node::size).sum::<usize>().saturating_add(data.len()) > ROOM || end > ROOM {
            return Err(Trouble::Failure);
        }
        let node = tree.get_mut(path).ok_or(Trouble::Failure)?;
        let Content::File(bytes) = &mut node.content else { return Err(Trouble::Failure) };
        let bytes = Arc::make_mut(bytes);
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes.get_mut(offset..end).ok_or(Trouble::Failure)?.copy_from_slice(data);
        node.modified = now();
        Ok(())
    }

    /// A part of a file, empty after its end.
    pub fn read(&self, path: &str, offset: u64, most: usize) -> Option<Vec<u8>> {
        let tree = self.tree();
        let Content::File(bytes) = &tree.get(path)?.content else { return None };
        let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
        Some(rest.get(..rest.len().min(most)).unwrap_or_default().to_vec())
    }

    /// Sets what is given.
    pub fn change(&self, path: &str, size: Option<u64>, mode: Option<u32>) -> Result<(), Trouble> {
        let mut tree = self.tree();
        let path = resolved(&tree, path).ok_or(Trouble::NoSuchFile)?;
        changeable(&path)?;
        let node = tree.get_mut(&path).ok_or(Trouble::NoSuchFile)?;
        if let (Some(size), Content::File(bytes)) = (size, &mut node.content) {
            let size = usize::try_from(size).ok().filter(|size| *size <= ROOM).ok_or(Trouble::Failure)?;
            Arc::make_mut(bytes).resize(size, 0);
        }
        if let Some(mode) = mode {
            node.mode = mode & 0o7777;
        }
        Ok(())
    }

    /// Takes away a file or link, or a folder that is empty.
    pub fn remove(&self, path: &str, folder: bool) -> Result<(), Trouble> {
        let mut tree = self.tree();
        let path = place(&tree, path).ok_or(Trouble::NoSuchFile)?;
        let node = tree.get(&path).ok_or(Trouble::NoSuchFile)?;
        changeable(&path)?;
        let prefix = under(&path);
        if matches!(node.content, Content::Folder) != folder
            || tree.keys().any(|key| key.starts_with(&prefix))
        {
            return Err(Trouble::Failure);
        }
        tree.remove(&path);
        Ok(())
    }

    /// Takes away whatever is there.
    pub fn remove_all(&self, path: &str) -> Result<(), Trouble> {
        let mut tree = self.tree();
        let path = place(&tree, path).ok_or(Trouble::NoSuchFile)?;
        changeable(&path)?;
        let prefix = under(&path);
        let is_locked = |folder: &str| tree.get(folder).is_some_and(|node| node.mode & WRITABLE == 0);
        let inside = tree.keys().filter(|key| key.starts_with(&prefix));
        if inside.filter_map(|key| parent(key)).any(is_locked) {
            return Err(Trouble::PermissionDenied);
        }
        tree.retain(|key, _| *key != path && !key.starts_with(&prefix));
        Ok(())
    }

    /// Moves; a file that is there is replaced only where `replace` says so.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<(), Trouble> {
        let mut tree = self.tree();
        let (from, to) = self::pair(&tree, from, to)?;
        changeable(&from)?;
        changeable(&to)?;
        match tree.get(&to).map(|node| &node.content) {
            None => {}
            Some(Content::File(_) | Content::Link(_)) if replace => {}
            Some(_) => return Err(Trouble::Failure),
        }
        if under(&to).starts_with(&under(&from)) {
            return Err(Trouble::Failure);
        }
        for (path, node) in below(&tree, &from) {
            tree.remove(&path);
            tree.insert(path.replacen(&from, &to, 1), node);
        }
        Ok(())
    }

    /// Copies a file or a folder with all that is in it.
    pub fn copy(&self, from: &str, to: &str) -> Result<(), Trouble> {
        let mut tree = self.tree();
        let (from, to) = self::pair(&tree, from, to)?;
        changeable(&to)?;
        for (path, node) in below(&tree, &from) {
            tree.insert(path.replacen(&from, &to, 1), node);
        }
        Ok(())
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        // Nothing here is left half changed by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}

fn under(folder: &str) -> String {
    if folder == "/" { "/".to_owned() } else { format!("{folder}/") }
}

fn below(tree: &Tree, path: &str) -> Vec<(String, Node)> {
    let prefix = under(path);
    let inside = tree.iter().filter(|(key, _)| *key == path || key.starts_with(&prefix));
    inside.map(|(key, node)| (key.clone(), node.clone())).collect()
}

fn pair(tree: &Tree, from: &str, to: &str) -> Result<(String, String), Trouble> {
    let from = place(tree, from).filter(|from| tree.contains_key(from)).ok_or(Trouble::NoSuchFile)?;
    let to = place(tree, to).ok_or(Trouble::NoSuchFile)?;
    match parent(&to).and_then(|parent| tree.get(parent)) {
        Some(Node { content: Content::Folder, .. }) => Ok((from, to)),
        Some(_) | None => Err(Trouble::NoSuchFile),
    }
}

fn insert(tree: &mut Tree, path: &str, node: Node) -> Result<(), Trouble> {
    changeable(path)?;
    match parent(path).and_then(|parent| tree.get(parent)) {
        Some(Node { content: Content::Folder, .. }) => {
            tree.insert(path.to_owned(), Node { modified: now(), ..node });
            Ok(())
        }
        Some(_) | None => Err(Trouble::NoSuchFile),
    }
}

fn changeable(path: &str) -> Result<(), Trouble> {
    let free = [HOME, "/tmp"].iter().any(|root| path.starts_with(&under(root)));
    if free { Ok(()) } else { Err(Trouble::PermissionDenied) }
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| if parent.is_empty() { "/" } else { parent })
}

/// The path with the links of its folders followed, its last name as it is.
fn place(tree: &Tree, path: &str) -> Option<String> {
    let path = absolute(path);
    match path.rsplit_once('/') {
        Some((_, "")) | None => Some(path),
        Some((folder, name)) => {
            let folder = if folder.is_empty() { "/".to_owned() } else { resolved(tree, folder)? };
            Some(format!("{}{name}", under(&folder)))
        }
    }
}

/// The path of what is really there, all links followed.
fn resolved(tree: &Tree, path: &str) -> Option<String> {
    let mut path = place(tree, path)?;
    for _ in 0..8 {
        match tree.get(&path)?.content {
            Content::Link(ref target) => path = place(tree, target)?,
            Content::File(_) | Content::Folder => return Some(path),
        }
    }
    None
}

/// A path from the root, without `.` and `..`.
pub fn absolute(path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{HOME}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
