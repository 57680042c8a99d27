//! The web role: pages and the one public port.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::arguments::Web;
use crate::config::Config;
use crate::privileges::{Identity, WEB_USER};
use crate::{layout, logging, privileges};

pub fn run(data: &Path, config: &Config, arguments: &Web) -> anyhow::Result<()> {
    logging::start("web");
    let certificate = own_certificate(arguments)?;
    layout::enter(data)?;
    if let Some(web) = Identity::look_up(WEB_USER)? {
        privileges::become_user(web)?;
    }
    privileges::end_with_parent()?;
    let web = rolltop_web_server::WebConfig {
        listen: arguments.listen.unwrap_or(config.web.listen),
        api_socket: PathBuf::from(layout::API_SOCKET),
        data_dir: PathBuf::from(layout::WEB_DATA),
        public_url: arguments.public_url.clone().or_else(|| config.web.public_url.clone()),
        certificate,
        limits: config.web.limits(),
    };
    super::serve(2, async {
        let server = rolltop_web_server::bind(web).await.context("the web server can't start")?;
        // Written last: whoever finds it finds a server that answers.
        std::fs::write(layout::WEB_URL, format!("{}\n", server.url()))
            .context("the address can't be written")?;
        tracing::info!(url = server.url(), "listening");
        server.serve(super::asked_to_stop()).await.context("the web server failed")
    })
}

/// The operator's own certificate and key, read while still root: a key is rarely readable by others.
fn own_certificate(arguments: &Web) -> anyhow::Result<Option<rolltop_web_server::Certificate>> {
    let (Some(cert), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) else { return Ok(None) };
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("{} can't be read", path.display()));
    Ok(Some(rolltop_web_server::Certificate::from_pem(&read(cert)?, &read(key)?)?))
}
