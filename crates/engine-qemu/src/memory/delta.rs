//! Pages that differ from a base, in chunks.
//!
//! ```text
//! chunk = number of runs: u32 │ runs: (first page: u32, pages: u32, the highest bit set: all zero) │ pages
//! ```

use super::holes::Holes;
use super::pages::{GuestRam, PAGE, Run, at_once, workers};
use super::sealed::Sealer;
use crate::fault::Fault;

/// Most bytes of pages in one chunk.
const CHUNK: usize = 1 << 20;
/// Most runs in one chunk, so that the list of runs stays short too.
const RUNS: usize = 8192;
/// Most pages that one thread copies before another may go on: 4 MiB.
const PIECE: u64 = 1024;
const ALL_ZERO: u32 = 1 << 31;

/// Where a machine's own pages come from.
pub(super) trait Pages {
    /// Runs of them, in order.
    fn runs(&self) -> Result<Vec<Run>, Fault>;
    /// Whole pages from `first` on, all of one run.
    fn read(&self, first: u64, pages: &mut [u8]) -> Result<(), Fault>;
}

impl Pages for GuestRam {
    fn runs(&self) -> Result<Vec<Run>, Fault> {
        self.private_runs()
    }

    fn read(&self, first: u64, pages: &mut [u8]) -> Result<(), Fault> {
        GuestRam::read(self, first, pages)
    }
}

/// A copy of a machine's own pages.
pub(super) struct Captured {
    runs: Vec<Run>,
    /// Where each run's pages begin.
    starts: Vec<usize>,
    pages: Vec<u8>,
}

impl Captured {
    /// With room for as many bytes of pages and some more, given to us by the kernel already.
    pub(super) fn with_room(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes + bytes / 8).unwrap_or(0) + (4 << 20);
        // Written to, or each page would be a fault while the machine stands still.
        Self { runs: Vec::new(), starts: Vec::new(), pages: vec![1; bytes] }
    }

    /// Copies what the machine has now.
    pub(super) fn fill(&mut self, ram: &GuestRam) -> Result<(), Fault> {
        self.runs = ram.private_runs()?.into_iter().flat_map(cut).collect();
        self.starts.clear();
        let mut bytes = 0;
        for run in &self.runs {
            self.starts.push(bytes);
            bytes += usize::try_from(run.bytes()).unwrap_or(usize::MAX);
        }
        self.pages.resize(bytes, 0);
        let shares = shares(&self.runs, &mut self.pages, workers());
        at_once(shares, |(runs, pages)| copy(ram, runs, pages)).into_iter().collect()
    }
}

/// A run in pieces that can be divided fairly: a guest may have all its memory in one.
fn cut(run: Run) -> impl Iterator<Item = Run> {
    let end = run.first + run.count;
    (run.first..end).step_by(PIECE as usize).map(move |first| Run { first, count: PIECE.min(end - first) })
}

/// Runs, and room for them, divided among so many.
fn shares<'a>(runs: &'a [Run], pages: &'a mut [u8], count: usize) -> Vec<(&'a [Run], &'a mut [u8])> {
    let fair = pages.len().div_ceil(count.max(1));
    let (mut runs, mut pages, mut all) = (runs, pages, Vec::new());
    while !runs.is_empty() {
        let (mut taken, mut bytes) = (0, 0);
        while let Some(run) = runs.get(taken).filter(|_| bytes < fair) {
            bytes += usize::try_from(run.bytes()).unwrap_or(usize::MAX);
            taken += 1;
        }
        let (mine, others) = runs.split_at(taken);
        let (room, rest) = std::mem::take(&mut pages).split_at_mut(bytes);
        all.push((mine, room));
        (runs, pages) = (others, rest);
    }
    all
}

fn copy(ram: &GuestRam, runs: &[Run], mut room: &mut [u8]) -> Result<(), Fault> {
    for run in runs {
        let bytes = usize::try_from(run.bytes()).unwrap_or(usize::MAX);
        let (pages, rest) = std::mem::take(&mut room).split_at_mut(bytes);
        ram.read(run.first, pages)?;
        room = rest;
    }
    Ok(())
}

impl Pages for Captured {
    fn runs(&self) -> Result<Vec<Run>, Fault> {
        Ok(self.runs.clone())
    }

