//! TLS: the operator's certificate, or one made here at the first start.
//!
//! A self-made certificate names `localhost`, the loopback addresses, and the names and
//! addresses this host is known to have. It is made again when it is about to run out.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WantsServerCert;
use rustls::{ConfigBuilder, ServerConfig};

use crate::tls_names::ByName;

/// Days a self-made certificate is valid: the most that browsers accept.
const VALID_DAYS: i64 = 397;
/// Days after which it is made again.
const RENEW_DAYS: u64 = 365;

/// A certificate chain with its private key.
pub struct Certificate {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate or its key is not PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    #[error("there is no certificate in the file")]
    Empty,
    #[error("the certificate can't be used")]
    Unusable(#[source] rustls::Error),
    #[error("a certificate could not be made")]
    Make(#[source] rcgen::Error),
    #[error("{path} can't be read or written")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Certificate {
    /// A PEM chain, leaf first, and its PEM key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(CertificateError::Pem)?;
        if chain.is_empty() {
            return Err(CertificateError::Empty);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Pem)?;
        Ok(Self { chain, key })
    }

    /// The one kept in `directory`, made if there is none or it is about to run out.
    pub(crate) fn own(directory: &Path, listen: SocketAddr) -> Result<Self, CertificateError> {
        let (certificate, key) = (directory.join("tls.crt"), directory.join("tls.key"));
        if !is_fresh(&certificate) || !is_fresh(&key) {
            let made = make(&names(listen))?;
            write_private(&key, &made.1)?;
            write_private(&certificate, &made.0)?;
        }
        Self::from_pem(&read(&certificate)?, &read(&key)?)
    }

    /// For an operator's own: it is shown whatever name is asked for.
    pub(crate) fn server_config(self) -> Result<ServerConfig, CertificateError> {
        let config = Self::builder()?.with_single_cert(self.chain, self.key);
        Ok(Self::with_protocols(config.map_err(CertificateError::Unusable)?))
    }

    /// For a self-made one: previews get certificates of their own.
    pub(crate) fn server_config_by_name(self) -> Result<ServerConfig, CertificateError> {
        let by_name = Arc::new(ByName::new(self)?);
        Ok(Self::with_protocols(Self::builder()?.with_cert_resolver(by_name)))
    }

    fn builder() -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, CertificateError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Ok(versions.map_err(CertificateError::Unusable)?.with_no_client_auth())
    }

    fn with_protocols(mut config: ServerConfig) -> ServerConfig {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::File { path: path.to_owned(), source })
}

