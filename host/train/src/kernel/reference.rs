//! A slow chain in double precision, written from the definitions, that the fast one is tested against.

use edgefit_graph::op::Activation;

use super::chain::{Backward, Body, Chain, StageSpec};
use super::convolution::Geometry;

#[derive(Clone)]
struct Plan {
    before: Option<Activation>,
    stages: Vec<(Option<Geometry>, bool, bool, Option<Activation>)>,
    residual: bool,
    floats: usize,
    channels: usize,
}

const EPSILON: f32 = 1e-3;

fn erf(x: f64) -> f64 {
    // Simpson's rule on the definition.
    let n = 2000;
    let h = x / f64::from(n);
    let f = |i: i32| (-(f64::from(i) * h).powi(2)).exp();
    let sum: f64 = (1..n).map(|i| if i % 2 == 1 { 4.0 * f(i) } else { 2.0 * f(i) }).sum();
    (f(0) + f(n) + sum) * h / 3.0 * 2.0 / std::f64::consts::PI.sqrt()
}

fn act(activation: Option<Activation>, x: f64) -> f64 {
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    let hard = (x / 6.0 + 0.5).clamp(0.0, 1.0);
    match activation {
        None => x,
        Some(Activation::Relu) => x.max(0.0),
        Some(Activation::Relu6) => x.clamp(0.0, 6.0),
        Some(Activation::HardSwish) => x * hard,
        Some(Activation::HardSigmoid) => hard,
        Some(Activation::Sigmoid) => sigmoid,
        Some(Activation::Silu) => x * sigmoid,
        Some(Activation::Gelu) => x * 0.5 * (1.0 + erf(x / 2f64.sqrt())),
    }
}

fn conv(g: &Geometry, x: &[f64], w: &[f64], batch: usize) -> Vec<f64> {
    let [ih, iw] = g.input;
    let [oh, ow] = g.output;
    let (ci, co) = (g.in_channels / g.groups, g.out_channels / g.groups);
    let mut out = vec![0.0; batch * oh * ow * g.out_channels];
    for n in 0..batch {
        for oy in 0..oh {
            for ox in 0..ow {
                for o in 0..g.out_channels {
                    let group = o / co;
                    let mut sum = 0.0;
                    for ky in 0..g.kernel[0] {
                        for kx in 0..g.kernel[1] {
                            let y = (oy * g.stride[0] + ky * g.dilation[0]) as isize - g.padding[0][0] as isize;
                            let xx = (ox * g.stride[1] + kx * g.dilation[1]) as isize - g.padding[1][0] as isize;
                            if y < 0 || xx < 0 || y >= ih as isize || xx >= iw as isize {
                                continue;
                            }
                            for i in 0..ci {
                                let tap = ky * g.kernel[1] + kx;
                                let wi = if g.is_depthwise() {
                                    tap * g.in_channels + o
                                } else {
                                    ((group * g.kernel[0] * g.kernel[1] + tap) * ci + i) * co + o % co
                                };
                                let xi = ((n * ih + y as usize) * iw + xx as usize) * g.in_channels + group * ci + i;
                                sum += x[xi] * w[wi];
                            }
                        }
                    }
                    out[((n * oh + oy) * ow + ox) * g.out_channels + o] = sum;
                }
            }
        }
    }
    out
}

fn norm(z: &mut [f64], scale: &[f64], shift: &[f64]) {
    let channels = scale.len();
    let count = (z.len() / channels) as f64;
    for c in 0..channels {
        let mean = z.iter().skip(c).step_by(channels).sum::<f64>() / count;
        let variance = z.iter().skip(c).step_by(channels).map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        for v in z.iter_mut().skip(c).step_by(channels) {
            *v = (*v - mean) / (variance + f64::from(EPSILON)).sqrt() * scale[c] + shift[c];
        }
    }
}

