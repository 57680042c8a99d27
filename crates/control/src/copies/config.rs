//! What can be set about copies.

use secrecy::SecretString;
use url::Url;

/// Where copies are kept.
#[derive(Debug, Clone)]
pub struct CopiesConfig {
    /// `s3://BUCKET/PREFIX`, or `file:///FOLDER`.
    pub url: Url,
    /// Of what speaks S3 and is not Amazon's, such as `https://s3.example.org`.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<SecretString>,
    /// Without TLS, which only makes sense on the host itself.
    pub allow_http: bool,
}
