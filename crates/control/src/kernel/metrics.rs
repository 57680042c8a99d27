//! What the process tells whoever watches it, in the text format of OpenMetrics: see `docs/operating.md` for the list.
//! Each capability keeps its own, and registers them in `open.rs`.

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::kernel::control::{Control, Kernel};
use crate::kernel::state::{State, default_state};

pub(crate) type Bytes = Gauge<u64, AtomicU64>;

/// One capability's.
pub(crate) trait Metrics: State {
    /// Each under its name without the `rolltop_` before it.
    fn register(&self, registry: &mut Registry);
}

/// Registers one capability's: [`of`].
pub(crate) type Register = fn(&Kernel, &mut Registry);

pub(crate) fn of<M: Metrics>(kernel: &Kernel, registry: &mut Registry) {
    kernel.state::<M>().register(registry);
}

/// All that are told.
#[derive(Default)]
pub(crate) struct Told(Registry);
default_state!(Told);

impl Told {
    pub(crate) fn of(kernel: &Kernel, all: &[Register]) -> Self {
        let mut registry = Registry::with_prefix("rolltop");
        for register in all {
            register(kernel, &mut registry);
        }
        Self(registry)
    }
}

impl Control {
    /// Everything that is counted, in the text format of OpenMetrics.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.kernel.state::<Told>().0) {
            Ok(()) => text,
            // A String takes whatever is written to it.
            Err(fmt::Error) => String::new(),
        }
    }
}

/// As a gauge shows it.
pub(crate) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
