//! `rolltop-guest keys`: people's keys alone, while the desktop runs.

use std::io::Read;
use std::path::Path;

use rolltop_guest_protocol::{KeysReply, SESSION_USER};

use super::files::Tree;
use super::request::authorized_keys;
use super::{InitError, Kernel, System, accounts, privilege};

/// Runs one request against the machine itself, if the caller may.
pub fn run_keys_here(input: impl Read) -> Result<KeysReply, InitError> {
    let root = Path::new("/");
    privilege::may_initialise(&Tree::new(root, &Kernel))?;
    run_keys(input, root, &Kernel)
}

/// Runs one request against the tree under `root`.
pub(super) fn run_keys(input: impl Read, root: &Path, system: &impl System) -> Result<KeysReply, InitError> {
    let keys = authorized_keys(input)?;
    let tree = Tree::new(root, system);
    let mut staged = tree.stage();
    accounts::authorize(&tree, &mut staged, SESSION_USER, &keys)?;
    staged.finish()?;
    Ok(KeysReply { installed: keys.len() })
}