    fn read(&self, first: u64, pages: &mut [u8]) -> Result<(), Fault> {
        let place = self.runs.partition_point(|run| run.first <= first).checked_sub(1);
        let copied = place.and_then(|place| {
            let (run, start) = (self.runs.get(place)?, self.starts.get(place)?);
            let start = start + usize::try_from(first - run.first).ok()? * PAGE;
            self.pages.get(start..start + pages.len())
        });
        pages.copy_from_slice(copied.ok_or_else(|| Fault::Other("pages that were not copied".into()))?);
        Ok(())
    }
}

/// Writes every page that differs from a base with these holes; returns how many bytes of pages were written.
pub(super) fn write(source: &impl Pages, holes: &Holes, sealer: &mut Sealer) -> Result<u64, Fault> {
    let mut chunk = Chunk::default();
    let mut buffer = vec![0u8; CHUNK];
    let mut bytes = 0;
    for run in source.runs()? {
        let (mut first, end) = (run.first, run.first + run.count);
        while first < end {
            let pages = usize::try_from(end - first).unwrap_or(CHUNK / PAGE).min(CHUNK / PAGE);
            let content = buffer.get_mut(..pages * PAGE).unwrap_or_default();
            source.read(first, content)?;
            for page in content.chunks_exact(PAGE) {
                let is_zero = is_zero(page);
                if !(is_zero && holes.have(first)) {
                    if chunk.is_full() {
                        bytes += chunk.flush(sealer)?;
                    }
                    chunk.add(first, page, is_zero)?;
                }
                first += 1;
            }
        }
    }
    Ok(bytes + chunk.flush(sealer)?)
}

/// Puts a chunk's pages where they belong. What makes no sense is an error, before anything of it
/// is written.
pub(super) fn read(chunk: &[u8], ram: &GuestRam) -> Result<(), Fault> {
    for (run, content) in runs(chunk).ok_or_else(|| Fault::Memory("a part of it makes no sense".into()))? {
        match content {
            Some(pages) => ram.write(run.first, pages)?,
            None => write_zeros(ram, run)?,
        }
    }
    Ok(())
}

fn write_zeros(ram: &GuestRam, run: Run) -> Result<(), Fault> {
    static ZEROS: [u8; 64 * PAGE] = [0; 64 * PAGE];
    let (mut first, end) = (run.first, run.first + run.count);
    while first < end {
        let pages = (end - first).min(64);
        ram.write(first, ZEROS.get(..pages as usize * PAGE).unwrap_or_default())?;
        first += pages;
    }
    Ok(())
}

/// A run, with its pages or none for zeros.
type RunOfPages<'a> = (Run, Option<&'a [u8]>);

fn runs(chunk: &[u8]) -> Option<Vec<RunOfPages<'_>>> {
    let (count, rest) = chunk.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (table, mut pages) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut runs = Vec::with_capacity(count);
    for entry in table.chunks_exact(8) {
        let (first, length) = entry.split_at_checked(4)?;
        let first = u64::from(u32::from_le_bytes(first.try_into().ok()?));
        let length = u32::from_le_bytes(length.try_into().ok()?);
        let run = Run { first, count: u64::from(length & !ALL_ZERO) };
        if length & ALL_ZERO != 0 {
            runs.push((run, None));
        } else {
            let (content, rest) = pages.split_at_checked(usize::try_from(run.bytes()).ok()?)?;
            pages = rest;
            runs.push((run, Some(content)));
        }
    }
    pages.is_empty().then_some(runs)
}

