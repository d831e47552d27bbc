//! Vectors of floats as wide as this processor's registers, and the choice among them at run time.
//!
//! A kernel is written once over [`Lanes`] and compiled for each instruction set; [`for_each_cpu`] makes the function that
//! picks one. There is no hand-written variant per instruction set, so results differ between processors only by the rounding
//! of a fused multiply-add. Everything here is `#[inline(always)]`: only then do the instructions land in a function that
//! is compiled for them.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

/// A vector of `WIDTH` floats.
///
/// # Safety of the methods
/// The processor must have the instruction set of the implementor; the pointers must be valid for the floats they say.
pub(crate) trait Lanes: Copy {
    /// Floats in a vector.
    const WIDTH: usize;
    /// Rows that a block of a matrix product keeps in registers beside three vectors of columns.
    const ROWS: usize;

    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// The first `n <= WIDTH` floats, zeros behind them.
    unsafe fn load_first(from: *const f32, n: usize) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn store_first(self, to: *mut f32, n: usize);
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    /// The larger; `b` if either is not a number, so that with a constant for `self` it passes on.
    unsafe fn max(self, b: Self) -> Self;
    /// The smaller, otherwise as [`Lanes::max`].
    unsafe fn min(self, b: Self) -> Self;
    /// `self * b + c`.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// `self` where `a > b`, zero elsewhere.
    unsafe fn where_greater(self, a: Self, b: Self) -> Self;
    /// To the nearest integer.
    unsafe fn round(self) -> Self;
    /// `2^self` for integral values in -126..=127.
    unsafe fn power_of_two(self) -> Self;
}