impl Plan {
    fn chain(&self) -> Chain {
        let spec =
            |&(geometry, bias, norm, activation): &(Option<Geometry>, bool, bool, Option<Activation>)| StageSpec {
                body: match geometry {
                    Some(g) => Body::convolution(g),
                    None => Body::Pass { floats: self.floats, channels: self.channels },
                },
                bias,
                norm: norm.then_some(EPSILON),
                activation,
            };
        Chain::new(self.before, self.stages.iter().map(spec).collect(), self.residual)
    }

    fn forward(&self, chain: &Chain, x: &[f64], p: &[f64], batch: usize) -> Vec<f64> {
        let mut z: Vec<f64> = x.iter().map(|&v| act(self.before, v)).collect();
        for ((geometry, bias, normal, activation), at) in self.stages.iter().zip(chain.layouts()) {
            if let Some(g) = geometry {
                z = conv(g, &z, &p[at.weight.clone()], batch);
            }
            if *bias {
                let b = &p[at.bias.clone()];
                z.iter_mut().enumerate().for_each(|(i, v)| *v += b[i % b.len()]);
            }
            if *normal {
                norm(&mut z, &p[at.scale.clone()], &p[at.shift.clone()]);
            }
            z.iter_mut().for_each(|v| *v = act(*activation, *v));
        }
        if self.residual {
            z.iter_mut().zip(x).for_each(|(v, x)| *v += x);
        }
        z
    }
}

/// Reproducible numbers in -1..1.
fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn wide(v: &[f32]) -> Vec<f64> {
    v.iter().copied().map(f64::from).collect()
}

fn close(what: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(1e-2f64, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*g) - w).abs() < 2e-4 * size, "{what}[{i}]: {g} where {w} is right (largest {size})");
    }
}

fn check(plan: &Plan, batch: usize) {
    let chain = plan.chain();
    let x = noise(1, batch * plan.floats);
    let mut p = noise(2, chain.parameters());
    for at in chain.layouts() {
        p[at.scale.clone()].iter_mut().for_each(|s| *s = 1.0 + 0.5 * *s);
    }
    let pass = chain.train(&x, &p, batch);
    let (wide_x, wide_p) = (wide(&x), wide(&p));
    close("y", &pass.y, &plan.forward(&chain, &wide_x, &wide_p, batch));
    let infer = chain.infer(&x, &p, &pass.statistics, batch);
    close("inferred y", &infer, &wide(&pass.y));

    let dy = noise(3, pass.y.len());
    let loss = |x: &[f64], p: &[f64]| -> f64 {
        plan.forward(&chain, x, p, batch).iter().zip(&dy).map(|(y, d)| y * f64::from(*d)).sum()
    };
    let got = chain.backward(&Backward {
        x: &x,
        parameters: &p,
        saved: &pass.saved,
        statistics: &pass.statistics,
        dy: &dy,
        batch,
        wants_x: true,
    });
    let slope = |at: usize, v: &[f64], f: &dyn Fn(&[f64]) -> f64| {
        let (mut up, mut down) = (v.to_vec(), v.to_vec());
        up[at] += 1e-6;
        down[at] -= 1e-6;
        (f(&up) - f(&down)) / 2e-6
    };
    let pick = |n: usize| (0..n).step_by(n.div_ceil(40)).collect::<Vec<_>>();
    let sample = |at: &[usize], v: &[f32]| at.iter().map(|&i| v[i]).collect::<Vec<_>>();
    let at = pick(p.len());
    let want: Vec<f64> = at.iter().map(|&i| slope(i, &wide_p, &|p| loss(&wide_x, p))).collect();
    close("parameter gradient", &sample(&at, &got.parameters), &want);
    let at = pick(x.len());
    let want: Vec<f64> = at.iter().map(|&i| slope(i, &wide_x, &|x| loss(x, &wide_p))).collect();
    close("input gradient", &sample(&at, &got.x.expect("it was asked for")), &want);
}

