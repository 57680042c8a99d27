//! How the allocator keeps memory. `unsafe` is here because glibc's settings have no safe wrapper.

#![expect(unsafe_code, reason = "mallopt is a function of C")]

/// What is free at the end of the heap goes back to the kernel from so many bytes on.
const TRIM: libc::c_int = 64 << 10;

/// One heap for all threads, which shrinks again. glibc gives each thread one of up to eight per processor otherwise, and what
/// threads that are seldom busy have freed in theirs stays there: 17 MB of the host's and 7 MB of the api's after a few desktops.
/// Small allocations are served from each thread's own cache, without a lock.
pub fn keep_small() {
    #[cfg(target_env = "gnu")]
    // SAFETY: called before there are other threads; it changes numbers of the allocator's own.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM);
    }
}
