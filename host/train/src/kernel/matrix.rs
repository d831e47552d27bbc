//! The two matrix products of training with indirect rows: what every convolution but the depthwise one is made of.
//!
//! A row of the left matrix is an output position: it starts at an offset of its own, and consists of one run of contiguous
//! floats for each tap of the kernel (Dukhan 2019, "The Indirect Convolution Algorithm"). With channels last nothing is copied
//! into columns, and pointwise, strided, dilated and grouped convolutions are the same code with other tables.

use super::lanes::{Lanes, for_each_cpu};

/// `c[outs[m] + n] = sum over t, k of a[rows[m] + taps[t] + k] * b[(t * run + k) * columns + n]`, for `n < columns`.
pub(crate) struct Product<'a> {
    pub(crate) a: &'a [f32],
    pub(crate) rows: &'a [usize],
    pub(crate) taps: &'a [usize],
    pub(crate) run: usize,
    pub(crate) b: &'a [f32],
    pub(crate) columns: usize,
    pub(crate) c: &'a mut [f32],
    pub(crate) outs: &'a [usize],
}

/// `c[(t * run + i) * columns + n] += sum over p of a[rows[p] + taps[t] + i] * d[d_rows[p] + n]`, for `n < columns`.
pub(crate) struct Correlation<'a> {
    pub(crate) a: &'a [f32],
    pub(crate) rows: &'a [usize],
    pub(crate) taps: &'a [usize],
    pub(crate) run: usize,
    pub(crate) d: &'a [f32],
    pub(crate) d_rows: &'a [usize],
    pub(crate) columns: usize,
    pub(crate) c: &'a mut [f32],
}

/// Positions that a correlation takes at a time, so that what it reads again is still in the first cache.
const POSITIONS: usize = 96;

/// Vectors of columns in one block.
const PANEL: usize = 3;

fn reach(offsets: &[usize]) -> usize {
    offsets.iter().copied().max().unwrap_or(0)
}

impl Product<'_> {
    /// Computes it.
    pub(crate) fn run(mut self) {
        if self.rows.is_empty() || self.columns == 0 {
            return;
        }
        assert_eq!(self.rows.len(), self.outs.len());
        assert!(reach(self.rows) + reach(self.taps) + self.run <= self.a.len());
        assert!(self.taps.len() * self.run * self.columns <= self.b.len());
        assert!(reach(self.outs) + self.columns <= self.c.len());
        // SAFETY: the largest offsets of each table were just checked.
        unsafe { product(&mut self) }
    }
}

impl Correlation<'_> {
    /// Adds to `c`.
    pub(crate) fn run(mut self) {
        if self.rows.is_empty() || self.columns == 0 {
            return;
        }
        assert_eq!(self.rows.len(), self.d_rows.len());
        assert!(reach(self.rows) + reach(self.taps) + self.run <= self.a.len());
        assert!(reach(self.d_rows) + self.columns <= self.d.len());
        assert!(self.taps.len() * self.run * self.columns <= self.c.len());
        // SAFETY: the largest offsets of each table were just checked.
        unsafe { correlation(&mut self) }
    }
}

