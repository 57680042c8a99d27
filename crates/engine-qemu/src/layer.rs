//! Disk layers: qcow2 files, encrypted with LUKS inside, each with a key of its own. Those of bakes are plain.
//!
//! Blank ones are written out here, in milliseconds. What a guest has written is parsed by its own QEMU
//! alone, never by a process with our rights.

mod image;
mod luks;

use std::path::Path;

use rolltop_engine::LayerKey;

use crate::durable;
use crate::fault::{Fault, blocking};
use crate::process::passphrase;

/// Makes a blank encrypted layer at `path`, whole or not at all, over `backing`, a path as seen from the layer's own
/// directory.
pub(crate) async fn create(path: &Path, gib: u64, key: &LayerKey, backing: &str) -> Result<(), Fault> {
    let (to, key, backing) = (path.to_owned(), key.clone(), backing.to_owned());
    blocking(move || {
        let luks = luks::header(passphrase(&key).as_bytes())?;
        durable::write(&to, &image::blank(gib << 30, &luks, &backing), 0o600)
    })
    .await
}

/// Makes a plain overlay, for a bake. Nothing personal ever gets onto it.
pub(crate) async fn plain_overlay(path: &Path, gib: u64, backing: &str) -> Result<(), Fault> {
    let (to, backing) = (path.to_owned(), backing.to_owned());
    blocking(move || durable::write(&to, &image::blank(gib << 30, &[], &backing), 0o600)).await
}

#[cfg(test)]
mod tests {
    use rolltop_model::Size;

    use super::*;

    /// `qemu-img`'s verdict on a layer that was made and hung over another.
    #[tokio::test]
    async fn qemu_finds_a_blank_layer_whole_and_opens_it_with_its_key_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (base, path) = (directory.path().join("base.qcow2"), directory.path().join("layer.qcow2"));
        let qemu_img = |arguments: &[&str]| {
            let output = std::process::Command::new("qemu-img").args(arguments).output();
            output.expect("qemu-img is needed: run scripts/setup test")
        };
        let asked = |verb: &str, key: [u8; 32]| {
            let secret = format!("secret,id=key,data={}", passphrase(&LayerKey::new(key)));
            let image = format!("driver=qcow2,file.filename={},encrypt.key-secret=key", path.display());
            qemu_img(&[verb, "--output=json", "--object", &secret, "--image-opts", &image])
        };
        let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
        let made = qemu_img(&["create", "-q", "-f", "qcow2", &base.display().to_string(), "80G"]);
        assert!(made.status.success());
        for size in Size::ALL {
            create(&path, size.disk_gib(), &LayerKey::new([8; 32]), "base.qcow2").await.unwrap();
            let checked = asked("check", [8; 32]);
            assert!(checked.status.success(), "{}", said(&checked));
            assert!(asked("map", [8; 32]).status.success(), "what lies below is found");
        }
        let wrong = asked("map", [9; 32]);
        assert!(!wrong.status.success() && said(&wrong).contains("Invalid password"), "{}", said(&wrong));
        let described = qemu_img(&["info", "--output=json", &path.display().to_string()]);
        let described: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
        assert_eq!(described["virtual-size"], Size::L.disk_gib() << 30);
        assert_eq!(described["backing-filename"], "base.qcow2");
        assert_eq!(described["backing-filename-format"], "qcow2");

        // And one without a key, for a bake.
        plain_overlay(&path, 10, "base.qcow2").await.unwrap();
        let plain = path.display().to_string();
        assert!(qemu_img(&["check", "-q", &plain]).status.success());
        assert!(qemu_img(&["map", &plain]).status.success());
        let described = qemu_img(&["info", "--output=json", &plain]);
        let described: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
        assert_eq!(
            (described["virtual-size"].as_u64(), &described["encrypted"]),
            (Some(10 << 30), &serde_json::Value::Null)
        );
    }
}
