//! Buffers that are used again: a training step asks for the same sizes every time, and fresh memory from the system would cost
//! a page fault for every four kilobytes.
//!
//! Each thread keeps its own, up to a limit. Contents are whatever was there before; a new buffer is zero.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// One cache line, the unit and the alignment of buffers: a vector that straddles two lines costs two accesses.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// Most bytes that a thread keeps for later.
const KEPT_BYTES: usize = 1 << 30;

#[derive(Default)]
struct Shelf {
    free: BTreeMap<usize, Vec<Vec<Line>>>,
    kept_lines: usize,
}

thread_local! {
    static SHELF: RefCell<Shelf> = RefCell::default();
}

impl Shelf {
    fn take(&mut self, lines: usize) -> Option<Vec<Line>> {
        let found = self.free.get_mut(&lines)?.pop()?;
        self.kept_lines -= lines;
        Some(found)
    }

    fn put(&mut self, buffer: Vec<Line>) {
        let lines = buffer.len();
        if (self.kept_lines + lines) * size_of::<Line>() > KEPT_BYTES {
            self.free.clear();
            self.kept_lines = 0;
        }
        self.kept_lines += lines;
        self.free.entry(lines).or_default().push(buffer);
    }
}

/// A slice of floats, aligned to a cache line, that goes back to its thread when dropped.
pub(crate) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// A buffer with arbitrary contents.
    pub(crate) fn new(len: usize) -> Self {
        let count = len.div_ceil(LINE);
        let kept = SHELF.try_with(|shelf| shelf.borrow_mut().take(count)).ok().flatten();
        Self { lines: kept.unwrap_or_else(|| vec![Line([0.0; LINE]); count]), len }
    }

    /// A buffer of zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::new(len);
        buffer.fill(0.0);
        buffer
    }

    /// A copy of `values`.
    pub(crate) fn copy_of(values: &[f32]) -> Self {
        let mut buffer = Self::new(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if !lines.is_empty() {
            // A thread that is ending has no shelf any more; the memory is then freed.
            let _ = SHELF.try_with(|shelf| shelf.borrow_mut().put(lines));
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is an array of `LINE` floats without padding, and `len` is at most their number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the buffer is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