/// Written beside and then renamed, so that a crash leaves no half of it.
fn write_private(path: &Path, text: &str) -> Result<(), CertificateError> {
    let failed = |source| CertificateError::File { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

fn is_fresh(path: &Path) -> bool {
    let age = fs::metadata(path).and_then(|data| data.modified()).map(|made| made.elapsed());
    match age {
        Ok(Ok(age)) => age.as_secs() < RENEW_DAYS * 86_400,
        // Made in the future by a clock that was wrong: still usable.
        Ok(Err(_)) => true,
        Err(_) => false,
    }
}

/// Names and addresses that a browser may have typed to come here.
fn names(listen: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_dns = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    if is_dns && !host.is_empty() {
        names.push(host);
    }
    let listening = Some(listen.ip()).filter(|ip| !ip.is_unspecified());
    let addresses = listening
        .into_iter()
        .chain(outward("0.0.0.0:0", "192.0.2.1:9"))
        .chain(outward("[::]:0", "[2001:db8::1]:9"));
    names.extend(addresses.map(|address| address.to_string()));
    names.sort();
    names.dedup();
    names
}

/// The address this host would speak from towards the outside. Nothing is sent.
fn outward(from: &str, towards: &str) -> Option<IpAddr> {
    let socket = UdpSocket::bind(from).ok()?;
    socket.connect(towards).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// What a certificate of ours says, for these names.
pub(crate) fn parameters(names: &[String]) -> Result<rcgen::CertificateParams, CertificateError> {
    let mut parameters = rcgen::CertificateParams::new(names).map_err(CertificateError::Make)?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let yesterday = today.saturating_sub(1.day());
    let end = today.saturating_add((VALID_DAYS - 1).days());
    parameters.not_before = rcgen::date_time_ymd(
        i32::from(yesterday.year()),
        yesterday.month().unsigned_abs(),
        yesterday.day().unsigned_abs(),
    );
    parameters.not_after =
        rcgen::date_time_ymd(i32::from(end.year()), end.month().unsigned_abs(), end.day().unsigned_abs());
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "Rolltop");
    // Strict verifiers (OpenSSL's X509_STRICT, which Python sets) refuse a certificate that lacks one of these. It is no
    // authority: whoever trusts it trusts nothing else by that.
    parameters.is_ca = rcgen::IsCa::ExplicitNoCa;
    parameters.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    parameters.use_authority_key_identifier_extension = true;
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

/// A certificate and its key as PEM.
fn make(names: &[String]) -> Result<(String, String), CertificateError> {
    let key = rcgen::KeyPair::generate().map_err(CertificateError::Make)?;
    let certificate = parameters(names)?.self_signed(&key).map_err(CertificateError::Make)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ADDRESS: &str = "127.0.0.1:8443";

    #[test]
    fn a_certificate_is_made_once_and_kept_private() {
        let directory = tempfile::tempdir().unwrap();
        let first = Certificate::own(directory.path(), ADDRESS.parse().unwrap()).unwrap();
        let second = Certificate::own(directory.path(), ADDRESS.parse().unwrap()).unwrap();
        assert_eq!(first.chain, second.chain);
        for file in ["tls.key", "tls.crt"] {
            let mode = fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        assert!(second.server_config().is_ok());
    }

    /// As OpenSSL's strictest reading has it, for our own certificate and for one of a preview.
    #[test]
    fn strict_verifiers_take_a_self_made_certificate() {
        let directory = tempfile::tempdir().unwrap();
        Certificate::own(directory.path(), ADDRESS.parse().unwrap()).unwrap();
        let preview = "3000--first.localhost";
        let key = rcgen::KeyPair::generate().unwrap();
        let made = parameters(&[preview.to_owned()]).unwrap().self_signed(&key).unwrap();
        fs::write(directory.path().join("preview.crt"), made.pem()).unwrap();
        for (file, name) in [("tls.crt", "localhost"), ("preview.crt", preview)] {
            let file = directory.path().join(file);
            let run = |arguments: &[&str]| {
                let output =
                    std::process::Command::new("openssl").args(arguments).arg(&file).output().unwrap();
                assert!(output.status.success(), "{output:?}");
                String::from_utf8(output.stdout).unwrap()
            };
            let trusted = file.to_str().unwrap();
            let strictly = ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name];
            run(&[&strictly[..], &["-CAfile", trusted]].concat());
            let told = run(&["x509", "-noout", "-text", "-in"]);
            for extension in [
                "Basic Constraints: critical",
                "CA:FALSE",
                "Key Usage: critical",
                "Digital Signature",
                "Subject Key Identifier",
                "Authority Key Identifier",
            ] {
                assert!(told.contains(extension), "{extension}: {told}");
            }
        }
    }

    #[test]
    fn a_half_written_pair_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        Certificate::own(directory.path(), ADDRESS.parse().unwrap()).unwrap();
        fs::remove_file(directory.path().join("tls.crt")).unwrap();
        assert!(
            Certificate::own(directory.path(), ADDRESS.parse().unwrap()).unwrap().server_config().is_ok()
        );
    }

    #[test]
    fn names_hold_loopback_and_the_listening_address() {
        let names = names("10.1.2.3:8443".parse().unwrap());
        for name in ["localhost", "127.0.0.1", "::1", "10.1.2.3"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }

    #[test]
    fn what_is_not_pem_is_refused() {
        assert!(matches!(Certificate::from_pem(b"hello", b"hello"), Err(CertificateError::Empty)));
    }
}