#[derive(Default)]
struct Chunk {
    runs: Vec<(u32, u32)>,
    pages: Vec<u8>,
    sealed: Vec<u8>,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.pages.len() >= CHUNK || self.runs.len() >= RUNS
    }

    fn add(&mut self, page: u64, content: &[u8], is_zero: bool) -> Result<(), Fault> {
        let page = u32::try_from(page).map_err(|_| Fault::Other("a page has too high a number".into()))?;
        let kind = if is_zero { ALL_ZERO } else { 0 };
        match self.runs.last_mut() {
            Some((first, length))
                if *length & ALL_ZERO == kind && first.saturating_add(*length & !ALL_ZERO) == page =>
            {
                *length += 1;
            }
            _ => self.runs.push((page, kind | 1)),
        }
        if !is_zero {
            self.pages.extend_from_slice(content);
        }
        Ok(())
    }

    /// Seals what there is, and begins anew. Returns the bytes of its pages.
    fn flush(&mut self, sealer: &mut Sealer) -> Result<u64, Fault> {
        if self.runs.is_empty() {
            return Ok(0);
        }
        self.encode();
        sealer.put(&self.sealed)?;
        let bytes = self.pages.len() as u64;
        self.runs.clear();
        self.pages.clear();
        Ok(bytes)
    }

    fn encode(&mut self) {
        self.sealed.clear();
        self.sealed.extend_from_slice(&u32::try_from(self.runs.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (first, length) in &self.runs {
            self.sealed.extend_from_slice(&first.to_le_bytes());
            self.sealed.extend_from_slice(&length.to_le_bytes());
        }
        self.sealed.extend_from_slice(&self.pages);
    }
}

pub(super) fn is_zero(page: &[u8]) -> bool {
    page.chunks_exact(64).all(|line| line.iter().fold(0, |all, byte| all | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_divided_with_room_for_each() {
        let run = |first, count| Run { first, count };
        let runs = [run(0, 1), run(5, 100), run(200, 3), run(300, 50), run(400, 2)];
        let total: u64 = runs.iter().map(Run::bytes).sum();
        for count in 1..7 {
            let mut pages = vec![0; usize::try_from(total).unwrap()];
            let shares = shares(&runs, &mut pages, count);
            assert!(shares.len() <= count);
            let given: Vec<Run> = shares.iter().flat_map(|(runs, _)| runs.iter().copied()).collect();
            assert_eq!(given, runs);
            for (runs, room) in shares {
                assert_eq!(room.len() as u64, runs.iter().map(Run::bytes).sum::<u64>());
            }
        }
        assert!(shares(&[], &mut [], 4).is_empty());
    }

    #[test]
    fn one_long_run_is_divided_too() {
        let run = |first, count| Run { first, count };
        assert_eq!(cut(run(7, 1)).collect::<Vec<_>>(), [run(7, 1)]);
        assert_eq!(cut(run(7, 1025)).collect::<Vec<_>>(), [run(7, 1024), run(1031, 1)]);
        let runs: Vec<Run> = cut(run(5, 9 * PIECE)).collect();
        let mut pages = vec![0; 9 * PIECE as usize * PAGE];
        let shares = shares(&runs, &mut pages, 2);
        assert_eq!(shares.iter().map(|(runs, _)| runs.len()).collect::<Vec<_>>(), [5, 4]);
    }

    #[test]
    fn pages_come_out_of_a_chunk_as_they_went_in() {
        let mut chunk = Chunk::default();
        let (ones, twos, zeros) = ([1; PAGE], [2; PAGE], [0; PAGE]);
        for (page, content) in [(7, &ones), (8, &twos), (9, &zeros), (10, &zeros), (12, &zeros), (13, &ones)]
        {
            chunk.add(page, content, is_zero(content)).unwrap();
        }
        chunk.encode();
        let run = |first, count| Run { first, count };
        let found = runs(&chunk.sealed).unwrap();
        assert_eq!(
            found,
            [
                (run(7, 2), Some([ones, twos].concat().as_slice())),
                (run(9, 2), None),
                (run(12, 1), None),
                (run(13, 1), Some(ones.as_slice())),
            ]
        );
    }

    #[test]
    fn a_chunk_that_is_cut_or_too_long_makes_no_sense() {
        let mut chunk = Chunk::default();
        chunk.add(3, &[1; PAGE], false).unwrap();
        chunk.encode();
        for length in [0, 3, 4, 11, 12, PAGE, 11 + PAGE] {
            assert_eq!(runs(&chunk.sealed[..length]), None, "{length}");
        }
        chunk.sealed.push(0);
        assert_eq!(runs(&chunk.sealed), None);
        assert_eq!(runs(&[0xff; 64]), None);
    }

    #[test]
    fn one_set_bit_anywhere_is_not_zero() {
        let mut page = [0; PAGE];
        assert!(is_zero(&page));
        for place in [0, 63, 64, 2048, PAGE - 1] {
            page[place] = 0x80;
            assert!(!is_zero(&page), "{place}");
            page[place] = 0;
        }
    }
}
