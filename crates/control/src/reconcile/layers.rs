//! Blank encrypted layers, prepared ahead, so that a fork waits for no disk.

use std::collections::HashSet;

use rolltop_engine::{EngineError, LayerKey, LayerSpec};
use rolltop_model::Size;
use rolltop_store::{Layer, StoreError};
use secrecy::ExposeSecret;

use super::fault::chain;
use crate::clock;
use crate::control::Inner;

#[derive(Debug, thiserror::Error)]
enum PrepareError {
    #[error("the engine did not make the layer")]
    Engine(#[from] EngineError),
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Brings the stock to what is configured. Whatever goes wrong is tried again at the next pass.
pub(super) async fn prepare(inner: &Inner) {
    if let Err(error) = fill(inner).await {
        tracing::warn!(error = chain(&error), "layers can't be prepared ahead");
    }
}

async fn fill(inner: &Inner) -> Result<(), PrepareError> {
    if inner.templates.list(inner.engine.as_ref()).await?.is_empty() {
        return Ok(()); // nothing can be forked yet
    }
    let _still = inner.sweeping.read().await;
    let mut blanks = inner.store.blank_layers().await?;
    drop_missing(inner, &mut blanks).await?;
    for layer in blanks.iter().filter(|layer| !layer.prepared) {
        make(inner, layer).await?;
    }
    for (size, wanted) in &inner.config.layers {
        let have = blanks.iter().filter(|layer| layer.size == *size).count();
        if have >= *wanted || (*size != Size::S && !has_free_disk(inner).await?) {
            continue;
        }
        for _ in have..*wanted {
            if inner.stopping.is_cancelled() {
                return Ok(());
            }
            let layer = inner.store.insert_blank_layer(*size, clock::now()).await?;
            make(inner, &layer).await?;
        }
    }
    Ok(())
}

/// Forgets layers that were prepared and that the host does not have any more.
async fn drop_missing(inner: &Inner, blanks: &mut Vec<Layer>) -> Result<(), PrepareError> {
    let present: HashSet<_> = inner.engine.blank_layers().await?.into_iter().collect();
    let (kept, missing) = std::mem::take(blanks)
        .into_iter()
        .partition::<Vec<_>, _>(|layer| !layer.prepared || present.contains(&layer.id));
    *blanks = kept;
    for layer in missing {
        // A desktop may have taken it since; then this does nothing.
        inner.store.delete_blank_layer(layer.id).await?;
    }
    Ok(())
}

async fn make(inner: &Inner, layer: &Layer) -> Result<(), PrepareError> {
    let key = LayerKey::new(*layer.key.expose_secret());
    inner.engine.prepare_layer(&LayerSpec { layer: layer.id, size: layer.size, key }).await?;
    inner.store.mark_layer_prepared(layer.id).await?;
    tracing::debug!(layer = %layer.id, size = %layer.size, "a layer was prepared");
    Ok(())
}

async fn has_free_disk(inner: &Inner) -> Result<bool, PrepareError> {
    Ok(inner.engine.host().await?.disk_available_bytes >= inner.config.layers_free_disk)
}
