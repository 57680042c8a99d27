//! What a workspace may have of the host's disk.

use std::fmt;

use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, WorkspaceId};
use rolltop_store::StoreError;

use crate::kernel::control::Kernel;
use crate::kernel::error::explained;
use crate::reconcile::vitals::Vitals;

/// A workspace may not have what was asked for: it would have more of the host's disk than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "This workspace may have {} of the host's disk; it has {}, and this takes {}. Delete snapshots, desktops or templates \
     first.",
    Bytes(self.limit), Bytes(self.used), some_more(self.more)
)]
pub struct OverDiskQuota {
    pub limit: u64,
    pub used: u64,
    /// About what it would take, bytes; 0 where that shows as it is used.
    pub more: u64,
}

explained! {
    type OverDiskQuota => DiskQuotaReached;
}

fn some_more(bytes: u64) -> String {
    if bytes == 0 { "some more".to_owned() } else { format!("up to {} more", Bytes(bytes)) }
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        // A tenth of a GiB is all that anybody needs to know.
        let tenths = self.0.saturating_mul(10) / (1 << 30);
        if tenths == 0 {
            write!(f, "{} MiB", self.0 / MIB)
        } else {
            write!(f, "{}.{} GiB", tenths / 10, tenths % 10)
        }
    }
}

impl OverDiskQuota {
    pub(crate) fn new(limit: Option<u64>, reached: rolltop_store::DiskQuotaReached) -> Self {
        // Without a limit it is not reached.
        Self { limit: limit.unwrap_or(u64::MAX), used: reached.used, more: reached.more }
    }
}

#[boxed]
impl Kernel {
    /// What a workspace may still take, bytes; `None` for what there is.
    pub(crate) async fn disk_left(&self, workspace: WorkspaceId) -> Result<Option<u64>, StoreError> {
        let Some(limit) = self.config.disk_limit else { return Ok(None) };
        Ok(Some(limit.saturating_sub(self.store.disk_used(workspace).await?)))
    }

    /// About what the memory of a desktop takes that is kept now, bytes.
    pub(crate) fn memory_to_keep(&self, desktop: DesktopId) -> u64 {
        self.state::<Vitals>().of(desktop).map_or(0, |vital| vital.memory_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_reads_how_much_there_is() {
        let over = OverDiskQuota { limit: 10 << 30, used: (10 << 30) - 1, more: 100 << 20 };
        assert_eq!(
            over.to_string(),
            "This workspace may have 10.0 GiB of the host's disk; it has 9.9 GiB, and this takes up to 100 MiB more. \
             Delete snapshots, desktops or templates first."
        );
        assert!(OverDiskQuota { more: 0, ..over }.to_string().contains("and this takes some more."));
    }
}
