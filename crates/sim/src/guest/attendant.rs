//! The attendant of a simulated machine, which is there when nothing can be started.

use std::sync::Arc;

use rolltop_guest_protocol::{END, LOOK, Load};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Guest;

const WORD: u64 = 16;
const MOST_PROCESSES: u64 = 15_000;
const SOME: u64 = 120;

pub async fn serve(guest: Arc<Guest>, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut word = Vec::new();
    while word.last() != Some(&b'\n') {
        match (&mut stream).take(1).read_to_end(&mut word).await {
            Ok(1) if u64::try_from(word.len()).is_ok_and(|length| length <= WORD) => {}
            Ok(_) | Err(_) => return,
        }
    }
    let before = load(&guest).processes;
    match String::from_utf8_lossy(&word).trim() {
        LOOK => {}
        END => guest.end_all(),
        _ => return,
    }
    let told = serde_json::to_vec(&Load { before, ..load(&guest) }).unwrap_or_default();
    // Whoever asked may be gone; then nobody misses the answer.
    let _ = stream.write_all(&told).await;
    let _ = stream.shutdown().await;
}

pub fn load(guest: &Guest) -> Load {
    let processes = if guest.is_full() { MOST_PROCESSES } else { SOME };
    Load { processes, most_processes: MOST_PROCESSES, free_memory: 1 << 30, memory: 2 << 30, before: 0 }
}
