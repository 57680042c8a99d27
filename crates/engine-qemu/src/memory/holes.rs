//! Holes of a base: where it has nothing on the disk, and zeros to be read.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

use super::delta::is_zero;
use super::pages::{PAGE, Run};
use crate::fault::{Doing, Fault};

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// Whole pages of holes, in order.
pub(super) struct Holes(Vec<Run>);

impl Holes {
    pub(super) fn have(&self, page: u64) -> bool {
        let before = self.0.partition_point(|hole| hole.first <= page).checked_sub(1);
        before.and_then(|place| self.0.get(place)).is_some_and(|hole| page < hole.first + hole.count)
    }
}

/// Where a file has none, as its file system says; one that does not know any says there are none.
pub(super) fn holes(path: &Path) -> Result<Holes, Fault> {
    let file = File::open(path).doing_with("opening", path)?;
    let length = file.metadata().doing_with("reading", path)?.len();
    let mut holes = Vec::new();
    let mut at = 0;
    while at < length {
        let begin =
            seek(&file, SeekFrom::Hole(at)).map_err(std::io::Error::from).doing_with("reading", path)?;
        let end = match seek(&file, SeekFrom::Data(begin)) {
            Err(Errno::NXIO) => length,
            data => data.map_err(std::io::Error::from).doing_with("reading", path)?,
        };
        let (first, last) = (begin.div_ceil(PAGE as u64), end / PAGE as u64);
        if first < last {
            holes.push(Run { first, count: last - first });
        }
        at = end;
    }
    Ok(Holes(holes))
}

/// Makes holes of a file's pages that have nothing but zeros in them. How many bytes that were.
pub(crate) fn dig(path: &Path) -> Result<u64, Fault> {
    let file = File::options().read(true).write(true).open(path).doing_with("opening", path)?;
    let (mut at, mut dug) = (0, 0);
    let mut buffer = vec![0; PIECE];
    loop {
        at = match seek(&file, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => break,
            data => data.map_err(std::io::Error::from).doing_with("reading", path)?,
        };
        let end =
            seek(&file, SeekFrom::Hole(at)).map_err(std::io::Error::from).doing_with("reading", path)?;
        at -= at % PAGE as u64;
        let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let piece = buffer.get_mut(..most).unwrap_or_default();
        file.read_exact_at(piece, at).doing_with("reading", path)?;
        for run in zeros(piece) {
            let (from, bytes) = (at + run.first * PAGE as u64, run.bytes());
            match fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, bytes) {
                Ok(()) => dug += bytes,
                // This file system has no holes.
                Err(Errno::OPNOTSUPP) => return Ok(dug),
                Err(error) => Err(std::io::Error::from(error)).doing_with("digging holes into", path)?,
            }
        }
        at += most as u64;
    }
    Ok(dug)
}

/// Runs of whole pages of zeros.
fn zeros(bytes: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (page, _) in bytes.chunks_exact(PAGE).enumerate().filter(|(_, content)| is_zero(content)) {
        let page = page as u64;
        match runs.last_mut() {
            Some(run) if run.first + run.count == page => run.count += 1,
            _ => runs.push(Run { first: page, count: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_zeros_become_holes_and_nothing_else_does() {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let path = directory.path().join("ram");
        let mut content = vec![0; 600 * PAGE];
        for page in [0, 1, 255, 256, 300, 599] {
            content[page * PAGE + page % PAGE] = 1;
        }
        std::fs::write(&path, &content).unwrap();
        assert!((0..600).all(|page| !holes(&path).unwrap().have(page)), "it is written out");
        assert_eq!(dig(&path).unwrap(), 594 * PAGE as u64);
        let found = holes(&path).unwrap();
        for page in 0..600 {
            assert_eq!(found.have(page), ![0, 1, 255, 256, 300, 599].contains(&page), "page {page}");
        }
        assert!(!found.have(600));
        assert_eq!(std::fs::read(&path).unwrap(), content, "it reads as before");
        assert_eq!(dig(&path).unwrap(), 0, "there is nothing left to dig");
    }

    #[test]
    fn a_file_that_was_never_written_to_is_one_hole() {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let path = directory.path().join("blank");
        File::create(&path).unwrap().set_len(7 * PAGE as u64).unwrap();
        let found = holes(&path).unwrap();
        assert!((0..7).all(|page| found.have(page)));
        std::fs::write(&path, b"").unwrap();
        assert!(!holes(&path).unwrap().have(0));
    }
}
