//! Encrypted disk layers: qcow2 files with LUKS inside, each with a key of its own.
//!
//! Making one stretches its key for two seconds, so blank ones are made ahead; putting one
//! over a template takes milliseconds. Only layers no guest has written to are ever opened by
//! a process with our rights: what a guest has written is parsed by its own QEMU alone.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rolltop_engine::LayerKey;
use rolltop_model::Size;
use tokio::process::Command;

use crate::durable;
use crate::fault::{Doing, Fault, blocking};
use crate::process::{PROGRAM_PATH, inherit, secret_file};

/// Makes a blank encrypted layer at `path`, whole or not at all.
pub(crate) async fn create(path: &Path, size: Size, key: &LayerKey) -> Result<(), Fault> {
    let temporary = path.with_extension("tmp");
    durable::remove(&temporary)?;
    let options = "encrypt.format=luks,encrypt.key-secret=key0,encrypt.iter-time=10";
    let size = format!("{}G", size.disk_gib());
    let fixed = ["create", "-q", "-f", "qcow2", "-o", options];
    let made = with_key(key, &fixed, &[&temporary.display().to_string(), &size]).await;
    if made.is_err() {
        durable::remove(&temporary)?;
    }
    made?;
    let (from, to) = (temporary, path.to_owned());
    blocking(move || {
        File::open(&from).and_then(|file| file.sync_all()).doing_with("syncing", &from)?;
        durable::rename(&from, &to)
    })
    .await
}

/// Puts a blank layer over `backing`, a path as seen from the layer's own directory.
pub(crate) async fn hang(path: &Path, backing: &str, key: &LayerKey) -> Result<(), Fault> {
    let image = format!(
        "driver=qcow2,encrypt.key-secret=key0,file.driver=file,file.filename={}",
        // A comma in a name is doubled in this notation.
        path.display().to_string().replace(',', ",,")
    );
    with_key(key, &["rebase", "-q", "-u", "-F", "qcow2", "-b", backing, "--image-opts"], &[&image]).await
}

/// Makes a plain overlay, for a bake. Nothing personal ever gets onto it.
pub(crate) async fn plain_overlay(path: &Path, backing: &str, size: Size) -> Result<(), Fault> {
    let (path, size) = (path.display().to_string(), format!("{}G", size.disk_gib()));
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, &path, &size]);
    finish(command).await
}

/// The virtual size in a qcow2 file's header, bytes.
pub(crate) fn virtual_size(path: &Path) -> Option<u64> {
    let mut header = [0u8; 32];
    File::open(path).ok()?.read_exact(&mut header).ok()?;
    let (magic, size) = (header.first_chunk::<4>()?, header.last_chunk::<8>()?);
    (magic == b"QFI\xfb").then(|| u64::from_be_bytes(*size))
}

async fn with_key(key: &LayerKey, arguments: &[&str], last: &[&str]) -> Result<(), Fault> {
    let mut command = std::process::Command::new("qemu-img");
    let number = inherit(&mut command, secret_file(key, 0)?);
    let (verb, rest) =
        arguments.split_first().ok_or_else(|| Fault::Other("no command for qemu-img".into()))?;
    command.arg(verb).args(["--object", &format!("secret,id=key0,file=/proc/self/fd/{number}")]);
    command.args(rest).args(last);
    finish(Command::from(command)).await
}

async fn finish(mut command: Command) -> Result<(), Fault> {
    command.env_clear().env("PATH", PROGRAM_PATH).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = command.output().await.doing("starting qemu-img")?;
    if output.status.success() {
        return Ok(());
    }
    Err(Fault::Program {
        program: "qemu-img".into(),
        status: output.status.to_string(),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layers_size_is_read_from_its_header() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.qcow2");
        let mut header = b"QFI\xfb".to_vec();
        header.extend([0; 20]);
        header.extend((20u64 << 30).to_be_bytes());
        std::fs::write(&path, &header).unwrap();
        assert_eq!(virtual_size(&path), Some(20 << 30));
        std::fs::write(&path, "short").unwrap();
        assert_eq!(virtual_size(&path), None);
    }
}
