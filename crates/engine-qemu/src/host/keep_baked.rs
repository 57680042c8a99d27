//! Baking in the background whatever a fork may be asked for: sizes that were not baked yet, and
//! all of them again after QEMU was upgraded.
//!
//! One bake at a time, with a smaller share of the processors than a desktop, so that desktops hardly notice.
//! A size that can't be baked now is tried again later; until then it cold-boots.

use std::sync::Arc;
use std::time::Duration;

use rolltop_model::{Size, TemplateVersion};

use super::Host;
use crate::cgroup::Share;
use crate::fault::told;

/// How often to look for something to bake.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long after a failure to try again: a template that does not boot would only warm the room.
const TRY_AGAIN: Duration = Duration::from_secs(1800);

impl Host {
    /// Keeps the configured sizes of the newest version of each template baked. Never returns.
    pub(crate) async fn keep_baked(self: Arc<Self>) {
        loop {
            let mut failed = false;
            for (version, size) in self.unbaked().await {
                let tell = move |step: &str| tracing::debug!(%size, step, "baking");
                tracing::info!(%version, %size, "baking in the background");
                match Arc::clone(&self).bake(&version, size, Share::Background, &tell).await {
                    Ok(()) => tracing::info!(%version, %size, "baked"),
                    Err(error) => {
                        failed = true;
                        tracing::warn!(%version, %size, error = told(&error), "not baked, so it cold-boots");
                    }
                }
            }
            tokio::time::sleep(if failed { TRY_AGAIN } else { LOOK_AGAIN }).await;
        }
    }

    /// What is asked for and not there, the most wanted first.
    async fn unbaked(self: &Arc<Self>) -> Vec<(TemplateVersion, Size)> {
        let host = Arc::clone(self);
        let listing =
            tokio::task::spawn_blocking(move || rolltop_template::installed(&host.layout.templates()));
        let installed = listing.await.unwrap_or_default();
        if installed.is_empty() {
            return Vec::new(); // nor is there a kernel yet to prove the accelerator with
        }
        let qemu = match self.qemu().await {
            Ok(qemu) => qemu,
            Err(error) => {
                tracing::warn!(error = told(&error), "QEMU does not say what it is");
                return Vec::new();
            }
        };
        let mut names = Vec::new();
        let mut unbaked = Vec::new();
        // Newest first, so that the first of a name is the one that forks are made of.
        for (_, manifest) in installed {
            if names.contains(&manifest.version.name().to_owned()) {
                continue;
            }
            names.push(manifest.version.name().to_owned());
            let wanted = self.config.bake.iter().filter(|size| manifest.sizes.contains(size));
            let missing = wanted.filter(|size| !self.is_baked(&manifest, **size, &qemu));
            unbaked.extend(missing.map(|size| (manifest.version.clone(), *size)));
        }
        unbaked
    }
}
