//! A guest's memory in its QEMU, through `/proc`: which pages it has changed, reading and writing them.
//!
//! A page of a private view of a file is the file's until it is written to; then it is the
//! process's own. The kernel tells which: <https://docs.kernel.org/admin-guide/mm/pagemap.html>.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::fault::{Doing, Fault};
use crate::process::Process;

pub(super) const PAGE: usize = 4096;
/// Entries of the page map that are read at a time.
const ENTRIES: usize = 32 << 10;
/// More threads than this only wait for the memory.
const MOST_WORKERS: usize = 4;
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// Of a file, or shared.
const OF_FILE: u64 = 1 << 61;

/// Pages one after the other, counted from the beginning of the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub first: u64,
    pub count: u64,
}

impl Run {
    pub(super) fn bytes(&self) -> u64 {
        self.count * PAGE as u64
    }
}

/// Part of the guest's memory in the address space of its QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    address: u64,
    length: u64,
    /// Where in the guest's memory it begins.
    offset: u64,
}

/// The memory of one machine.
#[derive(Debug)]
pub(super) struct GuestRam {
    process: Process,
    parts: Vec<Part>,
    memory: File,
}

impl GuestRam {
    /// The private view that `process` has of the file at `base`.
    pub(super) fn of(process: Process, base: &Path) -> Result<Self, Fault> {
        let file = std::fs::metadata(base).doing_with("reading", base)?;
        let path = format!("/proc/{}/maps", process.pid);
        let maps = std::fs::read_to_string(&path).doing("reading a machine's mappings")?;
        let name = base.file_name().unwrap_or_default().to_string_lossy();
        let (parts, length) = (parts(&maps, file.ino(), &name), file.len());
        // A QEMU that its guest has taken over may have mapped the file as it likes, and as often.
        if !covers_once(&parts, length) {
            return Err(Fault::Other(format!("a machine's memory is not one view of {}", base.display())));
        }
        let path = format!("/proc/{}/mem", process.pid);
        let memory = File::options().read(true).write(true).open(path).doing("opening a machine's memory")?;
        // Asked after opening: the number may have been given away before.
        if !process.alive() {
            return Err(Fault::MonitorClosed);
        }
        Ok(Self { process, parts, memory })
    }

    /// Runs of pages that the guest has changed, in order. The machine may stand still for this, so it is looked
    /// for them in several places at once.
    pub(super) fn private_runs(&self) -> Result<Vec<Run>, Fault> {
        let path = format!("/proc/{}/pagemap", self.process.pid);
        let map = File::open(path).doing("opening a machine's page map")?;
        let mut runs = Vec::new();
        for part in &self.parts {
            // A run is read at once, so it does not go from one part into another.
            let mut of_part = Vec::new();
            for found in at_once(pieces(*part, workers()), |piece| changed_in(&map, piece)) {
                for run in found? {
                    append(&mut of_part, run);
                }
            }
            runs.extend(of_part);
        }
        Ok(runs)
    }

    /// Reads whole pages from page `first` on.
    pub(super) fn read(&self, first: u64, pages: &mut [u8]) -> Result<(), Fault> {
        let address = self.address(first, pages.len())?;
        self.memory.read_exact_at(pages, address).doing("reading a machine's memory")
    }

    /// Writes whole pages from page `first` on.
    pub(super) fn write(&self, first: u64, pages: &[u8]) -> Result<(), Fault> {
        let address = self.address(first, pages.len())?;
        self.memory.write_all_at(pages, address).doing("writing a machine's memory")
    }

    /// Where `length` bytes from page `first` on are, if all of them are in one part.
    fn address(&self, first: u64, length: usize) -> Result<u64, Fault> {
        let offset = first.saturating_mul(PAGE as u64);
        let end = offset.saturating_add(length as u64);
        let part = self.parts.iter().find(|part| part.offset <= offset && end <= part.offset + part.length);
        part.map(|part| part.address + (offset - part.offset))
            .ok_or_else(|| Fault::Memory("it has pages that the machine has not".into()))
    }
}

fn is_private(entry: u64) -> bool {
    entry & (PRESENT | SWAPPED) != 0 && entry & OF_FILE == 0
}

fn append(runs: &mut Vec<Run>, next: Run) {
    match runs.last_mut() {
        Some(run) if run.first + run.count == next.first => run.count += next.count,
        _ => runs.push(next),
    }
}

/// Runs of changed pages in a part of the memory.
fn changed_in(map: &File, part: Part) -> Result<Vec<Run>, Fault> {
    let mut runs = Vec::new();
    let mut buffer = vec![0u8; ENTRIES * 8];
    let (mut page, end) = (part.offset / PAGE as u64, (part.offset + part.length) / PAGE as u64);
    let mut at = part.address / PAGE as u64 * 8;
    while page < end {
        let wanted = usize::try_from(end - page).unwrap_or(ENTRIES).min(ENTRIES);
        let entries = buffer.get_mut(..wanted * 8).unwrap_or_default();
        map.read_exact_at(entries, at).doing("reading a machine's page map")?;
        for entry in entries.chunks_exact(8) {
            if is_private(u64::from_ne_bytes(entry.try_into().unwrap_or_default())) {
                append(&mut runs, Run { first: page, count: 1 });
            }
            page += 1;
        }
        at += wanted as u64 * 8;
    }
    Ok(runs)
}

/// How many threads work on one machine's memory.
pub(super) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().min(MOST_WORKERS))
}

/// A part cut into about as many.
fn pieces(part: Part, count: usize) -> Vec<Part> {
    let pages = part.length / PAGE as u64;
    let each = pages.div_ceil(count.max(1) as u64).max(1);
    let begin = |piece: u64| piece * each * PAGE as u64;
    (0..pages.div_ceil(each))
        .map(|piece| Part {
            address: part.address + begin(piece),
            length: (each * PAGE as u64).min(part.length - begin(piece)),
            offset: part.offset + begin(piece),
        })
        .collect()
}

