//! A server that is known by the fingerprint of its certificate rather than by who signed it, as a
//! self-made certificate has to be.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};

use super::{Client, ClientError, SILENCE_TIMEOUT, builder};

/// SHA-256 of a certificate. Written as browsers and `openssl x509 -fingerprint -sha256` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if place == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// The text is not the SHA-256 fingerprint of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a certificate's fingerprint is SHA-256: 32 bytes in hexadecimal, with or without colons")]
pub struct NotAFingerprint;

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let digits: Vec<u8> = text
            .trim()
            .chars()
            .filter(|letter| *letter != ':')
            .map(|letter| letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or(NotAFingerprint)?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        match bytes.try_into() {
            Ok(bytes) if rest.is_empty() => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(NotAFingerprint),
        }
    }
}

impl Client {
    /// Over HTTPS, to the server with exactly this certificate, whatever name it is for.
    pub fn over_https_pinned(address: &str, pinned: Fingerprint) -> Result<Self, ClientError> {
        let base = https(address)?;
        let config = configuration(Verifier::new(Wanted::Exactly(pinned)))?;
        Self::built(base, SILENCE_TIMEOUT, || {
            builder().https_only(true).tls_backend_preconfigured(config.clone())
        })
    }
}

/// The certificate that a server shows. It proves that it has it, and nothing else is known of it:
/// nothing is asked or told.
pub async fn shown_certificate(address: &str) -> Result<Fingerprint, ClientError> {
    let base = https(address)?;
    let verifier = Verifier::new(Wanted::Any);
    let http = builder().tls_backend_preconfigured(configuration(verifier.clone())?).build()?;
    let mut url = base;
    url.set_path("/healthz");
    let answer = http.get(url).send().await;
    let shown = *verifier.shown.lock().unwrap_or_else(PoisonError::into_inner);
    match (shown, answer) {
        (Some(shown), _) => Ok(shown),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(_)) => Err(ClientError::Address),
    }
}

fn https(address: &str) -> Result<Url, ClientError> {
    let base = Url::parse(address).map_err(|_| ClientError::Address)?;
    if base.scheme() != "https" || base.host().is_none() {
        return Err(ClientError::Address);
    }
    Ok(base)
}

fn configuration(verifier: Verifier) -> Result<ClientConfig, ClientError> {
    let config = ClientConfig::builder_with_provider(verifier.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|_| ClientError::Address)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

#[derive(Debug, Clone)]
enum Wanted {
    Exactly(Fingerprint),
    Any,
}

#[derive(Debug, Clone)]
struct Verifier {
    wanted: Wanted,
    shown: Arc<Mutex<Option<Fingerprint>>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(wanted: Wanted) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        Self { wanted, shown: Arc::default(), provider }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(certificate);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        match &self.wanted {
            Wanted::Any => Ok(ServerCertVerified::assertion()),
            Wanted::Exactly(pinned) if *pinned == shown => Ok(ServerCertVerified::assertion()),
            Wanted::Exactly(_) => {
                Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let fingerprint = Fingerprint::of(&CertificateDer::from(vec![1, 2, 3]));
        let text = fingerprint.to_string();
        assert!(text.starts_with("03:90:58:C6:F2:C0:CB:49") && text.len() == 95, "{text}");
        assert_eq!(text.parse(), Ok(fingerprint));
        assert_eq!(text.replace(':', "").to_lowercase().parse(), Ok(fingerprint));
        for bad in ["", "AB", &format!("{text}:00"), &text.replace('C', "G"), &text[..94]] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(NotAFingerprint), "{bad}");
        }
    }
}
