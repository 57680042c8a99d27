//! What is done with a desktop that is as its owner wants it.

use std::error::Error;

use rolltop_model::Observation;
use rolltop_store::Desktop;

use super::fault::{Fault, chain};
use super::worker::{Next, PAUSE};
use super::{layers, resize, saving, snapshots};
use crate::clock;
use crate::control::Inner;

/// When to look at it again; `None`: now, as it may have changed.
pub(super) async fn at_rest(inner: &Inner, desktop: &Desktop, observed: Observation) -> Option<Next> {
    let soon = Some(Next::At(clock::later(clock::now(), PAUSE)));
    let told = |error: &(dyn Error + 'static), what: &str| {
        tracing::warn!(desktop = %desktop.id, error = chain(error), "{what}");
    };
    match snapshots::take_wanted(inner, desktop, observed).await {
        Ok(true) | Err(Fault::Changed) => return None,
        Ok(false) => {}
        Err(error) => {
            told(&error, "a snapshot waits");
            return soon;
        }
    }
    if let Err(error) = saving::carry_on(inner, desktop).await {
        told(&error, "a template waits");
        return soon;
    }
    if let Err(error) = resize::grow(inner, desktop).await {
        told(&error, "its disk does not grow");
    }
    if let Err(error) = layers::flatten(inner, desktop).await {
        told(&error, "its disk stays deep");
    }
    Some(Next::Rest)
}
