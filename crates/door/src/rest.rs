//! Having a guest let go of what it can read again, before its memory is kept.

use std::time::Duration;

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};

/// Short: whoever asked for the desktop to be suspended waits. What is not written out by then is kept as memory.
const LIMITS: ExecLimits = ExecLimits { max_output: 4 * 1024, timeout: Duration::from_secs(15) };
const COMMAND: &str = "sudo -n sh -s";
/// A quarter of a GiB of files stays, so that what is in use is there at once afterwards.
const SCRIPT: &str = "\
files=$(awk '/^Cached:/ { kib += $2 } /^Shmem:/ { kib -= $2 } END { print kib }' /proc/meminfo)
[ \"$files\" -lt 262144 ] || { sync; echo 1 > /proc/sys/vm/drop_caches; }
";

impl Door {
    /// Has the guest forget files that it has only read, or has written out, where these are much of its memory. What it
    /// frees it fills with zeros, which need not be kept.
    pub async fn forget_files(&self) -> Result<(), ExecError> {
        self.exec(COMMAND, SCRIPT.as_bytes().to_vec(), LIMITS).await.map(drop)
    }
}
