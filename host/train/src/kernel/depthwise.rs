//! The depthwise convolution and the gradient of its kernel, vectorized over channels, with the same tables as the products.

use super::lanes::{Lanes, for_each_cpu};

/// `out[outs[p] + c] = sum over t of x[rows[p] + taps[t] + c] * weight[t * channels + c]`.
pub(crate) struct Depthwise<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) rows: &'a [usize],
    pub(crate) taps: &'a [usize],
    pub(crate) weight: &'a [f32],
    pub(crate) channels: usize,
    pub(crate) out: &'a mut [f32],
    pub(crate) outs: &'a [usize],
}

/// `weight[t * channels + c] += sum over p of x[rows[p] + taps[t] + c] * d[d_rows[p] + c]`.
pub(crate) struct DepthwiseWeight<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) rows: &'a [usize],
    pub(crate) taps: &'a [usize],
    pub(crate) d: &'a [f32],
    pub(crate) d_rows: &'a [usize],
    pub(crate) channels: usize,
    pub(crate) weight: &'a mut [f32],
}

/// Positions taken at a time by the kernel's gradient.
const POSITIONS: usize = 64;

fn reach(offsets: &[usize]) -> usize {
    offsets.iter().copied().max().unwrap_or(0)
}

impl Depthwise<'_> {
    /// Computes it.
    pub(crate) fn run(mut self) {
        if self.rows.is_empty() {
            return;
        }
        assert_eq!(self.rows.len(), self.outs.len());
        assert!(reach(self.rows) + reach(self.taps) + self.channels <= self.x.len());
        assert!(self.taps.len() * self.channels <= self.weight.len());
        assert!(reach(self.outs) + self.channels <= self.out.len());
        // SAFETY: the largest offsets of each table were just checked.
        unsafe { depthwise(&mut self) }
    }
}

impl DepthwiseWeight<'_> {
    /// Adds to `weight`.
    pub(crate) fn run(mut self) {
        if self.rows.is_empty() {
            return;
        }
        assert_eq!(self.rows.len(), self.d_rows.len());
        assert!(reach(self.rows) + reach(self.taps) + self.channels <= self.x.len());
        assert!(reach(self.d_rows) + self.channels <= self.d.len());
        assert!(self.taps.len() * self.channels <= self.weight.len());
        // SAFETY: the largest offsets of each table were just checked.
        unsafe { weight(&mut self) }
    }
}

