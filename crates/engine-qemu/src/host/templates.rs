//! The templates that are there.

use std::sync::Arc;

use rolltop_engine::{Bootstrap, EngineError, TemplateInfo};
use rolltop_model::{Size, TemplateVersion};
use rolltop_template::{BOOTSTRAP_KEY, Manifest};
use secrecy::SecretString;

use super::Host;
use super::transfer::IMPORTED;
use crate::fault::Doing;
use crate::layout::disk_bytes;
use crate::qemu::Qemu;

impl Host {
    pub(crate) async fn templates(self: Arc<Self>) -> Result<Vec<TemplateInfo>, EngineError> {
        let qemu = self.qemu().await?;
        let listing = tokio::task::spawn_blocking(move || {
            let installed = rolltop_template::installed(&self.layout.templates());
            let offered = installed.into_iter().filter(|(_, manifest)| manifest.version.name() != IMPORTED);
            offered.map(|(_, manifest)| self.template_info(manifest, &qemu)).collect()
        });
        listing.await.map_err(|_| EngineError::Host("listing templates broke off".into()))
    }

    fn template_info(&self, manifest: Manifest, qemu: &Qemu) -> TemplateInfo {
        let baked = Size::ALL.into_iter().filter(|size| self.is_baked(&manifest, *size, qemu)).collect();
        TemplateInfo {
            baked,
            disk_bytes: disk_bytes(&self.layout.template(&manifest.version)),
            disk_gib: manifest.disk_virtual_bytes.div_ceil(1 << 30),
            version: manifest.version,
            title: manifest.title,
            description: manifest.description,
            built_at: manifest.built_at,
        }
    }

    /// Whether a size's booted memory is kept and can be loaded by this host.
    pub(super) fn is_baked(&self, manifest: &Manifest, size: Size, qemu: &Qemu) -> bool {
        matches!(self.bake_for(manifest, size, qemu), Ok(Some(_)))
    }

    pub(crate) async fn bootstrap(&self, version: &TemplateVersion) -> Result<Bootstrap, EngineError> {
        let manifest = self.manifest(version)?;
        let path = self.layout.template(version).join(BOOTSTRAP_KEY);
        let private_key = std::fs::read_to_string(&path).doing_with("reading", &path)?;
        Ok(Bootstrap { private_key: SecretString::from(private_key), host_key: manifest.host_key })
    }
}