/// Does something for each of these, in a thread of its own; what came of it, in their order.
pub(super) fn at_once<T: Send, R: Send>(
    all: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> Result<R, Fault> + Sync,
) -> Vec<Result<R, Fault>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = all.into_iter().map(|one| scope.spawn(move || work(one))).collect();
        let broken = || Err(Fault::Other("a thread that worked on a machine's memory broke off".into()));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broken())).collect()
    })
}

/// The mappings of a file, from the text of `/proc/PID/maps`. By its number and its own name: in a mount namespace it may
/// have another path, and not every file system has there the device that `stat` gives.
fn parts(maps: &str, inode: u64, name: &str) -> Vec<Part> {
    let of_line = |line: &str| {
        let mut fields = line.splitn(6, char::is_whitespace);
        let (start, end) = fields.next()?.split_once('-')?;
        let offset = fields.nth(1)?;
        let (number_of_file, path) = (fields.nth(1)?, fields.next()?.trim_start());
        let is_it =
            number_of_file.parse() == Ok(inode) && Path::new(path).file_name() == Some(OsStr::new(name));
        is_it.then_some(())?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let (address, end) = (number(start)?, number(end)?);
        Some(Part { address, length: end.checked_sub(address)?, offset: number(offset)? })
    };
    maps.lines().filter_map(of_line).collect()
}

/// Whether the parts are the whole file of that length, each piece of it once and in order.
fn covers_once(parts: &[Part], length: u64) -> bool {
    let end = parts.iter().try_fold(0u64, |end, part| {
        (part.offset == end && part.length.is_multiple_of(PAGE as u64))
            .then(|| end.checked_add(part.length))?
    });
    length > 0 && end == Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mappings_of_the_file_are_the_guests_memory() {
        let maps = "7f0000000000-7f0080000000 rw-p 00000000 fe:00 262145                     /var/lib/r/s/ram\n\
                    7f0080000000-7f0080001000 rw-p 80000000 fe:00 262145                     /var/lib/r/s/ram\n\
                    7f1000000000-7f1000001000 r--p 00000000 fe:00 262146                     /usr/lib/ram\n\
                    7f2000000000-7f2000001000 rw-p 00000000 00:00 0 \n\
                    7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n";
        let found = parts(maps, 262_145, "ram");
        assert_eq!(
            found,
            [
                Part { address: 0x7f00_0000_0000, length: 0x8000_0000, offset: 0 },
                Part { address: 0x7f00_8000_0000, length: 0x1000, offset: 0x8000_0000 },
            ]
        );
        assert_eq!(parts(maps, 262_145, "else"), []);
        assert_eq!(parts(maps, 262_147, "ram"), []);
    }

    #[test]
    fn memory_that_is_mapped_twice_or_in_part_is_not_believed() {
        let part = |offset, length| Part { address: 0x7f00_0000_0000 + offset, length, offset };
        assert!(covers_once(&[part(0, 0x2000)], 0x2000));
        assert!(covers_once(&[part(0, 0x1000), part(0x1000, 0x1000)], 0x2000));
        for parts in [
            &[][..],
            &[part(0, 0x1000)],
            &[part(0x1000, 0x1000)],
            &[part(0, 0x2000), part(0, 0x2000)],
            &[part(0, 0x2000), part(0x2000, 0x1000)],
            &[part(0, 0x1000), part(0x1000, u64::MAX)],
        ] {
            assert!(!covers_once(parts, 0x2000), "{parts:?}");
        }
        assert!(!covers_once(&[], 0));
    }

    #[test]
    fn a_page_is_private_once_it_is_the_processs_own_even_if_it_is_swapped_out() {
        for (entry, private) in [
            (0, false),
            (PRESENT, true),
            (SWAPPED, true),
            (PRESENT | OF_FILE, false),
            (SWAPPED | OF_FILE, false),
            (OF_FILE, false),
            (PRESENT | 1 << 56, true),
        ] {
            assert_eq!(is_private(entry), private, "{entry:#x}");
        }
    }

    #[test]
    fn neighbours_become_one_run() {
        let mut runs = Vec::new();
        for page in [3, 4, 5, 9, 11, 12] {
            append(&mut runs, Run { first: page, count: 1 });
        }
        append(&mut runs, Run { first: 13, count: 4 });
        let run = |first, count| Run { first, count };
        assert_eq!(runs, [run(3, 3), run(9, 1), run(11, 6)]);
    }

    #[test]
    fn a_part_is_cut_into_pieces_that_are_all_of_it() {
        for (pages, count) in [(10, 4), (1, 4), (8, 2), (0, 3), (7, 1)] {
            let part = Part { address: 0x7000_0000, length: pages * PAGE as u64, offset: 0x10_0000 };
            let pieces = pieces(part, count);
            assert!(pieces.len() <= count);
            let (mut address, mut offset) = (part.address, part.offset);
            for piece in pieces {
                assert_eq!((piece.address, piece.offset), (address, offset));
                assert!(piece.length > 0);
                (address, offset) = (address + piece.length, offset + piece.length);
            }
            assert_eq!(address, part.address + part.length);
        }
    }

    #[test]
    fn work_done_at_once_comes_back_in_order_and_a_failure_with_it() {
        let double = |number: u32| if number == 3 { Err(Fault::MonitorClosed) } else { Ok(number * 2) };
        let all = at_once([1, 2, 3, 4], double);
        assert!(matches!(all.as_slice(), [Ok(2), Ok(4), Err(Fault::MonitorClosed), Ok(8)]));
    }
}