for_each_cpu! {
    /// # Safety
    /// Every offset of the tables is in range.
    unsafe fn depthwise(p: &mut Depthwise<'_>) = depthwise_body
}

for_each_cpu! {
    /// # Safety
    /// Every offset of the tables is in range.
    unsafe fn weight(p: &mut DepthwiseWeight<'_>) = weight_body
}

#[inline(always)]
unsafe fn load<V: Lanes>(from: *const f32, n: usize) -> V {
    if n == V::WIDTH { unsafe { V::load(from) } } else { unsafe { V::load_first(from, n) } }
}

#[inline(always)]
unsafe fn store<V: Lanes>(value: V, to: *mut f32, n: usize) {
    if n == V::WIDTH { unsafe { value.store(to) } } else { unsafe { value.store_first(to, n) } }
}

#[inline(always)]
unsafe fn depthwise_body<V: Lanes>(p: &mut Depthwise<'_>) {
    let mut at = 0;
    while at + 8 <= p.rows.len() {
        unsafe { positions::<V, 8>(p, at) };
        at += 8;
    }
    while at + 4 <= p.rows.len() {
        unsafe { positions::<V, 4>(p, at) };
        at += 4;
    }
    while at < p.rows.len() {
        unsafe { positions::<V, 1>(p, at) };
        at += 1;
    }
}

/// All channels of `P` neighboring positions.
#[inline(always)]
unsafe fn positions<V: Lanes, const P: usize>(p: &mut Depthwise<'_>, at: usize) {
    let mut channel = 0;
    while channel + V::WIDTH <= p.channels {
        unsafe { block::<V, P, true>(p, at, channel, V::WIDTH) };
        channel += V::WIDTH;
    }
    if channel < p.channels {
        unsafe { block::<V, P, false>(p, at, channel, p.channels - channel) };
    }
}

#[inline(always)]
unsafe fn block<V: Lanes, const P: usize, const FULL: bool>(
    p: &mut Depthwise<'_>,
    at: usize,
    channel: usize,
    n: usize,
) {
    unsafe {
        let rows: [usize; P] = *p.rows.as_ptr().add(at).cast::<[usize; P]>();
        let x = p.x.as_ptr().add(channel);
        let mut acc = [V::splat(0.0); P];
        let mut w = p.weight.as_ptr().add(channel);
        for &tap in p.taps {
            let factor: V = if FULL { V::load(w) } else { V::load_first(w, n) };
            let x = x.add(tap);
            let mut i = 0;
            while i < P {
                let from = x.add(rows[i]);
                let value: V = if FULL { V::load(from) } else { V::load_first(from, n) };
                acc[i] = value.mul_add(factor, acc[i]);
                i += 1;
            }
            w = w.add(p.channels);
        }
        let out = p.out.as_mut_ptr().add(channel);
        let mut i = 0;
        while i < P {
            let to = out.add(*p.outs.get_unchecked(at + i));
            if FULL {
                acc[i].store(to)
            } else {
                acc[i].store_first(to, n)
            }
            i += 1;
        }
    }
}

#[inline(always)]
unsafe fn weight_body<V: Lanes>(p: &mut DepthwiseWeight<'_>) {
    let mut from = 0;
    while from < p.rows.len() {
        let to = (from + POSITIONS).min(p.rows.len());
        let mut channel = 0;
        while channel < p.channels {
            let n = (p.channels - channel).min(V::WIDTH);
            unsafe { taps::<V>(p, from, to, channel, n) };
            channel += n;
        }
        from = to;
    }
}

/// All taps of a block of channels, as many at a time as there are registers for.
#[inline(always)]
unsafe fn taps<V: Lanes>(p: &mut DepthwiseWeight<'_>, from: usize, to: usize, channel: usize, n: usize) {
    let mut tap = 0;
    while tap < p.taps.len() {
        let step = match p.taps.len() - tap {
            9.. if p.taps.len().is_multiple_of(9) => 9,
            5.. => 5,
            3..5 => 3,
            _ => 1,
        };
        match step {
            9 => unsafe { tap_block::<V, 9>(p, from, to, tap, channel, n) },
            5 => unsafe { tap_block::<V, 5>(p, from, to, tap, channel, n) },
            3 => unsafe { tap_block::<V, 3>(p, from, to, tap, channel, n) },
            _ => unsafe { tap_block::<V, 1>(p, from, to, tap, channel, n) },
        }
        tap += step;
    }
}

#[inline(always)]
unsafe fn tap_block<V: Lanes, const T: usize>(
    p: &mut DepthwiseWeight<'_>,
    from: usize,
    to: usize,
    first_tap: usize,
    channel: usize,
    n: usize,
) {
    unsafe {
        let taps: [usize; T] = *p.taps.as_ptr().add(first_tap).cast::<[usize; T]>();
        let w = p.weight.as_mut_ptr().add(first_tap * p.channels + channel);
        let mut acc = [V::splat(0.0); T];
        let mut t = 0;
        while t < T {
            acc[t] = load::<V>(w.add(t * p.channels), n);
            t += 1;
        }
        for position in from..to {
            let x = p.x.as_ptr().add(*p.rows.get_unchecked(position) + channel);
            let d = load::<V>(p.d.as_ptr().add(*p.d_rows.get_unchecked(position) + channel), n);
            let mut t = 0;
            while t < T {
                acc[t] = load::<V>(x.add(taps[t]), n).mul_add(d, acc[t]);
                t += 1;
            }
        }
        let mut t = 0;
        while t < T {
            store(acc[t], w.add(t * p.channels), n);
            t += 1;
        }
    }
}
