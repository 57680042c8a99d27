//! The allocator of all roles, SQLite's and TLS's memory included.
//!
//! glibc's is the slower and the larger one here: all snapshots of 1,600 desktops took 28.6 ms with one heap of it and 16.1 with
//! jemalloc, and the api held 121 MB and 102. With eight heaps it is as quick, and takes another 15 MB.

#![expect(unsafe_code, reason = "jemalloc reads its settings from a symbol")]

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Two heaps, as roles have seldom more busy threads, and what has been free for a second goes back to the kernel, as
/// soon as something else is allocated or freed.
// SAFETY: jemalloc itself defines the symbol, as a pointer to text that ends with a zero, for the program to put its own in place.
#[unsafe(export_name = "malloc_conf")]
static SETTINGS: &[u8; 47] = b"narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0\0";