/// Sixteen floats: AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(x86::__m512);

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn first(n: usize) -> x86::__mmask16 {
    ((1u32 << n) - 1) as x86::__mmask16
}

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx512 {
    const WIDTH: usize = 16;
    const ROWS: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(unsafe { x86::_mm512_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { x86::_mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        Self(unsafe { x86::_mm512_maskz_loadu_ps(first(n), from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { x86::_mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, n: usize) {
        unsafe { x86::_mm512_mask_storeu_ps(to, first(n), self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self(unsafe { x86::_mm512_add_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Self(unsafe { x86::_mm512_sub_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(unsafe { x86::_mm512_mul_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        Self(unsafe { x86::_mm512_div_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Self(unsafe { x86::_mm512_max_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        Self(unsafe { x86::_mm512_min_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { x86::_mm512_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    unsafe fn where_greater(self, a: Self, b: Self) -> Self {
        let mask = unsafe { x86::_mm512_cmp_ps_mask::<{ x86::_CMP_GT_OQ }>(a.0, b.0) };
        Self(unsafe { x86::_mm512_maskz_mov_ps(mask, self.0) })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(unsafe {
            x86::_mm512_roundscale_ps::<{ x86::_MM_FROUND_TO_NEAREST_INT | x86::_MM_FROUND_NO_EXC }>(self.0)
        })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        let exponent = unsafe { x86::_mm512_add_epi32(x86::_mm512_cvtps_epi32(self.0), x86::_mm512_set1_epi32(127)) };
        Self(unsafe { x86::_mm512_castsi512_ps(x86::_mm512_slli_epi32::<23>(exponent)) })
    }
}

/// Eight floats: AVX2 with fused multiply-add.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(x86::__m256);

/// Eight set lanes, then eight clear ones: a window of it at `8 - n` selects the first `n`.
#[cfg(target_arch = "x86_64")]
static FIRST_LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn first_lanes(n: usize) -> x86::__m256i {
    unsafe { x86::_mm256_loadu_si256(FIRST_LANES.as_ptr().add(8 - n).cast()) }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    const WIDTH: usize = 8;
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(unsafe { x86::_mm256_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { x86::_mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        Self(unsafe { x86::_mm256_maskload_ps(from, first_lanes(n)) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { x86::_mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, n: usize) {
        unsafe { x86::_mm256_maskstore_ps(to, first_lanes(n), self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self(unsafe { x86::_mm256_add_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Self(unsafe { x86::_mm256_sub_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(unsafe { x86::_mm256_mul_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        Self(unsafe { x86::_mm256_div_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Self(unsafe { x86::_mm256_max_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        Self(unsafe { x86::_mm256_min_ps(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { x86::_mm256_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    unsafe fn where_greater(self, a: Self, b: Self) -> Self {
        Self(unsafe { x86::_mm256_and_ps(self.0, x86::_mm256_cmp_ps::<{ x86::_CMP_GT_OQ }>(a.0, b.0)) })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(unsafe { x86::_mm256_round_ps::<{ x86::_MM_FROUND_TO_NEAREST_INT | x86::_MM_FROUND_NO_EXC }>(self.0) })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        let exponent = unsafe { x86::_mm256_add_epi32(x86::_mm256_cvtps_epi32(self.0), x86::_mm256_set1_epi32(127)) };
        Self(unsafe { x86::_mm256_castsi256_ps(x86::_mm256_slli_epi32::<23>(exponent)) })
    }
}

/// Eight floats in plain Rust, which the compiler turns into what every processor of the target has (NEON on aarch64).
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 8]);

impl Portable {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}

#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    // Without the instruction, `f32::mul_add` is a slow call into the math library.
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { a.mul_add(b, c) } else { a * b + c }
}

impl Lanes for Portable {
    const WIDTH: usize = 8;
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        let mut out = [0.0; 8];
        unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), n) };
        Self(out)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, n: usize) {
        unsafe { std::ptr::copy_nonoverlapping(self.0.as_ptr(), to, n) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        self.zip(b, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        self.zip(b, |x, y| x - y)
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        self.zip(b, |x, y| x * y)
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        self.zip(b, |x, y| x / y)
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        self.zip(b, |x, y| if x > y { x } else { y })
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        self.zip(b, |x, y| if x < y { x } else { y })
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|i| multiply_add(self.0[i], b.0[i], c.0[i])))
    }
    #[inline(always)]
    unsafe fn where_greater(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| if a.0[i] > b.0[i] { self.0[i] } else { 0.0 }))
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // Adding and taking away 1.5 * 2^23 leaves no fraction bits; exact for the magnitudes below 2^22 that occur here.
        const SHIFT: f32 = 12_582_912.0;
        Self(std::array::from_fn(|i| (self.0[i] + SHIFT) - SHIFT))
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        Self(std::array::from_fn(|i| f32::from_bits(((self.0[i] as i32 + 127) as u32) << 23)))
    }
}

/// The instruction sets that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cpu {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Cpu {
    /// The best that this processor has.
    #[inline]
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// Defines a function that runs a generic kernel `$body::<V, ...>` with the widest vectors of this processor.
macro_rules! for_each_cpu {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident $(<$curve:ident: $bound:path>)? ($($arg:ident: $ty:ty),* $(,)?) = $body:ident) => {
        $(#[$meta])*
        $vis unsafe fn $name $(<$curve: $bound>)? ($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512 $(<$curve: $bound>)? ($($arg: $ty),*) {
                unsafe { $body::<$crate::kernel::lanes::Avx512 $(, $curve)?>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2 $(<$curve: $bound>)? ($($arg: $ty),*) {
                unsafe { $body::<$crate::kernel::lanes::Avx2 $(, $curve)?>($($arg),*) }
            }
            // SAFETY: the processor has the instructions; what the caller promises is passed on.
            match $crate::kernel::lanes::Cpu::detect() {
                #[cfg(target_arch = "x86_64")]
                $crate::kernel::lanes::Cpu::Avx512 => unsafe { avx512 $(::<$curve>)? ($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                $crate::kernel::lanes::Cpu::Avx2 => unsafe { avx2 $(::<$curve>)? ($($arg),*) },
                $crate::kernel::lanes::Cpu::Portable => unsafe {
                    $body::<$crate::kernel::lanes::Portable $(, $curve)?>($($arg),*)
                },
            }
        }
    };
}
pub(crate) use for_each_cpu;
