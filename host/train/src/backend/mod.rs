//! The kernels as burn operations, by burn's backend extension: forward and backward on Flex, recorded by autodiff.
//!
//! The first dimension of every image tensor is the batch and the last the channels; what is between is the kernel's to know. On
//! other backends these operations do not exist; there the network is composed of burn's own operations.

mod autodiff;
mod flex;

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

use crate::kernel::chain::Chain;
use crate::kernel::pool::Pool;
use crate::kernel::update::{AdamStep, SgdStep};

/// A chain of convolutions and the shape of its output, channels last, without the batch.
#[derive(Debug)]
pub(crate) struct ChainCall {
    pub(crate) chain: Chain,
    pub(crate) out_dims: Vec<usize>,
}

/// A pooling and the shape of its output, channels last, without the batch.
#[derive(Debug)]
pub(crate) struct PoolCall {
    pub(crate) pool: Pool,
    pub(crate) out_dims: Vec<usize>,
}

/// Operations of training that burn-flex has no kernels for.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait TrainingOps: Backend {
    /// Runs a chain with the batch's statistics: output, the outputs of its bodies, and the statistics.
    fn chain_train(
        x: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        call: Arc<ChainCall>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients for the input (one number if not wanted) and the parameters.
    fn chain_backward(
        x: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        saved: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        call: Arc<ChainCall>,
        wants_x: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Runs a chain with given statistics.
    fn chain_infer(
        x: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        call: Arc<ChainCall>,
    ) -> FloatTensor<Self>;

    /// Pools over windows.
    fn pool(x: FloatTensor<Self>, call: Arc<PoolCall>) -> FloatTensor<Self>;

    /// Gradient of [`TrainingOps::pool`].
    fn pool_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>, call: Arc<PoolCall>) -> FloatTensor<Self>;

    /// Mean over everything between batch and channels, which becomes 1.
    fn global_mean(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Gradient of [`TrainingOps::global_mean`]; `x` gives the shape.
    fn global_mean_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Product with one factor for each image and channel.
    fn gate(x: FloatTensor<Self>, factors: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Gradients of [`TrainingOps::gate`].
    fn gate_backward(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Smoothed cross entropy, and its gradient for the scores.
    fn cross_entropy(
        scores: FloatTensor<Self>,
        labels: Arc<[u32]>,
        smoothing: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// A step of SGD: parameters and velocity. Weight decay acts on the first `decayed` numbers.
    fn sgd_step(
        parameters: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        step: SgdStep,
        decayed: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// A step of AdamW: parameters and both moments.
    fn adam_step(
        parameters: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamStep,
        decayed: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// `average + share * (value - average)`.
    fn blend(average: FloatTensor<Self>, value: FloatTensor<Self>, share: f32) -> FloatTensor<Self>;
}

/// Images with the batch first and the channels last, of whatever rank between.
pub(crate) type Images = Tensor<6>;

/// Runs a chain in training; returns its output and the batch's statistics.
pub(crate) fn chain_train(x: Images, parameters: Tensor<1>, call: &Arc<ChainCall>) -> (Images, Tensor<1>) {
    let (y, _, statistics) = Dispatch::chain_train(x.into_dispatch(), parameters.into_dispatch(), call.clone());
    (Tensor::from_dispatch(y), Tensor::from_dispatch(statistics))
}

/// Runs a chain with given statistics.
pub(crate) fn chain_infer(x: Images, parameters: Tensor<1>, statistics: Tensor<1>, call: &Arc<ChainCall>) -> Images {
    let (x, parameters) = (x.into_dispatch(), parameters.into_dispatch());
    Tensor::from_dispatch(Dispatch::chain_infer(x, parameters, statistics.into_dispatch(), call.clone()))
}

/// Pools over windows.
pub(crate) fn pool(x: Images, call: &Arc<PoolCall>) -> Images {
    Tensor::from_dispatch(Dispatch::pool(x.into_dispatch(), call.clone()))
}

/// Mean over all positions.
pub(crate) fn global_mean(x: Images) -> Images {
    Tensor::from_dispatch(Dispatch::global_mean(x.into_dispatch()))
}

/// Product with one factor for each image and channel.
pub(crate) fn gate(x: Images, factors: Images) -> Images {
    Tensor::from_dispatch(Dispatch::gate(x.into_dispatch(), factors.into_dispatch()))
}

/// Mean cross entropy of `scores` (`[batch, classes]`) with smoothed labels.
pub(crate) fn cross_entropy(scores: Tensor<2>, labels: Arc<[u32]>, smoothing: f32) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::cross_entropy(scores.into_dispatch(), labels, smoothing).0)
}

/// One step of SGD on `parameters` and `velocity`, in place where burn allows.
pub(crate) fn sgd_step(
    parameters: &mut Tensor<1>,
    gradient: Tensor<1>,
    velocity: &mut Tensor<1>,
    step: SgdStep,
    decayed: usize,
) {
    let (w, v) = (take(parameters).into_dispatch(), take(velocity).into_dispatch());
    let (w, v) = Dispatch::sgd_step(w, gradient.into_dispatch(), v, step, decayed);
    (*parameters, *velocity) = (Tensor::from_dispatch(w), Tensor::from_dispatch(v));
}

/// One step of AdamW on `parameters` and its two `moments`, in place where burn allows.
pub(crate) fn adam_step(
    parameters: &mut Tensor<1>,
    gradient: Tensor<1>,
    moments: &mut [Tensor<1>; 2],
    step: AdamStep,
    decayed: usize,
) {
    let [first, second] = moments;
    let (w, m, v) = (take(parameters), take(first), take(second));
    let (m, v) = (m.into_dispatch(), v.into_dispatch());
    let (w, m, v) = Dispatch::adam_step(w.into_dispatch(), gradient.into_dispatch(), m, v, step, decayed);
    *parameters = Tensor::from_dispatch(w);
    *moments = [Tensor::from_dispatch(m), Tensor::from_dispatch(v)];
}

/// Moves `average` toward `value` by `share` of the way.
pub(crate) fn blend(average: &mut Tensor<1>, value: Tensor<1>, share: f32) {
    let moved = Dispatch::blend(take(average).into_dispatch(), value.into_dispatch(), share);
    *average = Tensor::from_dispatch(moved);
}

/// Moves a tensor out, so that its buffer has one owner and can be changed in place.
fn take(tensor: &mut Tensor<1>) -> Tensor<1> {
    let device = tensor.device();
    std::mem::replace(tensor, Tensor::empty([0], &device))
}
