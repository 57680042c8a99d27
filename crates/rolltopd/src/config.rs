//! `rolltop.toml` in the state directory: one typed struct, read once; unknown keys are errors.
//! Every key has a default, so the file need not exist.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use rolltop_control::{CopiesConfig, Postgres};
use rolltop_engine_qemu::QemuConfig;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub web: WebConfig,
    pub ssh: SshConfig,
    pub api: ApiConfig,
    pub database: DatabaseSettings,
    pub copies: CopiesSettings,
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
    /// Connections at the same time. Default 8192.
    pub connections: usize,
    /// Those from one address, or one /64 of IPv6. Default 1024; behind a proxy all come from its address.
    pub connections_per_network: usize,
}

impl Default for WebConfig {
    fn default() -> Self {
        let limits = rolltop_web_server::Limits::default();
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            public_url: None,
            connections: limits.connections,
            connections_per_network: limits.per_network,
        }
    }
}

impl WebConfig {
    pub fn limits(&self) -> rolltop_web_server::Limits {
        rolltop_web_server::Limits {
            connections: self.connections,
            per_network: self.connections_per_network,
            ..rolltop_web_server::Limits::default()
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SshConfig {
    /// Address and port of the jump host; the port is 1024 or higher. Default `0.0.0.0:2222`.
    pub listen: SocketAddr,
    /// Connections at the same time. Default 1000.
    pub connections: usize,
    /// Those from one address, or one /64 of IPv6. Default 200.
    pub connections_per_network: usize,
}

impl Default for SshConfig {
    fn default() -> Self {
        let limits = rolltop_ssh_gateway::Limits::default();
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 2222)),
            connections: limits.connections,
            connections_per_network: limits.per_network,
        }
    }
}

impl SshConfig {
    pub fn limits(&self) -> rolltop_ssh_gateway::Limits {
        rolltop_ssh_gateway::Limits {
            connections: self.connections,
            per_network: self.connections_per_network,
            ..rolltop_ssh_gateway::Limits::default()
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Desktops a workspace may have, whatever their state. Default 100.
    pub max_desktops: u32,
    /// Bytes of the host's disk that a workspace may have: disks, snapshots, memories, templates and imports together. Default
    /// none: what there is.
    pub max_disk_bytes: Option<u64>,
    /// Seconds from asking for a desktop to its being personalised; then it has failed. Default 180.
    pub first_boot_seconds: u64,
    /// The same for every later start, which boots from the disk, and for a resume. Default 300.
    pub later_boot_seconds: u64,
    /// Where `/metrics` is, such as `127.0.0.1:9464`; a loopback or private address. Default none.
    pub metrics: Option<SocketAddr>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            max_desktops: 100,
            max_disk_bytes: None,
            first_boot_seconds: 180,
            later_boot_seconds: 300,
            metrics: None,
        }
    }
}

/// Where users, desktops and all else that is written down are kept.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// A PostgreSQL database, such as `postgres://rolltop@db.example.org/rolltop?sslmode=verify-full`, or
    /// `postgres:///rolltop?host=/run/postgresql` for one on this host. Default: the SQLite file `api/rolltop.db`.
    pub url: Option<String>,
    /// A file with the password, which only root need be able to read.
    pub password_file: Option<PathBuf>,
}

impl DatabaseSettings {
    /// With the password read from its file; for root.
    pub fn read(&self) -> anyhow::Result<Option<Postgres>> {
        let Some(text) = &self.url else {
            ensure!(self.password_file.is_none(), "database.password_file is there without database.url");
            return Ok(None);
        };
        // An error of its own, which doesn't repeat what may be a password.
        let Ok(url) = Url::parse(text) else { bail!("database.url is no address") };
        ensure!(
            matches!(url.scheme(), "postgres" | "postgresql"),
            "database.url is refused; it begins with postgres://"
        );
        let has_password = url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password");
        ensure!(
            !has_password,
            "database.url holds a password: put that into a file, and the file's path into database.password_file"
        );
        let password = self.password_file.as_deref().map(|path| secret(path, "database.password_file"));
        Ok(Some(Postgres { url: text.clone(), password: password.transpose()? }))
    }
}

/// What is in a file that may be root's alone.
fn secret(path: &Path, key: &str) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{key}, {}, can't be read", path.display()))?;
    Ok(SecretString::from(text.trim()))
}

/// Where copies of snapshots are kept that are not on this host.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct CopiesSettings {
    /// `s3://BUCKET/PREFIX`, or `file:///FOLDER`, which the api's user can write to. Default: no copies are kept.
    pub url: Option<Url>,
    /// Of a store that speaks S3 and is not Amazon's, such as `https://s3.example.org`.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    /// A file with the secret access key, which only root need be able to read.
    pub secret_access_key_file: Option<PathBuf>,
    /// Whether the endpoint may be without TLS: only for one on this host. Default false.
    pub allow_http: bool,
}

impl CopiesSettings {
    /// With the secret read from its file; for root.
    pub fn read(&self) -> anyhow::Result<Option<CopiesConfig>> {
        let Some(url) = self.url.clone() else { return Ok(None) };
        ensure!(
            matches!(url.scheme(), "s3" | "file"),
            "copies.url = \"{url}\" is refused; it begins with s3:// or file://"
        );
        let key = self.secret_access_key_file.as_deref();
        let secret = key.map(|path| secret(path, "copies.secret_access_key_file")).transpose()?;
        Ok(Some(CopiesConfig {
            url,
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: secret,
            allow_http: self.allow_http,
        }))
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
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn unknown_keys_are_errors_and_no_file_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Config::load(dir.path()).unwrap().web.listen.port(), 8443);
        std::fs::write(dir.path().join("rolltop.toml"), "[web]\nlissen = \"1.2.3.4:5\"\n").unwrap();
        let error = format!("{:#}", Config::load(dir.path()).unwrap_err());
        assert!(error.contains("lissen"), "{error}");
    }

    #[test]
    fn a_databases_password_is_in_a_file_of_its_own_and_in_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "open sesame\n").unwrap();
        let settings =
            |url: &str| DatabaseSettings { url: Some(url.to_owned()), ..DatabaseSettings::default() };
        let with_file =
            DatabaseSettings { password_file: Some(file), ..settings("postgres://rolltop@db/rolltop") };
        let read = with_file.read().unwrap().unwrap();
        assert_eq!(read.password.as_ref().unwrap().expose_secret(), "open sesame");
        assert!(!format!("{read:?}").contains("sesame"));
        for refused in [
            "postgres://rolltop:sesame@db/rolltop",
            "postgres://db/rolltop?user=rolltop&password=sesame",
            "mysql://rolltop:sesame@db/rolltop",
            "rolltop:sesame@db",
            "//:sesame@",
        ] {
            let error = format!("{:#}", settings(refused).read().unwrap_err());
            assert!(error.contains("database.url") && !error.contains("sesame"), "{refused}: {error}");
        }
        assert!(DatabaseSettings { url: None, ..with_file }.read().is_err());
    }
}