fn geometry(
    size: [usize; 2],
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    dilation: usize,
    groups: usize,
) -> Geometry {
    let pad = dilation * (kernel - 1) / 2;
    let out = |n: usize| (n + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
    let tall = size[0] > 1;
    Geometry {
        input: size,
        in_channels: channels[0],
        output: [if tall { out(size[0]) } else { 1 }, out(size[1])],
        out_channels: channels[1],
        kernel: [if tall { kernel } else { 1 }, kernel],
        stride: [if tall { stride } else { 1 }, stride],
        dilation: [if tall { dilation } else { 1 }, dilation],
        padding: [if tall { [pad; 2] } else { [0; 2] }, [pad; 2]],
        groups,
    }
}

fn plan_of(
    before: Option<Activation>,
    stages: Vec<(Option<Geometry>, bool, bool, Option<Activation>)>,
    residual: bool,
) -> Plan {
    let g = stages.iter().find_map(|s| s.0).unwrap_or(geometry([4, 4], [20, 20], 1, 1, 1, 1));
    Plan { before, stages, residual, floats: g.input[0] * g.input[1] * g.in_channels, channels: g.in_channels }
}

#[test]
fn every_convolution_matches_its_definition() {
    let cases = [
        geometry([5, 6], [3, 17], 1, 1, 1, 1),
        geometry([5, 6], [19, 40], 1, 1, 1, 1),
        geometry([6, 6], [4, 70], 1, 2, 1, 1),
        geometry([7, 5], [3, 8], 3, 1, 1, 1),
        geometry([7, 8], [2, 5], 3, 2, 1, 1),
        geometry([8, 8], [1, 16], 5, 2, 1, 1),
        geometry([9, 9], [4, 6], 3, 1, 2, 1),
        geometry([9, 8], [4, 6], 3, 2, 2, 2),
        geometry([6, 6], [8, 12], 3, 1, 1, 4),
        geometry([6, 6], [20, 20], 3, 1, 1, 20),
        geometry([7, 7], [24, 24], 5, 2, 1, 24),
        geometry([8, 7], [9, 9], 7, 1, 1, 9),
        geometry([8, 8], [16, 16], 3, 2, 2, 16),
        geometry([6, 6], [3, 6], 3, 1, 1, 3),
        geometry([1, 12], [5, 7], 3, 2, 1, 1),
        geometry([1, 12], [8, 8], 5, 1, 2, 8),
        geometry([1, 1], [33, 10], 1, 1, 1, 1),
    ];
    for g in cases {
        check(&plan_of(None, vec![(Some(g), true, false, None)], false), 3);
    }
}

#[test]
fn every_activation_matches_its_definition() {
    for activation in Activation::ALL {
        let g = geometry([4, 4], [5, 18], 3, 1, 1, 1);
        check(&plan_of(None, vec![(Some(g), true, false, Some(activation))], false), 2);
        let after = geometry([4, 4], [5, 7], 1, 1, 1, 1);
        check(&plan_of(Some(activation), vec![(Some(after), false, true, None)], false), 2);
    }
}

#[test]
fn a_residual_block_matches_its_definition() {
    let relu = Some(Activation::Relu6);
    let silu = Some(Activation::Silu);
    let block = vec![
        (Some(geometry([6, 6], [10, 30], 1, 1, 1, 1)), false, true, silu),
        (Some(geometry([6, 6], [30, 30], 3, 1, 1, 30)), true, true, relu),
        (Some(geometry([6, 6], [30, 10], 1, 1, 1, 1)), false, true, None),
    ];
    check(&plan_of(None, block, true), 4);
}

#[test]
fn a_normalization_alone_matches_its_definition() {
    check(&plan_of(None, vec![(None, false, true, Some(Activation::Silu))], false), 5);
    check(
        &plan_of(
            Some(Activation::Sigmoid),
            vec![(None, false, true, None), (None, false, false, Some(Activation::Gelu))],
            true,
        ),
        5,
    );
}

#[test]
fn more_than_one_tile_matches_the_definition() {
    let g = geometry([24, 24], [16, 30], 3, 1, 1, 1);
    let d = geometry([24, 24], [30, 30], 3, 2, 1, 30);
    check(
        &plan_of(None, vec![(Some(g), false, true, Some(Activation::Relu6)), (Some(d), false, true, None)], false),
        5,
    );
}