for_each_cpu! {
    /// # Safety
    /// Every offset of the tables is in range.
    unsafe fn product(p: &mut Product<'_>) = product_body
}

for_each_cpu! {
    /// # Safety
    /// Every offset of the tables is in range.
    unsafe fn correlation(p: &mut Correlation<'_>) = correlation_body
}

/// Calls `$block::<V, ROWS, vectors, full>` for a number of rows and vectors known only at run time.
macro_rules! with_block {
    ($block:ident, $rows:expr, $vectors:expr, $full:expr, $args:tt) => {
        match $rows {
            8 => with_block!(@v $block, 8, $vectors, $full, $args),
            7 => with_block!(@v $block, 7, $vectors, $full, $args),
            6 => with_block!(@v $block, 6, $vectors, $full, $args),
            5 => with_block!(@v $block, 5, $vectors, $full, $args),
            4 => with_block!(@v $block, 4, $vectors, $full, $args),
            3 => with_block!(@v $block, 3, $vectors, $full, $args),
            2 => with_block!(@v $block, 2, $vectors, $full, $args),
            _ => with_block!(@v $block, 1, $vectors, $full, $args),
        }
    };
    (@v $block:ident, $rows:literal, $vectors:expr, $full:expr, $args:tt) => {
        match ($vectors, $full) {
            (1, true) => with_block!(@call $block, $rows, 1, true, $args),
            (1, false) => with_block!(@call $block, $rows, 1, false, $args),
            (2, true) => with_block!(@call $block, $rows, 2, true, $args),
            (2, false) => with_block!(@call $block, $rows, 2, false, $args),
            (_, true) => with_block!(@call $block, $rows, 3, true, $args),
            (_, false) => with_block!(@call $block, $rows, 3, false, $args),
        }
    };
    (@call $block:ident, $rows:literal, $vectors:literal, $full:literal, ($($arg:expr),*)) => {
        unsafe { $block::<V, $rows, $vectors, $full>($($arg),*) }
    };
}

/// Columns `start..` of a block: how many vectors, and how many floats the last one holds.
struct Panel {
    start: usize,
    vectors: usize,
    last: usize,
}

/// Splits `columns` into panels of at most [`PANEL`] vectors, as even as possible.
#[inline(always)]
fn panel<V: Lanes>(columns: usize, start: usize) -> Panel {
    let left = (columns - start).div_ceil(V::WIDTH);
    let vectors = left.div_ceil(left.div_ceil(PANEL));
    let last = (columns - start).min(vectors * V::WIDTH) - (vectors - 1) * V::WIDTH;
    Panel { start, vectors, last }
}

#[inline(always)]
unsafe fn product_body<V: Lanes>(p: &mut Product<'_>) {
    let mut start = 0;
    while start < p.columns {
        let panel = panel::<V>(p.columns, start);
        let mut m = 0;
        while m < p.rows.len() {
            let rows = (p.rows.len() - m).min(V::ROWS);
            with_block!(product_block, rows, panel.vectors, panel.last == V::WIDTH, (p, m, panel.start, panel.last));
            m += rows;
        }
        start += panel.vectors * V::WIDTH;
    }
}

#[inline(always)]
unsafe fn load_columns<V: Lanes, const N: usize, const FULL: bool>(from: *const f32, last: usize) -> [V; N] {
    let mut out = [unsafe { V::splat(0.0) }; N];
    let mut j = 0;
    while j < N {
        let at = unsafe { from.add(j * V::WIDTH) };
        out[j] = if FULL || j + 1 < N { unsafe { V::load(at) } } else { unsafe { V::load_first(at, last) } };
        j += 1;
    }
    out
}

#[inline(always)]
unsafe fn store_columns<V: Lanes, const N: usize, const FULL: bool>(values: &[V; N], to: *mut f32, last: usize) {
    let mut j = 0;
    while j < N {
        let at = unsafe { to.add(j * V::WIDTH) };
        if FULL || j + 1 < N {
            unsafe { values[j].store(at) }
        } else {
            unsafe { values[j].store_first(at, last) }
        }
        j += 1;
    }
}

#[inline(always)]
unsafe fn product_block<V: Lanes, const M: usize, const N: usize, const FULL: bool>(
    p: &mut Product<'_>,
    first_row: usize,
    first_column: usize,
    last: usize,
) {
    unsafe {
        let mut acc = [[V::splat(0.0); N]; M];
        let mut b = p.b.as_ptr().add(first_column);
        let rows: [usize; M] = *p.rows.as_ptr().add(first_row).cast::<[usize; M]>();
        for &tap in p.taps {
            let mut a = [p.a.as_ptr(); M];
            let mut i = 0;
            while i < M {
                a[i] = a[i].add(rows[i] + tap);
                i += 1;
            }
            for k in 0..p.run {
                let columns = load_columns::<V, N, FULL>(b, last);
                let mut i = 0;
                while i < M {
                    let x = V::splat(*a[i].add(k));
                    let mut j = 0;
                    while j < N {
                        acc[i][j] = x.mul_add(columns[j], acc[i][j]);
                        j += 1;
                    }
                    i += 1;
                }
                b = b.add(p.columns);
            }
        }
        let mut i = 0;
        while i < M {
            let to = p.c.as_mut_ptr().add(*p.outs.get_unchecked(first_row + i) + first_column);
            store_columns::<V, N, FULL>(&acc[i], to, last);
            i += 1;
        }
    }
}

#[inline(always)]
unsafe fn correlation_body<V: Lanes>(p: &mut Correlation<'_>) {
    let mut from = 0;
    while from < p.rows.len() {
        let to = (from + POSITIONS).min(p.rows.len());
        unsafe { correlation_chunk::<V>(p, from, to) };
        from = to;
    }
}

#[inline(always)]
unsafe fn correlation_chunk<V: Lanes>(p: &mut Correlation<'_>, from: usize, to: usize) {
    for tap in 0..p.taps.len() {
        let mut start = 0;
        while start < p.columns {
            let panel = panel::<V>(p.columns, start);
            let mut i = 0;
            while i < p.run {
                let rows = (p.run - i).min(V::ROWS);
                let at = p.taps[tap] + i;
                let c = (tap * p.run + i) * p.columns + panel.start;
                with_block!(
                    correlation_block,
                    rows,
                    panel.vectors,
                    panel.last == V::WIDTH,
                    (p, from, to, at, c, panel.start, panel.last)
                );
                i += rows;
            }
            start += panel.vectors * V::WIDTH;
        }
    }
}

#[inline(always)]
unsafe fn correlation_block<V: Lanes, const M: usize, const N: usize, const FULL: bool>(
    p: &mut Correlation<'_>,
    from: usize,
    to: usize,
    a_at: usize,
    c_at: usize,
    first_column: usize,
    last: usize,
) {
    unsafe {
        let c = p.c.as_mut_ptr().add(c_at);
        let mut acc = [[V::splat(0.0); N]; M];
        let mut i = 0;
        while i < M {
            acc[i] = load_columns::<V, N, FULL>(c.add(i * p.columns), last);
            i += 1;
        }
        for position in from..to {
            let a = p.a.as_ptr().add(*p.rows.get_unchecked(position) + a_at);
            let d = p.d.as_ptr().add(*p.d_rows.get_unchecked(position) + first_column);
            let columns = load_columns::<V, N, FULL>(d, last);
            let mut i = 0;
            while i < M {
                let x = V::splat(*a.add(i));
                let mut j = 0;
                while j < N {
                    acc[i][j] = x.mul_add(columns[j], acc[i][j]);
                    j += 1;
                }
                i += 1;
            }
        }
        let mut i = 0;
        while i < M {
            store_columns::<V, N, FULL>(&acc[i], c.add(i * p.columns), last);
            i += 1;
        }
    }
}
