//! What is done with a desktop that is as its owner wants it.

use std::error::Error;

use rolltop_model::Observation;
use rolltop_store::Desktop;

use crate::desktops::growing;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::{Fault, chain};
use crate::snapshots::{layers, taking};
use crate::templates::saving;
use jiff::Timestamp;
use std::time::Duration;

/// After the host or the database did not answer.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// When to look at the desktop again without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Rest,
    At(Timestamp),
}

/// When to look at it again; `None`: now, as it may have changed.
pub(crate) async fn at_rest(kernel: &Kernel, desktop: &Desktop, observed: Observation) -> Option<Next> {
    let soon = Some(Next::At(clock::later(clock::now(), PAUSE)));
    let told = |error: &(dyn Error + 'static), what: &str| {
        tracing::warn!(desktop = %desktop.id, error = chain(error), "{what}");
    };
    match taking::take_wanted(kernel, desktop, observed).await {
        Ok(true) | Err(Fault::Changed) => return None,
        Ok(false) => {}
        Err(error) => {
            told(&error, "a snapshot waits");
            return soon;
        }
    }
    if let Err(error) = saving::carry_on(kernel, desktop).await {
        told(&error, "a template waits");
        return soon;
    }
    if let Err(error) = growing::grow(kernel, desktop).await {
        told(&error, "its disk does not grow");
    }
    if let Err(error) = layers::flatten(kernel, desktop).await {
        told(&error, "its disk stays deep");
    }
    Some(Next::Rest)
}
