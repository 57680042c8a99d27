//! `rolltop.toml` in the state directory: one typed struct, read once; unknown keys are errors.
//! Every key has a default, so the file need not exist.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use rolltop_engine_qemu::QemuConfig;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub web: WebConfig,
    pub ssh: SshConfig,
    pub api: ApiConfig,
    /// The QEMU engine; every key is described at [`QemuConfig`].
    pub host: QemuConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebConfig {
    /// Address and port of the public HTTPS server. Default `0.0.0.0:8443`.
    pub listen: SocketAddr,
    /// The address people type. Default `https://localhost:PORT`.
    pub public_url: Option<String>,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 8443)), public_url: None }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SshConfig {
    /// Address and port of the jump host; the port is 1024 or higher. Default `0.0.0.0:2222`.
    pub listen: SocketAddr,
}

impl Default for SshConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 2222)) }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Desktops a workspace may have, whatever their state. Default 100.
    pub max_desktops: u32,
    /// Seconds from asking for a desktop to its being personalised; then it has failed. Default 180.
    pub first_boot_seconds: u64,
    /// Where `/metrics` is, such as `127.0.0.1:9464`; a loopback or private address. Default none.
    pub metrics: Option<SocketAddr>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { max_desktops: 100, first_boot_seconds: 180, metrics: None }
    }
}

impl Config {
    pub fn load(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("rolltop.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} can't be read", path.display())),
        };
        toml::from_str(&text).with_context(|| format!("{} has a mistake", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_errors_and_no_file_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Config::load(dir.path()).unwrap().web.listen.port(), 8443);
        std::fs::write(dir.path().join("rolltop.toml"), "[web]\nlissen = \"1.2.3.4:5\"\n").unwrap();
        let error = format!("{:#}", Config::load(dir.path()).unwrap_err());
        assert!(error.contains("lissen"), "{error}");
    }
}
