//! Certificates for previews' host names, which nobody knows beforehand: made when a browser asks for
//! one, with the key of the self-made certificate. An operator's own certificate has to name
//! `*.HOST`, and none are made then.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::preview::is_preview_host;
use crate::tls::{Certificate, CertificateError, parameters};

/// Certificates kept at most. One costs a signature, so who asks for many names costs no more than who
/// opens many connections.
const KEPT: usize = 256;
/// Longest name that is looked at.
const LONGEST_NAME: usize = 253;

pub(crate) struct ByName {
    ours: Arc<CertifiedKey>,
    key: rcgen::KeyPair,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByName(..)")
    }
}

impl ByName {
    pub(crate) fn new(certificate: Certificate) -> Result<Self, CertificateError> {
        let key = rcgen::KeyPair::try_from(certificate.key.secret_der()).map_err(CertificateError::Make)?;
        let signing = any_supported_type(&certificate.key).map_err(CertificateError::Unusable)?;
        let ours = Arc::new(CertifiedKey::new(certificate.chain, signing));
        Ok(Self { ours, key, made: Mutex::default() })
    }

    fn for_name(&self, name: &str) -> Result<Arc<CertifiedKey>, CertificateError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = made.get(name) {
            return Ok(found.clone());
        }
        let parameters = parameters(&[name.to_owned()])?;
        let leaf = parameters.self_signed(&self.key).map_err(CertificateError::Make)?;
        let key = PrivateKeyDer::try_from(self.key.serialize_der());
        let key = key.map_err(|_| CertificateError::Make(rcgen::Error::CouldNotParseKeyPair))?;
        let signing = any_supported_type(&key).map_err(CertificateError::Unusable)?;
        let certified = Arc::new(CertifiedKey::new(vec![leaf.der().clone()], signing));
        if made.len() >= KEPT {
            made.clear();
        }
        made.insert(name.to_owned(), certified.clone());
        Ok(certified)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let name = name.filter(|name| name.len() <= LONGEST_NAME && is_preview_host(name));
        let Some(name) = name else { return Some(self.ours.clone()) };
        match self.for_name(&name) {
            Ok(certified) => Some(certified),
            Err(error) => {
                tracing::warn!(%error, "no certificate could be made for a preview");
                Some(self.ours.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_gets_a_certificate_of_its_own_and_not_without_end() {
        let directory = tempfile::tempdir().unwrap();
        let own = Certificate::own(directory.path(), "127.0.0.1:8443".parse().unwrap()).unwrap();
        let by_name = ByName::new(own).unwrap();
        let first = by_name.for_name("3000--first.localhost").unwrap();
        assert!(Arc::ptr_eq(&first, &by_name.for_name("3000--first.localhost").unwrap()));
        assert!(first.cert != by_name.ours.cert);
        for number in 1..=2 * KEPT {
            by_name.for_name(&format!("{number}--first.localhost")).unwrap();
        }
        assert!(by_name.made.lock().unwrap().len() <= KEPT);
    }
}
