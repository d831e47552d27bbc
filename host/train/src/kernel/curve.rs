//! The nonlinearities and their slopes on vectors, each a type, so that a kernel is compiled for each without a branch inside.
//!
//! Formulas are those of `edgefit_graph::op::Activation`. At a kink the slope is the one on the left, as in PyTorch.

use super::lanes::Lanes;

/// A function applied to each element.
///
/// # Safety of the methods
/// As for [`Lanes`].
pub(crate) trait Curve {
    /// The function.
    unsafe fn value<V: Lanes>(u: V) -> V;
    /// Its derivative at `u`, times `g`.
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V;
}

/// `e^x` by Cody and Waite's reduction and a polynomial of degree 6; relative error below 2e-7.
#[inline(always)]
unsafe fn exp<V: Lanes>(x: V) -> V {
    const COEFFICIENTS: [f32; 6] = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    unsafe {
        let x = V::splat(88.0).min(V::splat(-87.0).max(x));
        let n = x.mul(V::splat(std::f32::consts::LOG2_E)).round();
        let r = n.mul_add(V::splat(-0.693_359_4), x);
        let r = n.mul_add(V::splat(2.121_944_4e-4), r);
        let mut p = V::splat(1.0 / 720.0);
        for c in COEFFICIENTS {
            p = p.mul_add(r, V::splat(c));
        }
        p.mul(n.power_of_two())
    }
}

#[inline(always)]
unsafe fn sigmoid<V: Lanes>(x: V) -> V {
    unsafe {
        let e = exp(V::splat(0.0).sub(x));
        V::splat(1.0).div(V::splat(1.0).add(e))
    }
}

/// The normal distribution function by Abramowitz and Stegun 7.1.26, absolute error below 1e-7, and the density.
#[inline(always)]
unsafe fn normal<V: Lanes>(x: V) -> (V, V) {
    const COEFFICIENTS: [f32; 4] = [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    unsafe {
        let one = V::splat(1.0);
        let minus = V::splat(0.0).sub(x);
        let z = x.max(minus).mul(V::splat(std::f32::consts::FRAC_1_SQRT_2));
        let t = one.div(z.mul_add(V::splat(0.327_591_1), one));
        let mut p = V::splat(1.061_405_4);
        for c in COEFFICIENTS {
            p = p.mul_add(t, V::splat(c));
        }
        let gauss = exp(V::splat(0.0).sub(z.mul(z)));
        let upper_tail = p.mul(t).mul(gauss).mul(V::splat(0.5));
        let for_positive = one.sub(upper_tail);
        let cdf = for_positive.where_greater(x, V::splat(0.0)).add(upper_tail.where_greater(minus, V::splat(0.0)));
        let at_zero = V::splat(0.5).sub(V::splat(0.5).where_greater(z, V::splat(0.0)));
        (cdf.add(at_zero), gauss.mul(V::splat(0.398_942_3)))
    }
}

/// No nonlinearity.
pub(crate) struct Line;
pub(crate) struct Relu;
pub(crate) struct Relu6;
pub(crate) struct HardSwish;
pub(crate) struct HardSigmoid;
pub(crate) struct Sigmoid;
pub(crate) struct Silu;
pub(crate) struct Gelu;

impl Curve for Line {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        u
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(_u: V, g: V) -> V {
        g
    }
}

impl Curve for Relu {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        unsafe { V::splat(0.0).max(u) }
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V {
        unsafe { g.where_greater(u, V::splat(0.0)) }
    }
}

impl Curve for Relu6 {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        unsafe { V::splat(6.0).min(V::splat(0.0).max(u)) }
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V {
        unsafe { g.where_greater(u, V::splat(0.0)).where_greater(V::splat(6.0), u) }
    }
}

impl Curve for HardSigmoid {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        unsafe { V::splat(1.0).min(V::splat(0.0).max(u.mul_add(V::splat(1.0 / 6.0), V::splat(0.5)))) }
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V {
        unsafe {
            let g = g.mul(V::splat(1.0 / 6.0));
            g.where_greater(u, V::splat(-3.0)).where_greater(V::splat(3.0), u)
        }
    }
}

impl Curve for HardSwish {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        unsafe { u.mul(HardSigmoid::value(u)) }
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V {
        unsafe {
            let gate = HardSigmoid::value(u);
            let slope = u.mul(HardSigmoid::slope_times(u, V::splat(1.0))).add(gate);
            g.mul(slope)
        }
    }
}

impl Curve for Sigmoid {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        unsafe { sigmoid(u) }
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V {
        unsafe {
            let s = sigmoid(u);
            g.mul(s.mul(V::splat(1.0).sub(s)))
        }
    }
}

impl Curve for Silu {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        unsafe { u.mul(sigmoid(u)) }
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V {
        unsafe {
            let s = sigmoid(u);
            let slope = s.mul(u.mul_add(V::splat(1.0).sub(s), V::splat(1.0)));
            g.mul(slope)
        }
    }
}

impl Curve for Gelu {
    #[inline(always)]
    unsafe fn value<V: Lanes>(u: V) -> V {
        unsafe { u.mul(normal(u).0) }
    }
    #[inline(always)]
    unsafe fn slope_times<V: Lanes>(u: V, g: V) -> V {
        unsafe {
            let (cdf, density) = normal(u);
            g.mul(u.mul_add(density, cdf))
        }
    }
}

/// Calls `$function::<C>(...)` with the curve of an `Option<Activation>`.
macro_rules! with_curve {
    ($activation:expr, $function:ident($($arg:expr),* $(,)?)) => {{
        use edgefit_graph::op::Activation as A;
        match $activation {
            None => $function::<$crate::kernel::curve::Line>($($arg),*),
            Some(A::Relu) => $function::<$crate::kernel::curve::Relu>($($arg),*),
            Some(A::Relu6) => $function::<$crate::kernel::curve::Relu6>($($arg),*),
            Some(A::HardSwish) => $function::<$crate::kernel::curve::HardSwish>($($arg),*),
            Some(A::HardSigmoid) => $function::<$crate::kernel::curve::HardSigmoid>($($arg),*),
            Some(A::Sigmoid) => $function::<$crate::kernel::curve::Sigmoid>($($arg),*),
            Some(A::Silu) => $function::<$crate::kernel::curve::Silu>($($arg),*),
            Some(A::Gelu) => $function::<$crate::kernel::curve::Gelu>($($arg),*),
        }
    }};
}
pub(crate) use with_curve;
